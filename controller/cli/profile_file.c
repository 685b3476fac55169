#include "rampart/cli/profile_file.h"

#include <stdio.h>
#include <string.h>

#include "rampart/edge/config.h"
#include "rampart/json/get.h"
#include "rampart/yaml/yaml.h"

#define KIND_TEXT_MAX 256

struct reading {
    const char *path; /* for messages */
    struct arena *arena;
    struct profile_list *list;
    size_t found;   /* profiles, invalid ones too */
    size_t invalid; /* of those */
};

static int refuse(struct reading *r, size_t line, const char *name, const char *why)
{
    (void)fprintf(stderr, "rampart plan: %s:%zu: SecurityProfile %s: %s\n", r->path, line, name,
                  why);
    r->invalid++;
    return 0;
}

static const char *name_of(const json_t *document)
{
    const char *name =
        json_string_value(json_object_get(json_object_get(document, "metadata"), "name"));

    return name && *name ? name : "without a name";
}

static bool has_name(const struct profile_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i]->object.name, name) == 0)
            return true;
    }
    return false;
}

static int add(struct reading *r, const json_t *document, size_t line, struct err *err)
{
    const char *name = name_of(document);
    struct profile *profile;
    struct err why = {0};

    r->found++;
    if (profile_decode(document, r->arena, &profile, &why) < 0) {
        if (why.code == ERR_INVALID)
            return refuse(r, line, name, why.msg);
        return err_set(err, why.code, "%s", why.msg);
    }
    if (profile->invalid)
        return refuse(r, line, name, profile->invalid);
    if (has_name(r->list, profile->object.name))
        return refuse(r, line, name,
                      "metadata.name: is there twice; give each one a name of its own");
    if (r->list->count == PROFILE_FILE_PROFILES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d profiles", PROFILE_FILE_PROFILES_MAX);
    r->list->items[r->list->count++] = profile;
    return 0;
}

static int on_document(void *ctx, const json_t *document, size_t line, struct err *err)
{
    struct reading *r = ctx;
    const char *kind, *api_version;
    struct err why = {0};

    if (json_get_str(document, "kind", KIND_TEXT_MAX, r->arena, &kind, &why) < 0 ||
        json_get_str(document, "apiVersion", KIND_TEXT_MAX, r->arena, &api_version, &why) < 0)
        return err_set(err, why.code, "line %zu: %s", line, why.msg);
    if (!kind || strcmp(kind, "SecurityProfile") != 0) {
        (void)fprintf(stderr, "note: %s:%zu: %s %s is no SecurityProfile and is left out\n",
                      r->path, line, kind ? kind : "a document",
                      kind ? name_of(document) : "without a kind");
        return 0;
    }
    if (!api_version || strcmp(api_version, PROFILE_API_VERSION) != 0) {
        r->found++;
        return refuse(r, line, name_of(document), "apiVersion: expected " PROFILE_API_VERSION);
    }
    return add(r, document, line, err);
}

int profile_file_read(const char *path, struct arena *a, struct profile_list *list, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    struct reading r = {.path = is_stdin ? "standard input" : path, .arena = a, .list = list};
    size_t len = 0;
    AUTO_MEM char *text = file_read(is_stdin ? "/dev/stdin" : path, YAML_TEXT_MAX, &len, err);

    if (!text)
        return -1;
    if (yaml_decode(text, len, on_document, &r, err) < 0)
        return err_wrap(err, "%s", r.path);
    if (r.invalid > 0)
        return err_set(err, ERR_INVALID, "%s: %zu of %zu SecurityProfiles are not valid; see above",
                       r.path, r.invalid, r.found);
    if (r.found == 0)
        return err_set(err, ERR_INVALID, "%s: there is no SecurityProfile in it", r.path);
    return 0;
}

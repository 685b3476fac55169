#include "rampart/cli/access_read.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rampart/cli/api_read.h"
#include "rampart/edge/config.h"
#include "rampart/json/get.h"
#include "rampart/kube/path.h"
#include "rampart/yaml/yaml.h"

#define TEXT_MAX 512 /* bytes of a path or a message */

/* ---- the cluster ---- */

static const struct projection metadata[] = {{.name = "name"}, {.name = "namespace"}, {0}};
static const struct projection keep[] = {{.name = "metadata", .children = metadata},
                                         {.name = "rules"},
                                         {.name = "aggregationRule"},
                                         {.name = "roleRef"},
                                         {.name = "subjects"},
                                         {0}};

struct listing {
    enum access_kind kind;
    struct access *graph;
    char path[TEXT_MAX];
    char what[TEXT_MAX];
};

static int on_item(void *ctx, const json_t *item, struct err *err)
{
    struct listing *l = ctx;

    return access_add(l->graph, l->kind, item, "", err);
}

static int listing_path(struct listing *l, const char *ns, struct err *err)
{
    const char *resource = access_kind_resource(l->kind);
    bool is_in_one = ns && (l->kind == ACCESS_ROLE || l->kind == ACCESS_ROLE_BINDING);
    AUTO_STRBUF path;

    strbuf_init(&path, sizeof(l->path) - 1);
    strbuf_adds(&path, "/apis/" RBAC_GROUP "/v1");
    if (is_in_one) {
        strbuf_adds(&path, "/namespaces/");
        path_escape(&path, ns);
    }
    strbuf_addf(&path, "/%s", resource);
    if (strbuf_check(&path, "path", err) < 0)
        return -1;
    memcpy(l->path, path.text, path.len + 1);
    (void)snprintf(l->what, sizeof(l->what), "list %s.%s%s%s", resource, RBAC_GROUP,
                   is_in_one ? " in namespace " : "", is_in_one ? ns : "");
    return 0;
}

int access_read_cluster(const struct client_config *config, struct log *log, const char *ns,
                        struct access *g, struct err *err)
{
    static const enum access_kind order[ACCESS_KIND_COUNT] = {ACCESS_CLUSTER_ROLE,
                                                              ACCESS_CLUSTER_ROLE_BINDING,
                                                              ACCESS_ROLE, ACCESS_ROLE_BINDING};
    size_t count = ns && *ns == '\0' ? 2 : ACCESS_KIND_COUNT;
    struct listing listings[ACCESS_KIND_COUNT];
    struct api_reading readings[ACCESS_KIND_COUNT];

    for (size_t i = 0; i < count; i++) {
        listings[i] = (struct listing){.kind = order[i], .graph = g};
        if (listing_path(&listings[i], ns, err) < 0)
            return -1;
        readings[i] = (struct api_reading){.path = listings[i].path,
                                           .what = listings[i].what,
                                           .keep = keep,
                                           .on_value = on_item,
                                           .ctx = &listings[i]};
    }
    return api_read(config, log, readings, count, err);
}

/* ---- manifests ---- */

struct manifest {
    const char *path; /* for messages */
    const char *ns_absent;
    struct access *graph;
};

static int take(struct manifest *m, const json_t *object, size_t line, struct err *err)
{
    int kind = access_kind_of(object);

    if (kind < 0)
        return 0;
    if (access_add(m->graph, (enum access_kind)kind, object, m->ns_absent, err) < 0)
        return err_wrap(err, "line %zu", line);
    return 0;
}

static int on_document(void *ctx, const json_t *document, size_t line, struct err *err)
{
    const char *kind = json_string_value(json_member(document, "kind"));
    const json_t *items = json_member(document, "items");

    if (!kind || strcmp(kind, "List") != 0 || !json_is_array(items))
        return take(ctx, document, line, err);
    for (size_t i = 0; i < json_array_size(items); i++) {
        if (take(ctx, json_array_get(items, i), line, err) < 0)
            return -1;
    }
    return 0;
}

static int read_file(const char *path, const char *ns_absent, struct access *g, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    struct manifest m = {.path = is_stdin ? "standard input" : path,
                         .ns_absent = ns_absent,
                         .graph = g};
    size_t len = 0;
    AUTO_MEM char *text = file_read(is_stdin ? "/dev/stdin" : path, YAML_TEXT_MAX, &len, err);

    if (!text)
        return -1;
    return yaml_decode(text, len, on_document, &m, err) < 0 ? err_wrap(err, "%s", m.path) : 0;
}

static int is_manifest(const struct dirent *entry)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    size_t len = strlen(entry->d_name);

    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        size_t ending_len = strlen(endings[i]);

        if (len > ending_len && strcmp(entry->d_name + len - ending_len, endings[i]) == 0)
            return 1;
    }
    return 0;
}

static int read_named(const char *folder, const char *name, const char *ns_absent, struct access *g,
                      struct err *err)
{
    AUTO_STRBUF path;

    strbuf_init(&path, PATH_LEN_MAX);
    strbuf_addf(&path, "%s/%s", folder, name);
    return strbuf_check(&path, "path", err) < 0 ? -1 : read_file(path.text, ns_absent, g, err);
}

static int text_order(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* The manifests of the folder, sorted. */
static int folder_names(DIR *folder, struct arena *a, const char ***ret_names, size_t *ret_count,
                        struct err *err)
{
    const char **names = arena_calloc(a, ACCESS_FILES_MAX, sizeof(*names));
    const struct dirent *entry;
    size_t count = 0;

    if (!names)
        return err_nomem(err);
    for (errno = 0; (entry = readdir(folder)) != NULL; errno = 0) {
        if (!is_manifest(entry))
            continue;
        if (count == ACCESS_FILES_MAX)
            return err_set(err, ERR_LIMIT, "more than %d manifests", ACCESS_FILES_MAX);
        names[count] = arena_strdup(a, entry->d_name);
        if (!names[count++])
            return err_nomem(err);
    }
    if (errno != 0)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    qsort(names, count, sizeof(*names), text_order);
    *ret_names = names;
    *ret_count = count;
    return 0;
}

static int read_folder(const char *path, const char *ns_absent, struct access *g, struct err *err)
{
    DIR *folder = opendir(path);
    AUTO_ARENA names_arena;
    const char **names;
    size_t count;
    int result;

    if (!folder)
        return err_set(err, ERR_IO, "read %s: %s", path, strerror(errno));
    arena_init(&names_arena, (size_t)ACCESS_FILES_MAX * (NAME_MAX + 16));
    result = folder_names(folder, &names_arena, &names, &count, err);
    (void)closedir(folder);
    if (result < 0)
        return err_wrap(err, "read %s", path);
    for (size_t i = 0; i < count; i++) {
        if (read_named(path, names[i], ns_absent, g, err) < 0)
            return -1;
    }
    return 0;
}

int access_read_path(const char *path, const char *ns_absent, struct access *g, struct err *err)
{
    struct stat st;

    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return read_folder(path, ns_absent, g, err);
    return read_file(path, ns_absent, g, err);
}

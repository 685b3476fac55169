#include "rampart/cli/manifests.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rampart/base/arena.h"
#include "rampart/base/strbuf.h"
#include "rampart/edge/config.h"
#include "rampart/json/get.h"
#include "rampart/kube/path.h"
#include "rampart/yaml/yaml.h"

struct reader {
    manifest_fn fn;
    void *ctx;
};

static int on_document(void *ctx, const json_t *document, size_t line, struct err *err)
{
    const struct reader *r = ctx;
    const char *kind = json_string_value(json_member(document, "kind"));
    const json_t *items = json_member(document, "items");

    if (!kind || strcmp(kind, "List") != 0 || !json_is_array(items))
        return r->fn(r->ctx, document, err) < 0 ? err_wrap(err, "line %zu", line) : 0;
    for (size_t i = 0; i < json_array_size(items); i++) {
        if (r->fn(r->ctx, json_array_get(items, i), err) < 0)
            return err_wrap(err, "line %zu", line);
    }
    return 0;
}

static int read_file(const char *path, struct reader *r, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    size_t len = 0;
    AUTO_MEM char *text = file_read(is_stdin ? "/dev/stdin" : path, YAML_TEXT_MAX, &len, err);

    if (!text)
        return -1;
    return yaml_decode(text, len, on_document, r, err) < 0
               ? err_wrap(err, "%s", is_stdin ? "standard input" : path)
               : 0;
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

static int read_named(const char *folder, const char *name, struct reader *r, struct err *err)
{
    AUTO_STRBUF path;

    strbuf_init(&path, PATH_LEN_MAX);
    strbuf_addf(&path, "%s/%s", folder, name);
    return strbuf_check(&path, "path", err) < 0 ? -1 : read_file(path.text, r, err);
}

static int text_order(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* The manifests of the folder, sorted. */
static int folder_names(DIR *folder, struct arena *a, const char ***ret_names, size_t *ret_count,
                        struct err *err)
{
    const char **names = arena_calloc(a, MANIFESTS_FILES_MAX, sizeof(*names));
    const struct dirent *entry;
    size_t count = 0;

    if (!names)
        return err_nomem(err);
    for (errno = 0; (entry = readdir(folder)) != NULL; errno = 0) {
        if (!is_manifest(entry))
            continue;
        if (count == MANIFESTS_FILES_MAX)
            return err_set(err, ERR_LIMIT, "more than %d manifests", MANIFESTS_FILES_MAX);
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

static int read_folder(const char *path, struct reader *r, struct err *err)
{
    DIR *folder = opendir(path);
    AUTO_ARENA names_arena;
    const char **names;
    size_t count;
    int result;

    if (!folder)
        return err_set(err, ERR_IO, "read %s: %s", path, strerror(errno));
    arena_init(&names_arena, (size_t)MANIFESTS_FILES_MAX * (NAME_MAX + 16));
    result = folder_names(folder, &names_arena, &names, &count, err);
    (void)closedir(folder);
    if (result < 0)
        return err_wrap(err, "read %s", path);
    for (size_t i = 0; i < count; i++) {
        if (read_named(path, names[i], r, err) < 0)
            return -1;
    }
    return 0;
}

int manifests_read(const char *path, manifest_fn fn, void *ctx, struct err *err)
{
    struct reader r = {fn, ctx};
    struct stat st;

    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return read_folder(path, &r, err);
    return read_file(path, &r, err);
}

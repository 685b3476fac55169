#include "kubeconfig_entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/yaml/base64.h"

#undef entry_wrap
#undef entry_complain

int entry_wrap(const struct kubeconfig_entry *e, struct err *err)
{
    return err_wrap(err, "%s: %s \"%s\"", e->path, e->kind, e->name);
}

int entry_complain(const struct kubeconfig_entry *e, struct err *err, const char *fmt, ...)
{
    char what[ERR_MSG_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return err_set(err, ERR_INVALID, "%s: %s \"%s\": %s", e->path, e->kind, e->name, what);
}

int entry_text(const struct kubeconfig_entry *e, const char *name, struct arena *a,
               const char **ret_text, struct err *err)
{
    const char *text;

    if (json_get_str(e->body, name, KUBECONFIG_TEXT_MAX, a, &text, err) < 0)
        return entry_wrap(e, err);
    *ret_text = text && *text ? text : NULL;
    return 0;
}

/* Takes "." and ".." and double slashes out of an absolute path, by its text alone. */
static void clean(char *path)
{
    char *to = path;

    for (const char *from = path; *from;) {
        size_t len;

        from += strspn(from, "/");
        len = strcspn(from, "/");
        if (len == 2 && memcmp(from, "..", 2) == 0) {
            while (to > path && *--to != '/')
                ;
        } else if (len > 0 && !(len == 1 && *from == '.')) {
            *to++ = '/';
            memmove(to, from, len);
            to += len;
        }
        from += len;
    }
    if (to == path)
        *to++ = '/';
    *to = '\0';
}

const char *entry_resolve(const struct kubeconfig_entry *e, const char *path, struct arena *a,
                          struct err *err)
{
    const char *slash = strrchr(e->path, '/');
    int folder_len = slash ? (int)(slash - e->path) : 0;
    char *whole;

    if (*path == '/')
        return path;
    whole = arena_printf(a, "%.*s/%s", folder_len, e->path, path);
    if (whole)
        clean(whole);
    else
        err_nomem(err);
    return whole;
}

int entry_path(const struct kubeconfig_entry *e, const char *name, struct arena *a,
               const char **ret_path, struct err *err)
{
    const char *path;

    if (entry_text(e, name, a, &path, err) < 0)
        return -1;
    if (path) {
        path = entry_resolve(e, path, a, err);
        if (!path)
            return -1;
    }
    *ret_path = path;
    return 0;
}

int entry_data(const struct kubeconfig_entry *e, const char *name, struct arena *a,
               const char **ret_data, struct err *err)
{
    const char *text;
    char *data;
    size_t len;

    if (entry_text(e, name, a, &text, err) < 0)
        return -1;
    if (!text) {
        *ret_data = NULL;
        return 0;
    }
    data = base64_decode(text, a, &len, err);
    if (data && (len == 0 || memchr(data, '\0', len))) {
        err_set(err, ERR_INVALID, "base64 of something that is no PEM text");
        data = NULL;
    }
    if (!data)
        return err_wrap(err, "%s: %s \"%s\": %s", e->path, e->kind, e->name, name);
    *ret_data = data;
    return 0;
}

int entry_flag(const struct kubeconfig_entry *e, const char *name, bool *ret_flag, struct err *err)
{
    return json_get_bool(e->body, name, false, ret_flag, err) < 0 ? entry_wrap(e, err) : 0;
}

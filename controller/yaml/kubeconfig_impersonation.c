/*
 * Acting as somebody else: as, as-uid, as-groups and as-user-extra as the header lines that the API
 * server reads (kubernetes.io, "User impersonation"). Whatever could end a line is refused.
 */
#include <string.h>

#include "kubeconfig_entry.h"
#include "rampart/base/strbuf.h"
#include "rampart/json/get.h"

struct lines {
    const struct kubeconfig_entry *entry;
    struct arena *a;
    struct client_config *c;
    size_t bytes; /* of all lines so far */
};

static bool is_header_value(const char *value)
{
    for (; *value; value++) {
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return false;
    }
    return true;
}

/* @field is where the value stands, @header what it becomes. */
static int add(struct lines *l, const char *field, const char *header, const char *value,
               struct err *err)
{
    bool is_blank = value[strspn(value, " \t")] == '\0';
    char *line;

    if (!is_header_value(value))
        return entry_complain(l->entry, err, "%s: holds a control character or a line break",
                              field);
    l->bytes += strlen(header) + strlen(value) + 2;
    if (l->c->impersonation_count == IMPERSONATION_LINES_MAX || l->bytes > IMPERSONATION_BYTES_MAX)
        return entry_complain(l->entry, err, "%s: more than %d values or %u bytes in all", field,
                              IMPERSONATION_LINES_MAX, IMPERSONATION_BYTES_MAX);
    /* libcurl writes "Name;" as a header without a value. */
    line =
        is_blank ? arena_printf(l->a, "%s;", header) : arena_printf(l->a, "%s: %s", header, value);
    if (!line)
        return err_nomem(err);
    l->c->impersonation[l->c->impersonation_count++] = line;
    return 0;
}

/* A key may hold what no header name may: such bytes are percent-encoded, as client-go does. */
static const char *extra_header(const char *key, struct arena *a, struct err *err)
{
    static const char legal[] = "!#$&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    AUTO_STRBUF b;
    char *name;

    strbuf_init(&b, IMPERSONATION_BYTES_MAX);
    strbuf_adds(&b, "Impersonate-Extra-");
    for (; *key; key++) {
        if (strchr(legal, *key))
            strbuf_addc(&b, *key);
        else
            strbuf_addf(&b, "%%%02X", (unsigned char)*key);
    }
    if (strbuf_check(&b, "as-user-extra: a key", err) < 0)
        return NULL;
    name = arena_strndup(a, b.text, b.len);
    if (!name)
        err_nomem(err);
    return name;
}

static int add_extra(struct lines *l, const json_t *extra, struct err *err)
{
    const char *key, **values, *header;
    json_t *list;
    size_t count;

    json_object_foreach((json_t *)(uintptr_t)extra, key, list)
    {
        if (json_get_strs(extra, key, IMPERSONATION_LINES_MAX, KUBECONFIG_TEXT_MAX, l->a, &values,
                          &count, err) < 0) {
            json_path_wrap(err, "as-user-extra");
            return entry_wrap(l->entry, err);
        }
        header = extra_header(key, l->a, err);
        if (!header)
            return entry_wrap(l->entry, err);
        for (size_t i = 0; i < count; i++) {
            if (add(l, "as-user-extra", header, values[i], err) < 0)
                return -1;
        }
    }
    return 0;
}

int kubeconfig_impersonation(const struct kubeconfig_entry *e, struct arena *a,
                             struct client_config *c, struct err *err)
{
    struct lines l = {.entry = e, .a = a, .c = c};
    const char *user, *uid, **groups;
    const json_t *extra;
    size_t groups_count;

    if (entry_text(e, "as", a, &user, err) < 0 || entry_text(e, "as-uid", a, &uid, err) < 0)
        return -1;
    if (json_get_strs(e->body, "as-groups", IMPERSONATION_LINES_MAX, KUBECONFIG_TEXT_MAX, a,
                      &groups, &groups_count, err) < 0 ||
        json_get_obj(e->body, "as-user-extra", &extra, err) < 0)
        return entry_wrap(e, err);
    if (!user && (uid || groups_count > 0 || json_object_size(extra) > 0))
        return entry_complain(e, err, "as-uid, as-groups and as-user-extra need as beside them");
    if (!user)
        return 0;
    c->impersonation = arena_calloc(a, IMPERSONATION_LINES_MAX, sizeof(*c->impersonation));
    if (!c->impersonation)
        return err_nomem(err);
    if (add(&l, "as", "Impersonate-User", user, err) < 0 ||
        (uid && add(&l, "as-uid", "Impersonate-Uid", uid, err) < 0))
        return -1;
    for (size_t i = 0; i < groups_count; i++) {
        if (add(&l, "as-groups", "Impersonate-Group", groups[i], err) < 0)
            return -1;
    }
    return add_extra(&l, extra, err);
}

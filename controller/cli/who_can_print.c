#include "rampart/cli/who_can_print.h"

#include <string.h>

#include "rampart/base/utf8.h"
#include "rampart/json/build.h"

#define MASTERS "Group " ACCESS_GROUP_MASTERS
#define MASTERS_ROLE "(may do everything, whatever RBAC says)"
#define GAP 2 /* columns between two */

/* ---- text ---- */

enum column { COLUMN_SUBJECT = 0, COLUMN_BINDING, COLUMN_ROLE, COLUMN_COUNT };

static bool is_printable(uint32_t code)
{
    return code >= 0x20 && code != 0x7f && !(code >= 0x80 && code < 0xa0) &&
           code != UTF8_REPLACEMENT && !(code >= 0x200e && code <= 0x200f) &&
           !(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

/* Appends @text as it may go to a terminal. @out NULL: counts. Returns the characters. */
static size_t add_shown(struct strbuf *out, const char *text)
{
    size_t len = strlen(text);
    size_t chars = 0;

    for (size_t i = 0; i < len; chars++) {
        uint32_t code;
        size_t bytes = utf8_char(text + i, len - i, &code);

        bytes = bytes > 0 ? bytes : 1;
        if (out && is_printable(code))
            strbuf_add(out, text + i, bytes);
        else if (out)
            strbuf_addc(out, '?');
        i += bytes;
    }
    return chars;
}

static size_t add_named(struct strbuf *out, const char *kind, const char *ns, const char *name)
{
    size_t chars = add_shown(out, kind) + add_shown(out, " ");

    if (*ns != '\0')
        chars += add_shown(out, ns) + add_shown(out, "/");
    return chars + add_shown(out, name);
}

static const char *binding_kind(const struct access_binding *binding)
{
    return access_kind_name(*binding->ns ? ACCESS_ROLE_BINDING : ACCESS_CLUSTER_ROLE_BINDING);
}

static const char *role_kind(const struct access_binding *binding)
{
    return access_kind_name(*binding->role_ns ? ACCESS_ROLE : ACCESS_CLUSTER_ROLE);
}

/* @grant NULL: system:masters. */
static size_t add_cell(struct strbuf *out, const struct access_grant *grant, enum column column)
{
    static const char *const masters[COLUMN_COUNT] = {MASTERS, "-", MASTERS_ROLE};

    if (!grant)
        return add_shown(out, masters[column]);
    switch (column) {
    case COLUMN_SUBJECT:
        return add_named(out, access_subject_type_name(grant->subject->type), grant->subject->ns,
                         grant->subject->name);
    case COLUMN_BINDING:
        return add_named(out, binding_kind(grant->binding), grant->binding->ns,
                         grant->binding->name);
    default:
        return add_named(out, role_kind(grant->binding), grant->binding->role_ns,
                         grant->binding->role_name);
    }
}

static void add_padded(struct strbuf *out, size_t chars, size_t width)
{
    for (; chars < width; chars++)
        strbuf_addc(out, ' ');
}

static void add_names(struct strbuf *out, const struct rbac_list *names)
{
    if (names->count == 0)
        return;
    strbuf_adds(out, ", only");
    for (size_t i = 0; i < names->count && i < WHO_CAN_NAMES_SHOWN_MAX; i++) {
        strbuf_adds(out, i > 0 ? ", \"" : " \"");
        add_shown(out, names->texts[i]);
        strbuf_addc(out, '"');
    }
    if (names->count > WHO_CAN_NAMES_SHOWN_MAX)
        strbuf_addf(out, " and %zu more", names->count - WHO_CAN_NAMES_SHOWN_MAX);
}

static void add_row(struct strbuf *out, const struct access_grant *grant, const size_t *widths)
{
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        size_t chars = add_cell(out, grant, column);

        if (column + 1 < COLUMN_COUNT)
            add_padded(out, chars, widths[column] + GAP);
    }
    if (grant)
        add_names(out, &grant->names);
    strbuf_addc(out, '\n');
}

static void add_question(struct strbuf *out, const struct access_question *question)
{
    const struct rbac_request *request = &question->request;

    strbuf_adds(out, "Who can ");
    add_shown(out, request->verb);
    strbuf_addc(out, ' ');
    if (request->path) {
        add_shown(out, request->path);
        strbuf_adds(out, "?\n\n");
        return;
    }
    add_shown(out, request->resource);
    if (*request->group != '\0') {
        strbuf_addc(out, '.');
        add_shown(out, request->group);
    }
    if (*request->subresource != '\0') {
        strbuf_addc(out, '/');
        add_shown(out, request->subresource);
    }
    if (*request->name != '\0') {
        strbuf_adds(out, " \"");
        add_shown(out, request->name);
        strbuf_addc(out, '"');
    }
    strbuf_adds(out, question->is_in_any_namespace ? " in any namespace"
                     : *question->ns != '\0'       ? " in namespace "
                                                   : " in the cluster");
    if (!question->is_in_any_namespace)
        add_shown(out, question->ns);
    strbuf_adds(out, "?\n\n");
}

void who_can_print_text(const struct access_question *question, const struct access_grants *grants,
                        struct strbuf *out)
{
    static const char *const titles[COLUMN_COUNT] = {"SUBJECT", "BY", "ROLE"};
    size_t widths[COLUMN_COUNT];

    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        widths[column] = add_cell(NULL, NULL, column);
        if (widths[column] < strlen(titles[column]))
            widths[column] = strlen(titles[column]);
        for (size_t i = 0; i < grants->count; i++) {
            size_t chars = add_cell(NULL, &grants->items[i], column);

            widths[column] = chars > widths[column] ? chars : widths[column];
        }
    }
    add_question(out, question);
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        strbuf_adds(out, titles[column]);
        if (column + 1 < COLUMN_COUNT)
            add_padded(out, strlen(titles[column]), widths[column] + GAP);
    }
    strbuf_addc(out, '\n');
    add_row(out, NULL, widths);
    for (size_t i = 0; i < grants->count; i++)
        add_row(out, &grants->items[i], widths);
}

/* ---- JSON ---- */

static void build_named(struct json_build *j, const char *member, const char *kind, const char *ns,
                        const char *name)
{
    json_open_obj(j, member);
    json_add_str(j, "kind", kind);
    json_add_str(j, "namespace", ns);
    json_add_str(j, "name", name);
    json_close_obj(j);
}

static void build_grant(struct json_build *j, const struct access_grant *grant)
{
    const struct access_binding *binding = grant->binding;

    json_open_obj(j, NULL);
    build_named(j, "subject", access_subject_type_name(grant->subject->type), grant->subject->ns,
                grant->subject->name);
    build_named(j, "binding", binding_kind(binding), binding->ns, binding->name);
    build_named(j, "role", role_kind(binding), binding->role_ns, binding->role_name);
    json_open_arr(j, "names");
    for (size_t i = 0; i < grant->names.count; i++)
        json_add_str(j, NULL, grant->names.texts[i]);
    json_close_arr(j);
    json_close_obj(j);
}

static void build_masters(struct json_build *j)
{
    json_open_obj(j, NULL);
    build_named(j, "subject", access_subject_type_name(ACCESS_GROUP), "", ACCESS_GROUP_MASTERS);
    json_add_null(j, "binding");
    json_add_null(j, "role");
    json_open_arr(j, "names");
    json_close_arr(j);
    json_close_obj(j);
}

void who_can_print_json(const struct access_question *question, const struct access_grants *grants,
                        struct strbuf *out)
{
    const struct rbac_request *request = &question->request;
    struct json_build j;

    json_build_init(&j, out);
    json_open_obj(&j, NULL);
    json_add_str(&j, "verb", request->verb);
    if (request->path) {
        json_add_str(&j, "path", request->path);
    } else {
        json_add_str(&j, "group", request->group);
        json_add_str(&j, "resource", request->resource);
        json_add_str(&j, "subresource", request->subresource);
        json_add_str(&j, "name", request->name);
        json_add_str(&j, "namespace", question->is_in_any_namespace ? "*" : question->ns);
    }
    json_open_arr(&j, "grants");
    build_masters(&j);
    for (size_t i = 0; i < grants->count; i++)
        build_grant(&j, &grants->items[i]);
    json_close_arr(&j);
    json_close_obj(&j);
    strbuf_addc(out, '\n');
}

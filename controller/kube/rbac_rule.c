#include "rampart/kube/rbac_rule.h"

#include <assert.h>
#include <string.h>

#include "rampart/base/utf8.h"
#include "rampart/json/get.h"

#define MORE_LEN_MAX 32 /* bytes of " and 18446744073709551615 more" */

/* The shortest rule is {}, the shortest text "": so many do not fit into 3 MiB. */
const struct rbac_limits rbac_limits_server = {
    .rules_max = 1u << 20,
    .list_max = 1u << 20,
    .text_len_max = 3u << 20,
};

/* ---- reading ---- */

static int list_decode(const json_t *obj, const char *name, const struct rbac_limits *limits,
                       struct arena *a, struct rbac_list *ret_list, struct err *err)
{
    const char **texts;
    size_t count;

    if (json_get_strs(obj, name, limits->list_max, limits->text_len_max, a, &texts, &count, err) <
        0)
        return -1;
    *ret_list = (struct rbac_list){texts, count};
    return 0;
}

static int rule_decode(const json_t *obj, const struct rbac_limits *limits, struct arena *a,
                       struct rbac_rule *ret_rule, struct err *err)
{
    if (!json_is_object(obj))
        return err_set(err, ERR_INVALID, ": expected an object");
    if (list_decode(obj, "verbs", limits, a, &ret_rule->verbs, err) < 0 ||
        list_decode(obj, "apiGroups", limits, a, &ret_rule->api_groups, err) < 0 ||
        list_decode(obj, "resources", limits, a, &ret_rule->resources, err) < 0 ||
        list_decode(obj, "resourceNames", limits, a, &ret_rule->resource_names, err) < 0)
        return -1;
    return list_decode(obj, "nonResourceURLs", limits, a, &ret_rule->non_resource_urls, err);
}

int rbac_rules_decode(const json_t *owner, const char *name, const struct rbac_limits *limits,
                      struct arena *a, struct rbac_rules *ret_rules, struct err *err)
{
    const json_t *arr;
    struct rbac_rule *rules;
    size_t count;

    if (json_get_arr(owner, name, limits->rules_max, &arr, err) < 0)
        return -1;
    count = json_array_size(arr);
    rules = count ? arena_calloc(a, count, sizeof(*rules)) : NULL;
    if (count && !rules)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        if (rule_decode(json_array_get(arr, i), limits, a, &rules[i], err) < 0)
            return json_path_wrap_index(err, name, i);
    }
    *ret_rules = (struct rbac_rules){rules, count};
    return 0;
}

int rbac_rule_check(const struct rbac_rule *rule, bool is_namespaced, struct err *err)
{
    if (rule->verbs.count == 0)
        return err_set(err, ERR_INVALID, "verbs: is empty; name at least one");
    if (rule->non_resource_urls.count > 0 && is_namespaced)
        return err_set(err, ERR_INVALID,
                       "nonResourceURLs: are of no namespace; state them in a ClusterRole that a "
                       "ClusterRoleBinding binds");
    if (rule->non_resource_urls.count > 0 &&
        (rule->api_groups.count > 0 || rule->resources.count > 0 || rule->resource_names.count > 0))
        return err_set(err, ERR_INVALID,
                       "nonResourceURLs: cannot stand beside apiGroups, resources or "
                       "resourceNames; make two rules of it");
    if (rule->non_resource_urls.count > 0)
        return 0;
    if (rule->api_groups.count == 0)
        return err_set(err, ERR_INVALID,
                       "apiGroups: is empty; name at least one (\"\" is the core group)");
    if (rule->resources.count == 0)
        return err_set(err, ERR_INVALID, "resources: is empty; name at least one");
    return 0;
}

/* ---- what a rule allows ---- */

bool rbac_list_has(const struct rbac_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->texts[i], text) == 0)
            return true;
    }
    return false;
}

static bool resource_matches(const char *stated, const struct rbac_request *request)
{
    size_t len = strlen(request->resource);

    if (strcmp(stated, RBAC_ALL) == 0)
        return true;
    if (request->subresource[0] == '\0')
        return strcmp(stated, request->resource) == 0;
    if (strncmp(stated, "*/", 2) == 0 && strcmp(stated + 2, request->subresource) == 0)
        return true;
    return strncmp(stated, request->resource, len) == 0 && stated[len] == '/' &&
           strcmp(stated + len + 1, request->subresource) == 0;
}

static bool resources_match(const struct rbac_list *resources, const struct rbac_request *request)
{
    for (size_t i = 0; i < resources->count; i++) {
        if (resource_matches(resources->texts[i], request))
            return true;
    }
    return false;
}

static bool url_matches(const char *stated, const char *path)
{
    size_t len = strlen(stated);

    if (strcmp(stated, path) == 0)
        return true;
    if (len == 0 || stated[len - 1] != '*')
        return false;
    while (len > 0 && stated[len - 1] == '*')
        len--;
    return strncmp(stated, path, len) == 0;
}

bool rbac_urls_match(const struct rbac_list *urls, const char *path)
{
    for (size_t i = 0; i < urls->count; i++) {
        if (url_matches(urls->texts[i], path))
            return true;
    }
    return false;
}

static bool has_or_all(const struct rbac_list *list, const char *text)
{
    return rbac_list_has(list, RBAC_ALL) || rbac_list_has(list, text);
}

bool rbac_rule_allows(const struct rbac_rule *rule, const struct rbac_request *request)
{
    if (!has_or_all(&rule->verbs, request->verb))
        return false;
    if (request->path)
        return rbac_urls_match(&rule->non_resource_urls, request->path);
    return has_or_all(&rule->api_groups, request->group) &&
           resources_match(&rule->resources, request) &&
           (rule->resource_names.count == 0 || rbac_list_has(&rule->resource_names, request->name));
}

bool rbac_rules_allow(const struct rbac_rules *rules, const struct rbac_request *request)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (rbac_rule_allows(&rules->rules[i], request))
            return true;
    }
    return false;
}

/* ---- in words ---- */

/* One text between quotes, with what would break the line or the quotes escaped. */
static void text_print(const char *text, struct strbuf *out)
{
    size_t len = strlen(text);
    size_t i = 0;

    strbuf_addc(out, '"');
    while (i < len) {
        uint32_t code;
        size_t bytes = utf8_char(text + i, len - i, &code);

        bytes = bytes ? bytes : 1;
        if (i + bytes > RBAC_TEXT_SHOWN_MAX) {
            strbuf_adds(out, "...");
            break;
        }
        if (code == '"' || code == '\\')
            strbuf_addf(out, "\\%c", (char)code);
        else if (code < 0x20 || code == 0x7f || code == UTF8_REPLACEMENT)
            strbuf_addf(out, "\\x%02x", (unsigned char)text[i]);
        else
            strbuf_add(out, text + i, bytes);
        i += bytes;
    }
    strbuf_addc(out, '"');
}

static void list_print(const char *name, const struct rbac_list *list, size_t texts_max,
                       size_t *members, struct strbuf *out)
{
    if (list->count == 0)
        return;
    strbuf_addf(out, "%s%s:[", (*members)++ > 0 ? ", " : "", name);
    for (size_t i = 0; i < list->count && i < texts_max; i++) {
        if (i > 0)
            strbuf_addc(out, ' ');
        text_print(list->texts[i], out);
    }
    if (list->count > texts_max)
        strbuf_addf(out, " and %zu more", list->count - texts_max);
    strbuf_addc(out, ']');
}

void rbac_rule_print(const struct rbac_rule *rule, size_t texts_max, struct strbuf *out)
{
    size_t members = 0;

    strbuf_addc(out, '{');
    list_print("APIGroups", &rule->api_groups, texts_max, &members, out);
    list_print("Resources", &rule->resources, texts_max, &members, out);
    list_print("NonResourceURLs", &rule->non_resource_urls, texts_max, &members, out);
    list_print("ResourceNames", &rule->resource_names, texts_max, &members, out);
    list_print("Verbs", &rule->verbs, texts_max, &members, out);
    strbuf_addc(out, '}');
}

/* A length of at most @len at which no character of @text is cut in two. */
static size_t whole_chars(const char *text, size_t len)
{
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

const char *rbac_rules_describe(const struct rbac_rules *rules, size_t texts_max, size_t len_max,
                                struct arena *a)
{
    AUTO_STRBUF out;

    assert(len_max >= RBAC_DESCRIBE_LEN_MIN);
    strbuf_init(&out, SIZE_MAX - 1);
    for (size_t i = 0; i < rules->count; i++) {
        size_t whole = out.len;
        size_t room = len_max - (i + 1 < rules->count ? MORE_LEN_MAX : 0);

        if (i > 0)
            strbuf_adds(&out, ", ");
        rbac_rule_print(&rules->rules[i], texts_max, &out);
        if (!strbuf_is_ok(&out))
            return NULL;
        if (out.len <= room)
            continue;
        if (i == 0) {
            strbuf_cut(&out, whole_chars(out.text, len_max - MORE_LEN_MAX - strlen("...")));
            strbuf_adds(&out, "...");
            i++;
        } else {
            strbuf_cut(&out, whole);
        }
        if (i < rules->count)
            strbuf_addf(&out, " and %zu more", rules->count - i);
        break;
    }
    return strbuf_is_ok(&out) ? arena_strndup(a, out.text, out.len) : NULL;
}

static void list_build(const char *name, const struct rbac_list *list, struct json_build *j)
{
    if (list->count == 0)
        return;
    json_open_arr(j, name);
    for (size_t i = 0; i < list->count; i++)
        json_add_str(j, NULL, list->texts[i]);
    json_close_arr(j);
}

void rbac_rule_build(const struct rbac_rule *rule, const char *name, struct json_build *j)
{
    json_open_obj(j, name);
    list_build("verbs", &rule->verbs, j);
    list_build("apiGroups", &rule->api_groups, j);
    list_build("resources", &rule->resources, j);
    list_build("resourceNames", &rule->resource_names, j);
    list_build("nonResourceURLs", &rule->non_resource_urls, j);
    json_close_obj(j);
}

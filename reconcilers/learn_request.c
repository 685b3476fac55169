#include "rampart/reconcilers/learn_request.h"

#include <string.h>

#define USER_PREFIX "system:serviceaccount:"
#define LABEL_LEN_MAX 63 /* of a namespace */

/* ---- whose it is ---- */

static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* @len bytes of letters, digits and dashes, and dots if @may_have_dots. */
static bool is_dns_name(const char *text, size_t len, size_t len_max, bool may_have_dots)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_label_char(text[i]) && !(may_have_dots && text[i] == '.'))
            return false;
    }
    return len > 0 && len <= len_max;
}

/* "NAMESPACE:NAME", or NULL: the user is no ServiceAccount. */
static const char *account_of(const char *user)
{
    const char *account, *colon;

    if (strncmp(user, USER_PREFIX, strlen(USER_PREFIX)) != 0)
        return NULL;
    account = user + strlen(USER_PREFIX);
    colon = strchr(account, ':');
    if (!colon || !is_dns_name(account, (size_t)(colon - account), LABEL_LEN_MAX, false) ||
        !is_dns_name(colon + 1, strlen(colon + 1), LEARN_TEXT_LEN_MAX, true))
        return NULL;
    return account;
}

static bool is_account(const char *account, const char *asked)
{
    size_t ns_len = strcspn(account, ":");

    return strncmp(account, asked, ns_len) == 0 && asked[ns_len] == '/' &&
           strcmp(account + ns_len + 1, asked + ns_len + 1) == 0;
}

static bool is_of_namespace(const char *account, const char *ns)
{
    size_t len = strlen(ns);

    return strncmp(account, ns, len) == 0 && account[len] == ':';
}

static bool is_asked_for(const char *account, const struct learn_filter *filter)
{
    bool is_found = filter->accounts_count == 0;

    for (size_t i = 0; i < filter->accounts_count; i++)
        is_found = is_found || is_account(account, filter->accounts[i]);
    if (!is_found)
        return false;
    is_found = filter->namespaces_count == 0;
    for (size_t i = 0; i < filter->namespaces_count; i++)
        is_found = is_found || is_of_namespace(account, filter->namespaces[i]);
    return is_found;
}

/* ---- what it says ---- */

static bool is_plain_char(char c)
{
    return (unsigned char)c > ' ' && (unsigned char)c < 0x7f;
}

/* A verb, a group or a resource: it goes into a rule, where a star means all. */
static bool is_word(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (!is_plain_char(text[i]) || strchr("*/\"\\", text[i]))
            return false;
    }
    return len <= LEARN_TEXT_LEN_MAX;
}

/* A name: a path segment as the API server demands it. */
static bool is_name(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (!is_plain_char(text[i]) || strchr("/%\"\\", text[i]))
            return false;
    }
    return len <= LEARN_TEXT_LEN_MAX && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands in a path for a byte that no name has. */
#define ODD_BYTE '?'

/* The path of @uri without escapes, as the API server compares it. False: only the beginning, for
 * it is too long. */
static bool decode_path(const char *uri, char ret_path[LEARN_PATH_LEN_MAX + 1])
{
    size_t len = 0;

    while (*uri != '\0' && *uri != '?' && len < LEARN_PATH_LEN_MAX) {
        char c = *uri++;
        int high = c == '%' ? hex_of(uri[0]) : -1;
        int low = high < 0 ? -1 : hex_of(uri[1]);

        if (low >= 0) {
            c = (char)(high * 16 + low);
            uri += 2;
        } else if (c == '%') {
            c = ODD_BYTE;
        }
        ret_path[len++] = is_plain_char(c) ? c : ODD_BYTE;
    }
    ret_path[len] = '\0';
    return *uri == '\0' || *uri == '?';
}

/* The next segment of a path, without its slashes; moves @path behind it. */
static size_t next_segment(const char **path, const char **ret_segment)
{
    size_t len;

    *ret_segment = *path + (**path == '/');
    len = strcspn(*ret_segment, "/");
    *path = *ret_segment + len;
    return len;
}

static bool is_segment(const char *segment, size_t len, const char *text)
{
    return strlen(text) == len && strncmp(segment, text, len) == 0;
}

/* "" where the path is that of the whole cluster: /api/VERSION/[watch/]namespaces/NAMESPACE/...,
 * /apis/GROUP/VERSION/... likewise. False: it cannot be told from what is there of the path. */
static bool read_namespace(const char *path, bool is_whole, char ret_ns[LEARN_TEXT_LEN_MAX + 1])
{
    const char *segment;
    size_t len;

    ret_ns[0] = '\0';
    while (path[0] == '/' && path[1] == '/')
        path++;
    len = next_segment(&path, &segment);
    if (is_segment(segment, len, "apis"))
        (void)next_segment(&path, &segment);
    (void)next_segment(&path, &segment); /* the version */
    len = next_segment(&path, &segment);
    if (is_segment(segment, len, "watch") || is_segment(segment, len, "proxy"))
        len = next_segment(&path, &segment);
    if (is_segment(segment, len, "namespaces")) {
        len = next_segment(&path, &segment);
        if (len > LEARN_TEXT_LEN_MAX)
            return false;
        memcpy(ret_ns, segment, len);
        ret_ns[len] = '\0';
    }
    return is_whole || *path != '\0';
}

/* Requests without a name say one in the log all the same: that of the body. */
static bool is_nameless(const struct audit_event *event)
{
    return strcmp(event->verb, "deletecollection") == 0 ||
           (strcmp(event->verb, "create") == 0 && *event->subresource == '\0');
}

/* To the authorizer a Namespace lies in itself. A ClusterRole with its name gives the same right,
 * also where there is no such namespace yet. */
static bool is_namespace(const struct audit_event *event)
{
    return *event->group == '\0' && strcmp(event->resource, "namespaces") == 0;
}

static bool read_resource(const struct audit_event *event, struct learn_request *r)
{
    if (*event->uri != '\0') {
        bool is_whole = decode_path(event->uri, r->path);

        if (!read_namespace(r->path, is_whole, r->ns_of_path))
            return false;
        r->ns = r->ns_of_path;
    } else {
        r->ns = event->ns;
    }
    if (is_namespace(event))
        r->ns = "";
    r->group = event->group;
    r->resource = event->resource;
    r->subresource = event->subresource;
    r->name = is_nameless(event) ? "" : event->name;
    r->has_created = event->code == 201 &&
                     (strcmp(event->verb, "patch") == 0 || strcmp(event->verb, "update") == 0);
    return *r->resource != '\0' && is_word(r->group) && is_word(r->resource) &&
           is_word(r->subresource) && is_name(r->name) &&
           (*r->ns == '\0' || is_dns_name(r->ns, strlen(r->ns), LABEL_LEN_MAX, false));
}

/* A URL that ends in a star would be all that begin as it does. */
static bool read_path(const struct audit_event *event, struct learn_request *r)
{
    return decode_path(event->uri, r->path) && r->path[0] == '/' && !strpbrk(r->path, "*?\"\\");
}

static bool is_denied(const struct audit_event *event)
{
    if (event->decision == AUDIT_FORBIDDEN || event->code == 401 || event->code == 403)
        return true;
    return event->decision == AUDIT_DECISION_UNSAID && event->code == 429;
}

/* ---- what everyone may do ---- */

#define LIST(...)                                                       \
    {                                                                   \
        (const char *const[]){__VA_ARGS__},                             \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *) \
    }

/*
 * ClusterRoles system:discovery and system:basic-user, bound to system:authenticated, and
 * system:service-account-issuer-discovery, bound to system:serviceaccounts:
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
 */
static const struct rbac_rule everyones[] = {
    {.verbs = LIST("get"),
     .non_resource_urls =
         LIST("/livez", "/readyz", "/healthz", "/version", "/version/", "/openapi", "/openapi/*",
              "/api", "/api/*", "/apis", "/apis/*", "/.well-known/openid-configuration",
              "/.well-known/openid-configuration/", "/openid/v1/jwks", "/openid/v1/jwks/")},
    {.verbs = LIST("create"),
     .api_groups = LIST("authorization.k8s.io"),
     .resources = LIST("selfsubjectaccessreviews", "selfsubjectrulesreviews")},
    {.verbs = LIST("create"),
     .api_groups = LIST("authentication.k8s.io"),
     .resources = LIST("selfsubjectreviews")},
};

bool learn_is_everyones(const struct rbac_request *request)
{
    const struct rbac_rules rules = {everyones, sizeof(everyones) / sizeof(everyones[0])};

    return rbac_rules_allow(&rules, request);
}

static bool is_everyones(const struct learn_request *r)
{
    const struct rbac_request request = {
        .verb = r->verb,
        .path = r->is_for_resource ? NULL : r->path,
        .group = r->group,
        .resource = r->resource,
        .subresource = r->subresource,
        .name = r->name,
    };

    return learn_is_everyones(&request);
}

/* ---- all together ---- */

const char *learn_account_of(const char *user, const struct learn_filter *filter)
{
    const char *account = account_of(user);

    return account && is_asked_for(account, filter) ? account : NULL;
}

static bool read_stage(enum audit_stage stage, enum learn_stage *ret_stage)
{
    *ret_stage = stage == AUDIT_RESPONSE_STARTED ? LEARN_STARTED : LEARN_ENDED;
    return stage == AUDIT_RESPONSE_STARTED || stage == AUDIT_RESPONSE_COMPLETE ||
           stage == AUDIT_PANIC;
}

enum learn_verdict learn_request_of(const struct audit_event *event,
                                    const struct learn_filter *filter,
                                    struct learn_request *ret_request)
{
    struct learn_request *r = ret_request;

    if (!read_stage(event->stage, &r->stage))
        return LEARN_OTHER_STAGE;
    r->account = learn_account_of(event->user, filter);
    if (!r->account)
        return LEARN_OTHER_USER;
    if (event->received_ms != AUDIT_TIME_UNSAID && event->received_ms < filter->since_ms)
        return LEARN_TOO_OLD;
    if (event->is_impersonated)
        return LEARN_IMPERSONATED;
    if (is_denied(event))
        return LEARN_DENIED;
    r->received_ms = event->received_ms;
    r->verb = event->verb;
    r->is_for_resource = event->is_for_resource;
    r->has_created = false;
    r->group = r->resource = r->subresource = r->ns = r->name = "";
    if (*r->verb == '\0' || !is_word(r->verb) ||
        !(r->is_for_resource ? read_resource(event, r) : read_path(event, r)))
        return LEARN_ODD;
    if (!filter->has_everyones_rights && is_everyones(r))
        return LEARN_EVERYONES;
    return LEARN_NEEDED;
}

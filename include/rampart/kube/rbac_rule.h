/*
 * One rule of a Role or ClusterRole (rbac.authorization.k8s.io/v1 PolicyRule), read, checked,
 * printed in RBAC's own words, and asked whether it allows a request.
 *
 * Pure. Everything lies in the arena that it was read into.
 */
#ifndef RAMPART_KUBE_RBAC_RULE_H
#define RAMPART_KUBE_RBAC_RULE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"
#include "rampart/base/strbuf.h"
#include "rampart/json/build.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"

/* "*" stands for all verbs, groups, resources and non-resource URLs; never for a name. */
#define RBAC_ALL "*"

struct rbac_list {
    const char *const *texts; /* as the rule states them: order and doubles are kept */
    size_t count;
};

struct rbac_rule {
    struct rbac_list verbs;
    struct rbac_list api_groups;        /* "" is the core group */
    struct rbac_list resources;         /* "pods", "pods/log", "x/scale" with x or a star */
    struct rbac_list resource_names;    /* empty: whatever the name */
    struct rbac_list non_resource_urls; /* "/healthz", "/healthz/" and a star at the end */
};

struct rbac_rules {
    const struct rbac_rule *rules;
    size_t count;
};

/* What one list of rules may hold; more is ERR_INVALID. */
struct rbac_limits {
    size_t rules_max;    /* rules */
    size_t list_max;     /* texts of one member of a rule */
    size_t text_len_max; /* bytes of one text */
};

/* For what an API server has accepted, or would: an object of 3 MiB, its limit, is within them. */
extern const struct rbac_limits rbac_limits_server;

/*
 * Member @name of @owner, a list of rules; absent: count 0. Only types and @limits are looked at,
 * see rbac_rule_check(). ERR_INVALID: the message starts with the path ("rules[2].verbs[0]:
 * expected a string"); ERR_NOMEM.
 */
MUST_CHECK int rbac_rules_decode(const json_t *owner, const char *name,
                                 const struct rbac_limits *limits, struct arena *a,
                                 struct rbac_rules *ret_rules, struct err *err);

/*
 * Whether the API server would take this rule (ValidatePolicyRule): it has verbs; either URLs
 * alone, which no Role may have, or groups and resources. ERR_INVALID: the message starts with the
 * member ("verbs: ...").
 */
MUST_CHECK int rbac_rule_check(const struct rbac_rule *rule, bool is_namespaced, struct err *err);

bool rbac_list_has(const struct rbac_list *list, const char *text);
/* Whether one of @urls is @path, or ends in stars and @path starts with the rest of it. */
bool rbac_urls_match(const struct rbac_list *urls, const char *path);

/* ---- what a rule allows ---- */

/* What the API server asks RBAC about one request. */
struct rbac_request {
    const char *verb;        /* as it is compared: lower case but for custom verbs */
    const char *path;        /* of a request for no resource; NULL: it is for a resource */
    const char *group;       /* "" is the core group */
    const char *resource;    /* plural, lower case */
    const char *subresource; /* "" without */
    const char *name;        /* "" without, as for list, watch and deletecollection of a whole
                              * collection and for create of anything but a subresource */
};

/*
 * Whether @rule alone allows @request, as the API server's RBAC authorizer judges: each member that
 * applies must match. For a resource: verbs, groups, names (none stated: any), and resources:
 * all, the very "resource" or "resource/subresource", or a star in place of the resource before
 * that subresource. "pods" is not "pods/log", and "pods/" with a star is nothing special. For a
 * path: the URL itself, or one that ends in stars whose rest the path starts with.
 */
bool rbac_rule_allows(const struct rbac_rule *rule, const struct rbac_request *request);
bool rbac_rules_allow(const struct rbac_rules *rules, const struct rbac_request *request);

/* ---- in words ---- */

#define RBAC_TEXT_SHOWN_MAX 253 /* bytes of one text that are printed; the rest is "..." */

/*
 * Appends the rule as the API server writes it where it refuses an escalation:
 * {APIGroups:["" "apps"], Resources:["pods"], Verbs:["get" "list"]}. Empty members are left out.
 * Of a list longer than @texts_max the rest is counted: ["a" "b" and 98 more].
 */
void rbac_rule_print(const struct rbac_rule *rule, size_t texts_max, struct strbuf *out);

#define RBAC_DESCRIBE_LEN_MIN 64 /* bytes */

/*
 * The rules one after the other, separated by ", ", in at most @len_max (>= RBAC_DESCRIBE_LEN_MIN)
 * bytes: whole rules with lists of at most @texts_max, then " and 12 more". Of a first rule that is
 * longer than that there is the beginning, then "...". Lies in the arena; NULL: out of memory.
 */
MUST_CHECK const char *rbac_rules_describe(const struct rbac_rules *rules, size_t texts_max,
                                           size_t len_max, struct arena *a);

/* Writes the rule as a JSON object, members in the order of the API, empty ones left out. */
void rbac_rule_build(const struct rbac_rule *rule, const char *name, struct json_build *j);

#endif

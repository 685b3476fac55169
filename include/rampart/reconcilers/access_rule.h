/*
 * An access rule: a pure question about one grant (a binding with its role), one role, one
 * ServiceAccount, one token Secret or one ConfigMap. The same shape as a posture rule
 * (reconcilers/rule.h), with a registry of its own: a posture rule judges what a profile can mend
 * and an exception can exempt, an access rule what people have granted. One file a rule in
 * reconcilers/rules/, one line each in reconcilers/rules/access_registry.c.
 *
 * Sources: CIS Kubernetes Benchmark 1.12, 5.1.1 to 5.1.13;
 * https://kubernetes.io/docs/concepts/security/rbac-good-practices/
 */
#ifndef RAMPART_RECONCILERS_ACCESS_RULE_H
#define RAMPART_RECONCILERS_ACCESS_RULE_H

#include "rampart/reconcilers/access_graph.h"
#include "rampart/reconcilers/rule.h"

#define ACCESS_EXPLANATION_MAX (64u * 1024) /* bytes that access_rule_explain() adds at most */
#define ACCESS_WHO_SHOWN_MAX 4              /* subjects that one explanation names */
#define ACCESS_TEXTS_SHOWN_MAX 4            /* texts of one list of a rule that it shows */

enum access_about {
    ABOUT_GRANT = 0,
    ABOUT_ROLE,
    ABOUT_ACCOUNT,    /* ServiceAccount */
    ABOUT_SECRET,     /* of type kubernetes.io/service-account-token */
    ABOUT_CONFIG_MAP, /* these two need rights that the operator does not have */
    ABOUT_COUNT,
};

/* Whether something that is named is there. */
enum access_presence { ACCESS_THERE = 0, ACCESS_MISSING, ACCESS_UNKNOWN /* it cannot be told */ };

/*
 * By what somebody or something is told to be of the cluster itself, and not what people granted.
 * The label kubernetes.io/bootstrapping: rbac-defaults alone is no criterion: whoever may write a
 * binding may write a label, and may add subjects to a binding that has it.
 */
enum access_component {
    COMPONENT_NONE = 0,
    COMPONENT_DEFAULT,     /* the label, and a name (of a binding also a subject) that Kubernetes
                              gives what carries it */
    COMPONENT_SYSTEM_NAME, /* User or Group "system:...", but for those that are everybody */
    COMPONENT_KUBE_SYSTEM, /* ServiceAccount of the namespace kube-system */
    COMPONENT_BOUND,       /* a role that is bound to such subjects alone */
    COMPONENT_COUNT,
};

/* A subject of a binding. "system:serviceaccount:NS:NAME" as a User is that ServiceAccount. */
struct access_who {
    enum access_subject_type type;
    const char *ns; /* of a ServiceAccount; "" for others */
    const char *name;
    enum access_component component;
    enum access_presence presence; /* ACCESS_THERE for Users and Groups: no API lists them */
};

/* Strings and lists are borrowed by all of these. */
struct grant_facts {
    bool is_cluster_wide; /* a ClusterRoleBinding */
    const char *ns;       /* "" when cluster-wide */
    const char *name;
    bool has_cluster_role;         /* the role is a ClusterRole */
    const char *role;              /* name */
    enum access_presence presence; /* of the role */
    struct rbac_rules rules;       /* of the role when it is ACCESS_THERE */
    const struct access_who *who;  /* at least one */
    size_t who_count;
};

struct role_facts {
    const char *ns; /* "" of a ClusterRole */
    const char *name;
    struct rbac_rules rules;
    bool is_aggregate; /* its rules come from other ClusterRoles, which are asked */
    bool is_used;      /* a binding names it, or an aggregate takes it up */
    bool is_use_known; /* all bindings that could name it were read */
    enum access_component component;
};

struct account_facts {
    const char *ns;
    const char *name;
    bool is_used;        /* a Pod or the template of a workload names it */
    bool is_use_known;   /* all of them were read */
    size_t grants_count; /* bindings that name it */
    enum access_component component;
};

struct token_secret_facts {
    const char *ns;
    const char *name;
    const char *account;   /* whose token it is; "" where it does not say */
    const char *last_used; /* date of the label that the API server keeps; "" when it has none */
};

struct config_map_facts {
    const char *ns;
    const char *name;
    const char *key;        /* the first under which a credential stands */
    const char *what;       /* "a private key", or the name within that has it; never a value */
    size_t keys_count;      /* all that hold one */
    const char *unreadable; /* why it cannot be told; NULL: it can */
};

struct access_rule_input { /* exactly one is there */
    const struct grant_facts *grant;
    const struct role_facts *role;
    const struct account_facts *account;
    const struct token_secret_facts *secret;
    const struct config_map_facts *config_map;
};

#define ACCESS_VERBS_MAX 6

/* A right that a grant had better not give. */
struct access_right {
    const char *verbs[ACCESS_VERBS_MAX]; /* any of them; NULL ends them, always */
    const char *group;                   /* "" is the core group */
    const char *resource;                /* NULL ends a list of rights */
    const char *subresource;             /* NULL: the resource itself */
    bool is_cluster_scoped;              /* a RoleBinding cannot give it */
    bool counts_named;                   /* also where it is narrowed to names (resourceNames) */
};

struct access_rule {
    const char *id;        /* kebab-case, stable; no posture rule has it */
    const char *title;     /* what holds when it passes */
    const char *standards; /* "CIS 5.1.2; RBAC good practices: ..." */
    const char *remedy;    /* one plain sentence */
    enum access_about about;
    enum rule_severity severity;
    /* ABOUT_GRANT: the subjects that fail, whatever it gives; NULL: it is about what it gives. */
    bool (*is_meant)(const struct access_who *who);
    /* ABOUT_GRANT: it fails when the grant gives one of them. A grant that gives everything is not
     * asked: rbac-cluster-admin says so. */
    const struct access_right *rights;
    /* NULL: it fails for one of its rights, or for a subject that is meant. */
    enum rule_outcome (*check)(const struct access_rule_input *in);
    /* Says what fails, without the remedy. NULL for a rule with rights. */
    void (*describe)(const struct access_rule_input *in, struct strbuf *text);
};

const char *access_about_name(enum access_about about); /* "binding", "ServiceAccount" */
/* "ServiceAccount of kube-system"; "" for COMPONENT_NONE. */
const char *access_component_name(enum access_component component);

/* ---- The registry ---- */

extern const struct access_rule *const access_rules[]; /* sorted by id */
extern const size_t access_rules_count;

const struct access_rule *access_rule_find(const char *id); /* NULL when there is none */

/* An input about something else is RULE_NOT_APPLICABLE. */
enum rule_outcome access_rule_ask(const struct access_rule *rule,
                                  const struct access_rule_input *in);
/*
 * For people, one line: "gives get, list secrets everywhere to User kim by ClusterRole x: {...};
 * <remedy>" of a RULE_FAIL, what cannot be told of a RULE_ERROR, nothing otherwise. Control
 * characters are replaced, what is cut says so.
 */
void access_rule_explain(const struct access_rule *rule, const struct access_rule_input *in,
                         enum rule_outcome outcome, struct strbuf *text);

#endif

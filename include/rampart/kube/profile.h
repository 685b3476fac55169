/*
 * SecurityProfile (rampart.dev/v1alpha1, cluster-scoped) as the operator understands it.
 *
 * crds/ holds the schema that the API server enforces; the decoder trusts none of it (a schema may
 * be edited, a value may be older than the schema) and says what is wrong with the field's path. A
 * profile that cannot be understood is kept with @invalid set: it selects nothing, its status says
 * Stalled, every other profile goes on.
 */
#ifndef RAMPART_KUBE_PROFILE_H
#define RAMPART_KUBE_PROFILE_H

#include "rampart/kube/object.h"
#include "rampart/kube/pss.h"

#define PROFILE_API_VERSION "rampart.dev/v1alpha1"
#define PROFILE_FINALIZER "rampart.dev/take-back"
#define PROFILE_NAME_MAX 63 /* it becomes a label value */
#define PROFILE_EXCLUDED_MAX 256
#define PROFILE_RULES_MAX 64  /* entries of allow.from and of allow.to */
#define PROFILE_PORTS_MAX 32  /* ports of one entry */
#define PROFILE_EXCEPT_MAX 32 /* cut-outs of one ipBlock */
#define PROFILE_DNS_SERVERS_MAX 16

/* Where clouds hand credentials out to whoever asks: IPv4 on all of them, IPv6 on AWS. */
#define METADATA_CIDRS_COUNT 2
extern const char *const metadata_cidrs[METADATA_CIDRS_COUNT];

enum mode { MODE_OFF = 0, MODE_AUDIT, MODE_ENFORCE, MODE_COUNT };
const char *mode_name(enum mode mode); /* "Enforce" */
/* Member "mode" of @obj; @absent where it is not stated. ERR_INVALID for another word. */
MUST_CHECK int mode_decode(const json_t *obj, enum mode absent, enum mode *ret_mode,
                           struct err *err);

struct net_port {
    enum protocol protocol;
    uint16_t number;  /* 0: by name, or every port of the protocol when name is NULL too */
    const char *name; /* a container port's name */
    uint16_t end;     /* last port of a range; 0: no range */
};

struct net_peer {
    const struct selector *namespaces; /* NULL: not stated */
    const struct selector *pods;       /* NULL: not stated */
    const char *cidr;                  /* NULL: not an ipBlock; as stated */
    const char **except;               /* of the ipBlock, sorted */
    size_t except_count;
};

struct net_rule {
    const struct net_peer *peers;
    size_t peers_count; /* 0: everybody (never from a profile, CEL wants a peer) */
    const struct net_port *ports;
    size_t ports_count; /* 0: every port */
};

enum on_failure { ON_FAILURE_REVERT = 0, ON_FAILURE_KEEP };

struct network_section {
    bool is_stated; /* spec.network is there */
    enum mode mode; /* spec.network.mode, else spec.mode */
    bool denies_ingress;
    bool denies_egress;
    bool allows_dns;
    const struct net_peer *dns_servers; /* stated by the profile; count 0: the cluster's own DNS */
    size_t dns_servers_count;
    const struct net_port *dns_ports; /* stated; count 0: found, or 53 for stated servers */
    size_t dns_ports_count;
    bool allows_same_namespace;
    bool allows_api_server;
    bool cuts_metadata;          /* metadataAPI.deny */
    const struct net_rule *from; /* one peer each */
    size_t from_count;
    const struct net_rule *to; /* one peer each */
    size_t to_count;
    struct { /* spec.network.rollout: of a default-deny where pods are running already */
        uint32_t deadline_s; /* progressDeadlineSeconds, 30..3600; default 300 */
        enum on_failure on_failure;
        uint32_t unready_percent_max; /* maxUnreadyPercent, 0..99; default 20 */
    } rollout;
};

/* What becomes of a rule where the profile says so; by default RULE_MODE_REQUIRE for the rules of
 * its level, RULE_MODE_REPORT for all others. */
enum rule_mode {
    RULE_MODE_DEFAULT = 0,
    RULE_MODE_OFF,     /* not asked */
    RULE_MODE_REPORT,  /* asked and counted in status.rules; a failure is no drift */
    RULE_MODE_REQUIRE, /* who fails it is not compliant */
};

struct rule_choice { /* an entry of spec.workloads.rules */
    const char *id;  /* one that no rule has is for the reconciler to say */
    enum rule_mode mode;
    bool is_exemptible; /* default true; false: no SecurityException counts */
};

#define PROFILE_RULE_CHOICES_MAX 64
#define PROFILE_RESOURCE_LEN_MAX 16 /* bytes of a quantity: "100m", "128Mi" */

enum rollout_when { ROLLOUT_NEXT_CHANGE = 0, ROLLOUT_NOW };
enum on_unknown { ON_UNKNOWN_SKIP = 0, ON_UNKNOWN_TRY };

struct workloads_section {
    bool is_stated;                  /* spec.workloads is there */
    enum mode mode;                  /* spec.workloads.mode, else spec.mode */
    uint8_t level;                   /* enum rule_level, LEVEL_PRIVILEGED .. LEVEL_RESTRICTED */
    uint16_t pss_minor;              /* version; PSS_MINOR_LATEST for "latest" */
    const struct rule_choice *rules; /* sorted by id */
    size_t rules_count;
    bool has_sensitive;        /* spec.workloads.sensitive is there */
    struct selector sensitive; /* over the labels of pod templates */
    struct {                   /* spec.workloads.fill; defaults in workloads_section.h */
        bool run_as_non_root;
        bool seccomp;                    /* seccompProfile: RuntimeDefault; false for "" */
        bool allow_privilege_escalation; /* fills in false */
        bool drop_all;                   /* dropCapabilities: [ALL] */
        bool read_only_root;
        bool pins_observed_user;
        const char *cpu_request, *memory_request, *cpu_limit, *memory_limit; /* NULL: not filled */
    } fill;
    enum rollout_when when;
    enum on_failure on_failure;
    enum on_unknown on_unknown;
    uint32_t concurrent_max;       /* rollout.maxConcurrent, 1..100; default 5 */
    uint32_t deadline_s;           /* rollout.progressDeadlineSeconds, 30..3600; default 300 */
    uint32_t failures_percent_max; /* rollout.pauseAtFailuresPercent, 1..100; default 20 */
};

enum psa_mode {                  /* of Pod Security Admission */
                PSA_ENFORCE = 0, /* pods below the level are refused */
                PSA_WARN,        /* whoever makes them is warned */
                PSA_AUDIT,       /* the audit log has them */
                PSA_COUNT,
};

enum on_violation { ON_VIOLATION_WAIT = 0, ON_VIOLATION_ENFORCE };

struct pod_security_section {
    bool is_stated; /* spec.podSecurityAdmission is there */
    enum mode mode; /* spec.podSecurityAdmission.mode, else spec.mode */
    bool has_level[PSA_COUNT];
    uint8_t levels[PSA_COUNT]; /* enum rule_level, LEVEL_PRIVILEGED .. LEVEL_RESTRICTED */
    uint16_t pss_minor;        /* version; PSS_MINOR_LATEST for "latest" */
    enum on_violation on_violation;
};

struct condition {
    const char *type;
    const char *status; /* "True" "False" "Unknown" */
    const char *reason;
    const char *message;
    const char *last_transition; /* RFC 3339 */
    int64_t observed_generation;
};

#define CONDITIONS_MAX 16

struct profile {
    struct object object; /* is_deleting: it selects nothing any more */
    int64_t generation;
    bool has_finalizer;      /* PROFILE_FINALIZER is on it */
    size_t finalizers_count; /* all of them */
    const char **finalizers; /* all of them, in order: a patch states the whole list */
    const char *invalid;     /* NULL: fine; else what is wrong, with path and remedy */
    enum mode mode;
    int64_t priority;
    struct selector selector;
    const char **excluded; /* sorted */
    size_t excluded_count;
    bool includes_system;   /* includeSystemNamespaces */
    bool removes_on_delete; /* onDelete: Remove */
    struct network_section network;
    struct workloads_section workloads;
    struct pod_security_section pod_security;
    const char *status; /* canonical JSON of the whole observed status; "{}" when there is none */
    const char *rules_status; /* canonical JSON of status.rules; "[]" when there is none */
    const struct condition *conditions; /* observed */
    size_t conditions_count;
};

/*
 * See object_decode(). @root is the projected SecurityProfile, or one from a file: uid and
 * resourceVersion may be absent (""). A wrong spec is no error: @invalid says
 * "spec.network.allow.to[1].ipBlock.cidr: ...; <what to do>". What comes before the fault stands
 * (onDelete, mode, priority, includeSystemNamespaces, excludedNamespaces, namespaceSelector,
 * network, workloads, podSecurityAdmission, in this order), the rest is zero. A spoilt status has
 * no conditions. Errors: ERR_INVALID (metadata), ERR_NOMEM.
 */
MUST_CHECK int profile_decode(const json_t *root, struct arena *a, struct profile **ret_profile,
                              struct err *err);

/* Whether the profile selects the namespace: selector, exclusions, system namespaces and
 * @own_namespace. False for an invalid or terminating profile and for a terminating namespace. */
bool profile_selects(const struct profile *p, const struct namespace_facts *ns,
                     const char *own_namespace);
/* The same without regard to exclusions: tells "excluded" from "does not match". */
bool profile_matches_labels(const struct profile *p, const struct namespace_facts *ns);
bool profile_excludes(const struct profile *p, const char *ns_name, const char *own_namespace);

#endif

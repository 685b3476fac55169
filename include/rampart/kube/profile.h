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
 * network, in this order), the rest is zero. A spoilt status has no conditions. Errors: ERR_INVALID
 * (metadata), ERR_NOMEM.
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

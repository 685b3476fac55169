/*
 * The compact form of the API objects that we keep: facts, not verdicts.
 *
 * A decoder reads one projected JSON object into one arena and keeps nothing elsewhere, always
 * the same bytes for the same input, so that the store can measure in a scratch arena and decode
 * again into one exact block. Strings live in that arena. Every struct starts with a struct object.
 */
#ifndef RAMPART_KUBE_OBJECT_H
#define RAMPART_KUBE_OBJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"
#include "rampart/kube/labels.h"
#include "rampart/kube/resource.h"

#define NAME_LEN_MAX 253
#define UID_LEN_MAX 128
#define RV_LEN_MAX 128
#define HASH_LEN_MAX 128

/* How Rampart marks what it makes. */
#define FIELD_MANAGER "rampart" /* in managedFields, and the value of LABEL_MANAGED_BY */
#define NAME_PREFIX "rampart-"
#define LABEL_MANAGED_BY "app.kubernetes.io/managed-by"
#define LABEL_PROFILE "rampart.dev/profile"
#define ANNOTATION_SPEC_HASH "rampart.dev/spec-hash"
/* How far a rollout is: on a workload (kube/workload.h) and on a default-deny of ours
 * (reconcilers/deny_rollout.h). */
#define ANNOTATION_ROLLOUT "rampart.dev/rollout"
/* On a Namespace: the SecurityProfile in whose name its Pod Security Admission labels were filled
 * in. Whose each of them is, managedFields tell (kube/pod_security_owners.h). */
#define ANNOTATION_POD_SECURITY "rampart.dev/pod-security"

struct object {
    enum kind kind;
    bool is_deleting; /* has a deletionTimestamp */
    bool is_ours; /* NetworkPolicy: our name prefix and our label or managedFields entry. The store
                   * keeps it set for as long as the uid stays: a tenant who strips the marks does
                   * not make us stand down from what we made. */
    const char *ns; /* "" for cluster-scoped */
    const char *name;
    const char *uid;
    const char *rv; /* resourceVersion, an opaque string (rv.h may compare two) */
};

enum decode_result {
    DECODE_KEEP = 0, /* *ret_object is the object */
    DECODE_SKIP, /* nothing in it concerns us (a CRD without conversion webhook): treat as absent;
                    the object is NULL */
};

/*
 * Decodes by kind. @root is one projected object. Errors: ERR_INVALID with the object's name and
 * path, ERR_NOMEM. For an object that does not decode the caller keeps what it had, counts it and
 * says so: a cache is never emptied by bytes that we do not understand.
 */
MUST_CHECK int object_decode(enum kind kind, const json_t *root, struct arena *a,
                             enum decode_result *ret_result, struct object **ret_object,
                             struct err *err);

/*
 * A member that no object has: set on one of which a part is missing, since what is kept of it was
 * too large to be read (json/slice.h, sync/frames.h). A NetworkPolicy is decoded all the same: its
 * spec is unlike any other, and it is taken to allow everything for all pods. So is a workload,
 * whose pod is then unreadable. Any other kind is ERR_INVALID.
 */
#define OBJECT_CUT "(cut)"

/* Only metadata (name, ns, uid, rv), for bookmarks and deletions: "" for what is absent, but for
 * rv, which must be there. */
MUST_CHECK int object_decode_meta(enum kind kind, const json_t *root, struct arena *a,
                                  struct object *ret_object, struct err *err);

/* Byte-wise order of (namespace, name). */
int object_order(const struct object *one, const struct object *other);

/* ---- Namespace ---- */
struct namespace_facts {
    struct object object; /* is_deleting also when status.phase is Terminating */
    struct labels labels;
    const char *pod_security; /* ANNOTATION_POD_SECURITY; NULL: none that could be a profile's */
};

/* ---- NetworkPolicy ---- */
#define NETPOL_SPEC_LEN_MAX (64u * 1024) /* bytes of canonical JSON; ours are far below */
#define NETPOL_FOREIGN_LABELS_MAX 64     /* the next pass sees the rest */
#define DENY_MARK_LEN_MAX (12u * 1024)   /* ANNOTATION_ROLLOUT; a longer one is none */

enum netpol_field { /* the members of spec, each owned as a whole in managedFields */
                    NETPOL_POD_SELECTOR = 0,
                    NETPOL_POLICY_TYPES,
                    NETPOL_INGRESS,
                    NETPOL_EGRESS,
                    NETPOL_FIELD_COUNT,
};

struct rival {           /* who else owns a field, as managedFields say */
    const char *manager; /* NULL: nobody else */
    const char *time;    /* RFC 3339, as the server wrote it; may be NULL */
};

struct netpol_facts {
    struct object object;
    bool has_our_label;          /* app.kubernetes.io/managed-by: rampart */
    bool has_our_entry;          /* managedFields has an entry of manager "rampart" */
    const char *profile;         /* label rampart.dev/profile; NULL when absent */
    const char **foreign_labels; /* of is_ours: keys by which others claim it (label_is_claim());
                                  * sorted, the first NETPOL_FOREIGN_LABELS_MAX of them */
    size_t foreign_labels_count;
    const char *spec_hash; /* annotation rampart.dev/spec-hash; NULL when absent */
    const char *rollout;   /* of is_ours: ANNOTATION_ROLLOUT; NULL when absent */
    int64_t generation;    /* of what is not ours: another one means another spec */
    const char
        *owner_uid; /* uid of the only ownerReference when that is a Namespace; NULL otherwise */
    size_t owners_count; /* ownerReferences */
    const char *spec; /* of is_ours: canonical JSON; NULL otherwise and where it is no spec or over
                       * NETPOL_SPEC_LEN_MAX: it differs from whatever is wanted */
    const struct rival *rivals; /* NETPOL_FIELD_COUNT of them, by field; of is_ours only, else they
                                 * name nobody, as an entry does that cannot be read */
    /* Of foreign policies: whether one rule of it allows everything in that direction (a rule
     * without peers and without ports), and for which pods. Such a rule undoes a default-deny.
     * Rules that are no rules count as such. */
    bool allows_all_ingress;
    bool allows_all_egress;
    bool selects_all_pods;
    /* Whether the policy is about that direction at all: the pods that it selects are then cut off
     * from whatever no policy allows. False where that cannot be judged. */
    bool isolates_ingress;
    bool isolates_egress;
    bool reaches_metadata; /* egress_reaches_metadata(), and it is about egress */
};

/* ---- Service ---- */
enum protocol { PROTOCOL_TCP = 0, PROTOCOL_UDP, PROTOCOL_SCTP, PROTOCOL_COUNT };
const char *protocol_name(enum protocol protocol); /* "TCP" */

#define PORT_NAME_MAX 63 /* a Service's port name; a container's has 15 */
#define SERVICE_PORTS_MAX 256
#define SERVICE_RANGE_WIDEST 8   /* prefix length: what is wider is no network of somebody's own */
#define SLICE_PORTS_MAX 100      /* the API's own limit */
#define SLICE_ADDRESSES_MAX 1000 /* the API's own limit */
#define HOOK_REFS_MAX 1024       /* webhooks of one configuration */

struct service_port {
    const char *name; /* "" when unnamed */
    enum protocol protocol;
    uint16_t port;
    uint16_t target_number;  /* 0: by name */
    const char *target_name; /* NULL: by number */
};

/*
 * Whatever is odd is left out, and so are ports from number SERVICE_PORTS_MAX on: who looks for
 * what was left out finds nothing and says unresolved, never something else.
 */
struct service_facts {
    struct object object;
    struct labels labels;   /* only where the cluster's DNS may be: kube-system, openshift-dns; and
                               of a Service that is exposed, for exemptions select by them */
    struct labels selector; /* empty: the Service selects no pods itself, or it cannot be read */
    bool is_external_name;
    bool is_load_balancer;
    /* Of a load balancer: no loadBalancerSourceRanges, or one wider than SERVICE_RANGE_WIDEST. */
    bool is_open_to_all;
    bool
        is_exposure_unreadable; /* type, externalIPs or loadBalancerSourceRanges has a wrong type */
    const char *external_ip;    /* the first of externalIPs; NULL: none */
    const char *scrape_port;    /* see scrape_decode() */
    const char **cluster_ips;   /* "None" and "" are left out; the first SERVICE_CLUSTER_IPS_MAX */
    size_t cluster_ips_count;
    const struct service_port *ports;
    size_t ports_count;
};

/* ---- EndpointSlice ---- */
struct slice_port {
    const char *name; /* of the Service's port; "" when unnamed */
    enum protocol protocol;
    uint16_t port; /* resolved; 0: none stated */
};

/* Whatever is odd is left out; more ports or addresses than the ceilings: none of them, for some
 * would be taken for all. */
struct slice_facts {
    struct object object;
    const char *service; /* label kubernetes.io/service-name; "" when absent */
    bool is_ipv6;
    const struct slice_port *ports;
    size_t ports_count;
    const char **addresses; /* kept for default/kubernetes only, sorted; no host names */
    size_t addresses_count;
};

/* ---- Whoever the API server calls: webhook configurations, APIServices, CRD conversions ---- */
struct hook_ref {
    const char *hook; /* the webhook's own name within its object, or "" */
    const char *ns;   /* of the Service */
    const char *service;
    uint16_t port; /* of the Service; 443 where the object does not say */
};

struct hook_facts {
    struct object object; /* kept only when it refers to a Service, or is a network plugin's CRD */
    const struct hook_ref *refs;
    size_t refs_count;
};

/* ---- Ingress ---- */
#define INGRESS_SERVICES_MAX 256 /* of one Ingress; the rest is left out */

struct ingress_facts {
    struct object object;
    const char **services; /* of its namespace, to which it leads; sorted */
    size_t services_count;
};

#define OBJECT_AS(type, object_) ((const struct type *)(const void *)(object_))

#endif

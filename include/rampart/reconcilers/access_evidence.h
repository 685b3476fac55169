/*
 * All that findings on access are made from, taken in one object at a time: roles and bindings,
 * ServiceAccounts and what runs as them, Secrets with tokens, ConfigMaps with credentials. Kept of
 * each is what the rules ask; of Secrets and ConfigMaps never a value. Pure.
 */
#ifndef RAMPART_RECONCILERS_ACCESS_EVIDENCE_H
#define RAMPART_RECONCILERS_ACCESS_EVIDENCE_H

#include "rampart/json/slice.h"
#include "rampart/reconcilers/access_findings.h"

#define ACCESS_EVIDENCE_BYTES_MAX (256u * 1024 * 1024) /* of each of the three parts */
#define ACCESS_EVIDENCE_OBJECTS_MAX (1u << 18)         /* Secrets, and ConfigMaps, that are kept */
#define SECRET_TYPE_TOKEN "kubernetes.io/service-account-token"

enum access_evidence_kind {
    EVIDENCE_CLUSTER_ROLE = 0,
    EVIDENCE_CLUSTER_ROLE_BINDING,
    EVIDENCE_ROLE,
    EVIDENCE_ROLE_BINDING,
    EVIDENCE_SERVICE_ACCOUNT,
    EVIDENCE_POD, /* from here on: what runs as a ServiceAccount */
    EVIDENCE_REPLICATION_CONTROLLER,
    EVIDENCE_DEPLOYMENT,
    EVIDENCE_STATEFUL_SET,
    EVIDENCE_DAEMON_SET,
    EVIDENCE_REPLICA_SET,
    EVIDENCE_JOB,
    EVIDENCE_CRON_JOB, /* the last of these */
    EVIDENCE_SECRET,
    EVIDENCE_CONFIG_MAP,
    EVIDENCE_KIND_COUNT,
};

struct access_evidence_resource {
    const char *group; /* "" is the core group */
    const char *kind;
    const char *resource; /* plural; the kind with an s is how people call them */
    bool is_namespaced;
    const struct projection *keep; /* of one object */
};

extern const struct access_evidence_resource access_evidence_resources[EVIDENCE_KIND_COUNT];

struct access_evidence {
    struct access graph;
    struct access_accounts accounts;
    struct arena arena; /* of the two lists */
    struct token_secret_facts *secrets;
    struct config_map_facts *config_maps; /* only those with something to tell */
    size_t secrets_count, config_maps_count;
    size_t secrets_room, config_maps_room;
    size_t objects; /* Secrets and ConfigMaps that were taken in */
    /* Whether all there is of a kind was taken in; the caller says. */
    enum access_read read[EVIDENCE_KIND_COUNT];
};

void access_evidence_init(struct access_evidence *e, size_t bytes_max);
void access_evidence_done(struct access_evidence *e);

/* By apiVersion (any version of the group) and kind, of a manifest; -1: none of these, as a Secret
 * of another type. */
int access_evidence_kind_of(const json_t *object);

/*
 * @ns_absent is the namespace of an object that states none. Of a Secret metadata is enough: it is
 * taken for one with a token. Errors: ERR_INVALID (starts with kind and name; nothing is kept of
 * it), ERR_LIMIT, ERR_NOMEM. A ConfigMap whose data cannot be read is no error but a finding that
 * says so.
 */
MUST_CHECK int access_evidence_add(struct access_evidence *e, enum access_evidence_kind kind,
                                   const json_t *object, const char *ns_absent, struct err *err);

/*
 * Once, after the last object: all findings, those of access_findings() and then Secrets and
 * ConfigMaps by namespace and name. @ns and @asks_components as in struct
 * access_findings_question. Errors: ERR_INVALID (an object is there twice), access_findings()'s.
 */
MUST_CHECK int access_evidence_findings(struct access_evidence *e, const char *ns,
                                        bool asks_components, access_finding_fn fn, void *ctx,
                                        struct access_asked *ret_asked, struct err *err);

#endif

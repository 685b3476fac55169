/*
 * Which right one event of an audit log shows to be needed, and by which ServiceAccount; or why it
 * shows none. Written so that what a rule of RBAC would have to say is what the API server's
 * authorizer was asked:
 *
 *  - An event counts once a request: see enum learn_stage.
 *  - The name is the one of the URL. For create and deletecollection there is none (the API server
 *    puts the name of the body into the log), for list and watch only with a field selector
 *    metadata.name=NAME, which the API server resolves itself.
 *  - The namespace is the one of the URL too, where the event has the URL; a Namespace is an object
 *    of the whole cluster.
 *  - patch and update that made the object (201) needed create, with that name, as well.
 *  - Denied requests show no need, and neither do those in somebody else's name.
 *  - Whatever Kubernetes grants to all ServiceAccounts is no right of one of them.
 *
 * A ServiceAccount writes what stands in its requests, and the answer is made into rules: nothing
 * with a star gets through, but for a name, where RBAC gives it no meaning.
 *
 * https://kubernetes.io/docs/reference/access-authn-authz/authorization/ and
 * k8s.io/apiserver/pkg/endpoints/request/requestinfo.go. Pure.
 */
#ifndef RAMPART_RECONCILERS_LEARN_REQUEST_H
#define RAMPART_RECONCILERS_LEARN_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "rampart/kube/audit_event.h"
#include "rampart/kube/rbac_rule.h"

#define LEARN_TEXT_LEN_MAX 253  /* bytes of a name, a group, a resource and its subresource */
#define LEARN_PATH_LEN_MAX 1024 /* bytes of the path of a URL */
#define LEARN_FILTER_MAX 16     /* ServiceAccounts or namespaces that are asked for */

/* What is looked at. All texts are borrowed. */
struct learn_filter {
    const char *accounts[LEARN_FILTER_MAX]; /* "NAMESPACE/NAME"; none: all */
    size_t accounts_count;
    const char *namespaces[LEARN_FILTER_MAX]; /* of ServiceAccounts; none: all */
    size_t namespaces_count;
    int64_t since_ms;          /* requests that came before are too old; AUDIT_TIME_UNSAID: none */
    bool has_everyones_rights; /* what everyone is granted counts as well */
};

enum learn_verdict {
    LEARN_NEEDED = 0,
    LEARN_OTHER_STAGE, /* nothing was decided yet */
    LEARN_OTHER_USER,  /* no ServiceAccount, or one that was not asked for */
    LEARN_TOO_OLD,
    LEARN_IMPERSONATED, /* the right to do that is not learned either */
    LEARN_DENIED,       /* 401, 403, or turned away before anybody decided (429) */
    LEARN_EVERYONES,    /* granted to all ServiceAccounts */
    LEARN_ODD,          /* texts that no rule may have: a star, control characters, too long */
    LEARN_VERDICT_COUNT,
};

/*
 * A request that lasts stands in the log twice, when the answer began and when it ended, unless the
 * audit policy or the end of the log leaves one out. Both show the right; as requests the larger
 * number of the two is counted.
 */
enum learn_stage {
    LEARN_STARTED = 0, /* ResponseStarted */
    LEARN_ENDED,       /* ResponseComplete, Panic */
    LEARN_STAGE_COUNT,
};

struct learn_request {
    enum learn_stage stage;
    int64_t received_ms; /* AUDIT_TIME_UNSAID where unsaid */
    const char *account; /* "NAMESPACE:NAME", as the user name has it; borrowed, as all below */
    const char *verb;
    bool is_for_resource; /* else it is for @path */
    const char *group;
    const char *resource;
    const char *subresource;                 /* "" without */
    const char *ns;                          /* "": of the whole cluster */
    const char *name;                        /* "": whatever the name */
    bool has_created;                        /* the right to create it was needed too */
    char path[LEARN_PATH_LEN_MAX + 1];       /* of the URL, decoded */
    char ns_of_path[LEARN_TEXT_LEN_MAX + 1]; /* where @ns lies */
};

/* "NAMESPACE:NAME" in @user; NULL: it is no ServiceAccount, or was not asked for. */
const char *learn_account_of(const char *user, const struct learn_filter *filter);

/* Whether Kubernetes grants that to all ServiceAccounts by default. */
bool learn_is_everyones(const struct rbac_request *request);

/* @ret_request is written for NEEDED; for IMPERSONATED, DENIED, EVERYONES and ODD only its account
 * and stage. */
enum learn_verdict learn_request_of(const struct audit_event *event,
                                    const struct learn_filter *filter,
                                    struct learn_request *ret_request);

#endif

/* Workloads that something was filled into, with the managedFields that say so. */
#ifndef TESTS_UNIT_RECONCILERS_FILL_H
#define TESTS_UNIT_RECONCILERS_FILL_H

#include <stdlib.h>
#include <string.h>

#include "support/fill_case.h"
#include "support/unit.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define K(name) "'k:{\\\"name\\\":\\\"" name "\\\"}'"

/* A web container that all was filled into, and the entry that says so. */
#define SECURED                                                                  \
    "'securityContext':{'runAsNonRoot':true,'runAsUser':7,'seccompProfile':{"    \
    "'type':'RuntimeDefault'},'allowPrivilegeEscalation':false,'capabilities':{" \
    "'drop':['ALL']},'readOnlyRootFilesystem':true}"
#define SECURED_OURS                                                                        \
    "'f:securityContext':{'.':{},'f:runAsNonRoot':{},'f:runAsUser':{},'f:seccompProfile':{" \
    "'.':{},'f:type':{}},'f:allowPrivilegeEscalation':{},'f:capabilities':{'.':{},"         \
    "'f:drop':{}},'f:readOnlyRootFilesystem':{}}"
#define ONE(members) "{'containers':[{'name':'web','image':'i'," members "}]}"
#define ONE_OURS(fields) "{'f:containers':{" K("web") ":{" fields "}}}"
#define ONE_BACK(members) \
    "{'$setElementOrder/containers':[{'name':'web'}],'containers':[{'name':'web'," members "}]}"
#define NOTHING "-"

struct fill_row {
    const char *claim;
    const char *spec;         /* of the template */
    const char *ours;         /* our entry's fields of it */
    const char *others;       /* elements of managedFields besides, or NULL; %s of FIELDS() */
    const char *last_applied; /* JSON, with ' for ", or NULL */
    const char *back;         /* the patch's part of the template's spec; NOTHING: none */
    size_t kept;
};

#define OTHER(manager, operation, fields)                                                       \
    "{'manager':'" manager "','operation':'" operation "','fieldsV1':{'f:spec':{'f:template':{" \
    "'f:spec':" fields "}}}}"
#define APPLIED(spec) "{'spec':{'template':{'spec':" spec "}}}"

static inline json_t *fill_workload(const struct fill_row *row, struct arena *a)
{
    json_t *root = fill_case_json(arena_printf(
        a,
        "{'metadata':{'name':'web','namespace':'shop','uid':'u-1','resourceVersion':'7',"
        "'annotations':{'theirs':'x','rampart.dev/rollout':'m'},'managedFields':[%s%s"
        "{'manager':'rampart','operation':'Update','fieldsV1':{'f:metadata':{'f:annotations':{"
        "'f:rampart.dev/rollout':{}}},'f:spec':{'f:template':{'f:metadata':{'f:annotations':{"
        "'.':{},'f:rampart.dev/fill':{}}},'f:spec':%s}}}}]},'spec':{'replicas':1,'template':{"
        "'metadata':{'annotations':{'rampart.dev/fill':'k'}},'spec':%s}}}",
        row->others ? row->others : "", row->others ? "," : "", row->ours, row->spec));
    json_t *annotations = json_object_get(json_object_get(root, "metadata"), "annotations");

    if (row->last_applied) {
        json_auto_t *stated = fill_case_json(row->last_applied);
        char *text = json_dumps(stated, JSON_COMPACT | JSON_ENCODE_ANY);

        json_object_set_new(annotations, LAST_APPLIED, json_string(text));
        free(text);
    }
    return root;
}

#endif

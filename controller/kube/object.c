#include "rampart/kube/object.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/decode.h"
#include "rampart/kube/exception.h"
#include "rampart/kube/profile.h"
#include "rampart/kube/scanned.h"
#include "rampart/kube/workload.h"

/* "NetworkPolicy shop/web: " in front, as far as the object tells its name. */
static int name_object(enum kind kind, const json_t *root, struct err *err)
{
    const json_t *meta = json_object_get(root, "metadata");
    const char *ns = json_string_value(json_object_get(meta, "namespace"));
    const char *name = json_string_value(json_object_get(meta, "name"));

    return err_wrap(err, "%s %.*s%s%.*s", resource_of(kind)->name, NAME_LEN_MAX, ns ? ns : "",
                    ns ? "/" : "", NAME_LEN_MAX, name ? name : "(without a name)");
}

/* What is missing of it might be all that counts; of a policy that much is known all the same, and
 * of what has pods that it cannot be evaluated. */
static int check_whole(enum kind kind, const json_t *root, struct err *err)
{
    if (kind == KIND_NETWORK_POLICY || kind == KIND_POD || kind == KIND_JOB ||
        kind_is_workload(kind) || !json_object_get(root, OBJECT_CUT))
        return 0;
    return err_set(err, ERR_INVALID, "is too large to be read: make it smaller");
}

static int decode(enum kind kind, const json_t *root, struct arena *a,
                  enum decode_result *ret_result, struct object **ret_object, struct err *err)
{
    struct profile *profile;

    switch (kind) {
    case KIND_NAMESPACE:
        return namespace_decode(root, a, ret_object, err);
    case KIND_PROFILE:
        if (profile_decode(root, a, &profile, err) < 0)
            return -1;
        *ret_object = &profile->object;
        return 0;
    case KIND_EXCEPTION:
        return exception_decode(root, a, ret_object, err);
    case KIND_NETWORK_POLICY:
        return netpol_decode(root, a, ret_object, err);
    case KIND_SERVICE:
        return service_decode(root, a, ret_object, err);
    case KIND_ENDPOINT_SLICE:
        return slice_facts_decode(root, a, ret_object, err);
    case KIND_VALIDATING_WEBHOOK:
    case KIND_MUTATING_WEBHOOK:
    case KIND_API_SERVICE:
    case KIND_CRD:
        return hook_decode(kind, root, a, ret_result, ret_object, err);
    case KIND_POD:
    case KIND_JOB:
        return scanned_decode(kind, root, a, ret_object, err);
    case KIND_DEPLOYMENT:
    case KIND_STATEFUL_SET:
    case KIND_DAEMON_SET:
    case KIND_CRON_JOB:
        return workload_decode(kind, root, a, ret_object, err);
    case KIND_INGRESS:
        return ingress_decode(root, a, ret_object, err);
    case KIND_EVENT:
    case KIND_REPLICA_SET: /* of these nothing is kept */
    case KIND_CONTROLLER_REVISION:
    case KIND_POD_DISRUPTION_BUDGET:
    case KIND_LIMIT_RANGE:
    case KIND_RESOURCE_QUOTA:
    case KIND_POD_AUTOSCALER:
    case KIND_COUNT:
        break;
    }
    return err_set(err, ERR_INVALID, "kind: has no compact form");
}

int object_decode(enum kind kind, const json_t *root, struct arena *a,
                  enum decode_result *ret_result, struct object **ret_object, struct err *err)
{
    enum decode_result result = DECODE_KEEP;
    struct object *object = NULL;

    if (check_whole(kind, root, err) < 0 || decode(kind, root, a, &result, &object, err) < 0)
        return name_object(kind, root, err);
    /* A file may go without; what a server sends always has both, and writes need them. */
    if (object && (*object->uid == '\0' || *object->rv == '\0')) {
        err_set(err, ERR_INVALID, "metadata.%s: is missing",
                *object->uid == '\0' ? "uid" : "resourceVersion");
        return name_object(kind, root, err);
    }
    *ret_result = result;
    *ret_object = object;
    return 0;
}

int object_decode_meta(enum kind kind, const json_t *root, struct arena *a,
                       struct object *ret_object, struct err *err)
{
    struct object object = {.kind = kind};
    const json_t *meta;

    if (json_get_obj(root, "metadata", &meta, err) < 0)
        return name_object(kind, root, err);
    if (json_get_str(meta, "namespace", NAME_LEN_MAX, a, &object.ns, err) < 0 ||
        json_get_str(meta, "name", NAME_LEN_MAX, a, &object.name, err) < 0 ||
        json_get_str(meta, "uid", UID_LEN_MAX, a, &object.uid, err) < 0 ||
        json_need_str(meta, "resourceVersion", RV_LEN_MAX, a, &object.rv, err) < 0) {
        json_path_wrap(err, "metadata");
        return name_object(kind, root, err);
    }
    object.ns = object.ns && resource_of(kind)->is_namespaced ? object.ns : "";
    object.name = object.name ? object.name : "";
    object.uid = object.uid ? object.uid : "";
    *ret_object = object;
    return 0;
}

int object_order(const struct object *one, const struct object *other)
{
    int order = strcmp(one->ns, other->ns);

    return order != 0 ? order : strcmp(one->name, other->name);
}

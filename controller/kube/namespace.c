#include "rampart/kube/decode.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/profile.h"

static int phase_decode(const json_t *root, const char **ret_phase, struct err *err)
{
    const json_t *status;

    if (json_get_obj(root, "status", &status, err) < 0)
        return -1;
    if (member_text(status, "phase", ret_phase, err) < 0)
        return json_path_wrap(err, "status");
    return 0;
}

int namespace_decode(const json_t *root, struct arena *a, struct object **ret_object,
                     struct err *err)
{
    struct namespace_facts *ns = arena_alloc(a, sizeof(*ns));
    const json_t *meta = json_member(root, "metadata");
    const char *phase;

    if (!ns)
        return err_nomem(err);
    if (meta_decode(KIND_NAMESPACE, root, a, &ns->object, err) < 0)
        return -1;
    if (labels_decode(meta, "labels", a, &ns->labels, err) < 0)
        return json_path_wrap(err, "metadata");
    if (text_keep(json_member(meta, "annotations"), ANNOTATION_POD_SECURITY, PROFILE_NAME_MAX, a,
                  &ns->pod_security, err) < 0)
        return -1;
    if (phase_decode(root, &phase, err) < 0)
        return -1;
    if (phase && strcmp(phase, "Terminating") == 0)
        ns->object.is_deleting = true;
    *ret_object = &ns->object;
    return 0;
}

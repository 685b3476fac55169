#include "rampart/kube/scanned.h"

#include "rampart/json/get.h"
#include "rampart/kube/decode.h"

#define OWNERS_MAX 1024

/* Whatever is odd is left out: then nobody else answers for the object, and it is evaluated. */
static int owner_decode(const json_t *meta, struct arena *a, struct workload_facts *w,
                        struct err *err)
{
    const json_t *owners = json_member(meta, "ownerReferences");
    struct err odd = {0};

    w->owner_kind = w->owner_name = "";
    for (size_t i = 0; i < json_array_size(owners) && i < OWNERS_MAX; i++) {
        const json_t *owner = json_array_get(owners, i);
        const char *kind, *name;

        if (!json_is_true(json_member(owner, "controller")))
            continue;
        if (json_need_str(owner, "kind", NAME_LEN_MAX, a, &kind, &odd) < 0 ||
            json_need_str(owner, "name", NAME_LEN_MAX, a, &name, &odd) < 0)
            return odd.code == ERR_NOMEM ? err_nomem(err) : 0;
        w->owner_kind = kind;
        w->owner_name = name;
        return 0;
    }
    return 0;
}

int scanned_decode(enum kind kind, const json_t *root, struct arena *a, struct object **ret_object,
                   struct err *err)
{
    struct workload_facts *w = arena_alloc(a, sizeof(*w));
    const json_t *meta = json_member(root, "metadata");
    const json_t *spec = json_member(root, "spec");
    const json_t *template = json_member(spec, "template");

    if (!w)
        return err_nomem(err);
    if (meta_decode(kind, root, a, &w->object, err) < 0 || owner_decode(meta, a, w, err) < 0)
        return -1;
    if (json_member(root, OBJECT_CUT))
        w->pod.unreadable = "it is too large to be read: make it smaller";
    else if (kind == KIND_POD && pod_template_decode(meta, spec, a, &w->pod, err) < 0)
        return -1;
    else if (kind == KIND_JOB &&
             pod_template_decode(json_member(template, "metadata"), json_member(template, "spec"),
                                 a, &w->pod, err) < 0)
        return -1;
    w->labels = w->pod.labels;
    *ret_object = &w->object;
    return 0;
}

/* Shared by the tests of pod templates. */
#ifndef RAMPART_TESTS_KUBE_POD_TEMPLATE_H
#define RAMPART_TESTS_KUBE_POD_TEMPLATE_H

#include "kube_fixture.h"

#include "rampart/kube/pod_template.h"

/* Of an object with ' for "; borrowed from the arena. */
static inline struct pod_template pod_of(const char *text, struct arena *a)
{
    json_t *root = json_of(text);
    struct pod_template pod;
    struct err err = {0};

    if (pod_template_decode(json_object_get(root, "metadata"), json_object_get(root, "spec"), a,
                            &pod, &err) < 0)
        fail_msg("%s", err.msg);
    json_decref(root);
    return pod;
}

#endif

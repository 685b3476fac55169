/*
 * What the owner of a workload would merge in Git to pass the rules that fail: the fields that
 * rules name as their fix, where they are missing and where they are stated otherwise. To be shown,
 * never to be written. Pure.
 */
#ifndef RAMPART_RECONCILERS_FIX_H
#define RAMPART_RECONCILERS_FIX_H

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/rule.h"

struct fix {
    const char *yaml; /* fill_yaml(): from "spec:" on, of a Pod as of a workload; "" where no field
                         mends anything. In the arena */
    uint64_t left;    /* those of the failing rules that fail with it as well */
    bool asks_image;  /* it says runAsNonRoot of a container whose user the image decides: one that
                         runs as root does not start then */
};

/*
 * @failing: rules that fail, by their bit. Amounts of CPU and memory are for the owner to choose:
 * no YAML has them. ERR_NOMEM.
 */
MUST_CHECK int fix_propose(const struct workload_facts *w, const struct rule_settings *settings,
                           uint64_t failing, struct arena *a, struct fix *ret_fix, struct err *err);

#endif

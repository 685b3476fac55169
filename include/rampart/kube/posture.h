/*
 * What the rules say of one object: sets of rules by their bit (reconcilers/rule.h), and how it
 * counts in a profile's status. The runtime keeps one for each object and adds them up.
 */
#ifndef RAMPART_KUBE_POSTURE_H
#define RAMPART_KUBE_POSTURE_H

#include <stdbool.h>
#include <stdint.h>

#define POSTURE_RULES_MAX 64

enum posture_state {
    POSTURE_NONE = 0,  /* nobody decides about it, or the section is Off */
    POSTURE_COMPLIANT, /* every rule that is required passes */
    POSTURE_EXEMPT,    /* ... or is exempted, at least one of them */
    POSTURE_DRIFTED,   /* a rule that is required fails */
    POSTURE_FAILED,    /* a rule could not be answered: never counted as compliant */
    POSTURE_STATE_COUNT,
};

struct posture {
    const char *profile; /* who decides, borrowed; NULL with POSTURE_NONE */
    enum posture_state state;
    bool is_workload; /* counts in status.workloads, and not only in status.rules */
    /* By rule; a rule that does not apply, or is off, is in none of them. */
    uint64_t passing;
    uint64_t failing; /* required or not */
    uint64_t error;
    uint64_t exempt; /* would fail */
    uint64_t drift;  /* those of failing and error that make the state what it is */
};

/* Postures added up. */
struct posture_tally {
    uint32_t states[POSTURE_STATE_COUNT]; /* workloads; that of POSTURE_NONE is not used */
    uint32_t passing[POSTURE_RULES_MAX];  /* objects, by rule, as the next ones */
    uint32_t failing[POSTURE_RULES_MAX];
    uint32_t error[POSTURE_RULES_MAX];
    uint32_t exempt[POSTURE_RULES_MAX];
};

#endif

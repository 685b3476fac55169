/* What the container statuses of one Pod say; a part of pods_evidence.c. */
#ifndef RAMPART_POD_STATUSES_H
#define RAMPART_POD_STATUSES_H

#include "rampart/reconcilers/pods_evidence.h"

struct pod_statuses {
    bool is_ready;    /* condition Ready; of a Job's pod also when it succeeded */
    uint8_t troubles; /* bits of enum pod_trouble */
    uint8_t worst;    /* the highest of them */
    int64_t ready_s;  /* when it became ready or its last container began; 0: not told, or it has
                         succeeded */
    char message[EVIDENCE_MESSAGE_MAX]; /* about @worst: "container app: CrashLoopBackOff: ..." */
};

/* Notes the users of its running containers in @b. @is_of_job: a failed pod has crashed, one that
 * succeeded is ready. ERR_NOMEM. */
MUST_CHECK int pod_statuses_read(const json_t *pod, bool is_of_job, struct pods_evidence_build *b,
                                 struct pod_statuses *ret_statuses, struct err *err);

#endif

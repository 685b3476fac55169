/* One pass over the labels of a Namespace. Internal to reconcilers/pod_security*.c. */
#ifndef RAMPART_RECONCILERS_POD_SECURITY_PASS_H
#define RAMPART_RECONCILERS_POD_SECURITY_PASS_H

#include "pod_security_violators.h"
#include "rampart/kube/profile.h"

enum label_act { LABEL_STAYS = 0, LABEL_SET, LABEL_REMOVED };

struct label_change {
    enum label_act act;
    const char *value; /* of LABEL_SET */
};

struct pod_security_pass {
    const struct view *view;
    const struct pod_security_known *known;
    struct plan *plan;
    struct arena *arena; /* the plan's */
    const struct namespace_facts *ns;
    const struct profile *profile;        /* whose section decides; NULL: nobody's */
    const char *labels[PSA_LABELS_COUNT]; /* as they are; NULL: not there */
    struct label_change changes[PSA_LABELS_COUNT];
    char version[PSA_VERSION_TEXT_MAX]; /* that the section wants */
    uint32_t note;                      /* of the pass before, then of this one: see the .c */
    bool asks_owners;                   /* whose a label is has to be known first */
    bool drops_mark;
    bool sets_mark;
    uint8_t removed; /* by place: of ours, and somebody has removed it */
};

/* What a section in Enforce makes of the labels: changes, findings, note. ERR_NOMEM. */
MUST_CHECK int pod_security_decide(struct pod_security_pass *p, struct err *err);
/* Whether nobody but Rampart states the label. Where that is not known it is asked for. */
bool pod_security_is_ours(struct pod_security_pass *p, size_t label);
bool pod_security_has_changes(const struct pod_security_pass *p);
/* A finding about the Namespace in the name of @profile; with a message of its own, ERR_NOMEM where
 * that is NULL. It makes a compliant plan drifted. */
MUST_CHECK int pod_security_say(struct pod_security_pass *p, enum reason reason,
                                const char *profile, const char *message, struct err *err);
/* The one write: the changes and the mark. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int pod_security_write(struct pod_security_pass *p, const struct finding *after,
                                  struct err *err);

#endif

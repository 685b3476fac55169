/* Levels and versions of the Pod Security Standards
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards/). */
#ifndef RAMPART_KUBE_PSS_H
#define RAMPART_KUBE_PSS_H

enum rule_level { /* of the Pod Security Standards; each contains the ones before */
                  LEVEL_PRIVILEGED = 0,
                  LEVEL_BASELINE,
                  LEVEL_RESTRICTED,
                  LEVEL_HARDENED, /* beyond them */
};

#define RULE_ID_LEN_MAX 63 /* bytes of the id of a posture rule */
#define PSS_MINOR_MIN 25
#define PSS_MINOR_MAX 37      /* the newest version that the rules know */
#define PSS_MINOR_LATEST 9999 /* "latest" */

#endif

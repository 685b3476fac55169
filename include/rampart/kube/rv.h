/*
 * The one place that compares resourceVersions. Since Kubernetes 1.35 they are documented to be
 * comparable as decimal numbers of any length (KEP-5504); where one is not such a number the answer
 * is RV_UNKNOWN and callers fall back to equality.
 */
#ifndef RAMPART_KUBE_RV_H
#define RAMPART_KUBE_RV_H

enum rv_order { RV_OLDER = 0, RV_EQUAL, RV_NEWER, RV_UNKNOWN };

enum rv_order rv_compare(const char *one,
                         const char *other); /* is @one older, equal or newer than @other */

#endif

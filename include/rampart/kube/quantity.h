/*
 * Resource quantities as the API writes them: "128Mi", "0.5", "100m", "1e3".
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
#ifndef RAMPART_KUBE_QUANTITY_H
#define RAMPART_KUBE_QUANTITY_H

#include <stdbool.h>

/* Whether @text is a quantity that is not negative. Only then *ret_amount is set, in the unit
 * itself (bytes, cores); exact up to 2^64, which is enough to compare two of them. */
bool quantity_read(const char *text, long double *ret_amount);

#endif

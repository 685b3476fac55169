/* Every reconciler of the product, as the runtime wants it. A new one is called from registry.c and
 * from nowhere else. */
#ifndef RAMPART_RECONCILERS_REGISTRY_H
#define RAMPART_RECONCILERS_REGISTRY_H

#include "rampart/kube/reconciler.h"

extern const struct reconciler_ops registry_ops;

#endif

/*
 * To which Services Ingresses lead, as the last look at them found (sync/scan.h): for a profile in
 * Audit, which says what its default-deny would cut off. Ingresses are not watched: nothing else
 * asks for them. Names alone are kept, of INGRESSES_MAX Services; of more nothing is known.
 */
#ifndef RAMPART_SYNC_INGRESSES_H
#define RAMPART_SYNC_INGRESSES_H

#include "rampart/base/map.h"
#include "rampart/kube/object.h"

#define INGRESSES_MAX 10000 /* Services to which an Ingress leads; 1 MB of names or so */

struct ingresses {
    struct map names; /* of an Ingress, owned, by "<namespace>/<service>" */
    bool is_cut;      /* there were more */
};

void ingresses_init(struct ingresses *s);
void ingresses_done(struct ingresses *s);

/* Of several Ingresses that lead to one Service the first by name is kept. ERR_NOMEM. */
MUST_CHECK int ingresses_add(struct ingresses *s, const struct ingress_facts *ingress,
                             struct err *err);
/* NULL: none is known. Borrowed. */
const char *ingresses_get(const struct ingresses *s, const char *ns, const char *service);
/* Calls @fn for the namespace of each Service about which the two say something else, once each or
 * more often. */
void ingresses_differ(const struct ingresses *one, const struct ingresses *other,
                      void (*fn)(void *ctx, const char *ns), void *ctx);

#endif

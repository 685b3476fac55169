/* The HTTP request of one write of a plan, and of the reading again that may follow it. Pure. */
#ifndef RAMPART_SYNC_APPLIER_REQUEST_H
#define RAMPART_SYNC_APPLIER_REQUEST_H

#include "rampart/base/strbuf.h"
#include "rampart/kube/plan.h"
#include "rampart/sync/transport.h"

#define DELETE_OPTIONS_MAX 4096 /* bytes of the body of a deletion */

struct applier_request {
    struct http_request http; /* points into the other members and into the write */
    struct strbuf path;       /* owned */
    struct strbuf body;       /* owned; of a deletion */
};

/* A zeroed one is fine. */
void applier_request_done(struct applier_request *r);

/*
 * Create: POST of the object. Patch: JSON merge patch of the object or of its status subresource.
 * Both say fieldManager=rampart. Delete: DeleteOptions with the uid and, where the write has one,
 * the resourceVersion as preconditions, dependents in the background. @write is borrowed until
 * applier_request_done(). Errors: ERR_NOMEM, ERR_LIMIT.
 */
MUST_CHECK int applier_request_write(struct applier_request *r, const struct write *write,
                                     struct err *err);
/* The same of a WRITE_PATCH as a dry run: the API server does all but the write, and warns of what
 * the write would lead to. */
MUST_CHECK int applier_request_dry_run(struct applier_request *r, const struct write *write,
                                       struct err *err);
/* GET of the object. Errors as above. */
MUST_CHECK int applier_request_read(struct applier_request *r, const struct object_ref *object,
                                    struct err *err);

#endif

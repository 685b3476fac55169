/* What the answer to a write means, and what it tells the caches. Pure. */
#ifndef RAMPART_SYNC_APPLIER_ANSWER_H
#define RAMPART_SYNC_APPLIER_ANSWER_H

#include "rampart/kube/plan.h"
#include "rampart/sync/cluster.h"
#include "rampart/sync/transport.h"

enum applier_answer {
    ANSWER_DONE = 0,   /* written; for a deletion also: it was gone already */
    ANSWER_READ_AGAIN, /* the object is not what we took it for; err says how */
    ANSWER_FAILED,     /* err says why */
};

/* @err is set for ANSWER_READ_AGAIN and ANSWER_FAILED. */
enum applier_answer applier_answer_judge(const struct write *write,
                                         const struct http_response *response, struct err *err);

/*
 * The answer to a write that was done: the object goes into its store, or out of it. -1: the answer
 * is not that object (ERR_INVALID: a proxy's page, half a body, another name; the write cannot be
 * taken as done) or could not be read (ERR_NOMEM, ERR_LIMIT). An object that was read and that the
 * store would not take leaves 0 and @ret_unkept (code ERR_NONE otherwise): the write was done, and
 * the watch will bring it.
 */
MUST_CHECK int applier_answer_written(struct cluster *c, const struct write *write,
                                      const struct http_response *response, struct err *ret_unkept,
                                      struct err *err);

/*
 * The answer to the GET that follows ANSWER_READ_AGAIN, of a watched kind. 404 takes out the object
 * with the uid of
 * @object; another one of that name came later than the answer. -1: as above, or what the server
 * said.
 */
MUST_CHECK int applier_answer_read(struct cluster *c, const struct object_ref *object,
                                   const struct http_response *response, struct err *ret_unkept,
                                   struct err *err);

#endif

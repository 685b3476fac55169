/*
 * What a pass over the Pod Security Admission labels of a namespace (kube/pod_security.h) has to
 * know beside the caches: whose the labels are (a GET of the Namespace), what the API server warns
 * of (a dry run of the patch), and which Pods and Jobs would be refused (lists, page by page, an
 * object at a time). One read at a time for a namespace, several namespaces at once; the others
 * wait. A read that fails says so and is not tried again here: that is the work queue's.
 *
 * The owner asks and takes what is complete on his next turn. Nothing is handed out from inside a
 * call or an answer.
 */
#ifndef RAMPART_SYNC_LABEL_READS_H
#define RAMPART_SYNC_LABEL_READS_H

#include <sys/queue.h>

#include "rampart/kube/pod_security.h"
#include "rampart/kube/pod_security_owners.h"
#include "rampart/sync/transport.h"

#define LABEL_READS_IN_FLIGHT_MAX 8 /* namespaces at once, each with one exchange */
#define LABEL_READ_PAGE_OBJECTS 250
#define LABEL_READ_MAX_MS 60000
#define LABEL_READ_IDLE_MAX_MS 30000               /* without a byte */
#define LABEL_READ_OBJECT_BYTES_MAX (1024u * 1024) /* of one compact Pod or Job */

struct label_reads;

/* What was read for one pass so far. */
struct label_read {
    TAILQ_ENTRY(label_read) link;
    struct label_reads *owner;          /* borrowed */
    const char *key;                    /* borrowed: in the queue's processing set */
    char profile[PROFILE_NAME_MAX + 1]; /* the owner's own: who decides; "": nobody */
    struct pod_security_known known;    /* points into the next ones */
    struct pod_security_owners owners;
    char gate_rv[RV_LEN_MAX + 1];
    char *warning;      /* owned */
    struct arena arena; /* of known.violators */
    struct err err;     /* why the last one failed; ERR_NONE: it did not */
    /* Of the read that is asked for or under way. */
    enum pod_security_want want;
    char ns[NAME_LEN_MAX + 1];
    char uid[UID_LEN_MAX + 1];
    char rv[RV_LEN_MAX + 1];
    char *body; /* of the dry run; owned */
    struct exchange exchange;
    void *build;              /* of pod_security_ops.begin() */
    size_t kind;              /* Pods, then Jobs */
    struct frames *frames;    /* of the page; owned */
    struct arena object;      /* one Pod or Job */
    char *token, *next_token; /* of the page that is asked for, and of the one after it; owned */
    bool is_page_complete;
    struct err failed; /* first failure in the page's bytes */
};

struct label_reads_options {
    struct transport *transport;        /* borrowed, and so are the next ones */
    const struct pod_security_ops *ops; /* of begin() and take() */
    const struct view *view;
};

/* ERR_NOMEM. */
MUST_CHECK struct label_reads *label_reads_new(const struct label_reads_options *options,
                                               struct err *err);
void label_reads_stop(struct label_reads *r); /* cancels what runs; nothing is started any more */
bool label_reads_are_stopped(const struct label_reads *r);
void label_reads_free(struct label_reads *r); /* none in flight; NULL is fine */

/* NULL: ERR_NOMEM. */
MUST_CHECK struct label_read *label_read_new(struct label_reads *r, const char *key,
                                             struct err *err);
void label_read_free(
    struct label_read *read); /* as it came from label_reads_next(); NULL is fine */

/*
 * @want (OWNERS, GATE or VIOLATORS) for Namespace @ns; @write is what GATE asks about. Borrowed for
 * the call, @read_take is taken over, also on -1: ERR_NOMEM. It comes out of label_reads_next().
 */
MUST_CHECK int label_reads_ask(struct label_reads *r, struct label_read *read_take,
                               enum pod_security_want want, const struct object *ns,
                               const struct write *write, struct err *err);
/* Starts what waits and has room. */
void label_reads_step(struct label_reads *r);
bool label_reads_can_go_on(const struct label_reads *r); /* step() or next() has something to do */
/* One whose read has ended, with the caller's from now on; NULL: none. label_read.err:
 * ERR_NOT_FOUND: the Namespace is gone; ERR_CONFLICT: it has changed; ERR_FORBIDDEN names the right
 * that is missing; ERR_CANCELED: stopped; else what the server or the transport said. */
struct label_read *label_reads_next(struct label_reads *r);

#endif

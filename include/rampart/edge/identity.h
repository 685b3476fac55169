/*
 * Who we are to the API server and whom we believe, at this moment: the Authorization header and
 * the certificates that the next request goes with. Token files are read again every minute and
 * after a 401, CA and client certificate every minute and after a TLS error or a 401, a credential
 * plugin is run when what it gave has expired or was rejected. None of it needs a restart.
 */
#ifndef RAMPART_EDGE_IDENTITY_H
#define RAMPART_EDGE_IDENTITY_H

#include "rampart/base/log.h"
#include "rampart/edge/loop.h"
#include "rampart/edge/tls.h"
#include "rampart/yaml/kubeconfig.h"

#define IDENTITY_READ_EVERY_MS 60000 /* the files of certificates; client-go: five minutes */
#define IDENTITY_READ_AGAIN_MS 1000  /* after errors, at most once in that time */

struct identity;

struct identity_options {
    struct loop *loop;                  /* borrowed */
    const struct client_config *config; /* borrowed for the call */
    struct log *log;                    /* borrowed; may be NULL */
    uint32_t plugin_timeout_ms;         /* 0: EXEC_TIMEOUT_MS */
    uint32_t read_every_ms;             /* 0: IDENTITY_READ_EVERY_MS */
    /* A plugin ended: what was pending may be asked for again. */
    void (*on_ready)(void *ctx);
    /* There is another client certificate: connections that carry the old one should end. */
    void (*on_other_identity)(void *ctx);
    void *ctx;
};

/* What a request goes with. */
struct identity_now {
    const char *header; /* "Authorization: ..."; NULL: none. Borrowed until the next call */
    struct tls *tls;    /* borrowed likewise */
    const char *const *impersonation; /* further header lines; borrowed from the identity */
    size_t impersonation_count;
    unsigned serial; /* of this credential, for identity_judge() */
};

enum identity_answer {
    IDENTITY_READY = 0,
    IDENTITY_PENDING, /* a plugin is running; on_ready follows */
    IDENTITY_NONE,    /* there is no usable credential, see the err */
};

/* ERR_INVALID, ERR_IO, ERR_NOT_FOUND, ERR_LIMIT (name the file), ERR_NOMEM. No token file is read
 * and no plugin is run yet. */
MUST_CHECK struct identity *identity_new(const struct identity_options *options, struct err *err);

/* IDENTITY_NONE: ERR_UNAUTHORIZED or ERR_NOMEM. Neither callback comes from inside. */
MUST_CHECK enum identity_answer identity_get(struct identity *id, uint64_t now_ms, int64_t wall_ms,
                                             struct identity_now *ret_now, struct err *err);

/* How the server took the credential @serial: with a 401, or with any other answer. */
void identity_judge(struct identity *id, unsigned serial, bool was_accepted);
void identity_distrust(struct identity *id); /* a TLS error: the files may have been rotated */
/* Reads the files when it is time; returns when it is the next time, UINT64_MAX: never. */
uint64_t identity_tend(struct identity *id, uint64_t now_ms);

const struct tls *identity_tls(const struct identity *id); /* borrowed */

/* Whether @on_stopped will come, later and from the loop; false: there is nothing to wait for.
 * Needed before identity_free(). */
MUST_CHECK bool identity_stop(struct identity *id, void (*on_stopped)(void *ctx), void *ctx);
void identity_abandon(struct identity *id); /* see exec_plugin_abandon() */
void identity_free(struct identity *id);    /* NULL is fine */

#endif

/*
 * The Authorization header that goes with each request: a bearer token, or user name and password.
 * A token file is read again every minute (kubelet
 * rotates it) and at once after a 401; an empty or unreadable file keeps the old token and is an
 * error only while there is none. Secrets never reach a log or an err.
 */
#ifndef RAMPART_EDGE_CREDENTIALS_H
#define RAMPART_EDGE_CREDENTIALS_H

#include <stdint.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/yaml/kubeconfig.h"

#define TOKEN_LEN_MAX 65536       /* bytes */
#define TOKEN_READ_EVERY_MS 60000 /* client-go transport/token_source.go */
#define TOKEN_RETRY_MS 1000       /* after a read that failed, while the old token still serves */

struct credentials;

/* ERR_INVALID: the token of the configuration cannot be one. ERR_NOMEM. Token files are not read
 * yet. */
MUST_CHECK struct credentials *credentials_new(const struct client_config *config, struct err *err);
void credentials_free(struct credentials *c); /* NULL is fine; wipes what it held */

/*
 * "Authorization: ..." or NULL when the configuration has neither (client certificates).
 * Borrowed until the next call. On -1 there is no usable token: ERR_UNAUTHORIZED names the file and
 * the reason; or ERR_NOMEM.
 */
MUST_CHECK int credentials_header(struct credentials *c, uint64_t now_ms, const char **ret_header,
                                  struct err *err);
/* Another token in the place of what there is, from a plugin; NULL: none. ERR_UNAUTHORIZED: it
 * cannot be one, and nothing changed; ERR_NOMEM. */
MUST_CHECK int credentials_replace(struct credentials *c, const char *token, struct err *err);
void credentials_reject(struct credentials *c); /* the server answered 401: read again next time */

#endif

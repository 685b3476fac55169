/*
 * Whom we trust and who we are: the CA bundle and the client certificate of a configuration, as PEM
 * text in memory. Immutable and counted by reference, so that a request under way keeps what it
 * started with when the files change.
 */
#ifndef RAMPART_EDGE_TLS_H
#define RAMPART_EDGE_TLS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/yaml/kubeconfig.h"

#define TLS_FILE_MAX (1024u * 1024)

struct tls;

/*
 * Reads the files of @config (its data wins) and checks that the CA holds certificates and that key
 * and certificate belong together. One reference is the caller's. ERR_INVALID, ERR_IO,
 * ERR_NOT_FOUND or ERR_LIMIT name the file; ERR_NOMEM.
 */
MUST_CHECK struct tls *tls_new(const struct client_config *config, struct err *err);
/*
 * Reads the files again. 1: they hold something else, @ret_tls is a new reference; 0: the same, or
 * nothing came from files. -1: unreadable or broken just now (files are swapped under us), keep the
 * old. Errors as above.
 */
MUST_CHECK int tls_reload(const struct tls *t, struct tls **ret_tls, struct err *err);
/* The same trust with another identity, as PEM text; NULL and NULL: none. A new reference. NULL:
 * ERR_INVALID when certificate and key are none or do not belong together, ERR_NOMEM. */
MUST_CHECK struct tls *tls_identify(const struct tls *t, const char *cert, const char *key,
                                    struct err *err);
bool tls_same_identity(const struct tls *one, const struct tls *other);
bool tls_has_files(const struct tls *t); /* that tls_reload() would read */
struct tls *tls_ref(struct tls *t);      /* the same */
void tls_unref(struct tls *t);           /* NULL is fine; the last one wipes the key and frees */

/* Sets trust, identity and the lowest protocol version. @t must outlive the transfer. */
MUST_CHECK CURLcode tls_apply(const struct tls *t, CURL *easy);
/* The same trust for an https proxy, as in client-go. A proxy never gets the client certificate. */
MUST_CHECK CURLcode tls_apply_to_proxy(const struct tls *t, CURL *easy);
const char *
tls_ca_name(const struct tls *t); /* for messages: the file, or where the data stands; borrowed */
bool tls_skips_verify(const struct tls *t);

#endif

/* Why a transfer failed, in plain words: libcurl's result, the system's errno and OpenSSL's verdict
 * as one struct err. */
#ifndef RAMPART_EDGE_HTTP_ERROR_H
#define RAMPART_EDGE_HTTP_ERROR_H

#include <curl/curl.h>
#include <stdbool.h>

#include "rampart/base/err.h"

/* What is known about a transfer that failed; all borrowed. */
struct http_failure {
    CURLcode result;       /* not CURLE_OK */
    CURL *easy;            /* NULL: no more to ask */
    const char *authority; /* "127.0.0.1:6443", with the proxy if there is one */
    bool has_proxy;
    const char *ca_name; /* whose certificates were trusted */
    const char *reason;  /* libcurl's own words, may be "" */
    bool had_memory;     /* no allocation failed while it ran */
};

/* ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_LIMIT or ERR_NOMEM; never holds what was sent. */
void http_error(const struct http_failure *failure, struct err *ret_err);

/* Whether reading the CA or the client certificate again may help. */
bool http_error_is_tls(CURLcode result);

#endif

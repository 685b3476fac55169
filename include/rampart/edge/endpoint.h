/* The API server's address, taken apart once: what URLs start with, its name for messages, and the
 * proxy on the way. */
#ifndef RAMPART_EDGE_ENDPOINT_H
#define RAMPART_EDGE_ENDPOINT_H

#include <curl/curl.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/edge/proxy.h"
#include "rampart/yaml/kubeconfig.h"

#define ENDPOINT_URL_MAX 2048
#define ENDPOINT_TLS_NAME_MAX 256

struct endpoint {
    char *base_url;    /* owned; "https://host:port/prefix" without a last slash */
    char *authority;   /* owned; "host:port" as people know it, with the proxy if there is one */
    char *host_header; /* owned; NULL: what the URL says. Set with tls-server-name */
    struct curl_slist
        *connect_to; /* owned; NULL without tls-server-name, whose name then stands in the URL */
    struct proxy proxy;
};

/* Reads HTTPS_PROXY and NO_PROXY, in either case, unless @config has a proxy. ERR_INVALID: not an
 * https URL of host, port and path, or a proxy that is none; names the configuration. ERR_NOMEM. */
MUST_CHECK int endpoint_init(struct endpoint *e, const struct client_config *config,
                             struct err *err);
void endpoint_done(struct endpoint *e); /* a zeroed one is fine */

/* Base and @path; the caller frees it with mem_free(). */
MUST_CHECK char *endpoint_url(const struct endpoint *e, const char *path, struct err *err);
/* @tls: whose certificate a proxy must have. */
MUST_CHECK CURLcode endpoint_apply(const struct endpoint *e, const struct tls *tls, CURL *easy);

#endif

/*
 * The proxy on the way to the API server: of the kubeconfig's proxy-url, else of HTTPS_PROXY and
 * NO_PROXY with Go's rules (golang.org/x/net/http/httpproxy), as client-go has it. TLS goes through
 * it from end to end: a proxy sees an address and encrypted bytes, never a token.
 */
#ifndef RAMPART_EDGE_PROXY_H
#define RAMPART_EDGE_PROXY_H

#include <curl/curl.h>
#include <stdbool.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

struct tls;

/* A zeroed one is none. */
struct proxy {
    char *url;       /* owned; "http://host:port", "https://..." or "socks5h://..."; NULL: none */
    char *authority; /* owned; "host:port", for messages */
    char *user;      /* owned; NULL: it asks for none */
    char *password;  /* owned, secret */
    bool is_https;   /* TLS to the proxy itself too */
};

/*
 * What the environment says about https://@host:@port, @host without brackets. @https_proxy and
 * @no_proxy are the variables, NULL: not set. NULL: no proxy; else @https_proxy. Localhost and
 * loopback addresses are never proxied. Pure.
 */
const char *proxy_choose(const char *host, const char *port, const char *https_proxy,
                         const char *no_proxy);

/* @text as in a kubeconfig; names @field in errors and never quotes it. ERR_INVALID, ERR_NOMEM. */
MUST_CHECK int proxy_init(struct proxy *p, const char *text, const char *field, struct err *err);
void proxy_done(struct proxy *p);

/* @tls says whose certificates an https proxy must have: those that the server must have too. */
MUST_CHECK CURLcode proxy_apply(const struct proxy *p, const struct tls *tls, CURL *easy);

#endif

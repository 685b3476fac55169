#include "rampart/edge/http_error.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <string.h>

/* libcurl's and OpenSSL's words with anything but plain text taken out: part of it may come from
 * the server. */
static void say(const struct http_failure *f, struct err *ret_err, const char *step)
{
    const char *words = f->reason && *f->reason ? f->reason : curl_easy_strerror(f->result);
    char plain[CURL_ERROR_SIZE];
    size_t len = 0;

    for (; *words && len + 1 < sizeof(plain); words++)
        plain[len++] = isprint((unsigned char)*words) ? *words : '?';
    plain[len] = '\0';
    err_set(ret_err, ERR_UNAVAILABLE, "%s %s: %s", step, f->authority, plain);
}

static void refused(const struct http_failure *f, struct err *ret_err)
{
    long number = 0;

    if (f->easy)
        curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &number);
    switch (number) {
    case ECONNREFUSED:
        err_set(ret_err, ERR_UNAVAILABLE, "connect to %s: connection refused; is the %s running?",
                f->authority, f->has_proxy ? "proxy" : "API server");
        return;
    case EHOSTUNREACH:
    case ENETUNREACH:
        err_set(ret_err, ERR_UNAVAILABLE, "connect to %s: no route; is the network up?",
                f->authority);
        return;
    default:
        say(f, ret_err, "connect to");
    }
}

static void distrusted(const struct http_failure *f, struct err *ret_err)
{
    long verdict = X509_V_OK, of_proxy = X509_V_OK;

    if (f->easy) {
        curl_easy_getinfo(f->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
        curl_easy_getinfo(f->easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &of_proxy);
    }
    if (of_proxy != X509_V_OK) {
        err_set(ret_err, ERR_UNAVAILABLE,
                "connect to %s: the proxy's certificate is not trusted (%s); the CA in use is %s",
                f->authority, X509_verify_cert_error_string(of_proxy), f->ca_name);
        return;
    }
    switch (verdict) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED: /* libcurl checks the name before it asks for the verdict: the
                                    chain is good */
        err_set(ret_err, ERR_UNAVAILABLE,
                "connect to %s: the server's certificate is for another name; check server or set "
                "tls-server-name",
                f->authority);
        return;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        err_set(ret_err, ERR_UNAVAILABLE, "connect to %s: the server's certificate has expired",
                f->authority);
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        err_set(ret_err, ERR_UNAVAILABLE,
                "connect to %s: the server's certificate is not valid yet; is the clock right?",
                f->authority);
        return;
    default:
        err_set(ret_err, ERR_UNAVAILABLE,
                "connect to %s: the server's certificate is not trusted (%s); the CA in use is %s",
                f->authority, X509_verify_cert_error_string(verdict), f->ca_name);
    }
}

static void handshake_failed(const struct http_failure *f, struct err *ret_err)
{
    if (f->reason && (strstr(f->reason, "unsupported protocol") ||
                      strstr(f->reason, "protocol version") || strstr(f->reason, "wrong version")))
        err_set(ret_err, ERR_UNAVAILABLE,
                "connect to %s: the server does not speak TLS 1.2 or newer", f->authority);
    else
        say(f, ret_err, "TLS handshake with");
}

void http_error(const struct http_failure *f, struct err *ret_err)
{
    switch (f->result) {
    case CURLE_OUT_OF_MEMORY: /* libcurl 7.88 says so, too, when a header line is over its ceiling
                               */
        if (f->had_memory)
            err_set(ret_err, ERR_LIMIT, "answer of %s: a header line of more than %d KiB",
                    f->authority, CURL_MAX_HTTP_HEADER / 1024);
        else
            err_nomem(ret_err);
        return;
    case CURLE_COULDNT_RESOLVE_HOST:
        err_set(ret_err, ERR_UNAVAILABLE, "connect to %s: no such host name; check server or DNS",
                f->authority);
        return;
    case CURLE_COULDNT_RESOLVE_PROXY:
        err_set(ret_err, ERR_UNAVAILABLE,
                "connect to %s: the proxy has no such host name; check proxy-url or HTTPS_PROXY",
                f->authority);
        return;
    case CURLE_COULDNT_CONNECT:
        refused(f, ret_err);
        return;
    case CURLE_OPERATION_TIMEDOUT: /* the only time limit that libcurl has from us */
        err_set(ret_err, ERR_TIMEOUT,
                "connect to %s: no answer; is it reachable from here (firewall, network policy)?",
                f->authority);
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
        distrusted(f, ret_err);
        return;
    case CURLE_SSL_CONNECT_ERROR:
        handshake_failed(f, ret_err);
        return;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        err_set(ret_err, ERR_UNAVAILABLE, "%s closed the connection before its answer was complete",
                f->authority);
        return;
    case CURLE_WRITE_ERROR: /* our own callbacks end a flight before libcurl can say so */
    case CURLE_BAD_CONTENT_ENCODING:
        err_set(ret_err, ERR_UNAVAILABLE, "answer of %s: its gzip encoding cannot be read",
                f->authority);
        return;
    default:
        say(f, ret_err, "connection to");
    }
}

bool http_error_is_tls(CURLcode result)
{
    switch (result) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_RECV_ERROR: /* TLS 1.3: a refused client certificate shows in the first read */
        return true;
    default:
        return false;
    }
}

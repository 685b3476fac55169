#include "rampart/edge/endpoint.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/strbuf.h"

/* The parts of a URL as libcurl gives them; each is freed with curl_free(). */
struct parts {
    char *host; /* "[::1]" with its brackets */
    char *port;
    char *path;
};

static void parts_done(struct parts *p)
{
    curl_free(p->host);
    curl_free(p->port);
    curl_free(p->path);
}

static bool has(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool is_there = curl_url_get(url, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return is_there;
}

static int parse(const char *server, struct parts *p, struct err *err)
{
    CURLU *url = curl_url();
    CURLUcode code;
    int r = 0;

    if (!url)
        return err_nomem(err);
    code = curl_url_set(url, CURLUPART_URL, server, CURLU_DISALLOW_USER);
    if (code == CURLUE_OUT_OF_MEMORY)
        r = err_nomem(err);
    else if (code != CURLUE_OK || strncasecmp(server, "https://", 8) != 0 ||
             has(url, CURLUPART_QUERY) || has(url, CURLUPART_FRAGMENT))
        r = err_set(err, ERR_INVALID, "server: expected https://host:port");
    else if (curl_url_get(url, CURLUPART_HOST, &p->host, 0) != CURLUE_OK ||
             curl_url_get(url, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
             curl_url_get(url, CURLUPART_PATH, &p->path, 0) != CURLUE_OK)
        r = err_nomem(err);
    curl_url_cleanup(url);
    return r;
}

static char *printed(struct err *err, const char *what, const char *const *pieces, size_t count)
{
    AUTO_STRBUF b;
    char *text;
    size_t len;

    strbuf_init(&b, ENDPOINT_URL_MAX);
    for (size_t i = 0; i < count; i++)
        strbuf_adds(&b, pieces[i]);
    if (strbuf_check(&b, what, err) < 0)
        return NULL;
    text = strbuf_take(&b, &len);
    if (!text)
        err_nomem(err);
    return text;
}

#define PRINTED(err, what, ...)                            \
    printed(err, what, (const char *const[]){__VA_ARGS__}, \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static const char *env(const char *name, const char *other)
{
    const char *value = getenv(name);

    return value && *value ? value : getenv(other);
}

static int find_proxy(struct endpoint *e, const struct parts *p, const struct client_config *config,
                      struct err *err)
{
    const char *text = config->proxy_url;
    AUTO_MEM char *host = NULL;
    size_t len = strlen(p->host);

    if (text)
        return proxy_init(&e->proxy, text, "proxy-url", err);
    host = p->host[0] == '[' ? mem_strndup(p->host + 1, len - 2) : mem_strdup(p->host);
    if (!host)
        return err_nomem(err);
    text =
        proxy_choose(host, p->port, env("HTTPS_PROXY", "https_proxy"), env("NO_PROXY", "no_proxy"));
    return text ? proxy_init(&e->proxy, text, "HTTPS_PROXY", err) : 0;
}

/* As it stands in a URL, in @ret_name; false: neither a host name nor an address. */
static bool tls_name_in_url(const char *name, char ret_name[ENDPOINT_TLS_NAME_MAX])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789.-_";
    unsigned char address[16];
    bool is_ipv6 = inet_pton(AF_INET6, name, address) == 1;

    if (strlen(name) + 3 > ENDPOINT_TLS_NAME_MAX ||
        (!is_ipv6 && strspn(name, alphabet) != strlen(name)))
        return false;
    (void)snprintf(ret_name, ENDPOINT_TLS_NAME_MAX, is_ipv6 ? "[%s]" : "%s", name);
    return true;
}

/* libcurl checks the certificate against the URL's host: that becomes the stated name, and the true
 * address goes into CURLOPT_CONNECT_TO. */
static int rename_host(struct endpoint *e, const struct parts *p, const char *tls_name,
                       struct err *err)
{
    AUTO_MEM char *detour = NULL;

    detour = PRINTED(err, "server", tls_name, ":", p->port, ":", p->host, ":", p->port);
    if (!detour)
        return -1;
    e->host_header = PRINTED(err, "server", "Host: ", p->host, ":", p->port);
    if (!e->host_header)
        return -1;
    e->connect_to = curl_slist_append(NULL, detour);
    return e->connect_to ? 0 : err_nomem(err);
}

static int fill(struct endpoint *e, const struct parts *p, const struct client_config *config,
                struct err *err)
{
    char tls_name[ENDPOINT_TLS_NAME_MAX];
    bool is_renamed = config->tls_server_name != NULL;
    const char *via;
    size_t len = strlen(p->path);

    while (len > 0 && p->path[len - 1] == '/')
        p->path[--len] = '\0';
    if (is_renamed && !tls_name_in_url(config->tls_server_name, tls_name))
        return err_set(err, ERR_INVALID, "tls-server-name: expected a host name");
    if ((is_renamed && rename_host(e, p, tls_name, err) < 0) || find_proxy(e, p, config, err) < 0)
        return -1;
    via = e->proxy.authority;
    e->authority = PRINTED(err, "server", p->host, ":", p->port, via ? " (proxy " : "",
                           via ? via : "", via ? ")" : "");
    if (!e->authority)
        return -1;
    e->base_url =
        PRINTED(err, "server", "https://", is_renamed ? tls_name : p->host, ":", p->port, p->path);
    return e->base_url ? 0 : -1;
}

int endpoint_init(struct endpoint *e, const struct client_config *config, struct err *err)
{
    struct parts p = {0};
    int r = parse(config->server, &p, err);

    memset(e, 0, sizeof(*e));
    if (r == 0)
        r = fill(e, &p, config, err);
    parts_done(&p);
    if (r < 0) {
        endpoint_done(e);
        return err_wrap(err, "%s", config->source ? config->source : "configuration");
    }
    return 0;
}

void endpoint_done(struct endpoint *e)
{
    MEM_FREE_NULL(e->base_url);
    MEM_FREE_NULL(e->authority);
    MEM_FREE_NULL(e->host_header);
    curl_slist_free_all(e->connect_to);
    e->connect_to = NULL;
    proxy_done(&e->proxy);
}

char *endpoint_url(const struct endpoint *e, const char *path, struct err *err)
{
    size_t base_len = strlen(e->base_url), path_len = strlen(path);
    char *url = mem_alloc(base_len + path_len + 1);

    if (!url) {
        err_nomem(err);
        return NULL;
    }
    memcpy(url, e->base_url, base_len);
    memcpy(url + base_len, path, path_len + 1);
    return url;
}

CURLcode endpoint_apply(const struct endpoint *e, const struct tls *tls, CURL *easy)
{
    CURLcode code = proxy_apply(&e->proxy, tls, easy);

    if (code == CURLE_OK && e->connect_to)
        code = curl_easy_setopt(easy, CURLOPT_CONNECT_TO, e->connect_to);
    return code;
}

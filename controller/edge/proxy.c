#include "rampart/edge/proxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "rampart/base/strbuf.h"
#include "rampart/edge/tls.h"
#include "rampart/kube/cidr.h"

#define HOST_MAX \
    256 /* bytes of a host name, or of an entry of NO_PROXY; longer ones match nothing */
#define URL_MAX 2048

/* The schemes that Go knows, and what libcurl calls them. It looks names up at the proxy. */
static const struct {
    const char *name, *curl_name, *port;
} schemes[] = {
    {"http", "http", "80"},
    {"https", "https", "443"},
    {"socks5", "socks5h", "1080"},
    {"socks5h", "socks5h", "1080"},
};

/* ---- The environment ---- */

/* An address of either family as text; false: it is a name. IPv4 stands in the first four bytes. */
static bool parse_address(const char *text, unsigned char ret_bytes[16], bool *ret_is_ipv6)
{
    memset(ret_bytes, 0, 16);
    *ret_is_ipv6 = strchr(text, ':') != NULL;
    return inet_pton(*ret_is_ipv6 ? AF_INET6 : AF_INET, text, ret_bytes) == 1;
}

static bool is_loopback(const char *host)
{
    static const unsigned char v6[16] = {[15] = 1};
    unsigned char bytes[16];
    bool is_ipv6;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (!parse_address(host, bytes, &is_ipv6))
        return false;
    return is_ipv6 ? memcmp(bytes, v6, sizeof(v6)) == 0 : bytes[0] == 127;
}

static bool same_address(const char *one, const char *other)
{
    unsigned char a[16], b[16];
    bool is_ipv6_a, is_ipv6_b;

    return parse_address(one, a, &is_ipv6_a) && parse_address(other, b, &is_ipv6_b) &&
           is_ipv6_a == is_ipv6_b && memcmp(a, b, sizeof(a)) == 0;
}

static bool in_block(const char *host, const char *block)
{
    struct cidr outer, inner;
    char text[HOST_MAX + 8];

    (void)snprintf(text, sizeof(text), "%s/%d", host, strchr(host, ':') ? 128 : 32);
    return cidr_parse(block, &outer, NULL) == 0 && cidr_parse(text, &inner, NULL) == 0 &&
           cidr_contains(&outer, &inner);
}

/* "host:port" is cut into both; a lone IPv6 address is no such thing. "[...]" loses its brackets.
 */
static const char *cut_port(char **entry)
{
    char *colon = strrchr(*entry, ':');
    const char *port = NULL;
    size_t len;

    if (colon && (**entry == '[' ? colon[-1] == ']' : strchr(*entry, ':') == colon)) {
        *colon = '\0';
        port = colon + 1;
    }
    len = strlen(*entry);
    if (**entry == '[' && (*entry)[len - 1] == ']') {
        (*entry)[len - 1] = '\0';
        (*entry)++;
    }
    return port;
}

/* Whether @host is the domain @name or below it; "." or "*." in front: only below. */
static bool in_domain(const char *host, const char *name)
{
    bool is_below_only = false;
    size_t host_len = strlen(host), name_len;

    if (name[0] == '*' && name[1] == '.')
        name++;
    if (*name == '.') {
        is_below_only = true;
        name++;
    }
    name_len = strlen(name);
    if (host_len == name_len)
        return !is_below_only && strcasecmp(host, name) == 0;
    return host_len > name_len && host[host_len - name_len - 1] == '.' &&
           strcasecmp(host + host_len - name_len, name) == 0;
}

/* Whether one entry of NO_PROXY covers the server. */
static bool covers(char *entry, const char *host, const char *port)
{
    unsigned char bytes[16];
    bool is_ipv6, is_address = parse_address(host, bytes, &is_ipv6);
    const char *its_port;

    if (strcmp(entry, "*") == 0)
        return true;
    if (strchr(entry, '/'))
        return is_address && in_block(host, entry);
    its_port = cut_port(&entry);
    if (*entry == '\0' || (its_port && *its_port && strcmp(its_port, port) != 0))
        return false;
    return is_address ? same_address(host, entry) : in_domain(host, entry);
}

const char *proxy_choose(const char *host, const char *port, const char *https_proxy,
                         const char *no_proxy)
{
    if (!https_proxy || !*https_proxy || is_loopback(host))
        return NULL;
    while (no_proxy && *no_proxy) {
        size_t len = strcspn(no_proxy, ",");
        size_t blank = strspn(no_proxy, " \t");
        char entry[HOST_MAX];

        if (blank < len && len - blank < sizeof(entry)) {
            memcpy(entry, no_proxy + blank, len - blank);
            entry[len - blank] = '\0';
            entry[strcspn(entry, " \t")] = '\0';
            if (covers(entry, host, port))
                return NULL;
        }
        no_proxy += len + (no_proxy[len] == ',');
    }
    return https_proxy;
}

/* ---- The proxy ---- */

/* NULL: not there, or libcurl does not take it; @code tells. The caller frees it with curl_free().
 */
static char *part(CURLU *url, CURLUPart which, unsigned flags, CURLUcode *code)
{
    char *text = NULL;

    *code = curl_url_get(url, which, &text, flags);
    return text;
}

static int fill(struct proxy *p, size_t scheme, const char *host, const char *port, struct err *err)
{
    AUTO_STRBUF b;

    strbuf_init(&b, URL_MAX);
    strbuf_addf(&b, "%s:%s", host, port ? port : schemes[scheme].port);
    p->authority = strbuf_take(&b, NULL);
    strbuf_clear(&b);
    strbuf_addf(&b, "%s://%s", schemes[scheme].curl_name, p->authority ? p->authority : "");
    p->url = strbuf_take(&b, NULL);
    p->is_https = strcmp(schemes[scheme].name, "https") == 0;
    return p->authority && p->url ? 0 : err_nomem(err);
}

/* Percent-decoded, and without anything that could end a line. @ret_text is owned by the caller. */
static int decode(const char *text, char **ret_text, struct err *err)
{
    int len = 0;
    char *plain = curl_easy_unescape(NULL, text, 0, &len);
    char *copy = NULL;
    bool is_text = true;

    for (int i = 0; plain && i < len; i++)
        is_text = is_text && (unsigned char)plain[i] >= ' ' && plain[i] != 0x7f;
    if (plain && is_text)
        copy = mem_strndup(plain, (size_t)len);
    if (plain)
        explicit_bzero(plain, (size_t)len);
    curl_free(plain);
    if (!is_text)
        return err_set(err, ERR_INVALID, "its user or password holds a control character");
    *ret_text = copy;
    return copy ? 0 : err_nomem(err);
}

static int take_user(struct proxy *p, CURLU *url, struct err *err)
{
    CURLUcode of_user, of_password;
    char *user = part(url, CURLUPART_USER, 0, &of_user);
    char *password = part(url, CURLUPART_PASSWORD, 0, &of_password);
    int r = 0;

    if (of_user == CURLUE_OUT_OF_MEMORY || of_password == CURLUE_OUT_OF_MEMORY)
        r = err_nomem(err);
    else if (user)
        r = decode(user, &p->user, err) < 0 ||
                    decode(password ? password : "", &p->password, err) < 0
                ? -1
                : 0;
    if (password)
        explicit_bzero(password, strlen(password));
    curl_free(user);
    curl_free(password);
    return r;
}

static int parse(struct proxy *p, CURLU *url, struct err *err)
{
    CURLUcode of_scheme, of_host, of_port;
    char *scheme = part(url, CURLUPART_SCHEME, 0, &of_scheme);
    char *host = part(url, CURLUPART_HOST, 0, &of_host);
    char *port = part(url, CURLUPART_PORT, 0, &of_port);
    size_t which = 0;
    int r;

    while (scheme && which < sizeof(schemes) / sizeof(schemes[0]) &&
           strcasecmp(scheme, schemes[which].name) != 0)
        which++;
    if (of_scheme == CURLUE_OUT_OF_MEMORY || of_host == CURLUE_OUT_OF_MEMORY ||
        of_port == CURLUE_OUT_OF_MEMORY)
        r = err_nomem(err);
    else if (!scheme || !host || !*host || which == sizeof(schemes) / sizeof(schemes[0]))
        r = err_set(err, ERR_INVALID, "expected http://, https:// or socks5:// and host:port");
    else
        r = fill(p, which, host, port, err);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return r < 0 ? -1 : take_user(p, url, err);
}

int proxy_init(struct proxy *p, const char *text, const char *field, struct err *err)
{
    CURLU *url = curl_url();
    AUTO_MEM char *longer = NULL;
    CURLUcode code = CURLUE_OUT_OF_MEMORY;
    AUTO_STRBUF b;
    int r;

    memset(p, 0, sizeof(*p));
    strbuf_init(&b, URL_MAX);
    strbuf_addf(&b, strstr(text, "://") ? "%s" : "http://%s", text); /* Go does likewise */
    longer = strbuf_take(&b, NULL);
    if (url && longer)
        code = curl_url_set(url, CURLUPART_URL, longer, CURLU_NON_SUPPORT_SCHEME);
    if (longer)
        explicit_bzero(longer, strlen(longer));
    /* libcurl 7.88 splits user and password wherever there is an @; only memory can fail it. */
    if (code == CURLUE_OUT_OF_MEMORY || code == CURLUE_BAD_LOGIN)
        r = b.broke == ERR_LIMIT ? err_set(err, ERR_INVALID, "longer than %d bytes", URL_MAX)
                                 : err_nomem(err);
    else if (code != CURLUE_OK)
        r = err_set(err, ERR_INVALID, "expected http://, https:// or socks5:// and host:port");
    else
        r = parse(p, url, err);
    curl_url_cleanup(url);
    if (r < 0) {
        proxy_done(p);
        return err && err->code == ERR_INVALID ? err_wrap(err, "%s", field) : -1;
    }
    return 0;
}

void proxy_done(struct proxy *p)
{
    if (p->password)
        explicit_bzero(p->password, strlen(p->password));
    MEM_FREE_NULL(p->url);
    MEM_FREE_NULL(p->authority);
    MEM_FREE_NULL(p->user);
    MEM_FREE_NULL(p->password);
}

CURLcode proxy_apply(const struct proxy *p, const struct tls *tls, CURL *easy)
{
    /* "" keeps libcurl from reading the environment by rules of its own. */
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROXY, p->url ? p->url : "");

    if (code == CURLE_OK && p->url)
        code = curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (code == CURLE_OK && p->user)
        code = curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, p->user);
    if (code == CURLE_OK && p->user)
        code = curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, p->password);
    return code == CURLE_OK && p->is_https ? tls_apply_to_proxy(tls, easy) : code;
}

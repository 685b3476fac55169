/* Where to connect: the fields of a cluster. */
#include <string.h>

#include "kubeconfig_entry.h"

/* The edge takes the URL apart; what is refused here is what could send a credential astray. */
static int check_server(const struct kubeconfig_entry *e, const char *server, struct err *err)
{
    if (!server)
        return entry_complain(e, err, "server is missing");
    if (strncasecmp(server, "http://", 7) == 0)
        return entry_complain(
            e, err, "server: http is refused, a token would travel in the clear; use https");
    if (strncasecmp(server, "https://", 8) != 0)
        return entry_complain(e, err, "server: expected https://host:port");
    if (strpbrk(server, "@?#\\\"<> \t\r\n"))
        return entry_complain(e, err,
                              "server: expected https://host:port without a user, query or spaces");
    return 0;
}

/* It may hold a password: a message never quotes it. */
static int check_proxy(const struct kubeconfig_entry *e, const char *proxy, struct err *err)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://"};
    bool is_known = false;

    if (!proxy)
        return 0;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        is_known = is_known || strncasecmp(proxy, schemes[i], strlen(schemes[i])) == 0;
    if (!is_known)
        return entry_complain(e, err,
                              "proxy-url: expected http://, https:// or socks5:// and host:port");
    for (const char *c = proxy; *c; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return entry_complain(e, err, "proxy-url: holds a space or a control character");
    }
    return 0;
}

int kubeconfig_cluster(const struct kubeconfig_entry *e, struct arena *a, struct client_config *c,
                       struct err *err)
{
    if (entry_text(e, "server", a, &c->server, err) < 0 ||
        entry_text(e, "tls-server-name", a, &c->tls_server_name, err) < 0 ||
        entry_text(e, "proxy-url", a, &c->proxy_url, err) < 0 ||
        entry_path(e, "certificate-authority", a, &c->ca_file, err) < 0 ||
        entry_data(e, "certificate-authority-data", a, &c->ca_data, err) < 0 ||
        entry_flag(e, "insecure-skip-tls-verify", &c->skips_tls_verify, err) < 0 ||
        entry_flag(e, "disable-compression", &c->disables_compression, err) < 0)
        return -1;
    if (c->ca_file && c->ca_data)
        return entry_complain(e, err,
                              "certificate-authority and certificate-authority-data are both "
                              "stated; remove one");
    if (c->skips_tls_verify && (c->ca_file || c->ca_data))
        return entry_complain(
            e, err, "insecure-skip-tls-verify contradicts certificate-authority; remove one");
    return check_server(e, c->server, err) < 0 ? -1 : check_proxy(e, c->proxy_url, err);
}

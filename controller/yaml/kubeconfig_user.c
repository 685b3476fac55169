/* As whom to connect: the fields of a user. */
#include "kubeconfig_entry.h"

static int check_certificate(const struct kubeconfig_entry *e, struct client_config *c,
                             struct err *err)
{
    if (!c->cert_file && !c->cert_data) {
        c->key_file = NULL; /* a key alone says nothing: client-go passes over it too */
        c->key_data = NULL;
        return 0;
    }
    if (c->cert_file && c->cert_data)
        return entry_complain(
            e, err, "client-certificate and client-certificate-data are both stated; remove one");
    if (c->key_file && c->key_data)
        return entry_complain(e, err, "client-key and client-key-data are both stated; remove one");
    if (!c->key_file && !c->key_data)
        return entry_complain(e, err, "client-certificate has no client-key");
    return 0;
}

/* HTTP basic authentication: a user name makes it, a password alone is none. */
static int check_password(const struct kubeconfig_entry *e, struct client_config *c,
                          struct err *err)
{
    if ((c->token && (c->username || c->password)) || (c->token_file && c->username))
        return entry_complain(e, err,
                              "both a token and username/password are stated; only one is allowed");
    if (!c->username)
        c->password = NULL;
    else if (!c->password)
        c->password = "";
    return 0;
}

int kubeconfig_user(const struct kubeconfig_entry *e, const struct kubeconfig_entry *cluster,
                    struct arena *a, struct client_config *c, struct err *err)
{
    const json_t *provider = json_object_get(e->body, "auth-provider");

    if (provider && !json_is_null(provider))
        return entry_complain(e, err,
                              "auth-provider is not supported; use exec "
                              "with the plugin of your provider, a token or a client certificate");
    if (entry_text(e, "token", a, &c->token, err) < 0 ||
        entry_path(e, "tokenFile", a, &c->token_file, err) < 0 ||
        entry_text(e, "username", a, &c->username, err) < 0 ||
        entry_text(e, "password", a, &c->password, err) < 0 ||
        entry_path(e, "client-certificate", a, &c->cert_file, err) < 0 ||
        entry_data(e, "client-certificate-data", a, &c->cert_data, err) < 0 ||
        entry_path(e, "client-key", a, &c->key_file, err) < 0 ||
        entry_data(e, "client-key-data", a, &c->key_data, err) < 0 ||
        check_certificate(e, c, err) < 0 || check_password(e, c, err) < 0)
        return -1;
    if (kubeconfig_exec(e, cluster, a, c, err) < 0)
        return -1;
    return kubeconfig_impersonation(e, a, c, err);
}

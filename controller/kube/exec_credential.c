#include "rampart/kube/exec_credential.h"

#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/kube/timestamp.h"

#define TIME_TEXT_MAX 64
#define SECRET_LEN_MIN 40 /* no host name and hardly a word is as long without a slash */

static int check_kind(const json_t *root, const char *api_version, struct arena *a, struct err *err)
{
    const char *kind, *version;

    if (json_need_str(root, "kind", 64, a, &kind, err) < 0 ||
        json_need_str(root, "apiVersion", 128, a, &version, err) < 0)
        return -1;
    if (strcmp(kind, "ExecCredential") != 0)
        return err_set(err, ERR_INVALID, "kind: expected ExecCredential");
    if (strcmp(version, api_version) != 0)
        return err_set(err, ERR_INVALID, "apiVersion: expected %s, as the kubeconfig says",
                       api_version);
    return 0;
}

static int get_text(const json_t *status, const char *name, size_t len_max, struct arena *a,
                    const char **ret_text, struct err *err)
{
    const char *text;

    if (json_get_str(status, name, len_max, a, &text, err) < 0)
        return -1;
    *ret_text = text && *text ? text : NULL;
    return 0;
}

static int decode_status(const json_t *status, struct arena *a, struct exec_credential *c,
                         struct err *err)
{
    const char *expires;

    if (get_text(status, "token", EXEC_TOKEN_MAX, a, &c->token, err) < 0 ||
        get_text(status, "clientCertificateData", EXEC_PEM_MAX, a, &c->cert, err) < 0 ||
        get_text(status, "clientKeyData", EXEC_PEM_MAX, a, &c->key, err) < 0 ||
        get_text(status, "expirationTimestamp", TIME_TEXT_MAX, a, &expires, err) < 0)
        return -1;
    c->expires_ms = INT64_MAX;
    if (expires && timestamp_parse(expires, &c->expires_ms, NULL) < 0)
        return err_set(err, ERR_INVALID, "expirationTimestamp: expected an RFC 3339 time");
    if (!c->cert != !c->key)
        return err_set(err, ERR_INVALID, ": %s is there and %s is not",
                       c->cert ? "clientCertificateData" : "clientKeyData",
                       c->cert ? "clientKeyData" : "clientCertificateData");
    if (!c->token && !c->cert)
        return err_set(err, ERR_INVALID,
                       ": neither token nor clientCertificateData and clientKeyData");
    return 0;
}

int exec_credential_decode(const char *text, size_t len, const char *api_version, struct arena *a,
                           struct exec_credential *ret_credential, struct err *err)
{
    struct exec_credential c = {0};
    struct err why = {0};
    json_auto_t *root = json_decode(text, len, &why);
    const json_t *status;

    if (!root && why.code == ERR_INVALID) /* the parser's words may quote what it read */
        return err_set(err, ERR_INVALID, "what it printed is not JSON");
    if (!root)
        return err_set(err, why.code, "%s", why.msg);
    if (!json_is_object(root))
        return err_set(err, ERR_INVALID, "expected an object of kind ExecCredential");
    if (check_kind(root, api_version, a, err) < 0 || json_get_obj(root, "status", &status, err) < 0)
        return -1;
    if (!status)
        return err_set(err, ERR_INVALID, "status is missing");
    if (decode_status(status, a, &c, err) < 0)
        return json_path_wrap(err, "status");
    *ret_credential = c;
    return 0;
}

static void add_known(struct json_build *j, const char *name, const char *text)
{
    if (text)
        json_add_str(j, name, text);
}

static void add_cluster(struct json_build *j, const struct exec_cluster *cluster)
{
    json_open_obj(j, "cluster");
    json_add_str(j, "server", cluster->server);
    add_known(j, "tls-server-name", cluster->tls_server_name);
    if (cluster->skips_tls_verify)
        json_add_bool(j, "insecure-skip-tls-verify", true);
    add_known(j, "certificate-authority-data", cluster->ca_base64);
    add_known(j, "proxy-url", cluster->proxy_url);
    if (cluster->disables_compression)
        json_add_bool(j, "disable-compression", true);
    if (cluster->config_json)
        json_add_raw(j, "config", cluster->config_json);
    else
        json_add_null(j, "config");
    json_close_obj(j);
}

char *exec_info(const char *api_version, const struct exec_cluster *cluster, struct arena *a,
                struct err *err)
{
    struct json_build j;
    AUTO_STRBUF b;
    char *text;

    strbuf_init(&b, EXEC_INFO_MAX);
    json_build_init(&j, &b);
    json_open_obj(&j, NULL);
    json_add_str(&j, "kind", "ExecCredential");
    json_add_str(&j, "apiVersion", api_version);
    json_open_obj(&j, "spec");
    if (cluster)
        add_cluster(&j, cluster);
    json_add_bool(&j, "interactive", false);
    json_close_obj(&j);
    json_close_obj(&j);
    if (strbuf_check(&b, "KUBERNETES_EXEC_INFO", err) < 0)
        return NULL;
    text = arena_strndup(a, b.text, b.len);
    if (!text)
        err_nomem(err);
    return text;
}

static size_t token_len(const char *text, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789+_=.-";
    size_t run = 0;

    while (run < len && text[run] && strchr(alphabet, text[run]))
        run++;
    return run;
}

/* The last line that is more than white space. */
static void last_line(const char **text, size_t *len)
{
    const char *start;

    while (*len > 0 && (unsigned char)(*text)[*len - 1] <= ' ')
        (*len)--;
    start = *len > 0 ? memrchr(*text, '\n', *len) : NULL;
    if (start) {
        *len -= (size_t)(start + 1 - *text);
        *text = start + 1;
    }
}

void exec_complaint(const char *text, size_t len, char ret_text[EXEC_COMPLAINT_MAX])
{
    static const char hidden[] = "[hidden]";
    size_t at = 0;

    last_line(&text, &len);
    while (len > 0 && at < EXEC_COMPLAINT_MAX - sizeof(hidden)) {
        size_t run = token_len(text, len);

        if (run >= SECRET_LEN_MIN) {
            memcpy(ret_text + at, hidden, sizeof(hidden) - 1);
            at += sizeof(hidden) - 1;
        } else {
            run = run > 0 ? run : 1;
            for (size_t i = 0; i < run && at < EXEC_COMPLAINT_MAX - sizeof(hidden); i++) {
                char c = text[i];

                ret_text[at++] = (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
            }
        }
        text += run;
        len -= run;
    }
    ret_text[at] = '\0';
}

#include "rampart/edge/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "rampart/edge/config.h"

/* One PEM text and the file that it came from. */
struct pem {
    char *text; /* owned; NULL: none */
    size_t len;
    char *path; /* owned; NULL: it stood in the configuration itself */
};

struct tls {
    unsigned refs;
    struct pem ca; /* none: the system's */
    struct pem cert;
    struct pem key; /* secret */
    char *source;   /* owned; of the configuration, for messages */
    bool skips_verify;
};

static void pem_done(struct pem *p)
{
    if (p->text)
        explicit_bzero(p->text, p->len);
    MEM_FREE_NULL(p->text);
    MEM_FREE_NULL(p->path);
}

/* @field: what the kubeconfig calls it, for messages. */
static int pem_read(const struct tls *t, struct pem *p, const char *data, const char *path,
                    const char *field, struct err *err)
{
    if (data) {
        p->text = mem_strdup(data);
        p->len = strlen(data);
        return p->text ? 0 : err_nomem(err);
    }
    if (!path)
        return 0;
    p->path = mem_strdup(path);
    if (!p->path)
        return err_nomem(err);
    p->text = file_read(path, TLS_FILE_MAX, &p->len, err);
    return p->text ? 0 : err_wrap(err, "%s: %s", t->source, field);
}

static bool pem_equal(const struct pem *a, const struct pem *b)
{
    if (!a->text || !b->text)
        return a->text == b->text;
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static int complain(const struct tls *t, const struct pem *p, struct err *err, const char *what)
{
    ERR_clear_error();
    return err_set(err, ERR_INVALID, "%s: %s", p->path ? p->path : t->source, what);
}

static X509 *first_certificate(const struct pem *p)
{
    BIO *bio = BIO_new_mem_buf(p->text, (int)p->len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    return cert;
}

/* OpenSSL would ask on the terminal. */
static int no_passphrase(char *text, int size, int is_writing, void *ctx)
{
    (void)text;
    (void)size;
    (void)is_writing;
    (void)ctx;
    return -1;
}

static int check_identity(const struct tls *t, struct err *err)
{
    BIO *bio = BIO_new_mem_buf(t->key.text, (int)t->key.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    X509 *cert = first_certificate(&t->cert);
    int r = 0;

    if (!cert)
        r = complain(t, &t->cert, err, "no certificate in the client certificate (PEM)");
    else if (!key)
        r = complain(t, &t->key, err, "no readable private key (PEM, not encrypted)");
    else if (X509_check_private_key(cert, key) != 1)
        r = complain(t, &t->key, err, "the client key does not belong to the client certificate");
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return r;
}

static int check(const struct tls *t, struct err *err)
{
    if (t->ca.text) {
        X509 *cert = first_certificate(&t->ca);

        if (!cert)
            return complain(t, &t->ca, err, "no certificate in the certificate authority (PEM)");
        X509_free(cert);
    }
    return t->cert.text && t->key.text ? check_identity(t, err) : 0;
}

struct tls *tls_new(const struct client_config *config, struct err *err)
{
    struct tls *t = mem_calloc(1, sizeof(*t));

    if (!t) {
        err_nomem(err);
        return NULL;
    }
    t->refs = 1;
    t->skips_verify = config->skips_tls_verify;
    t->source = mem_strdup(config->source ? config->source : "the configuration");
    if (!t->source)
        err_nomem(err);
    if (!t->source ||
        pem_read(t, &t->ca, config->ca_data, config->ca_file, "certificate-authority", err) < 0 ||
        pem_read(t, &t->cert, config->cert_data, config->cert_file, "client-certificate", err) <
            0 ||
        pem_read(t, &t->key, config->key_data, config->key_file, "client-key", err) < 0 ||
        check(t, err) < 0) {
        tls_unref(t);
        return NULL;
    }
    return t;
}

/* Data for @p as it stands in @config when it did not come from a file. */
static const char *kept(const struct pem *p)
{
    return p->path ? NULL : p->text;
}

int tls_reload(const struct tls *t, struct tls **ret_tls, struct err *err)
{
    const struct client_config config = {
        .skips_tls_verify = t->skips_verify,
        .source = t->source,
        .ca_file = t->ca.path,
        .ca_data = kept(&t->ca),
        .cert_file = t->cert.path,
        .cert_data = kept(&t->cert),
        .key_file = t->key.path,
        .key_data = kept(&t->key),
    };
    struct tls *fresh;

    if (!tls_has_files(t))
        return 0;
    fresh = tls_new(&config, err);
    if (!fresh)
        return -1;
    if (pem_equal(&t->ca, &fresh->ca) && pem_equal(&t->cert, &fresh->cert) &&
        pem_equal(&t->key, &fresh->key)) {
        tls_unref(fresh);
        return 0;
    }
    *ret_tls = fresh;
    return 1;
}

struct tls *tls_identify(const struct tls *t, const char *cert, const char *key, struct err *err)
{
    const struct client_config config = {
        .skips_tls_verify = t->skips_verify,
        .source = t->source,
        .ca_data = t->ca.text,
        .cert_data = cert,
        .key_data = key,
    };
    struct tls *other = tls_new(&config, err);

    if (!other || !t->ca.path)
        return other;
    other->ca.path = mem_strdup(t->ca.path); /* to be read again, and named, as before */
    if (!other->ca.path) {
        tls_unref(other);
        err_nomem(err);
        return NULL;
    }
    return other;
}

bool tls_same_identity(const struct tls *one, const struct tls *other)
{
    return pem_equal(&one->cert, &other->cert) && pem_equal(&one->key, &other->key);
}

bool tls_has_files(const struct tls *t)
{
    return t->ca.path || t->cert.path || t->key.path;
}

struct tls *tls_ref(struct tls *t)
{
    t->refs++;
    return t;
}

void tls_unref(struct tls *t)
{
    if (!t)
        return;
    assert(t->refs > 0);
    if (--t->refs > 0)
        return;
    pem_done(&t->ca);
    pem_done(&t->cert);
    pem_done(&t->key);
    mem_free(t->source);
    mem_free(t);
}

static CURLcode set_blob(CURL *easy, CURLoption option, const struct pem *p)
{
    struct curl_blob blob = {.data = p->text, .len = p->len, .flags = CURL_BLOB_NOCOPY};

    return p->text ? curl_easy_setopt(easy, option, &blob) : CURLE_OK;
}

CURLcode tls_apply(const struct tls *t, CURL *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);

    /* One connection gains nothing from resumption, and libcurl 7.88.1 frees twice where it cannot
     * store a session for want of memory. */
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    /* A stated CA is the only one: libcurl would go on trusting the system's folder beside it. */
    if (code == CURLE_OK && t->ca.text)
        code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (code == CURLE_OK)
        code = set_blob(easy, CURLOPT_CAINFO_BLOB, &t->ca);
    if (code == CURLE_OK)
        code = set_blob(easy, CURLOPT_SSLCERT_BLOB, &t->cert);
    if (code == CURLE_OK)
        code = set_blob(easy, CURLOPT_SSLKEY_BLOB, &t->key);
    if (code == CURLE_OK && t->skips_verify)
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    if (code == CURLE_OK && t->skips_verify)
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    return code;
}

CURLcode tls_apply_to_proxy(const struct tls *t, CURL *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2);

    if (code == CURLE_OK && t->ca.text)
        code = curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    if (code == CURLE_OK)
        code = set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB, &t->ca);
    if (code == CURLE_OK && t->skips_verify)
        code = curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
    if (code == CURLE_OK && t->skips_verify)
        code = curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
    return code;
}

const char *tls_ca_name(const struct tls *t)
{
    if (t->ca.path)
        return t->ca.path;
    return t->ca.text ? t->source : "the system's certificate authorities";
}

bool tls_skips_verify(const struct tls *t)
{
    return t->skips_verify;
}

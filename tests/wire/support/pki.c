#include "wire/support/pki.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

#define DAY_S (24L * 3600)

static char *taken(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = malloc((size_t)len + 1);

    assert_non_null(text);
    memcpy(text, bytes, (size_t)len);
    text[len] = '\0';
    BIO_free(bio);
    return text;
}

static X509 *read_cert(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    assert_non_null(cert);
    BIO_free(bio);
    return cert;
}

static EVP_PKEY *read_key(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    assert_non_null(key);
    BIO_free(bio);
    return key;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

void pki_make(const struct pki_request *request, struct pki *ret_pki)
{
    static long serial = 1000;
    bool has_validity = request->from_days != 0 || request->to_days != 0;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY *signer = request->ca ? read_key(request->ca->key) : key;
    X509 *cert = X509_new();
    X509 *issuer = request->ca ? read_cert(request->ca->cert) : cert;
    BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());

    assert_non_null(key);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), has_validity ? request->from_days * DAY_S : -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), has_validity ? request->to_days * DAY_S : DAY_S);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)request->name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer));
    X509_set_pubkey(cert, key);
    extend(cert, issuer, NID_basic_constraints, request->ca ? "CA:FALSE" : "critical,CA:TRUE");
    if (request->san)
        extend(cert, issuer, NID_subject_alt_name, request->san);
    assert_true(X509_sign(cert, signer, EVP_sha256()) > 0);

    PEM_write_bio_X509(cert_bio, cert);
    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
    ret_pki->cert = taken(cert_bio);
    ret_pki->key = taken(key_bio);
    if (request->ca) {
        X509_free(issuer);
        EVP_PKEY_free(signer);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
}

void pki_done(struct pki *p)
{
    free(p->cert);
    free(p->key);
    *p = (struct pki){0};
}

/* Certificates for tests, made anew in each run: nothing secret or perishable lies in the
 * repository. */
#ifndef TESTS_WIRE_SUPPORT_PKI_H
#define TESTS_WIRE_SUPPORT_PKI_H

/* A key and its certificate as PEM text, both to be freed with pki_done(). */
struct pki {
    char *cert;
    char *key;
};

struct pki_request {
    const char *name;     /* common name */
    const char *san;      /* "IP:127.0.0.1,DNS:localhost"; NULL: none */
    const struct pki *ca; /* who signs; NULL: itself, as a CA */
    int from_days;        /* validity, relative to now; 0 and 0: an hour ago until tomorrow */
    int to_days;
};

void pki_make(const struct pki_request *request, struct pki *ret_pki);
void pki_done(struct pki *p);

#endif

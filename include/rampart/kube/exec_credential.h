/*
 * What a credential plugin is told and what it answers: the kind ExecCredential of
 * client.authentication.k8s.io/v1 and v1beta1 (kubernetes.io, "client-go credential plugins").
 * Pure; edge/exec_plugin.h runs the plugin.
 */
#ifndef RAMPART_KUBE_EXEC_CREDENTIAL_H
#define RAMPART_KUBE_EXEC_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"

#define EXEC_TOKEN_MAX (64u * 1024) /* bytes of a token */
#define EXEC_PEM_MAX (256u * 1024)  /* bytes of a certificate chain or a key */
#define EXEC_INFO_MAX (1024u * 1024)
#define EXEC_COMPLAINT_MAX 200 /* bytes of stderr that a message quotes */

/* All in the arena; NULL: not there. There is a token or a certificate with its key, or both. */
struct exec_credential {
    const char *token;  /* secret */
    const char *cert;   /* PEM */
    const char *key;    /* PEM, secret */
    int64_t expires_ms; /* wall clock; INT64_MAX: it does not say */
};

/* The cluster, for a plugin that wants to know; all borrowed, NULL: not stated. */
struct exec_cluster {
    const char *server;
    const char *tls_server_name;
    bool skips_tls_verify;
    const char *ca_base64; /* of the CA's PEM text */
    const char *proxy_url;
    bool disables_compression;
    const char *config_json; /* of the cluster's extension */
};

/* ERR_INVALID names the member and never quotes what stands there; ERR_NOMEM; ERR_LIMIT. */
MUST_CHECK int exec_credential_decode(const char *text, size_t len, const char *api_version,
                                      struct arena *a, struct exec_credential *ret_credential,
                                      struct err *err);

/* The value of KUBERNETES_EXEC_INFO, in the arena; @cluster may be NULL. Plugins are never given a
 * terminal: spec.interactive is false. NULL: ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK char *exec_info(const char *api_version, const struct exec_cluster *cluster,
                           struct arena *a, struct err *err);

/*
 * What is fit to be told of @text, which a plugin wrote to its stderr: the last line that is not
 * empty, with control characters as spaces, and "[hidden]" for whatever is long enough to be a
 * token. "" when there is nothing.
 */
void exec_complaint(const char *text, size_t len, char ret_text[EXEC_COMPLAINT_MAX]);

#endif

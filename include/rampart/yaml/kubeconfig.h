/*
 * kubeconfig files as client-go reads them: several files are merged, the first to set a map key
 * wins, relative paths are relative to the file that names them. Pure: the edge reads the files.
 */
#ifndef RAMPART_YAML_KUBECONFIG_H
#define RAMPART_YAML_KUBECONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"

#define KUBECONFIG_FILES_MAX 64

/* Where to connect and as whom; every string lies in the arena, NULL: not stated. Data wins over
 * files, but for the token: what was last read from @token_file wins over @token (as in client-go).
 */
struct client_config {
    const char *server; /* "https://host:port[/path]" */
    const char *tls_server_name;
    bool skips_tls_verify; /* insecure-skip-tls-verify; the edge warns about it */
    const char *ca_file;
    const char *ca_data; /* PEM, decoded */
    const char *cert_file;
    const char *cert_data; /* PEM */
    const char *key_file;
    const char *key_data;   /* PEM; secret */
    const char *token;      /* secret */
    const char *token_file; /* read again every minute and after a 401 */
    const char
        *source; /* for messages: "context \"kind-dev\" of /home/x/.kube/config", "in-cluster" */
};

struct kubeconfig_file {
    const char *path; /* absolute; for messages and relative paths */
    const char *text;
    size_t len;
};

/*
 * Merges @files in order and resolves @context (NULL: current-context). Errors, each naming file
 * and field: ERR_INVALID (syntax, type, unknown context/cluster/user, http server, bad base64, both
 * or neither half of a key pair, what is not supported: exec, auth-provider, username/password,
 * proxy-url, as), ERR_NOMEM, ERR_LIMIT. A file that is empty counts as one that says nothing; a
 * context without a user is nobody in particular.
 */
MUST_CHECK int kubeconfig_resolve(const struct kubeconfig_file *files, size_t files_count,
                                  const char *context, struct arena *a,
                                  struct client_config *ret_config, struct err *err);

#endif

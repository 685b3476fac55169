/*
 * kubeconfig files as client-go reads them: several files are merged, the first to set a map key
 * wins, relative paths are relative to the file that names them. Pure: the edge reads the files.
 * What is read differently on purpose is listed in docs/operations.md.
 */
#ifndef RAMPART_YAML_KUBECONFIG_H
#define RAMPART_YAML_KUBECONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"

#define KUBECONFIG_FILES_MAX 64
#define IMPERSONATION_LINES_MAX 256          /* header lines: user, uid, groups, extra values */
#define IMPERSONATION_BYTES_MAX (64u * 1024) /* of all of them; they go with each request */
#define EXEC_ARGS_MAX 256
#define EXEC_ENV_MAX 256

/* A credential plugin: a program that prints an ExecCredential (kube/exec_credential.h). */
struct exec_config {
    const char *api_version; /* "client.authentication.k8s.io/v1" or ".../v1beta1" */
    const char *command;     /* an absolute path, or a name to be looked up in PATH */
    const char **args;       /* without the command itself */
    size_t args_count;
    const char **env; /* "NAME=value", on top of our own environment */
    size_t env_count;
    const char *install_hint;      /* for the message when there is no such program; NULL: none */
    bool provides_cluster_info;    /* tells the plugin which cluster it is for */
    const char *cluster_extension; /* JSON of the cluster's extension for plugins; NULL: none */
};

/* Where to connect and as whom; every string lies in the arena, NULL: not stated. Of a file and its
 * inline data only one is stated. What was last read from @token_file wins over @token. */
struct client_config {
    const char *server; /* "https://host:port[/path]" */
    const char *tls_server_name;
    const char *proxy_url;     /* "http://", "https://" or "socks5://"; may hold a password */
    bool skips_tls_verify;     /* insecure-skip-tls-verify; the edge warns about it */
    bool disables_compression; /* no gzip */
    const char *ca_file;
    const char *ca_data; /* PEM, decoded */
    const char *cert_file;
    const char *cert_data; /* PEM */
    const char *key_file;
    const char *key_data;           /* PEM; secret */
    const char *token;              /* secret */
    const char *token_file;         /* read again every minute and after a 401 */
    const char *username;           /* of HTTP basic authentication, then with @password */
    const char *password;           /* secret; "" when only @username is stated */
    const struct exec_config *exec; /* only without token, username and client certificate */
    const char **impersonation;     /* header lines "Impersonate-User: jane", without line ends */
    size_t impersonation_count;
    const char *ns; /* of the context, for commands that are about one namespace */
    /* For messages: "context \"kind-dev\" of /home/x/.kube/config", "in-cluster". */
    const char *source;
};

struct kubeconfig_file {
    const char *path; /* absolute; for messages and relative paths */
    const char *text;
    size_t len;
};

/*
 * Merges @files in order and resolves @context (NULL: current-context). Errors, each naming file
 * and field: ERR_INVALID (syntax, type, unknown context/cluster/user, http server, bad base64, a
 * file beside its inline data, a certificate without a key, more than one of token and username,
 * what could end a header line, auth-provider, a plugin that wants a terminal), ERR_NOMEM,
 * ERR_LIMIT. A file that is empty counts as one that says nothing; a context without a user is
 * nobody in particular.
 */
MUST_CHECK int kubeconfig_resolve(const struct kubeconfig_file *files, size_t files_count,
                                  const char *context, struct arena *a,
                                  struct client_config *ret_config, struct err *err);

#endif

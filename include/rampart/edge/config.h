/*
 * Finds the API server and the credentials: --kubeconfig, else KUBECONFIG, else in-cluster, else
 * ~/.kube/config. In cluster: KUBERNETES_SERVICE_HOST/PORT (IPv6 too), token and ca.crt of the
 * mounted ServiceAccount.
 */
#ifndef RAMPART_EDGE_CONFIG_H
#define RAMPART_EDGE_CONFIG_H

#include "rampart/yaml/kubeconfig.h"

#define CONFIG_FILE_MAX (1024u * 1024)
#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/*
 * @path NULL or "": as above. @context NULL or "": the current one (an error together with
 * in-cluster). KUBECONFIG may name several files, those that do not exist are skipped. Errors:
 * kubeconfig_resolve()'s, ERR_IO, ERR_INVALID when there is no configuration at all; the message
 * says what to do.
 */
MUST_CHECK int config_load(const char *path, const char *context, struct arena *a,
                           struct client_config *ret_config, struct err *err);

/* The in-cluster configuration with another folder than SERVICE_ACCOUNT_DIR (tests). */
MUST_CHECK int config_in_cluster(const char *folder, struct arena *a,
                                 struct client_config *ret_config, struct err *err);

/* Whole file, NUL-terminated; ERR_NOT_FOUND or ERR_IO name the path and why, ERR_LIMIT over
 * @len_max. Caller frees with mem_free(). Blocks: local files only. */
MUST_CHECK char *file_read(const char *path, size_t len_max, size_t *ret_len, struct err *err);

/* The namespace this process runs in: POD_NAMESPACE, else the ServiceAccount's file, else
 * "rampart-system". In the arena. */
const char *config_own_namespace(struct arena *a);

#endif

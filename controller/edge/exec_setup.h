/* What a credential plugin is started with; a part of exec_plugin.c. */
#ifndef RAMPART_EDGE_EXEC_SETUP_H
#define RAMPART_EDGE_EXEC_SETUP_H

#include "rampart/yaml/kubeconfig.h"

#define EXEC_PATH_MAX 4096 /* bytes of a path that PATH leads to; longer ones are passed over */

struct exec_setup {
    struct arena memory; /* holds the rest */
    struct exec_config config;
    const char *source; /* of the configuration, for messages */
    const char *info;   /* "KUBERNETES_EXEC_INFO={...}" */
};

/* Copies what it needs of @config, and reads the CA for a plugin that wants to know the cluster.
 * ERR_IO, ERR_NOT_FOUND, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK int exec_setup_init(struct exec_setup *s, const struct client_config *config,
                               struct err *err);
void exec_setup_done(struct exec_setup *s);

/* A name without a slash is looked up in PATH; folders that are not absolute are passed over, as Go
 * does, lest the working folder decide what runs. NULL: there is no such program. */
const char *exec_setup_find(const struct exec_setup *s, char ret_path[EXEC_PATH_MAX]);
/* For one run, in @a; NULL: out of memory. The environment is ours as it is now, then the
 * kubeconfig's, then what the plugin is told: the later one replaces the earlier. */
MUST_CHECK char **exec_setup_args(const struct exec_setup *s, struct arena *a);
MUST_CHECK char **exec_setup_env(const struct exec_setup *s, struct arena *a);

#endif

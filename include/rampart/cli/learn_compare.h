/* What ServiceAccounts may do, for `rampart rbac learn` to hold against what they did. */
#ifndef RAMPART_CLI_LEARN_COMPARE_H
#define RAMPART_CLI_LEARN_COMPARE_H

#include "rampart/cli/args.h"
#include "rampart/reconcilers/access_graph.h"

#define LEARN_COMPARE_BYTES_MAX (512u << 20) /* of all roles and bindings */

struct learn_compare {
    struct arg_list files;  /* manifests, see manifests_read() */
    bool has_cluster;       /* that of the kubeconfig */
    const char *kubeconfig; /* NULL: as usual; borrowed, as all texts */
    const char *context;    /* NULL: the current one */
};

/* Whether there is anything to compare with. */
bool learn_compare_is_asked(const struct learn_compare *c);

/*
 * Fills and links @graph, which was initialised. What could not be read is said in a note on
 * stderr: rights in it are not told. Errors: access_read_path()'s, config_load()'s,
 * access_read_cluster()'s, access_link()'s.
 */
MUST_CHECK int learn_compare_read(const struct learn_compare *c, struct access *graph,
                                  struct err *err);

#endif

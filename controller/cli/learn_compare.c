#include "rampart/cli/learn_compare.h"

#include <stdio.h>

#include "rampart/cli/access_read.h"
#include "rampart/cli/terminal.h"
#include "rampart/edge/config.h"

#define CONFIG_BYTES_MAX (64u << 20)
#define NAMESPACE_USUAL "default"

bool learn_compare_is_asked(const struct learn_compare *c)
{
    return c->has_cluster || c->files.count > 0;
}

static int read_cluster(const struct learn_compare *c, struct access *graph, struct err *err)
{
    struct access_left_out left_out = {0};
    struct client_config config;
    struct log log;
    AUTO_ARENA a;

    arena_init(&a, CONFIG_BYTES_MAX);
    terminal_log_init(&log, LOG_ERROR);
    if (config_load(c->kubeconfig, c->context, &a, &config, err) < 0 ||
        access_read_cluster(&config, &log, NULL, graph, &left_out, err) < 0)
        return -1;
    if (left_out.count > 0)
        (void)fprintf(stderr,
                      "note: %zu of the roles and bindings cannot be read, and are not compared; "
                      "the first: %s\n",
                      left_out.count, left_out.first.msg);
    return 0;
}

int learn_compare_read(const struct learn_compare *c, struct access *graph, struct err *err)
{
    size_t missing = 0;

    for (size_t i = 0; i < c->files.count; i++) {
        if (access_read_path(c->files.items[i], NAMESPACE_USUAL, graph, err) < 0)
            return -1;
    }
    if ((c->has_cluster && read_cluster(c, graph, err) < 0) || access_link(graph, err) < 0)
        return -1;
    for (size_t i = 0; i < graph->bindings_count; i++)
        missing += graph->bindings[i].role == NULL;
    if (missing > 0)
        (void)fprintf(stderr, "note: %zu binding%s a role that is not there, and %s not compared\n",
                      missing, missing == 1 ? " binds" : "s bind", missing == 1 ? "is" : "are");
    return 0;
}

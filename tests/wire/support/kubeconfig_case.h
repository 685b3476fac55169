/* One kubeconfig text resolved by itself, for the tests of single fields. */
#ifndef TESTS_WIRE_SUPPORT_KUBECONFIG_CASE_H
#define TESTS_WIRE_SUPPORT_KUBECONFIG_CASE_H

#include <string.h>

#include "rampart/yaml/kubeconfig.h"
#include "support/unit.h"

/* A file of one context "c", cluster "k" and user "u" with the given bodies. */
#define FILE_OF(cluster, user)                                               \
    "apiVersion: v1\nkind: Config\ncurrent-context: c\n"                     \
    "contexts:\n- name: c\n  context: {cluster: k, user: u, namespace: n}\n" \
    "clusters:\n- name: k\n  cluster: {" cluster "}\n"                       \
    "users:\n- name: u\n  user: {" user "}\n"
#define SERVER "server: 'https://h:6443'"

struct result {
    struct arena arena;
    struct client_config config;
    struct err err;
    int r;
};

static inline void resolve(struct result *res, const struct kubeconfig_file *files, size_t count,
                           const char *context)
{
    *res = (struct result){.config.server = "untouched"};
    arena_init(&res->arena, 16u << 20);
    res->r = kubeconfig_resolve(files, count, context, &res->arena, &res->config, &res->err);
    if (res->r < 0)
        assert_string_equal(res->config.server, "untouched");
}

static inline void resolve_one(struct result *res, const char *text, const char *context)
{
    const struct kubeconfig_file file = {"/home/x/.kube/config", text, strlen(text)};

    resolve(res, &file, 1, context);
}

static inline void done(struct result *res)
{
    arena_done(&res->arena);
}

/* For a sweep of failing allocations: @ctx is the text. */
static inline int resolve_text(void *ctx, struct err *err)
{
    const struct kubeconfig_file file = {"/f", ctx, strlen(ctx)};
    struct client_config config = {0};
    struct arena arena;
    int r;

    arena_init(&arena, 1u << 20);
    r = kubeconfig_resolve(&file, 1, NULL, &arena, &config, err);
    arena_done(&arena);
    return r;
}

static inline void assert_ok(struct result *res)
{
    if (res->r < 0)
        fail_msg("%s", res->err.msg);
}

#endif

/*
 * The commands from the outside: a process of its own for each, with files, a server on loopback
 * and signals. The server is a process too, for commands block.
 */
#ifndef TESTS_WIRE_SUPPORT_COMMAND_H
#define TESTS_WIRE_SUPPORT_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "wire/support/folder.h"

#define COMMAND_PATIENCE_S 60 /* then a process that hangs is killed */

/* What one request is answered with, whatever else the API server has. */
struct command_answer {
    const char *path; /* with its query, to the byte; NULL ends the list */
    int status;
    const char *body;
    unsigned times; /* so often, then the next row for that path counts; 0: always */
};

/* What the API server has and does; read when it is started. */
struct command_api {
    const char *namespaces;              /* JSON objects separated by newlines */
    const char *profiles;                /* likewise; NULL: the CRD is not installed */
    const char *deployments, *cron_jobs; /* likewise; NULL: none */
    const char *forbidden;               /* plural of what may not be watched; NULL: nothing */
    struct command_answer *answers;      /* NULL: none */
    const char *metadata_alone;          /* a path: refused unless only metadata is accepted */
    bool holds_writes;                   /* writes are never answered */
};

struct command_bench {
    struct command_api api;
    struct folder folder; /* holds the kubeconfig "config", and what commands say */
    pid_t server;         /* 0: none */
    char socket[64];      /* a name for --health-socket */
};

struct outcome {
    int code; /* of the exit; 128 + signal when it was killed */
    char *out;
    char *err;
};

/* For cmocka. The API server, once started, has the namespaces "bank" and "shop" (label team=shop)
 * and no profile. */
int command_setup(void **state);
int command_teardown(void **state);

void command_serve(struct command_bench *b);
void command_stop(struct command_bench *b); /* the server; another one may come */

/* Starts `rampart @args...`; the list ends in NULL. */
pid_t command_start(struct command_bench *b, const char *const *args);
struct outcome command_wait(struct command_bench *b, pid_t pid);
void outcome_done(struct outcome *o);
/* Fails the test and shows what the command said when the code is another one. */
void assert_code(const struct outcome *o, int code);

#define COMMAND_RUN(b_, ...) \
    command_wait((b_), command_start((b_), (const char *const[]){__VA_ARGS__, NULL}))

/* The profile "basic", which selects team=shop. */
#define PROFILE_YAML(mode_, network_)                    \
    "apiVersion: rampart.dev/v1alpha1\n"                 \
    "kind: SecurityProfile\n"                            \
    "metadata: {name: basic}\n"                          \
    "spec:\n"                                            \
    "  mode: " mode_ "\n"                                \
    "  namespaceSelector: {matchLabels: {team: shop}}\n" \
    "  network: {" network_ "}\n"

#define PROFILE_JSON(mode_)                                                           \
    "{\"kind\":\"SecurityProfile\",\"metadata\":{\"name\":\"basic\",\"uid\":\"u-9\"," \
    "\"resourceVersion\":\"3\",\"generation\":1},\"spec\":{\"mode\":\"" mode_ "\","   \
    "\"namespaceSelector\":{\"matchLabels\":{\"team\":\"shop\"}},"                    \
    "\"network\":{\"defaultDeny\":[\"Ingress\"]}}}"

#define COMMAND_TEST(fn) cmocka_unit_test_setup_teardown(fn, command_setup, command_teardown)

#endif

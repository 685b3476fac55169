/*
 * Runs a credential plugin (kube/exec_credential.h): a program, without a shell, without a
 * terminal, and without ever blocking the loop. What it prints is bounded, and so is its time; what
 * it says on stderr is quoted only when it fails, and only as far as it cannot be a secret. When to
 * run it is decided elsewhere (sync/exec_pace.h).
 */
#ifndef RAMPART_EDGE_EXEC_PLUGIN_H
#define RAMPART_EDGE_EXEC_PLUGIN_H

#include "rampart/edge/loop.h"
#include "rampart/kube/exec_credential.h"
#include "rampart/yaml/kubeconfig.h"

#define EXEC_STDOUT_MAX (1024u * 1024) /* bytes it may print; more is an error */
#define EXEC_STDERR_KEPT 4096          /* the last bytes; what came before is dropped */
#define EXEC_TIMEOUT_MS 60000          /* then it gets SIGTERM */
#define EXEC_GRACE_MS 1000             /* then SIGKILL; likewise for output after its exit */

struct exec_plugin;

/* The run ended: @credential, borrowed for the call, or @err: ERR_UNAUTHORIZED, which names the
 * configuration, the command and what to do, or ERR_NOMEM. Comes from the loop, never from inside
 * exec_plugin_start(). Not after exec_plugin_stop(). */
typedef void (*exec_plugin_fn)(void *ctx, const struct exec_credential *credential,
                               const struct err *err);

/* Copies what it needs of @config, which has an exec; reads the CA for a plugin that wants to know
 * the cluster. @timeout_ms 0: EXEC_TIMEOUT_MS. ERR_IO, ERR_NOT_FOUND, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK struct exec_plugin *exec_plugin_new(struct loop *loop,
                                               const struct client_config *config,
                                               uint32_t timeout_ms, exec_plugin_fn on_ended,
                                               void *ctx, struct err *err);

/* One run at a time. On -1 nothing runs and @on_ended does not come; errors as there. */
MUST_CHECK int exec_plugin_start(struct exec_plugin *p, struct err *err);

/* Puts the configuration and the command in front of an error about what it gave; returns -1. */
int exec_plugin_wrap(const struct exec_plugin *p, struct err *err);

/* Ends the child, if there is one, and calls @on_stopped once it is gone, from the loop. False: it
 * was never started, nothing is to be waited for. Needed before exec_plugin_free() otherwise. */
MUST_CHECK bool exec_plugin_stop(struct exec_plugin *p, void (*on_stopped)(void *ctx), void *ctx);
/* For a process that is about to end without waiting for anything: kills the child, which would
 * outlive it. */
void exec_plugin_abandon(struct exec_plugin *p);
void exec_plugin_free(struct exec_plugin *p); /* NULL is fine */

#endif

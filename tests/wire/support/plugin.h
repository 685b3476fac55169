/* Credential plugins for tests: shell scripts in a folder, which note each run. */
#ifndef TESTS_WIRE_SUPPORT_PLUGIN_H
#define TESTS_WIRE_SUPPORT_PLUGIN_H

#include <stdint.h>
#include <sys/types.h>

#include "rampart/yaml/kubeconfig.h"
#include "wire/support/folder.h"
#include "wire/support/wire.h"

#define PLUGIN_V1 "client.authentication.k8s.io/v1"

struct plugin {
    struct folder folder;
    char path[128];
    struct exec_config config; /* for client_config.exec; no arguments, no variables */
};

/* @script runs in the folder, after its pid was added to the file "runs". */
void plugin_make(struct plugin *p, const char *script);
void plugin_script(struct plugin *p, const char *script); /* another one from the next run on */
void plugin_remove(struct plugin *p);

unsigned plugin_runs(const struct plugin *p); /* how often it was started */
pid_t plugin_pid(const struct plugin *p);     /* of the last run; 0: none */

/* The file "answer" that a script may cat: a token, or a certificate and its key, or both; NULL:
 * without. @expires: RFC 3339 or NULL. */
void plugin_answer(const struct plugin *p, const char *token, const char *cert, const char *key,
                   const char *expires);

/* A server that takes one token and answers everything else with 401; it has a watch at "/watch".
 */
void plugin_accept(const char *token); /* NULL: no token at all */
void plugin_on_request(void *ctx, struct server_stream *s, const struct server_request *r);
/* It, and a client whose credential comes from @p. */
void plugin_open(struct wire *w, const struct plugin *p);
struct call *plugin_get(struct wire *w); /* to the end */

#endif

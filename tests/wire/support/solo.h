/*
 * A client alone in this process, with a server in another one: what is done to memory here does
 * not touch the server.
 */
#ifndef TESTS_WIRE_SUPPORT_SOLO_H
#define TESTS_WIRE_SUPPORT_SOLO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rampart/yaml/kubeconfig.h"
#include "wire/support/pki.h"

#define SOLO_EXCHANGES 3 /* a watch, a GET, a POST */

struct solo {
    pid_t pid;
    char url[64];
    struct pki ca, identity;
    /* Set by the test; NULL: the client has a token instead. */
    const struct exec_config *plugin;
};

void solo_start(struct solo *srv);
void solo_stop(struct solo *srv);

/*
 * One client from its start to its end, with the allocation @fail_at failing (UINT64_MAX: none).
 * Asserts that each exchange that started ended exactly once and that the loop closed empty.
 * Returns how many were answered.
 */
unsigned solo_run(const struct solo *srv, uint64_t fail_at, bool *ret_has_fired);

#endif

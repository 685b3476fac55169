/* Hands base/alloc.h to libuv, libcurl, jansson and OpenSSL, and gives the hash tables a random
 * seed; first thing in main(). */
#ifndef RAMPART_EDGE_ALLOCATORS_H
#define RAMPART_EDGE_ALLOCATORS_H

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

/* Also curl_global_init(). Once a process, before anything else uses those libraries. ERR_IO,
 * ERR_NOMEM. */
MUST_CHECK int allocators_install(struct err *err);
void allocators_done(
    void); /* curl_global_cleanup() and what OpenSSL and libuv keep; the very last call */

#endif

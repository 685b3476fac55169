/* What of an answer's headers is kept: Retry-After, and all of Warning. */
#ifndef RAMPART_EDGE_HEAD_H
#define RAMPART_EDGE_HEAD_H

#include "rampart/base/strbuf.h"

#define HEAD_RETRY_AFTER_MAX 64 /* bytes; a longer one is as good as none */

struct head {
    char retry_after[HEAD_RETRY_AFTER_MAX]; /* "": none */
    struct strbuf warnings;                 /* values, one a line; cut at TRANSPORT_WARNINGS_MAX */
};

void head_init(struct head *h);
void head_clear(struct head *h); /* nothing was taken so far */
void head_done(struct head *h);
/* One header line of @len bytes, line end included. -1: out of memory. */
MUST_CHECK int head_take(struct head *h, const char *line, size_t len);

#endif

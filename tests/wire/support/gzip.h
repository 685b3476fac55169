/* Just enough gzip for a server: one member of stored blocks, nothing compressed (RFC 1951, 1952).
 */
#ifndef TESTS_WIRE_SUPPORT_GZIP_H
#define TESTS_WIRE_SUPPORT_GZIP_H

#include "rampart/base/strbuf.h"

/* Appends one gzip member that holds @text, at most 65535 bytes of it. */
void gzip_member(struct strbuf *out, const char *text);

#endif

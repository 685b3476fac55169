/* Escapes inside JSON strings. Private to json/. */
#ifndef RAMPART_JSON_ESCAPE_H
#define RAMPART_JSON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/strbuf.h"

/* Adds @text as a string with its quotes. Bytes that are no UTF-8 become U+FFFD: the server takes
 * no others. */
void json_escape(struct strbuf *out, const char *text, size_t len);

/*
 * Resolves the escapes of @from, the inside of a string whose escapes are well-formed. @to has room
 * for @len bytes, for the result is never longer, and may be @from itself. False for half a
 * surrogate pair.
 */
bool json_unescape(const char *from, size_t len, char *to, size_t *ret_len);

#endif

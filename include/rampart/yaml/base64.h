/* Base64 with padding (RFC 4648, section 4). Pure. */
#ifndef RAMPART_YAML_BASE64_H
#define RAMPART_YAML_BASE64_H

#include <stddef.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"

/* As it stands in YAML: white space anywhere is skipped. NUL-terminated bytes in the arena, their
 * count in @ret_len. NULL: ERR_INVALID or ERR_NOMEM. */
MUST_CHECK char *base64_decode(const char *text, struct arena *a, size_t *ret_len, struct err *err);

/* Text without line breaks, in the arena. NULL: ERR_NOMEM. */
MUST_CHECK char *base64_encode(const char *bytes, size_t len, struct arena *a, struct err *err);

#endif

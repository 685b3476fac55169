/* What a plain (unquoted) YAML scalar means: the core schema of YAML 1.2.2, section 10.3.2. Pure.
 */
#ifndef RAMPART_YAML_SCALAR_H
#define RAMPART_YAML_SCALAR_H

#include <jansson.h>
#include <stddef.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

/*
 * @text is UTF-8 without NUL, terminated at @len. The caller owns the result. NULL with
 * ERR_INVALID: what JSON has no value for, or what tools read differently; the message has no
 * position. NULL with ERR_NOMEM.
 */
MUST_CHECK json_t *yaml_plain_scalar(const char *text, size_t len, struct err *err);

#endif

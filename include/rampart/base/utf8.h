/* Reading UTF-8 that may be broken: log lines, messages and everything else that we write
 * ourselves. */
#ifndef RAMPART_BASE_UTF8_H
#define RAMPART_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT 0xFFFDu

/*
 * Bytes of the character at @text (1..4) of the @len > 0 that are there, its number in @ret_code.
 * Bytes that are no character (overlong, surrogate, beyond U+10FFFF, cut off) give 0 and
 * UTF8_REPLACEMENT: skip one byte.
 */
size_t utf8_char(const char *text, size_t len, uint32_t *ret_code);

bool utf8_is_valid(const char *text, size_t len);

/* Writes @code (at most U+10FFFF, no surrogate) and returns the bytes written, 1..4. */
size_t utf8_put(char out[4], uint32_t code);

#endif

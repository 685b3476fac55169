/* What a slice makes of a text, as text: one line a value, so that a test is one comparison. */
#ifndef TESTS_SUPPORT_SLICED_H
#define TESTS_SUPPORT_SLICED_H

#include "rampart/json/slice.h"

/*
 * Feeds @text in chunks of @chunk_len bytes, the first of @first_len; each lies in memory of its
 * own. Gives the values, each followed by a newline, the envelope after "envelope: ", and at last
 * "error: CODE: MESSAGE" or "end". To be freed with free().
 */
char *sliced(enum slice_mode mode, const struct projection *keep, const char *text, size_t len,
             size_t first_len, size_t chunk_len);

/*
 * Asserts that @text gives @expected as one chunk, byte by byte, and split in two at every byte:
 * also in errors it makes no difference how the bytes arrive.
 */
void assert_sliced(enum slice_mode mode, const struct projection *keep, const char *text,
                   const char *expected);

#endif

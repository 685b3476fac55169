/* Text for tests: files as fixtures, and what a message has to say. */
#ifndef TESTS_SUPPORT_TEXT_H
#define TESTS_SUPPORT_TEXT_H

#include <stddef.h>

/* The file, NUL-terminated, to be freed with free(). The test fails when it cannot be read.
 * @ret_len may be NULL. */
char *text_file(const char *path, size_t *ret_len);

/* @count times @piece, to be freed with free(). */
char *text_repeat(const char *piece, size_t count);

/* Fails the test and shows both when @part is not in @whole. */
void assert_contains(const char *whole, const char *part);

#endif

#include "support/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

char *text_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t len = 0, cap = 0;

    if (!file)
        fail_msg("cannot open %s", path);
    do {
        cap = cap ? cap * 2 : 4096;
        text = realloc(text, cap);
        assert_non_null(text);
        len += fread(text + len, 1, cap - len - 1, file);
    } while (len == cap - 1);
    if (ferror(file))
        fail_msg("cannot read %s", path);
    fclose(file);
    text[len] = '\0';
    if (ret_len)
        *ret_len = len;
    return text;
}

char *text_repeat(const char *piece, size_t count)
{
    size_t len = strlen(piece);
    char *text = malloc(len * count + 1);

    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * len, piece, len);
    text[len * count] = '\0';
    return text;
}

void assert_contains(const char *whole, const char *part)
{
    if (!strstr(whole, part))
        fail_msg("\"%s\" does not contain \"%s\"", whole, part);
}

#include "rampart/kube/warning.h"

#include <string.h>

/* Keeps the buffer whole: what does not fit is left out. */
static void add(struct strbuf *out, char c)
{
    if (out->len < out->len_max)
        strbuf_addc(out, (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c);
}

static void separate(struct strbuf *out)
{
    if (out->len == 0)
        return;
    add(out, ';');
    add(out, ' ');
}

/* A quoted string from behind its first quote; @out NULL: skips it. Returns what follows its last
 * one. */
static const char *add_quoted(const char *text, struct strbuf *out)
{
    for (; *text != '\0' && *text != '\n' && *text != '"'; text++) {
        if (*text == '\\' && text[1] != '\0' && text[1] != '\n')
            text++;
        if (out)
            add(out, *text);
    }
    return *text == '"' ? text + 1 : text;
}

/* code SP agent SP quoted-string [ SP quoted date ], then perhaps a comma and the next one. */
static const char *add_one(const char *value, struct strbuf *out)
{
    size_t len = strcspn(value, "\n");
    const char *quote = memchr(value, '"', len);

    separate(out);
    if (quote) {
        value = add_quoted(quote + 1, out);
        value += strspn(value, " ");
        if (*value == '"') /* the date, which has a comma */
            value = add_quoted(value + 1, NULL);
        return value + strcspn(value, ",\n");
    }
    for (size_t i = 0; i < len; i++)
        add(out, value[i]);
    return value + len;
}

void warning_texts(const char *values, struct strbuf *out)
{
    while (*values != '\0') {
        values += strspn(values, ", \n");
        if (*values != '\0')
            values = add_one(values, out);
    }
}

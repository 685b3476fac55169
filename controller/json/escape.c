#include "escape.h"

#include <stdint.h>

#include "rampart/base/utf8.h"

static void add_escaped(struct strbuf *out, unsigned char c)
{
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

    if (c == '"' || c == '\\')
        strbuf_addf(out, "\\%c", c);
    else if (letters[c])
        strbuf_addf(out, "\\%c", letters[c]);
    else
        strbuf_addf(out, "\\u%04x", c);
}

void json_escape(struct strbuf *out, const char *text, size_t len)
{
    size_t plain = 0; /* where the stretch starts that is not copied yet */
    size_t at = 0;

    strbuf_addc(out, '"');
    while (at < len) {
        uint32_t code;
        size_t size = utf8_char(text + at, len - at, &code);

        if (size > 0 && code >= 0x20 && code != '"' && code != '\\') {
            at += size;
            continue;
        }
        strbuf_add(out, text + plain, at - plain);
        if (size == 0)
            strbuf_adds(out, "\xEF\xBF\xBD");
        else
            add_escaped(out, (unsigned char)code);
        plain = ++at;
    }
    strbuf_add(out, text + plain, len - plain);
    strbuf_addc(out, '"');
}

static uint32_t hex4(const char *digits)
{
    uint32_t code = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)digits[i];

        code = code << 4 | (c <= '9' ? c - (uint32_t)'0' : (c | 0x20u) - 'a' + 10);
    }
    return code;
}

/* Reads the \uXXXX, or the two of a surrogate pair, at @text; returns the bytes read, 0 for half a
 * pair. */
static size_t read_unicode(const char *text, size_t len, uint32_t *ret_code)
{
    uint32_t low, code = hex4(text + 2);

    *ret_code = code;
    if (code < 0xD800 || code > 0xDFFF)
        return 6;
    if (code > 0xDBFF || len < 12 || text[6] != '\\' || text[7] != 'u')
        return 0;
    low = hex4(text + 8);
    if (low < 0xDC00 || low > 0xDFFF)
        return 0;
    *ret_code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

static char letter_of(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: /* quote, backslash, slash */
        return c;
    }
}

bool json_unescape(const char *from, size_t len, char *to, size_t *ret_len)
{
    size_t read = 0, written = 0;

    while (read < len) {
        uint32_t code;
        size_t size;

        if (from[read] != '\\') {
            to[written++] = from[read++];
        } else if (from[read + 1] != 'u') {
            to[written++] = letter_of(from[read + 1]);
            read += 2;
        } else {
            size = read_unicode(from + read, len - read, &code);
            if (size == 0)
                return false;
            written += utf8_put(to + written, code);
            read += size;
        }
    }
    *ret_len = written;
    return true;
}

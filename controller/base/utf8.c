#include "rampart/base/utf8.h"

#include <assert.h>
#include <string.h>

static bool is_surrogate(uint32_t code)
{
    return code >= 0xD800 && code <= 0xDFFF;
}

size_t utf8_char(const char *text, size_t len, uint32_t *ret_code)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first;
    uint32_t code;
    size_t size;

    assert(len > 0);
    first = (unsigned char)text[0];
    *ret_code = UTF8_REPLACEMENT;
    if (first < 0x80) {
        *ret_code = first;
        return 1;
    }
    if (first < 0xC2 || first > 0xF4)
        return 0;
    size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (len < size)
        return 0;
    code = first & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        unsigned char next = (unsigned char)text[i];

        if ((next & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3F);
    }
    if (code < smallest[size] || code > 0x10FFFF || is_surrogate(code))
        return 0;
    *ret_code = code;
    return size;
}

bool utf8_is_valid(const char *text, size_t len)
{
    const uint64_t tops = 0x8080808080808080;

    for (size_t at = 0; at < len;) {
        uint64_t word;
        uint32_t code;
        size_t size;

        if (len - at >= sizeof(word)) {
            memcpy(&word, text + at, sizeof(word));
            if (!(word & tops)) {
                at += sizeof(word);
                continue;
            }
        }
        size = utf8_char(text + at, len - at, &code);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

size_t utf8_put(char out[4], uint32_t code)
{
    assert(code <= 0x10FFFF && !is_surrogate(code));
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

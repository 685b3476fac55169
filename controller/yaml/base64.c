#include "rampart/yaml/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits of one character; -1 for any other. */
static int sextet(char c)
{
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t\r\n");
}

/* One group of four characters at @text to 0..3 bytes; NULL: not base64. */
static const char *decode_group(const char *text, char bytes[3], size_t *ret_len)
{
    uint32_t bits = 0;
    unsigned values = 0;

    for (unsigned i = 0; i < 4; i++, text = skip_space(text + 1)) {
        int six = sextet(*text);

        if (six >= 0 && values == i)
            values++;
        else if (*text != '=' || i < 2)
            return NULL;
        bits = bits << 6 | (uint32_t)(six >= 0 ? six : 0);
    }
    *ret_len = values - 1;
    for (unsigned i = 0; i < 3; i++)
        bytes[i] = (char)(bits >> (16 - 8 * i) & 0xff);
    return text;
}

char *base64_decode(const char *text, struct arena *a, size_t *ret_len, struct err *err)
{
    char *bytes = arena_alloc(a, strlen(text) / 4 * 3 + 4);
    size_t len = 0;

    if (!bytes) {
        err_nomem(err);
        return NULL;
    }
    for (text = skip_space(text); *text;) {
        char group[3];
        size_t group_len;

        text = decode_group(text, group, &group_len);
        if (!text || (group_len < 3 && *text)) {
            err_set(err, ERR_INVALID, "not valid base64");
            return NULL;
        }
        memcpy(bytes + len, group, group_len);
        len += group_len;
    }
    bytes[len] = '\0';
    *ret_len = len;
    return bytes;
}

char *base64_encode(const char *bytes, size_t len, struct arena *a, struct err *err)
{
    char *text = arena_alloc(a, (len + 2) / 3 * 4 + 1);
    char *to = text;

    if (!text) {
        err_nomem(err);
        return NULL;
    }
    for (size_t at = 0; at < len; at += 3) {
        size_t left = len - at;
        uint32_t bits = (uint32_t)(unsigned char)bytes[at] << 16;

        if (left > 1)
            bits |= (uint32_t)(unsigned char)bytes[at + 1] << 8;
        if (left > 2)
            bits |= (unsigned char)bytes[at + 2];
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *to = '\0';
    return text;
}

#include "wire/support/gzip.h"

#include <stdint.h>
#include <string.h>

static uint32_t crc32_of(const char *text, size_t len)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)text[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void add_little_endian(struct strbuf *out, uint32_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        strbuf_addc(out, (char)(number >> (8 * i) & 0xff));
}

void gzip_member(struct strbuf *out, const char *text)
{
    size_t len = strlen(text);

    strbuf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
    strbuf_addc(out, 1); /* the last block, stored */
    add_little_endian(out, (uint32_t)len, 2);
    add_little_endian(out, ~(uint32_t)len, 2);
    strbuf_add(out, text, len);
    add_little_endian(out, crc32_of(text, len), 4);
    add_little_endian(out, (uint32_t)len, 4);
}

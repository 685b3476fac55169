/*
 * The letters and the grammar of JSON: what each byte is, what may come next, and fast ways over
 * bytes in which nothing happens. Private to json/slice.c.
 */
#ifndef RAMPART_JSON_SCAN_H
#define RAMPART_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Where the reader stands between two tokens. */
enum place {
    PLACE_TOP = 0,     /* before a value of the stream */
    PLACE_GAP,         /* after a number or word of the stream: white space comes first */
    PLACE_DONE,        /* after the only value of a list */
    PLACE_NAME_OR_END, /* after { */
    PLACE_NAME,        /* after a comma in an object */
    PLACE_COLON,       /* after a name */
    PLACE_MEMBER,      /* after a colon */
    PLACE_ELEM_OR_END, /* after [ */
    PLACE_ELEM,        /* after a comma in an array */
    PLACE_OBJ_NEXT,    /* after a member */
    PLACE_ARR_NEXT,    /* after an element */
    PLACE_COUNT,
};

enum act {
    ACT_BAD = 0, /* that byte may not stand there */
    ACT_PASS,    /* white space, comma: nothing to do */
    ACT_COLON,
    ACT_NAME,   /* the quote that opens a member's name */
    ACT_STRING, /* the quote that opens a value */
    ACT_NUMBER, /* its first byte */
    ACT_WORD,   /* the first letter of true, false, null */
    ACT_OPEN,
    ACT_CLOSE,
};

enum byte_class {
    BYTE_OTHER = 0,
    BYTE_SPACE,
    BYTE_QUOTE,
    BYTE_COLON,
    BYTE_COMMA,
    BYTE_NUMBER,
    BYTE_WORD,
    BYTE_OPEN_OBJ,
    BYTE_CLOSE_OBJ,
    BYTE_OPEN_ARR,
    BYTE_CLOSE_ARR,
    BYTE_CLASS_COUNT,
};

struct step {
    uint8_t act;  /* enum act */
    uint8_t next; /* enum place; unset for ACT_CLOSE, for that depends on what is around */
};

extern const uint8_t scan_classes[256]; /* enum byte_class */
extern const struct step scan_steps[PLACE_COUNT][BYTE_CLASS_COUNT];

static inline struct step scan_step(enum place place, char c)
{
    return scan_steps[place][scan_classes[(unsigned char)c]];
}

static inline bool place_is_between(enum place place)
{
    return place <= PLACE_DONE;
}

/* The first quote, backslash or control character in [p, end), or @end. */
static inline const char *scan_string(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; end - p >= 8; p += 8) {
        uint64_t word, quote, slash, hits;

        memcpy(&word, p, 8);
        quote = word ^ ones * '"';
        slash = word ^ ones * '\\';
        /* x - 1 borrows into the top bit where a byte is zero, or below 0x20; the lowest hit is
         * exact. */
        hits =
            ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((word - ones * 0x20) & ~word);
        hits &= tops;
        if (hits)
            return p + __builtin_ctzll(hits) / 8;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}

/* Whether a backslash and @c make a whole escape. */
static inline bool scan_is_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return true;
    default:
        return false;
    }
}

static inline bool scan_is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* The first byte in [p, end) that a number cannot go on with, or @end. */
static inline const char *scan_number(const char *p, const char *end)
{
    while (p < end &&
           ((*p >= '0' && *p <= '9') || *p == '.' || (*p | 0x20) == 'e' || *p == '+' || *p == '-'))
        p++;
    return p;
}

#endif

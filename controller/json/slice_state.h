/*
 * What slice.c (which follows the bytes) and project.c (which decides what stays) know of a slice.
 * Private to the two.
 */
#ifndef RAMPART_JSON_SLICE_STATE_H
#define RAMPART_JSON_SLICE_STATE_H

#include "name.h"
#include "rampart/json/slice.h"
#include "scan.h"

#define SLICE_CLOSERS_MAX (SLICE_DEPTH_MAX + 4) /* bytes that close a value that was cut */

enum token { TOKEN_NONE = 0, TOKEN_STRING, TOKEN_ESCAPE, TOKEN_HEX, TOKEN_NUMBER, TOKEN_WORD };

enum fate { FATE_DROP = 0, FATE_KEEP, FATE_FILTER, FATE_ITEMS };

struct filter {
    const struct projection *nodes; /* borrowed */
    bool is_items;                  /* the array whose elements are values of their own */
    bool has_any;                   /* @nodes has a "*" */
    bool has_member;                /* the next member needs a comma */
};

/* An open object in which something does not count for the digest, or in whose members. */
struct left_out {
    const struct projection *nodes; /* borrowed */
    const struct projection *node;  /* that the member being read is; NULL: it counts */
    uint64_t counted;               /* the digest after the last member that counts, or after the
                                       opening bracket */
    bool has_counted;               /* there was such a member */
};

struct slice {
    enum slice_mode mode;          /* a stream of values, or one list */
    const struct projection *keep; /* borrowed; NULL keeps all */
    const struct projection
        *around;             /* what stays of a list itself; borrowed; NULL: see project.c */
    slice_fn fn;             /* receives what was kept */
    void *ctx;               /* for @fn; borrowed */
    bool is_dead;            /* failed or ended */
    bool has_items;          /* SLICE_LIST: "items" was seen */
    uint64_t values;         /* handed out */
    const char *chunk;       /* what slice_feed() is reading; borrowed for the call */
    uint64_t chunk_at;       /* offset of @chunk in the stream */
    uint64_t unit_at;        /* offset where the current value or item began */
    uint64_t items_len;      /* bytes of all items so far: they do not count as envelope */
    size_t kept_max;         /* bytes of a projected value */
    struct strbuf kept;      /* the current value or item, projected */
    size_t whole_len;        /* bytes of @kept after which nothing was begun that is not whole,
                                but for the brackets of the first @whole_depth levels */
    unsigned whole_depth;    /* likewise */
    unsigned unit_depth;     /* levels around the current value or item */
    bool is_cut;             /* it is too large: @kept is what is handed out of it */
    struct strbuf envelope;  /* the list without its items */
    struct strbuf *out;      /* the one of the two that is being written */
    const char *run;         /* what is being copied starts here in @chunk */
    bool is_copying;         /* a name or value that stays is being read */
    enum place place;        /* what may come next */
    enum token token;        /* what the last chunk ended in */
    unsigned hex_left;       /* digits missing in TOKEN_HEX */
    const char *word_rest;   /* letters missing in TOKEN_WORD */
    bool is_name;            /* TOKEN_STRING: a member's name in a filter */
    struct member_name name; /* collected when a name does not lie plainly in one chunk */
    enum fate fate;          /* of the value that follows the name */
    const struct projection *fate_nodes;  /* for FATE_FILTER */
    bool is_raw;                          /* inside a container that stays or goes as a whole */
    unsigned raw_depth;                   /* depth around that container */
    unsigned depth;                       /* open containers */
    const struct projection *next_digest; /* the same for the member that comes next */
    const struct projection *digest_node; /* asks for the digest of the value that is being read;
                                           * NULL: none is. Borrowed */
    unsigned digest_depth;                /* containers around that value */
    uint64_t digest;                      /* of its bytes so far */
    const char *digest_run;               /* the others start here in @chunk */
    struct left_out left_out[SLICE_LEFT_OUT_LEVELS_MAX]; /* from that value inwards */
    unsigned left_out_count;                             /* of them that are open */
    bool is_left_out;                            /* of the member that has ended nothing counted */
    uint64_t objects[SLICE_LEVELS_MAX / 64 + 1]; /* a bit for each open container: an object */
    struct filter filters[SLICE_DEPTH_MAX];      /* of those containers that are filters */
};

/* Whether the container that is @level levels down is an object; else it is an array. */
static inline bool slice_is_object(const struct slice *s, unsigned level)
{
    return s->objects[level / 64] >> level % 64 & 1;
}

/* Where @p, in the chunk being read, lies in the stream. */
static inline uint64_t slice_offset(const struct slice *s, const char *p)
{
    return s->chunk_at + (uint64_t)(p - s->chunk);
}

/* Enters a container; ERR_LIMIT at SLICE_LEVELS_MAX. */
int project_push(struct slice *s, bool is_object, struct err *err);

/* ERR_LIMIT when the value or item being read, or the list around the items, is too long at offset
 * @at, or what stays of the list; ERR_NOMEM when that could not be stored. */
int project_check(const struct slice *s, uint64_t at, struct err *err);

/* A member's name starts at @p with its quote, and ended before @p: plainly as [text, text + len),
 * or collected in s->name when @text is NULL. Decides the fate of the value. ERR_INVALID for a
 * second "items". */
void project_start_name(struct slice *s, const char *p);
int project_end_name(struct slice *s, const char *text, size_t len, const char *p, struct err *err);
void project_colon(struct slice *s);

/* A value starts at @p; unless it is a member, its fate is decided here. ERR_INVALID where a list
 * wants another type. Then, if it is a container, project_open(); it may make the slice raw. */
int project_start_value(struct slice *s, const char *p, bool is_member, struct err *err);
int project_open(struct slice *s, const char *p, struct err *err);

/* The bracket at @p closes a filter; then project_end_value(). */
void project_close(struct slice *s, const char *p);

/* A value of a filter, or of the top, ended before @p: when it was a whole one it is handed out. */
int project_end_value(struct slice *s, const char *p, struct err *err);

/* The chunk ends before @p: what was being copied is stored. */
void project_pause(struct slice *s, const char *p);

#endif

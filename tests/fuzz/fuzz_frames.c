/*
 * Answers to lists and watches, as a server or what stands before it could send them, through
 * sync/frames into a store: the path that every byte from the network takes. First byte: list or
 * watch, and the kind; second: how the bytes are cut. Two stores are fed, one in pieces and one at
 * once, and must agree; a store that held something holds it still unless it was told otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/rng.h"
#include "rampart/json/decode.h"
#include "rampart/sync/frames.h"
#include "rampart/sync/store.h"

#define OBJECTS_MAX 64

#define CHECK(claim)                                                    \
    do {                                                                \
        if (!(claim)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                    \
        }                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    struct store *store;
    struct strbuf trace; /* every frame in a line */
    unsigned deletions;  /* told */
    bool has_page;
};

static int on_frame(void *ctx, const struct frame *frame, struct err *err)
{
    struct reader *r = ctx;
    struct err why = {0};
    int result = 0;

    CHECK(frame->rv && frame->continue_token);
    CHECK((frame->type == FRAME_UNREADABLE) == (frame->why != NULL));
    strbuf_addf(&r->trace, "%d %s %s %d\n", frame->type, frame->rv, frame->continue_token,
                frame->is_initial_end);
    switch (frame->type) {
    case FRAME_DELETED:
        r->deletions++;
        result = store_observe_deleted(r->store, frame->object, &why);
        break;
    case FRAME_ITEM:
    case FRAME_ADDED:
    case FRAME_MODIFIED:
        result = store_observe(r->store, frame->object, &why);
        break;
    case FRAME_PAGE:
        r->has_page = true;
        break;
    case FRAME_UNREADABLE:
        store_observe_unreadable(r->store);
        break;
    case FRAME_BOOKMARK:
    case FRAME_TYPE_COUNT:
        break;
    }
    CHECK(result == 0 || why.code == ERR_INVALID || why.code == ERR_LIMIT);
    if (result == 0 || why.code == ERR_INVALID)
        return 0;
    *err = why;
    return -1;
}

static void feed_all(struct reader *r, enum kind kind, bool is_list, const char *text, size_t len,
                     struct rng *cuts, struct err *err)
{
    struct frames *f = frames_new(kind, is_list, on_frame, r, err);
    int result = 0;

    CHECK(f);
    for (size_t at = 0, next; result == 0 && at < len; at += next) {
        char *piece;

        next = cuts ? (size_t)rng_range(cuts, 1, 40) : len;
        next = next < len - at ? next : len - at;
        piece = malloc(next); /* of its own, so that each byte too far is seen */
        CHECK(piece);
        memcpy(piece, text + at, next);
        result = frames_feed(f, piece, next, err);
        free(piece);
    }
    if (result == 0)
        result = frames_end(f, err);
    CHECK((result < 0) == (err->code != ERR_NONE));
    frames_free(f);
}

/* A store with one object that no input is likely to name. */
static void reader_init(struct reader *r, enum kind kind)
{
    static const char held[] = "{\"metadata\":{\"name\":\"held\",\"namespace\":\"fuzz\",\"uid\":"
                               "\"u-held\",\"resourceVersion\":\"1\"}}";
    struct err err = {0};

    *r = (struct reader){.store = store_new(kind, OBJECTS_MAX, NULL, NULL, &err)};
    CHECK(r->store);
    strbuf_init(&r->trace, 64u << 20);
    (void)!store_put(r->store, held, sizeof(held) - 1, &err);
    store_begin_sync(r->store);
}

static void reader_done(struct reader *r)
{
    store_free(r->store);
    strbuf_done(&r->trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader whole, split;
    struct err of_whole = {0}, of_split = {0};
    enum kind kind;
    struct rng cuts;
    size_t held;
    bool is_list;

    if (size < 2)
        return 0;
    is_list = data[0] & 1;
    kind = (enum kind)((data[0] >> 1) % KIND_WATCHED_COUNT);
    rng_init(&cuts, data[1]);
    reader_init(&whole, kind);
    reader_init(&split, kind);
    held = store_count(whole.store);
    feed_all(&whole, kind, is_list, (const char *)data + 2, size - 2, NULL, &of_whole);
    feed_all(&split, kind, is_list, (const char *)data + 2, size - 2, &cuts, &of_split);
    CHECK(strcmp(whole.trace.text, split.trace.text) == 0);
    CHECK(of_whole.code == of_split.code && strcmp(of_whole.msg, of_split.msg) == 0);
    CHECK(store_count(whole.store) == store_count(split.store));
    if (is_list)
        CHECK(of_whole.code != ERR_NONE || whole.has_page);
    if (whole.deletions == 0 && *whole.trace.text == '\0')
        CHECK(store_count(whole.store) == held);
    reader_done(&whole);
    reader_done(&split);
    return 0;
}

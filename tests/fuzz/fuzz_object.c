/*
 * Objects as a server could send them, through projection, parser and decoder. The first byte picks
 * the kind; the rest is JSON. What decodes must decode again into exactly the bytes that were
 * measured, as the store does it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/json/slice.h"
#include "rampart/kube/profile.h"
#include "rampart/kube/status.h"
#include "rampart/kube/timestamp.h"

#define KEPT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_profile(const struct profile *p)
{
    static const struct label labels[] = {{"env", "prod"}, {"team", "shop"}};
    const struct namespace_facts ns = {
        .object = {.kind = KIND_NAMESPACE, .ns = "", .name = "shop", .uid = "u", .rv = "1"},
        .labels = {.items = labels, .count = 2},
    };

    assert(!p->invalid || !profile_selects(p, &ns, "rampart-system"));
    assert(p->status && p->rules_status);
}

static void decode_json(enum kind kind, const json_t *root)
{
    AUTO_ARENA arena = {0};
    struct arena exact;
    enum decode_result result;
    struct object *object = NULL;
    struct object *again = NULL;
    struct err err = {0};
    void *block;

    arena_init(&arena, 64u << 20);
    if (object_decode(kind, root, &arena, &result, &object, &err) < 0) {
        assert(err.code == ERR_INVALID || err.code == ERR_LIMIT);
        return;
    }
    if (!object)
        return;
    assert(result == DECODE_KEEP && *object->name && *object->uid && *object->rv);
    block = malloc(arena.used);
    assert(block);
    arena_init_fixed(&exact, block, arena.used);
    if (object_decode(kind, root, &exact, &result, &again, &err) < 0)
        abort();
    assert(exact.used == arena.used && object_order(object, again) == 0);
    if (kind == KIND_PROFILE)
        decode_profile(OBJECT_AS(profile, again));
    arena_done(&exact);
    free(block);
}

static int on_value(void *ctx, enum slice_kind slice_kind, const char *text, size_t len,
                    struct err *err)
{
    const enum kind *kind = ctx;
    json_auto_t *root = json_decode(text, len, NULL);

    (void)slice_kind;
    (void)err;
    if (root)
        decode_json(*kind, root);
    return 0;
}

static void feed(enum kind kind, const char *text, size_t len)
{
    struct slice *s =
        slice_new(SLICE_STREAM, resource_of(kind)->keep, KEPT_MAX, on_value, &kind, NULL);

    assert(s);
    if (slice_feed(s, text, len, NULL) == 0)
        (void)!slice_end(s, NULL);
    slice_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    struct err err = {0};

    if (size == 0)
        return 0;
    if (data[0] % (KIND_WATCHED_COUNT + 1) < KIND_WATCHED_COUNT) {
        feed((enum kind)(data[0] % (KIND_WATCHED_COUNT + 1)), text, size - 1);
        return 0;
    }
    (void)status_to_err(400 + data[0], NULL, text, size - 1, &err);
    assert(err.code != ERR_NONE && err.msg[0] != '\0');
    (void)status_event_to_err(text, size - 1, &err);
    assert(err.code != ERR_NONE && err.msg[0] != '\0');
    return 0;
}

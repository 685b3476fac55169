/*
 * The informer against a little API server that changes, compacts its history and fails at random:
 * once it behaves again, the store is what the server has. And the same with every single
 * allocation failing in its turn.
 */
#include "rampart/sync/frames.h"
#include "rampart/sync/index.h"
#include "rampart/sync/workqueue.h"
#include "sync_informer.h"

#define OBJECTS 9
#define HISTORY_MAX 4096
#define PAGE_ITEMS 2

struct change {
    unsigned rv;
    unsigned object;
    const char *type;
};

struct api {
    struct bench b;
    struct rng rng;
    unsigned rv;                /* of the last change */
    unsigned versions[OBJECTS]; /* 0: not there */
    unsigned snapshot[OBJECTS]; /* what the pages of the running list show */
    unsigned snapshot_rv;
    struct change history[HISTORY_MAX];
    size_t history_count;
    unsigned compacted_rv; /* older watches and lists answer 410 */
    bool has_watch_list;
    size_t served;    /* exchange that is being served */
    unsigned sent_rv; /* of its watch; 0: it has not been answered yet */
    unsigned faults;  /* one in so many answers goes wrong; 0: none */
};

static const char *object_ns(unsigned i)
{
    static const char *const names[] = {"a", "b", "c"};

    return names[i / 3];
}

static const char *object_name(unsigned i)
{
    static const char *const names[] = {"x", "y", "z"};

    return names[i % 3];
}

static void api_init(struct api *a, uint64_t seed)
{
    memset(a, 0, sizeof(*a));
    bench_init(&a->b, KIND_NETWORK_POLICY, OBJECTS);
    rng_init(&a->rng, seed);
    a->rv = 100;
    a->served = FAKE_LAST;
    a->has_watch_list = rng_below(&a->rng, 2) == 0;
}

static void api_change(struct api *a)
{
    unsigned i = (unsigned)rng_below(&a->rng, OBJECTS);
    struct change *c = &a->history[a->history_count++];

    assert_true(a->history_count <= HISTORY_MAX);
    *c = (struct change){.rv = ++a->rv, .object = i, .type = "MODIFIED"};
    if (a->versions[i] == 0)
        c->type = "ADDED";
    else if (rng_below(&a->rng, 3) == 0)
        c->type = "DELETED";
    a->versions[i] = strcmp(c->type, "DELETED") == 0 ? 0 : c->rv;
}

/* In pieces of any size. */
static void api_sends(struct api *a, const char *text)
{
    char *kept = strdup(text);
    size_t len = strlen(text), at = 0;

    while (at < len) {
        size_t piece = 1 + rng_below(&a->rng, len - at);

        if (!fake_data(&a->b.net, a->served, kept + at, piece))
            break;
        at += piece;
    }
    free(kept);
}

static bool has_ended(struct api *a)
{
    return fake_get(&a->b.net, a->served)->state != FAKE_RUNNING;
}

static void api_refuses(struct api *a, int code, const char *reason, const char *cause)
{
    fake_answer(&a->b.net, a->served, code, NULL, fake_status(code, reason, cause, "no"));
}

/* One of the ways in which an answer goes wrong. Whatever was sent before stands. */
static void api_fails(struct api *a)
{
    switch (rng_below(&a->rng, 8)) {
    case 0:
        fake_fail(&a->b.net, a->served, ERR_UNAVAILABLE, "connection reset");
        break;
    case 1:
        fake_fail(&a->b.net, a->served, ERR_CANCELED, "a new connection");
        break;
    case 2:
        api_refuses(a, 429, "TooManyRequests", NULL);
        break;
    case 3:
        api_refuses(a, 500, "InternalError", NULL);
        break;
    case 4:
        api_refuses(a, 504, "Timeout", "ResourceVersionTooLarge");
        break;
    case 5:
        api_sends(a, "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Netwo");
        fake_end(&a->b.net, a->served);
        break;
    case 6:
        api_sends(a, "<html>502</html>");
        fake_end(&a->b.net, a->served);
        break;
    default:
        fake_end(&a->b.net, a->served);
        break;
    }
}

static unsigned number_after(const char *path, const char *name)
{
    const char *at = strstr(path, name);

    return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : 0;
}

static void api_lists(struct api *a, const char *path)
{
    unsigned first = number_after(path, "&continue="), limit = number_after(path, "limit=");
    const char *items = "";
    unsigned i = first, count = 0;

    if (first == 0) {
        memcpy(a->snapshot, a->versions, sizeof(a->snapshot));
        a->snapshot_rv = a->rv;
    } else if (a->snapshot_rv < a->compacted_rv) {
        api_refuses(a, 410, "Expired", NULL);
        return;
    }
    for (; i < OBJECTS && (limit == 0 || count < PAGE_ITEMS); i++) {
        if (a->snapshot[i] == 0)
            continue;
        items = api_text("%s%s%s", items, count++ ? "," : "",
                         api_item(object_ns(i), object_name(i), a->snapshot[i]));
    }
    api_sends(a, api_list(items, a->snapshot_rv, i < OBJECTS ? api_text("%u", i) : NULL));
    fake_end(&a->b.net, a->served);
}

static void api_sends_initial(struct api *a)
{
    unsigned start = (unsigned)rng_below(&a->rng, OBJECTS);

    if (!a->has_watch_list) {
        api_refuses(a, 422, "Invalid", NULL);
        return;
    }
    for (unsigned n = 0; n < OBJECTS; n++) { /* in no order of versions */
        unsigned i = (start + n) % OBJECTS;

        if (a->versions[i] != 0)
            api_sends(a, api_event("ADDED", object_ns(i), object_name(i), a->versions[i]));
        if (a->faults && rng_below(&a->rng, a->faults * 10) == 0) {
            api_fails(a);
            return;
        }
    }
    api_sends(a, api_initial_end(a->rv));
    a->sent_rv = a->rv;
}

static void api_sends_changes(struct api *a)
{
    for (size_t i = 0; i < a->history_count && !has_ended(a); i++) {
        const struct change *c = &a->history[i];

        if (c->rv <= a->sent_rv)
            continue;
        api_sends(a, api_event(c->type, object_ns(c->object), object_name(c->object), c->rv));
        a->sent_rv = c->rv;
    }
    if (!has_ended(a) && rng_below(&a->rng, 5) == 0)
        api_sends(a,
                  api_bookmark(a->sent_rv, rng_below(&a->rng, 2) ? "{\"unknown\":\"x\"}" : NULL));
}

static void api_starts_watch(struct api *a, const char *path)
{
    unsigned from = number_after(path, "resourceVersion=");

    if (from != 0 && from < a->compacted_rv) {
        if (rng_below(&a->rng, 2) == 0) {
            api_refuses(a, 410, "Expired", NULL);
            return;
        }
        api_sends(a, api_error(fake_status(410, "Gone", NULL, "too old")));
        fake_end(&a->b.net, a->served);
    } else if (strstr(path, "sendInitialEvents")) {
        api_sends_initial(a);
    } else {
        a->sent_rv = from;
    }
}

/* Answers what runs. */
static void api_serves(struct api *a)
{
    size_t running = fake_find(&a->b.net, "/");
    const char *path;

    if (running == FAKE_LAST)
        return;
    if (running != a->served) {
        a->served = running;
        a->sent_rv = 0;
    }
    path = fake_path(&a->b.net, running);
    if (a->faults && rng_below(&a->rng, a->faults) == 0)
        api_fails(a);
    else if (!strstr(path, "watch="))
        api_lists(a, path);
    else if (a->sent_rv == 0)
        api_starts_watch(a, path);
    if (!has_ended(a) && a->sent_rv != 0)
        api_sends_changes(a);
}

static void api_turn(struct api *a)
{
    uint64_t deadline_ms;

    step(&a->b);
    api_serves(a);
    (void)fake_settle(&a->b.net);
    deadline_ms = informer_deadline(a->b.informer);
    if (deadline_ms > a->b.net.now_ms && deadline_ms - a->b.net.now_ms < 120000)
        a->b.net.now_ms = deadline_ms; /* a back-off passes */
    else
        a->b.net.now_ms += 10;
}

static void settles(struct api *a)
{
    a->faults = 0;
    for (unsigned turn = 0; turn < 40; turn++)
        api_turn(a);
    assert_true(informer_has_synced(a->b.informer));
    assert_int_equal(informer_error(a->b.informer)->code, ERR_NONE);
}

static void agrees(const struct api *a)
{
    size_t count = 0;

    for (unsigned i = 0; i < OBJECTS; i++) {
        const struct object *held = store_get(a->b.cache.store, object_ns(i), object_name(i));

        assert_int_equal(held ? number_after(held->rv, "") : 0, a->versions[i]);
        count += a->versions[i] != 0;
    }
    assert_int_equal(store_count(a->b.cache.store), count);
}

static void forget_trace(struct api *a)
{
    a->b.cache.text[0] = '\0';
    a->b.cache.len = 0;
}

static void test_informer_ends_with_what_the_server_has_after_random_faults(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        static struct api a;

        api_init(&a, seed);
        a.faults = 3 + (unsigned)rng_below(&a.rng, 20);
        for (unsigned turn = 0; turn < 400; turn++) {
            for (uint64_t n = rng_below(&a.rng, 4); n > 0; n--)
                api_change(&a);
            if (rng_below(&a.rng, 20) == 0)
                a.compacted_rv = a.rv;
            api_turn(&a);
            forget_trace(&a);
        }
        settles(&a);
        agrees(&a);
        bench_done(&a.b);
    }
}

/* A short life: sync, changes, a relist. Returns whether an allocation failed in it. */
static bool lives_with_failing(unsigned nth, bool has_watch_list)
{
    static struct api a;
    bool has_failed;

    api_init(&a, 7);
    a.has_watch_list = has_watch_list;
    for (unsigned i = 0; i < 12; i++)
        api_change(&a);
    mem_fail_nth(nth);
    for (unsigned turn = 0; turn < 30; turn++) {
        if (turn % 5 == 4)
            api_change(&a);
        if (turn == 12) {
            a.compacted_rv = a.rv;
            if (fake_find(&a.b.net, "/") != FAKE_LAST)
                fake_end(&a.b.net, fake_find(&a.b.net, "/"));
        }
        api_turn(&a);
    }
    has_failed = mem_fail_disarm();
    settles(&a);
    agrees(&a);
    bench_done(&a.b);
    return has_failed;
}

static void test_informer_recovers_from_every_failed_allocation(void **state)
{
    size_t live = mem_live();

    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        unsigned nth = 0;

        while (lives_with_failing(nth, way == 0)) {
            assert_int_equal(mem_live(), live);
            nth++;
        }
        assert_true(nth > 200);
    }
}

static void test_informer_of_a_full_store_says_so_keeps_its_pace_and_recovers(void **state)
{
    struct bench b;
    size_t count;

    (void)state;
    bench_init(&b, KIND_NETWORK_POLICY, 2);
    bench_sync(&b);
    assert_false(fake_text(&b.net, FAKE_LAST, api_event("ADDED", "a", "z", 11)));
    (void)fake_settle(&b.net);
    assert_int_equal(informer_error(b.informer)->code, ERR_LIMIT);
    assert_contains(informer_error(b.informer)->msg, "more than 2 objects");
    waits(&b, 800, 1600);
    for (count = 0; count < 10; count++) {
        requests(&b, WATCH_LIST "&resourceVersion=10" UNTIL);
        sends(&b, api_event("ADDED", "a", "x", 5));
        sends(&b, api_event("ADDED", "a", "y", 6));
        assert_false(fake_text(&b.net, FAKE_LAST, api_event("ADDED", "a", "z", 11)));
        step(&b);
        b.net.now_ms = informer_deadline(b.informer);
    }
    assert_int_equal(store_count(b.cache.store), 2);
    assert_int_equal(b.lines, 1);
    step(&b); /* y is deleted: there is room */
    sends(&b, api_event("ADDED", "a", "x", 5));
    sends(&b, api_initial_end(20));
    holds(b.cache.store, NULL, "a/x@5 ");
    sends(&b, api_event("ADDED", "a", "z", 21));
    holds(b.cache.store, NULL, "a/x@5 a/z@21 ");
    bench_done(&b);
}

static void test_informer_whose_transport_is_full_waits_and_starts_later(void **state)
{
    struct bench b;

    (void)state;
    bench_init(&b, KIND_NETWORK_POLICY, 10);
    b.net.start_fails = ERR_LIMIT;
    for (unsigned i = 0; i < 5; i++) {
        informer_step(b.informer, b.net.now_ms);
        assert_int_equal(b.net.starts_failed, i + 1);
        assert_true(informer_deadline(b.informer) >= b.net.now_ms + 800);
        b.net.now_ms = informer_deadline(b.informer);
    }
    assert_int_equal(informer_error(b.informer)->code, ERR_LIMIT);
    b.net.start_fails = ERR_NONE;
    bench_sync(&b);
    assert_int_equal(informer_error(b.informer)->code, ERR_NONE);
    bench_done(&b);
}

static void test_informer_and_its_parts_are_freed_before_they_exist(void **state)
{
    struct bench b;
    struct informer_options options = {.kind = KIND_NETWORK_POLICY};
    struct err err = {0};

    (void)state;
    bench_init(&b, KIND_NETWORK_POLICY, 10);
    options.store = b.cache.store;
    options.transport = &b.net.transport;
    options.server = &b.server;
    options.rng = &b.rng;
    mem_fail_nth(0);
    assert_null(informer_new(&options, &err));
    assert_true(mem_fail_disarm());
    assert_int_equal(err.code, ERR_NOMEM);
    informer_free(NULL);
    frames_free(NULL);
    store_free(NULL);
    workqueue_free(NULL);
    index_done(NULL);
    bench_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_informer_ends_with_what_the_server_has_after_random_faults),
        cmocka_unit_test(test_informer_recovers_from_every_failed_allocation),
        cmocka_unit_test(test_informer_of_a_full_store_says_so_keeps_its_pace_and_recovers),
        cmocka_unit_test(test_informer_whose_transport_is_full_waits_and_starts_later),
        cmocka_unit_test(test_informer_and_its_parts_are_freed_before_they_exist),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

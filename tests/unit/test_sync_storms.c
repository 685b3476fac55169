/*
 * Servers that make work: whatever they answer, and however fast, they are asked at a bounded
 * pace. Ten minutes of the test's clock each.
 */
#include "support/unit.h"

#include <string.h>

#include "rampart/sync/cluster.h"
#include "support/api_text.h"
#include "support/fake_transport.h"

#define MINUTE_MS 60000u
#define STORM_MS (10 * MINUTE_MS)
#define PACE_MAX 0.3 /* requests a second of one watch: reliability.md, fault 16 */

struct storm {
    struct fake_transport net;
    struct cluster *cluster;
    unsigned rv;
};

static void storm_init(struct storm *s)
{
    struct cluster_options options = {.seed = 3};

    fake_init(&s->net);
    s->net.now_ms = 1000000;
    s->rv = 10;
    options.transport = &s->net.transport;
    s->cluster = cluster_new(&options, NULL);
    assert_non_null(s->cluster);
}

static void storm_done(struct storm *s)
{
    cluster_stop(s->cluster);
    (void)fake_settle(&s->net);
    cluster_free(s->cluster);
    fake_done(&s->net);
}

static enum kind kind_of(const char *path)
{
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        const char *end = strstr(path, api_text("/%s", resource_of((enum kind)kind)->plural));

        if (end && strchr("?", end[1 + strlen(resource_of((enum kind)kind)->plural)]))
            return (enum kind)kind;
    }
    fail_msg("nobody serves %s", path);
    return KIND_COUNT;
}

static const char *bookmark(enum kind kind, unsigned rv, bool is_end)
{
    return api_text("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"metadata\":{"
                    "\"resourceVersion\":\"%u\"%s}}}\n",
                    resource_of(kind)->name, rv,
                    is_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
}

/* Answers every request by @answer, at once, and lets the clock jump to what is due next. */
static void blow(struct storm *s, void (*answer)(struct storm *s, size_t number, enum kind kind))
{
    uint64_t end_ms = s->net.now_ms + STORM_MS;
    size_t ceiling = (size_t)(PACE_MAX * STORM_MS / 1000 * KIND_WATCHED_COUNT);

    while (s->net.now_ms < end_ms) {
        uint64_t next_ms;
        bool has_answered = false;

        cluster_step(s->cluster, s->net.now_ms);
        (void)fake_settle(&s->net);
        for (size_t i = 0; i < s->net.count; i++) {
            if (s->net.exchanges[i].state != FAKE_RUNNING)
                continue;
            answer(s, i, kind_of(fake_path(&s->net, i)));
            has_answered = true;
            if (s->net.count > ceiling)
                fail_msg("%zu requests in %llu s", s->net.count,
                         (unsigned long long)(STORM_MS - (end_ms - s->net.now_ms)) / 1000);
        }
        next_ms = cluster_deadline(s->cluster);
        if (!has_answered && next_ms > s->net.now_ms)
            s->net.now_ms = next_ms;
    }
}

static bool is_initial(struct storm *s, size_t number)
{
    return strstr(fake_path(&s->net, number), "sendInitialEvents");
}

/* Brings something new, and dies before the next word: each one that got through wakes the others,
 * which get through as well. */
static void one_event_and_a_reset(struct storm *s, size_t number, enum kind kind)
{
    (void)fake_text(&s->net, number, bookmark(kind, ++s->rv, is_initial(s, number)));
    cluster_step(s->cluster, s->net.now_ms); /* the loop turns between the two */
    if (s->net.exchanges[number].state == FAKE_RUNNING)
        fake_fail(&s->net, number, ERR_UNAVAILABLE, "reset");
}

static void test_watches_that_wake_each_other_do_not_spin(void **state)
{
    struct storm s;

    (void)state;
    storm_init(&s);
    blow(&s, one_event_and_a_reset);
    storm_done(&s);
}

/* Lists well, but has no watch to give. */
static void syncs_and_no_watch(struct storm *s, size_t number, enum kind kind)
{
    if (is_initial(s, number)) {
        (void)fake_text(&s->net, number, bookmark(kind, ++s->rv, true));
        cluster_step(s->cluster, s->net.now_ms);
        fake_fail(&s->net, number, ERR_UNAVAILABLE, "reset");
        return;
    }
    fake_answer(&s->net, number, 500, NULL, fake_status(500, "InternalError", NULL, "no watch"));
}

static void test_a_server_that_syncs_and_cannot_watch_is_asked_rarely(void **state)
{
    struct storm s;

    (void)state;
    storm_init(&s);
    blow(&s, syncs_and_no_watch);
    storm_done(&s);
}

/* An event that has no version moves nothing on. */
static void events_without_a_version(struct storm *s, size_t number, enum kind kind)
{
    if (is_initial(s, number)) {
        (void)fake_text(&s->net, number, bookmark(kind, ++s->rv, true));
        return;
    }
    (void)fake_text(&s->net, number,
                    api_text("{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"%s\",\"metadata\":{"
                             "\"name\":\"x\",\"namespace\":\"a\",\"uid\":\"u\"}}}\n",
                             resource_of(kind)->name));
    fake_end(&s->net, number);
}

static void ends_at_once(struct storm *s, size_t number, enum kind kind)
{
    events_without_a_version(s, number, kind);
    if (is_initial(s, number))
        fake_end(&s->net, number);
}

static void test_watches_that_end_after_events_without_a_version_are_asked_rarely(void **state)
{
    struct storm s;

    (void)state;
    storm_init(&s);
    blow(&s, ends_at_once);
    storm_done(&s);
}

/* The same two versions again and again. */
static void versions_to_and_fro(struct storm *s, size_t number, enum kind kind)
{
    (void)fake_text(&s->net, number,
                    bookmark(kind, 10 + ++s->rv / KIND_WATCHED_COUNT % 2, is_initial(s, number)));
    fake_end(&s->net, number);
}

static void test_watches_that_go_back_and_forth_are_asked_rarely(void **state)
{
    struct storm s;

    (void)state;
    storm_init(&s);
    blow(&s, versions_to_and_fro);
    storm_done(&s);
}

/* No WatchList; each list has a second page, and its token has always expired. */
static void tokens_that_expire(struct storm *s, size_t number, enum kind kind)
{
    if (strstr(fake_path(&s->net, number), "continue="))
        fake_answer(&s->net, number, 410, NULL, fake_status(410, "Expired", NULL, "too old"));
    else if (strstr(fake_path(&s->net, number), "watch=true"))
        fake_answer(&s->net, number, 400, NULL, fake_status(400, "BadRequest", NULL, "no"));
    else
        fake_answer(&s->net, number, 200, NULL,
                    api_text("{\"kind\":\"%sList\",\"metadata\":{\"resourceVersion\":\"7\","
                             "\"continue\":\"t%u\"},\"items\":[]}",
                             resource_of(kind)->name, ++s->rv));
}

static void test_lists_whose_tokens_always_expire_do_not_spin(void **state)
{
    struct storm s;

    (void)state;
    storm_init(&s);
    blow(&s, tokens_that_expire);
    storm_done(&s);
}

/* News without end, and each stream closes after one piece of it: what is new is taken, but after
 * the first few no faster than once a second. */
static void test_a_watch_that_ends_after_each_event_is_asked_once_a_second(void **state)
{
    struct storm s;
    uint64_t began_ms;
    size_t count;

    (void)state;
    storm_init(&s);
    began_ms = s.net.now_ms;
    while (s.net.now_ms < began_ms + MINUTE_MS) {
        cluster_step(s.cluster, s.net.now_ms);
        count = s.net.count;
        for (size_t i = 0; i < count; i++) {
            if (s.net.exchanges[i].state != FAKE_RUNNING)
                continue;
            (void)fake_text(&s.net, i,
                            bookmark(kind_of(fake_path(&s.net, i)), ++s.rv, is_initial(&s, i)));
            fake_end(&s.net, i);
        }
        assert_true(count <= KIND_WATCHED_COUNT *
                                 (WATCH_SHORTS_FREE + 3 + (s.net.now_ms - began_ms) / 1000));
        if (cluster_deadline(s.cluster) > s.net.now_ms)
            s.net.now_ms = cluster_deadline(s.cluster);
    }
    assert_true(s.net.count >= KIND_WATCHED_COUNT * 55);
    storm_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watches_that_wake_each_other_do_not_spin),
        cmocka_unit_test(test_a_server_that_syncs_and_cannot_watch_is_asked_rarely),
        cmocka_unit_test(test_watches_that_end_after_events_without_a_version_are_asked_rarely),
        cmocka_unit_test(test_watches_that_go_back_and_forth_are_asked_rarely),
        cmocka_unit_test(test_lists_whose_tokens_always_expire_do_not_spin),
        cmocka_unit_test(test_a_watch_that_ends_after_each_event_is_asked_once_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

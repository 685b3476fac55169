/*
 * 100,000 drifts in one minute (fault 39): what a rival does to our policies at any speed causes a
 * bounded number of writes and Events, the Events' counts say how often it was put right, memory
 * stays where it was, and in the end the policies are what they are to be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/alloc.h"
#include "rampart/json/decode.h"
#include "support/text.h"
#include "wire/support/spine.h"

#define DRIFTS 100000u
#define STEPS 500u
#define STEP_MS (60000u / STEPS)
#define DRIFTS_PER_STEP (DRIFTS / STEPS / SPINE_NAMESPACES) /* of each policy */
#define POLICY "rampart-default-deny"
/* Rounds of one namespace, as sync/pace.h has it: 30 at once, then after 250 ms doubling to 10 s,
 * and one is forgiven each 10 s without any. The minute is longer where the machine is slow. */
#define ROUNDS_MAX(took_ms) (30u + 6u + (unsigned)((took_ms) / 5000))
#define EVENTS_MAX (RECORDER_BURST + 2) /* of one object, in less than ten minutes */
#define BLOCKS_MAX 16384u /* of memory meanwhile; the Events that the server keeps are among it */

struct flood {
    bool has_many_rivals; /* each drift by another one: no two findings are equal */
    bool is_faster;       /* than any write of ours: each one meets a newer version */
    unsigned step, until_step, steps;
    unsigned told;         /* drifts so far */
    uint64_t until_bytes;  /* the client has to have received them */
    uint64_t took_ms;      /* likewise, until all was put right */
    uint64_t began_ms;     /* the operator's clock */
    size_t live, live_max; /* blocks of memory */
};

/* Where the text after @mark stands in @line. */
static char *after(char *line, const char *mark)
{
    char *at = strstr(line, mark);

    assert_non_null(at);
    return at + strlen(mark);
}

/* One drift: an ingress rule for everybody. */
static void drift(struct spine *sp, struct flood *f, struct api_object *o)
{
    char patch[512];

    (void)snprintf(patch, sizeof(patch),
                   "{\"spec\":{\"ingress\":[{}]},\"metadata\":{\"managedFields\":[{\"manager\":"
                   "\"rival-%06u\",\"operation\":\"Update\",\"time\":\"2026-11-23T23:17:00Z\","
                   "\"fieldsV1\":{\"f:spec\":{\"f:ingress\":{}}}}]}}",
                   f->has_many_rivals ? f->told : 0);
    api_edit(&sp->api, o, patch);
    f->told++;
}

/* The same again and again: in the text of the event only version and rival are written anew. */
static void drifts(struct spine *sp, struct flood *f, unsigned ns, struct strbuf *out)
{
    struct api_object *o;
    char name[16], digits[16];
    char *line, *version, *rival;

    (void)snprintf(name, sizeof(name), "ns-%u", ns);
    o = api_find(&sp->api, KIND_NETWORK_POLICY, name, POLICY);
    assert_non_null(o);
    drift(sp, f, o);
    line = api_line(o, "MODIFIED");
    version = after(line, "\"resourceVersion\":\"");
    rival = after(line, "\"rival-");
    for (unsigned i = 1; i < DRIFTS_PER_STEP - 1; i++) {
        (void)snprintf(digits, sizeof(digits), "%07u", ++sp->api.rv);
        memcpy(version, digits, 7);
        (void)snprintf(digits, sizeof(digits), "%06u", f->has_many_rivals ? f->told : 0);
        memcpy(rival, digits, 6);
        strbuf_adds(out, line);
        f->told++;
    }
    mem_free(line);
}

static bool pour(struct spine *sp)
{
    struct flood *f = sp->ctx;
    uint64_t due_ms = f->began_ms + (uint64_t)f->step * STEP_MS;
    uint64_t said;
    AUTO_STRBUF out;

    strbuf_init(&out, 16u << 20);
    if (wire_stats(&sp->wire).bytes_received < f->until_bytes ||
        (!f->is_faster && sp->in_flight > KIND_WATCHED_COUNT))
        return false;
    f->live_max = mem_live() > f->live_max ? mem_live() : f->live_max;
    if (f->step == f->until_step)
        return true;
    if (spine_now(sp) < due_ms)
        sp->ahead_ms += due_ms - spine_now(sp);
    f->step++;
    said = sp->api.said;
    for (unsigned ns = 0; ns < SPINE_NAMESPACES; ns++)
        drifts(sp, f, ns, &out);
    api_say(&sp->api, KIND_NETWORK_POLICY, out.text, out.len);
    for (unsigned ns = 0; ns < SPINE_NAMESPACES; ns++) { /* the last one of each stands */
        char name[16];

        (void)snprintf(name, sizeof(name), "ns-%u", ns);
        drift(sp, f, api_find(&sp->api, KIND_NETWORK_POLICY, name, POLICY));
    }
    f->until_bytes = wire_stats(&sp->wire).bytes_received + (sp->api.said - said);
    api_forget(&sp->api); /* what nobody asks for again; it would count as memory */
    return false;
}

static bool is_put_right(struct spine *sp)
{
    char name[16];

    for (unsigned ns = 0; ns < SPINE_NAMESPACES; ns++) {
        struct api_object *o;

        (void)snprintf(name, sizeof(name), "ns-%u", ns);
        o = api_find(&sp->api, KIND_NETWORK_POLICY, name, POLICY);
        if (!o || json_object_get(json_object_get(o->json, "spec"), "ingress"))
            return false;
    }
    return spine_is_settled(sp);
}

/* Nothing that waits for its minute, neither. */
static bool is_all_told(struct spine *sp)
{
    const struct flood *f = sp->ctx;

    return is_put_right(sp) && spine_now(sp) >= f->began_ms + 3 * 60000u;
}

/* Of the Events that tell of edits of one policy: how many, and what their counts add up to.
 * Whether it is told that the namespace is contested, too. */
static unsigned edits_told(struct spine *sp, unsigned ns, unsigned *ret_sum, unsigned *ret_contests)
{
    unsigned all = 0, edits = 0;
    struct api_object *o;
    char name[16];

    *ret_sum = 0;
    *ret_contests = 0;
    (void)snprintf(name, sizeof(name), "ns-%u", ns);
    TAILQ_FOREACH(o, &sp->api.objects, link)
    {
        const json_t *count = json_object_get(json_object_get(o->json, "series"), "count");
        const char *reason = json_string_value(json_object_get(o->json, "reason"));

        if (o->kind != KIND_EVENT || strcmp(o->ns, name) != 0)
            continue;
        assert_in_range(++all, 1, EVENTS_MAX);
        if (strcmp(reason, "PolicyEdited") == 0) {
            *ret_sum += count ? (unsigned)json_integer_value(count) : 1;
            edits++;
        } else if (strcmp(reason, "Contested") == 0) {
            ++*ret_contests;
        } else {
            assert_string_equal(reason, "WriteFailed");
        }
    }
    return edits;
}

static void run_flood(struct spine *sp, struct flood *f)
{
    spine_start(sp, NULL);
    sp->api.rv = 1000000; /* seven digits to the end */
    spine_connect(sp, 0, 0);
    spine_until_settled(sp);
    sp->ctx = f;
    sp->never_skips = true;
    f->began_ms = spine_now(sp);
    f->live = mem_live();
    while (f->until_step < f->steps) { /* the watchdog looks at each part */
        f->until_step += STEPS / 10;
        spine_until(sp, pour);
    }
    assert_int_equal(f->told, DRIFTS / STEPS * f->steps);
    sp->never_skips = false;
    spine_until(sp, is_put_right);
    f->took_ms = spine_now(sp) - f->began_ms;
}

static void check_bounds(struct spine *sp, const struct flood *f)
{
    unsigned rounds_max = ROUNDS_MAX(f->took_ms);
    unsigned patches = 0;
    char name[16];

    for (unsigned ns = 0; ns < SPINE_NAMESPACES; ns++) {
        const struct api_object *o;

        (void)snprintf(name, sizeof(name), "ns-%u", ns);
        o = api_find(&sp->api, KIND_NETWORK_POLICY, name, POLICY);
        assert_int_equal(o->creations, 1);
        assert_in_range(o->patches, 1, rounds_max);
        patches += o->patches;
    }
    assert_int_equal(sp->api.counts.patches, patches);
    assert_int_equal(sp->api.counts.deletes, 0);
    /* Each round may read what it found changed, and the profile's status is once a second. */
    assert_true(sp->requests < 100 + 4 * SPINE_NAMESPACES * rounds_max + 200);
    assert_true(spine_stats(sp).passes < 2 * STEPS * SPINE_NAMESPACES);
    assert_true(f->live_max < f->live + BLOCKS_MAX);
}

/* From its first drift until its Events have come, and held to its bounds in between. */
static void flood(struct spine *sp, struct flood *f)
{
    run_flood(sp, f);
    check_bounds(sp, f);
    spine_until(sp, is_all_told);
}

static unsigned patches_of(struct spine *sp, unsigned ns)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "ns-%u", ns);
    return api_find(&sp->api, KIND_NETWORK_POLICY, name, POLICY)->patches;
}

static void test_100000_equal_drifts_are_one_event_of_each_policy(void **state)
{
    struct flood f = {.steps = STEPS};
    struct spine sp;

    (void)state;
    flood(&sp, &f);
    for (unsigned ns = 0; ns < SPINE_NAMESPACES; ns++) {
        unsigned sum, contests;

        assert_int_equal(edits_told(&sp, ns, &sum, &contests), 1);
        assert_int_equal(contests, 1);
        assert_int_equal(sum, patches_of(&sp, ns));
        assert_true(sum >= 30); /* it was put right as long as that was no contest */
    }
    assert_int_equal(spine_stats(&sp).recorder.dropped, 0);
    assert_true(sp.api.counts.event_patches <= SPINE_NAMESPACES * 4);
    spine_close(&sp);
}

static void test_100000_different_drifts_are_at_most_25_events_of_each_policy(void **state)
{
    struct flood f = {.has_many_rivals = true, .steps = STEPS};
    struct spine sp;
    unsigned sums = 0;

    (void)state;
    flood(&sp, &f);
    for (unsigned ns = 0; ns < SPINE_NAMESPACES; ns++) {
        unsigned sum, contests;

        assert_true(edits_told(&sp, ns, &sum, &contests) + contests >= RECORDER_BURST);
        sums += sum + contests;
    }
    /* Each edit, and that each namespace is contested, was told or counted as dropped. */
    assert_int_equal(sums + spine_stats(&sp).recorder.dropped,
                     sp.api.counts.patches + SPINE_NAMESPACES);
    spine_close(&sp);
}

/* Every write of ours is answered 409: it cannot be put right before the rival is tired. */
static void test_a_rival_that_is_faster_than_any_write_costs_no_more(void **state)
{
    struct flood f = {.is_faster = true, .steps = STEPS / 5};
    struct spine sp;

    (void)state;
    flood(&sp, &f);
    for (unsigned ns = 0; ns < SPINE_NAMESPACES; ns++) {
        unsigned sum, contests;

        assert_int_equal(edits_told(&sp, ns, &sum, &contests), 1);
        assert_in_range(contests, 0, 1);
        assert_int_equal(sum, patches_of(&sp, ns));
    }
    spine_close(&sp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_100000_equal_drifts_are_one_event_of_each_policy),
        cmocka_unit_test(test_100000_different_drifts_are_at_most_25_events_of_each_policy),
        cmocka_unit_test(test_a_rival_that_is_faster_than_any_write_costs_no_more),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

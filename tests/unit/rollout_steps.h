/* One step of the rollout machine for the fixture's workload, and what writing it leads to. */
#ifndef TESTS_UNIT_ROLLOUT_STEPS_H
#define TESTS_UNIT_ROLLOUT_STEPS_H

#include <stdio.h>

#include "rampart/json/decode.h"
#include "rollout_fixture.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

#define NOW_S 10000

static struct arena arena;
static struct workload_facts web, before;
static struct workloads_section section;
static struct pods_evidence pods;
static struct harden_memory memory; /* of @before */
static struct rollout_input in;
static struct rollout_step step;

/* What the fill of the fixture has as its key for the template that digests to @digest. */
static inline const char *key_of(const char *digest, const char *end)
{
    struct workload_facts w = fixture_workload();
    const char *key;
    struct fill fill;

    w.template_digest = digest;
    assert_int_equal(fill_decide(&w.pod, &section, NULL, 0, NULL, &arena, &fill, NULL), 0);
    assert_int_equal(fill_key(&w, &fill, &arena, &key, NULL), 0);
    key = arena_printf(&arena, "%s%s", key, end);
    assert_non_null(key);
    return key;
}

static inline int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1u << 20);
    web = before = fixture_workload();
    section = fixture_section();
    pods = fixture_pods();
    in = (struct rollout_input){.workload = &web,
                                .before = &memory,
                                .section = &section,
                                .pods = &pods,
                                .profile = "team",
                                .profile_generation = 4,
                                .now_s = NOW_S,
                                .may_fill = true,
                                .has_turn = true,
                                .may_delete_pods = true};
    rollout_remember(&before, &memory);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static inline void go(void)
{
    rollout_remember(&before, &memory);
    assert_int_equal(rollout_step(&in, &arena, &step, NULL), 0);
}

static inline void expect(enum rollout_act act, enum rollout_reason reason)
{
    go();
    if (step.act != act || step.reason != reason)
        fail_msg("act %d, reason %s: %s", step.act, rollout_reason_name(step.reason), step.message);
}

/* What the step wrote is there now: the fill in the template, or gone from it. */
static inline void write_it(void)
{
    assert_int_equal(rollout_mark_write(&step.mark, &arena, &web.rollout, NULL), 0);
    if (step.act == ROLLOUT_ACT_FILL) {
        web.fill = step.mark.key;
        web.template_digest = "filled";
        web.pod.containers = &fixture_filled_container;
    } else if (step.act == ROLLOUT_ACT_REVERT) {
        web.fill = NULL;
        web.template_digest = step.mark.digest;
        web.pod.containers = &fixture_container;
    }
    before = web;
}

static inline void take_out(const char *rival)
{
    web.fill = NULL;
    web.template_digest = "d0";
    web.pod.containers = &fixture_container;
    web.template_rival.manager = rival;
    web.template_rival.at_ms = INT64_C(1767312000000); /* long after NOW_S */
    before = web;
}

static inline void fill_it(void)
{
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    write_it();
}

static inline void prove_it(void)
{
    fill_it();
    expect(ROLLOUT_ACT_MARK, ROLLOUT_FINE);
    write_it();
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif

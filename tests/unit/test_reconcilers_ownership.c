/* Whose a policy is, how its patch is made, and what is read back of a spec. */
#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/ownership.h"
#include "rampart/reconcilers/policy_spec.h"
#include "support/text.h"

#define SPEC "{\"podSelector\":{},\"policyTypes\":[\"Ingress\"]}"

static const struct ownership own = {.ns = "shop", .ns_uid = "u-ns", .profile = "p"};

/* As Rampart writes it. */
static struct netpol_facts ours(void)
{
    static char hash[17];

    policy_spec_hash(SPEC, hash);
    return (struct netpol_facts){
        .object = {.kind = KIND_NETWORK_POLICY,
                   .ns = "shop",
                   .name = "rampart-default-deny",
                   .uid = "u-1",
                   .rv = "7",
                   .is_ours = true},
        .profile = "p",
        .spec_hash = hash,
        .owner_uid = "u-ns",
        .owners_count = 1,
        .has_our_label = true,
        .has_our_entry = true,
        .spec = SPEC,
    };
}

static void test_a_policy_with_all_of_our_marks_is_right(void **state)
{
    struct netpol_facts policy = ours();

    (void)state;
    assert_false(ownership_was_taken(&policy, &own));
    assert_true(ownership_is_right(&policy, &own, SPEC));
    assert_true(ownership_wrote_spec(&policy));
    assert_true(ownership_may_delete(&policy, "u-ns"));
}

static void test_a_policy_without_one_of_our_marks_was_taken(void **state)
{
    (void)state;
    for (int way = 0; way < 5; way++) {
        struct netpol_facts policy = ours();

        if (way == 0)
            policy.has_our_label = false;
        else if (way == 1)
            policy.foreign_labels_count = 1;
        else if (way == 2)
            policy.owners_count = 2;
        else
            policy.owner_uid = way == 3 ? NULL : "u-other";
        assert_true(ownership_was_taken(&policy, &own));
        assert_false(ownership_is_right(&policy, &own, SPEC));
    }
}

static void test_a_policy_of_another_profile_or_spec_is_not_right_but_not_taken(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct netpol_facts policy = ours();

        if (way < 2)
            policy.profile = way == 0 ? NULL : "q";
        else
            policy.spec_hash = way == 2 ? NULL : "0000000000000000";
        assert_false(ownership_was_taken(&policy, &own));
        assert_false(ownership_is_right(&policy, &own, SPEC));
    }
}

/* What merely looks like ours is none of our business. */
static void test_only_what_says_that_it_is_ours_may_be_deleted(void **state)
{
    static const struct {
        bool is_ours, has_our_label, has_our_entry;
        const char *owner_uid;
        bool may_delete;
    } rows[] = {
        {true, true, true, "u-ns", true},   {true, true, false, "u-ns", true},
        {true, false, true, "u-ns", true},  {true, false, false, "u-ns", false},
        {false, true, true, "u-ns", false}, {true, true, true, "u-other", false},
        {true, true, true, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct netpol_facts policy = ours();

        policy.object.is_ours = rows[i].is_ours;
        policy.has_our_label = rows[i].has_our_label;
        policy.has_our_entry = rows[i].has_our_entry;
        policy.owner_uid = rows[i].owner_uid;
        assert_int_equal(ownership_may_delete(&policy, "u-ns"), rows[i].may_delete);
    }
}

static void test_a_spec_that_was_not_kept_is_not_one_that_we_wrote(void **state)
{
    struct netpol_facts policy = ours();

    (void)state;
    policy.spec = NULL;
    assert_false(ownership_wrote_spec(&policy));
    policy.spec = "{\"podSelector\":{\"matchLabels\":{\"a\":\"b\"}}}";
    assert_false(ownership_wrote_spec(&policy));
}

/* The "spec" of the patch that turns @from into @to. */
static void assert_patch(const char *from, const char *to, const char *want)
{
    struct netpol_facts policy = ours();
    struct err err = {0};
    struct write *write;
    AUTO_ARENA arena;
    struct plan plan;

    policy.spec = from;
    arena_init(&arena, 1024 * 1024);
    plan_init(&plan, &arena);
    write = ownership_mend(&plan, PHASE_CHANGE, &policy, &own, to, &err);
    if (!write)
        fail_msg("%s", err.msg);
    assert_contains(write->body, want);
    assert_contains(write->body, "\"uid\":\"u-1\",\"resourceVersion\":\"7\"");
}

/* A merge patch merges objects and replaces everything else: what must not be there is null. */
static void test_a_patch_states_every_member_whatever_stands_there(void **state)
{
    static const struct {
        const char *from; /* NULL: too large to be kept */
        const char *to;
        const char *want;
    } rows[] = {
        {SPEC, SPEC,
         "\"spec\":{\"podSelector\":{\"matchLabels\":null,\"matchExpressions\":null},"
         "\"policyTypes\":[\"Ingress\"],\"ingress\":null,\"egress\":null}"},
        {NULL, SPEC,
         "\"spec\":{\"podSelector\":{\"matchLabels\":null,\"matchExpressions\":null},"
         "\"policyTypes\":[\"Ingress\"],\"ingress\":null,\"egress\":null}"},
        {"{\"podSelector\":{\"matchLabels\":{\"a\":\"b\",\"c\":\"d\"}}}",
         "{\"podSelector\":{\"matchLabels\":{\"a\":\"x\"}}}",
         "\"podSelector\":{\"matchLabels\":{\"a\":\"x\",\"c\":null},\"matchExpressions\":null}"},
        /* What no API server stores: a member of another type, or of another name. */
        {"{\"podSelector\":7}", "{\"podSelector\":{\"matchLabels\":{\"a\":\"x\"}}}",
         "\"podSelector\":{\"matchLabels\":{\"a\":\"x\"}}"},
        {"{\"later\":{\"a\":1}}", SPEC, "\"later\":null"},
        {SPEC, "{\"podSelector\":{},\"later\":{\"a\":1}}", "\"later\":{\"a\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_patch(rows[i].from, rows[i].to, rows[i].want);
}

static void test_a_write_over_the_bound_of_a_plan_says_so(void **state)
{
    struct netpol_facts policy = ours();
    struct err err = {0};
    AUTO_ARENA arena;
    struct plan plan;

    (void)state;
    arena_init(&arena, 4 * 1024 * 1024);
    plan_init(&plan, &arena);
    for (int i = 0; i < PLAN_WRITES_MAX; i++)
        assert_non_null(ownership_delete(&plan, PHASE_REMOVE, &policy, &own, true, &err));
    assert_null(ownership_delete(&plan, PHASE_REMOVE, &policy, &own, true, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

/* ---- Reading a spec back ---- */

static void test_a_spec_that_no_api_server_stores_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "{\"podSelector\":7}",
        "{\"policyTypes\":{}}",
        "{\"ingress\":7}",
        "{\"egress\":{}}",
    };
    struct observed_spec seen;
    AUTO_ARENA arena;

    (void)state;
    arena_init(&arena, 1024 * 1024);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};

        if (policy_spec_read(rows[i], &arena, &seen, &err) == 0)
            fail_msg("%s was read", rows[i]);
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void test_a_spec_without_selector_selects_all_and_odd_types_are_none(void **state)
{
    struct observed_spec seen;
    struct err err = {0};
    AUTO_ARENA arena;

    (void)state;
    arena_init(&arena, 1024 * 1024);
    assert_int_equal(policy_spec_read("{\"policyTypes\":[7,\"Egress\",\"Sideways\"]}", &arena,
                                      &seen, &err),
                     0);
    assert_true(seen.selects_all_pods);
    assert_false(seen.spec.has[INGRESS]);
    assert_true(seen.spec.has[EGRESS]);
}

static void test_a_spec_has_room_for_so_many_rules_and_no_more(void **state)
{
    struct policy_spec spec = {0};
    struct err err = {0};
    AUTO_ARENA arena;

    (void)state;
    arena_init(&arena, 16 * 1024 * 1024);
    for (int i = 0; i <= POLICY_RULES_MAX; i++) {
        struct net_port port = {.number = (uint16_t)(i + 1)};
        struct net_rule rule = {.ports = &port, .ports_count = 1};

        assert_int_equal(policy_spec_add(&spec, EGRESS, &rule, &arena, &err),
                         i < POLICY_RULES_MAX ? 0 : -1);
    }
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(spec.rules[EGRESS].count, POLICY_RULES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_policy_with_all_of_our_marks_is_right),
        cmocka_unit_test(test_a_policy_without_one_of_our_marks_was_taken),
        cmocka_unit_test(test_a_policy_of_another_profile_or_spec_is_not_right_but_not_taken),
        cmocka_unit_test(test_only_what_says_that_it_is_ours_may_be_deleted),
        cmocka_unit_test(test_a_spec_that_was_not_kept_is_not_one_that_we_wrote),
        cmocka_unit_test(test_a_patch_states_every_member_whatever_stands_there),
        cmocka_unit_test(test_a_write_over_the_bound_of_a_plan_says_so),
        cmocka_unit_test(test_a_spec_that_no_api_server_stores_is_refused),
        cmocka_unit_test(test_a_spec_without_selector_selects_all_and_odd_types_are_none),
        cmocka_unit_test(test_a_spec_has_room_for_so_many_rules_and_no_more),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

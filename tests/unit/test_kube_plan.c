#include "kube_fixture.h"

#include "rampart/kube/plan.h"

static struct write write_of(enum plan_phase phase, enum kind kind, const char *ns,
                             const char *name)
{
    return (struct write){
        .phase = phase,
        .object = {.kind = kind, .ns = ns, .name = name, .uid = ""},
        .summary = "create",
    };
}

static struct finding finding_of(enum reason reason, const char *ns, const char *name,
                                 const char *message)
{
    return (struct finding){
        .reason = reason,
        .object = {.kind = KIND_NETWORK_POLICY, .ns = ns, .name = name, .uid = ""},
        .message = message,
    };
}

static void test_plan_owns_what_it_was_given(void **state)
{
    char text[8] = "before";
    struct finding after = finding_of(REASON_POLICY_EDITED, text, text, text);
    struct write write = {
        .object = {.kind = KIND_NETWORK_POLICY, .ns = text, .name = text, .uid = text},
        .rv = text,
        .body = text,
        .summary = text,
        .profile = text,
        .after = &after,
    };
    struct finding finding = {
        .object = write.object, .rule = text, .message = text, .manager = text, .profile = text};
    struct plan plan;

    plan_init(&plan, *state);
    assert_non_null(plan_add_write(&plan, &write));
    assert_non_null(plan_add_finding(&plan, &finding));
    memcpy(text, "after!", 7);
    memset(&after, 0, sizeof(after));

    assert_string_equal(plan.writes[0].object.ns, "before");
    assert_string_equal(plan.writes[0].object.name, "before");
    assert_string_equal(plan.writes[0].object.uid, "before");
    assert_string_equal(plan.writes[0].rv, "before");
    assert_string_equal(plan.writes[0].body, "before");
    assert_string_equal(plan.writes[0].summary, "before");
    assert_string_equal(plan.writes[0].profile, "before");
    assert_string_equal(plan.writes[0].after->message, "before");
    assert_int_equal(plan.writes[0].after->reason, REASON_POLICY_EDITED);
    assert_string_equal(plan.findings[0].rule, "before");
    assert_string_equal(plan.findings[0].message, "before");
    assert_string_equal(plan.findings[0].manager, "before");
    assert_string_equal(plan.findings[0].profile, "before");
    assert_int_equal(plan_check(&plan, NULL), 0);
}

static void test_plan_keeps_what_is_absent_absent(void **state)
{
    struct plan plan;

    plan_init(&plan, *state);
    assert_non_null(plan_add_write(&plan, &(struct write){0}));
    assert_non_null(plan_add_finding(&plan, &(struct finding){0}));
    assert_null(plan.writes[0].rv);
    assert_null(plan.writes[0].body);
    assert_null(plan.writes[0].after);
    assert_null(plan.findings[0].manager);
    assert_null(plan.findings[0].object.name);
}

static void test_plan_sorts_writes_by_phase_then_object(void **state)
{
    static const struct {
        enum plan_phase phase;
        enum kind kind;
        const char *ns;
        const char *name;
    } rows[] = {
        {PHASE_FINALIZER, KIND_PROFILE, "", "p"},     {PHASE_ALLOW, KIND_PROFILE, "z", "z"},
        {PHASE_ALLOW, KIND_NETWORK_POLICY, "a", "x"}, {PHASE_ALLOW, KIND_NETWORK_POLICY, "a", "y"},
        {PHASE_ALLOW, KIND_NETWORK_POLICY, "b", "a"}, {PHASE_DENY, KIND_NETWORK_POLICY, "a", "a"},
        {PHASE_STATUS, KIND_PROFILE, "", "p"},
    };
    size_t count = COUNT_OF(rows);
    struct plan plan;

    for (size_t first = 0; first < count; first++) {
        plan_init(&plan, *state);
        for (size_t i = 0; i < count; i++) {
            size_t at = (first + i * 5) % count; /* 5 and 7 have no common factor */
            struct write write =
                write_of(rows[at].phase, rows[at].kind, rows[at].ns, rows[at].name);

            assert_non_null(plan_add_write(&plan, &write));
        }
        plan_sort(&plan);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(plan.writes[i].phase, rows[i].phase);
            assert_string_equal(plan.writes[i].object.ns, rows[i].ns);
            assert_string_equal(plan.writes[i].object.name, rows[i].name);
        }
    }
}

/* In whatever order they come; a name that is absent is the smallest. */
static void test_plan_sorts_findings_by_object_then_reason(void **state)
{
    const struct finding sorted[] = {
        finding_of(REASON_UNDONE, "a", NULL, NULL),   finding_of(REASON_UNDONE, "a", NULL, "m"),
        finding_of(REASON_UNDONE, "a", "z", "m"),     finding_of(REASON_NAME_TAKEN, "b", "x", "a"),
        finding_of(REASON_NAME_TAKEN, "b", "x", "m"), finding_of(REASON_UNDONE, "b", "x", "m"),
    };
    size_t count = COUNT_OF(sorted);
    struct plan plan;

    for (size_t first = 0; first < count; first++) {
        for (size_t step = 1; step < count; step += count - 2) { /* forwards and backwards */
            plan_init(&plan, *state);
            for (size_t i = 0; i < count; i++)
                assert_non_null(plan_add_finding(&plan, &sorted[(first + i * step) % count]));
            plan_sort(&plan);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(plan.findings[i].reason, sorted[i].reason);
                assert_string_equal(plan.findings[i].object.ns, sorted[i].object.ns);
                assert_int_equal(plan.findings[i].object.name == NULL, i < 2);
                assert_int_equal(plan.findings[i].message == NULL, i < 1);
                if (i > 0)
                    assert_string_equal(plan.findings[i].message, sorted[i].message);
            }
        }
    }
}

static void test_plan_breaks_at_its_ceiling_of_writes(void **state)
{
    struct plan plan;
    struct err err = {0};

    plan_init(&plan, *state);
    for (int i = 0; i < PLAN_WRITES_MAX; i++) {
        char name[16];
        struct write write = write_of(PHASE_DENY, KIND_NETWORK_POLICY, "a", name);

        (void)snprintf(name, sizeof(name), "%03d", PLAN_WRITES_MAX - i);
        assert_non_null(plan_add_write(&plan, &write));
    }
    assert_int_equal(plan_check(&plan, &err), 0);
    plan_sort(&plan);
    for (int i = 1; i < PLAN_WRITES_MAX; i++)
        assert_true(strcmp(plan.writes[i - 1].object.name, plan.writes[i].object.name) < 0);
    assert_null(plan_add_write(&plan, &(struct write){0}));
    assert_int_equal(plan_check(&plan, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_null(plan_add_finding(&plan, &(struct finding){0}));
}

static void test_plan_counts_findings_over_its_ceiling(void **state)
{
    struct plan plan;

    plan_init(&plan, *state);
    for (int i = 0; i < PLAN_FINDINGS_MAX; i++)
        assert_non_null(plan_add_finding(&plan, &(struct finding){0}));
    assert_null(plan_add_finding(&plan, &(struct finding){0}));
    assert_null(plan_add_finding(&plan, &(struct finding){0}));
    assert_int_equal(plan.findings_count, PLAN_FINDINGS_MAX);
    assert_int_equal(plan.findings_cut, 2);
    assert_int_equal(plan_check(&plan, NULL), 0);
}

static int fill(struct plan *plan)
{
    static const struct object_ref object = {KIND_NETWORK_POLICY, "shop", "x", "uid"};
    struct finding finding = {.reason = REASON_UNDONE,
                              .object = object,
                              .rule = "network",
                              .message = "message",
                              .manager = "kubectl",
                              .profile = "restricted"};
    struct write write = {.phase = PHASE_DENY,
                          .object = object,
                          .rv = "12",
                          .body = "{}",
                          .summary = "create",
                          .profile = "restricted",
                          .after = &finding};

    for (int i = 0; i < 10; i++) {
        (void)!plan_add_write(plan, &write);
        (void)!plan_add_finding(plan, &finding);
    }
    plan_sort(plan);
    return plan_check(plan, NULL);
}

static void test_plan_is_broken_whichever_allocation_fails(void **state)
{
    struct plan plan;
    struct arena arena;
    size_t needed;

    arena_init(&arena, 1u << 20);
    plan_init(&plan, &arena);
    assert_int_equal(fill(&plan), 0);
    needed = arena.used;
    arena_done(&arena);
    for (size_t room = 0; room <= needed; room++) {
        struct err err = {0};

        arena_init(&arena, room);
        plan_init(&plan, &arena);
        assert_int_equal(fill(&plan), room < needed ? -1 : 0);
        assert_int_equal(plan_check(&plan, &err), room < needed ? -1 : 0);
        assert_int_equal(err.code, room < needed ? ERR_NOMEM : ERR_NONE);
        arena_done(&arena);
    }
    (void)state;
}

static void test_every_reason_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < REASON_COUNT; i++) {
        const char *name = reason_name((enum reason)i);

        assert_non_null(name);
        assert_int_equal(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
                         strlen(name));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(name, reason_name((enum reason)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_plan_owns_what_it_was_given),
        ARENA_TEST(test_plan_keeps_what_is_absent_absent),
        ARENA_TEST(test_plan_sorts_writes_by_phase_then_object),
        ARENA_TEST(test_plan_sorts_findings_by_object_then_reason),
        ARENA_TEST(test_plan_breaks_at_its_ceiling_of_writes),
        ARENA_TEST(test_plan_counts_findings_over_its_ceiling),
        cmocka_unit_test(test_plan_is_broken_whichever_allocation_fails),
        cmocka_unit_test(test_every_reason_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

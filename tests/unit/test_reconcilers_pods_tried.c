/* Which fills a workload has had, as its revisions remember them. */
#include "reconcilers_pods.h"

static void test_what_was_tried_is_told_once_and_proven_only_by_its_own_mark(void **state)
{
    (void)state;
    replica_set("a", 1, "k1", "Proving");
    replica_set("b", 2, "k1", "Proven");
    replica_set("c", 3, "k2", "Proven"); /* of k1: the mark came with a later fill */
    replica_set("d", 4, "k3", "nonsense");
    replica_set("e", 5, "", NULL);
    end();
    assert_int_equal(found.tried_count, 3);
    assert_true(found.tried[0].is_proven);
    assert_false(found.tried[1].is_proven);
    assert_false(found.tried[2].is_proven);
}

/* What the runtime took back itself as its profile went was no failure, and nobody else's doing. */
static void test_what_we_took_back_ourselves_was_not_tried(void **state)
{
#define SINCE(phase, key, started)                                                            \
    "{\\\"phase\\\":\\\"" phase "\\\",\\\"key\\\":\\\"" key "\\\",\\\"digest\\\":\\\"d0\\\"," \
    "\\\"started\\\":" started "}"
    static const struct {
        const char *filled, *bare; /* the marks of the two ReplicaSets; the second is the newest */
        bool was_tried;
    } cases[] = {
        {SINCE("Proven", "k1", "100"), SINCE("TakenBack", "k1", "200"), false},
        {"", SINCE("TakenBack", "k1", "200"), false},
        {SINCE("Proven", "k1", "100"), SINCE("TakenBack", "k2", "200"), true},
        {SINCE("Proven", "k1", "100"), SINCE("Reverted", "k1", "200"), true},
        {SINCE("Proven", "k1", "100"), "", true},
        /* Filled in again since then, and whoever took that away was not us. */
        {SINCE("Proving", "k1", "300"), SINCE("TakenBack", "k1", "200"), true},
        {SINCE("Proven", "k1", "300"), SINCE("TakenBack", "k1", "200"), true},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        teardown(state);
        setup(state);
        marked_set("filled", 1, "k1", cases[i].filled);
        marked_set("bare", 2, "", cases[i].bare);
        end();
        if (found.tried_count != cases[i].was_tried)
            fail_msg("%s and %s", cases[i].filled, cases[i].bare);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_tried_is_told_once_and_proven_only_by_its_own_mark),
        TEST(test_what_we_took_back_ourselves_was_not_tried),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

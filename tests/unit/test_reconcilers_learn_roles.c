/* From what was seen to the smallest roles: names, namespaces, and what widens a right. */
#include "reconcilers_learn.h"

#include <stdlib.h>

#include "rampart/base/rng.h"
#include "support/sweep.h"

#define NAMES_MAX 3
#define NAMESPACES_MAX 2

static struct learn_table *table(void)
{
    return learn_table_with(NAMES_MAX, NAMESPACES_MAX);
}

static void test_each_namespace_has_a_role_of_its_own(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "bank {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}\n"
                 "shop {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\" \"watch\"]}\n",
                 ASKED("list", "pods", "shop", ""), ASKED("watch", "pods", "shop", ""),
                 ASKED("list", "pods", "bank", ""));
}

static void test_names_that_are_few_stand_in_the_rule(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "shop {APIGroups:[\"\"], Resources:[\"secrets\"], "
                 "ResourceNames:[\"a\" \"b\" \"c\"], Verbs:[\"get\"]}\n",
                 ASKED("get", "secrets", "shop", "c"), ASKED("get", "secrets", "shop", "a"),
                 ASKED("get", "secrets", "shop", "b"), ASKED("get", "secrets", "shop", "a"));
}

static void test_one_name_more_is_any_name(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "bank {APIGroups:[\"\"], Resources:[\"secrets\"], ResourceNames:[\"a\"], "
                 "Verbs:[\"get\"]}\n"
                 "shop {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}\n",
                 ASKED("get", "secrets", "shop", "c"), ASKED("get", "secrets", "shop", "a"),
                 ASKED("get", "secrets", "shop", "b"), ASKED("get", "secrets", "shop", "d"),
                 ASKED("get", "secrets", "shop", "e"), ASKED("get", "secrets", "bank", "a"));
}

static void test_without_a_name_all_names_are_needed(void **state)
{
    (void)state;
    ASSERT_ROLES(table(), "shop {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"list\"]}\n",
                 ASKED("list", "secrets", "shop", "c"), ASKED("list", "secrets", "shop", ""),
                 ASKED("list", "secrets", "shop", "d"));
}

static void test_a_bound_of_no_names_names_none(void **state)
{
    (void)state;
    ASSERT_ROLES(learn_table_with(0, 1),
                 "shop {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}\n",
                 ASKED("get", "secrets", "shop", "a"));
}

static void test_what_is_of_the_whole_cluster_is_a_cluster_role(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "ClusterRole {NonResourceURLs:[\"/metrics\"], Verbs:[\"get\"]}\n"
                 "ClusterRole {APIGroups:[\"\"], Resources:[\"nodes\"], ResourceNames:[\"a\"], "
                 "Verbs:[\"get\"]}\n"
                 "ClusterRole {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}\n"
                 "shop {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"p\"], "
                 "Verbs:[\"get\"]}\n",
                 ASKED("list", "pods", "", ""), ASKED("get", "pods", "shop", "p"),
                 ASKED("get", "nodes", "", "a"),
                 ASKED("get", "", "", "", .is_for_resource = false, .uri = "/metrics"));
}

static void test_what_the_cluster_role_gives_no_role_repeats(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "ClusterRole {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}\n",
                 ASKED("list", "pods", "shop", "a"), ASKED("list", "pods", "bank", ""),
                 ASKED("list", "pods", "", ""), ASKED("list", "pods", "lab", ""));
    ASSERT_ROLES(table(),
                 "ClusterRole {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\"], "
                 "Verbs:[\"list\"]}\n"
                 "bank {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"b\"], "
                 "Verbs:[\"list\"]}\n",
                 ASKED("list", "pods", "", "a"), ASKED("list", "pods", "shop", "a"),
                 ASKED("list", "pods", "bank", "a"), ASKED("list", "pods", "bank", "b"));
}

static void test_names_of_the_whole_cluster_that_are_many_cover_every_namespace(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "ClusterRole {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}\n",
                 ASKED("list", "pods", "shop", "x"), ASKED("list", "pods", "", "a"),
                 ASKED("list", "pods", "", "b"), ASKED("list", "pods", "", "c"),
                 ASKED("list", "pods", "", "d"));
}

static void test_a_namespace_more_is_the_whole_cluster_with_the_names_of_all(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "ClusterRole {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\" \"b\" "
                 "\"c\"], Verbs:[\"get\"]}\n",
                 ASKED("get", "pods", "shop", "a"), ASKED("get", "pods", "bank", "b"),
                 ASKED("get", "pods", "lab", "a"), ASKED("get", "pods", "den", "c"));
    ASSERT_ROLES(table(), "ClusterRole {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\"]}\n",
                 ASKED("get", "pods", "shop", "a"), ASKED("get", "pods", "shop", "b"),
                 ASKED("get", "pods", "bank", "c"), ASKED("get", "pods", "bank", "d"),
                 ASKED("get", "pods", "lab", "a"));
    ASSERT_ROLES(table(),
                 "ClusterRole {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}\n",
                 ASKED("list", "pods", "shop", "a"), ASKED("list", "pods", "bank", ""),
                 ASKED("list", "pods", "lab", "b"), ASKED("list", "pods", "", ""));
}

static void test_the_whole_cluster_is_no_namespace_that_counts(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "ClusterRole {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\"], "
                 "Verbs:[\"list\"]}\n"
                 "bank {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}\n"
                 "shop {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}\n",
                 ASKED("list", "pods", "", "a"), ASKED("list", "pods", "shop", ""),
                 ASKED("list", "pods", "bank", ""));
}

static void test_a_bound_of_no_namespaces_is_always_the_whole_cluster(void **state)
{
    (void)state;
    ASSERT_ROLES(learn_table_with(1, 0),
                 "ClusterRole {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\"], "
                 "Verbs:[\"get\"]}\n",
                 ASKED("get", "pods", "shop", "a"), ASKED("get", "pods", "bank", "a"));
}

static void test_subresources_and_groups_are_rights_of_their_own(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "shop {APIGroups:[\"\"], Resources:[\"pods/eviction\"], ResourceNames:[\"a\"], "
                 "Verbs:[\"create\"]}\n"
                 "shop {APIGroups:[\"apps\"], Resources:[\"deployments\"], ResourceNames:[\"a\"], "
                 "Verbs:[\"get\"]}\n"
                 "shop {APIGroups:[\"apps\"], Resources:[\"deployments/scale\"], "
                 "ResourceNames:[\"a\"], Verbs:[\"patch\"]}\n",
                 ASKED("create", "pods", "shop", "a", .subresource = "eviction"),
                 ASKED("get", "deployments", "shop", "a", .group = "apps"),
                 ASKED("patch", "deployments", "shop", "a", .group = "apps",
                       .subresource = "scale"));
}

static void test_an_apply_that_makes_the_object_needs_create_of_that_name(void **state)
{
    (void)state;
    ASSERT_ROLES(table(),
                 "shop {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\"], "
                 "Verbs:[\"create\" \"patch\"]}\n",
                 ASKED("patch", "pods", "shop", "a", .code = 201));
}

static void test_what_shows_no_need_gives_no_role(void **state)
{
    (void)state;
    ASSERT_ROLES(table(), "", ASKED("get", "pods", "shop", "a", .decision = AUDIT_FORBIDDEN),
                 ASKED("get", "pods", "shop", "a", .is_impersonated = true));
}

/* ---- widened, and said ---- */

static const struct learn_right *only_right(struct learn_table *t)
{
    const struct learn_account *account = account_in(t, "shop:web");

    assert_int_equal(account->rights_count, 1);
    return account->rights;
}

static bool is_widened(const struct learn_right *right)
{
    return right->is_spread || right->places[0].is_widened;
}

static void test_only_what_a_bound_made_wider_counts_as_widened(void **state)
{
    struct learn_table *t = table();
    const struct audit_event named = ASKED("list", "pods", "shop", "a");
    const struct audit_event any = ASKED("list", "pods", "shop", "");
    const struct audit_event second = ASKED("list", "pods", "bank", "");
    const struct audit_event third = ASKED("list", "pods", "lab", "");
    const struct audit_event all = ASKED("list", "pods", "", "");
    char names[NAMES_MAX + 1][2];

    (void)state;
    note(t, &named);
    assert_false(is_widened(only_right(t)));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct audit_event event = named;

        names[i][0] = (char)('b' + i);
        names[i][1] = '\0';
        event.name = names[i];
        note(t, &event);
    }
    assert_true(is_widened(only_right(t)));
    note(t, &any);
    assert_false(is_widened(only_right(t)));
    note(t, &second);
    assert_false(only_right(t)->is_spread);
    note(t, &third);
    assert_true(is_widened(only_right(t)));
    note(t, &all);
    assert_false(is_widened(only_right(t)));
    assert_int_equal(only_right(t)->count, 1);
    learn_table_free(t);
}

static void test_rights_that_no_log_shows_are_said(void **state)
{
    static const struct {
        const char *verb, *group, *resource;
        const char *part;
    } rows[] = {
        {"create", RBAC_GROUP, "rolebindings", "verb bind"},
        {"patch", RBAC_GROUP, "clusterrolebindings", "verb bind"},
        {"update", RBAC_GROUP, "roles", "verb escalate"},
        {"create", RBAC_GROUP, "clusterroles", "verb escalate"},
        {"update", "certificates.k8s.io", "certificatesigningrequests/approval", "verb approve"},
        {"patch", "certificates.k8s.io", "certificatesigningrequests/status", "verb sign"},
        {"get", RBAC_GROUP, "roles", NULL},
        {"create", RBAC_GROUP, "others", NULL},
        {"create", "", "roles", NULL},
        {"create", "certificates.k8s.io", "certificatesigningrequests", NULL},
        {"create", "", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct learn_right right = {.verb = rows[i].verb,
                                          .group = rows[i].group,
                                          .resource = rows[i].resource};
        const char *beyond = learn_beyond_log(&right);

        assert_int_equal(beyond != NULL, rows[i].part != NULL);
        if (beyond)
            assert_non_null(strstr(beyond, rows[i].part));
    }
}

/* ---- in any order ---- */

#define RANDOM_EVENTS 60

struct random_event {
    struct audit_event event;
    char ns[2], name[2];
};

static void draw(struct rng *rng, struct random_event *e)
{
    static const char *const verbs[] = {"get", "list"};

    e->ns[0] = "\0abcd"[rng_below(rng, 5)];
    e->name[0] = "\0vwxyz"[rng_below(rng, 6)];
    e->ns[1] = e->name[1] = '\0';
    e->event = ASKED(verbs[rng_below(rng, 2)], "pods", e->ns, e->name);
}

static bool allows(const struct learn_roles *roles, const struct audit_event *event)
{
    const struct rbac_request request = {.verb = event->verb,
                                         .group = event->group,
                                         .resource = event->resource,
                                         .subresource = event->subresource,
                                         .name = event->name};

    for (size_t i = 0; i < roles->count; i++) {
        const struct learn_role *role = &roles->roles[i];

        if ((*role->ns == '\0' || strcmp(role->ns, event->ns) == 0) &&
            rbac_rules_allow(&role->rules, &request))
            return true;
    }
    return false;
}

static void test_the_roles_allow_all_that_was_seen_whatever_its_order(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random_event events[RANDOM_EVENTS];
        struct learn_table *t = learn_table_with(seed % 5, seed % 4);
        struct learn_table *shuffled = learn_table_with(seed % 5, seed % 4);
        size_t count = 1 + seed % RANDOM_EVENTS;
        struct learn_roles roles;
        struct err err = {0};
        struct rng rng;
        AUTO_ARENA a;
        AUTO_STRBUF of_order, of_other;

        rng_init(&rng, seed);
        for (size_t i = 0; i < count; i++) {
            draw(&rng, &events[i]);
            note(t, &events[i].event);
        }
        for (size_t i = 0; i < count; i++)
            note(shuffled, &events[(i * 61 + seed) % count].event);
        if (count % 61 == 0)
            fail_msg("the second order leaves some out");
        arena_init(&a, LEARN_ROLES_BYTES_MAX);
        assert_int_equal(learn_roles_of(account_in(t, "shop:web"), &a, &roles, &err), 0);
        for (size_t i = 0; i < count; i++) {
            if (!allows(&roles, &events[i].event))
                fail_msg("seed %u: %s in \"%s\" of \"%s\" is not allowed", (unsigned)seed,
                         events[i].event.verb, events[i].ns, events[i].name);
        }
        write_roles(t, &of_order);
        write_roles(shuffled, &of_other);
        assert_string_equal(of_order.text, of_other.text);
        learn_table_free(t);
        learn_table_free(shuffled);
    }
}

/* Within wide bounds, a right is in the rules only if somebody used it. */
static void test_the_roles_allow_nothing_that_was_not_seen(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        static const char *const verbs[] = {"get", "list", "watch"};
        struct random_event events[RANDOM_EVENTS];
        struct learn_table *t = learn_table_with(10, 10);
        size_t count = 1 + seed % RANDOM_EVENTS;
        struct learn_roles roles;
        struct err err = {0};
        struct rng rng;
        AUTO_ARENA a;

        rng_init(&rng, seed);
        for (size_t i = 0; i < count; i++) {
            draw(&rng, &events[i]);
            note(t, &events[i].event);
        }
        arena_init(&a, LEARN_ROLES_BYTES_MAX);
        assert_int_equal(learn_roles_of(account_in(t, "shop:web"), &a, &roles, &err), 0);
        for (size_t i = 0; i < COUNT_OF(verbs) * 5 * 6; i++) {
            char ns[2] = {"\0abcd"[i / 3 % 5], '\0'}, name[2] = {"\0vwxyz"[i / 15], '\0'};
            const struct audit_event asked = ASKED(verbs[i % 3], "pods", ns, name);
            bool is_seen = false;

            for (size_t k = 0; k < count; k++) {
                const struct random_event *e = &events[k];

                is_seen = is_seen || (strcmp(e->event.verb, asked.verb) == 0 &&
                                      (!*e->ns || strcmp(e->ns, ns) == 0) &&
                                      (!*e->name || strcmp(e->name, name) == 0));
            }
            if (allows(&roles, &asked) != is_seen)
                fail_msg("seed %u: %s in \"%s\" of \"%s\"", (unsigned)seed, asked.verb, ns, name);
        }
        learn_table_free(t);
    }
}

static int learn_some(void *ctx, struct err *err)
{
    const struct audit_event events[] = {
        ASKED("get", "pods", "shop", "a"),
        ASKED("get", "pods", "shop", "b"),
        ASKED("get", "pods", "bank", "c"),
        ASKED("list", "pods", "", ""),
        ASKED("get", "pods", "lab", "a"),
        ASKED("patch", "pods", "shop", "a", .code = 201),
        ASKED("get", "pods", "den", "d"),
        ASKED("get", "pods", "den", "e"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/metrics"),
    };
    const struct learn_bounds bounds = {NAMES_MAX, NAMESPACES_MAX};
    const struct learn_account *const *accounts;
    struct learn_table *t = learn_table_new(&bounds, err);
    struct learn_roles roles = {.count = 77};
    size_t count = 0;
    int result = t ? 0 : -1;
    AUTO_ARENA a;

    (void)ctx;
    arena_init(&a, LEARN_ROLES_BYTES_MAX);
    for (size_t i = 0; result == 0 && i < COUNT_OF(events); i++)
        result = learn_table_add(t, &events[i], everything(), err);
    if (result == 0)
        result = learn_table_accounts(t, &accounts, &count, err);
    if (result == 0)
        result = learn_roles_of(accounts[0], &a, &roles, err);
    if (result < 0)
        assert_int_equal(roles.count, 77);
    learn_table_free(t);
    return result;
}

static void test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(sweep(learn_some, NULL) >= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_namespace_has_a_role_of_its_own),
        cmocka_unit_test(test_names_that_are_few_stand_in_the_rule),
        cmocka_unit_test(test_one_name_more_is_any_name),
        cmocka_unit_test(test_without_a_name_all_names_are_needed),
        cmocka_unit_test(test_a_bound_of_no_names_names_none),
        cmocka_unit_test(test_what_is_of_the_whole_cluster_is_a_cluster_role),
        cmocka_unit_test(test_what_the_cluster_role_gives_no_role_repeats),
        cmocka_unit_test(test_names_of_the_whole_cluster_that_are_many_cover_every_namespace),
        cmocka_unit_test(test_a_namespace_more_is_the_whole_cluster_with_the_names_of_all),
        cmocka_unit_test(test_the_whole_cluster_is_no_namespace_that_counts),
        cmocka_unit_test(test_a_bound_of_no_namespaces_is_always_the_whole_cluster),
        cmocka_unit_test(test_subresources_and_groups_are_rights_of_their_own),
        cmocka_unit_test(test_an_apply_that_makes_the_object_needs_create_of_that_name),
        cmocka_unit_test(test_what_shows_no_need_gives_no_role),
        cmocka_unit_test(test_only_what_a_bound_made_wider_counts_as_widened),
        cmocka_unit_test(test_rights_that_no_log_shows_are_said),
        cmocka_unit_test(test_the_roles_allow_all_that_was_seen_whatever_its_order),
        cmocka_unit_test(test_the_roles_allow_nothing_that_was_not_seen),
        cmocka_unit_test(test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

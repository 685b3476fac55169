/* What the table counts, and each of its ceilings: reached, said, and nothing lost in silence. */
#include "reconcilers_learn.h"

#include "support/sweep.h"

static void test_a_request_that_lasts_is_counted_once(void **state)
{
    struct learn_table *t = learn_table_with(1, 1);
    const struct audit_event started =
        ASKED("watch", "pods", "", "", .stage = AUDIT_RESPONSE_STARTED);
    const struct audit_event ended = ASKED("watch", "pods", "", "");

    (void)state;
    note(t, &started);
    note(t, &ended);
    note(t, &started); /* and goes on beyond the end of the log */
    assert_int_equal(learn_requests(account_in(t, "shop:web")->rights->requests), 2);
    note(t, &ended);
    note(t, &ended); /* began before the log did */
    assert_int_equal(learn_requests(account_in(t, "shop:web")->rights->requests), 3);
    learn_table_free(t);
}

static void test_each_account_knows_what_was_left_out_of_it(void **state)
{
    struct learn_table *t = learn_table_with(1, 1);
    const struct audit_event denied = ASKED("get", "pods", "a", "b", .code = 403);
    const struct audit_event other = ASKED("get", "pods", "a", "b", .is_impersonated = true);
    const struct audit_event odd = ASKED("get", "*", "a", "b");
    const struct audit_event all =
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/version");
    const struct audit_event admin = ASKED("get", "pods", "a", "b", .user = "admin");
    const struct audit_event early =
        ASKED("get", "pods", "a", "b", .stage = AUDIT_REQUEST_RECEIVED);
    const struct learn_account *account;

    (void)state;
    note(t, &denied);
    note(t, &denied);
    note(t, &other);
    note(t, &odd);
    note(t, &all);
    note(t, &admin);
    note(t, &early);
    account = account_in(t, "shop:web");
    assert_int_equal(learn_table_count(t), 1);
    assert_int_equal(account->rights_count, 0);
    assert_null(account->rights);
    assert_int_equal(learn_requests(account->turned_away[LEARN_DENIED]), 2);
    assert_int_equal(learn_requests(account->turned_away[LEARN_IMPERSONATED]), 1);
    assert_int_equal(learn_requests(account->turned_away[LEARN_ODD]), 1);
    assert_int_equal(learn_requests(account->turned_away[LEARN_EVERYONES]), 1);
    assert_int_equal(learn_table_verdicts(t, LEARN_DENIED), 2);
    assert_int_equal(learn_table_verdicts(t, LEARN_OTHER_USER), 1);
    assert_int_equal(learn_table_verdicts(t, LEARN_OTHER_STAGE), 1);
    assert_int_equal(learn_table_verdicts(t, LEARN_NEEDED), 0);
    learn_table_free(t);
    learn_table_free(NULL);
}

static void test_times_are_the_first_and_the_last_in_any_order(void **state)
{
    struct learn_table *t = learn_table_with(1, 1);
    static const int64_t times[] = {AUDIT_TIME_UNSAID, 500, 900, 200, AUDIT_TIME_UNSAID};
    const struct learn_account *account;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        const struct audit_event event = ASKED("get", "pods", "a", "b", .received_ms = times[i]);

        note(t, &event);
        if (i == 0) {
            account = account_in(t, "shop:web");
            assert_true(account->first_ms == AUDIT_TIME_UNSAID);
            assert_true(account->last_ms == AUDIT_TIME_UNSAID);
        }
    }
    account = account_in(t, "shop:web");
    assert_true(account->first_ms == 200);
    assert_true(account->last_ms == 900);
    assert_true(account->rights->last_ms == 900);
    learn_table_free(t);
}

static void test_accounts_and_rights_are_sorted(void **state)
{
    static const char *const users[] = {"b:a", "a-b:a", "a:c", "a:b", "a:a-b"};
    static const char *const sorted[] = {"a:a-b", "a:b", "a:c", "a-b:a", "b:a"};
    const struct audit_event rights[] = {
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/z"),
        ASKED("list", "pods", "", ""),
        ASKED("get", "pods", "", "a"),
        ASKED("get", "jobs", "", "a", .group = "batch"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/a"),
        ASKED("get", "nodes", "", "a"),
    };
    static const char *const in_order[] = {"get nodes", "get pods", "list pods",
                                           "get jobs",  "get /a",   "get /z"};
    struct learn_table *t = learn_table_with(1, 1);
    const struct learn_account *const *accounts;
    const struct learn_right *right;
    struct err err = {0};
    size_t count;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        for (size_t k = 0; k < COUNT_OF(rights); k++) {
            struct audit_event event = rights[k];
            char user[64];

            (void)snprintf(user, sizeof(user), "system:serviceaccount:%s", users[i]);
            event.user = user;
            note(t, &event);
        }
    }
    assert_int_equal(learn_table_accounts(t, &accounts, &count, &err), 0);
    assert_int_equal(count, COUNT_OF(users));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(accounts[i]->id, sorted[i]);
    right = accounts[0]->rights;
    for (size_t i = 0; i < COUNT_OF(in_order); i++, right = right->next) {
        char text[64];

        (void)snprintf(text, sizeof(text), "%s %s", right->verb,
                       right->path ? right->path : right->resource);
        assert_string_equal(text, in_order[i]);
    }
    assert_null(right);
    learn_table_free(t);
}

/* ---- ceilings ---- */

static void test_accounts_beyond_the_ceiling_are_counted(void **state)
{
    struct learn_table *t = learn_table_with(1, 1);

    (void)state;
    for (unsigned i = 0; i < LEARN_ACCOUNTS_MAX + 3; i++) {
        struct audit_event event = ASKED("list", "pods", "", "");
        char user[64];

        (void)snprintf(user, sizeof(user), "system:serviceaccount:shop:a-%u", i);
        event.user = user;
        note(t, &event);
        note(t, &event);
    }
    assert_int_equal(learn_table_count(t), LEARN_ACCOUNTS_MAX);
    assert_int_equal(learn_table_without_account(t), 6);
    learn_table_free(t);
}

static void
test_rights_beyond_the_ceiling_of_an_account_are_counted_and_those_before_stay(void **state)
{
    struct learn_table *t = learn_table_with(1, 1);
    const struct audit_event known = ASKED("list", "r-0", "", "");
    const struct audit_event of_other =
        ASKED("list", "pods", "", "", .user = "system:serviceaccount:shop:api");

    (void)state;
    for (unsigned i = 0; i < LEARN_RIGHTS_MAX + 3; i++) {
        struct audit_event event = ASKED("list", "", "", "");
        char resource[32];

        (void)snprintf(resource, sizeof(resource), "r-%u", i);
        event.resource = resource;
        note(t, &event);
    }
    note(t, &known);
    note(t, &of_other);
    assert_int_equal(account_in(t, "shop:web")->rights_count, LEARN_RIGHTS_MAX);
    assert_int_equal(account_in(t, "shop:web")->left_out, 3);
    assert_int_equal(account_in(t, "shop:api")->left_out, 0);
    learn_table_free(t);
}

/* One right after the other with as many names of as many bytes as there may be. */
static void fill_account(struct learn_table *t, const char *user, size_t events)
{

    for (size_t i = 0; i < events; i++) {
        struct audit_event event = ASKED("get", "", "shop", "");
        char resource[32], name[LEARN_TEXT_LEN_MAX + 1];

        (void)snprintf(resource, sizeof(resource), "r-%zu", i / LEARN_NAMES_MAX);
        (void)snprintf(name, sizeof(name), "%0*zu", LEARN_TEXT_LEN_MAX, i % LEARN_NAMES_MAX);
        event.resource = resource;
        event.name = name;
        event.user = user;
        note(t, &event);
    }
}

static void test_one_account_leaves_room_for_others(void **state)
{
    const size_t events = LEARN_ACCOUNT_BYTES_MAX / LEARN_TEXT_LEN_MAX;
    const struct audit_event of_other =
        ASKED("list", "pods", "", "", .user = "system:serviceaccount:shop:api");
    struct learn_table *t = learn_table_with(LEARN_NAMES_MAX, 1);
    const struct learn_account *account;

    (void)state;
    fill_account(t, WEB, events);
    note(t, &of_other);
    account = account_in(t, "shop:web");
    assert_true(account->bytes <= LEARN_ACCOUNT_BYTES_MAX);
    assert_true(account->bytes > LEARN_ACCOUNT_BYTES_MAX - 1024);
    assert_true(account->left_out > 0);
    assert_true(account->left_out < events / 4);
    assert_int_equal(account_in(t, "shop:api")->left_out, 0);
    learn_table_free(t);
}

static void test_the_table_ends_at_its_ceiling_and_every_account_says_what_it_lacks(void **state)
{
    const size_t events = LEARN_ACCOUNT_BYTES_MAX / LEARN_TEXT_LEN_MAX;
    const size_t accounts = LEARN_BYTES_MAX / LEARN_ACCOUNT_BYTES_MAX + 2;
    struct learn_table *t = learn_table_with(LEARN_NAMES_MAX, 1);
    size_t bytes = 0;

    (void)state;
    for (size_t i = 0; i < accounts; i++) {
        char user[64];

        (void)snprintf(user, sizeof(user), "system:serviceaccount:shop:a-%zu", i);
        fill_account(t, user, events);
    }
    for (size_t i = 0; i < learn_table_count(t); i++) {
        char id[64];

        (void)snprintf(id, sizeof(id), "shop:a-%zu", i);
        assert_true(account_in(t, id)->left_out > 0);
        bytes += account_in(t, id)->bytes;
    }
    assert_true(bytes <= LEARN_BYTES_MAX);
    assert_true(bytes > LEARN_BYTES_MAX - 65536);
    assert_true(learn_table_count(t) < accounts);
    assert_true(learn_table_without_account(t) >= events);
    learn_table_free(t);
}

static void test_places_that_find_no_room_are_counted(void **state)
{
    const size_t rights = LEARN_ACCOUNT_BYTES_MAX / (LEARN_NAMESPACES_MAX * 100);
    struct learn_table *t = learn_table_with(1, LEARN_NAMESPACES_MAX);
    size_t places = 0;

    (void)state;
    for (size_t i = 0; i < (rights + 1) * (size_t)LEARN_NAMESPACES_MAX; i++) {
        struct audit_event event = ASKED("list", "", "", "");
        char resource[32], ns[64];

        (void)snprintf(resource, sizeof(resource), "r-%zu", i / LEARN_NAMESPACES_MAX);
        (void)snprintf(ns, sizeof(ns), "%063zu", i % LEARN_NAMESPACES_MAX);
        event.resource = resource;
        event.ns = ns;
        note(t, &event);
    }
    for (const struct learn_right *r = account_in(t, "shop:web")->rights; r; r = r->next)
        places += r->count;
    assert_true(account_in(t, "shop:web")->left_out > 0);
    assert_int_equal(places + account_in(t, "shop:web")->left_out,
                     (rights + 1) * (size_t)LEARN_NAMESPACES_MAX);
    learn_table_free(t);
}

/* Where a bound makes a right wider it needs less room, so it goes on beyond the ceiling. */
static void test_what_is_widened_gives_its_room_back(void **state)
{
    struct learn_table *t = learn_table_with(2, 2);
    size_t bytes = 0;

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        const struct audit_event names[] = {
            ASKED("get", "pods", "shop", "a"), ASKED("get", "pods", "shop", "b"),
            ASKED("get", "pods", "shop", "c"), ASKED("list", "pods", "a", "x"),
            ASKED("list", "pods", "b", "x"),   ASKED("list", "pods", "c", "x"),
            ASKED("watch", "pods", "a", "x"),  ASKED("watch", "pods", "", ""),
        };

        for (size_t k = 0; k < COUNT_OF(names); k++)
            note(t, &names[k]);
        if (i == 0)
            bytes = account_in(t, "shop:web")->bytes;
        assert_int_equal(account_in(t, "shop:web")->bytes, bytes);
    }
    learn_table_free(t);
}

/* The names of two places at their bound, gathered where there is one namespace too many. */
static void test_names_of_many_namespaces_are_gathered_within_the_bound(void **state)
{
    struct learn_table *t = learn_table_with(LEARN_NAMES_MAX, 2);
    const struct learn_right *right;
    size_t live = mem_live();

    (void)state;
    for (size_t i = 0; i < 3 * (size_t)LEARN_NAMES_MAX; i++) {
        static const char *const namespaces[] = {"a", "b", "c"};
        struct audit_event event = ASKED("get", "pods", namespaces[i / LEARN_NAMES_MAX], "");
        char name[32];

        (void)snprintf(name, sizeof(name), "n-%zu", i % LEARN_NAMES_MAX);
        event.name = name;
        note(t, &event);
    }
    right = account_in(t, "shop:web")->rights;
    assert_true(right->is_spread);
    assert_int_equal(right->count, 1);
    assert_int_equal(right->places[0].count, LEARN_NAMES_MAX);
    assert_false(right->places[0].is_widened);
    learn_table_free(t);
    assert_true(mem_live() < live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_that_lasts_is_counted_once),
        cmocka_unit_test(test_each_account_knows_what_was_left_out_of_it),
        cmocka_unit_test(test_times_are_the_first_and_the_last_in_any_order),
        cmocka_unit_test(test_accounts_and_rights_are_sorted),
        cmocka_unit_test(test_accounts_beyond_the_ceiling_are_counted),
        cmocka_unit_test(
            test_rights_beyond_the_ceiling_of_an_account_are_counted_and_those_before_stay),
        cmocka_unit_test(test_one_account_leaves_room_for_others),
        cmocka_unit_test(test_the_table_ends_at_its_ceiling_and_every_account_says_what_it_lacks),
        cmocka_unit_test(test_places_that_find_no_room_are_counted),
        cmocka_unit_test(test_what_is_widened_gives_its_room_back),
        cmocka_unit_test(test_names_of_many_namespaces_are_gathered_within_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

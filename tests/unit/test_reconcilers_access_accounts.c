#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/reconcilers/access_accounts.h"
#include "support/sweep.h"

static void test_accounts_survive_each_failing_allocation(void **state)
{
    (void)state;
    for (unsigned nth = 0;; nth++) {
        struct access_accounts accounts;
        struct err err = {0};
        size_t before = mem_live();
        int result;

        access_accounts_init(&accounts, 1u << 20);
        mem_fail_nth(nth);
        result = access_accounts_add(&accounts, "shop", "web", &err);
        if (!mem_fail_disarm()) {
            assert_int_equal(result, 0);
            access_accounts_done(&accounts);
            break;
        }
        assert_int_equal(result, -1);
        assert_int_equal(err.code, ERR_NOMEM);
        assert_null(access_accounts_find(&accounts, "shop", "web"));
        assert_int_equal(access_accounts_use(&accounts, "shop", "web", &err), 0);
        access_accounts_done(&accounts);
        assert_int_equal(mem_live(), before);
    }
}

static void test_accounts_have_ceilings(void **state)
{
    char name[600];
    struct access_accounts accounts;
    struct err err = {0};

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    access_accounts_init(&accounts, 256);
    assert_int_equal(access_accounts_add(&accounts, "shop", name, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(access_accounts_use(&accounts, "shop", name, &err), -1);
    assert_null(access_accounts_find(&accounts, "shop", name));
    name[250] = '\0';
    assert_int_equal(access_accounts_add(&accounts, "shop", name, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.msg, "the ServiceAccounts take more than 256 bytes");
    access_accounts_done(&accounts);
}

static void test_accounts_are_listed_by_namespace_and_name(void **state)
{
    const struct access_account_entry *const *entries;
    struct access_accounts accounts;
    struct err err = {0};
    size_t count;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 20);
    access_accounts_init(&accounts, 1u << 20);
    assert_int_equal(access_accounts_list(&accounts, &a, &entries, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(access_accounts_use(&accounts, "shop", "web", &err), 0);
    assert_int_equal(access_accounts_add(&accounts, "shop", "db", &err), 0);
    assert_int_equal(access_accounts_add(&accounts, "bank", "web", &err), 0);
    assert_int_equal(access_accounts_add(&accounts, "bank", "web", &err), 0);
    assert_int_equal(access_accounts_list(&accounts, &a, &entries, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_string_equal(entries[0]->ns, "bank");
    assert_string_equal(entries[1]->name, "db");
    assert_string_equal(entries[2]->name, "web");
    assert_true(entries[1]->is_there && !entries[1]->is_used);
    assert_true(!entries[2]->is_there && entries[2]->is_used);
    assert_ptr_equal(access_accounts_find(&accounts, "shop", "web"), entries[2]);
    access_accounts_done(&accounts);
}

static int list_swept(void *ctx, struct err *err)
{
    const struct access_account_entry *const *entries;
    size_t count;
    AUTO_ARENA a;

    arena_init(&a, 1u << 20);
    return access_accounts_list(ctx, &a, &entries, &count, err);
}

static void test_list_of_accounts_survives_each_failing_allocation(void **state)
{
    struct access_accounts accounts;

    (void)state;
    access_accounts_init(&accounts, 1u << 20);
    assert_int_equal(access_accounts_add(&accounts, "shop", "web", NULL), 0);
    assert_true(sweep(list_swept, &accounts) > 0);
    access_accounts_done(&accounts);
}

static void test_accounts_end_at_their_number(void **state)
{
    struct access_accounts accounts;
    struct err err = {0};
    char name[32];
    int result = 0;

    (void)state;
    access_accounts_init(&accounts, 256u << 20);
    for (unsigned i = 0; i < ACCESS_ACCOUNTS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "a%u", i);
        result |= access_accounts_add(&accounts, "shop", name, &err);
    }
    assert_int_equal(result, 0);
    assert_int_equal(access_accounts_add(&accounts, "shop", "one-more", &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    access_accounts_done(&accounts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts_survive_each_failing_allocation),
        cmocka_unit_test(test_accounts_have_ceilings),
        cmocka_unit_test(test_accounts_are_listed_by_namespace_and_name),
        cmocka_unit_test(test_list_of_accounts_survives_each_failing_allocation),
        cmocka_unit_test(test_accounts_end_at_their_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

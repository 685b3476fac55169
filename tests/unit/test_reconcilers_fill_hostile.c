/* Taking back from objects whose book-keeping is none: nothing that may be somebody's goes. */
#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "reconcilers_fill.h"
#include "support/text.h"

/* An entry that cannot be read may say anything: what it may be about stays. */
static void test_entries_that_are_none_are_taken_to_own_everything(void **state)
{
    static const char *const entries[] = {
        "5",
        "null",
        "'x'",
        "[]",
        "{}",
        "{'manager':'git'}",
        "{'manager':'git','fieldsV1':[]}",
        "{'manager':5,'operation':'Update','fieldsV1':'f:spec'}",
        "{'fieldsV1':{'f:spec':[],'f:metadata':7}}",
        "{'manager':'rampart','operation':'Apply'}",
        "{'manager':'rampart','operation':'Update','subresource':'status'}",
        "{'manager':'rampart','operation':'Update','subresource':5}",
        "{'manager':'rampart'}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        AUTO_ARENA a;
        struct err err = {0};
        const char *patch = "untouched";
        size_t kept = 99;
        const struct fill_row row = {
            .spec = ONE("'securityContext':{'runAsNonRoot':true}"),
            .ours = ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
            .others = entries[i],
        };
        json_auto_t *root = NULL;

        arena_init(&a, 1 << 20);
        root = fill_workload(&row, &a);
        assert_int_equal(fill_take_back(KIND_DEPLOYMENT, root, NULL, &a, &patch, &kept, &err), 0);
        assert_null(patch);
        assert_int_equal(kept, 1); /* our annotations are no leaves */
    }
}

static void test_a_last_applied_configuration_that_is_none_states_everything(void **state)
{
    static const char *const values[] = {
        "'[]'", "'5'", "'{'", "''", "'{\\\"spec\\\":5,\\\"metadata\\\":[]}'", "5", "[]",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        AUTO_ARENA a;
        struct err err = {0};
        const char *patch = "untouched";
        size_t kept = 99;
        const struct fill_row row = {
            .spec = ONE("'securityContext':{'runAsNonRoot':true}"),
            .ours = ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
        };
        json_auto_t *root = NULL;

        arena_init(&a, 1 << 20);
        root = fill_workload(&row, &a);
        json_object_set_new(json_object_get(json_object_get(root, "metadata"), "annotations"),
                            LAST_APPLIED, fill_case_json(values[i]));
        assert_int_equal(fill_take_back(KIND_DEPLOYMENT, root, NULL, &a, &patch, &kept, &err), 0);
        assert_null(patch);
        assert_int_equal(kept, 1);
    }
}

/* @count containers, every second one filled in. */
static json_t *crowd(size_t count)
{
    AUTO_ARENA a;
    struct fill_row row = {.ours = "{}"};
    json_t *root, *list, *fields;
    json_t *entry;

    arena_init(&a, 1 << 20);
    row.spec = "{'containers':[]}";
    row.ours = "{'f:containers':{}}";
    root = fill_workload(&row, &a);
    list =
        json_object_get(json_object_get(json_object_get(json_object_get(root, "spec"), "template"),
                                        "spec"),
                        "containers");
    entry = json_array_get(json_object_get(json_object_get(root, "metadata"), "managedFields"), 0);
    fields = json_object_get(json_object_get(entry, "fieldsV1"), "f:spec");
    fields = json_object_get(json_object_get(json_object_get(fields, "f:template"), "f:spec"),
                             "f:containers");
    for (size_t i = 0; i < count; i++) {
        json_t *ours = fill_case_json("{'f:securityContext':{'.':{},'f:runAsNonRoot':{}}}");

        json_array_append_new(list, fill_case_json(arena_printf(&a,
                                                                "{'name':'c%zu','securityContext':{"
                                                                "'runAsNonRoot':true}}",
                                                                i)));
        if (i % 2 == 0)
            json_object_set(fields, arena_printf(&a, "k:{\"name\":\"c%zu\"}", i), ours);
        json_decref(ours);
    }
    return root;
}

static void test_more_containers_than_the_limit_are_refused(void **state)
{
    for (size_t extra = 0; extra < 2; extra++) {
        AUTO_ARENA a;
        struct err err = {0};
        const char *patch = NULL;
        size_t kept = 99;
        json_auto_t *root = crowd(FILL_TAKE_BACK_CONTAINERS_MAX + extra);
        int r;

        (void)state;
        arena_init(&a, 1 << 24);
        r = fill_take_back(KIND_DEPLOYMENT, root, NULL, &a, &patch, &kept, &err);
        assert_int_equal(r, extra == 0 ? 0 : -1);
        if (extra == 0) {
            assert_contains(patch, "{\"name\":\"c1022\",\"securityContext\":null}");
            assert_null(strstr(patch, "{\"name\":\"c1023\",\"securityContext\":null}"));
        } else {
            assert_int_equal(err.code, ERR_LIMIT);
        }
    }
}

/* Ten thousand managers and fields without an end: they are walked once, and only where we look. */
static void test_huge_managed_fields_are_read(void **state)
{
    AUTO_ARENA a;
    struct err err = {0};
    const char *patch = NULL;
    size_t kept = 99;
    const struct fill_row row = {
        .spec = ONE("'securityContext':{'runAsNonRoot':true}"),
        .ours = ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
    };
    json_auto_t *root = NULL;
    json_t *entries;

    (void)state;
    arena_init(&a, 1 << 24);
    root = fill_workload(&row, &a);
    entries = json_object_get(json_object_get(root, "metadata"), "managedFields");
    for (unsigned i = 0; i < 10000; i++) {
        json_t *deep = json_object();

        for (unsigned k = 0; k < 50; k++)
            deep = json_pack("{s:o}", "f:spec", deep);
        json_array_append_new(entries, json_pack("{s:s,s:s,s:o}", "manager", "m", "operation",
                                                 "Update", "fieldsV1", deep));
    }
    assert_int_equal(fill_take_back(KIND_DEPLOYMENT, root, NULL, &a, &patch, &kept, &err), 0);
    assert_contains(patch, "\"securityContext\":null");
    assert_int_equal(kept, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_that_are_none_are_taken_to_own_everything),
        cmocka_unit_test(test_a_last_applied_configuration_that_is_none_states_everything),
        cmocka_unit_test(test_more_containers_than_the_limit_are_refused),
        cmocka_unit_test(test_huge_managed_fields_are_read),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is taken back of a fill: what managedFields and last-applied-configuration prove to be ours.
 */
#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "reconcilers_fill.h"
#include "support/sweep.h"
#include "support/text.h"

static const char *quoted(const char *text, struct arena *a)
{
    char *copy = arena_strdup(a, text);

    for (char *c = copy; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    return copy;
}

static const char *expected_patch(const struct fill_row *row, const char *key, struct arena *a)
{
    const char *spec =
        strcmp(row->back, NOTHING) == 0 ? "" : arena_printf(a, ",'spec':%s", row->back);

    return quoted(arena_printf(a,
                               "{'metadata':{'uid':'u-1','resourceVersion':'7','annotations':{"
                               "'rampart.dev/rollout':null}},'spec':{'template':{'metadata':{"
                               "'annotations':%s}%s}}}",
                               key, spec),
                  a);
}

static void take_back(const struct fill_row *row)
{
    AUTO_ARENA a;
    struct err err = {0};
    json_auto_t *root = NULL;
    const char *patch, *expected;
    size_t kept = 99;

    arena_init(&a, 1 << 24);
    root = fill_workload(row, &a);
    if (fill_take_back(KIND_DEPLOYMENT, root, NULL, &a, &patch, &kept, &err) < 0)
        fail_msg("%s: %s", row->claim, err.msg);
    expected = expected_patch(row, "null", &a);
    if (!patch || strcmp(patch, expected) != 0)
        fail_msg("%s:\n  expected %s\n  got      %s", row->claim, expected, patch);
    if (kept != row->kept)
        fail_msg("%s: %zu kept, expected %zu", row->claim, kept, row->kept);
}

static void take_back_all(const struct fill_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_back(&rows[i]);
}

static void test_what_was_filled_in_goes_with_the_parents_that_came_with_it(void **state)
{
    static const struct fill_row rows[] = {
        {"all of a container", ONE(SECURED), ONE_OURS(SECURED_OURS), NULL, NULL,
         ONE_BACK("'securityContext':null"), 0},
        {"beside a leaf of somebody's",
         ONE("'securityContext':{'runAsNonRoot':true,'privileged':false}"),
         ONE_OURS("'f:securityContext':{'f:runAsNonRoot':{}}"), NULL, NULL,
         ONE_BACK("'securityContext':{'runAsNonRoot':null}"), 0},
        {"a parent that was there before",
         ONE("'securityContext':{'capabilities':{'drop':['ALL']}}"),
         ONE_OURS("'f:securityContext':{'f:capabilities':{'f:drop':{}}}"), NULL, NULL,
         ONE_BACK("'securityContext':{'capabilities':{'drop':null}}"), 0},
        {"a parent of ours that got another child",
         ONE("'securityContext':{'capabilities':{'drop':['ALL'],'add':['CHOWN']}}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:capabilities':{'.':{},'f:drop':{}}}"), NULL, NULL,
         ONE_BACK("'securityContext':{'capabilities':{'drop':null}}"), 0},
        {"requests and limits",
         ONE("'resources':{'requests':{'cpu':'1m','memory':'1Mi'},'limits':{'cpu':'1',"
             "'memory':'1Gi','other':'1'}}"),
         ONE_OURS("'f:resources':{'.':{},'f:requests':{'.':{},'f:cpu':{},'f:memory':{}},'f:limits':"
                  "{'.':{},'f:cpu':{},'f:memory':{}}}"),
         NULL, NULL, ONE_BACK("'resources':{'requests':null,'limits':{'cpu':null,'memory':null}}"),
         0},
        {"of the pod",
         "{'securityContext':{'runAsNonRoot':true,'seccompProfile':{'type':'RuntimeDefault'}},"
         "'containers':[{'name':'web'}]}",
         "{'f:securityContext':{'f:runAsNonRoot':{},'f:seccompProfile':{'.':{},'f:type':{}}}}",
         NULL, NULL, "{'securityContext':{'runAsNonRoot':null,'seccompProfile':null}}", 0},
        {"in lists, in their order",
         "{'initContainers':[{'name':'b','securityContext':{'runAsNonRoot':true}},{'name':'a'}],"
         "'containers':[{'name':'z'},{'name':'web','securityContext':{'runAsNonRoot':true}},"
         "{'name':'y'}]}",
         "{'f:initContainers':{" K(
             "b") ":{'f:securityContext':{'.':{},'f:runAsNonRoot':{}}}},"
                  "'f:containers':{" K(
                      "web") ":{'f:securityContext':{'.':{},'f:runAsNonRoot':{}}}}}",
         NULL, NULL,
         "{'$setElementOrder/initContainers':[{'name':'b'},{'name':'a'}],'initContainers':[{"
         "'name':'b','securityContext':null}],'$setElementOrder/containers':[{'name':'z'},{"
         "'name':'web'},{'name':'y'}],'containers':[{'name':'web','securityContext':null}]}",
         0},
        {"by two entries of ours, one of them without fields",
         ONE("'securityContext':{'runAsNonRoot':true,'readOnlyRootFilesystem':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
         OTHER("rampart", "Update",
               ONE_OURS(
                   "'f:securityContext':{'f:readOnlyRootFilesystem':{}}")) ",{'manager':'rampart','"
                                                                           "operation':'Update','"
                                                                           "fieldsV1':7}",
         NULL, ONE_BACK("'securityContext':null"), 0},
        {"nothing is there any more", ONE("'ports':[]"), ONE_OURS(SECURED_OURS), NULL, NULL,
         NOTHING, 0},
    };

    (void)state;
    take_back_all(rows, COUNT_OF(rows));
}

static void test_what_is_not_in_our_entry_alone_stays(void **state)
{
    static const struct fill_row rows[] = {
        {"it was never ours", ONE(SECURED), ONE_OURS("'f:image':{}"), NULL, NULL, NOTHING, 0},
        {"applied by another manager", ONE("'securityContext':{'runAsNonRoot':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
         OTHER("argocd", "Apply", ONE_OURS("'f:securityContext':{'f:runAsNonRoot':{}}")), NULL,
         NOTHING, 1},
        {"updated by another manager", ONE("'securityContext':{'runAsNonRoot':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
         OTHER("edit", "Update", ONE_OURS("'f:securityContext':{'f:runAsNonRoot':{}}")), NULL,
         NOTHING, 1},
        {"applied in our own name", ONE("'securityContext':{'runAsNonRoot':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
         OTHER("rampart", "Apply", ONE_OURS("'f:securityContext':{'f:runAsNonRoot':{}}")), NULL,
         NOTHING, 1},
        {"some of it", ONE(SECURED), ONE_OURS(SECURED_OURS),
         OTHER("git", "Apply", ONE_OURS("'f:securityContext':{'f:capabilities':{'f:drop':{}}}")),
         NULL,
         ONE_BACK("'securityContext':{'runAsNonRoot':null,'runAsUser':null,'seccompProfile':null,"
                  "'allowPrivilegeEscalation':null,'readOnlyRootFilesystem':null}"),
         1},
        {"another manager has the parent", ONE("'securityContext':{'runAsNonRoot':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
         OTHER("git", "Apply", ONE_OURS("'f:securityContext':{}")), NULL,
         ONE_BACK("'securityContext':{'runAsNonRoot':null}"), 0},
        {"another container's", ONE("'securityContext':{'runAsNonRoot':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
         OTHER("git", "Apply",
               "{'f:containers':{" K("web2") ":{'f:securityContext':{'f:runAsNonRoot':{}}}}}"),
         NULL, ONE_BACK("'securityContext':null"), 0},
        {"last applied by kubectl", ONE("'securityContext':{'runAsNonRoot':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"), NULL,
         APPLIED(ONE("'securityContext':{'runAsNonRoot':true}")), NOTHING, 1},
        {"last applied, the parent alone", ONE("'securityContext':{'runAsNonRoot':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"), NULL,
         APPLIED(ONE("'securityContext':{}")), ONE_BACK("'securityContext':{'runAsNonRoot':null}"),
         0},
        {"last applied as null", ONE("'securityContext':{'runAsNonRoot':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"), NULL,
         APPLIED(ONE("'securityContext':{'runAsNonRoot':null},'resources':{}")),
         ONE_BACK("'securityContext':{'runAsNonRoot':null}"), 0},
        {"last applied without that container", ONE("'securityContext':{'runAsNonRoot':true}"),
         ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"), NULL,
         APPLIED("{'containers':[{'name':'old','securityContext':{'runAsNonRoot':true}}]}"),
         ONE_BACK("'securityContext':null"), 0},
    };

    (void)state;
    take_back_all(rows, COUNT_OF(rows));
}

static void test_another_value_than_what_is_filled_in_stays(void **state)
{
    static const char *const values[][2] = {
        {"'runAsNonRoot':false", "'f:runAsNonRoot':{}"},
        {"'runAsNonRoot':'true'", "'f:runAsNonRoot':{}"},
        {"'runAsUser':0", "'f:runAsUser':{}"},
        {"'runAsUser':'7'", "'f:runAsUser':{}"},
        {"'allowPrivilegeEscalation':true", "'f:allowPrivilegeEscalation':{}"},
        {"'readOnlyRootFilesystem':false", "'f:readOnlyRootFilesystem':{}"},
        {"'capabilities':{'drop':[]}", "'f:capabilities':{'f:drop':{}}"},
        {"'capabilities':{'drop':['NET_RAW']}", "'f:capabilities':{'f:drop':{}}"},
        {"'capabilities':{'drop':['ALL','ALL']}", "'f:capabilities':{'f:drop':{}}"},
        {"'capabilities':{'drop':[5]}", "'f:capabilities':{'f:drop':{}}"},
        {"'capabilities':{'drop':'ALL'}", "'f:capabilities':{'f:drop':{}}"},
        {"'seccompProfile':{'type':'Unconfined'}", "'f:seccompProfile':{'f:type':{}}"},
        {"'seccompProfile':{'type':7}", "'f:seccompProfile':{'f:type':{}}"},
        {"'seccompProfile':'x'", "'f:seccompProfile':{'f:type':{}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        AUTO_ARENA a;

        arena_init(&a, 1 << 20);
        take_back(&(struct fill_row){
            .claim = values[i][0],
            .spec = arena_printf(&a, "{'containers':[{'name':'web','securityContext':{%s}}]}",
                                 values[i][0]),
            .ours = arena_printf(&a, ONE_OURS("'f:securityContext':{'.':{},%s}"), values[i][1]),
            .back = NOTHING,
        });
    }
}

static void test_fields_of_ours_that_are_none_own_nothing(void **state)
{
    static const char *const ours[] = {
        "5",
        "[]",
        "{'f:containers':7}",
        ONE_OURS("'f:securityContext':'.'"),
        ONE_OURS("'f:securityContext':{'f:runAsNonRoot':true}"),
        "{'f:containers':{'k:{}':{'f:securityContext':{'f:runAsNonRoot':{}}}}}",
        "{'f:containers':{'i:0':{'f:securityContext':{'f:runAsNonRoot':{}}}}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        take_back(&(struct fill_row){.claim = ours[i],
                                     .spec = ONE("'securityContext':{'runAsNonRoot':true}"),
                                     .ours = ours[i],
                                     .back = NOTHING});
}

static int take_back_text(enum kind kind, const char *text, const char *mark, struct arena *a,
                          const char **ret_patch, size_t *ret_kept, struct err *err)
{
    json_auto_t *root = fill_case_json(text);

    return fill_take_back(kind, root, mark, a, ret_patch, ret_kept, err);
}

#define META "'name':'web','namespace':'shop','uid':'u-1','resourceVersion':'7'"

static void assert_back(enum kind kind, const char *text, const char *mark, const char *expected)
{
    AUTO_ARENA a;
    struct err err = {0};
    const char *patch = "untouched";
    size_t kept = 99;

    arena_init(&a, 1 << 20);
    if (take_back_text(kind, text, mark, &a, &patch, &kept, &err) < 0)
        fail_msg("%s", err.msg);
    if (!expected)
        assert_null(patch);
    else
        assert_string_equal(patch, quoted(expected, &a));
    assert_int_equal(kept, 0);
}

static void test_a_cron_jobs_template_lies_deeper(void **state)
{
    (void)state;
    assert_back(
        KIND_CRON_JOB,
        "{'metadata':{" META ",'managedFields':[{'manager':'rampart','operation':'Update',"
        "'subresource':'','fieldsV1':{'f:spec':{'f:jobTemplate':{'f:spec':{'f:template':{"
        "'f:spec':" ONE_OURS(
            "'f:securityContext':{'.':{},'f:runAsNonRoot':{}}") "}}}}}}]},"
                                                                "'spec':{'jobTemplate':{'spec':{'"
                                                                "template':{'spec':" ONE(
                                                                    "'securityContext':{'"
                                                                    "runAsNonRoot':true}") "}}}}}",
        NULL,
        "{'metadata':{'uid':'u-1','resourceVersion':'7'},'spec':{'jobTemplate':{'spec':{"
        "'template':{'spec':" ONE_BACK("'securityContext':null") "}}}}}");
}

#define MARKED                                                                             \
    "{'metadata':{" META ",'annotations':{'rampart.dev/rollout':'m'},'managedFields':[{"   \
    "'manager':'rampart','operation':'Update','fieldsV1':{'f:metadata':{'f:annotations':{" \
    "'.':{},'f:rampart.dev/rollout':{}}},'f:spec':{'f:template':{'f:metadata':{"           \
    "'f:annotations':{'f:rampart.dev/fill':{}}}}}}}]},'spec':{'template':{'metadata':{"    \
    "'annotations':{%s'theirs':'x'}}}}}"

static void test_the_mark_is_set_or_goes_with_its_parent(void **state)
{
    AUTO_ARENA a;
    const char *filled, *bare;

    (void)state;
    arena_init(&a, 1 << 20);
    filled = arena_printf(&a, MARKED, "'rampart.dev/fill':'k',");
    bare = arena_printf(&a, MARKED, "");
    assert_back(KIND_DEPLOYMENT, filled, NULL,
                "{'metadata':{'uid':'u-1','resourceVersion':'7','annotations':null},'spec':{"
                "'template':{'metadata':{'annotations':{'rampart.dev/fill':null}}}}}");
    assert_back(KIND_DEPLOYMENT, filled, "reverted",
                "{'metadata':{'uid':'u-1','resourceVersion':'7','annotations':{"
                "'rampart.dev/rollout':'reverted'}},'spec':{'template':{'metadata':{'annotations'"
                ":{'rampart.dev/fill':null}}}}}");
    assert_back(KIND_DEPLOYMENT, bare, NULL,
                "{'metadata':{'uid':'u-1','resourceVersion':'7','annotations':null}}");
    assert_back(KIND_DEPLOYMENT, bare, "reverted", NULL);
    assert_back(KIND_DEPLOYMENT,
                "{'metadata':{" META ",'annotations':{'rampart.dev/rollout':'m'},'managedFields':[{"
                "'manager':'rampart','operation':'Update','fieldsV1':{'f:metadata':{"
                "'f:annotations':{'f:rampart.dev/rollout':{}}}}}]}}",
                NULL,
                "{'metadata':{'uid':'u-1','resourceVersion':'7','annotations':{"
                "'rampart.dev/rollout':null}}}");
}

static void test_where_our_entry_is_gone_nothing_is_taken_back(void **state)
{
    static const char ancient[] =
        "{'metadata':{" META ",'managedFields':[{'manager':'ancient-changes','operation':'Update',"
        "'fieldsV1':{'f:spec':{'f:template':{'f:spec':{}}}}}]},'spec':{'template':{'metadata':{"
        "'annotations':{'rampart.dev/fill':'k'}}}}}";
    static const char *const untouched[] = {
        "{'metadata':{" META "},'spec':{'template':{}}}",
        "{'metadata':{" META ",'managedFields':5}}",
        "{'metadata':{" META ",'managedFields':[]},'spec':7}",
    };
    AUTO_ARENA a;
    struct err err = {0};
    const char *patch = "untouched";
    size_t kept = 99;

    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(take_back_text(KIND_DEPLOYMENT, ancient, NULL, &a, &patch, &kept, &err), -1);
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    assert_contains(err.msg, "take back Deployment shop/web: managedFields");
    assert_string_equal(patch, "untouched");
    assert_int_equal(kept, 99);
    for (size_t i = 0; i < COUNT_OF(untouched); i++)
        assert_back(KIND_DEPLOYMENT, untouched[i], NULL, NULL);
}

static void test_an_object_that_is_none_is_refused(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"{}", "take back: metadata: is missing"},
        {"{'metadata':{'name':'../x','namespace':'n'}}", "cannot be part of a path"},
        {"{'metadata':{" META "},'spec':{'template':{'spec':{'containers':[{'name':'a'},{}]}}}}",
         "take back Deployment shop/web: containers[1].name: expected a string"},
        {"{'metadata':{" META "},'spec':{'template':{'spec':{'initContainers':['a']}}}}",
         "initContainers[0].name: expected a string"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA a;
        struct err err = {0};
        const char *patch;
        size_t kept;

        arena_init(&a, 1 << 20);
        assert_int_equal(take_back_text(KIND_DEPLOYMENT, rows[i].text, NULL, &a, &patch, &kept,
                                        &err),
                         -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, rows[i].message);
    }
}

static int take_back_once(void *ctx, struct err *err)
{
    AUTO_ARENA a;
    const char *patch = "untouched";
    size_t kept = 99;

    arena_init(&a, 1 << 20);
    if (fill_take_back(KIND_DEPLOYMENT, ctx, NULL, &a, &patch, &kept, err) < 0) {
        assert_string_equal(patch, "untouched");
        assert_int_equal(kept, 99);
        return -1;
    }
    return 0;
}

static void test_each_allocation_may_fail(void **state)
{
    AUTO_ARENA a;
    const struct fill_row row = {
        .spec = ONE(SECURED),
        .ours = ONE_OURS(SECURED_OURS),
        .last_applied = APPLIED(ONE("'securityContext':{'runAsNonRoot':true}")),
    };
    json_auto_t *root = NULL;

    (void)state;
    arena_init(&a, 1 << 20);
    root = fill_workload(&row, &a);
    assert_true(sweep(take_back_once, root) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_filled_in_goes_with_the_parents_that_came_with_it),
        cmocka_unit_test(test_what_is_not_in_our_entry_alone_stays),
        cmocka_unit_test(test_another_value_than_what_is_filled_in_stays),
        cmocka_unit_test(test_fields_of_ours_that_are_none_own_nothing),
        cmocka_unit_test(test_a_cron_jobs_template_lies_deeper),
        cmocka_unit_test(test_the_mark_is_set_or_goes_with_its_parent),
        cmocka_unit_test(test_where_our_entry_is_gone_nothing_is_taken_back),
        cmocka_unit_test(test_an_object_that_is_none_is_refused),
        cmocka_unit_test(test_each_allocation_may_fail),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

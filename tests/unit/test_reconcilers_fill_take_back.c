/* What is taken back of a fill: what managedFields and last-applied-configuration prove to be ours.
 */
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "support/fill_case.h"
#include "support/sweep.h"
#include "support/text.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define K(name) "'k:{\\\"name\\\":\\\"" name "\\\"}'"

/* A web container that all was filled into, and the entry that says so. */
#define SECURED                                                                  \
    "'securityContext':{'runAsNonRoot':true,'runAsUser':7,'seccompProfile':{"    \
    "'type':'RuntimeDefault'},'allowPrivilegeEscalation':false,'capabilities':{" \
    "'drop':['ALL']},'readOnlyRootFilesystem':true}"
#define SECURED_OURS                                                                        \
    "'f:securityContext':{'.':{},'f:runAsNonRoot':{},'f:runAsUser':{},'f:seccompProfile':{" \
    "'.':{},'f:type':{}},'f:allowPrivilegeEscalation':{},'f:capabilities':{'.':{},"         \
    "'f:drop':{}},'f:readOnlyRootFilesystem':{}}"
#define ONE(members) "{'containers':[{'name':'web','image':'i'," members "}]}"
#define ONE_OURS(fields) "{'f:containers':{" K("web") ":{" fields "}}}"
#define ONE_BACK(members) \
    "{'$setElementOrder/containers':[{'name':'web'}],'containers':[{'name':'web'," members "}]}"
#define NOTHING "-"

struct row {
    const char *claim;
    const char *spec;         /* of the template */
    const char *ours;         /* our entry's fields of it */
    const char *others;       /* elements of managedFields besides, or NULL; %s of FIELDS() */
    const char *last_applied; /* JSON, with ' for ", or NULL */
    const char *back;         /* the patch's part of the template's spec; NOTHING: none */
    size_t kept;
};

#define OTHER(manager, operation, fields)                                                       \
    "{'manager':'" manager "','operation':'" operation "','fieldsV1':{'f:spec':{'f:template':{" \
    "'f:spec':" fields "}}}}"
#define APPLIED(spec) "{'spec':{'template':{'spec':" spec "}}}"

static json_t *workload(const struct row *row, struct arena *a)
{
    json_t *root = fill_case_json(arena_printf(
        a,
        "{'metadata':{'name':'web','namespace':'shop','uid':'u-1','resourceVersion':'7',"
        "'annotations':{'theirs':'x','rampart.dev/rollout':'m'},'managedFields':[%s%s"
        "{'manager':'rampart','operation':'Update','fieldsV1':{'f:metadata':{'f:annotations':{"
        "'f:rampart.dev/rollout':{}}},'f:spec':{'f:template':{'f:metadata':{'f:annotations':{"
        "'.':{},'f:rampart.dev/fill':{}}},'f:spec':%s}}}}]},'spec':{'replicas':1,'template':{"
        "'metadata':{'annotations':{'rampart.dev/fill':'k'}},'spec':%s}}}",
        row->others ? row->others : "", row->others ? "," : "", row->ours, row->spec));
    json_t *annotations = json_object_get(json_object_get(root, "metadata"), "annotations");

    if (row->last_applied) {
        json_auto_t *stated = fill_case_json(row->last_applied);
        char *text = json_dumps(stated, JSON_COMPACT | JSON_ENCODE_ANY);

        json_object_set_new(annotations, LAST_APPLIED, json_string(text));
        free(text);
    }
    return root;
}

static const char *quoted(const char *text, struct arena *a)
{
    char *copy = arena_strdup(a, text);

    for (char *c = copy; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    return copy;
}

static const char *expected_patch(const struct row *row, const char *key, struct arena *a)
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

static void take_back(const struct row *row)
{
    AUTO_ARENA a;
    struct err err = {0};
    json_auto_t *root = NULL;
    const char *patch, *expected;
    size_t kept = 99;

    arena_init(&a, 1 << 24);
    root = workload(row, &a);
    if (fill_take_back(KIND_DEPLOYMENT, root, NULL, &a, &patch, &kept, &err) < 0)
        fail_msg("%s: %s", row->claim, err.msg);
    expected = expected_patch(row, "null", &a);
    if (!patch || strcmp(patch, expected) != 0)
        fail_msg("%s:\n  expected %s\n  got      %s", row->claim, expected, patch);
    if (kept != row->kept)
        fail_msg("%s: %zu kept, expected %zu", row->claim, kept, row->kept);
}

static void take_back_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_back(&rows[i]);
}

static void test_what_was_filled_in_goes_with_the_parents_that_came_with_it(void **state)
{
    static const struct row rows[] = {
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
    static const struct row rows[] = {
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
        take_back(&(struct row){
            .claim = values[i][0],
            .spec = arena_printf(&a, "{'containers':[{'name':'web','securityContext':{%s}}]}",
                                 values[i][0]),
            .ours = arena_printf(&a, ONE_OURS("'f:securityContext':{'.':{},%s}"), values[i][1]),
            .back = NOTHING,
        });
    }
}

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
        const struct row row = {
            .spec = ONE("'securityContext':{'runAsNonRoot':true}"),
            .ours = ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
            .others = entries[i],
        };
        json_auto_t *root = NULL;

        arena_init(&a, 1 << 20);
        root = workload(&row, &a);
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
        const struct row row = {
            .spec = ONE("'securityContext':{'runAsNonRoot':true}"),
            .ours = ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
        };
        json_auto_t *root = NULL;

        arena_init(&a, 1 << 20);
        root = workload(&row, &a);
        json_object_set_new(json_object_get(json_object_get(root, "metadata"), "annotations"),
                            LAST_APPLIED, fill_case_json(values[i]));
        assert_int_equal(fill_take_back(KIND_DEPLOYMENT, root, NULL, &a, &patch, &kept, &err), 0);
        assert_null(patch);
        assert_int_equal(kept, 1);
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
        take_back(&(struct row){.claim = ours[i],
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

/* @count containers, every second one filled in. */
static json_t *crowd(size_t count)
{
    AUTO_ARENA a;
    struct row row = {.ours = "{}"};
    json_t *root, *list, *fields;
    json_t *entry;

    arena_init(&a, 1 << 20);
    row.spec = "{'containers':[]}";
    row.ours = "{'f:containers':{}}";
    root = workload(&row, &a);
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
    const struct row row = {
        .spec = ONE("'securityContext':{'runAsNonRoot':true}"),
        .ours = ONE_OURS("'f:securityContext':{'.':{},'f:runAsNonRoot':{}}"),
    };
    json_auto_t *root = NULL;
    json_t *entries;

    (void)state;
    arena_init(&a, 1 << 24);
    root = workload(&row, &a);
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
    const struct row row = {
        .spec = ONE(SECURED),
        .ours = ONE_OURS(SECURED_OURS),
        .last_applied = APPLIED(ONE("'securityContext':{'runAsNonRoot':true}")),
    };
    json_auto_t *root = NULL;

    (void)state;
    arena_init(&a, 1 << 20);
    root = workload(&row, &a);
    assert_true(sweep(take_back_once, root) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_filled_in_goes_with_the_parents_that_came_with_it),
        cmocka_unit_test(test_what_is_not_in_our_entry_alone_stays),
        cmocka_unit_test(test_another_value_than_what_is_filled_in_stays),
        cmocka_unit_test(test_entries_that_are_none_are_taken_to_own_everything),
        cmocka_unit_test(test_a_last_applied_configuration_that_is_none_states_everything),
        cmocka_unit_test(test_fields_of_ours_that_are_none_own_nothing),
        cmocka_unit_test(test_a_cron_jobs_template_lies_deeper),
        cmocka_unit_test(test_the_mark_is_set_or_goes_with_its_parent),
        cmocka_unit_test(test_where_our_entry_is_gone_nothing_is_taken_back),
        cmocka_unit_test(test_an_object_that_is_none_is_refused),
        cmocka_unit_test(test_more_containers_than_the_limit_are_refused),
        cmocka_unit_test(test_huge_managed_fields_are_read),
        cmocka_unit_test(test_each_allocation_may_fail),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

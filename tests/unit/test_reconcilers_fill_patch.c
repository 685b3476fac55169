/* How a fill is written: the patch, its key, and the YAML for Git. */
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "support/fill_case.h"
#include "support/sweep.h"
#include "support/text.h"

#define POD                                                                         \
    "{'initContainers':[{'name':'wait'},{'name':'mesh','restartPolicy':'Always'}]," \
    "'containers':[{'name':'web'},{'name':'on','securityContext':{"                 \
    "'allowPrivilegeEscalation':true,'capabilities':{'drop':['ALL']}},"             \
    "'resources':{'limits':{'cpu':'1','memory':'1Gi'}}},{'name':'8080'}]}"
#define ALL "read-only pin cpu-request=10m memory-request=16Mi cpu-limit=1 memory-limit=1Gi"
#define EVIDENCE "wait=1 mesh=1337 web=1000 on=root 8080=non-root"

static void facts(enum kind kind, const char *pod, struct arena *a, struct workload_facts *w)
{
    json_auto_t *spec = fill_case_json(pod);
    struct err err = {0};

    *w = (struct workload_facts){
        .object = {.kind = kind, .ns = "shop", .name = "web", .uid = "u-1", .rv = "7"},
        .template_digest = "0123456789abcdef",
    };
    assert_int_equal(pod_template_decode(NULL, spec, a, &w->pod, &err), 0);
}

static struct fill decided(const struct workload_facts *w, const char *wants, const char *known,
                           struct arena *a)
{
    struct workloads_section section = fill_case_section(wants, a);
    struct fill_evidence_list evidence = fill_case_evidence(known, a);
    struct err err = {0};
    struct fill fill;

    assert_int_equal(fill_decide(&w->pod, &section, evidence.items, evidence.count, NULL, a, &fill,
                                 &err),
                     0);
    return fill;
}

static void assert_patch(enum kind kind, const char *pod, const char *wants, const char *known,
                         const char *file)
{
    AUTO_ARENA a;
    struct err err = {0};
    struct workload_facts w;
    struct fill fill;
    json_auto_t *root = NULL;
    const char *patch;
    char *expected, *pretty;

    arena_init(&a, 1 << 20);
    facts(kind, pod, &a, &w);
    fill = decided(&w, wants, known, &a);
    assert_int_equal(fill_patch(&w, &fill, "the-key", "{\"the\":\"mark\"}", &a, &patch, &err), 0);
    root = json_decode(patch, strlen(patch), &err);
    assert_non_null(root);
    pretty = json_dumps(root, JSON_INDENT(2));
    expected = text_file(file, NULL);
    assert_string_equal(arena_printf(&a, "%s\n", pretty), expected);
    mem_free(pretty);
    free(expected);
}

static void test_a_patch_states_the_order_of_the_lists_that_it_touches(void **state)
{
    (void)state;
    assert_patch(KIND_DEPLOYMENT, POD, ALL, EVIDENCE, "tests/unit/data/fill/deployment.json");
}

static void test_the_template_of_a_cron_job_lies_deeper(void **state)
{
    (void)state;
    assert_patch(KIND_CRON_JOB, POD, "nothing drop", "", "tests/unit/data/fill/cron-job.json");
}

static void test_a_patch_of_the_pod_alone_names_no_container(void **state)
{
    (void)state;
    assert_patch(KIND_STATEFUL_SET, POD, "nothing seccomp", "", "tests/unit/data/fill/pod.json");
}

static void test_a_patch_without_leaves_sets_the_mark_alone(void **state)
{
    (void)state;
    assert_patch(KIND_DAEMON_SET, POD, "nothing", "", "tests/unit/data/fill/mark.json");
}

static void test_a_leaf_alone_is_written_alone(void **state)
{
    static const struct {
        const char *wants, *container;
    } rows[] = {
        {"non-root try", "'securityContext':{'runAsNonRoot':true}"},
        {"seccomp", "'securityContext':{'seccompProfile':{'type':'RuntimeDefault'}}"},
        {"escalation", "'securityContext':{'allowPrivilegeEscalation':false}"},
        {"drop", "'securityContext':{'capabilities':{'drop':['ALL']}}"},
        {"read-only", "'securityContext':{'readOnlyRootFilesystem':true}"},
        {"cpu-request=1", "'resources':{'requests':{'cpu':'1'}}"},
        {"memory-request=1", "'resources':{'requests':{'memory':'1'}}"},
        {"cpu-limit=1", "'resources':{'limits':{'cpu':'1'}}"},
        {"memory-limit=1", "'resources':{'limits':{'memory':'1'}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA a;
        struct err err = {0};
        struct workload_facts w;
        struct fill fill;
        const char *patch;
        char *expected;

        arena_init(&a, 1 << 20);
        facts(KIND_DEPLOYMENT,
              "{'containers':[{'name':'b','securityContext':{'runAsNonRoot':false,"
              "'seccompProfile':{'type':'Unconfined'},'allowPrivilegeEscalation':true,"
              "'readOnlyRootFilesystem':false,'capabilities':{'drop':['KILL']}},'resources':{"
              "'limits':{'cpu':'9','memory':'9'}}},{'name':'a'}]}",
              &a, &w);
        fill = decided(&w, arena_printf(&a, "nothing %s", rows[i].wants), "", &a);
        assert_int_equal(fill.leaves_count, 1);
        assert_int_equal(fill_patch(&w, &fill, "k", "m", &a, &patch, &err), 0);
        expected = arena_printf(&a,
                                "'spec':{'$setElementOrder/containers':[{'name':'b'},{'name':'a'}],"
                                "'containers':[{'name':'a',%s}]}}}}",
                                rows[i].container);
        for (char *c = expected; *c; c++) {
            if (*c == '\'')
                *c = '"';
        }
        assert_contains(patch, expected);
    }
}

/* The pod gets runAsNonRoot, each container its own user. */
static void test_observed_users_are_pinned_in_the_containers(void **state)
{
    AUTO_ARENA a;
    struct err err = {0};
    struct workload_facts w;
    struct fill fill;
    const char *patch;

    (void)state;
    arena_init(&a, 1 << 20);
    facts(KIND_DEPLOYMENT, "{'containers':[{'name':'a'},{'name':'b'}]}", &a, &w);
    fill = decided(&w, "nothing non-root pin", "a=1000 b=2000", &a);
    assert_int_equal(fill_patch(&w, &fill, "k", "m", &a, &patch, &err), 0);
    assert_contains(patch, "\"securityContext\":{\"runAsNonRoot\":true},\"$setElementOrder");
    assert_contains(patch, "{\"name\":\"a\",\"securityContext\":{\"runAsUser\":1000}},"
                           "{\"name\":\"b\",\"securityContext\":{\"runAsUser\":2000}}");
}

static void assert_yaml(enum kind kind, const char *wants, const char *known, const char *file)
{
    AUTO_ARENA a;
    struct err err = {0};
    struct workload_facts w;
    struct fill fill;
    const char *yaml;
    char *expected;

    arena_init(&a, 1 << 20);
    facts(kind, POD, &a, &w);
    fill = decided(&w, wants, known, &a);
    assert_int_equal(fill_yaml(&w, &fill, &a, &yaml, &err), 0);
    expected = text_file(file, NULL);
    assert_string_equal(yaml, expected);
    free(expected);
}

static void test_the_yaml_states_the_same(void **state)
{
    (void)state;
    assert_yaml(KIND_DEPLOYMENT, ALL, EVIDENCE, "tests/unit/data/fill/deployment.yaml");
    assert_yaml(KIND_CRON_JOB, "nothing seccomp", "", "tests/unit/data/fill/cron-job.yaml");
    assert_yaml(KIND_DEPLOYMENT, "nothing", "", "/dev/null");
}

static const char *key_of(const char *pod, const char *wants, const char *known, struct arena *a)
{
    struct err err = {0};
    struct workload_facts w;
    struct fill fill;
    const char *key;

    facts(KIND_DEPLOYMENT, pod, a, &w);
    fill = decided(&w, wants, known, a);
    assert_int_equal(fill_key(&w, &fill, a, &key, &err), 0);
    assert_true(strlen(key) <= FILL_KEY_LEN_MAX);
    return key;
}

static void test_a_key_tells_one_fill_from_another(void **state)
{
    static const struct {
        const char *wants, *known;
    } rows[] = {
        {"", EVIDENCE},
        {"", "wait=1 mesh=1337 web=1000"},
        {"pin", EVIDENCE},
        {"pin", "wait=1 mesh=1337 web=1001 on=root"},
        {"nothing", ""},
        {"nothing drop", ""},
        {"nothing seccomp", ""},
        {"nothing cpu-limit=1", ""},
        {"nothing cpu-limit=2", ""},
        {"nothing cpu-request=1", ""},
    };
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *key = key_of(POD, rows[i].wants, rows[i].known, &a);

        assert_int_equal(strncmp(key, "0123456789abcdef.", 17), 0);
        assert_string_equal(key, key_of(POD, rows[i].wants, rows[i].known, &a));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(key, key_of(POD, rows[k].wants, rows[k].known, &a));
    }
}

static void test_names_are_quoted_where_yaml_would_read_something_else(void **state)
{
    static const char *const names[][2] = {
        {"web-1", "web-1"}, {"true", "\"true\""}, {"No", "\"No\""},   {"1e3", "\"1e3\""},
        {"", "\"\""},       {"a: b", "\"a: b\""}, {"a#b", "\"a#b\""}, {"-", "\"-\""},
        {"a_b", "\"a_b\""}, {"a{b", "\"a{b\""},   {"Web", "Web"},     {"a_b", "\"a_b\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        AUTO_ARENA a;
        struct err err = {0};
        struct workload_facts w;
        struct fill fill;
        const char *yaml;

        arena_init(&a, 1 << 20);
        facts(KIND_DEPLOYMENT,
              arena_printf(&a, "{'containers':[{'name':'%s'},{'name':'b'}]}", names[i][0]), &a, &w);
        fill = decided(&w, "nothing drop", "", &a);
        assert_int_equal(fill_yaml(&w, &fill, &a, &yaml, &err), 0);
        assert_contains(yaml, arena_printf(&a, "- name: %s\n", names[i][1]));
    }
}

/* The largest pod there is, with names that take six bytes for each of theirs. */
static void test_the_largest_fill_fits_into_a_patch(void **state)
{
    AUTO_ARENA a;
    AUTO_STRBUF pod;
    struct err err = {0};
    struct workload_facts w;
    struct fill fill;
    const char *patch, *yaml;

    (void)state;
    arena_init(&a, 1 << 24);
    strbuf_init(&pod, 1 << 24);
    strbuf_adds(&pod, "{'containers':[");
    for (unsigned i = 0; i < POD_CONTAINERS_MAX; i++) {
        strbuf_addf(&pod, "%s{'name':'%02u", i > 0 ? "," : "", i);
        for (unsigned k = 2; k < POD_TEXT_MAX; k++)
            strbuf_adds(&pod, "\\u0001");
        strbuf_adds(&pod, "'}");
    }
    strbuf_adds(&pod, "]}");
    facts(KIND_DEPLOYMENT, pod.text, &a, &w);
    fill = decided(&w, ALL " try", "", &a);
    assert_int_equal(w.pod.containers_count, POD_CONTAINERS_MAX);
    assert_int_equal(fill_patch(&w, &fill, "k", "m", &a, &patch, &err), 0);
    assert_int_equal(fill_yaml(&w, &fill, &a, &yaml, &err), 0);
}

static int write_all(void *ctx, struct err *err)
{
    const struct workload_facts *w = ctx;
    AUTO_ARENA a;
    struct workloads_section section = {.on_unknown = ON_UNKNOWN_TRY};
    const char *key = "untouched", *patch = "untouched", *yaml = "untouched";
    struct fill fill = {.leaves_count = 99}, proposal;

    section.fill.run_as_non_root = section.fill.drop_all = true;
    arena_init(&a, 1 << 20);
    if (fill_decide(&w->pod, &section, NULL, 0, NULL, &a, &fill, err) < 0) {
        assert_int_equal(fill.leaves_count, 99);
        return -1;
    }
    if (fill_propose(&w->pod, &section, &a, &proposal, err) < 0)
        return -1;
    if (fill_key(w, &fill, &a, &key, err) < 0) {
        assert_string_equal(key, "untouched");
        return -1;
    }
    if (fill_patch(w, &fill, key, "m", &a, &patch, err) < 0) {
        assert_string_equal(patch, "untouched");
        return -1;
    }
    if (fill_yaml(w, &fill, &a, &yaml, err) < 0) {
        assert_string_equal(yaml, "untouched");
        return -1;
    }
    return 0;
}

static void test_each_allocation_may_fail(void **state)
{
    AUTO_ARENA a;
    struct workload_facts w;

    (void)state;
    arena_init(&a, 1 << 20);
    facts(KIND_DEPLOYMENT, POD, &a, &w);
    assert_true(sweep(write_all, &w) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_patch_states_the_order_of_the_lists_that_it_touches),
        cmocka_unit_test(test_the_template_of_a_cron_job_lies_deeper),
        cmocka_unit_test(test_a_patch_of_the_pod_alone_names_no_container),
        cmocka_unit_test(test_a_patch_without_leaves_sets_the_mark_alone),
        cmocka_unit_test(test_a_leaf_alone_is_written_alone),
        cmocka_unit_test(test_observed_users_are_pinned_in_the_containers),
        cmocka_unit_test(test_the_yaml_states_the_same),
        cmocka_unit_test(test_a_key_tells_one_fill_from_another),
        cmocka_unit_test(test_names_are_quoted_where_yaml_would_read_something_else),
        cmocka_unit_test(test_the_largest_fill_fits_into_a_patch),
        cmocka_unit_test(test_each_allocation_may_fail),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

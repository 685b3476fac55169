/* Pods and Jobs as a scan reads them. */
#include "kube_fixture.h"

#include "rampart/kube/scanned.h"

#define META "'metadata':{'name':'web','namespace':'shop','uid':'u-1','resourceVersion':'7'"
#define CONTAINER "{'name':'app','image':'app:1'}"

static const struct workload_facts *read_one(enum kind kind, const char *text, struct arena *a)
{
    json_t *root = json_of(text);
    const struct workload_facts *w = OBJECT_AS(workload_facts, decode_ok(kind, root, a));

    json_decref(root);
    return w;
}

static void test_scanned_pod_has_its_containers_and_labels(void **state)
{
    const struct workload_facts *w =
        read_one(KIND_POD,
                 "{" META ",'labels':{'app':'web'}},'spec':{'containers':[" CONTAINER "]}}",
                 *state);

    assert_null(w->pod.unreadable);
    assert_int_equal(w->object.kind, KIND_POD);
    assert_string_equal(w->object.ns, "shop");
    assert_int_equal(w->pod.containers_count, 1);
    assert_string_equal(w->pod.containers[0].name, "app");
    assert_string_equal(labels_get(&w->pod.labels, "app"), "web");
    assert_string_equal(labels_get(&w->labels, "app"), "web");
    assert_string_equal(w->owner_kind, "");
}

static void test_scanned_job_has_those_of_its_template(void **state)
{
    const struct workload_facts *w =
        read_one(KIND_JOB,
                 "{" META
                 ",'labels':{'app':'job'}},'spec':{'template':{'metadata':{'labels':{'app':'pod'}},"
                 "'spec':{'hostNetwork':true,'containers':[" CONTAINER "]}}}}",
                 *state);

    assert_null(w->pod.unreadable);
    assert_int_equal(w->pod.host_network, STATED_TRUE);
    assert_int_equal(w->pod.containers_count, 1);
    assert_string_equal(labels_get(&w->pod.labels, "app"), "pod");
}

static void test_scanned_object_knows_its_controller_alone(void **state)
{
    static const struct {
        const char *owners, *kind, *name;
    } rows[] = {
        {"[{'kind':'Node','name':'n','controller':false},"
         "{'kind':'Job','name':'j','controller':true}]",
         "Job", "j"},
        {"[{'kind':'Node','name':'n'}]", "", ""},
        {"[{'kind':7,'name':'n','controller':true}]", "", ""},
        {"[{'kind':'Job','controller':true}]", "", ""},
        {"'odd'", "", ""},
        {"null", "", ""},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        const struct workload_facts *w;

        (void)snprintf(text, sizeof(text),
                       "{" META ",'ownerReferences':%s},'spec':{'containers':[" CONTAINER "]}}",
                       rows[i].owners);
        w = read_one(KIND_POD, text, *state);
        assert_string_equal(w->owner_kind, rows[i].kind);
        assert_string_equal(w->owner_name, rows[i].name);
    }
}

static void test_scanned_object_that_cannot_be_read_is_kept_as_unreadable(void **state)
{
    assert_non_null(
        read_one(KIND_POD, "{" META "},'" OBJECT_CUT "':true}", *state)->pod.unreadable);
    assert_non_null(
        read_one(KIND_JOB, "{" META "},'" OBJECT_CUT "':true}", *state)->pod.unreadable);
    assert_non_null(
        read_one(KIND_POD, "{" META "},'spec':{'containers':7}}", *state)->pod.unreadable);
}

static void test_scanned_object_without_a_name_is_an_error(void **state)
{
    decode_fails(KIND_POD, "{'metadata':{'namespace':'shop'}}", *state,
                 "Pod shop/(without a name): metadata.name: expected a string, got nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_scanned_pod_has_its_containers_and_labels),
        ARENA_TEST(test_scanned_job_has_those_of_its_template),
        ARENA_TEST(test_scanned_object_knows_its_controller_alone),
        ARENA_TEST(test_scanned_object_that_cannot_be_read_is_kept_as_unreadable),
        ARENA_TEST(test_scanned_object_without_a_name_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

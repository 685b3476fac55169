/* Who states a field as null owns it, as managedFields of server-side apply tell. */
#include "kube_fixture.h"

#include "rampart/json/slice.h"
#include "rampart/kube/workload.h"

static struct object *decoded;

static int on_value(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    json_t *root = json_decode(text, len, err);

    assert_int_equal(kind, SLICE_VALUE);
    assert_non_null(root);
    decoded = decode_ok(KIND_DEPLOYMENT, root, ctx);
    json_decref(root);
    return 0;
}

/* As it comes from the server, through the slice: what is kept of managedFields is enough. */
static const struct claims *read_claims(const char *managed, const char *spec, struct arena *a)
{
    const char *before = "{'metadata':{'name':'web','namespace':'shop','uid':'u',"
                         "'resourceVersion':'1','managedFields':[";
    char text[4096];
    struct err err = {0};
    struct slice *s =
        slice_new(SLICE_STREAM, resource_of(KIND_DEPLOYMENT)->keep, 1u << 20, on_value, a, &err);
    int len = snprintf(text, sizeof(text), "%s%s]},'spec':{'template':{'spec':{%s}}}}", before,
                       managed, spec);

    assert_true(len > 0 && len < (int)sizeof(text));
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    assert_non_null(s);
    assert_int_equal(slice_feed(s, text, (size_t)len, &err), 0);
    assert_int_equal(slice_end(s, &err), 0);
    slice_free(s);
    return OBJECT_AS(workload_facts, decoded)->claims;
}

#define ENTRY(manager, operation, fields)                                                 \
    "{'manager':'" manager "','operation':'" operation "','time':'2026-01-01T00:00:00Z'," \
    "'fieldsV1':{'f:spec':{'f:template':{'f:spec':{" fields "}}}}}"
#define OF_APP(fields) "'f:containers':{'k:{\\'name\\':\\'app\\'}':{'.':{},'f:name':{}," fields "}}"
#define APP(more) "'containers':[{'name':'app'" more "}]"

static void test_a_null_is_a_claim_and_a_value_is_none(void **state)
{
    static const struct {
        const char *managed, *spec;
        int field; /* CLAIM_COUNT: nothing is claimed */
        bool of_pod;
    } cases[] = {
        {ENTRY("argocd", "Apply", OF_APP("'f:securityContext':{'f:runAsNonRoot':{}}")),
         APP(",'securityContext':{}"), CLAIM_RUN_AS_NON_ROOT, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:securityContext':{'f:runAsUser':{}}")), APP(""),
         CLAIM_RUN_AS_USER, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:securityContext':{'f:seccompProfile':{}}")), APP(""),
         CLAIM_SECCOMP, false},
        {ENTRY("argocd", "Apply",
               OF_APP("'f:securityContext':{'f:seccompProfile':{'f:localhostProfile':{}}}")),
         APP(""), CLAIM_COUNT, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:securityContext':{'f:allowPrivilegeEscalation':{}}")),
         APP(""), CLAIM_ALLOW_PRIVILEGE_ESCALATION, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:securityContext':{'f:capabilities':{'f:drop':{}}}")),
         APP(",'securityContext':{'capabilities':{'add':['CHOWN']}}"), CLAIM_DROP_CAPABILITIES,
         false},
        {ENTRY("argocd", "Apply", OF_APP("'f:securityContext':{'f:readOnlyRootFilesystem':{}}")),
         APP(""), CLAIM_READ_ONLY_ROOT, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:resources':{'f:requests':{'f:cpu':{}}}")),
         APP(",'resources':{}"), CLAIM_CPU_REQUEST, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:resources':{'f:requests':{'f:memory':{}}}")),
         APP(",'resources':{'requests':{'cpu':'1'}}"), CLAIM_MEMORY_REQUEST, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:resources':{'f:limits':{'.':{},'f:cpu':{}}}")),
         APP(",'resources':{'limits':{'memory':'1Gi'}}"), CLAIM_CPU_LIMIT, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:resources':{'f:limits':{'f:memory':{}}}")),
         APP(",'resources':{'limits':{'cpu':'1'}}"), CLAIM_MEMORY_LIMIT, false},
        {ENTRY("argocd", "Apply", "'f:securityContext':{'f:runAsNonRoot':{}}"),
         APP("") ",'securityContext':{}", CLAIM_RUN_AS_NON_ROOT, true},
        {ENTRY("argocd", "Apply", "'f:securityContext':{'f:seccompProfile':{'f:type':{}}}"),
         APP(""), CLAIM_SECCOMP, true},

        /* It is stated, or of somebody else, or of another container. */
        {ENTRY("argocd", "Apply", OF_APP("'f:securityContext':{'f:runAsNonRoot':{}}")),
         APP(",'securityContext':{'runAsNonRoot':false}"), CLAIM_COUNT, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:securityContext':{}")), APP(",'securityContext':{}"),
         CLAIM_COUNT, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:resources':{}")), APP(",'resources':{}"), CLAIM_COUNT,
         false},
        {ENTRY("argocd", "Apply", "'f:securityContext':{}"), APP("") ",'securityContext':{}",
         CLAIM_COUNT, false},
        {ENTRY("kubectl", "Update", OF_APP("'f:securityContext':{'f:runAsNonRoot':{}}")), APP(""),
         CLAIM_COUNT, false},
        {ENTRY("argocd", "Apply", OF_APP("'f:securityContext':{'f:runAsNonRoot':{}}")),
         "'containers':[{'name':'other'},{'image':'a'}]", CLAIM_COUNT, false},
        {ENTRY("argocd", "Apply", "'f:hostNetwork':{}"), APP(""), CLAIM_COUNT, false},
        {"{'manager':'argocd','operation':'Apply'},{'operation':7},7", APP(""), CLAIM_COUNT, false},
        {ENTRY("argocd", "Apply", "'f:securityContext':{'f:runAsNonRoot':{}}"), "'containers':7",
         CLAIM_COUNT, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct claims *claims = read_claims(cases[i].managed, cases[i].spec, *state);
        int field = cases[i].field;

        if (!claims != (field == CLAIM_COUNT))
            fail_msg("%s of %s", cases[i].managed, cases[i].spec);
        for (int f = 0; claims && f < CLAIM_COUNT; f++) {
            bool is_it = f == field;

            assert_int_equal(claims->containers[f], is_it && !cases[i].of_pod);
            assert_int_equal(claims->of_pod[f], is_it && cases[i].of_pod);
            if (is_it)
                assert_string_equal(claims->managers[f], "argocd");
            else
                assert_null(claims->managers[f]);
        }
    }
}

static void test_a_whole_context_as_null_claims_all_that_would_be_in_it(void **state)
{
    const struct claims *claims =
        read_claims(ENTRY("flux", "Apply", OF_APP("'f:securityContext':{}")), APP(""), *state);

    assert_non_null(claims);
    for (int field = 0; field < CLAIM_COUNT; field++)
        assert_int_equal(claims->containers[field], field < CLAIM_CPU_REQUEST);
    assert_ptr_equal(claims->managers[CLAIM_SECCOMP], claims->managers[CLAIM_READ_ONLY_ROOT]);
}

static void test_each_claim_has_its_container_and_its_first_manager(void **state)
{
    static const char inits[] = "'f:initContainers':{'k:{\\'name\\':\\'init\\'}':"
                                "{'f:securityContext':{'f:runAsNonRoot':{}}}}";
    static const char entry[] = "{%s'operation':'Apply','fieldsV1':{'f:spec':{'f:template':"
                                "{'f:spec':{%s}}}}}";
    static const char mains[] =
        OF_APP("'f:securityContext':{'f:runAsNonRoot':{},'f:runAsUser':{}}");
    char one[512], two[512], three[512], all[2048];
    const struct claims *claims;

    (void)snprintf(one, sizeof(one), entry, "'manager':'one',", inits);
    (void)snprintf(two, sizeof(two), entry, "'manager':'two',", mains);
    (void)snprintf(three, sizeof(three), entry, "", "'f:securityContext':{'f:seccompProfile':{}}");
    (void)snprintf(all, sizeof(all), "%s,%s,%s", one, two, three);
    claims =
        read_claims(all, "'initContainers':[{'name':'first'},{'name':'init'}]," APP(""), *state);
    assert_non_null(claims);
    assert_int_equal(claims->containers[CLAIM_RUN_AS_NON_ROOT], 6);
    assert_string_equal(claims->managers[CLAIM_RUN_AS_NON_ROOT], "one");
    assert_int_equal(claims->containers[CLAIM_RUN_AS_USER], 4);
    assert_string_equal(claims->managers[CLAIM_RUN_AS_USER], "two");
    assert_true(claims->of_pod[CLAIM_SECCOMP]);
    assert_string_equal(claims->managers[CLAIM_SECCOMP], "unknown");
}

static void test_claims_are_equal_whoever_makes_them(void **state)
{
    struct claims one = {.of_pod = {true}, .managers = {"a"}}, other = {.of_pod = {true}};

    (void)state;
    assert_true(claims_equal(&one, &other) && claims_equal(NULL, NULL));
    assert_false(claims_equal(&one, NULL) || claims_equal(NULL, &one));
    other.containers[CLAIM_SECCOMP] = 2;
    assert_false(claims_equal(&one, &other));
    other = one;
    other.of_pod[CLAIM_SECCOMP] = true;
    assert_false(claims_equal(&one, &other));
}

static void test_claims_of_a_cron_job_lie_deeper(void **state)
{
    json_t *root = json_of(
        "{'metadata':{'name':'c','namespace':'shop','uid':'u','resourceVersion':'1',"
        "'managedFields':[{'manager':'argocd','operation':'Apply','fieldsV1':{'f:spec':"
        "{'f:jobTemplate':{'f:spec':{'f:template':{'f:spec':{'f:securityContext':"
        "{'f:seccompProfile':{}}}}}}}}}]},'spec':{'jobTemplate':{'spec':{'template':{'spec':"
        "{'containers':[{'name':'app'}]}}}}}}");
    const struct workload_facts *w =
        OBJECT_AS(workload_facts, decode_ok(KIND_CRON_JOB, root, *state));

    assert_true(w->claims && w->claims->of_pod[CLAIM_SECCOMP]);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_a_null_is_a_claim_and_a_value_is_none),
        ARENA_TEST(test_a_whole_context_as_null_claims_all_that_would_be_in_it),
        ARENA_TEST(test_each_claim_has_its_container_and_its_first_manager),
        cmocka_unit_test(test_claims_are_equal_whoever_makes_them),
        ARENA_TEST(test_claims_of_a_cron_job_lie_deeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

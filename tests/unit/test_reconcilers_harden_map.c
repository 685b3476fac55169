/* Which change asks for the hardening of which workloads to be looked at. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/harden.h"
#include "rampart/reconcilers/registry.h"
#include "support/world.h"

static struct world earlier, later;
static char marks[512];

static int setup(void **state)
{
    (void)state;
    world_init(&earlier);
    world_init(&later);
    marks[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&earlier);
    world_done(&later);
    return 0;
}

static void add(const char *what, const char *ns, const char *name)
{
    size_t len = strlen(marks);

    (void)snprintf(marks + len, sizeof(marks) - len, " %s%s%s", what, ns, name);
}

static void mark_profile(void *ctx, const char *name)
{
    (void)ctx;
    add("profile/", name, "");
}

static void mark_all_profiles(void *ctx)
{
    (void)ctx;
    add("profile/*", "", "");
}

static void mark_workload(void *ctx, enum kind kind, const char *ns, const char *name)
{
    (void)ctx;
    (void)kind;
    add(ns, "/", name);
}

static void mark_workloads(void *ctx, const char *ns)
{
    (void)ctx;
    add(ns ? ns : "*", "/*", "");
}

static const struct dirty dirty = {
    .mark_profile = mark_profile,
    .mark_all_profiles = mark_all_profiles,
    .mark_workload = mark_workload,
    .mark_workloads = mark_workloads,
};

static void assert_marks(const struct object *before, const struct object *after, const char *want)
{
    marks[0] = '\0';
    harden_map(&later.view, before, after, &dirty);
    assert_string_equal(marks, want);
}

static const struct object *put(struct world *w, enum kind kind, const char *meta, const char *rest)
{
    world_put(w, kind, "{'metadata':{'name':'web','namespace':'shop'%s},%s}", meta, rest);
    return view_get(&w->view, kind, "shop", "web");
}

#define SPEC                                                                                   \
    "'spec':{'replicas':2,'template':{'spec':{'containers':[{'name':'app','image':'a:1'}]}}}," \
    "'status':{'updatedReplicas':2,'readyReplicas':2}"
#define MARK(profile)                                                                            \
    ",'annotations':{'rampart.dev/rollout':'{\\\"phase\\\":\\\"Proven\\\",\\\"key\\\":\\\"k\\\"" \
    ",\\\"digest\\\":\\\"d\\\",\\\"profile\\\":\\\"" profile "\\\"}'}"

static void test_a_workload_is_looked_at_for_its_own_news_alone(void **state)
{
    static const struct {
        const char *meta, *rest;
    } news[] = {
        {",'generation':3", SPEC},
        {",'deletionTimestamp':'2026-01-01T00:00:00Z'", SPEC},
        {",'ownerReferences':[{'kind':'Database','name':'x','controller':true}]", SPEC},
        {",'managedFields':[{'manager':'argocd','operation':'Apply','fieldsV1':{'f:spec':{"
         "'f:template':{'f:spec':{}}}}}]",
         SPEC},
        {MARK("p"), SPEC},
        {"", "'spec':{'replicas':3,'template':{'spec':{'containers':[{'name':'app','image':'a:1'}]}"
             "}},'status':{'updatedReplicas':2,'readyReplicas':2}"},
        {"", "'spec':{'replicas':2,'template':{'spec':{'containers':[{'name':'app','image':'a:2'}]}"
             "}},'status':{'updatedReplicas':2,'readyReplicas':2}"},
        {"", "'spec':{'replicas':2,'paused':true,'template':{'spec':{'containers':[{'name':'app',"
             "'image':'a:1'}]}}},'status':{'updatedReplicas':2,'readyReplicas':2}"},
        {"", "'spec':{'replicas':2,'updateStrategy':{'type':'OnDelete'},'template':{'spec':{"
             "'containers':[{'name':'app','image':'a:1'}]}}},'status':{'updatedReplicas':2,"
             "'readyReplicas':2}"},
        {"", "'spec':{'replicas':2,'template':{'metadata':{'annotations':{'rampart.dev/fill':'k'}},"
             "'spec':{'containers':[{'name':'app','image':'a:1'}]}}},'status':{'updatedReplicas':2,"
             "'readyReplicas':2}"},
        {"", "'spec':{'replicas':2,'template':{'spec':{'containers':[{'name':'app','image':'a:1'}]}"
             "}},'status':{'updatedReplicas':1,'readyReplicas':2}"},
        {"", "'spec':{'replicas':2,'template':{'spec':{'containers':[{'name':'app','image':'a:1'}]}"
             "}},'status':{'updatedReplicas':2,'readyReplicas':1}"},
        {"", "'spec':{'replicas':2,'template':{'spec':{'containers':[{'name':'app','image':'a:1'}]}"
             "}},'status':{'updatedReplicas':2,'readyReplicas':2,'availableReplicas':1}"},
        {"", "'spec':{'replicas':2,'template':{'spec':{'containers':[{'name':'app','image':'a:1'}]}"
             "}},'status':{'updatedReplicas':2,'readyReplicas':2,'observedGeneration':1}"},
        {"",
         "'spec':{'replicas':2,'template':{'spec':{'containers':[{'name':'app','image':'a:1'}]}"
         "}},'status':{'updatedReplicas':2,'readyReplicas':2,'conditions':[{'type':'Progressing'"
         ",'status':'False'}]}"},
    };
    const struct object *before = put(&earlier, KIND_DEPLOYMENT, "", SPEC);

    (void)state;
    assert_marks(NULL, before, " shop/web");
    assert_marks(before, NULL, " shop/web");
    /* Another resourceVersion, labels and a heartbeat: nothing that a step asks for. */
    assert_marks(before,
                 put(&later, KIND_DEPLOYMENT, ",'labels':{'a':'b'}",
                     "'spec':{'replicas':2,'template':{'spec':{'containers':[{'name':'app','image':"
                     "'a:1'}]}}},'status':{'updatedReplicas':2,'readyReplicas':2,'conditions':[{"
                     "'type':'Progressing','status':'True'}]}"),
                 "");
    for (size_t i = 0; i < COUNT_OF(news); i++) {
        const struct object *after = put(&later, KIND_DEPLOYMENT, news[i].meta, news[i].rest);

        marks[0] = '\0';
        harden_map(&later.view, before, after, &dirty);
        if (strcmp(marks, " shop/web") != 0)
            fail_msg("%zu: %s", i, marks);
    }
}

static void test_stateful_news_count_as_well(void **state)
{
    static const char *const rest[] = {
        "'spec':{'replicas':2,'podManagementPolicy':'Parallel','template':{'spec':{}}},'status':{}",
        "'spec':{'replicas':2,'updateStrategy':{'rollingUpdate':{'partition':1}},'template':{'spec'"
        ":{}}},'status':{}",
        "'spec':{'replicas':2,'template':{'spec':{}}},'status':{'updateRevision':'web-2'}",
    };
    const struct object *before = put(&earlier, KIND_STATEFUL_SET, "",
                                      "'spec':{'replicas':2,'template':{'spec':{}}},'status':{}");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rest); i++)
        assert_marks(before, put(&later, KIND_STATEFUL_SET, "", rest[i]), " shop/web");
}

static void test_what_is_stated_as_null_is_news(void **state)
{
#define APPLIED(fields)                                                                \
    ",'managedFields':[{'manager':'argocd','operation':'Apply','fieldsV1':{'f:spec':{" \
    "'f:template':{'f:spec':{" fields "}}}}}]"
    const struct object *before = put(&earlier, KIND_DEPLOYMENT, APPLIED(""), SPEC);

    (void)state;
    assert_marks(before, put(&later, KIND_DEPLOYMENT, APPLIED("'f:hostIPC':{}"), SPEC), "");
    assert_marks(before,
                 put(&later, KIND_DEPLOYMENT, APPLIED("'f:securityContext':{'f:runAsNonRoot':{}}"),
                     SPEC),
                 " shop/web");
}

static void test_what_becomes_of_its_jobs_is_news_of_a_cron_job(void **state)
{
#define JOBS "'spec':{'jobTemplate':{'spec':{'template':{'spec':{}}}}},'status':"
    static const char *const statuses[] = {
        JOBS "{'active':[{'name':'a','uid':'1'}]}",
        JOBS "{'lastScheduleTime':'2026-01-01T00:00:00Z'}",
        JOBS "{'lastSuccessfulTime':'2026-01-01T00:00:00Z'}",
    };
    const struct object *before = put(&earlier, KIND_CRON_JOB, "", JOBS "{}");

    (void)state;
    assert_marks(before, put(&later, KIND_CRON_JOB, ",'labels':{'a':'b'}", JOBS "{}"), "");
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        assert_marks(before, put(&later, KIND_CRON_JOB, "", statuses[i]), " shop/web");
}

static void test_a_mark_that_goes_concerns_the_profile_that_it_names(void **state)
{
    const struct object *before = put(&earlier, KIND_DEPLOYMENT, MARK("p"), SPEC);

    (void)state;
    assert_marks(before, put(&later, KIND_DEPLOYMENT, "", SPEC), " shop/web profile/p");
    assert_marks(before, put(&later, KIND_DEPLOYMENT, MARK("q"), SPEC), " shop/web profile/p");
    assert_marks(before, NULL, " shop/web profile/p");
    assert_marks(
        before,
        put(&later, KIND_DEPLOYMENT,
            ",'annotations':{'rampart.dev/rollout':'{\\\"phase\\\":\\\"Left\\\",\\\"key\\\""
            ":\\\"k\\\",\\\"digest\\\":\\\"d\\\",\\\"profile\\\":\\\"p\\\"}'}",
            SPEC),
        " shop/web profile/p");
    assert_marks(before, put(&later, KIND_DEPLOYMENT, MARK("p") ",'generation':9", SPEC),
                 " shop/web");
    assert_marks(
        before,
        put(&later, KIND_DEPLOYMENT,
            ",'annotations':{'rampart.dev/rollout':'{\\\"phase\\\":\\\"Kept\\\",\\\"key\\\""
            ":\\\"k\\\",\\\"digest\\\":\\\"d\\\",\\\"profile\\\":\\\"p\\\"}'}",
            SPEC),
        " shop/web");
    before = put(&earlier, KIND_DEPLOYMENT, ",'annotations':{'rampart.dev/rollout':'none of ours'}",
                 SPEC);
    assert_marks(before, put(&later, KIND_DEPLOYMENT, "", SPEC), " shop/web");
}

static void test_without_memory_for_a_mark_all_profiles_are_looked_at(void **state)
{
    const struct object *before = put(&earlier, KIND_DEPLOYMENT, MARK("p"), SPEC);
    const struct object *after = put(&later, KIND_DEPLOYMENT, "", SPEC);

    (void)state;
    marks[0] = '\0';
    mem_fail_nth(0);
    harden_map(&later.view, before, after, &dirty);
    assert_true(mem_fail_disarm());
    assert_string_equal(marks, " shop/web profile/*");
}

static const struct object *put_named(struct world *w, enum kind kind, const char *meta,
                                      const char *rest)
{
    world_put(w, kind, "{'metadata':{'name':'x'%s}%s}", meta, rest);
    return view_get(&w->view, kind, "", "x");
}

static void test_what_selects_and_exempts_concerns_many(void **state)
{
    const struct object *ns = put_named(&earlier, KIND_NAMESPACE, ",'labels':{'a':'b'}", "");
    const struct object *p =
        put_named(&earlier, KIND_PROFILE, ",'generation':1", ",'spec':{'namespaceSelector':{}}");
    const struct object *e;

    (void)state;
    (void)put_named(&later, KIND_NAMESPACE, "", ""); /* the same uids as in the other one */
    (void)put_named(&later, KIND_PROFILE, "", ",'spec':{'namespaceSelector':{}}");
    assert_marks(NULL, ns, " x/*");
    assert_marks(ns, NULL, " x/*");
    assert_marks(ns, put_named(&later, KIND_NAMESPACE, ",'labels':{'a':'b'}", ""), "");
    assert_marks(ns, put_named(&later, KIND_NAMESPACE, "", ""), " x/*");
    assert_marks(ns,
                 put_named(&later, KIND_NAMESPACE,
                           ",'labels':{'a':'b'},'deletionTimestamp':'2026-01-01T00:00:00Z'", ""),
                 " x/*");
    assert_marks(NULL, p, " */*");
    assert_marks(p, NULL, " */*");
    assert_marks(p,
                 put_named(&later, KIND_PROFILE, ",'generation':1",
                           ",'spec':{'namespaceSelector':{}},'status':{'observedGeneration':1}"),
                 "");
    assert_marks(p,
                 put_named(&later, KIND_PROFILE, ",'generation':2",
                           ",'spec':{'namespaceSelector':{}}"),
                 " */*");
    assert_marks(p,
                 put_named(&later, KIND_PROFILE,
                           ",'generation':1,'finalizers':['rampart.dev/take-back']",
                           ",'spec':{'namespaceSelector':{}}"),
                 " */*");
    world_put(&later, KIND_EXCEPTION,
              "{'metadata':{'name':'e','namespace':'shop'},'spec':{'rules':['net-raw'],'names':["
              "'a'],'reason':'r','author':'a'}}");
    e = view_get(&later.view, KIND_EXCEPTION, "shop", "e");
    assert_marks(NULL, e, " shop/*");
    assert_marks(e, NULL, " shop/*");
    world_put(&later, KIND_SERVICE, "{'metadata':{'name':'s','namespace':'shop'},'spec':{}}");
    assert_marks(NULL, view_get(&later.view, KIND_SERVICE, "shop", "s"), "");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_workload_is_looked_at_for_its_own_news_alone),
        TEST(test_stateful_news_count_as_well),
        TEST(test_what_is_stated_as_null_is_news),
        TEST(test_what_becomes_of_its_jobs_is_news_of_a_cron_job),
        TEST(test_a_mark_that_goes_concerns_the_profile_that_it_names),
        TEST(test_without_memory_for_a_mark_all_profiles_are_looked_at),
        TEST(test_what_selects_and_exempts_concerns_many),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

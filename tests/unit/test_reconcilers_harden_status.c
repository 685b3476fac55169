/* What a profile's status says of hardening, and when its finalizer is on for what it filled in. */
#include "reconcilers_status.h"

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/profile_status.h"
#include "support/sweep.h"

static struct harden_turns turns;
static struct finding told[40];
static const struct finding *told_list[40];
static size_t told_count;
static bool has_more;

static const struct harden_turns *hardening(const void *ctx, const char *profile)
{
    (void)ctx;
    return strcmp(profile, "p") == 0 ? &turns : NULL;
}

static int hardening_findings(const void *ctx, const char *profile, size_t count_max,
                              struct arena *a, const struct finding *const **ret_findings,
                              size_t *ret_count, bool *ret_more, struct err *err)
{
    (void)ctx;
    (void)profile;
    if (!arena_alloc(a, 1))
        return err_nomem(err);
    assert_true(told_count <= count_max);
    *ret_findings = told_list;
    *ret_count = told_count;
    *ret_more = has_more;
    return 0;
}

static int begin(void **state)
{
    setup(state);
    ops.hardening = hardening;
    ops.hardening_findings = hardening_findings;
    turns = (struct harden_turns){.message = ""};
    told_count = 0;
    has_more = false;
    put_namespace("shop", "'team':'shop'");
    return 0;
}

static void tell(enum reason reason, const char *name, const char *message, const char *manager)
{
    told[told_count] = (struct finding){.reason = reason,
                                        .is_warning = true,
                                        .object = {KIND_DEPLOYMENT, "shop", name, "u"},
                                        .rule = "hardening",
                                        .message = message,
                                        .manager = manager,
                                        .profile = "p"};
    told_list[told_count] = &told[told_count];
    told_count++;
}

#define FILLS ",'mode':'Enforce','workloads':{}"

static void assert_rollouts(const json_t *status, const char *want)
{
    char *text = json_dumps(json_object_get(status, "rollouts"), JSON_COMPACT | JSON_SORT_KEYS);

    for (char *c = text; *c; c++)
        *c = *c == '"' ? '\'' : *c;
    assert_string_equal(text, want);
    mem_free(text);
}

/* ---- Status ---- */

static void test_status_counts_rollouts_and_writes_nothing_when_they_stay(void **state)
{
    json_t *status;
    char *text;

    (void)state;
    turns = (struct harden_turns){
        .running = 2, .waiting = 3, .proven = 4, .failed = 1, .contested = 0, .message = ""};
    put_profile("p", "", FILLS, "");
    status = status_of("p");
    assert_rollouts(status, "{'contested':0,'failed':1,'paused':false,'proven':4,'running':2,"
                            "'waiting':3}");
    assert_condition(status, "Enforcing", "True", "Enforced", "is missing in pod templates");
    assert_condition(status, "Ready", "True", "Enforced", "workloads are compliant");
    text = json_dumps(status, JSON_COMPACT);
    json_decref(status);
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':3},'spec':{'namespaceSelector':{'matchLabels':{"
              "'team':'shop'}}" FILLS "},'status':%s}",
              text);
    mem_free(text);
    plan_init(&plan, &arena);
    assert_int_equal(registry_ops.plan_profile(&world.view, "p", &plan, NULL), 0);
    assert_int_equal(plan.writes_count, 0);
    turns.running = 1;
    json_decref(status_of("p"));
}

static void test_status_of_a_profile_of_which_nothing_is_known_counts_nothing(void **state)
{
    json_t *status;

    (void)state;
    ops.hardening = NULL;
    ops.hardening_findings = NULL;
    put_profile("p", "", FILLS, "");
    status = status_of("p");
    assert_rollouts(status, "{'contested':0,'failed':0,'paused':false,'proven':0,'running':0,"
                            "'waiting':0}");
    json_decref(status);
}

static void test_status_of_a_paused_profile_is_degraded_and_says_what_to_do(void **state)
{
    json_t *status;

    (void)state;
    turns.is_paused = true;
    turns.failed = 3;
    turns.message = "3 of 3 rollouts failed: change the profile";
    put_profile("p", "", FILLS, "");
    status = status_of("p");
    assert_condition(status, "Ready", "False", "RolloutsPaused", "change the profile");
    assert_condition(status, "Degraded", "True", "RolloutsPaused", "change the profile");
    assert_true(json_is_true(json_object_get(json_object_get(status, "rollouts"), "paused")));
    json_decref(status);
}

static void test_status_lists_who_was_skipped_or_reverted_and_names_rivals(void **state)
{
    const json_t *drift;
    json_t *status;

    (void)state;
    tell(REASON_REVERTED, "a", "it crashed", NULL);
    tell(REASON_CONTESTED, "b", "argocd took it", "argocd");
    turns.contested = 1;
    put_profile("p", "", FILLS, "");
    status = status_of("p");
    drift = json_object_get(status, "drift");
    assert_int_equal(json_array_size(drift), 2);
    assert_string_equal(text_of(json_array_get(drift, 0), "object"), "Deployment shop/a");
    assert_string_equal(text_of(json_array_get(drift, 0), "reason"), "Reverted");
    assert_string_equal(text_of(json_array_get(drift, 1), "manager"), "argocd");
    assert_condition(status, "Contested", "True", "Contested",
                     "1 workloads; first: argocd took it");
    json_decref(status);
}

static void test_status_is_contested_in_namespaces_and_workloads(void **state)
{
    const struct finding contest = finding_of(REASON_CONTESTED, "shop", "deny is undone");
    json_t *status;

    (void)state;
    turns.contested = 2;
    put_profile("p", "", ",'mode':'Enforce','network':{},'workloads':{}", "");
    status = status_of("p");
    assert_condition(status, "Contested", "True", "Contested",
                     "2 workloads; first: see the Events");
    json_decref(status);
    say("shop", "p", MODE_ENFORCE, VERDICT_DRIFTED, NULL, 0);
    said[0].verdict.contest = &contest;
    status = status_of("p");
    assert_condition(status, "Contested", "True", "Contested",
                     "1 of 1 namespaces and 2 workloads; first: deny is undone");
    json_decref(status);
}

static void test_status_lists_no_more_of_them_than_of_all_drift(void **state)
{
    json_t *status;

    (void)state;
    for (size_t i = 0; i < STATUS_DRIFT_MAX + 1; i++) {
        static char names[STATUS_DRIFT_MAX + 1][8];

        (void)snprintf(names[i], sizeof(names[i]), "w%02zu", i);
        tell(REASON_WORKLOAD_SKIPPED, names[i], "skipped", NULL);
    }
    put_profile("p", "", FILLS, "");
    status = status_of("p");
    assert_int_equal(json_array_size(json_object_get(status, "drift")), STATUS_DRIFT_MAX);
    assert_true(json_is_true(json_object_get(status, "driftTruncated")));
    json_decref(status);
    told_count = 1;
    has_more = true;
    status = status_of("p");
    assert_true(json_is_true(json_object_get(status, "driftTruncated")));
    json_decref(status);
}

static void test_enforcing_says_what_each_section_does(void **state)
{
    static const struct {
        const char *spec, *labels, *value, *reason, *part;
    } cases[] = {
        {FILLS, "'team':'shop'", "True", "Enforced", "filled in"},
        {FILLS, "'team':'other'", "False", "NothingSelected", "workloads of no namespace"},
        {",'workloads':{}", "'team':'shop'", "False", "Audit", "not written to"},
        {",'workloads':{'mode':'Off'}", "'team':'shop'", "False", "Off", "switched off"},
        {",'network':{},'workloads':{'mode':'Enforce'}", "'team':'shop'", "True", "Enforced",
         "workloads are filled in; for the network section nothing"},
        {",'network':{},'workloads':{'mode':'Enforce'}", "'team':'other'", "False", "Audit",
         "nothing is written"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *status;

        teardown(state);
        begin(state);
        put_namespace("shop", cases[i].labels);
        put_profile("p", "", cases[i].spec, "");
        status = status_of("p");
        assert_condition(status, "Enforcing", cases[i].value, cases[i].reason, cases[i].part);
        json_decref(status);
    }
}

/* ---- The finalizer ---- */

#define MARK(phase, profile)    \
    "{\\\"phase\\\":\\\"" phase \
    "\\\",\\\"key\\\":\\\"k\\\",\\\"digest\\\":\\\"d\\\",\\\"profile\\\":\\\"" profile "\\\"}"

static void put_marked(const char *ns, const char *name, const char *mark)
{
    world_put(&world, KIND_DEPLOYMENT,
              "{'metadata':{'name':'%s','namespace':'%s','annotations':{'rampart.dev/rollout':'%s'}"
              "},'spec':{'template':{'spec':{}}}}",
              name, ns, mark);
}

/* What the pass writes: "put on", "take off", "status" or "". */
static const char *pass_of(const char *meta, const char *spec)
{
    put_profile("p", meta, spec, "");
    arena_reset(&arena);
    plan_init(&plan, &arena);
    assert_int_equal(registry_ops.plan_profile(&world.view, "p", &plan, NULL), 0);
    if (plan.writes_count == 0)
        return "";
    switch (plan.writes[0].phase) {
    case PHASE_FINALIZER:
        return "put on";
    case PHASE_RELEASE:
        return "take off";
    default:
        return "status";
    }
}

#define ON ",'finalizers':['rampart.dev/take-back']"
#define GOES ON ",'deletionTimestamp':'2026-01-01T00:00:00Z'"
#define REMOVES ",'onDelete':'Remove'"

static void test_a_finalizer_is_put_on_before_anything_is_filled_in(void **state)
{
    (void)state;
    assert_string_equal(pass_of("", FILLS), "status");
    assert_string_equal(pass_of("", FILLS REMOVES), "put on");
    assert_string_equal(pass_of(ON, FILLS REMOVES), "status");
    assert_string_equal(pass_of(ON, FILLS), "take off");
    put_namespace("shop", "'team':'other'");
    assert_string_equal(pass_of("", FILLS REMOVES), "status");
    put_namespace("shop", "'team':'shop'");
    assert_string_equal(pass_of("", ",'mode':'Enforce','workloads':{'fill':{'runAsNonRoot':false,"
                                    "'seccompProfile':'','allowPrivilegeEscalation':true,"
                                    "'dropCapabilities':[]}}" REMOVES),
                        "status"); /* nothing is filled in */
    assert_string_equal(pass_of("", ",'mode':'Enforce','workloads':{'fill':{'runAsNonRoot':false,"
                                    "'seccompProfile':'','allowPrivilegeEscalation':true,"
                                    "'dropCapabilities':[],'resources':{'limits':{'memory':'1Gi'}}}"
                                    "}" REMOVES),
                        "put on");
}

static void test_a_finalizer_stays_while_something_that_it_filled_in_can_be_taken_back(void **state)
{
    static const struct {
        const char *ns, *mark, *want;
    } cases[] = {
        {"shop", MARK("Proven", "p"), "status"},
        {"shop", MARK("Reverted", "p"), "status"},
        {"shop", MARK("TakenBack", "p"), "status"},
        {"shop", MARK("Left", "p"), "take off"},
        {"shop", MARK("Proven", "pq"), "take off"},
        {"shop", "none", "take off"},
        {"gone", MARK("Proven", "p"), "take off"},
        {"rampart-system", MARK("Proven", "p"), "take off"},
    };

    put_namespace("rampart-system", "'team':'shop'");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        put_marked(cases[i].ns, "web", cases[i].mark);
        if (strcmp(pass_of(GOES, FILLS REMOVES), cases[i].want) != 0)
            fail_msg("%s in %s", cases[i].mark, cases[i].ns);
        world_remove(&world, KIND_DEPLOYMENT, cases[i].ns, "web");
    }
    (void)state;
}

static void
test_a_finalizer_stays_in_audit_while_fills_stand_and_says_how_many_are_left(void **state)
{
    json_t *status;

    (void)state;
    put_marked("shop", "a", MARK("Proven", "p"));
    put_marked("shop", "b", MARK("Kept", "p"));
    assert_string_equal(pass_of(ON, ",'workloads':{}" REMOVES), "status");
    assert_string_equal(pass_of("", ",'workloads':{}" REMOVES), "put on");
    (void)pass_of(GOES, FILLS REMOVES);
    status = status_of("p");
    assert_condition(status, "Ready", "False", "TakingBack", "from 2 workloads");
    json_decref(status);
    world_put(
        &world, KIND_DEPLOYMENT,
        "{'metadata':{'name':'b','namespace':'shop','deletionTimestamp':'2026-01-01T00:00:00Z'"
        ",'annotations':{'rampart.dev/rollout':'" MARK("Kept", "p") "'}},'spec':{}}");
    status = status_of("p");
    assert_condition(status, "Ready", "False", "TakingBack", "from 1 workloads");
    json_decref(status);
}

/* ---- Memory ---- */

static int one_pass(void *ctx, struct err *err)
{
    struct plan one;
    AUTO_ARENA a;

    (void)ctx;
    arena_init(&a, 4u << 20);
    plan_init(&one, &a);
    return registry_ops.plan_profile(&world.view, "p", &one, err);
}

static void test_each_failing_allocation_of_a_pass_is_told(void **state)
{
    (void)state;
    tell(REASON_CONTESTED, "b", "argocd took it", "argocd");
    turns.contested = 1;
    put_marked("shop", "a", MARK("Proven", "p"));
    put_profile("p", ON, FILLS REMOVES, "");
    assert_true(sweep(one_pass, NULL) > 20);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_status_counts_rollouts_and_writes_nothing_when_they_stay),
        TEST(test_status_of_a_profile_of_which_nothing_is_known_counts_nothing),
        TEST(test_status_of_a_paused_profile_is_degraded_and_says_what_to_do),
        TEST(test_status_lists_who_was_skipped_or_reverted_and_names_rivals),
        TEST(test_status_is_contested_in_namespaces_and_workloads),
        TEST(test_status_lists_no_more_of_them_than_of_all_drift),
        TEST(test_enforcing_says_what_each_section_does),
        TEST(test_a_finalizer_is_put_on_before_anything_is_filled_in),
        TEST(test_a_finalizer_stays_while_something_that_it_filled_in_can_be_taken_back),
        TEST(test_a_finalizer_stays_in_audit_while_fills_stand_and_says_how_many_are_left),
        TEST(test_each_failing_allocation_of_a_pass_is_told),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

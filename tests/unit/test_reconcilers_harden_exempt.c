/* What is not filled in: since an exception says so, or since the namespace gives it already. */
#include "reconcilers_harden.h"

static void begin(const char *spec)
{
    put_ns("shop", "shop");
    put_profile("p", "", spec);
}

static void fill_in(void)
{
    operate("p");
    roll_all_out();
    pass_time(20);
    operate("p");
}

/* ---- Exceptions ---- */

static void put_exception(const char *spec)
{
    world_put(&world, KIND_EXCEPTION,
              "{'metadata':{'name':'e','namespace':'shop'},'spec':{%s%s,'reason':'old',"
              "'author':'me'}}",
              spec, strstr(spec, "names") ? "" : ",'names':['web']");
}

static const char *filled_text(struct record *web)
{
    static char text[2048];
    json_t *spec = json_deep_copy(json_object_get(template_of(web), "spec"));
    char *dump;

    for (size_t i = 0; i < json_array_size(json_object_get(spec, "containers")); i++)
        json_object_del(json_array_get(json_object_get(spec, "containers"), i), "image");
    dump = json_dumps(spec, JSON_COMPACT | JSON_SORT_KEYS);
    (void)snprintf(text, sizeof(text), "%s", dump);
    json_decref(spec);
    for (char *c = text; *c; c++)
        *c = *c == '"' ? '\'' : *c;
    mem_free(dump);
    return text;
}

#define TWO "'containers':[{'name':'app','image':'a'},{'name':'two','image':'b'}]"

static void test_what_is_exempted_is_not_filled_in(void **state)
{
    static const struct {
        const char *exception;
        const char *want;
    } cases[] = {
        {"'rules':['seccomp-restricted']",
         "{'containers':[{'name':'app','securityContext':{'allowPrivilegeEscalation':false,"
         "'capabilities':{'drop':['ALL']}}},{'name':'two','securityContext':{"
         "'allowPrivilegeEscalation':false,'capabilities':{'drop':['ALL']}}}]}"},
        {"'rules':['seccomp-restricted','allow-privilege-escalation'],'containers':['app']",
         "{'containers':[{'name':'app','securityContext':{'capabilities':{'drop':['ALL']}}},"
         "{'name':'two','securityContext':{'allowPrivilegeEscalation':false,'capabilities':{"
         "'drop':['ALL']},'seccompProfile':{'type':'RuntimeDefault'}}}]}"},
        {"'rules':['net-raw'],'containers':['two']", /* it would lose what it is to have */
         "{'containers':[{'name':'app','securityContext':{'allowPrivilegeEscalation':false,"
         "'capabilities':{'drop':['ALL']}}},{'name':'two','securityContext':{"
         "'allowPrivilegeEscalation':false}}],'securityContext':{'seccompProfile':{"
         "'type':'RuntimeDefault'}}}"},
        {"'rules':['seccomp-restricted'],'names':['other']",
         "{'containers':[{'name':'app','securityContext':{'allowPrivilegeEscalation':false,"
         "'capabilities':{'drop':['ALL']}}},{'name':'two','securityContext':{"
         "'allowPrivilegeEscalation':false,'capabilities':{'drop':['ALL']}}}],'securityContext':{"
         "'seccompProfile':{'type':'RuntimeDefault'}}}"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct record *web;

        teardown(state);
        setup(state);
        begin(NOW_SECTION(""));
        web = put_workload(KIND_DEPLOYMENT, "web", 2, TWO, "");
        put_exception(cases[i].exception);
        operate("p");
        if (strcmp(filled_text(web), cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].exception, filled_text(web));
    }
}

static void test_requests_and_limits_are_exempted_one_by_one(void **state)
{
    struct record *web;

    (void)state;
    begin(
        ",'workloads':{'fill':{'runAsNonRoot':false,'seccompProfile':'','allowPrivilegeEscalation'"
        ":true,'dropCapabilities':[],'readOnlyRootFilesystem':true,'resources':{'requests':{'cpu':"
        "'10m','memory':'16Mi'},'limits':{'cpu':'1','memory':'64Mi'}}},'rollout':{'when':'Now'}}");
    web = put_web();
    put_exception("'rules':['memory-limit','cpu-request','read-only-root-filesystem']");
    operate("p");
    assert_string_equal(filled_text(web), "{'containers':[{'name':'app','resources':{'limits':{"
                                          "'cpu':'1'},'requests':{'memory':'16Mi'}}}]}");
}

static void test_a_rule_that_may_not_be_exempted_is_filled_in(void **state)
{
    struct record *web;

    (void)state;
    begin(",'workloads':{'rules':[{'id':'seccomp-restricted','exemptible':false}],'rollout':{"
          "'when':'Now'}}");
    web = put_web();
    put_exception("'rules':['seccomp-restricted']");
    operate("p");
    assert_contains(filled_text(web), "RuntimeDefault");
}

static void test_an_expired_exception_is_filled_in_then_and_nobodys_lost_round(void **state)
{
    struct record *web;
    struct rollout_mark mark;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 16);
    begin(NOW_SECTION(""));
    web = put_web();
    put_exception("'rules':['seccomp-restricted'],'expiresAt':'2025-11-24T17:00:00Z'");
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
    assert_int_equal(web->step.look_again_s, world.view.wall_ms / 1000 - 20 + 3600);
    assert_null(strstr(filled_text(web), "RuntimeDefault"));
    pass_time(3600);
    fill_in();
    assert_non_null(strstr(filled_text(web), "RuntimeDefault"));
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
    assert_int_equal(rollout_mark_read(facts_of(web)->rollout, &a, &mark, NULL), 0);
    assert_int_equal(mark.lost, 0);
}

/* ---- What the namespace gives already ---- */

#define LIMITS_SECTION                                                                       \
    ",'workloads':{'fill':{'runAsNonRoot':false,'resources':{'requests':{'memory':'16Mi'},'" \
    "limits'"                                                                                \
    ":{'memory':'64Mi'}}},'rollout':{'when':'Now'}}"

static void test_requests_and_limits_are_filled_in_where_nobody_gives_them(void **state)
{
    static const struct {
        uint8_t given;
        bool has_quota;
        long double left;
        bool is_filled;
        const char *said;
    } cases[] = {
        {0, false, 0, true, ""},
        {HAS_MEMORY_LIMIT | HAS_MEMORY_REQUEST, false, 0, false, ""},
        {0, true, 3 * 16 * 1024 * 1024, true, ""},
        {0, true, 3 * 16 * 1024 * 1024 - 1, false,
         "NoQuotaRoom: Deployment shop/web is filled in without requests or limits"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct record *web;

        teardown(state);
        setup(state);
        begin(LIMITS_SECTION);
        web = put_web();
        pods.room.given = cases[i].given;
        pods.room.has_quota[1] = cases[i].has_quota; /* requests.memory */
        pods.room.left[1] = cases[i].left;
        fill_in();
        assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
        assert_int_equal(strstr(filled_text(web), "64Mi") != NULL, cases[i].is_filled);
        assert_non_null(strstr(filled_text(web), "RuntimeDefault")); /* all else is */
        assert_true(room_looks >= 1);
        if (*cases[i].said)
            assert_contains(web->finding, cases[i].said);
        else
            assert_string_equal(web->finding, "");
        assert_int_equal(web->rollouts, 1);
    }
}

static void test_the_namespace_is_asked_also_before_anything_runs(void **state)
{
    struct record *web;

    (void)state;
    begin(LIMITS_SECTION);
    web = put_web();
    json_object_set_new(json_object_get(object_of(web), "metadata"), "generation", json_integer(1));
    json_object_set_new(object_of(web), "status", json_object());
    world_publish(&world, web->kind, "shop", "web");
    operate("p");
    assert_int_equal(room_looks, 1);
    assert_non_null(strstr(filled_text(web), "64Mi"));
}

static void test_evidence_that_was_read_for_something_else_is_read_again(void **state)
{
    struct record *web;

    (void)state;
    begin(LIMITS_SECTION);
    web = put_web();
    web->has_turn = true;
    assert_true(step_once(web, &pods, NULL)); /* of a proof, say: nothing about the namespace */
    assert_int_equal(web->step.want, HARDEN_NOTHING);
    assert_int_equal(web->step.look_again_s, world.view.wall_ms / 1000 + HARDEN_BEHIND_LOOK_S);
    assert_true(web->step.keeps_before);
    assert_true(step_once(web, NULL, NULL));
    assert_int_equal(web->step.want, HARDEN_ROOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_exempted_is_not_filled_in),
        TEST(test_requests_and_limits_are_exempted_one_by_one),
        TEST(test_a_rule_that_may_not_be_exempted_is_filled_in),
        TEST(test_an_expired_exception_is_filled_in_then_and_nobodys_lost_round),
        TEST(test_requests_and_limits_are_filled_in_where_nobody_gives_them),
        TEST(test_the_namespace_is_asked_also_before_anything_runs),
        TEST(test_evidence_that_was_read_for_something_else_is_read_again),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

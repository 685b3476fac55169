/* What somebody states as null (kube/claims.h) is left to him, and said. */
#include "reconcilers_harden.h"

#define OF_APP "'k:{\\'name\\':\\'app\\'}'"

/* Applied by argocd, with these fields of the template as its own. */
static void claim(struct record *r, const char *fields)
{
    static const char entry[] = "{'manager':'argocd','operation':'Apply','time':"
                                "'2026-01-01T00:00:00Z','fieldsV1':{'f:spec':{'f:template':"
                                "{'f:spec':{%s}}}}}";
    json_t *managed = json_object_get(json_object_get(object_of(r), "metadata"), "managedFields");
    char text[1024];
    json_t *added;

    (void)snprintf(text, sizeof(text), entry, fields);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    added = json_decode(text, strlen(text), NULL);
    assert_non_null(added);
    json_array_insert_new(managed, 0, added);
    world_publish(&world, r->kind, "shop", r->name);
}

static void let_go(struct record *r)
{
    json_array_remove(json_object_get(json_object_get(object_of(r), "metadata"), "managedFields"),
                      0);
    world_publish(&world, r->kind, "shop", r->name);
}

static const json_t *context_of(const struct record *r)
{
    const json_t *spec = json_object_get(template_of(r), "spec");

    return json_object_get(json_array_get(json_object_get(spec, "containers"), 0),
                           "securityContext");
}

static struct record *begin_claimed(const char *fields)
{
    struct record *web;

    put_ns("shop", "shop");
    put_profile("p", "", NOW_SECTION(""));
    web = put_web();
    claim(web, fields);
    return web;
}

static void prove(struct record *web)
{
    roll_all_out();
    pass_time(20);
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
}

#define ESCALATION \
    "'f:containers':{" OF_APP ":{'f:securityContext':{'f:allowPrivilegeEscalation':{}}}}"
#define SAID "StatedNull: Deployment shop/web is not filled in, or not wholly: "

static void test_all_else_is_filled_in_and_the_owner_is_named(void **state)
{
    struct record *web = begin_claimed(ESCALATION);

    (void)state;
    operate("p");
    assert_null(json_object_get(context_of(web), "allowPrivilegeEscalation"));
    assert_non_null(json_object_get(context_of(web), "capabilities"));
    prove(web);
    assert_string_equal(web->finding, SAID
                        "allowPrivilegeEscalation of container app is stated as null by "
                        "argocd, and so it is left: take the line out there, or state a value");
    assert_int_equal(web->reason, REASON_WORKLOAD_SKIPPED);
    assert_int_equal(web->events, 1);
    assert_int_equal(web->rollouts, 1);
    forget_all(); /* as a process that was just started: the same, and nothing more is written */
    operate("p");
    assert_contains(web->finding, SAID);
    assert_int_equal(web->rollouts, 1);
    assert_int_equal(web->step.look_again_s == INT64_MAX, 1);
}

static void test_what_is_let_go_of_is_filled_in_although_the_template_is_the_same(void **state)
{
    struct record *web = begin_claimed(ESCALATION);

    (void)state;
    operate("p");
    prove(web);
    let_go(web);
    operate("p");
    assert_non_null(json_object_get(context_of(web), "allowPrivilegeEscalation"));
    prove(web);
    assert_string_equal(web->finding, "");
    assert_int_equal(web->rollouts, 2);
}

static void test_where_all_is_stated_as_null_nothing_is_written(void **state)
{
    struct record *web =
        begin_claimed("'f:securityContext':{'f:seccompProfile':{}},'f:containers':{" OF_APP
                      ":{'f:securityContext':{'f:allowPrivilegeEscalation':{},'f:capabilities':{},"
                      "'f:runAsNonRoot':{}}}}");

    (void)state;
    operate("p");
    assert_int_equal(web->writes, 0);
    assert_int_equal(looks, 0);
    assert_contains(web->finding, SAID "seccompProfile of the pod is stated as null by argocd");
    assert_int_equal(web->step.state, HARDEN_IDLE);
    assert_int_equal(web->step.look_again_s == INT64_MAX, 1);
}

/* Taken by force after it was filled in: the field is his from then on, and no fight. */
static void test_a_null_by_force_ends_in_a_word_and_not_in_a_fight(void **state)
{
    struct record *web;

    (void)state;
    put_ns("shop", "shop");
    put_profile("p", "", NOW_SECTION(""));
    web = put_web();
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_PROVING);
    json_object_del((json_t *)context_of(web), "allowPrivilegeEscalation");
    claim(web, ESCALATION);
    operate("p");
    assert_int_equal(web->rollouts, 1);
    prove(web); /* the rest is, and its turn ends */
    assert_contains(web->finding, SAID);
    assert_null(json_object_get(context_of(web), "allowPrivilegeEscalation"));
    assert_int_equal(web->rollouts, 1);
}

static void test_what_an_exception_leaves_alone_is_nobodys_fault(void **state)
{
    struct record *web = begin_claimed(ESCALATION);

    (void)state;
    world_put(&world, KIND_EXCEPTION,
              "{'metadata':{'name':'e','namespace':'shop'},'spec':{'rules':"
              "['allow-privilege-escalation'],'names':['web'],'reason':'old','author':'me'}}");
    operate("p");
    prove(web);
    assert_string_equal(web->finding, "");
}

static const struct container both[] = {{.name = "one", .role = CONTAINER_MAIN},
                                        {.name = "two", .role = CONTAINER_MAIN}};

/* Each field that is claimed in the second container is the one that is left out, there alone. */
static void test_each_claim_keeps_its_own_field_from_being_filled_in(void **state)
{
    static const struct container_evidence users[] = {{"one", USER_NON_ROOT, 5},
                                                      {"two", USER_NON_ROOT, 5}};
    struct workloads_section section = {.is_stated = true};

    (void)state;
    section.fill.run_as_non_root = section.fill.pins_observed_user = section.fill.seccomp =
        section.fill.allow_privilege_escalation = section.fill.drop_all =
            section.fill.read_only_root = true;
    section.fill.cpu_request = section.fill.memory_request = section.fill.cpu_limit =
        section.fill.memory_limit = "1";
    for (int field = 0; field < CLAIM_COUNT; field++) {
        struct claims claims = {.containers = {0}};
        struct workload_facts w = {.pod = {.containers = both, .containers_count = 2},
                                   .claims = &claims};
        const struct fill_container *c;
        struct fill_exempt exempt;
        const char *text, *name = claim_field_name((enum claim_field)field);
        struct fill fill;
        AUTO_ARENA a;

        arena_init(&a, 1u << 16);
        claims.containers[field] = 2;
        claims.managers[field] = "argocd";
        fill_leave_claims(&w, &section, NULL, &exempt);
        assert_int_equal(fill_decide(&w.pod, &section, users, 2, &exempt, &a, &fill, NULL), 0);
        c = &fill.containers[1];
        assert_int_equal(c->resources,
                         15 & ~(field < CLAIM_CPU_REQUEST ? 0 : 1 << (field - CLAIM_CPU_REQUEST)));
        assert_int_equal(c->allow_privilege_escalation, field != CLAIM_ALLOW_PRIVILEGE_ESCALATION);
        assert_int_equal(c->drop_all, field != CLAIM_DROP_CAPABILITIES);
        assert_int_equal(c->read_only_root, field != CLAIM_READ_ONLY_ROOT);
        assert_int_equal(fill.pod_seccomp, field != CLAIM_SECCOMP);
        assert_false(c->seccomp);
        assert_int_equal(fill.pod_run_as_non_root, field > CLAIM_RUN_AS_USER);
        assert_int_equal(c->pinned_uid, field > CLAIM_RUN_AS_USER ? 5 : -1);
        assert_true(fill.containers[0].allow_privilege_escalation && fill.containers[0].drop_all &&
                    fill.containers[0].read_only_root && fill.containers[0].resources == 15 &&
                    fill.containers[0].pinned_uid == 5);
        assert_int_equal(fill_claimed(&w, &section, NULL, &a, &text, NULL), 0);
        assert_non_null(text);
        assert_memory_equal(text, name, strlen(name));
        assert_contains(text, " of container two is stated as null by argocd");
    }
}

static void test_a_claimed_user_matters_where_users_are_pinned(void **state)
{
    struct claims claims = {.containers = {[CLAIM_RUN_AS_USER] = 1},
                            .managers = {[CLAIM_RUN_AS_USER] = "argocd"}};
    struct workload_facts w = {.pod = {.containers = both, .containers_count = 1},
                               .claims = &claims};
    struct workloads_section section = {.fill = {.run_as_non_root = true}};
    struct fill_exempt exempt;
    const char *text;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 16);
    fill_leave_claims(&w, &section, NULL, &exempt);
    assert_int_equal(exempt.fields[FILL_RUN_AS_NON_ROOT], 0);
    assert_int_equal(fill_claimed(&w, &section, NULL, &a, &text, NULL), 0);
    assert_null(text);
}

struct asked {
    struct workload_facts w;
    struct workloads_section section;
};

static int ask(void *ctx, struct err *err)
{
    const struct asked *asked = ctx;
    const char *text;
    AUTO_ARENA a;

    arena_init(&a, 1u << 16);
    return fill_claimed(&asked->w, &asked->section, NULL, &a, &text, err);
}

static void test_without_memory_no_claim_is_told(void **state)
{
    struct claims claims = {.containers = {[CLAIM_SECCOMP] = 1},
                            .managers = {[CLAIM_SECCOMP] = "argocd"}};
    struct asked asked = {.w = {.pod = {.containers = both, .containers_count = 1},
                                .claims = &claims},
                          .section = {.fill = {.seccomp = true}}};

    (void)state;
    assert_true(sweep(ask, &asked) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_else_is_filled_in_and_the_owner_is_named),
        TEST(test_what_is_let_go_of_is_filled_in_although_the_template_is_the_same),
        TEST(test_where_all_is_stated_as_null_nothing_is_written),
        TEST(test_a_null_by_force_ends_in_a_word_and_not_in_a_fight),
        TEST(test_what_an_exception_leaves_alone_is_nobodys_fault),
        TEST(test_each_claim_keeps_its_own_field_from_being_filled_in),
        TEST(test_a_claimed_user_matters_where_users_are_pinned),
        TEST(test_without_memory_no_claim_is_told),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

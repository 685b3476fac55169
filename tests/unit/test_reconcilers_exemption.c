/* One answer, every way in which an exception may cover it or not. */
#include "support/unit.h"

#include "rampart/reconcilers/exemption.h"

#define NOW 1000
#define NEVER INT64_MAX
#define WEB 1u /* bits of the containers below */
#define SIDECAR 2u
#define AGENT 4u

static const struct container containers[] = {
    {.name = "web", .role = CONTAINER_MAIN},
    {.name = "sidecar", .role = CONTAINER_SIDECAR},
    {.name = "agent", .role = CONTAINER_EPHEMERAL},
};
static const struct pod_template pod = {.containers = containers,
                                        .containers_count = COUNT_OF(containers)};
static const struct label shop_labels[] = {{"app", "web"}, {"tier", "front"}};
static const struct labels labels = {shop_labels, COUNT_OF(shop_labels)};
static const struct exempt_subject subject = {"web", &labels, &pod};
static const struct rule rule = {.id = "host-ports"};
static const struct workloads_section section = {.is_stated = true};

static const char *host_ports[] = {"host-ports"};
static const char *others[] = {"capabilities-baseline", "privileged"};
static const char *several[] = {"capabilities-baseline", "host-ports", "privileged"};
static const char *web[] = {"web"};
static const char *not_web[] = {"api", "webb"};
static const char *api_and_web[] = {"api", "web"};
static const char *web_and_sidecar[] = {"sidecar", "web"};
static const char *unknown[] = {"nginx"};
static const char *front[] = {"front"};
static const char *back[] = {"back"};
static const struct selector_term front_term = {"tier", SELECTOR_IN, front, 1};
static const struct selector_term back_term = {"tier", SELECTOR_IN, back, 1};

/* Valid, in force for ever, for everything of the subject. */
static struct exception everything(void)
{
    return (struct exception){.object = {.kind = KIND_EXCEPTION, .ns = "shop", .name = "e"},
                              .rules = host_ports,
                              .rules_count = 1,
                              .has_selector = true,
                              .reason = "r",
                              .author = "x",
                              .expires_s = NEVER};
}

static struct rule_answer failing(uint64_t of_containers, bool is_about_pod)
{
    return (struct rule_answer){.outcome = RULE_FAIL,
                                .containers = of_containers,
                                .is_about_pod = is_about_pod};
}

static struct rule_answer ask(const struct rule_answer *answer, const struct exception *e,
                              int64_t now_s, int64_t *ret_until_s)
{
    return exempt(&rule, answer, &subject, &e, 1, &section, now_s, ret_until_s);
}

static bool is_left(const struct rule_answer *answer)
{
    return answer->is_about_pod || answer->containers != 0;
}

/* Whether @e covers a failure of the container web. */
static bool covers_web(const struct exception *e)
{
    struct rule_answer answer = failing(WEB, false);
    int64_t until_s;
    struct rule_answer left = ask(&answer, e, NOW, &until_s);

    assert_int_equal(left.outcome, RULE_FAIL);
    return !is_left(&left);
}

static void test_without_an_exception_everything_is_left(void **state)
{
    struct rule_answer answer = failing(WEB | AGENT, true);
    int64_t until_s = 7;
    struct rule_answer left = exempt(&rule, &answer, &subject, NULL, 0, &section, NOW, &until_s);

    (void)state;
    assert_int_equal(left.outcome, RULE_FAIL);
    assert_int_equal(left.containers, WEB | AGENT);
    assert_true(left.is_about_pod);
    assert_true(until_s == NEVER);
}

static void test_an_exception_without_containers_covers_all_of_them_and_the_pod(void **state)
{
    struct rule_answer answer = failing(WEB | SIDECAR | AGENT, true);
    struct exception e = everything();
    int64_t until_s;
    struct rule_answer left = ask(&answer, &e, NOW, &until_s);

    (void)state;
    assert_false(is_left(&left));
    assert_int_equal(left.outcome, RULE_FAIL); /* it did not pass */
}

static void test_it_is_about_the_rules_that_it_names(void **state)
{
    struct exception e = everything();

    (void)state;
    e.rules = others;
    e.rules_count = COUNT_OF(others);
    assert_false(covers_web(&e));
    e.rules = several;
    e.rules_count = COUNT_OF(several);
    assert_true(covers_web(&e));
}

static void test_selector_and_names_must_both_hold(void **state)
{
    static const struct {
        const struct selector_term *term; /* NULL: {} */
        bool has_selector;
        const char **names;
        size_t names_count;
        bool is_covered;
    } rows[] = {
        {NULL, true, NULL, 0, true},         {&front_term, true, NULL, 0, true},
        {&back_term, true, NULL, 0, false},  {NULL, false, web, 1, true},
        {NULL, false, api_and_web, 2, true}, {NULL, false, not_web, 2, false},
        {&front_term, true, web, 1, true},   {&front_term, true, not_web, 2, false},
        {&back_term, true, web, 1, false},   {&back_term, true, not_web, 2, false},
        {&back_term, false, web, 1, true}, /* a selector that is not stated is not asked */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exception e = everything();

        e.has_selector = rows[i].has_selector;
        e.selector = (struct selector){rows[i].term, rows[i].term ? 1 : 0};
        e.names = rows[i].names;
        e.names_count = rows[i].names_count;
        if (covers_web(&e) != rows[i].is_covered)
            fail_msg("row %zu", i);
    }
}

static void test_an_exception_with_containers_covers_these_and_not_the_pod(void **state)
{
    static const struct {
        const char **names;
        size_t count;
        uint64_t failing;
        bool is_about_pod;
        uint64_t left;
    } rows[] = {
        {web, 1, WEB, false, 0},
        {web, 1, WEB, true, 0},
        {web, 1, SIDECAR, false, SIDECAR},
        {web, 1, WEB | SIDECAR | AGENT, false, SIDECAR | AGENT},
        {web_and_sidecar, 2, WEB | SIDECAR, false, 0},
        {web_and_sidecar, 2, WEB | SIDECAR | AGENT, true, AGENT},
        {web_and_sidecar, 2, 0, true, 0},
        {unknown, 1, WEB, false, WEB},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rule_answer answer = failing(rows[i].failing, rows[i].is_about_pod);
        struct exception e = everything();
        struct rule_answer left;
        int64_t until_s;

        e.containers = rows[i].names;
        e.containers_count = rows[i].count;
        left = ask(&answer, &e, NOW, &until_s);
        if (left.containers != rows[i].left || left.is_about_pod != rows[i].is_about_pod)
            fail_msg("row %zu", i);
    }
}

static void test_containers_of_one_name_are_covered_together(void **state)
{
    struct container twins[] = {{.name = "web"}, {.name = "web"}};
    struct pod_template twin_pod = {.containers = twins, .containers_count = 2};
    struct exempt_subject twin = {"web", &labels, &twin_pod};
    struct rule_answer answer = failing(3, false);
    struct exception e = everything();
    const struct exception *list[] = {&e};
    struct rule_answer left;
    int64_t until_s;

    (void)state;
    e.containers = web;
    e.containers_count = 1;
    left = exempt(&rule, &answer, &twin, list, 1, &section, NOW, &until_s);
    assert_false(is_left(&left));
}

static void test_the_last_container_that_a_pod_may_have_can_be_exempted(void **state)
{
    struct container many[POD_CONTAINERS_MAX];
    struct pod_template big = {.containers = many, .containers_count = POD_CONTAINERS_MAX};
    struct exempt_subject of_big = {"web", &labels, &big};
    struct rule_answer answer = failing(UINT64_MAX, false);
    struct exception e = everything();
    const struct exception *list[] = {&e};
    struct rule_answer left;
    int64_t until_s;

    (void)state;
    for (size_t i = 0; i < POD_CONTAINERS_MAX; i++)
        many[i] = (struct container){.name = i + 1 < POD_CONTAINERS_MAX ? "other" : "web"};
    e.containers = web;
    e.containers_count = 1;
    left = exempt(&rule, &answer, &of_big, list, 1, &section, NOW, &until_s);
    assert_true(left.containers == UINT64_MAX >> 1);
}

static void test_of_a_service_only_an_exception_without_containers_covers_anything(void **state)
{
    struct exempt_subject service = {"web", &labels, NULL};
    struct rule_answer answer = failing(0, true);
    struct exception e = everything();
    const struct exception *list[] = {&e};
    struct rule_answer left;
    int64_t until_s;

    (void)state;
    left = exempt(&rule, &answer, &service, list, 1, &section, NOW, &until_s);
    assert_false(is_left(&left));
    e.containers = web;
    e.containers_count = 1;
    left = exempt(&rule, &answer, &service, list, 1, &section, NOW, &until_s);
    assert_true(left.is_about_pod);
}

static void test_an_exception_ends_with_its_second_of_expiry(void **state)
{
    static const struct {
        int64_t expires_s;
        bool is_covered;
    } rows[] = {{NOW - 1, false}, {NOW, false}, {NOW + 1, true}, {NEVER, true}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exception e = everything();

        e.expires_s = rows[i].expires_s;
        assert_int_equal(covers_web(&e), rows[i].is_covered);
    }
}

static void test_the_time_to_ask_again_is_the_first_expiry_of_what_covers(void **state)
{
    struct exception for_web = everything();
    struct exception for_all = everything();
    struct exception over = everything();
    struct exception other_rule = everything();
    struct exception other_container = everything();
    const struct exception *list[] = {&for_all, &for_web, &over, &other_rule, &other_container};
    struct rule_answer answer = failing(WEB | SIDECAR, false);
    int64_t until_s;

    (void)state;
    for_web.containers = web;
    for_web.containers_count = 1;
    for_web.expires_s = NOW + 50;
    for_all.expires_s = NOW + 90;
    over.expires_s = NOW - 10;
    other_rule.rules = others;
    other_rule.rules_count = COUNT_OF(others);
    other_rule.expires_s = NOW + 5;
    other_container.containers = unknown;
    other_container.containers_count = 1;
    other_container.expires_s = NOW + 5;
    (void)exempt(&rule, &answer, &subject, list, COUNT_OF(list), &section, NOW, &until_s);
    assert_int_equal(until_s, NOW + 50);
    (void)exempt(&rule, &answer, &subject, list, 1, &section, NOW, &until_s);
    assert_int_equal(until_s, NOW + 90);
    (void)exempt(&rule, &answer, &subject, list + 2, 3, &section, NOW, &until_s);
    assert_true(until_s == NEVER);
}

static void test_several_exceptions_add_up(void **state)
{
    struct exception for_web = everything();
    struct exception for_sidecar = everything();
    const struct exception *list[] = {&for_web, &for_sidecar};
    struct rule_answer answer = failing(WEB | SIDECAR, false);
    struct rule_answer left;
    int64_t until_s;

    (void)state;
    for_web.containers = web;
    for_web.containers_count = 1;
    for_sidecar.containers = web_and_sidecar;
    for_sidecar.containers_count = 1; /* "sidecar" alone */
    left = exempt(&rule, &answer, &subject, list, 2, &section, NOW, &until_s);
    assert_false(is_left(&left));
    left = exempt(&rule, &answer, &subject, list, 1, &section, NOW, &until_s);
    assert_int_equal(left.containers, SIDECAR);
}

static void test_an_exception_that_is_invalid_or_goes_covers_nothing(void **state)
{
    struct exception e = everything();

    (void)state;
    assert_true(covers_web(&e));
    e.object.is_deleting = true;
    assert_false(covers_web(&e));
    e.object.is_deleting = false;
    e.invalid = "spec.expiresAt: ...";
    assert_false(covers_web(&e));
}

static void test_a_rule_that_may_not_be_exempted_is_left_whole(void **state)
{
    static const struct {
        struct rule_choice choices[2];
        bool is_covered;
    } rows[] = {
        {{{"a", RULE_MODE_DEFAULT, false}, {"host-ports", RULE_MODE_DEFAULT, false}}, false},
        {{{"a", RULE_MODE_DEFAULT, false}, {"host-ports", RULE_MODE_REQUIRE, true}}, true},
        {{{"a", RULE_MODE_DEFAULT, false}, {"host-ports-x", RULE_MODE_DEFAULT, false}}, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct workloads_section choosy = {.rules = rows[i].choices, .rules_count = 2};
        struct rule_answer answer = failing(WEB, true);
        struct exception e = everything();
        const struct exception *list[] = {&e};
        int64_t until_s;
        struct rule_answer left;

        e.expires_s = NOW + 9;
        left = exempt(&rule, &answer, &subject, list, 1, &choosy, NOW, &until_s);
        assert_int_equal(is_left(&left), !rows[i].is_covered);
        assert_int_equal(left.is_about_pod, !rows[i].is_covered);
        assert_true(until_s == (rows[i].is_covered ? NOW + 9 : NEVER));
    }
}

static void test_only_a_failure_can_be_exempted(void **state)
{
    static const enum rule_outcome outcomes[] = {RULE_NOT_APPLICABLE, RULE_PASS, RULE_ERROR};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        struct rule_answer answer = {.outcome = outcomes[i]};
        struct exception e = everything();
        int64_t until_s;
        struct rule_answer left;

        e.expires_s = NOW + 9;
        left = ask(&answer, &e, NOW, &until_s);
        assert_memory_equal(&left, &answer, sizeof(left));
        assert_true(until_s == NEVER);
    }
}

/* No rule answers so; if one did, its failure must not be taken for an exempted one. */
static void test_a_failure_that_names_no_part_is_one_of_the_whole(void **state)
{
    struct rule_answer answer = failing(0, false);
    struct exception e = everything();
    int64_t until_s;
    struct rule_answer left;

    (void)state;
    left = exempt(&rule, &answer, &subject, NULL, 0, &section, NOW, &until_s);
    assert_true(left.is_about_pod);
    left = ask(&answer, &e, NOW, &until_s);
    assert_false(is_left(&left));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_an_exception_everything_is_left),
        cmocka_unit_test(test_an_exception_without_containers_covers_all_of_them_and_the_pod),
        cmocka_unit_test(test_it_is_about_the_rules_that_it_names),
        cmocka_unit_test(test_selector_and_names_must_both_hold),
        cmocka_unit_test(test_an_exception_with_containers_covers_these_and_not_the_pod),
        cmocka_unit_test(test_containers_of_one_name_are_covered_together),
        cmocka_unit_test(test_the_last_container_that_a_pod_may_have_can_be_exempted),
        cmocka_unit_test(test_of_a_service_only_an_exception_without_containers_covers_anything),
        cmocka_unit_test(test_an_exception_ends_with_its_second_of_expiry),
        cmocka_unit_test(test_the_time_to_ask_again_is_the_first_expiry_of_what_covers),
        cmocka_unit_test(test_several_exceptions_add_up),
        cmocka_unit_test(test_an_exception_that_is_invalid_or_goes_covers_nothing),
        cmocka_unit_test(test_a_rule_that_may_not_be_exempted_is_left_whole),
        cmocka_unit_test(test_only_a_failure_can_be_exempted),
        cmocka_unit_test(test_a_failure_that_names_no_part_is_one_of_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

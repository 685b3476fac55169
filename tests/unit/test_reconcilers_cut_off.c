/* What a default-deny would cut off is said in Audit, before it comes. */
#include "reconcilers_deny.h"

#include <stdio.h>
#include <stdlib.h>

#include "rampart/json/decode.h"
#include "rampart/kube/workload.h"
#include "support/sweep.h"

#define AUDIT(allow) "'network':{'mode':'Audit','allow':{" allow "}}"

static void put_pods(int ready)
{
    world_put(&world, KIND_DEPLOYMENT,
              "{'metadata':{'name':'web','namespace':'shop'},'spec':{'replicas':3,'template':{"
              "'metadata':{'labels':{'app':'web','tier':'front'}},'spec':{'containers':[{'name':"
              "'a','image':'a'}]}}},'status':{'readyReplicas':%d}}",
              ready);
}

/* @spec and @annotations are the members between the braces. */
static void put_service(const char *spec, const char *annotations)
{
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'web','namespace':'shop','annotations':{%s}},'spec':{'selector':"
              "{'app':'web'},'ports':[{'name':'http','port':80,'protocol':'TCP','targetPort':8080}]"
              "%s%s}}",
              annotations, *spec ? "," : "", spec);
}

static void put_scraped(const char *annotations)
{
    world_put(&world, KIND_DAEMON_SET,
              "{'metadata':{'name':'agent','namespace':'shop'},'spec':{'template':{'metadata':{"
              "'annotations':{%s}},'spec':{'containers':[{'name':'a','image':'a'}]}}},'status':{"
              "'numberReady':1,'desiredNumberScheduled':1}}",
              annotations);
}

static const char *said(void)
{
    const struct finding *finding = find(REASON_WOULD_CUT_OFF);

    return finding ? finding->message : "";
}

static size_t count_said(void)
{
    size_t count = 0;

    for (size_t i = 0; i < plan.findings_count; i++)
        count += plan.findings[i].reason == REASON_WOULD_CUT_OFF;
    return count;
}

#define TO_LET_IN                                                                                \
    "; to let it in, add to spec.network.allow.from of SecurityProfile p: {namespaceSelector: {" \
    "matchLabels: {kubernetes.io/metadata.name: NAMESPACE-OF-IT}}, ports: ["

static void test_the_controller_of_an_ingress_is_named_with_its_port_and_its_allow(void **state)
{
    const struct finding *finding;

    (void)state;
    put_pods(3);
    put_service("", "");
    put_profile(AUDIT(""));
    pass();
    assert_string_equal(said(), "");
    world.ingress_to = "web";
    pass();
    assert_string_equal(said(),
                        "Service shop/web: the default-deny would cut off the controller of "
                        "Ingress front, on port 8080" TO_LET_IN "{port: 8080, protocol: TCP}]}");
    finding = find(REASON_WOULD_CUT_OFF);
    assert_true(finding->is_warning && finding->is_about_profile);
    assert_false(finding->counts_as_failed);
    assert_int_equal(finding->object.kind, KIND_SERVICE);
    assert_int_equal(plan.state, VERDICT_DRIFTED);
    assert_int_equal(plan.writes_count, 0);
}

static void test_whoever_comes_from_outside_needs_an_address(void **state)
{
    static const char *const specs[][2] = {
        {"'type':'LoadBalancer'", "the clients of its load balancer"},
        {"'externalIPs':['192.0.2.1']", "the clients of its external IP"},
    };

    (void)state;
    put_pods(3);
    put_profile(AUDIT("'from':[{'namespaceSelector':{}}]"));
    for (size_t i = 0; i < COUNT_OF(specs); i++) {
        char want[512];

        put_service(specs[i][0], "");
        pass();
        (void)snprintf(want, sizeof(want),
                       "Service shop/web: the default-deny would cut off %s, on port 8080; to let "
                       "it in, add to spec.network.allow.from of SecurityProfile p: {ipBlock: "
                       "{cidr: 0.0.0.0/0}, ports: [{port: 8080, protocol: TCP}]}",
                       specs[i][1]);
        assert_string_equal(said(), want);
    }
    put_profile(AUDIT("'from':[{'ipBlock':{'cidr':'10.0.0.0/8'}}]"));
    pass();
    assert_string_equal(said(), "");
}

static void test_scraping_that_annotations_ask_for_is_named(void **state)
{
    (void)state;
    put_pods(3);
    put_service("", "'prometheus.io/scrape':'true','prometheus.io/port':'9100'");
    put_profile(AUDIT(""));
    pass();
    assert_string_equal(said(),
                        "Service shop/web: the default-deny would cut off Prometheus, which "
                        "its annotations ask to scrape it, on port 9100" TO_LET_IN
                        "{port: 9100, protocol: TCP}]}");
    put_service("", "'prometheus.io/scrape':'true'"); /* then on each of its ports */
    pass();
    assert_non_null(strstr(said(), "on port 8080"));
    put_service("", "'prometheus.io/scrape':'false','prometheus.io/port':'9100'");
    put_scraped("'prometheus.io/scrape':'true','prometheus.io/port':'9101'");
    pass();
    assert_int_equal(count_said(), 1);
    assert_non_null(strstr(said(), "DaemonSet shop/agent: the default-deny would cut off "
                                   "Prometheus"));
    assert_non_null(strstr(said(), "on port 9101"));
}

/* Its port is in the container, which is not kept: nothing is said rather than something wrong. */
static void test_scraping_on_a_port_that_is_not_stated_is_not_guessed(void **state)
{
    static const char *const annotations[] = {
        "'prometheus.io/scrape':'true'",
        "'prometheus.io/scrape':'true','prometheus.io/port':'metrics'",
        "'prometheus.io/scrape':'true','prometheus.io/port':'99999'",
        "'prometheus.io/scrape':'true','prometheus.io/port':'0'",
        "'prometheus.io/scrape':'yes','prometheus.io/port':'9100'",
    };

    (void)state;
    put_profile(AUDIT(""));
    for (size_t i = 0; i < COUNT_OF(annotations); i++) {
        put_scraped(annotations[i]);
        pass();
        if (count_said() > 0)
            fail_msg("%s: %s", annotations[i], said());
    }
}

static void test_what_an_entry_lets_in_on_the_port_is_not_said(void **state)
{
    static const struct {
        const char *entry;
        bool is_let_in;
    } rows[] = {
        {"{'podSelector':{}}", true},
        {"{'podSelector':{},'ports':[{'port':8080}]}", true},
        {"{'podSelector':{},'ports':[{'protocol':'TCP'}]}", true},
        {"{'podSelector':{},'ports':[{'port':'http'}]}", true},
        {"{'podSelector':{},'ports':[{'port':8000,'endPort':8080}]}", true},
        {"{'podSelector':{},'ports':[{'port':8081,'endPort':9000}]}", false},
        {"{'podSelector':{},'ports':[{'port':80}]}", false},
        {"{'podSelector':{},'ports':[{'port':8080,'protocol':'UDP'}]}", false},
        {"{'podSelector':{},'ports':[{'port':1},{'port':8080}]}", true},
    };

    (void)state;
    put_pods(3);
    put_service("", "");
    world.ingress_to = "web";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char network[256];

        (void)snprintf(network, sizeof(network), "'network':{'mode':'Audit','allow':{'from':[%s]}}",
                       rows[i].entry);
        put_profile(network);
        pass();
        if ((count_said() == 0) != rows[i].is_let_in)
            fail_msg("%s: %s", rows[i].entry, said());
    }
}

static void test_only_what_works_now_can_be_cut_off(void **state)
{
    (void)state;
    world.ingress_to = "web";
    put_profile(AUDIT(""));
    put_service("", "");
    pass();
    assert_int_equal(count_said(), 0); /* no pods */
    put_pods(0);
    pass();
    assert_int_equal(count_said(), 0); /* none ready */
    put_pods(1);
    pass();
    assert_int_equal(count_said(), 1);
}

static void test_a_service_of_other_pods_or_of_none_is_not_theirs(void **state)
{
    static const char *const selectors[] = {"{}", "{'app':'other'}", "{'app':'web','a':'b'}"};

    (void)state;
    world.ingress_to = "web";
    put_pods(3);
    put_profile(AUDIT(""));
    for (size_t i = 0; i < COUNT_OF(selectors); i++) {
        world_put(&world, KIND_SERVICE,
                  "{'metadata':{'name':'web','namespace':'shop'},'spec':{'selector':%s,'ports':[{"
                  "'port':80,'targetPort':8080}]}}",
                  selectors[i]);
        pass();
        assert_int_equal(count_said(), 0);
    }
}

static void test_where_the_deny_stands_nothing_is_left_to_be_cut_off(void **state)
{
    (void)state;
    world.ingress_to = "web";
    put_service("", "");
    put_profile(BARE);
    (void)converge();
    put_pods(3);
    put_profile(AUDIT(""));
    pass();
    assert_int_equal(count_said(), 0);
    world_remove(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
    pass();
    assert_int_equal(count_said(), 1);
    put_profile("'network':{'mode':'Audit','defaultDeny':['Egress'],'allow':{}}");
    pass();
    assert_int_equal(count_said(), 0);
}

static void test_after_it_was_taken_back_audit_says_what_it_cuts_off(void **state)
{
    (void)state;
    world.ingress_to = "web";
    put_service("", "");
    put_pods(3);
    put_profile(BARE);
    (void)converge();
    put_pods(0);
    (void)converge();
    put_pods(3);
    put_profile(AUDIT(""));
    pass();
    assert_int_equal(count_said(), 1);
}

static void test_it_is_said_of_so_many_and_no_more(void **state)
{
    (void)state;
    put_pods(3);
    for (int i = 0; i < CUT_OFF_MAX + 4; i++)
        world_put(&world, KIND_SERVICE,
                  "{'metadata':{'name':'s%d','namespace':'shop'},'spec':{'type':'LoadBalancer',"
                  "'selector':{'app':'web'},'ports':[{'port':80},{'port':81}]}}",
                  i);
    put_profile(AUDIT(""));
    pass();
    assert_int_equal(count_said(), CUT_OFF_MAX);
    assert_non_null(strstr(said(), "on port 80, 81;"));
    assert_non_null(
        strstr(said(), "ports: [{port: 80, protocol: TCP}, {port: 81, protocol: TCP}]}"));
}

/* A tenant who makes as many Services as he likes must not hold up everybody else's pass. */
static void test_it_is_looked_for_so_long_and_no_longer(void **state)
{
    const size_t workloads_count = 200, services_count = CUT_OFF_LOOKS_MAX / workloads_count;

    (void)state;
    for (size_t i = 0; i < workloads_count; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "a%03zu", i);
        put_workload(KIND_DEPLOYMENT, name, 1, 1, "a");
    }
    put_pods(3);
    put_service("'type':'LoadBalancer'", "");
    put_profile(AUDIT(""));
    pass();
    assert_int_equal(count_said(), 1);
    for (size_t i = 0; i < services_count; i++)
        world_put(&world, KIND_SERVICE,
                  "{'metadata':{'name':'a%03zu','namespace':'shop'},'spec':{'type':'LoadBalancer',"
                  "'selector':{'app':'nobody'},'ports':[{'port':80}]}}",
                  i);
    pass();
    assert_int_equal(count_said(), 0);
}

static int plan_once(void *ctx, struct err *err)
{
    AUTO_ARENA a;
    struct plan swept;

    (void)ctx;
    arena_init(&a, 4u << 20);
    plan_init(&swept, &a);
    return network_plan(&world.view, "shop", &swept, err) < 0 ? -1 : plan_check(&swept, err);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    world.ingress_to = "web";
    put_pods(3);
    put_service("'type':'LoadBalancer'", "'prometheus.io/scrape':'true','prometheus.io/port':'9'");
    put_scraped("'prometheus.io/scrape':'true','prometheus.io/port':'9101'");
    put_profile(AUDIT("'sameNamespace':{}"));
    pass();
    assert_int_equal(count_said(), 4);
    assert_true(sweep(plan_once, NULL) > 0);
}

/* ---- Which changes matter ---- */

static unsigned marked_count;

static void mark_namespace(void *ctx, const char *ns)
{
    (void)ctx;
    assert_string_equal(ns, "shop");
    marked_count++;
}

static unsigned marks_of(const struct object *before, const struct object *after)
{
    const struct dirty dirty = {.mark_namespace = mark_namespace};

    marked_count = 0;
    network_map(&world.view, before, after, &dirty);
    return marked_count;
}

static void test_services_and_workloads_matter_in_audit(void **state)
{
    struct workload_facts web = {
        .object = {.kind = KIND_DEPLOYMENT, .ns = "shop", .name = "web", .uid = "u", .rv = "1"},
        .replicas_ready = 3};
    struct workload_facts fewer = web, none = web, scraped = web, labelled = web;
    struct service_facts service = {
        .object = {.kind = KIND_SERVICE, .ns = "shop", .name = "web", .uid = "u", .rv = "1"}};
    struct service_facts exposed = service, outside = service, asked = service;
    const struct label label = {"app", "web"};

    (void)state;
    fewer.replicas_ready = 1;
    none.replicas_ready = 0;
    scraped.scrape_port = "";
    labelled.pod.labels = (struct labels){&label, 1};
    exposed.is_load_balancer = true;
    outside.external_ip = "192.0.2.1";
    asked.scrape_port = "9100";
    put_profile(BARE);
    pass();
    assert_int_equal(marks_of(&web.object, &none.object), 0);
    assert_int_equal(marks_of(&service.object, &exposed.object), 0);
    put_profile(AUDIT(""));
    pass();
    assert_int_equal(marks_of(&web.object, &fewer.object), 0);
    assert_int_equal(marks_of(&web.object, &none.object), 1);
    assert_int_equal(marks_of(&web.object, &scraped.object), 1);
    assert_int_equal(marks_of(&web.object, &labelled.object), 1);
    assert_int_equal(marks_of(NULL, &web.object), 1);
    assert_int_equal(marks_of(&service.object, &service.object), 0);
    assert_int_equal(marks_of(&service.object, &exposed.object), 1);
    assert_int_equal(marks_of(&service.object, &outside.object), 1);
    assert_int_equal(marks_of(&service.object, &asked.object), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_the_controller_of_an_ingress_is_named_with_its_port_and_its_allow),
        WITH_WORLD(test_whoever_comes_from_outside_needs_an_address),
        WITH_WORLD(test_scraping_that_annotations_ask_for_is_named),
        WITH_WORLD(test_scraping_on_a_port_that_is_not_stated_is_not_guessed),
        WITH_WORLD(test_what_an_entry_lets_in_on_the_port_is_not_said),
        WITH_WORLD(test_only_what_works_now_can_be_cut_off),
        WITH_WORLD(test_a_service_of_other_pods_or_of_none_is_not_theirs),
        WITH_WORLD(test_where_the_deny_stands_nothing_is_left_to_be_cut_off),
        WITH_WORLD(test_after_it_was_taken_back_audit_says_what_it_cuts_off),
        WITH_WORLD(test_it_is_said_of_so_many_and_no_more),
        WITH_WORLD(test_it_is_looked_for_so_long_and_no_longer),
        WITH_WORLD(test_every_allocation_may_fail),
        WITH_WORLD(test_services_and_workloads_matter_in_audit),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

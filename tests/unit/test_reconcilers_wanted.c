/* What a profile wants: which of its allows become policies, and what is cut out of them. */
#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/network.h"
#include "support/world.h"

static struct world world;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    arena_init(&arena, 1024 * 1024);
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'kube-dns','namespace':'kube-system','labels':{'k8s-app':'kube-"
              "dns'}},'spec':{'selector':{'k8s-app':'kube-dns'},'ports':[{'name':'dns','port':53,"
              "'protocol':'UDP','targetPort':53}]}}");
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'kubernetes','namespace':'default','labels':{'kubernetes.io/"
              "service-name':'kubernetes'}},'addressType':'IPv4','ports':[{'port':6443}],"
              "'endpoints':[{'addresses':['203.0.113.10']}]}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    world_done(&world);
    return 0;
}

static struct wanted_list want(const struct profile *profile, const char *ns)
{
    struct wanted_list list;
    struct err err = {0};

    arena_reset(&arena);
    if (network_wanted(&world.view, profile, ns, &arena, &list, &err) < 0)
        fail_msg("%s", err.msg);
    return list;
}

static struct wanted_list want_of(const char *network)
{
    const struct profile *profile;

    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':1},'spec':{'namespaceSelector':{},'network':{%s"
              "}}}",
              network);
    profile = OBJECT_AS(profile, view_get(&world.view, KIND_PROFILE, "", "p"));
    if (profile->invalid)
        fail_msg("%s", profile->invalid);
    return want(profile, "shop");
}

/* The names without their common prefix, and the directions: "default-deny:I allow-to:E ". */
static void assert_wanted(const struct wanted_list *list, const char *want_text)
{
    char got[512] = "";

    for (size_t i = 0; i < list->count; i++) {
        const struct wanted *w = &list->items[i];
        size_t len = strlen(got);

        (void)snprintf(got + len, sizeof(got) - len, "%s:%s%s ", w->name + strlen(POLICY_PREFIX),
                       w->spec.has[INGRESS] ? "I" : "", w->spec.has[EGRESS] ? "E" : "");
    }
    assert_string_equal(got, want_text);
}

#define BLOCK "{'ipBlock':{'cidr':'192.0.2.0/24'}}"
#define EVERY_ALLOW \
    "'allow':{'dns':{},'sameNamespace':{},'apiServer':{},'from':[" BLOCK "],'to':[" BLOCK "]}"

static void test_each_allow_is_a_policy_in_the_directions_that_are_denied(void **state)
{
    static const struct {
        const char *network;
        const char *want;
    } rows[] = {
        {"'defaultDeny':['Ingress'],'allow':{}", "default-deny:I "},
        {"'defaultDeny':['Ingress'],'allow':{'sameNamespace':{},'from':[" BLOCK "]}",
         "default-deny:I allow-from:I allow-same-namespace:I "},
        {"'defaultDeny':['Egress'],'allow':{'dns':{},'sameNamespace':{},'apiServer':{},'to':[" BLOCK
         "]}",
         "default-deny:E allow-api-server:E allow-dns:E allow-same-namespace:E allow-to:E "},
        {EVERY_ALLOW, "default-deny:IE allow-api-server:E allow-dns:E allow-from:I "
                      "allow-same-namespace:IE allow-to:E "},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct wanted_list list = want_of(rows[i].network);

        assert_wanted(&list, rows[i].want);
    }
}

static void test_stated_dns_ports_take_the_place_of_the_services(void **state)
{
    struct wanted_list list =
        want_of("'defaultDeny':['Egress'],'allow':{'dns':{'ports':[{'port':5353,'protocol':'UDP'}]}"
                "}");

    (void)state;
    assert_wanted(&list, "default-deny:E allow-dns:E ");
    assert_non_null(strstr(list.items[1].text, "[{\"port\":5353,\"protocol\":\"UDP\"}]"));
    assert_null(strstr(list.items[1].text, "\"port\":53,"));
}

static void test_named_ports_ranges_and_bare_protocols_are_kept(void **state)
{
    struct wanted_list list = want_of(
        "'defaultDeny':['Egress'],'allow':{'to':[{'ipBlock':{'cidr':'192.0.2.0/24'},'ports':["
        "{'port':'web'},{'port':8000,'endPort':8010},{'protocol':'SCTP'}]}]}");

    (void)state;
    assert_non_null(strstr(list.items[1].text, "{\"port\":\"web\",\"protocol\":\"TCP\"}"));
    assert_non_null(
        strstr(list.items[1].text, "{\"endPort\":8010,\"port\":8000,\"protocol\":\"TCP\"}"));
    assert_non_null(strstr(list.items[1].text, "{\"protocol\":\"SCTP\"}"));
}

/* Whichever blocks are cut out already, the metadata address is, once and in its place. */
static void test_the_metadata_address_joins_the_cut_outs_in_order(void **state)
{
    static const struct {
        const char *except;
        const char *want;
    } rows[] = {
        {"", "[\"169.254.169.254/32\"]"},
        {"'10.0.0.0/8'", "[\"10.0.0.0/8\",\"169.254.169.254/32\"]"},
        {"'192.0.2.0/24'", "[\"169.254.169.254/32\",\"192.0.2.0/24\"]"},
        {"'192.0.2.0/24','10.0.0.0/8'", "[\"10.0.0.0/8\",\"169.254.169.254/32\",\"192.0.2.0/24\"]"},
        {"'169.254.0.0/16'", "[\"169.254.0.0/16\"]"},
        {"'169.254.169.254/32','10.0.0.0/8'", "[\"10.0.0.0/8\",\"169.254.169.254/32\"]"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char network[256], part[128];
        struct wanted_list list;

        (void)snprintf(network, sizeof(network),
                       "'defaultDeny':['Egress'],'allow':{'to':[{'ipBlock':{'cidr':'0.0.0.0/0',"
                       "'except':[%s]}}]}",
                       rows[i].except);
        list = want_of(network);
        (void)snprintf(part, sizeof(part), "\"except\":%s", rows[i].want);
        if (!strstr(list.items[1].text, part))
            fail_msg("%s is not in %s", part, list.items[1].text);
    }
}

/* The decoder lets no such text through; were it to, nothing is cut out of it and nothing is lost.
 */
static void test_a_text_that_is_no_block_holds_no_other(void **state)
{
    static const char *const excepts[] = {"nonsense"};
    const struct net_peer peers[] = {
        {.cidr = "nonsense"},
        {.cidr = "0.0.0.0/0", .except = (const char **)(uintptr_t)excepts, .except_count = 1},
    };
    const struct net_rule rule = {.peers = peers, .peers_count = 2};
    struct profile profile = {.object = {.name = "p", .uid = "u"},
                              .network = {.is_stated = true,
                                          .denies_egress = true,
                                          .cuts_metadata = true,
                                          .to = &rule,
                                          .to_count = 1}};
    struct wanted_list list = want(&profile, "shop");

    (void)state;
    assert_non_null(strstr(list.items[1].text, "{\"ipBlock\":{\"cidr\":\"nonsense\"}}"));
    assert_non_null(strstr(list.items[1].text, "[\"169.254.169.254/32\",\"nonsense\"]"));
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_each_allow_is_a_policy_in_the_directions_that_are_denied),
        WITH_WORLD(test_stated_dns_ports_take_the_place_of_the_services),
        WITH_WORLD(test_named_ports_ranges_and_bare_protocols_are_kept),
        WITH_WORLD(test_the_metadata_address_joins_the_cut_outs_in_order),
        WITH_WORLD(test_a_text_that_is_no_block_holds_no_other),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

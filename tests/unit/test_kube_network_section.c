#include "kube_fixture.h"

#include "rampart/kube/network_section.h"

/* @network are the members of spec.network, with ' for ". */
static int decode(struct arena *a, const char *network, struct network_section *section,
                  struct err *err)
{
    char text[4096];
    json_t *root;
    int r;

    (void)snprintf(text, sizeof(text), "{'network':{%s}}", network);
    root = json_of(text);
    r = network_section_decode(root, MODE_ENFORCE, a, section, err);
    json_decref(root);
    return r;
}

static struct network_section section_of(struct arena *a, const char *network)
{
    struct network_section section;
    struct err err = {0};

    if (decode(a, network, &section, &err) < 0)
        fail_msg("%s: %s", network, err.msg);
    return section;
}

static void test_section_of_the_fixture(void **state)
{
    json_t *root = fixture_json("profile.json");
    struct network_section net;
    struct err err = {0};

    if (network_section_decode(json_object_get(root, "spec"), MODE_ENFORCE, *state, &net, &err) < 0)
        fail_msg("%s", err.msg);
    json_decref(root);
    assert_true(net.is_stated);
    assert_int_equal(net.mode, MODE_AUDIT);
    assert_true(net.denies_ingress);
    assert_true(net.denies_egress);
    assert_true(net.allows_dns);
    assert_int_equal(net.dns_servers_count, 1);
    assert_string_equal(net.dns_servers[0].cidr, "169.254.20.10/32");
    assert_int_equal(net.dns_ports_count, 2);
    assert_int_equal(net.dns_ports[0].protocol, PROTOCOL_UDP);
    assert_int_equal(net.dns_ports[1].protocol, PROTOCOL_TCP);
    assert_int_equal(net.dns_ports[1].number, 53);
    assert_true(net.allows_same_namespace);
    assert_true(net.allows_api_server);
    assert_true(net.cuts_metadata);
    assert_int_equal(net.from_count, 1);
    assert_int_equal(net.from[0].peers_count, 1);
    assert_int_equal(net.from[0].peers[0].namespaces->terms_count, 1);
    assert_int_equal(net.from[0].peers[0].pods->terms_count, 1);
    assert_null(net.from[0].peers[0].cidr);
    assert_int_equal(net.from[0].ports_count, 2);
    assert_string_equal(net.from[0].ports[0].name, "http");
    assert_int_equal(net.from[0].ports[0].number, 0);
    assert_int_equal(net.from[0].ports[1].number, 8443);
    assert_int_equal(net.to_count, 2);
    assert_string_equal(net.to[0].peers[0].cidr, "0.0.0.0/0");
    assert_int_equal(net.to[0].peers[0].except_count, 2);
    assert_string_equal(net.to[0].peers[0].except[0], "10.0.0.0/8");
    assert_string_equal(net.to[0].peers[0].except[1], "192.168.0.0/16");
    assert_int_equal(net.to[0].ports[0].number, 30000);
    assert_int_equal(net.to[0].ports[0].end, 32767);
    assert_null(net.to[1].peers[0].namespaces);
    assert_int_equal(net.to[1].peers[0].pods->terms_count, 0);
    assert_int_equal(net.to[1].ports_count, 0);
}

static void test_section_that_is_absent_is_not_stated(void **state)
{
    static const char *const texts[] = {"{}", "{'network':null}"};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_t *root = json_of(texts[i]);
        struct network_section net;

        assert_int_equal(network_section_decode(root, MODE_ENFORCE, *state, &net, NULL), 0);
        assert_false(net.is_stated);
        assert_false(net.denies_ingress);
        assert_false(net.denies_egress);
        json_decref(root);
    }
}

static void test_section_defaults(void **state)
{
    struct network_section net = section_of(*state, "");

    assert_true(net.is_stated);
    assert_int_equal(net.mode, MODE_ENFORCE);
    assert_true(net.denies_ingress);
    assert_true(net.denies_egress);
    assert_false(net.allows_dns);
    assert_false(net.allows_same_namespace);
    assert_false(net.allows_api_server);
    assert_true(net.cuts_metadata);
    assert_int_equal(net.from_count, 0);
    assert_int_equal(net.to_count, 0);
    assert_int_equal(net.rollout.deadline_s, 300);
    assert_int_equal(net.rollout.unready_percent_max, 20);
    assert_int_equal(net.rollout.on_failure, ON_FAILURE_REVERT);
}

static void test_rollout_is_as_stated(void **state)
{
    struct network_section net =
        section_of(*state, "'rollout':{'progressDeadlineSeconds':3600,'maxUnreadyPercent':0,"
                           "'onFailure':'Keep'}");

    assert_int_equal(net.rollout.deadline_s, 3600);
    assert_int_equal(net.rollout.unready_percent_max, 0);
    assert_int_equal(net.rollout.on_failure, ON_FAILURE_KEEP);
    net = section_of(*state, "'rollout':{'progressDeadlineSeconds':30,'maxUnreadyPercent':99,"
                             "'onFailure':'Revert'}");
    assert_int_equal(net.rollout.deadline_s, 30);
    assert_int_equal(net.rollout.unready_percent_max, 99);
    assert_int_equal(net.rollout.on_failure, ON_FAILURE_REVERT);
}

static void test_default_deny_states_directions(void **state)
{
    static const struct {
        const char *network;
        bool ingress;
        bool egress;
    } rows[] = {
        {"'defaultDeny':null", true, true},
        {"'defaultDeny':['Ingress']", true, false},
        {"'defaultDeny':['Egress']", false, true},
        {"'defaultDeny':['Egress','Ingress']", true, true},
        {"'defaultDeny':['Egress','Egress']", false, true},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct network_section net = section_of(*state, rows[i].network);

        assert_int_equal(net.denies_ingress, rows[i].ingress);
        assert_int_equal(net.denies_egress, rows[i].egress);
    }
}

static void test_metadata_api_is_cut_unless_stated_otherwise(void **state)
{
    assert_true(section_of(*state, "'allow':{}").cuts_metadata);
    assert_true(section_of(*state, "'allow':{'metadataAPI':{}}").cuts_metadata);
    assert_true(section_of(*state, "'allow':{'metadataAPI':{'deny':true}}").cuts_metadata);
    assert_false(section_of(*state, "'allow':{'metadataAPI':{'deny':false}}").cuts_metadata);
}

static void test_dns_without_servers_is_the_clusters_own(void **state)
{
    struct network_section net = section_of(*state, "'allow':{'dns':{}}");

    assert_true(net.allows_dns);
    assert_int_equal(net.dns_servers_count, 0);
    assert_int_equal(net.dns_ports_count, 0);
}

/* A policy that cut it out again would leave the pods without DNS. */
static void test_dns_server_is_not_the_metadata_address_that_is_cut_out(void **state)
{
    static const struct {
        const char *servers;
        const char *deny;
        const char *refused; /* the server; NULL: fine */
    } rows[] = {
        {"{'podSelector':{}},{'ipBlock':{'cidr':'169.254.169.254/32'}}", "true",
         "servers[1].ipBlock.cidr: 169.254.169.254/32"},
        {"{'ipBlock':{'cidr':'fd00:ec2::254/128'}}", "null",
         "servers[0].ipBlock.cidr: fd00:ec2::254/128"},
        {"{'ipBlock':{'cidr':'169.254.169.254/32'}}", "false", NULL},
        {"{'ipBlock':{'cidr':'169.254.20.10/32'}}", "true", NULL},
        /* The rest of a larger block stays. */
        {"{'ipBlock':{'cidr':'169.254.0.0/16'}}", "true", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char network[512];
        struct network_section net;
        struct err err = {0};

        (void)snprintf(network, sizeof(network),
                       "'allow':{'metadataAPI':{'deny':%s},'dns':{'servers':[%s]}}", rows[i].deny,
                       rows[i].servers);
        assert_int_equal(decode(*state, network, &net, &err), rows[i].refused ? -1 : 0);
        if (rows[i].refused) {
            assert_int_equal(err.code, ERR_INVALID);
            assert_contains(err.msg, rows[i].refused);
        }
    }
}

static void test_allow_needs_the_deny_of_its_direction(void **state)
{
    static const struct {
        const char *network;
        const char *field; /* NULL: fine */
    } rows[] = {
        {"'defaultDeny':['Egress'],'allow':{'from':[{'podSelector':{}}]}", "from"},
        {"'defaultDeny':['Ingress'],'allow':{'to':[{'podSelector':{}}]}", "to"},
        {"'defaultDeny':['Ingress'],'allow':{'dns':{}}", "dns"},
        {"'defaultDeny':['Ingress'],'allow':{'apiServer':{}}", "apiServer"},
        {"'defaultDeny':['Ingress'],'allow':{'sameNamespace':{}}", NULL},
        {"'defaultDeny':['Egress'],'allow':{'sameNamespace':{}}", NULL},
        {"'defaultDeny':['Ingress'],'allow':{'from':[{'podSelector':{}}]}", NULL},
        {"'defaultDeny':['Egress'],'allow':{'to':[{'podSelector':{}}],'dns':{},'apiServer':{}}",
         NULL},
        {"'defaultDeny':['Ingress'],'allow':{'to':[],'dns':null}", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct network_section net;
        struct err err = {0};
        char msg[ERR_MSG_MAX];
        const char *direction =
            rows[i].field && strcmp(rows[i].field, "from") == 0 ? "Ingress" : "Egress";

        if (!rows[i].field) {
            assert_int_equal(decode(*state, rows[i].network, &net, &err), 0);
            continue;
        }
        (void)
            snprintf(msg, sizeof(msg),
                     "network.allow.%s: needs %s in defaultDeny, because a policy that allows some "
                     "%s cuts off all other; add %s to spec.network.defaultDeny, or remove %s",
                     rows[i].field, direction, *direction == 'I' ? "ingress" : "egress", direction,
                     rows[i].field);
        assert_int_equal(decode(*state, rows[i].network, &net, &err), -1);
        assert_string_equal(err.msg, msg);
    }
}

static void test_errors_name_the_path_and_the_remedy(void **state)
{
    static const struct {
        const char *network;
        const char *msg;
    } rows[] = {
        {"'mode':'On'", "mode: \"On\" is unknown; expected Audit, Enforce or Off"},
        {"'defaultDeny':[]",
         "defaultDeny: is empty; name Ingress, Egress or both, or set network.mode to Off"},
        {"'defaultDeny':'Ingress'", "defaultDeny: expected an array, got a string"},
        {"'defaultDeny':['Ingress','ingress']", "defaultDeny[1]: expected Ingress or Egress"},
        {"'defaultDeny':[5]", "defaultDeny[0]: expected Ingress or Egress"},
        {"'allow':[]", "allow: expected an object, got an array"},
        {"'allow':{'dns':true}", "allow.dns: expected an object, got a boolean"},
        {"'allow':{'dns':{'servers':{}}}", "allow.dns.servers: expected an array, got an object"},
        {"'allow':{'dns':{'servers':[5]}}", "allow.dns.servers[0]: expected an object"},
        {"'allow':{'dns':{'servers':[{}]}}", "allow.dns.servers[0]: names no peer; state ipBlock, "
                                             "namespaceSelector or podSelector ({} is "
                                             "every one)"},
        {"'allow':{'dns':{'ports':[{'port':0}]}}",
         "allow.dns.ports[0].port: expected an integer 1..65535, got 0"},
        {"'allow':{'sameNamespace':5}", "allow.sameNamespace: expected an object, got an integer"},
        {"'allow':{'apiServer':[]}", "allow.apiServer: expected an object, got an array"},
        {"'allow':{'metadataAPI':true}", "allow.metadataAPI: expected an object, got a boolean"},
        {"'allow':{'metadataAPI':{'deny':'no'}}",
         "allow.metadataAPI.deny: expected true or false, got a string"},
        {"'allow':{'from':{}}", "allow.from: expected an array, got an object"},
        {"'allow':{'to':[null]}", "allow.to[0]: expected an object"},
        {"'allow':{'to':[{'ports':[{'port':1}]}]}",
         "allow.to[0]: names no peer; state ipBlock, namespaceSelector or podSelector ({} is every "
         "one)"},
        {"'allow':{'to':[{'podSelector':{}},{'ipBlock':{'cidr':'10.0.0.0/8'},'podSelector':{}}]}",
         "allow.to[1].ipBlock: cannot stand beside a selector; make two entries of it"},
        {"'allow':{'to':[{'ipBlock':{'cidr':'10.0.0.0/8'},'namespaceSelector':{}}]}",
         "allow.to[0].ipBlock: cannot stand beside a selector; make two entries of it"},
        {"'allow':{'from':[{'podSelector':5}]}",
         "allow.from[0].podSelector: expected an object, got an integer"},
        {"'allow':{'from':[{'namespaceSelector':{'matchExpressions':[{'key':'a'}]}}]}",
         "allow.from[0].namespaceSelector.matchExpressions[0].operator: expected a string, got "
         "nothing"},
        {"'allow':{'from':[{'podSelector':{'matchExpressions':[{'key':'team','operator':'In','"
         "values':"
         "['a']},{'key':'team','operator':'NotIn','values':['a']}]}}]}",
         "allow.from[0].podSelector: team: In [a] and NotIn [a] can never match; mend it or remove "
         "the "
         "entry"},
        {"'allow':{'to':[{'ipBlock':{}}]}",
         "allow.to[0].ipBlock.cidr: expected a string, got nothing"},
        {"'allow':{'to':[{'ipBlock':{'cidr':'10.0.0.0'}}]}",
         "allow.to[0].ipBlock.cidr: \"10.0.0.0\" is no CIDR: it has no prefix length; write it "
         "like "
         "10.0.0.0/8 or fd00::/8"},
        {"'allow':{'to':[{'ipBlock':{'cidr':'10.0.0.1/8'}}]}",
         "allow.to[0].ipBlock.cidr: \"10.0.0.1/8\" has bits set beyond the prefix length; write "
         "10.20.0.0/16 for a block, or 10.20.3.4/32 for one address"},
        {"'allow':{'to':[{'ipBlock':{'cidr':'10.0.0.0/8','except':['x']}}]}",
         "allow.to[0].ipBlock.except[0]: \"x\" is no CIDR: it has no prefix length; write it like "
         "10.0.0.0/8 or fd00::/8"},
        {"'allow':{'to':[{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.1.0.0/16','11.0.0.0/"
         "16']}}]}",
         "allow.to[0].ipBlock.except[1]: \"11.0.0.0/16\" is not a part of cidr; name a smaller "
         "block "
         "inside it, or remove it"},
        {"'allow':{'to':[{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.0.0.0/8']}}]}",
         "allow.to[0].ipBlock.except[0]: \"10.0.0.0/8\" is not a part of cidr; name a smaller "
         "block "
         "inside it, or remove it"},
        {"'allow':{'to':[{'ipBlock':{'cidr':'0.0.0.0/0','except':['fd00::/8']}}]}",
         "allow.to[0].ipBlock.except[0]: \"fd00::/8\" is not of the family of cidr; IPv4 and IPv6 "
         "take "
         "an ipBlock each"},
        {"'allow':{'to':[{'podSelector':{},'ports':[{'protocol':'ICMP'}]}]}",
         "allow.to[0].ports[0].protocol: \"ICMP\" is unknown; expected TCP, UDP or SCTP"},
        {"'allow':{'to':[{'podSelector':{},'ports':[{'port':65536}]}]}",
         "allow.to[0].ports[0].port: expected an integer 1..65535, got 65536"},
        {"'allow':{'to':[{'podSelector':{},'ports':[{'port':80.5}]}]}",
         "allow.to[0].ports[0].port: expected an integer 1..65535, got a number with a fraction"},
        {"'allow':{'to':[{'podSelector':{},'ports':[{'port':'80'}]}]}",
         "allow.to[0].ports[0].port: \"80\" is no container port name; write a number without "
         "quotes, "
         "or a name of at most 15 lower-case letters, digits and '-'"},
        {"'allow':{'to':[{'podSelector':{},'ports':[{'port':80},{'port':90,'endPort':89}]}]}",
         "allow.to[0].ports[1].endPort: 89 is below port 90; swap them"},
        {"'allow':{'to':[{'podSelector':{},'ports':[{'endPort':89}]}]}",
         "allow.to[0].ports[0].endPort: needs a number in port; state it or remove endPort"},
        {"'allow':{'to':[{'podSelector':{},'ports':[{'port':'http','endPort':89}]}]}",
         "allow.to[0].ports[0].endPort: needs a number in port; state it or remove endPort"},
        {"'rollout':[]", "rollout: expected an object, got an array"},
        {"'rollout':{'progressDeadlineSeconds':29}",
         "rollout.progressDeadlineSeconds: expected an integer 30..3600, got 29"},
        {"'rollout':{'progressDeadlineSeconds':3601}",
         "rollout.progressDeadlineSeconds: expected an integer 30..3600, got 3601"},
        {"'rollout':{'maxUnreadyPercent':100}",
         "rollout.maxUnreadyPercent: expected an integer 0..99, got 100"},
        {"'rollout':{'onFailure':5}", "rollout.onFailure: expected a string"},
        {"'rollout':{'onFailure':'Pause'}",
         "rollout.onFailure: \"Pause\" is unknown; expected Revert or Keep"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct network_section net = {.from_count = 99};
        struct err err = {0};
        char msg[ERR_MSG_MAX];

        (void)snprintf(msg, sizeof(msg), "network.%s", rows[i].msg);
        assert_int_equal(decode(*state, rows[i].network, &net, &err), -1);
        assert_string_equal(err.msg, msg);
        assert_int_equal(err.code, ERR_INVALID);
        assert_int_equal(net.from_count, 99);
    }
}

static void test_container_port_names_are_checked_as_the_api_server_does(void **state)
{
    static const struct {
        const char *name;
        bool is_valid;
    } rows[] = {
        {"http", true},
        {"a", true},
        {"8a", true},
        {"a0-z9", true},
        {"a-b-c", true},
        {"abcdefghijklmno", true},
        {"", false},
        {"80", false},
        {"-a", false},
        {"a-", false},
        {"a--b", false},
        {"Http", false},
        {"a_b", false},
        {"a b", false},
        {"a.b", false},
        {"a~b", false},
        {"abcdefghijklmnop", false},
        {"\xc3\xa4", false},
        {"1-2", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char network[256];
        struct network_section net;
        struct err err = {0};

        (void)snprintf(network, sizeof(network),
                       "'allow':{'to':[{'podSelector':{},'ports':[{'port':'%s'}]}]}", rows[i].name);
        if (decode(*state, network, &net, &err) != (rows[i].is_valid ? 0 : -1))
            fail_msg("%s", rows[i].name);
    }
}

static void test_a_range_of_ports_may_be_one_port(void **state)
{
    struct network_section net =
        section_of(*state,
                   "'allow':{'to':[{'podSelector':{},'ports':[{'port':80,'endPort':80}]}]}");

    assert_int_equal(net.to[0].ports[0].number, 80);
    assert_int_equal(net.to[0].ports[0].end, 80);
}

static void test_port_may_be_every_port_of_a_protocol(void **state)
{
    struct network_section net =
        section_of(*state, "'allow':{'to':[{'podSelector':{},'ports':[{'protocol':'SCTP'},{}]}]}");

    assert_int_equal(net.to[0].ports_count, 2);
    assert_int_equal(net.to[0].ports[0].protocol, PROTOCOL_SCTP);
    assert_int_equal(net.to[0].ports[0].number, 0);
    assert_null(net.to[0].ports[0].name);
    assert_int_equal(net.to[0].ports[1].protocol, PROTOCOL_TCP);
}

/* {"network":{"allow":{..}}} around @allow, which is taken. */
static json_t *allow_around(json_t *allow)
{
    return json_pack("{s:{s:o}}", "network", "allow", allow);
}

static json_t *times(size_t count, const char *element)
{
    json_t *arr = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(arr, json_of(element));
    return arr;
}

static json_t *at_path(int which, size_t count)
{
    switch (which) {
    case 0:
        return allow_around(json_pack("{s:o}", "from", times(count, "{'podSelector':{}}")));
    case 1:
        return allow_around(json_pack("{s:o}", "to", times(count, "{'podSelector':{}}")));
    case 2:
        return allow_around(json_pack("{s:[{s:{},s:o}]}", "to", "podSelector", "ports",
                                      times(count, "{'port':1}")));
    case 3:
        return allow_around(json_pack("{s:[{s:{s:s,s:o}}]}", "to", "ipBlock", "cidr", "0.0.0.0/0",
                                      "except", times(count, "'10.0.0.0/8'")));
    case 4:
        return allow_around(
            json_pack("{s:{s:o}}", "dns", "servers", times(count, "{'podSelector':{}}")));
    default:
        return allow_around(json_pack("{s:{s:o}}", "dns", "ports", times(count, "{'port':53}")));
    }
}

static void test_lists_end_at_their_ceilings(void **state)
{
    static const size_t maxima[] = {PROFILE_RULES_MAX,  PROFILE_RULES_MAX,       PROFILE_PORTS_MAX,
                                    PROFILE_EXCEPT_MAX, PROFILE_DNS_SERVERS_MAX, PROFILE_PORTS_MAX};

    for (int i = 0; i < (int)COUNT_OF(maxima); i++) {
        json_t *most = at_path(i, maxima[i]);
        json_t *more = at_path(i, maxima[i] + 1);
        struct network_section net;
        struct err err = {0};

        assert_int_equal(network_section_decode(most, MODE_AUDIT, *state, &net, &err), 0);
        assert_int_equal(network_section_decode(more, MODE_AUDIT, *state, &net, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, "expected at most");
        json_decref(most);
        json_decref(more);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_section_of_the_fixture),
        ARENA_TEST(test_section_that_is_absent_is_not_stated),
        ARENA_TEST(test_section_defaults),
        ARENA_TEST(test_rollout_is_as_stated),
        ARENA_TEST(test_default_deny_states_directions),
        ARENA_TEST(test_metadata_api_is_cut_unless_stated_otherwise),
        ARENA_TEST(test_dns_without_servers_is_the_clusters_own),
        ARENA_TEST(test_dns_server_is_not_the_metadata_address_that_is_cut_out),
        ARENA_TEST(test_allow_needs_the_deny_of_its_direction),
        ARENA_TEST(test_errors_name_the_path_and_the_remedy),
        ARENA_TEST(test_container_port_names_are_checked_as_the_api_server_does),
        ARENA_TEST(test_a_range_of_ports_may_be_one_port),
        ARENA_TEST(test_port_may_be_every_port_of_a_protocol),
        ARENA_TEST(test_lists_end_at_their_ceilings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

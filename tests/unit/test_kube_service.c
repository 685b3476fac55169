#include "kube_fixture.h"

#include "rampart/kube/decode.h"
#include "support/projected.h"

#define META_NS "'metadata':{'name':'x','namespace':'shop','uid':'u','resourceVersion':'1'}"

static void test_service_of_the_cluster_dns(void **state)
{
    json_t *root = fixture_json("service_dns.json");
    const struct service_facts *svc =
        OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));

    json_decref(root);
    assert_string_equal(svc->object.ns, "kube-system");
    assert_string_equal(svc->object.name, "kube-dns");
    assert_string_equal(labels_get(&svc->labels, "kubernetes.io/name"), "CoreDNS");
    assert_int_equal(svc->selector.count, 1);
    assert_string_equal(labels_get(&svc->selector, "k8s-app"), "kube-dns");
    assert_false(svc->is_external_name);
    assert_int_equal(svc->cluster_ips_count, 1);
    assert_string_equal(svc->cluster_ips[0], "10.0.0.10");
    assert_int_equal(svc->ports_count, 3);
    assert_string_equal(svc->ports[0].name, "dns");
    assert_int_equal(svc->ports[0].protocol, PROTOCOL_UDP);
    assert_int_equal(svc->ports[0].port, 53);
    assert_int_equal(svc->ports[0].target_number, 53);
    assert_null(svc->ports[0].target_name);
    assert_int_equal(svc->ports[1].protocol, PROTOCOL_TCP);
    assert_int_equal(svc->ports[1].target_number, 0);
    assert_string_equal(svc->ports[1].target_name, "dns-tcp");
    assert_int_equal(svc->ports[2].target_number, 9153);
}

static void test_service_without_cluster_ip_has_none(void **state)
{
    static const char *const names[] = {"service_headless.json", "service_external_name.json"};

    for (size_t i = 0; i < 2; i++) {
        json_t *root = fixture_json(names[i]);
        const struct service_facts *svc =
            OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));

        assert_int_equal(svc->cluster_ips_count, 0);
        assert_int_equal(svc->selector.count, 0);
        assert_int_equal(svc->is_external_name, i == 1);
        json_decref(root);
    }
}

static void test_service_target_port_defaults_to_the_port(void **state)
{
    static const struct {
        const char *port;
        unsigned number;
        const char *name;
    } rows[] = {
        {"{'port':80}", 80, NULL},
        {"{'port':80,'targetPort':null}", 80, NULL},
        {"{'port':80,'targetPort':0}", 80, NULL},
        {"{'port':80,'targetPort':''}", 80, NULL},
        {"{'port':80,'targetPort':8080}", 8080, NULL},
        {"{'port':80,'targetPort':'http'}", 0, "http"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        const struct service_facts *svc;
        json_t *root;

        (void)snprintf(text, sizeof(text),
                       "{" META_NS ",'spec':{'clusterIP':'10.0.0.9','ports':[%s]}}", rows[i].port);
        root = json_of(text);
        svc = OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));
        json_decref(root);
        assert_int_equal(svc->ports[0].target_number, rows[i].number);
        if (rows[i].name)
            assert_string_equal(svc->ports[0].target_name, rows[i].name);
        else
            assert_null(svc->ports[0].target_name);
        assert_string_equal(svc->ports[0].name, "");
        assert_string_equal(svc->cluster_ips[0], "10.0.0.9");
    }
}

static void test_endpoint_slice_keeps_addresses_of_the_api_server_alone(void **state)
{
    json_t *dns = fixture_json("slice_dns.json");
    json_t *api = fixture_json("slice_kubernetes.json");
    const struct slice_facts *slice =
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, dns, *state));

    assert_string_equal(slice->service, "kube-dns");
    assert_int_equal(slice->ports_count, 3);
    assert_string_equal(slice->ports[0].name, "dns");
    assert_int_equal(slice->ports[0].protocol, PROTOCOL_UDP);
    assert_int_equal(slice->ports[0].port, 5353);
    assert_int_equal(slice->addresses_count, 0);
    slice = OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, api, *state));
    assert_string_equal(slice->service, "kubernetes");
    assert_int_equal(slice->addresses_count, 2);
    assert_string_equal(slice->addresses[0], "203.0.113.11");
    assert_string_equal(slice->addresses[1], "203.0.113.12");
    assert_false(slice->is_ipv6);
    json_decref(dns);
    json_decref(api);
}

static void test_endpoint_slice_may_leave_nearly_everything_out(void **state)
{
    json_t *root = json_of("{" META_NS ",'addressType':'IPv6','ports':[{}],'endpoints':null}");
    const struct slice_facts *slice =
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, root, *state));

    json_decref(root);
    assert_string_equal(slice->service, "");
    assert_true(slice->is_ipv6);
    assert_int_equal(slice->ports_count, 1);
    assert_string_equal(slice->ports[0].name, "");
    assert_int_equal(slice->ports[0].port, 0);
}

static void test_addresses_of_all_endpoints_end_at_their_ceiling(void **state)
{
    json_t *addresses = json_array();
    json_t *endpoint = json_pack("{s:O}", "addresses", addresses);
    json_t *endpoints = json_array();
    json_t *root =
        json_of("{'metadata':{'name':'x','namespace':'default','uid':'u',"
                "'resourceVersion':'1','labels':{'kubernetes.io/service-name':'kubernetes'}"
                "}}");

    for (int i = 0; i < 100; i++)
        json_array_append_new(addresses, json_sprintf("10.0.0.%d", i));
    for (int i = 0; i < SLICE_ADDRESSES_MAX / 100; i++)
        json_array_append(endpoints, endpoint);
    json_object_set(root, "endpoints", endpoints);
    assert_int_equal(
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, root, *state))->addresses_count, 100);
    json_array_append(endpoints, endpoint);
    /* Some of them would be taken for all. */
    assert_int_equal(
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, root, *state))->addresses_count, 0);
    json_decref(root);
    json_decref(endpoints);
    json_decref(endpoint);
    json_decref(addresses);
}

/* Whoever made them undecodable would make the cache keep the ones before. */
static void test_odd_fields_of_a_service_are_left_out(void **state)
{
    static const struct {
        const char *spec;
        size_t ports;
        size_t ips;
    } rows[] = {
        {"5", 0, 0},
        {"{'ports':[{'port':80},{'name':'a'},{'port':81}]}", 2, 0},
        {"{'ports':[{'port':65536},{'port':80,'targetPort':true}]}", 0, 0},
        {"{'ports':[{'port':80,'protocol':'tcp'},null,5]}", 0, 0},
        {"{'ports':{}}", 0, 0},
        {"{'clusterIPs':[5,'10.0.0.1']}", 0, 1},
        {"{'clusterIPs':['','None','10.0.0.1']}", 0, 1},
        {"{'clusterIP':'1234567890123456789012345678901234567890123456789012345678901234'}", 0, 1},
        {"{'clusterIP':'12345678901234567890123456789012345678901234567890123456789012345'}", 0, 0},
        {"{'clusterIP':5,'type':[]}", 0, 0},
        {"{'selector':{'a':5}}", 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        json_t *root;
        const struct service_facts *svc;

        (void)snprintf(text, sizeof(text), "{" META_NS ",'spec':%s}", rows[i].spec);
        root = json_of(text);
        svc = OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));
        json_decref(root);
        assert_int_equal(svc->ports_count, rows[i].ports);
        assert_int_equal(svc->cluster_ips_count, rows[i].ips);
        assert_int_equal(svc->selector.count, 0);
    }
}

static void test_odd_fields_of_a_slice_are_left_out(void **state)
{
    static const struct {
        const char *members;
        size_t ports;
        size_t addresses;
    } rows[] = {
        {"'addressType':4,'endpoints':[{'addresses':['10.0.0.1',5]},7]", 0, 1},
        {"'endpoints':[{'addresses':5}]", 0, 0},
        {"'endpoints':[{'addresses':['',"
         "'1234567890123456789012345678901234567890123456789012345678901234',"
         "'12345678901234567890123456789012345678901234567890123456789012345']}]",
         0, 1},
        {"'ports':[5,null,{'port':443}],'endpoints':[{'addresses':['10.0.0.1']}]", 1, 1},
        {"'ports':[{'port':-1},{'port':443}],'endpoints':[{'addresses':['10.0.0.1']}]", 1, 1},
        /* No port left would mean every port. */
        {"'ports':[{'port':-1}],'endpoints':[{'addresses':['10.0.0.1']}]", 0, 0},
        {"'addressType':'FQDN','endpoints':[{'addresses':['example.org']}]", 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        json_t *root;
        const struct slice_facts *slice;

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'x','namespace':'default','uid':'u','resourceVersion':"
                       "'1','labels':{'kubernetes.io/service-name':'kubernetes'}},%s}",
                       rows[i].members);
        root = json_of(text);
        slice = OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, root, *state));
        json_decref(root);
        assert_int_equal(slice->ports_count, rows[i].ports);
        assert_int_equal(slice->addresses_count, rows[i].addresses);
    }
}

static void test_ports_end_at_their_ceilings(void **state)
{
    json_t *svc =
        many("{" META_NS ",'spec':{}}", "spec", "ports", SERVICE_PORTS_MAX + 1, "{'port':1}");
    json_t *most = many("{" META_NS "}", "", "ports", SLICE_PORTS_MAX, "{'port':1}");
    json_t *slice = many("{" META_NS "}", "", "ports", SLICE_PORTS_MAX + 1, "{'port':1}");

    assert_int_equal(OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, svc, *state))->ports_count,
                     SERVICE_PORTS_MAX);
    assert_int_equal(
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, most, *state))->ports_count,
        SLICE_PORTS_MAX);
    assert_int_equal(
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, slice, *state))->ports_count, 0);
    json_decref(most);
    json_decref(svc);
    json_decref(slice);
}

static void test_cluster_ips_end_at_their_ceiling(void **state)
{
    json_t *svc = many("{" META_NS ",'spec':{}}", "spec", "clusterIPs", SERVICE_CLUSTER_IPS_MAX + 1,
                       "'10.0.0.1'");

    assert_int_equal(
        OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, svc, *state))->cluster_ips_count,
        SERVICE_CLUSTER_IPS_MAX);
    json_decref(svc);
}

/* Who reaches a Service from outside. An odd range is no range that narrows anything. */
static void test_scraping_is_seen_as_prometheus_reads_it(void **state)
{
    static const struct {
        const char *annotations;
        const char *port;
    } rows[] = {
        {"{'prometheus.io/scrape':'true','prometheus.io/port':'9100'}", "9100"},
        {"{'prometheus.io/scrape':'true'}", ""},
        {"{'prometheus.io/scrape':'true','prometheus.io/port':'metrics'}", ""},
        {"{'prometheus.io/scrape':'true','prometheus.io/port':'123456'}", ""},
        {"{'prometheus.io/scrape':'true','prometheus.io/port':'0'}", ""},
        {"{'prometheus.io/scrape':'true','prometheus.io/port':9100}", ""},
        {"{'prometheus.io/scrape':'false','prometheus.io/port':'9100'}", NULL},
        {"{'prometheus.io/scrape':true,'prometheus.io/port':'9100'}", NULL},
        {"{'prometheus.io/port':'9100'}", NULL},
        {"[]", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *annotations = json_of(rows[i].annotations);
        const char *port = "untouched";

        assert_int_equal(scrape_decode(annotations, *state, &port, NULL), 0);
        json_decref(annotations);
        if (rows[i].port)
            assert_string_equal(port, rows[i].port);
        else
            assert_null(port);
    }
}

static void test_exposure_of_a_service_is_seen(void **state)
{
    static const struct {
        const char *spec;
        bool is_load_balancer, is_open, is_unreadable;
        const char *external_ip;
    } rows[] = {
        {"{}", false, false, false, NULL},
        {"{'type':'NodePort','loadBalancerSourceRanges':[]}", false, false, false, NULL},
        {"{'type':'ClusterIP','externalIPs':[]}", false, false, false, NULL},
        {"{'externalIPs':['192.0.2.7','192.0.2.8']}", false, false, false, "192.0.2.7"},
        {"{'externalIPs':'192.0.2.7'}", false, false, true, NULL},
        {"{'externalIPs':[7]}", false, false, true, NULL},
        {"{'externalIPs':null,'loadBalancerSourceRanges':null}", false, false, false, NULL},
        {"{'type':'LoadBalancer'}", true, true, false, NULL},
        {"{'type':'LoadBalancer','loadBalancerSourceRanges':[]}", true, true, false, NULL},
        {"{'type':'LoadBalancer','loadBalancerSourceRanges':['10.0.0.0/8']}", true, false, false,
         NULL},
        {"{'type':'LoadBalancer','loadBalancerSourceRanges':['192.0.2.0/24','0.0.0.0/0']}", true,
         true, false, NULL},
        /* Two halves are the whole. */
        {"{'type':'LoadBalancer','loadBalancerSourceRanges':['0.0.0.0/1','128.0.0.0/1']}", true,
         true, false, NULL},
        {"{'type':'LoadBalancer','loadBalancerSourceRanges':['2000::/3']}", true, true, false,
         NULL},
        {"{'type':'LoadBalancer','loadBalancerSourceRanges':['2001:db8::/32']}", true, false, false,
         NULL},
        {"{'type':'LoadBalancer','loadBalancerSourceRanges':['everybody']}", true, true, false,
         NULL},
        {"{'type':'LoadBalancer','loadBalancerSourceRanges':[5]}", true, true, false, NULL},
        {"{'type':'LoadBalancer','loadBalancerSourceRanges':'10.0.0.0/8'}", true, true, true, NULL},
        {"{'type':['LoadBalancer']}", false, false, true, NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        json_t *root;
        const struct service_facts *svc;

        (void)snprintf(text, sizeof(text), "{" META_NS ",'spec':%s}", rows[i].spec);
        root = json_of(text);
        svc = OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));
        json_decref(root);
        if (svc->is_load_balancer != rows[i].is_load_balancer ||
            svc->is_open_to_all != rows[i].is_open ||
            svc->is_exposure_unreadable != rows[i].is_unreadable ||
            !svc->external_ip != !rows[i].external_ip)
            fail_msg("%s", rows[i].spec);
        if (rows[i].external_ip)
            assert_string_equal(svc->external_ip, rows[i].external_ip);
    }
}

static void test_exposed_service_is_known_by_what_the_projection_keeps(void **state)
{
    json_t *whole = fixture_json("service_exposed.json");
    json_t *root = projected(whole, resource_of(KIND_SERVICE)->keep);
    const struct service_facts *svc =
        OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));

    json_decref(root);
    json_decref(whole);
    assert_true(svc->is_load_balancer);
    assert_false(svc->is_open_to_all);
    assert_string_equal(svc->external_ip, "192.0.2.7");
    assert_string_equal(labels_get(&svc->labels, "app"), "shop");
}

static void test_external_ip_of_any_length_is_kept_up_to_its_ceiling(void **state)
{
    json_t *root = json_of("{" META_NS "}");
    char ip[IP_LEN_MAX + 2];
    const struct service_facts *svc;

    memset(ip, '1', sizeof(ip) - 1);
    ip[sizeof(ip) - 1] = '\0';
    json_object_set_new(root, "spec", json_pack("{s:[s]}", "externalIPs", ip));
    svc = OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));
    json_decref(root);
    assert_int_equal(strlen(svc->external_ip), IP_LEN_MAX);
}

/* Exemptions select by them, and nobody asks for those of the others. */
static void test_labels_of_an_exposed_service_are_kept(void **state)
{
    static const char *const rows[][2] = {{"{'type':'LoadBalancer'}", "1"},
                                          {"{'externalIPs':['192.0.2.7']}", "1"},
                                          {"{'type':'NodePort'}", "0"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        json_t *root;

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'x','namespace':'shop','uid':'u','resourceVersion':'1',"
                       "'labels':{'a':'b'}},'spec':%s}",
                       rows[i][0]);
        root = json_of(text);
        assert_int_equal(
            OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state))->labels.count,
            *rows[i][1] - '0');
        json_decref(root);
    }
}

static void test_labels_of_a_service_are_kept_where_the_dns_may_be(void **state)
{
    static const char *const rows[][2] = {{"shop", "0"},
                                          {"kube-system", "1"},
                                          {"openshift-dns", "1"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        json_t *root;

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'x','namespace':'%s','uid':'u','resourceVersion':'1',"
                       "'labels':{'a':'b'}}}",
                       rows[i][0]);
        root = json_of(text);
        assert_int_equal(
            OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state))->labels.count,
            *rows[i][1] - '0');
        json_decref(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_service_of_the_cluster_dns),
        ARENA_TEST(test_service_without_cluster_ip_has_none),
        ARENA_TEST(test_service_target_port_defaults_to_the_port),
        ARENA_TEST(test_endpoint_slice_keeps_addresses_of_the_api_server_alone),
        ARENA_TEST(test_endpoint_slice_may_leave_nearly_everything_out),
        ARENA_TEST(test_addresses_of_all_endpoints_end_at_their_ceiling),
        ARENA_TEST(test_odd_fields_of_a_service_are_left_out),
        ARENA_TEST(test_odd_fields_of_a_slice_are_left_out),
        ARENA_TEST(test_ports_end_at_their_ceilings),
        ARENA_TEST(test_cluster_ips_end_at_their_ceiling),
        ARENA_TEST(test_scraping_is_seen_as_prometheus_reads_it),
        ARENA_TEST(test_exposure_of_a_service_is_seen),
        ARENA_TEST(test_exposed_service_is_known_by_what_the_projection_keeps),
        ARENA_TEST(test_external_ip_of_any_length_is_kept_up_to_its_ceiling),
        ARENA_TEST(test_labels_of_an_exposed_service_are_kept),
        ARENA_TEST(test_labels_of_a_service_are_kept_where_the_dns_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

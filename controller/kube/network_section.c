#include "rampart/kube/network_section.h"

#include <assert.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/cidr.h"
#include "rampart/kube/decode.h"

#define CONTAINER_PORT_NAME_MAX 15 /* IANA_SVC_NAME, RFC 6335 */
#define DEFAULT_DENY_MAX 8         /* two values; a few more are read to be named in the message */
#define DEADLINE_S_MIN 30
#define DEADLINE_S_MAX 3600
#define DEADLINE_S_DEFAULT 300
#define UNREADY_PERCENT_MAX 99 /* 100 would never be exceeded: onFailure Keep says that */
#define UNREADY_PERCENT_DEFAULT 20

/* ---- ports ---- */

/* Lower-case letters, digits and single hyphens inside, with at least one letter. */
const char *const metadata_cidrs[METADATA_CIDRS_COUNT] = {"169.254.169.254/32",
                                                          "fd00:ec2::254/128"};

static bool is_container_port_name(const char *name)
{
    size_t len = strlen(name);
    bool has_letter = false;

    if (len == 0 || len > CONTAINER_PORT_NAME_MAX || name[0] == '-' || name[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        bool is_letter = name[i] >= 'a' && name[i] <= 'z';

        if (!is_letter && name[i] != '-' && !(name[i] >= '0' && name[i] <= '9'))
            return false;
        if (name[i] == '-' && name[i + 1] == '-')
            return false;
        has_letter = has_letter || is_letter;
    }
    return has_letter;
}

static int port_name_decode(const json_t *obj, struct arena *a, const char **ret_name,
                            struct err *err)
{
    const char *name = json_string_value(json_object_get(obj, "port"));

    if (!is_container_port_name(name))
        return err_set(
            err, ERR_INVALID,
            "port: \"%.32s\" is no container port name; write a number without quotes, or a "
            "name of at most %d lower-case letters, digits and '-'",
            name, CONTAINER_PORT_NAME_MAX);
    return json_get_str(obj, "port", CONTAINER_PORT_NAME_MAX, a, ret_name, err);
}

static int port_decode(const json_t *obj, struct arena *a, struct net_port *ret_port,
                       struct err *err)
{
    struct net_port port = {0};
    int64_t number = 0;
    int64_t end;

    if (protocol_decode(obj, &port.protocol, err) < 0 ||
        json_get_int(obj, "endPort", 1, UINT16_MAX, 0, &end, err) < 0)
        return -1;
    if (json_is_string(json_object_get(obj, "port"))) {
        if (port_name_decode(obj, a, &port.name, err) < 0)
            return -1;
    } else if (json_get_int(obj, "port", 1, UINT16_MAX, 0, &number, err) < 0) {
        return -1;
    }
    if (end != 0 && number == 0)
        return err_set(err, ERR_INVALID,
                       "endPort: needs a number in port; state it or remove endPort");
    if (end != 0 && end < number)
        return err_set(err, ERR_INVALID, "endPort: %d is below port %d; swap them", (int)end,
                       (int)number);
    port.number = (uint16_t)number;
    port.end = (uint16_t)end;
    *ret_port = port;
    return 0;
}

static int ports_decode(const json_t *obj, struct arena *a, const struct net_port **ret_ports,
                        size_t *ret_count, struct err *err)
{
    const json_t *arr;
    struct net_port *ports;

    if (json_get_arr(obj, "ports", PROFILE_PORTS_MAX, &arr, err) < 0)
        return -1;
    if (json_array_size(arr) == 0)
        return 0;
    ports = arena_calloc(a, json_array_size(arr), sizeof(*ports));
    if (!ports)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(arr); i++) {
        const json_t *port;

        if (element_obj(arr, i, "ports", &port, err) < 0)
            return -1;
        if (port_decode(port, a, &ports[i], err) < 0)
            return json_path_wrap_index(err, "ports", i);
    }
    *ret_ports = ports;
    *ret_count = json_array_size(arr);
    return 0;
}

/* ---- peers ---- */

/* A block as new objects may state it: the API server would refuse our policy otherwise. */
static int block_parse(const char *text, struct cidr *ret_cidr, struct err *err)
{
    struct cidr cidr;

    if (cidr_parse(text, &cidr, err) < 0)
        return -1;
    if (cidr.has_host_bits)
        return err_set(
            err, ERR_INVALID,
            "\"%s\" has bits set beyond the prefix length; write 10.20.0.0/16 for a block, or "
            "10.20.3.4/32 for one address",
            text);
    *ret_cidr = cidr;
    return 0;
}

static int except_check(const struct cidr *block, const char *text, struct err *err)
{
    struct cidr except;

    if (block_parse(text, &except, err) < 0)
        return -1;
    if (except.is_ipv6 != block->is_ipv6)
        return err_set(err, ERR_INVALID,
                       "\"%s\" is not of the family of cidr; IPv4 and IPv6 take an ipBlock each",
                       text);
    if (!cidr_contains(block, &except) || cidr_equal(block, &except))
        return err_set(err, ERR_INVALID,
                       "\"%s\" is not a part of cidr; name a smaller block inside it, or remove it",
                       text);
    return 0;
}

static int ip_block_decode(const json_t *obj, struct arena *a, struct net_peer *peer,
                           struct err *err)
{
    struct cidr cidr;

    if (json_need_str(obj, "cidr", CIDR_TEXT_MAX, a, &peer->cidr, err) < 0)
        return -1;
    if (block_parse(peer->cidr, &cidr, err) < 0)
        return err_wrap(err, "cidr");
    if (json_get_strs(obj, "except", PROFILE_EXCEPT_MAX, CIDR_TEXT_MAX, a, &peer->except,
                      &peer->except_count, err) < 0)
        return -1;
    for (size_t i = 0; i < peer->except_count; i++) {
        if (except_check(&cidr, peer->except[i], err) < 0)
            return err_wrap(err, "except[%zu]", i);
    }
    peer->except_count = texts_sort(peer->except, peer->except_count);
    return 0;
}

static int peer_selector_decode(const json_t *obj, const char *name, struct arena *a,
                                const struct selector **ret_selector, struct err *err)
{
    const json_t *stated;
    struct selector *selector;
    const char *contradiction;

    if (json_get_obj(obj, name, &stated, err) < 0)
        return -1;
    if (!stated)
        return 0;
    selector = arena_alloc(a, sizeof(*selector));
    if (!selector)
        return err_nomem(err);
    if (selector_decode(stated, a, selector, err) < 0)
        return json_path_wrap(err, name);
    contradiction = selector_contradiction(selector, a);
    if (contradiction)
        return err_set(err, ERR_INVALID, "%s: %s can never match; mend it or remove the entry",
                       name, contradiction);
    *ret_selector = selector;
    return 0;
}

static int peer_decode(const json_t *obj, struct arena *a, struct net_peer *ret_peer,
                       struct err *err)
{
    struct net_peer peer = {0};
    const json_t *block;

    if (json_get_obj(obj, "ipBlock", &block, err) < 0 ||
        peer_selector_decode(obj, "namespaceSelector", a, &peer.namespaces, err) < 0 ||
        peer_selector_decode(obj, "podSelector", a, &peer.pods, err) < 0)
        return -1;
    if (block && (peer.namespaces || peer.pods))
        return err_set(err, ERR_INVALID,
                       "ipBlock: cannot stand beside a selector; make two entries of it");
    if (!block && !peer.namespaces && !peer.pods)
        return err_set(err, ERR_INVALID,
                       ": names no peer; state ipBlock, namespaceSelector or podSelector ({} is "
                       "every one)");
    if (block && ip_block_decode(block, a, &peer, err) < 0)
        return json_path_wrap(err, "ipBlock");
    *ret_peer = peer;
    return 0;
}

static int rule_decode(const json_t *obj, struct arena *a, struct net_rule *rule, struct err *err)
{
    struct net_peer *peer = arena_alloc(a, sizeof(*peer));

    if (!peer)
        return err_nomem(err);
    if (peer_decode(obj, a, peer, err) < 0 ||
        ports_decode(obj, a, &rule->ports, &rule->ports_count, err) < 0)
        return -1;
    rule->peers = peer;
    rule->peers_count = 1;
    return 0;
}

static int rules_decode(const json_t *allow, const char *name, struct arena *a,
                        const struct net_rule **ret_rules, size_t *ret_count, struct err *err)
{
    const json_t *arr;
    struct net_rule *rules;

    if (json_get_arr(allow, name, PROFILE_RULES_MAX, &arr, err) < 0)
        return -1;
    if (json_array_size(arr) == 0)
        return 0;
    rules = arena_calloc(a, json_array_size(arr), sizeof(*rules));
    if (!rules)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(arr); i++) {
        const json_t *rule;

        if (element_obj(arr, i, name, &rule, err) < 0)
            return -1;
        if (rule_decode(rule, a, &rules[i], err) < 0)
            return json_path_wrap_index(err, name, i);
    }
    *ret_rules = rules;
    *ret_count = json_array_size(arr);
    return 0;
}

/* ---- allow ---- */

static int dns_servers_decode(const json_t *dns, struct arena *a, struct network_section *net,
                              struct err *err)
{
    const json_t *arr;
    struct net_peer *servers;

    if (json_get_arr(dns, "servers", PROFILE_DNS_SERVERS_MAX, &arr, err) < 0)
        return -1;
    if (json_array_size(arr) == 0)
        return 0;
    servers = arena_calloc(a, json_array_size(arr), sizeof(*servers));
    if (!servers)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(arr); i++) {
        const json_t *server;

        if (element_obj(arr, i, "servers", &server, err) < 0)
            return -1;
        if (peer_decode(server, a, &servers[i], err) < 0)
            return json_path_wrap_index(err, "servers", i);
    }
    net->dns_servers = servers;
    net->dns_servers_count = json_array_size(arr);
    return 0;
}

static int dns_decode(const json_t *allow, struct arena *a, struct network_section *net,
                      struct err *err)
{
    const json_t *dns;

    if (json_get_obj(allow, "dns", &dns, err) < 0)
        return -1;
    if (dns_servers_decode(dns, a, net, err) < 0 ||
        ports_decode(dns, a, &net->dns_ports, &net->dns_ports_count, err) < 0)
        return json_path_wrap(err, "dns");
    net->allows_dns = dns;
    return 0;
}

static int switches_decode(const json_t *allow, struct network_section *net, struct err *err)
{
    const json_t *same_namespace;
    const json_t *api_server;
    const json_t *metadata_api;

    if (json_get_obj(allow, "sameNamespace", &same_namespace, err) < 0 ||
        json_get_obj(allow, "apiServer", &api_server, err) < 0 ||
        json_get_obj(allow, "metadataAPI", &metadata_api, err) < 0)
        return -1;
    if (json_get_bool(metadata_api, "deny", true, &net->cuts_metadata, err) < 0)
        return json_path_wrap(err, "metadataAPI");
    net->allows_same_namespace = same_namespace;
    net->allows_api_server = api_server;
    return 0;
}

/* An allow in a direction that is not denied would itself deny: a policy that selects a pod
 * isolates it. */
static int directions_check(const struct network_section *net, struct err *err)
{
    const char *egress = net->allows_dns ? "dns" : net->allows_api_server ? "apiServer" : "to";

    if (net->from_count > 0 && !net->denies_ingress)
        return err_set(
            err, ERR_INVALID,
            "from: needs Ingress in defaultDeny, because a policy that allows some ingress cuts "
            "off all other; add Ingress to spec.network.defaultDeny, or remove from");
    if ((net->allows_dns || net->allows_api_server || net->to_count > 0) && !net->denies_egress)
        return err_set(
            err, ERR_INVALID,
            "%s: needs Egress in defaultDeny, because a policy that allows some egress cuts off "
            "all other; add Egress to spec.network.defaultDeny, or remove %s",
            egress, egress);
    return 0;
}

/* The block of a text that is known to be one. */
static struct cidr cidr_of(const char *text)
{
    struct cidr cidr;
    int parsed = cidr_parse(text, &cidr, NULL);

    assert(parsed == 0);
    (void)parsed;
    return cidr;
}

/* A server that is cut out again would leave the pods without DNS, and say nothing. */
static int dns_servers_check(const struct network_section *net, struct err *err)
{
    for (size_t i = 0; net->cuts_metadata && i < net->dns_servers_count; i++) {
        struct cidr server;

        if (!net->dns_servers[i].cidr)
            continue;
        server = cidr_of(net->dns_servers[i].cidr);
        for (size_t k = 0; k < METADATA_CIDRS_COUNT; k++) {
            struct cidr metadata = cidr_of(metadata_cidrs[k]);

            if (cidr_contains(&metadata, &server))
                return err_set(
                    err, ERR_INVALID,
                    "dns.servers[%zu].ipBlock.cidr: %s is the cloud's metadata address, which "
                    "metadataAPI.deny cuts out; set metadataAPI.deny to false, or name "
                    "another server",
                    i, net->dns_servers[i].cidr);
        }
    }
    return 0;
}

static int allow_decode(const json_t *network, struct arena *a, struct network_section *net,
                        struct err *err)
{
    const json_t *allow;

    if (json_get_obj(network, "allow", &allow, err) < 0)
        return -1;
    if (dns_decode(allow, a, net, err) < 0 || switches_decode(allow, net, err) < 0 ||
        rules_decode(allow, "from", a, &net->from, &net->from_count, err) < 0 ||
        rules_decode(allow, "to", a, &net->to, &net->to_count, err) < 0 ||
        directions_check(net, err) < 0 || dns_servers_check(net, err) < 0)
        return json_path_wrap(err, "allow");
    return 0;
}

static int default_deny_decode(const json_t *network, struct network_section *net, struct err *err)
{
    const json_t *arr;

    if (json_get_arr(network, "defaultDeny", DEFAULT_DENY_MAX, &arr, err) < 0)
        return -1;
    net->denies_ingress = !arr;
    net->denies_egress = !arr;
    if (arr && json_array_size(arr) == 0)
        return err_set(
            err, ERR_INVALID,
            "defaultDeny: is empty; name Ingress, Egress or both, or set network.mode to Off");
    for (size_t i = 0; i < json_array_size(arr); i++) {
        const char *direction = json_string_value(json_array_get(arr, i));

        if (direction && strcmp(direction, "Ingress") == 0)
            net->denies_ingress = true;
        else if (direction && strcmp(direction, "Egress") == 0)
            net->denies_egress = true;
        else
            return err_set(err, ERR_INVALID, "defaultDeny[%zu]: expected Ingress or Egress", i);
    }
    return 0;
}

static int rollout_decode(const json_t *network, struct network_section *net, struct err *err)
{
    const json_t *rollout;
    const char *on_failure;
    int64_t deadline_s;
    int64_t percent;

    if (json_get_obj(network, "rollout", &rollout, err) < 0)
        return -1;
    if (json_get_int(rollout, "progressDeadlineSeconds", DEADLINE_S_MIN, DEADLINE_S_MAX,
                     DEADLINE_S_DEFAULT, &deadline_s, err) < 0 ||
        json_get_int(rollout, "maxUnreadyPercent", 0, UNREADY_PERCENT_MAX, UNREADY_PERCENT_DEFAULT,
                     &percent, err) < 0 ||
        member_text(rollout, "onFailure", &on_failure, err) < 0)
        return json_path_wrap(err, "rollout");
    if (on_failure && strcmp(on_failure, "Revert") != 0 && strcmp(on_failure, "Keep") != 0)
        return err_set(err, ERR_INVALID,
                       "rollout.onFailure: \"%.32s\" is unknown; expected Revert or Keep",
                       on_failure);
    net->rollout.deadline_s = (uint32_t)deadline_s;
    net->rollout.unready_percent_max = (uint32_t)percent;
    net->rollout.on_failure =
        on_failure && strcmp(on_failure, "Keep") == 0 ? ON_FAILURE_KEEP : ON_FAILURE_REVERT;
    return 0;
}

int network_section_decode(const json_t *spec, enum mode mode, struct arena *a,
                           struct network_section *ret_section, struct err *err)
{
    struct network_section net = {.mode = mode};
    const json_t *network;

    if (json_get_obj(spec, "network", &network, err) < 0)
        return -1;
    if (network) {
        net.is_stated = true;
        if (mode_decode(network, mode, &net.mode, err) < 0 ||
            default_deny_decode(network, &net, err) < 0 ||
            allow_decode(network, a, &net, err) < 0 || rollout_decode(network, &net, err) < 0)
            return json_path_wrap(err, "network");
    }
    *ret_section = net;
    return 0;
}

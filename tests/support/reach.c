#include "support/reach.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool has_label(const json_t *labels, const char *key, const char *value)
{
    const char *have = json_string_value(json_object_get(labels, key));

    return have && strcmp(have, value) == 0;
}

static bool expression_holds(const json_t *expression, const json_t *labels)
{
    const char *key = json_string_value(json_object_get(expression, "key"));
    const char *op = json_string_value(json_object_get(expression, "operator"));
    const json_t *values = json_object_get(expression, "values");
    bool is_there = json_object_get(labels, key) != NULL;
    bool is_in = false;

    for (size_t i = 0; i < json_array_size(values); i++)
        is_in |= has_label(labels, key, json_string_value(json_array_get(values, i)));
    if (strcmp(op, "In") == 0)
        return is_in;
    if (strcmp(op, "NotIn") == 0)
        return !is_in;
    return strcmp(op, "Exists") == 0 ? is_there : !is_there;
}

static bool selects(const json_t *selector, const json_t *labels)
{
    const json_t *expressions = json_object_get(selector, "matchExpressions");
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(selector, "matchLabels"), key, value)
    {
        if (!has_label(labels, key, json_string_value(value)))
            return false;
    }
    for (size_t i = 0; i < json_array_size(expressions); i++) {
        if (!expression_holds(json_array_get(expressions, i), labels))
            return false;
    }
    return true;
}

static bool in_block(const char *cidr, const char *ip)
{
    char text[64];
    unsigned char net[16], address[16];
    char *slash;
    int family, bits;

    (void)strncpy(text, cidr, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    slash = strchr(text, '/');
    *slash = '\0';
    bits = atoi(slash + 1);
    family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, net) != 1 || inet_pton(family, ip, address) != 1)
        return false; /* the other family */
    for (int i = 0; i < bits; i++) {
        if ((net[i / 8] ^ address[i / 8]) & (0x80 >> (i % 8)))
            return false;
    }
    return true;
}

static bool peer_matches(const json_t *entry, const char *ns, const struct reach_peer *peer)
{
    const json_t *block = json_object_get(entry, "ipBlock");
    const json_t *pods = json_object_get(entry, "podSelector");
    const json_t *namespaces = json_object_get(entry, "namespaceSelector");

    if (block) {
        const json_t *except = json_object_get(block, "except");

        if (!peer->ip || !in_block(json_string_value(json_object_get(block, "cidr")), peer->ip))
            return false;
        for (size_t i = 0; i < json_array_size(except); i++) {
            if (in_block(json_string_value(json_array_get(except, i)), peer->ip))
                return false;
        }
        return true;
    }
    if (!peer->ns)
        return false;
    if (namespaces ? !selects(namespaces, peer->ns_labels) : strcmp(peer->ns, ns) != 0)
        return false;
    return !pods || selects(pods, peer->pod_labels);
}

static bool port_matches(const json_t *entry, const struct reach_port *port)
{
    const char *protocol = json_string_value(json_object_get(entry, "protocol"));
    const json_t *number = json_object_get(entry, "port");
    const json_t *end = json_object_get(entry, "endPort");

    if (strcmp(protocol ? protocol : "TCP", port->protocol) != 0)
        return false;
    if (!number)
        return true;
    if (!json_is_integer(number))
        return false; /* a named port: no pod of these tests has one */
    if (end)
        return port->number >= json_integer_value(number) &&
               port->number <= json_integer_value(end);
    return port->number == json_integer_value(number);
}

static bool rule_matches(const json_t *rule, const char *peers_member, const char *ns,
                         const struct reach_peer *peer, const struct reach_port *port)
{
    const json_t *peers = json_object_get(rule, peers_member);
    const json_t *ports = json_object_get(rule, "ports");
    bool peer_ok = json_array_size(peers) == 0, port_ok = json_array_size(ports) == 0;

    for (size_t i = 0; i < json_array_size(peers); i++)
        peer_ok |= peer_matches(json_array_get(peers, i), ns, peer);
    for (size_t i = 0; i < json_array_size(ports); i++)
        port_ok |= port_matches(json_array_get(ports, i), port);
    return peer_ok && port_ok;
}

static bool has_type(const json_t *spec, bool is_ingress)
{
    const json_t *types = json_object_get(spec, "policyTypes");

    if (json_array_size(types) == 0)
        return is_ingress || json_array_size(json_object_get(spec, "egress")) > 0;
    for (size_t i = 0; i < json_array_size(types); i++) {
        if (strcmp(json_string_value(json_array_get(types, i)),
                   is_ingress ? "Ingress" : "Egress") == 0)
            return true;
    }
    return false;
}

bool reach_allows(const json_t *policies, const char *ns, const json_t *pod_labels, bool is_ingress,
                  const struct reach_peer *peer, const struct reach_port *port)
{
    bool is_isolated = false;

    for (size_t i = 0; i < json_array_size(policies); i++) {
        const json_t *spec = json_object_get(json_array_get(policies, i), "spec");
        const json_t *rules = json_object_get(spec, is_ingress ? "ingress" : "egress");

        if (!selects(json_object_get(spec, "podSelector"), pod_labels) ||
            !has_type(spec, is_ingress))
            continue;
        is_isolated = true;
        for (size_t k = 0; k < json_array_size(rules); k++) {
            if (rule_matches(json_array_get(rules, k), is_ingress ? "from" : "to", ns, peer, port))
                return true;
        }
    }
    return !is_isolated;
}

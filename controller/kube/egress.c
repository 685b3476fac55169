#include "rampart/kube/decode.h"

#include <assert.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/cidr.h"
#include "rampart/kube/profile.h"

#define METADATA_PORT 80 /* where the clouds' metadata services answer */

static bool port_covers(const json_t *port)
{
    const json_t *protocol = json_member(port, "protocol");
    const json_t *first = json_member(port, "port");
    const json_t *last = json_member(port, "endPort");

    if (json_typeof(port) != JSON_OBJECT)
        return true;
    if (json_is_string(protocol) && strcmp(json_string_value(protocol), "TCP") != 0)
        return false;
    if (json_is_string(first)) /* a container's port by its name: no pod listens there */
        return false;
    if (!json_is_integer(first))
        return true;
    if (!last)
        return json_integer_value(first) == METADATA_PORT;
    if (json_typeof(last) != JSON_INTEGER)
        return true;
    return json_integer_value(first) <= METADATA_PORT && json_integer_value(last) >= METADATA_PORT;
}

static bool ports_cover(const json_t *ports)
{
    if (!json_is_array(ports) || json_array_size(ports) == 0)
        return true;
    for (size_t i = 0; i < json_array_size(ports); i++) {
        if (port_covers(json_array_get(ports, i)))
            return true;
    }
    return false;
}

/* A cut-out that cannot be read cuts nothing out. */
static bool is_cut_out(const json_t *except, const struct cidr *address)
{
    for (size_t i = 0; i < json_array_size(except); i++) {
        const char *text = json_string_value(json_array_get(except, i));
        struct err ignored = {0};
        struct cidr hole;

        if (text && cidr_parse(text, &hole, &ignored) == 0 && cidr_contains(&hole, address))
            return true;
    }
    return false;
}

static bool block_covers(const json_t *block)
{
    const char *text = json_string_value(json_object_get(block, "cidr"));
    struct err ignored = {0};
    struct cidr whole, address;

    if (!text || cidr_parse(text, &whole, &ignored) < 0)
        return true;
    for (size_t i = 0; i < METADATA_CIDRS_COUNT; i++) {
        int parsed = cidr_parse(metadata_cidrs[i], &address, &ignored);

        assert(parsed == 0);
        if (cidr_contains(&whole, &address) &&
            !is_cut_out(json_object_get(block, "except"), &address))
            return true;
    }
    return false;
}

/* Selectors choose pods, and the metadata service is none. */
static bool peer_covers(const json_t *peer)
{
    const json_t *block = json_member(peer, "ipBlock");

    if (block)
        return block_covers(block);
    return !json_member(peer, "podSelector") && !json_member(peer, "namespaceSelector");
}

static bool peers_cover(const json_t *peers)
{
    if (!json_is_array(peers) || json_array_size(peers) == 0)
        return true;
    for (size_t i = 0; i < json_array_size(peers); i++) {
        if (peer_covers(json_array_get(peers, i)))
            return true;
    }
    return false;
}

bool egress_reaches_metadata(const json_t *rules)
{
    if (rules && json_typeof(rules) != JSON_ARRAY)
        return true;
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);

        if (peers_cover(json_member(rule, "to")) && ports_cover(json_member(rule, "ports")))
            return true;
    }
    return false;
}

#include <assert.h>
#include <string.h>

#include "rampart/kube/cidr.h"
#include "rampart/reconcilers/network.h"

struct build {
    const struct view *view;
    const struct profile *profile;
    const char *ns;
    struct arena *arena;
    struct wanted *items; /* room for every concern once and every backend */
    size_t count;
};

static struct wanted *add(struct build *b, enum concern concern, const char *name)
{
    struct wanted *w = &b->items[b->count++];

    *w = (struct wanted){.concern = concern, .name = name};
    return w;
}

/* Whether the block @outer holds all of @inner; a text that is no block (the decoder lets none
 * through) holds nothing. */
static bool block_contains(const char *outer, const char *inner)
{
    struct cidr one, other;

    return cidr_parse(outer, &one, NULL) == 0 && cidr_parse(inner, &other, NULL) == 0 &&
           cidr_contains(&one, &other);
}

static bool is_covered(const struct net_peer *peer, const char *cidr)
{
    for (size_t i = 0; i < peer->except_count; i++) {
        if (block_contains(peer->except[i], cidr))
            return true;
    }
    return false;
}

static int add_except(struct net_peer *peer, const char *cidr, struct arena *a, struct err *err)
{
    const char **grown = arena_calloc(a, peer->except_count + 1, sizeof(*grown));
    size_t place = 0;

    if (!grown)
        return err_nomem(err);
    while (place < peer->except_count && strcmp(peer->except[place], cidr) < 0)
        place++;
    for (size_t i = 0; i < peer->except_count; i++)
        grown[i < place ? i : i + 1] = peer->except[i];
    grown[place] = cidr;
    peer->except = grown;
    peer->except_count++;
    return 0;
}

/* Cuts the metadata addresses out of the peers' blocks. A block that is nothing else goes;
 * *ret_rule may be left without a peer. */
static int cut_metadata(const struct net_rule *rule, struct arena *a, struct net_rule *ret_rule,
                        struct err *err)
{
    struct net_peer *peers = arena_calloc(a, rule->peers_count, sizeof(*peers));
    size_t count = 0;

    if (!peers)
        return err_nomem(err);
    for (size_t i = 0; i < rule->peers_count; i++) {
        struct net_peer peer = rule->peers[i];
        bool is_left = true;

        for (size_t k = 0; peer.cidr && k < METADATA_CIDRS_COUNT; k++) {
            const char *address = metadata_cidrs[k];

            if (block_contains(address, peer.cidr))
                is_left = false;
            else if (block_contains(peer.cidr, address) && !is_covered(&peer, address) &&
                     add_except(&peer, address, a, err) < 0)
                return -1;
        }
        if (is_left)
            peers[count++] = peer;
    }
    *ret_rule = *rule;
    ret_rule->peers = peers;
    ret_rule->peers_count = count;
    return 0;
}

static int add_egress(struct build *b, struct wanted *w, const struct net_rule *rule,
                      struct err *err)
{
    struct net_rule cut = *rule;

    assert(rule->peers_count > 0);
    w->spec.has[EGRESS] = true;
    if (b->profile->network.cuts_metadata) {
        if (cut_metadata(rule, b->arena, &cut, err) < 0)
            return -1;
        if (cut.peers_count == 0)
            return 0; /* a rule without a peer would mean everybody */
    }
    return policy_spec_add(&w->spec, EGRESS, &cut, b->arena, err);
}

static int want_dns(struct build *b, const struct dns_facts *dns, struct err *err)
{
    static const struct net_port stated_ports[] = {
        {.protocol = PROTOCOL_TCP, .number = 53},
        {.protocol = PROTOCOL_UDP, .number = 53},
    };
    const struct network_section *net = &b->profile->network;
    struct wanted *w;
    struct net_rule rule = dns->egress;

    if (!net->allows_dns)
        return 0;
    w = add(b, CONCERN_DNS, POLICY_PREFIX "allow-dns");
    if (net->dns_servers_count > 0) {
        rule = (struct net_rule){.peers = net->dns_servers,
                                 .peers_count = net->dns_servers_count,
                                 .ports = stated_ports,
                                 .ports_count = 2};
    } else if (dns->answer.unresolved) {
        w->unresolved = dns->answer.unresolved;
        w->reason = REASON_DNS_UNRESOLVED;
        return 0;
    }
    if (net->dns_ports_count > 0) {
        rule.ports = net->dns_ports;
        rule.ports_count = net->dns_ports_count;
    }
    return add_egress(b, w, &rule, err);
}

static int want_same_namespace(struct build *b, struct err *err)
{
    static const struct selector everybody;
    static const struct net_peer own_pods = {.pods = &everybody};
    static const struct net_rule rule = {.peers = &own_pods, .peers_count = 1};
    const struct network_section *net = &b->profile->network;
    struct wanted *w;

    if (!net->allows_same_namespace)
        return 0;
    w = add(b, CONCERN_SAME_NAMESPACE, POLICY_PREFIX "allow-same-namespace");
    if (net->denies_ingress && policy_spec_add(&w->spec, INGRESS, &rule, b->arena, err) < 0)
        return -1;
    return net->denies_egress ? add_egress(b, w, &rule, err) : 0;
}

static int want_api_server(struct build *b, struct err *err)
{
    const struct network_section *net = &b->profile->network;
    struct api_server_facts api;
    struct wanted *w;

    if (!net->allows_api_server)
        return 0;
    if (api_server_find(b->view, b->arena, &api, err) < 0)
        return -1;
    w = add(b, CONCERN_API_SERVER, POLICY_PREFIX "allow-api-server");
    if (api.answer.unresolved) {
        w->unresolved = api.answer.unresolved;
        w->reason = REASON_API_SERVER_UNRESOLVED;
        return 0;
    }
    for (size_t i = 0; i < api.rules_count; i++) {
        if (add_egress(b, w, &api.rules[i], err) < 0)
            return -1;
    }
    return 0;
}

static int want_stated(struct build *b, struct err *err)
{
    const struct network_section *net = &b->profile->network;
    struct wanted *w;

    if (net->from_count > 0) {
        w = add(b, CONCERN_FROM, POLICY_PREFIX "allow-from");
        for (size_t i = 0; i < net->from_count; i++) {
            if (policy_spec_add(&w->spec, INGRESS, &net->from[i], b->arena, err) < 0)
                return -1;
        }
    }
    if (net->to_count > 0) {
        w = add(b, CONCERN_TO, POLICY_PREFIX "allow-to");
        for (size_t i = 0; i < net->to_count; i++) {
            if (add_egress(b, w, &net->to[i], err) < 0)
                return -1;
        }
        if (w->spec.rules[EGRESS].count == 0)
            b->count--; /* nothing was left of it: the deny says the same */
    }
    return 0;
}

static int want_cluster_dns(struct build *b, const struct dns_facts *dns, struct err *err)
{
    struct wanted *w;
    /* Where no DNS is found at all, its pods may well be here: then they must not be cut off. */
    bool is_here = dns->ns ? strcmp(dns->ns, b->ns) == 0
                           : dns->answer.unresolved && cluster_dns_may_be_in(b->ns);

    if (!b->profile->network.denies_ingress || !is_here)
        return 0;
    w = add(b, CONCERN_CLUSTER_DNS, POLICY_PREFIX "allow-cluster-dns");
    if (dns->answer.unresolved) {
        w->unresolved = dns->answer.unresolved;
        w->reason = REASON_DNS_UNRESOLVED;
        return 0;
    }
    w->spec.pods = dns->pods;
    return policy_spec_add(&w->spec, INGRESS, &dns->ingress, b->arena, err);
}

static int want_backends(struct build *b, const struct backend_list *backends, struct err *err)
{
    for (size_t i = 0; i < backends->count; i++) {
        const struct backend *backend = &backends->items[i];
        const char *name =
            arena_printf(b->arena, POLICY_PREFIX "allow-backend-%s", backend->service);
        struct wanted *w;

        if (!name)
            return err_nomem(err);
        w = add(b, CONCERN_BACKEND, name);
        if (backend->answer.unresolved) {
            w->unresolved = backend->answer.unresolved;
            w->reason = REASON_BACKEND_UNRESOLVED;
            continue;
        }
        w->spec.pods = backend->pods;
        if (policy_spec_add(&w->spec, INGRESS, &backend->ingress, b->arena, err) < 0)
            return -1;
    }
    return 0;
}

static void sort_after_deny(struct wanted *items, size_t count)
{
    for (size_t i = 2; i < count; i++) {
        struct wanted moving = items[i];
        size_t k = i;

        for (; k > 1 && strcmp(items[k - 1].name, moving.name) > 0; k--)
            items[k] = items[k - 1];
        items[k] = moving;
    }
}

int network_wanted(const struct view *v, const struct profile *profile, const char *ns,
                   struct arena *a, struct wanted_list *ret_list, struct err *err)
{
    const struct network_section *net = &profile->network;
    struct build b = {.view = v, .profile = profile, .ns = ns, .arena = a};
    struct backend_list backends = {0};
    struct dns_facts dns = {0};
    struct wanted *deny;

    /* The decoder refuses an allow in a direction that is not denied: it would itself deny. */
    assert(net->denies_ingress || net->from_count == 0);
    assert(net->denies_egress || !(net->allows_dns || net->allows_api_server || net->to_count > 0));
    if (net->denies_ingress && backends_find(v, ns, a, &backends, err) < 0)
        return -1;
    if ((net->allows_dns || cluster_dns_may_be_in(ns)) && cluster_dns_find(v, a, &dns, err) < 0)
        return -1;
    b.items = arena_calloc(a, CONCERN_COUNT + backends.count, sizeof(*b.items));
    if (!b.items)
        return err_nomem(err);
    deny = add(&b, CONCERN_DENY, POLICY_DENY);
    deny->spec.has[INGRESS] = net->denies_ingress;
    deny->spec.has[EGRESS] = net->denies_egress;
    if (want_dns(&b, &dns, err) < 0 || want_same_namespace(&b, err) < 0 ||
        want_api_server(&b, err) < 0 || want_stated(&b, err) < 0 ||
        want_cluster_dns(&b, &dns, err) < 0 || want_backends(&b, &backends, err) < 0)
        return -1;
    for (size_t i = 0; i < b.count; i++) {
        if (b.items[i].unresolved)
            continue;
        b.items[i].text = policy_spec_text(&b.items[i].spec, a, err);
        if (!b.items[i].text)
            return -1;
    }
    sort_after_deny(b.items, b.count);
    *ret_list = (struct wanted_list){.items = b.items, .count = b.count};
    return 0;
}

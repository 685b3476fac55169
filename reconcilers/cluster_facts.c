#include "rampart/reconcilers/cluster_facts.h"

#include <string.h>

#include "rampart/reconcilers/target_ports.h"

#define DNS_NAMESPACE "kube-system"
#define DNS_LABEL "k8s-app"
#define DNS_LABEL_VALUE "kube-dns"
#define DNS_PORT 53
/* NodeLocal DNSCache brings this Service, with the same label, so that its cache can reach the real
 * DNS. */
#define DNS_NODE_LOCAL_SERVICE "kube-dns-upstream"
#define DNS_OPENSHIFT_NAMESPACE "openshift-dns"
#define DNS_OPENSHIFT_SERVICE "dns-default"
#define API_NAMESPACE "default"
#define API_SERVICE "kubernetes"
#define NAMESPACE_NAME_LABEL "kubernetes.io/metadata.name"

static const struct selector *select_labels(const struct labels *labels, struct arena *a)
{
    struct selector *selector = arena_alloc(a, sizeof(*selector));
    struct selector_term *terms = arena_calloc(a, labels->count, sizeof(*terms));

    if (!selector || !terms)
        return NULL;
    for (size_t i = 0; i < labels->count; i++) {
        const char **values = arena_calloc(a, 1, sizeof(*values));

        if (!values)
            return NULL;
        values[0] = labels->items[i].value;
        terms[i] = (struct selector_term){.key = labels->items[i].key,
                                          .op = SELECTOR_IN,
                                          .values = values,
                                          .values_count = 1};
    }
    selector->terms = terms;
    selector->terms_count = labels->count;
    return selector;
}

static const struct selector *select_namespace(const char *name, struct arena *a)
{
    struct label label = {.key = NAMESPACE_NAME_LABEL, .value = name};
    struct labels labels = {.items = &label, .count = 1};

    return select_labels(&labels, a);
}

static const char *host_cidr(const char *address, struct arena *a)
{
    return arena_printf(a, "%s/%d", address, strchr(address, ':') ? 128 : 32);
}

/* Of a Service. */
static bool is_cluster_dns(const struct object *object)
{
    if (strcmp(object->ns, DNS_OPENSHIFT_NAMESPACE) == 0)
        return strcmp(object->name, DNS_OPENSHIFT_SERVICE) == 0;
    if (strcmp(object->ns, DNS_NAMESPACE) != 0)
        return false;
    const char *app = labels_get(&OBJECT_AS(service_facts, object)->labels, DNS_LABEL);

    return app && strcmp(app, DNS_LABEL_VALUE) == 0 &&
           strcmp(object->name, DNS_NODE_LOCAL_SERVICE) != 0;
}

bool cluster_dns_may_be_in(const char *ns)
{
    return strcmp(ns, DNS_NAMESPACE) == 0 || strcmp(ns, DNS_OPENSHIFT_NAMESPACE) == 0;
}

/* The first of them by name: clusters have one; where an addon brings a second, the order is at
 * least stable. */
static const struct service_facts *dns_service(const struct view *v, struct arena *a,
                                               struct object_list *ret_slices, struct err *err)
{
    static const char *const namespaces[] = {DNS_NAMESPACE, DNS_OPENSHIFT_NAMESPACE};

    for (size_t n = 0; n < sizeof(namespaces) / sizeof(namespaces[0]); n++) {
        struct object_list services;

        if (view_list(v, KIND_SERVICE, namespaces[n], a, &services, err) < 0)
            return NULL;
        for (size_t i = 0; i < services.count; i++) {
            if (!is_cluster_dns(services.items[i]))
                continue;
            if (view_list(v, KIND_ENDPOINT_SLICE, namespaces[n], a, ret_slices, err) < 0)
                return NULL;
            return OBJECT_AS(service_facts, services.items[i]);
        }
    }
    return NULL;
}

/* Pods of the DNS; where NodeLocal DNSCache runs, also the addresses on which it answers in their
 * place. */
static int dns_peers(const struct view *v, const struct service_facts *service, struct arena *a,
                     struct net_rule *rule, struct err *err)
{
    bool has_node_local = view_get(v, KIND_SERVICE, DNS_NAMESPACE, DNS_NODE_LOCAL_SERVICE) != NULL;
    size_t count = 1 + (has_node_local ? 1 + service->cluster_ips_count : 0);
    struct net_peer *peers = arena_calloc(a, count, sizeof(*peers));

    if (!peers)
        return err_nomem(err);
    peers[0].namespaces = select_namespace(service->object.ns, a);
    peers[0].pods = select_labels(&service->selector, a);
    if (!peers[0].namespaces || !peers[0].pods)
        return err_nomem(err);
    if (has_node_local) {
        peers[1].cidr = NODE_LOCAL_DNS;
        for (size_t i = 0; i < service->cluster_ips_count; i++) {
            peers[2 + i].cidr = host_cidr(service->cluster_ips[i], a);
            if (!peers[2 + i].cidr)
                return err_nomem(err);
        }
    }
    rule->peers = peers;
    rule->peers_count = count;
    return 0;
}

int cluster_dns_find(const struct view *v, struct arena *a, struct dns_facts *ret_dns,
                     struct err *err)
{
    struct dns_facts dns = {0};
    struct object_list slices = {0};
    struct port_list clients = {0}, pods = {0};
    struct err list_err = {0};
    const struct service_facts *service = dns_service(v, a, &slices, &list_err);

    if (!service && list_err.code != ERR_NONE)
        return err_set(err, list_err.code, "%s", list_err.msg);
    if (!service || service->selector.count == 0) {
        dns.answer.unresolved =
            "no cluster DNS was found (a Service in kube-system labelled k8s-app=kube-dns that "
            "selects "
            "pods, or openshift-dns/dns-default); state spec.network.allow.dns.servers";
        dns.ns = service ? service->object.ns : NULL;
        *ret_dns = dns;
        return 0;
    }
    for (size_t i = 0; i < service->ports_count; i++) {
        const struct service_port *port = &service->ports[i];

        /* Whether a plugin looks at a packet before or after the Service's address was translated
         * is left open by the Kubernetes documentation, so clients may use the Service's port and
         * the pods' port. */
        if (port->port != DNS_PORT)
            continue;
        if (port_list_add(&clients, port->protocol, port->port, a, err) < 0 ||
            target_ports_add(service, port, &slices, &clients, a, err) < 0 ||
            target_ports_add(service, port, &slices, &pods, a, err) < 0)
            return -1;
    }
    if (pods.count == 0) {
        dns.answer.unresolved =
            arena_printf(a,
                         "Service %s/%s has no port 53 that resolves to a port of its pods; state "
                         "spec.network.allow.dns.servers",
                         service->object.ns, service->object.name);
        if (!dns.answer.unresolved)
            return err_nomem(err);
    }
    dns.ns = service->object.ns;
    dns.pods = &service->selector;
    dns.egress.ports = clients.items;
    dns.egress.ports_count = clients.count;
    dns.ingress.ports = pods.items;
    dns.ingress.ports_count = pods.count;
    if (dns_peers(v, service, a, &dns.egress, err) < 0)
        return -1;
    *ret_dns = dns;
    return 0;
}

static int slice_to_rule(const struct slice_facts *slice, struct arena *a,
                         struct net_rule *ret_rule, struct err *err)
{
    struct net_peer *peers = arena_calloc(a, slice->addresses_count, sizeof(*peers));
    struct port_list ports = {0};

    if (!peers)
        return err_nomem(err);
    for (size_t i = 0; i < slice->addresses_count; i++) {
        peers[i].cidr = host_cidr(slice->addresses[i], a);
        if (!peers[i].cidr)
            return err_nomem(err);
    }
    for (size_t i = 0; i < slice->ports_count; i++) {
        if (slice->ports[i].port > 0 &&
            port_list_add(&ports, slice->ports[i].protocol, slice->ports[i].port, a, err) < 0)
            return -1;
    }
    *ret_rule = (struct net_rule){.peers = peers,
                                  .peers_count = slice->addresses_count,
                                  .ports = ports.items,
                                  .ports_count = ports.count};
    return 0;
}

int api_server_find(const struct view *v, struct arena *a, struct api_server_facts *ret_api,
                    struct err *err)
{
    struct api_server_facts api = {0};
    struct object_list slices;
    struct net_rule *rules;

    if (view_list(v, KIND_ENDPOINT_SLICE, API_NAMESPACE, a, &slices, err) < 0)
        return -1;
    rules = arena_calloc(a, slices.count, sizeof(*rules));
    if (!rules)
        return err_nomem(err);
    for (size_t i = 0; i < slices.count; i++) {
        const struct slice_facts *slice = OBJECT_AS(slice_facts, slices.items[i]);

        if (strcmp(slice->service, API_SERVICE) != 0 || slice->addresses_count == 0)
            continue;
        if (slice_to_rule(slice, a, &rules[api.rules_count], err) < 0)
            return -1;
        api.rules_count++;
    }
    api.rules = rules;
    if (api.rules_count == 0)
        api.answer.unresolved =
            "the Service default/kubernetes has no endpoints in its EndpointSlices; "
            "remove spec.network.allow.apiServer or state the address in "
            "spec.network.allow.to";
    *ret_api = api;
    return 0;
}

bool cluster_facts_depend_on(const struct object *object)
{
    if (object->kind == KIND_SERVICE)
        return is_cluster_dns(object) || (strcmp(object->ns, DNS_NAMESPACE) == 0 &&
                                          strcmp(object->name, DNS_NODE_LOCAL_SERVICE) == 0);
    return strcmp(object->ns, DNS_NAMESPACE) == 0 ||
           strcmp(object->ns, DNS_OPENSHIFT_NAMESPACE) == 0 ||
           (strcmp(object->ns, API_NAMESPACE) == 0 &&
            strcmp(OBJECT_AS(slice_facts, object)->service, API_SERVICE) == 0);
}

static bool texts_equal(const char **one, size_t one_count, const char **other, size_t other_count)
{
    if (one_count != other_count)
        return false;
    for (size_t i = 0; i < one_count; i++) {
        if (strcmp(one[i], other[i]) != 0)
            return false;
    }
    return true;
}

static bool services_equal(const struct service_facts *one, const struct service_facts *other)
{
    if (!labels_equal(&one->labels, &other->labels) ||
        !labels_equal(&one->selector, &other->selector) ||
        one->is_external_name != other->is_external_name ||
        one->is_load_balancer != other->is_load_balancer ||
        !one->external_ip != !other->external_ip ||
        strcmp(one->scrape_port ? one->scrape_port : "-",
               other->scrape_port ? other->scrape_port : "-") != 0 ||
        one->ports_count != other->ports_count ||
        !texts_equal(one->cluster_ips, one->cluster_ips_count, other->cluster_ips,
                     other->cluster_ips_count))
        return false;
    for (size_t i = 0; i < one->ports_count; i++) {
        const struct service_port *p = &one->ports[i], *q = &other->ports[i];

        if (strcmp(p->name, q->name) != 0 || p->protocol != q->protocol || p->port != q->port ||
            p->target_number != q->target_number ||
            strcmp(p->target_name ? p->target_name : "", q->target_name ? q->target_name : "") != 0)
            return false;
    }
    return true;
}

static bool slices_equal(const struct slice_facts *one, const struct slice_facts *other)
{
    if (strcmp(one->service, other->service) != 0 || one->ports_count != other->ports_count ||
        !texts_equal(one->addresses, one->addresses_count, other->addresses,
                     other->addresses_count))
        return false;
    for (size_t i = 0; i < one->ports_count; i++) {
        if (strcmp(one->ports[i].name, other->ports[i].name) != 0 ||
            one->ports[i].protocol != other->ports[i].protocol ||
            one->ports[i].port != other->ports[i].port)
            return false;
    }
    return true;
}

bool cluster_facts_differ(const struct object *before, const struct object *after)
{
    if (!before || !after)
        return true;
    if (after->kind == KIND_SERVICE)
        return !services_equal(OBJECT_AS(service_facts, before), OBJECT_AS(service_facts, after));
    return !slices_equal(OBJECT_AS(slice_facts, before), OBJECT_AS(slice_facts, after));
}

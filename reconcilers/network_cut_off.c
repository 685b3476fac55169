#include <string.h>

#include "network_pass.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/target_ports.h"

/* Those that count ready pods. */
static const enum kind kinds[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET, KIND_DAEMON_SET};
#define KINDS_COUNT (sizeof(kinds) / sizeof(kinds[0]))

struct cut_off {
    struct network_pass *pass;
    struct object_list slices;
    struct object_list workloads[KINDS_COUNT];
    size_t said_count;
    size_t looks_count; /* CUT_OFF_LOOKS_MAX at most */
};

/* Who would be cut off, and how an entry of allow.from names its like. */
struct caller {
    const char *who; /* "Prometheus" */
    const char *peer;
    bool is_by_address; /* it comes from outside of the cluster */
};

#define SOME_NAMESPACE \
    "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE-OF-IT}}"
#define ANY_ADDRESS "ipBlock: {cidr: 0.0.0.0/0}"

/* ---- What the profile lets in ---- */

static bool allows_port(const struct net_rule *rule, const struct net_port *port)
{
    for (size_t i = 0; i < rule->ports_count; i++) {
        const struct net_port *allowed = &rule->ports[i];
        uint16_t last = allowed->end ? allowed->end : allowed->number;

        if (allowed->protocol != port->protocol)
            continue;
        /* A name leads where it leads: who wrote it has thought of it. */
        if (allowed->number == 0 || (port->number >= allowed->number && port->number <= last))
            return true;
    }
    return rule->ports_count == 0;
}

/* An entry for that port is taken to be meant for the caller: where it runs cannot be known. */
static bool is_let_in(const struct network_section *net, const struct caller *caller,
                      const struct net_port *port)
{
    for (size_t i = 0; i < net->from_count; i++) {
        const struct net_rule *rule = &net->from[i];

        if ((!caller->is_by_address || rule->peers[0].cidr) && allows_port(rule, port))
            return true;
    }
    return false;
}

/* ---- What is said ---- */

static int say(struct cut_off *c, const struct object *object, const struct caller *caller,
               const char *numbers, const char *ports, struct err *err)
{
    struct network_pass *p = c->pass;
    struct finding finding = {
        .reason = REASON_WOULD_CUT_OFF,
        .is_warning = true,
        .is_about_profile = true,
        .object = {object->kind, object->ns, object->name, object->uid},
        .rule = NETWORK_RULE,
        .profile = p->own.profile,
    };

    if (c->said_count == CUT_OFF_MAX)
        return 0;
    c->said_count++;
    finding.message =
        arena_printf(p->arena,
                     "%s %s/%s: the default-deny would cut off %s, on %s; to let it in, add to "
                     "spec.network.allow.from of SecurityProfile %s: {%s, ports: [%s]}",
                     resource_of(object->kind)->name, object->ns, object->name, caller->who,
                     numbers, p->own.profile, caller->peer, ports);
    return network_add_finding(p, &finding, err);
}

/* Of the ports on which it calls the object's pods: those where nothing lets it in. */
static int judge(struct cut_off *c, const struct object *object, const struct caller *caller,
                 const struct port_list *called, struct err *err)
{
    struct arena *a = c->pass->arena;
    const char *numbers = NULL, *ports = NULL;

    for (size_t i = 0; i < called->count; i++) {
        const struct net_port *port = &called->items[i];
        const char *protocol = protocol_name(port->protocol);
        unsigned number = port->number;

        if (is_let_in(&c->pass->profile->network, caller, port))
            continue;
        numbers =
            arena_printf(a, "%s%s %u", numbers ? numbers : "", numbers ? "," : "port", number);
        ports = arena_printf(a, "%s%s{port: %u, protocol: %s}", ports ? ports : "",
                             ports ? ", " : "", number, protocol);
        if (!numbers || !ports)
            return err_nomem(err);
    }
    return numbers ? say(c, object, caller, numbers, ports, err) : 0;
}

/* ---- Who is there, and who calls ---- */

static bool selects(const struct labels *selector, const struct labels *pods)
{
    for (size_t i = 0; i < selector->count; i++) {
        const char *value = labels_get(pods, selector->items[i].key);

        if (!value || strcmp(value, selector->items[i].value) != 0)
            return false;
    }
    return selector->count > 0;
}

static bool has_ready_pods(struct cut_off *c, const struct service_facts *service)
{
    for (size_t k = 0; k < KINDS_COUNT; k++) {
        const struct object_list *list = &c->workloads[k];

        for (size_t i = 0; i < list->count && c->looks_count < CUT_OFF_LOOKS_MAX; i++) {
            const struct workload_facts *w = OBJECT_AS(workload_facts, list->items[i]);

            c->looks_count++;
            if (w->replicas_ready > 0 && selects(&service->selector, &w->pod.labels))
                return true;
        }
    }
    return false;
}

static int ports_of(const struct cut_off *c, const struct service_facts *service,
                    struct port_list *ports, struct err *err)
{
    for (size_t i = 0; i < service->ports_count; i++) {
        if (target_ports_add(service, &service->ports[i], &c->slices, ports, c->pass->arena, err) <
            0)
            return -1;
    }
    return 0;
}

/* @port as scrape_decode() gives it; "": @all of them. */
static int judge_scrape(struct cut_off *c, const struct object *object, const char *port,
                        const struct port_list *all, struct err *err)
{
    const struct caller prometheus = {.who = "Prometheus, which its annotations ask to scrape it",
                                      .peer = SOME_NAMESPACE};
    struct port_list one = {0};
    unsigned number = 0;

    if (*port == '\0')
        return judge(c, object, &prometheus, all, err);
    for (const char *digit = port; *digit; digit++)
        number = number * 10 + (unsigned)(*digit - '0');
    if (number > UINT16_MAX)
        return 0;
    if (port_list_add(&one, PROTOCOL_TCP, (uint16_t)number, c->pass->arena, err) < 0)
        return -1;
    return judge(c, object, &prometheus, &one, err);
}

static int judge_service(struct cut_off *c, const struct service_facts *service, struct err *err)
{
    const struct object *object = &service->object;
    const char *ingress = view_ingress_of(c->pass->view, object->ns, object->name);
    struct caller caller = {.who = service->is_load_balancer ? "the clients of its load balancer"
                                                             : "the clients of its external IP",
                            .peer = ANY_ADDRESS,
                            .is_by_address = true};
    struct port_list ports = {0};

    if ((!service->is_load_balancer && !service->external_ip && !service->scrape_port &&
         !ingress) ||
        !has_ready_pods(c, service))
        return 0;
    if (ports_of(c, service, &ports, err) < 0)
        return -1;
    if ((service->is_load_balancer || service->external_ip) &&
        judge(c, object, &caller, &ports, err) < 0)
        return -1;
    if (ingress) {
        caller.who = arena_printf(c->pass->arena, "the controller of Ingress %s", ingress);
        caller.peer = SOME_NAMESPACE;
        caller.is_by_address = false;
        if (!caller.who)
            return err_nomem(err);
        if (judge(c, object, &caller, &ports, err) < 0)
            return -1;
    }
    return service->scrape_port ? judge_scrape(c, object, service->scrape_port, &ports, err) : 0;
}

static int look(struct cut_off *c, struct object_list *services, struct err *err)
{
    const struct network_pass *p = c->pass;

    for (size_t k = 0; k < KINDS_COUNT; k++) {
        if (view_list(p->view, kinds[k], p->own.ns, p->arena, &c->workloads[k], err) < 0)
            return -1;
    }
    if (view_list(p->view, KIND_ENDPOINT_SLICE, p->own.ns, p->arena, &c->slices, err) < 0)
        return -1;
    return view_list(p->view, KIND_SERVICE, p->own.ns, p->arena, services, err);
}

int network_cut_off(struct network_pass *p, struct err *err)
{
    const struct netpol_facts *deny = p->wanted.items[0].observed;
    const struct port_list none = {0};
    struct cut_off c = {.pass = p};
    struct object_list services;

    if (!p->profile->network.denies_ingress || (deny && !deny_is_parked(deny)))
        return 0;
    if (look(&c, &services, err) < 0)
        return -1;
    for (size_t i = 0; i < services.count; i++) {
        if (judge_service(&c, OBJECT_AS(service_facts, services.items[i]), err) < 0)
            return -1;
    }
    for (size_t k = 0; k < KINDS_COUNT; k++) {
        for (size_t i = 0; i < c.workloads[k].count; i++) {
            const struct workload_facts *w = OBJECT_AS(workload_facts, c.workloads[k].items[i]);

            if (w->scrape_port && w->replicas_ready > 0 &&
                judge_scrape(&c, &w->object, w->scrape_port, &none, err) < 0)
                return -1;
        }
    }
    return 0;
}

static bool is_audited(const struct view *v, const char *ns)
{
    const struct verdict *verdict = view_verdict(v, ns);

    return verdict && verdict->profile && verdict->mode == MODE_AUDIT;
}

bool network_cut_off_touches(const struct view *v, const struct object *before,
                             const struct object *after)
{
    const struct object *any = after ? after : before;
    const struct workload_facts *old = OBJECT_AS(workload_facts, before);
    const struct workload_facts *new = OBJECT_AS(workload_facts, after);

    if (kind_is_workload(any->kind) && old && new &&
        (old->replicas_ready > 0) == (new->replicas_ready > 0) &&
        labels_equal(&old->pod.labels, &new->pod.labels) &&
        strcmp(old->scrape_port ? old->scrape_port : "-",
               new->scrape_port ? new->scrape_port : "-") == 0)
        return false;
    return is_audited(v, any->ns);
}

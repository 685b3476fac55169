/*
 * What the allows need to know of the cluster: where its DNS is, where its API server is, and which
 * pods the API server calls back. Everything is read from Services and EndpointSlices; what cannot
 * be told is an unresolved answer with a reason, never a guess.
 */
#ifndef RAMPART_RECONCILERS_CLUSTER_FACTS_H
#define RAMPART_RECONCILERS_CLUSTER_FACTS_H

#include "rampart/kube/plan.h"
#include "rampart/kube/profile.h"
#include "rampart/kube/view.h"

/* NodeLocal DNSCache listens here on every node
 * (kubernetes.io/docs/tasks/administer-cluster/nodelocaldns). */
#define NODE_LOCAL_DNS "169.254.20.10/32"

struct resolved {
    const char *unresolved; /* NULL: resolved; else why not and what to do */
};

/*
 * The cluster's DNS: Service kube-dns in kube-system (label k8s-app=kube-dns: CoreDNS and kube-dns
 * alike), or OpenShift's openshift-dns/dns-default. Ports are the Service's port 53 and what it
 * resolves to in its EndpointSlices (5353 on OpenShift).
 */
struct dns_facts {
    struct resolved answer;
    const char *ns;            /* of the DNS pods */
    const struct labels *pods; /* their labels: the Service's selector */
    struct net_rule egress;    /* for clients: peers (pods, and NodeLocal by address where it is in
                                  use) and ports */
    struct net_rule ingress;   /* for the DNS pods: anybody, on the ports */
};
MUST_CHECK int cluster_dns_find(const struct view *v, struct arena *a, struct dns_facts *ret_dns,
                                struct err *err);

bool cluster_dns_may_be_in(const char *ns); /* whether it is worth looking there */

/* The endpoints of default/kubernetes: addresses as ipBlocks, and their ports. */
struct api_server_facts {
    struct resolved answer;
    const struct net_rule *rules; /* one per EndpointSlice */
    size_t rules_count;
};
MUST_CHECK int api_server_find(const struct view *v, struct arena *a,
                               struct api_server_facts *ret_api, struct err *err);

/* One Service of the namespace that the API server calls: admission webhook, APIService or CRD
 * conversion. */
struct backend {
    struct resolved answer;
    const char *service;
    const char *caller; /* "ValidatingWebhookConfiguration vault" (the first one, for messages) */
    const struct labels *pods; /* the Service's selector */
    struct net_rule ingress;   /* anybody, on the resolved target ports */
};
struct backend_list {
    const struct backend *items; /* sorted by service */
    size_t count;
};
#define BACKENDS_MAX 64 /* Services of one namespace; more is unresolved, never ignored */
MUST_CHECK int backends_find(const struct view *v, const char *ns, struct arena *a,
                             struct backend_list *ret_list, struct err *err);
/* Whether anything the API server calls lives in the namespace: cheap, for the mapping of events.
 */
bool backends_touch(const struct view *v, const char *ns);

/* Whether a Service or EndpointSlice is one that every namespace's allows depend on (DNS,
 * default/kubernetes). */
bool cluster_facts_depend_on(const struct object *object);
/* Whether two states of a Service or EndpointSlice differ in anything used here; either may be
 * NULL. */
bool cluster_facts_differ(const struct object *before, const struct object *after);

#endif

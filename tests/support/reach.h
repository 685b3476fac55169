/*
 * Who may talk to whom: NetworkPolicies evaluated as the Kubernetes documentation describes them
 * (concepts/services-networking/ network-policies), independently of the code that makes them. One
 * subject pod, one direction, one peer, one port.
 */
#ifndef TESTS_SUPPORT_REACH_H
#define TESTS_SUPPORT_REACH_H

#include <jansson.h>
#include <stdbool.h>

struct reach_peer {
    const char *name; /* for messages */
    const char *ns;   /* NULL: not a pod */
    json_t *ns_labels;
    json_t *pod_labels;
    const char *ip; /* NULL: a pod without a known address */
};

struct reach_port {
    const char *protocol;
    int number;
};

/* @policies: array of the namespace's NetworkPolicy objects. */
bool reach_allows(const json_t *policies, const char *ns, const json_t *pod_labels, bool is_ingress,
                  const struct reach_peer *peer, const struct reach_port *port);

#endif

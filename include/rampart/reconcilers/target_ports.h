/* Where a port of a Service ends up on its pods. Pure. */
#ifndef RAMPART_RECONCILERS_TARGET_PORTS_H
#define RAMPART_RECONCILERS_TARGET_PORTS_H

#include "rampart/kube/profile.h"
#include "rampart/kube/view.h"

/* Distinct numbered ports, sorted by protocol and number, in an arena. */
struct port_list {
    const struct net_port *items;
    size_t count;
};

MUST_CHECK int port_list_add(struct port_list *list, enum protocol protocol, uint16_t number,
                             struct arena *a, struct err *err);

/* Adds the targetPort of @port where it is a number, and whatever @slices (of the Service's
 * namespace) resolved it to. A target that is a name and has no pod yet adds nothing. */
MUST_CHECK int target_ports_add(const struct service_facts *service,
                                const struct service_port *port, const struct object_list *slices,
                                struct port_list *targets, struct arena *a, struct err *err);

#endif

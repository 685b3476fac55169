#include "rampart/reconcilers/target_ports.h"

#include <string.h>

/* Keeps the list sorted, so that the order in which EndpointSlices come does not change a policy's
 * text. */
int port_list_add(struct port_list *list, enum protocol protocol, uint16_t number, struct arena *a,
                  struct err *err)
{
    struct net_port *grown;
    size_t place = 0;

    for (; place < list->count; place++) {
        const struct net_port *p = &list->items[place];

        if (p->protocol == protocol && p->number == number)
            return 0;
        if (p->protocol > protocol || (p->protocol == protocol && p->number > number))
            break;
    }
    grown = arena_calloc(a, list->count + 1, sizeof(*grown));
    if (!grown)
        return err_nomem(err);
    for (size_t i = 0; i < list->count; i++)
        grown[i < place ? i : i + 1] = list->items[i];
    grown[place] = (struct net_port){.protocol = protocol, .number = number};
    list->items = grown;
    list->count++;
    return 0;
}

/* Where one port of a Service ends up on its pods: its targetPort, and what the EndpointSlices
 * resolved it to. */
int target_ports_add(const struct service_facts *service, const struct service_port *port,
                     const struct object_list *slices, struct port_list *targets, struct arena *a,
                     struct err *err)
{
    if (port->target_number > 0 &&
        port_list_add(targets, port->protocol, port->target_number, a, err) < 0)
        return -1;
    for (size_t i = 0; i < slices->count; i++) {
        const struct slice_facts *slice = OBJECT_AS(slice_facts, slices->items[i]);

        if (strcmp(slice->service, service->object.name) != 0)
            continue;
        for (size_t k = 0; k < slice->ports_count; k++) {
            const struct slice_port *sp = &slice->ports[k];

            if (sp->port > 0 && sp->protocol == port->protocol &&
                strcmp(sp->name, port->name) == 0 &&
                port_list_add(targets, port->protocol, sp->port, a, err) < 0)
                return -1;
        }
    }
    return 0;
}

#include "rampart/kube/decode.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/cidr.h"

/* Number or name of the pods' port; absent, 0 and "" are the Service's own number. */
static int target_decode(const json_t *obj, struct arena *a, struct service_port *port,
                         struct err *err)
{
    const json_t *target = json_object_get(obj, "targetPort");
    int64_t number;

    if (json_is_string(target) && json_string_length(target) > 0)
        return json_get_str(obj, "targetPort", PORT_NAME_MAX, a, &port->target_name, err);
    if (json_is_string(target)) {
        port->target_number = port->port;
        return 0;
    }
    if (json_get_int(obj, "targetPort", 0, UINT16_MAX, 0, &number, err) < 0)
        return -1;
    port->target_number = number > 0 ? (uint16_t)number : port->port;
    return 0;
}

static int port_decode(const json_t *obj, struct arena *a, struct service_port *ret_port,
                       struct err *err)
{
    struct service_port port = {0};
    int64_t number;

    if (json_get_str(obj, "name", PORT_NAME_MAX, a, &port.name, err) < 0 ||
        protocol_decode(obj, &port.protocol, err) < 0 ||
        json_get_int(obj, "port", 1, UINT16_MAX, 0, &number, err) < 0)
        return -1;
    if (number == 0)
        return err_set(err, ERR_INVALID, "port: is missing");
    port.name = port.name ? port.name : "";
    port.port = (uint16_t)number;
    if (target_decode(obj, a, &port, err) < 0)
        return -1;
    *ret_port = port;
    return 0;
}

static int ports_decode(const json_t *spec, struct arena *a, struct service_facts *svc,
                        struct err *err)
{
    const json_t *arr = json_object_get(spec, "ports");
    size_t room = json_array_size(arr);
    struct service_port *ports;

    if (room == 0)
        return 0;
    if (room > SERVICE_PORTS_MAX)
        room = SERVICE_PORTS_MAX;
    ports = arena_calloc(a, room, sizeof(*ports));
    if (!ports)
        return err_nomem(err);
    for (size_t i = 0; i < room; i++) {
        struct err why = {0};

        if (port_decode(json_array_get(arr, i), a, &ports[svc->ports_count], &why) == 0)
            svc->ports_count++;
        else if (why.code == ERR_NOMEM)
            return err_nomem(err);
    }
    svc->ports = ports;
    return 0;
}

static bool is_address(const json_t *ip)
{
    const char *text = json_string_value(ip);

    return text && *text != '\0' && json_string_length(ip) <= IP_LEN_MAX &&
           strcmp(text, "None") != 0;
}

static int cluster_ip_add(const json_t *ip, struct arena *a, struct service_facts *svc,
                          struct err *err)
{
    if (!is_address(ip))
        return 0;
    svc->cluster_ips[svc->cluster_ips_count] = arena_strdup(a, json_string_value(ip));
    if (!svc->cluster_ips[svc->cluster_ips_count])
        return err_nomem(err);
    svc->cluster_ips_count++;
    return 0;
}

static int cluster_ips_decode(const json_t *spec, struct arena *a, struct service_facts *svc,
                              struct err *err)
{
    const json_t *several = json_object_get(spec, "clusterIPs");
    const json_t *single = json_object_get(spec, "clusterIP");
    size_t room = json_array_size(several);

    if (room == 0 && !is_address(single))
        return 0;
    if (room > SERVICE_CLUSTER_IPS_MAX)
        room = SERVICE_CLUSTER_IPS_MAX;
    svc->cluster_ips = arena_calloc(a, room ? room : 1, sizeof(*svc->cluster_ips));
    if (!svc->cluster_ips)
        return err_nomem(err);
    if (room == 0)
        return cluster_ip_add(single, a, svc, err);
    for (size_t i = 0; i < room; i++) {
        if (cluster_ip_add(json_array_get(several, i), a, svc, err) < 0)
            return -1;
    }
    return 0;
}

/* Labels that cannot be read are none. */
static int labels_keep(const json_t *obj, const char *name, struct arena *a,
                       struct labels *ret_labels, struct err *err)
{
    struct err why = {0};

    if (labels_decode(obj, name, a, ret_labels, &why) < 0 && why.code == ERR_NOMEM)
        return err_nomem(err);
    return 0;
}

static bool is_wide(const json_t *range)
{
    const char *text = json_string_value(range);
    struct err ignored = {0};
    struct cidr cidr;

    return !text || cidr_parse(text, &cidr, &ignored) < 0 || cidr.prefix_len < SERVICE_RANGE_WIDEST;
}

static bool are_wide(const json_t *ranges)
{
    for (size_t i = 0; i < json_array_size(ranges); i++) {
        if (is_wide(json_array_get(ranges, i)))
            return true;
    }
    return json_array_size(ranges) == 0;
}

/* Who reaches the Service from outside of the cluster. */
static int exposure_decode(const json_t *spec, struct arena *a, struct service_facts *svc,
                           struct err *err)
{
    const json_t *type = json_member(spec, "type");
    const json_t *ips = json_member(spec, "externalIPs");
    const json_t *ranges = json_member(spec, "loadBalancerSourceRanges");
    const char *word = json_string_value(type);
    const char *ip = json_string_value(json_array_get(ips, 0));

    svc->is_external_name = word && strcmp(word, "ExternalName") == 0;
    svc->is_load_balancer = word && strcmp(word, "LoadBalancer") == 0;
    svc->is_open_to_all = svc->is_load_balancer && are_wide(ranges);
    svc->is_exposure_unreadable = (type && !word) || (ips && json_typeof(ips) != JSON_ARRAY) ||
                                  (ranges && json_typeof(ranges) != JSON_ARRAY) ||
                                  (json_array_size(ips) > 0 && !ip);
    if (!ip)
        return 0;
    svc->external_ip = arena_strndup(a, ip, strnlen(ip, IP_LEN_MAX));
    return svc->external_ip ? 0 : err_nomem(err);
}

/* Where the cluster's DNS is told by its labels, and where a rule may object to the Service. */
static bool needs_labels(const struct service_facts *svc)
{
    return strcmp(svc->object.ns, "kube-system") == 0 ||
           strcmp(svc->object.ns, "openshift-dns") == 0 || svc->is_load_balancer ||
           svc->external_ip;
}

int scrape_decode(const json_t *annotations, struct arena *a, const char **ret_port,
                  struct err *err)
{
    const char *scrape = json_string_value(json_member(annotations, "prometheus.io/scrape"));
    const char *port = json_string_value(json_member(annotations, "prometheus.io/port"));

    *ret_port = NULL;
    if (!scrape || strcmp(scrape, "true") != 0)
        return 0;
    if (!port || strlen(port) > 5 || strspn(port, "0123456789") != strlen(port) || *port == '0')
        port = "";
    *ret_port = arena_strdup(a, port);
    return *ret_port ? 0 : err_nomem(err);
}

int service_decode(const json_t *root, struct arena *a, struct object **ret_object, struct err *err)
{
    struct service_facts *svc = arena_alloc(a, sizeof(*svc));
    const json_t *spec = json_object_get(root, "spec");

    if (!svc)
        return err_nomem(err);
    if (meta_decode(KIND_SERVICE, root, a, &svc->object, err) < 0)
        return -1;
    if (exposure_decode(spec, a, svc, err) < 0)
        return -1;
    if (needs_labels(svc) &&
        labels_keep(json_object_get(root, "metadata"), "labels", a, &svc->labels, err) < 0)
        return -1;
    if (labels_keep(spec, "selector", a, &svc->selector, err) < 0 ||
        scrape_decode(json_member(json_object_get(root, "metadata"), "annotations"), a,
                      &svc->scrape_port, err) < 0 ||
        cluster_ips_decode(spec, a, svc, err) < 0 || ports_decode(spec, a, svc, err) < 0)
        return -1;
    *ret_object = &svc->object;
    return 0;
}

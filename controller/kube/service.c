#include "rampart/kube/decode.h"

#include <string.h>

#include "rampart/json/get.h"

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
    const json_t *arr;
    struct service_port *ports;

    if (json_get_arr(spec, "ports", SERVICE_PORTS_MAX, &arr, err) < 0)
        return -1;
    if (json_array_size(arr) == 0)
        return 0;
    ports = arena_calloc(a, json_array_size(arr), sizeof(*ports));
    if (!ports)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(arr); i++) {
        const json_t *obj;

        if (element_obj(arr, i, "ports", &obj, err) < 0)
            return -1;
        if (port_decode(obj, a, &ports[i], err) < 0)
            return json_path_wrap_index(err, "ports", i);
    }
    svc->ports = ports;
    svc->ports_count = json_array_size(arr);
    return 0;
}

static int cluster_ips_decode(const json_t *spec, struct arena *a, struct service_facts *svc,
                              struct err *err)
{
    const char **ips;
    const char *single = NULL;
    size_t count;
    size_t kept = 0;

    if (json_get_strs(spec, "clusterIPs", SERVICE_CLUSTER_IPS_MAX, IP_LEN_MAX, a, &ips, &count,
                      err) < 0)
        return -1;
    if (count == 0) {
        if (json_get_str(spec, "clusterIP", IP_LEN_MAX, a, &single, err) < 0)
            return -1;
        if (!single)
            return 0;
        ips = arena_alloc(a, sizeof(*ips));
        if (!ips)
            return err_nomem(err);
        ips[count++] = single;
    }
    for (size_t i = 0; i < count; i++) {
        if (*ips[i] != '\0' && strcmp(ips[i], "None") != 0)
            ips[kept++] = ips[i];
    }
    svc->cluster_ips = ips;
    svc->cluster_ips_count = kept;
    return 0;
}

static int spec_decode(const json_t *spec, struct arena *a, struct service_facts *svc,
                       struct err *err)
{
    const char *type;

    if (member_text(spec, "type", &type, err) < 0 ||
        labels_decode(spec, "selector", a, &svc->selector, err) < 0 ||
        cluster_ips_decode(spec, a, svc, err) < 0 || ports_decode(spec, a, svc, err) < 0)
        return -1;
    svc->is_external_name = type && strcmp(type, "ExternalName") == 0;
    return 0;
}

int service_decode(const json_t *root, struct arena *a, struct object **ret_object, struct err *err)
{
    struct service_facts *svc = arena_alloc(a, sizeof(*svc));
    const json_t *spec;

    if (!svc)
        return err_nomem(err);
    if (meta_decode(KIND_SERVICE, root, a, &svc->object, err) < 0)
        return -1;
    if (labels_decode(json_object_get(root, "metadata"), "labels", a, &svc->labels, err) < 0)
        return json_path_wrap(err, "metadata");
    if (json_get_obj(root, "spec", &spec, err) < 0)
        return -1;
    if (spec_decode(spec, a, svc, err) < 0)
        return json_path_wrap(err, "spec");
    *ret_object = &svc->object;
    return 0;
}

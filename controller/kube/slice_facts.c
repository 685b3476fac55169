#include "rampart/kube/decode.h"

#include <string.h>

#include "rampart/json/get.h"

#define LABEL_SERVICE "kubernetes.io/service-name"

static int port_decode(const json_t *obj, struct arena *a, struct slice_port *ret_port,
                       struct err *err)
{
    struct slice_port port = {0};
    int64_t number;

    if (json_get_str(obj, "name", PORT_NAME_MAX, a, &port.name, err) < 0 ||
        protocol_decode(obj, &port.protocol, err) < 0 ||
        json_get_int(obj, "port", 0, UINT16_MAX, 0, &number, err) < 0)
        return -1;
    port.name = port.name ? port.name : "";
    port.port = (uint16_t)number;
    *ret_port = port;
    return 0;
}

static int ports_decode(const json_t *root, struct arena *a, struct slice_facts *slice,
                        struct err *err)
{
    const json_t *arr = json_object_get(root, "ports");
    size_t count = json_array_size(arr);
    struct slice_port *ports;

    if (count == 0 || count > SLICE_PORTS_MAX)
        return 0;
    ports = arena_calloc(a, count, sizeof(*ports));
    if (!ports)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const json_t *obj = json_array_get(arr, i);
        struct err why = {0};

        if (json_typeof(obj) != JSON_OBJECT)
            continue;
        if (port_decode(obj, a, &ports[slice->ports_count], &why) == 0)
            slice->ports_count++;
        else if (why.code == ERR_NOMEM)
            return err_nomem(err);
    }
    slice->ports = ports;
    return 0;
}

static bool is_address(const json_t *address)
{
    return json_string_length(address) > 0 && json_string_length(address) <= IP_LEN_MAX;
}

/* A list of ports of which none could be kept is not the absent one, which means every port. */
static bool has_lost_ports(const json_t *root, const struct slice_facts *slice)
{
    return slice->ports_count == 0 && json_array_size(json_object_get(root, "ports")) > 0;
}

/* Of every endpoint, borrowed from the JSON; only counts where @all is NULL. */
static size_t addresses_list(const json_t *endpoints, const char **all)
{
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(endpoints); i++) {
        const json_t *some = json_object_get(json_array_get(endpoints, i), "addresses");

        for (size_t k = 0; k < json_array_size(some); k++) {
            const json_t *address = json_array_get(some, k);

            if (!is_address(address))
                continue;
            if (all)
                all[count] = json_string_value(address);
            count++;
        }
    }
    return count;
}

static int addresses_decode(const json_t *root, struct arena *a, struct slice_facts *slice,
                            struct err *err)
{
    const json_t *endpoints = json_object_get(root, "endpoints");
    size_t count = addresses_list(endpoints, NULL);
    const char **all;

    if (count == 0 || count > SLICE_ADDRESSES_MAX)
        return 0;
    all = arena_calloc(a, count, sizeof(*all));
    if (!all)
        return err_nomem(err);
    (void)addresses_list(endpoints, all);
    count = texts_sort(all, count);
    for (size_t i = 0; i < count; i++) {
        all[i] = arena_strdup(a, all[i]);
        if (!all[i])
            return err_nomem(err);
    }
    slice->addresses = all;
    slice->addresses_count = count;
    return 0;
}

int slice_facts_decode(const json_t *root, struct arena *a, struct object **ret_object,
                       struct err *err)
{
    struct slice_facts *slice = arena_alloc(a, sizeof(*slice));
    const char *type = json_string_value(json_object_get(root, "addressType"));
    const json_t *labels = json_object_get(json_object_get(root, "metadata"), "labels");

    if (!slice)
        return err_nomem(err);
    if (meta_decode(KIND_ENDPOINT_SLICE, root, a, &slice->object, err) < 0)
        return -1;
    if (text_keep(labels, LABEL_SERVICE, LABEL_VALUE_MAX, a, &slice->service, err) < 0 ||
        ports_decode(root, a, slice, err) < 0)
        return -1;
    slice->service = slice->service ? slice->service : "";
    slice->is_ipv6 = type && strcmp(type, "IPv6") == 0;
    /* Pods come and go in the slices of every Service; only the API server's own addresses are
     * needed. */
    if (strcmp(slice->object.ns, "default") == 0 && strcmp(slice->service, "kubernetes") == 0 &&
        !(type && strcmp(type, "FQDN") == 0) && !has_lost_ports(root, slice) &&
        addresses_decode(root, a, slice, err) < 0)
        return -1;
    *ret_object = &slice->object;
    return 0;
}

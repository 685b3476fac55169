#include "rampart/kube/decode.h"

#include <string.h>

#include "rampart/json/get.h"

#define LABEL_SERVICE "kubernetes.io/service-name"
#define ENDPOINT_ADDRESSES_MAX 100 /* of one endpoint: the API's own limit */

static int ports_decode(const json_t *root, struct arena *a, struct slice_facts *slice,
                        struct err *err)
{
    const json_t *arr;
    struct slice_port *ports;

    if (json_get_arr(root, "ports", SLICE_PORTS_MAX, &arr, err) < 0)
        return -1;
    if (json_array_size(arr) == 0)
        return 0;
    ports = arena_calloc(a, json_array_size(arr), sizeof(*ports));
    if (!ports)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(arr); i++) {
        const json_t *obj;
        int64_t number;

        if (element_obj(arr, i, "ports", &obj, err) < 0)
            return -1;
        if (json_get_str(obj, "name", PORT_NAME_MAX, a, &ports[i].name, err) < 0 ||
            protocol_decode(obj, &ports[i].protocol, err) < 0 ||
            json_get_int(obj, "port", 0, UINT16_MAX, 0, &number, err) < 0)
            return json_path_wrap_index(err, "ports", i);
        ports[i].name = ports[i].name ? ports[i].name : "";
        ports[i].port = (uint16_t)number;
    }
    slice->ports = ports;
    slice->ports_count = json_array_size(arr);
    return 0;
}

/* Addresses of every endpoint, checked; how many there are. */
static int addresses_count(const json_t *endpoints, size_t *ret_count, struct err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(endpoints); i++) {
        const json_t *endpoint;
        const json_t *addresses;

        if (element_obj(endpoints, i, "endpoints", &endpoint, err) < 0)
            return -1;
        if (json_get_arr(endpoint, "addresses", ENDPOINT_ADDRESSES_MAX, &addresses, err) < 0)
            return json_path_wrap_index(err, "endpoints", i);
        count += json_array_size(addresses);
    }
    if (count > SLICE_ADDRESSES_MAX)
        return err_set(err, ERR_INVALID, "endpoints: %zu addresses, expected at most %d", count,
                       SLICE_ADDRESSES_MAX);
    *ret_count = count;
    return 0;
}

static int addresses_decode(const json_t *root, struct arena *a, struct slice_facts *slice,
                            struct err *err)
{
    const json_t *endpoints;
    const char **all;
    size_t count;
    size_t done = 0;

    if (json_get_arr(root, "endpoints", SLICE_ADDRESSES_MAX, &endpoints, err) < 0 ||
        addresses_count(endpoints, &count, err) < 0)
        return -1;
    if (count == 0)
        return 0;
    all = arena_calloc(a, count, sizeof(*all));
    if (!all)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(endpoints); i++) {
        const char **some;
        size_t some_count;

        if (json_get_strs(json_array_get(endpoints, i), "addresses", ENDPOINT_ADDRESSES_MAX,
                          IP_LEN_MAX, a, &some, &some_count, err) < 0)
            return json_path_wrap_index(err, "endpoints", i);
        for (size_t k = 0; k < some_count; k++)
            all[done++] = some[k];
    }
    slice->addresses = all;
    slice->addresses_count = texts_sort(all, done);
    return 0;
}

static int service_read(const json_t *root, struct arena *a, struct slice_facts *slice,
                        struct err *err)
{
    const json_t *labels;

    if (json_get_obj(json_object_get(root, "metadata"), "labels", &labels, err) < 0)
        return -1;
    if (json_get_str(labels, LABEL_SERVICE, LABEL_VALUE_MAX, a, &slice->service, err) < 0)
        return json_path_wrap(err, "labels");
    slice->service = slice->service ? slice->service : "";
    return 0;
}

int slice_facts_decode(const json_t *root, struct arena *a, struct object **ret_object,
                       struct err *err)
{
    struct slice_facts *slice = arena_alloc(a, sizeof(*slice));
    const char *type;

    if (!slice)
        return err_nomem(err);
    if (meta_decode(KIND_ENDPOINT_SLICE, root, a, &slice->object, err) < 0)
        return -1;
    if (service_read(root, a, slice, err) < 0)
        return json_path_wrap(err, "metadata");
    if (member_text(root, "addressType", &type, err) < 0 || ports_decode(root, a, slice, err) < 0)
        return -1;
    slice->is_ipv6 = type && strcmp(type, "IPv6") == 0;
    /* Pods come and go in the slices of every Service; only the API server's own addresses are
     * needed. */
    if (strcmp(slice->object.ns, "default") == 0 && strcmp(slice->service, "kubernetes") == 0 &&
        addresses_decode(root, a, slice, err) < 0)
        return -1;
    *ret_object = &slice->object;
    return 0;
}

#include "rampart/json/get.h"
#include "rampart/kube/decode.h"

/* One backend: the name of its Service, borrowed from the JSON. */
static void take(const json_t *backend, const char **services, size_t *count)
{
    const char *name = json_string_value(json_member(json_member(backend, "service"), "name"));

    if (name && *name != '\0' && *count < INGRESS_SERVICES_MAX)
        services[(*count)++] = name;
}

static void take_rule(const json_t *rule, const char **services, size_t *count)
{
    const json_t *paths = json_member(json_member(rule, "http"), "paths");

    for (size_t i = 0; i < json_array_size(paths); i++)
        take(json_member(json_array_get(paths, i), "backend"), services, count);
}

int ingress_decode(const json_t *root, struct arena *a, struct object **ret_object, struct err *err)
{
    struct ingress_facts *ingress = arena_alloc(a, sizeof(*ingress));
    const json_t *spec = json_member(root, "spec");
    const json_t *rules = json_member(spec, "rules");
    const char *services[INGRESS_SERVICES_MAX];
    size_t count = 0;

    if (!ingress)
        return err_nomem(err);
    if (meta_decode(KIND_INGRESS, root, a, &ingress->object, err) < 0)
        return -1;
    take(json_member(spec, "defaultBackend"), services, &count);
    for (size_t i = 0; i < json_array_size(rules); i++)
        take_rule(json_array_get(rules, i), services, &count);
    count = texts_sort(services, count);
    ingress->services = arena_calloc(a, count, sizeof(*ingress->services));
    if (!ingress->services)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        ingress->services[i] = arena_strdup(a, services[i]);
        if (!ingress->services[i])
            return err_nomem(err);
    }
    ingress->services_count = count;
    *ret_object = &ingress->object;
    return 0;
}

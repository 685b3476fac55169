#include <string.h>

#include "rampart/reconcilers/cluster_facts.h"
#include "rampart/reconcilers/target_ports.h"

/* Whatever makes the API server call a Service. */
static const enum kind hook_kinds[] = {
    KIND_VALIDATING_WEBHOOK,
    KIND_MUTATING_WEBHOOK,
    KIND_API_SERVICE,
    KIND_CRD,
};
#define HOOKS_ARENA_MAX \
    (4u * 1024 * 1024) /* lists of all of them; over it everything counts as called */
#define HOOK_KINDS (sizeof(hook_kinds) / sizeof(hook_kinds[0]))

static int backend_unresolved(struct backend *b, struct arena *a, const char *ns, const char *why,
                              struct err *err)
{
    b->answer.unresolved =
        arena_printf(a, "Service %s/%s, which %s calls, %s", ns, b->service, b->caller, why);
    return b->answer.unresolved ? 0 : err_nomem(err);
}

static const struct service_port *find_port(const struct service_facts *service, uint16_t port)
{
    for (size_t i = 0; i < service->ports_count; i++) {
        if (service->ports[i].port == port && service->ports[i].protocol == PROTOCOL_TCP)
            return &service->ports[i];
    }
    return NULL;
}

/* Adds where @port leads; says why when it leads nowhere. */
static int backend_resolve(const struct view *v, const char *ns, uint16_t port,
                           const struct object_list *slices, struct backend *b, struct arena *a,
                           struct err *err)
{
    const struct service_facts *service =
        OBJECT_AS(service_facts, view_get(v, KIND_SERVICE, ns, b->service));
    struct port_list targets = {.items = b->ingress.ports, .count = b->ingress.ports_count};
    const struct service_port *sp;

    if (!service)
        return backend_unresolved(b, a, ns, "does not exist; create it or remove what calls it",
                                  err);
    if (service->selector.count == 0)
        return backend_unresolved(b, a, ns,
                                  "has no selector, so its pods cannot be told; give it one", err);
    b->pods = &service->selector;
    sp = find_port(service, port);
    if (!sp)
        return backend_unresolved(b, a, ns, "has not the port that is called; correct one of them",
                                  err);
    if (target_ports_add(service, sp, slices, &targets, a, err) < 0)
        return -1;
    if (targets.count == 0)
        return backend_unresolved(
            b, a, ns,
            "names its target port and no pod has resolved it yet; it goes on when one is there",
            err);
    b->ingress.ports = targets.items;
    b->ingress.ports_count = targets.count;
    return 0;
}

static struct backend *backend_of(struct backend *items, size_t *count, const char *service)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(items[i].service, service) == 0)
            return &items[i];
    }
    if (*count >= BACKENDS_MAX)
        return NULL;
    items[*count].service = service;
    return &items[(*count)++];
}

/* The API server resolves an ExternalName by itself: no pod of this namespace is called. */
static bool is_external(const struct view *v, const char *ns, const char *service)
{
    const struct object *object = view_get(v, KIND_SERVICE, ns, service);

    return object && OBJECT_AS(service_facts, object)->is_external_name;
}

static void sort_backends(struct backend *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct backend moving = items[i];
        size_t k = i;

        for (; k > 0 && strcmp(items[k - 1].service, moving.service) > 0; k--)
            items[k] = items[k - 1];
        items[k] = moving;
    }
}

static int add_hook(const struct view *v, const struct hook_facts *hook, const char *ns,
                    const struct object_list *slices, struct backend *items, size_t *count,
                    struct arena *a, struct err *err)
{
    for (size_t i = 0; i < hook->refs_count; i++) {
        const struct hook_ref *ref = &hook->refs[i];
        struct backend *b;

        if (strcmp(ref->ns, ns) != 0 || is_external(v, ns, ref->service))
            continue;
        b = backend_of(items, count, ref->service);
        if (!b)
            return err_set(err, ERR_LIMIT,
                           "namespace %s: the API server calls more than %d Services in it", ns,
                           BACKENDS_MAX);
        if (!b->caller)
            b->caller =
                arena_printf(a, "%s %s", resource_of(hook->object.kind)->name, hook->object.name);
        if (!b->caller)
            return err_nomem(err);
        if (!b->answer.unresolved && backend_resolve(v, ns, ref->port, slices, b, a, err) < 0)
            return -1;
    }
    return 0;
}

static int find_any(const struct view *v, const char *ns, struct arena *a, bool *ret_is_called,
                    struct err *err)
{
    for (size_t k = 0; k < HOOK_KINDS; k++) {
        struct object_list hooks;

        if (view_list(v, hook_kinds[k], NULL, a, &hooks, err) < 0)
            return -1;
        for (size_t i = 0; i < hooks.count; i++) {
            const struct hook_facts *hook = OBJECT_AS(hook_facts, hooks.items[i]);

            for (size_t r = 0; r < hook->refs_count; r++) {
                if (strcmp(hook->refs[r].ns, ns) == 0) {
                    *ret_is_called = true;
                    return 0;
                }
            }
        }
    }
    *ret_is_called = false;
    return 0;
}

bool backends_touch(const struct view *v, const char *ns)
{
    AUTO_ARENA arena;
    bool is_called = true; /* a pass too many does no harm, one too few would */

    arena_init(&arena, HOOKS_ARENA_MAX);
    (void)find_any(v, ns, &arena, &is_called, NULL);
    return is_called;
}

int backends_find(const struct view *v, const char *ns, struct arena *a,
                  struct backend_list *ret_list, struct err *err)
{
    struct object_list slices;
    struct backend *items;
    bool is_called;
    size_t count = 0;

    *ret_list = (struct backend_list){0};
    if (find_any(v, ns, a, &is_called, err) < 0)
        return -1;
    if (!is_called)
        return 0;
    items = arena_calloc(a, BACKENDS_MAX, sizeof(*items));
    if (!items)
        return err_nomem(err);
    if (view_list(v, KIND_ENDPOINT_SLICE, ns, a, &slices, err) < 0)
        return -1;
    for (size_t k = 0; k < HOOK_KINDS; k++) {
        struct object_list hooks;

        if (view_list(v, hook_kinds[k], NULL, a, &hooks, err) < 0)
            return -1;
        for (size_t i = 0; i < hooks.count; i++) {
            if (add_hook(v, OBJECT_AS(hook_facts, hooks.items[i]), ns, &slices, items, &count, a,
                         err) < 0)
                return -1;
        }
    }
    sort_backends(items, count);
    *ret_list = (struct backend_list){.items = items, .count = count};
    return 0;
}

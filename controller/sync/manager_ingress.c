#include "manager_state.h"

/* Without a profile that asks what its default-deny would cut off, Ingresses are nobody's business.
 */
static bool is_wanted(void *ctx)
{
    const struct manager *m = ctx;

    return m->audits_count > 0;
}

static void on_begin(void *ctx)
{
    struct manager *m = ctx;

    ingresses_done(&m->ingresses_next);
    ingresses_init(&m->ingresses_next);
}

static int on_object(void *ctx, const struct object *object, struct err *err)
{
    struct manager *m = ctx;

    return ingresses_add(&m->ingresses_next, OBJECT_AS(ingress_facts, object), err);
}

static void mark_namespace(void *ctx, const char *ns)
{
    manager_mark_namespace(ctx, ns);
}

static void on_end(void *ctx, bool had_trouble)
{
    struct manager *m = ctx;
    struct ingresses before = m->ingresses;

    (void)had_trouble;
    m->ingresses = m->ingresses_next;
    ingresses_init(&m->ingresses_next);
    if (m->ingresses.is_cut)
        log_event(m->options.log, LOG_WARN,
                  "more Services are behind Ingresses than are kept: of the rest it is not said "
                  "that a default-deny would cut them off",
                  LOG_INT("kept", INGRESSES_MAX));
    ingresses_differ(&before, &m->ingresses, mark_namespace, m);
    ingresses_done(&before);
}

/* What the look before found stands; the scan has logged why. */
static void on_failed(void *ctx)
{
    (void)ctx;
}

int manager_ingress_new(struct manager *m, struct err *err)
{
    static const enum kind kinds[] = {KIND_INGRESS};
    const struct scan_options options = {
        .transport = m->options.transport,
        .log = m->options.log,
        .seed = m->options.seed + 3,
        .kinds = kinds,
        .kinds_count = 1,
        .is_wanted = is_wanted,
        .on_begin = on_begin,
        .on_object = on_object,
        .on_end = on_end,
        .on_failed = on_failed,
        .ctx = m,
    };

    ingresses_init(&m->ingresses);
    ingresses_init(&m->ingresses_next);
    m->ingress_scan = scan_new(&options, err);
    return m->ingress_scan ? 0 : -1;
}

#include "rampart/sync/ingresses.h"

#include <stdio.h>
#include <string.h>

#define KEY_LEN_MAX (2 * NAME_LEN_MAX + 2)

void ingresses_init(struct ingresses *s)
{
    map_init(&s->names, INGRESSES_MAX);
    s->is_cut = false;
}

void ingresses_done(struct ingresses *s)
{
    for (struct map_entry *e = map_first(&s->names); e; e = map_next(e))
        mem_free(map_entry_value(e));
    map_done(&s->names);
}

/* False: longer than any name can be, so nothing has it. */
static bool compose(char ret_key[KEY_LEN_MAX], const char *ns, const char *service)
{
    return snprintf(ret_key, KEY_LEN_MAX, "%s/%s", ns, service) < KEY_LEN_MAX;
}

static int put(struct ingresses *s, const char *key, const char *name, struct err *err)
{
    const char *before = map_get(&s->names, key);
    struct err why = {0};
    void *old = NULL;
    char *copy;

    if (before && strcmp(before, name) <= 0)
        return 0;
    copy = mem_strdup(name);
    if (!copy)
        return err_nomem(err);
    if (map_put(&s->names, key, copy, &old, &why) < 0) {
        mem_free(copy);
        if (why.code == ERR_NOMEM)
            return err_nomem(err);
        s->is_cut = true;
    }
    mem_free(old);
    return 0;
}

int ingresses_add(struct ingresses *s, const struct ingress_facts *ingress, struct err *err)
{
    for (size_t i = 0; i < ingress->services_count; i++) {
        char key[KEY_LEN_MAX];

        if (compose(key, ingress->object.ns, ingress->services[i]) &&
            put(s, key, ingress->object.name, err) < 0)
            return -1;
    }
    return 0;
}

const char *ingresses_get(const struct ingresses *s, const char *ns, const char *service)
{
    char key[KEY_LEN_MAX];

    return compose(key, ns, service) ? map_get(&s->names, key) : NULL;
}

static void tell_others(const struct ingresses *one, const struct ingresses *other,
                        void (*fn)(void *ctx, const char *ns), void *ctx)
{
    for (struct map_entry *e = map_first(&one->names); e; e = map_next(e)) {
        const char *key = map_entry_key(e);
        const char *now = map_get(&other->names, key);
        char ns[KEY_LEN_MAX];

        if (now && strcmp(now, map_entry_value(e)) == 0)
            continue;
        (void)snprintf(ns, sizeof(ns), "%.*s", (int)strcspn(key, "/"), key);
        fn(ctx, ns);
    }
}

void ingresses_differ(const struct ingresses *one, const struct ingresses *other,
                      void (*fn)(void *ctx, const char *ns), void *ctx)
{
    tell_others(one, other, fn, ctx);
    tell_others(other, one, fn, ctx);
}

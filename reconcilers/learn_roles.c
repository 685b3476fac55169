#include "rampart/reconcilers/learn_roles.h"

#include <stdlib.h>
#include <string.h>

#include "rampart/kube/rbac_cover.h"

/* One right in one place. */
struct use {
    const struct learn_right *right;
    const char *ns;
    const char *const *names; /* none: any */
    size_t count;
};

struct uses {
    struct use *items; /* in the arena */
    size_t count;
};

static int compare_uses(const void *one, const void *other)
{
    return strcmp(((const struct use *)one)->ns, ((const struct use *)other)->ns);
}

static bool is_open(const struct learn_place *place)
{
    return place->is_any || place->is_widened;
}

static bool has_name(const struct learn_place *place, const char *name)
{
    for (size_t i = 0; i < place->count; i++) {
        if (strcmp(place->names[i], name) == 0)
            return true;
    }
    return false;
}

/*
 * The names of @place that the right for the whole cluster, @wide, does not give already. False:
 * there is nothing left of the place.
 */
static int read_place(const struct learn_place *place, const struct learn_place *wide,
                      struct arena *a, struct use *use, bool *ret_is_needed, struct err *err)
{
    const char **names;

    *ret_is_needed = false;
    if (wide && is_open(wide))
        return 0;
    if (is_open(place)) {
        *ret_is_needed = true;
        return 0;
    }
    if (place->count == 0)
        return 0;
    names = arena_calloc(a, place->count, sizeof(*names));
    if (!names)
        return err_nomem(err);
    for (size_t i = 0; i < place->count; i++) {
        if (!wide || !has_name(wide, place->names[i]))
            names[use->count++] = place->names[i];
    }
    use->names = names;
    *ret_is_needed = use->count > 0;
    return 0;
}

static int read_right(const struct learn_right *right, struct arena *a, struct uses *uses,
                      struct err *err)
{
    if (right->path)
        uses->items[uses->count++] = (struct use){.right = right, .ns = ""};
    for (size_t i = 0; i < right->count; i++) {
        const struct learn_place *place = &right->places[i];
        const struct learn_place *wide =
            i > 0 && *right->places[0].ns == '\0' ? right->places : NULL;
        struct use use = {.right = right, .ns = place->ns};
        bool is_needed;

        if (read_place(place, wide, a, &use, &is_needed, err) < 0)
            return -1;
        if (is_needed)
            uses->items[uses->count++] = use;
    }
    return 0;
}

static int read_account(const struct learn_account *account, struct arena *a, struct uses *ret_uses,
                        struct err *err)
{
    size_t count = 0;

    for (const struct learn_right *right = account->rights; right; right = right->next)
        count += right->path ? 1 : right->count;
    *ret_uses = (struct uses){.items = arena_calloc(a, count + 1, sizeof(struct use))};
    if (!ret_uses->items)
        return err_nomem(err);
    for (const struct learn_right *right = account->rights; right; right = right->next) {
        if (read_right(right, a, ret_uses, err) < 0)
            return -1;
    }
    qsort(ret_uses->items, ret_uses->count, sizeof(struct use), compare_uses);
    return 0;
}

static int one(struct arena *a, const char *text, struct rbac_list *ret_list)
{
    const char **texts = arena_calloc(a, 1, sizeof(*texts));

    if (!texts)
        return -1;
    texts[0] = text;
    *ret_list = (struct rbac_list){texts, 1};
    return 0;
}

static int write_rule(const struct use *use, struct arena *a, struct rbac_rule *ret_rule)
{
    const struct learn_right *right = use->right;

    ret_rule->resource_names = (struct rbac_list){use->names, use->count};
    if (one(a, right->verb, &ret_rule->verbs) < 0)
        return -1;
    if (right->path)
        return one(a, right->path, &ret_rule->non_resource_urls);
    if (one(a, right->group, &ret_rule->api_groups) < 0)
        return -1;
    return one(a, right->resource, &ret_rule->resources);
}

/* The first @count uses are those of one namespace. */
static int write_role(const struct use *uses, size_t count, struct arena *a,
                      struct learn_role *ret_role, struct err *err)
{
    struct rbac_rule *rules = arena_calloc(a, count, sizeof(*rules));

    if (!rules)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        if (write_rule(&uses[i], a, &rules[i]) < 0)
            return err_nomem(err);
    }
    ret_role->ns = uses[0].ns;
    ret_role->rules.rules = rules;
    return rbac_rules_join(rules, count, a, &ret_role->rules.count, err);
}

int learn_roles_of(const struct learn_account *account, struct arena *a,
                   struct learn_roles *ret_roles, struct err *err)
{
    struct learn_role *roles;
    struct uses uses;
    size_t count = 0;

    if (read_account(account, a, &uses, err) < 0)
        return -1;
    roles = arena_calloc(a, uses.count + 1, sizeof(*roles));
    if (!roles)
        return err_nomem(err);
    for (size_t from = 0, to; from < uses.count; from = to) {
        for (to = from + 1;
             to < uses.count && compare_uses(&uses.items[from], &uses.items[to]) == 0;)
            to++;
        if (write_role(&uses.items[from], to - from, a, &roles[count++], err) < 0)
            return -1;
    }
    *ret_roles = (struct learn_roles){roles, count};
    return 0;
}

static bool writes(const char *verb)
{
    return strcmp(verb, "create") == 0 || strcmp(verb, "update") == 0 || strcmp(verb, "patch") == 0;
}

const char *learn_beyond_log(const struct learn_right *right)
{
    static const char *const binding[] = {"rolebindings", "clusterrolebindings"};
    static const char *const role[] = {"roles", "clusterroles"};

    if (!right->resource || !writes(right->verb))
        return NULL;
    for (size_t i = 0; i < 2 && strcmp(right->group, RBAC_GROUP) == 0; i++) {
        if (strcmp(right->resource, binding[i]) == 0)
            return "the rights of the role that is bound, or verb bind on it";
        if (strcmp(right->resource, role[i]) == 0)
            return "the rights that are written into the role, or verb escalate on it";
    }
    if (strcmp(right->group, "certificates.k8s.io") != 0)
        return NULL;
    if (strcmp(right->resource, "certificatesigningrequests/approval") == 0)
        return "verb approve on the signer";
    if (strcmp(right->resource, "certificatesigningrequests/status") == 0)
        return "verb sign on the signer";
    return NULL;
}

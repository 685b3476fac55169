#include "access_aggregate.h"

#include "rampart/json/get.h"

/* What no aggregationRule could say selects nothing: it is left out. */
static int selectors_read(const json_t *object, struct arena *a, struct access_role *role,
                          struct err *err)
{
    const json_t *arr;
    struct selector *selectors;

    if (json_get_arr(json_member(object, "aggregationRule"), "clusterRoleSelectors",
                     ACCESS_SELECTORS_MAX, &arr, err) < 0)
        return json_path_wrap(err, "aggregationRule");
    selectors = arena_calloc(a, json_array_size(arr) + 1, sizeof(*selectors));
    if (!selectors)
        return err_nomem(err);
    role->selectors = selectors;
    for (size_t i = 0; i < json_array_size(arr); i++) {
        struct err why = {0};

        if (selector_decode(json_array_get(arr, i), a, &selectors[role->selectors_count], &why) ==
            0)
            role->selectors_count++;
        else if (why.code == ERR_NOMEM)
            return err_nomem(err);
    }
    return 0;
}

int access_aggregate_read(const json_t *object, const json_t *metadata, struct arena *a,
                          struct access_role *role, struct err *err)
{
    role->is_aggregated = json_member(object, "aggregationRule") != NULL;
    if (labels_decode(metadata, "labels", a, &role->labels, err) < 0)
        return json_path_wrap(err, "metadata");
    return role->is_aggregated ? selectors_read(object, a, role, err) : 0;
}

static bool is_selected(const struct access_role *by, const struct access_role *role)
{
    for (size_t i = 0; i < by->selectors_count; i++) {
        if (selector_matches(&by->selectors[i], &role->labels))
            return true;
    }
    return false;
}

/* ClusterRoles come first. */
void access_aggregate_link(struct access *g)
{
    for (size_t by = 0; by < g->roles_count && *g->roles[by].ns == '\0'; by++) {
        for (size_t i = 0; i < g->roles_count && *g->roles[i].ns == '\0'; i++) {
            if (g->roles[by].selectors_count > 0 && i != by &&
                is_selected(&g->roles[by], &g->roles[i]))
                g->roles[i].is_taken_up = true;
        }
    }
}

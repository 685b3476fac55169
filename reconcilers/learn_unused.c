#include "rampart/reconcilers/learn_unused.h"

#include <stdio.h>
#include <string.h>

#include "rampart/kube/rbac_cover.h"

/* A right of the table, as the authorizer was asked for it. */
struct used {
    const struct learn_right *right;
    struct rbac_request request; /* without a name */
};

struct seen {
    struct used *items; /* in the arena */
    size_t count;
};

static int read_right(const struct learn_right *right, struct arena *a, struct used *ret_used)
{
    const char *slash = right->resource ? strchr(right->resource, '/') : NULL;

    *ret_used = (struct used){.right = right,
                              .request = {.verb = right->verb,
                                          .path = right->path,
                                          .group = right->group,
                                          .resource = right->resource ? right->resource : "",
                                          .subresource = slash ? slash + 1 : "",
                                          .name = ""}};
    if (!slash)
        return 0;
    ret_used->request.resource =
        arena_strndup(a, right->resource, (size_t)(slash - right->resource));
    return ret_used->request.resource ? 0 : -1;
}

static int read_seen(const struct learn_account *account, struct arena *a, struct seen *ret_seen)
{
    ret_seen->count = 0;
    ret_seen->items = arena_calloc(a, account->rights_count + 1, sizeof(struct used));
    if (!ret_seen->items)
        return -1;
    for (const struct learn_right *right = account->rights; right; right = right->next) {
        if (read_right(right, a, &ret_seen->items[ret_seen->count++]) < 0)
            return -1;
    }
    return 0;
}

static bool has_name(const struct learn_place *place, const char *name)
{
    if (place->is_any || place->is_widened || *name == '\0')
        return true;
    for (size_t i = 0; i < place->count; i++) {
        if (strcmp(place->names[i], name) == 0)
            return true;
    }
    return false;
}

/* To the authorizer a Namespace lies in itself; in the table it is of the whole cluster. */
static bool is_namespaces(const struct learn_right *right)
{
    return *right->group == '\0' && strncmp(right->resource, "namespaces", 10) == 0 &&
           (right->resource[10] == '\0' || right->resource[10] == '/');
}

/* Whether it was used where a binding of @ns ("": of the whole cluster) counts. */
static bool is_used_in(const struct learn_right *right, const char *ns, const char *name)
{
    if (*ns != '\0' && is_namespaces(right)) {
        if (*name != '\0' && strcmp(name, ns) != 0)
            return false;
        name = ns;
        ns = "";
    }
    for (size_t i = 0; i < right->count; i++) {
        const struct learn_place *place = &right->places[i];
        bool is_there = *ns == '\0' || right->is_spread || strcmp(place->ns, ns) == 0;

        if (is_there && has_name(place, name))
            return true;
    }
    return false;
}

/* @single: a rule that nothing can be taken from. */
static bool is_used(const struct rbac_rule *single, const char *ns, const struct seen *seen)
{
    const char *name = single->resource_names.count ? single->resource_names.texts[0] : "";

    for (size_t i = 0; i < seen->count; i++) {
        struct rbac_request request = seen->items[i].request;

        request.name = name;
        if (!rbac_rule_allows(single, &request))
            continue;
        if (request.path ? *ns == '\0' : is_used_in(seen->items[i].right, ns, name))
            return true;
    }
    return false;
}

static bool is_star(const struct rbac_list *list)
{
    return list->count > 0 && strchr(list->texts[0], '*');
}

static bool has_star(const struct rbac_rule *single)
{
    return is_star(&single->verbs) || is_star(&single->api_groups) || is_star(&single->resources) ||
           is_star(&single->non_resource_urls);
}

static bool is_everyones(const struct rbac_rule *single)
{
    const struct rbac_request request = {
        .verb = single->verbs.texts[0],
        .path = single->non_resource_urls.count ? single->non_resource_urls.texts[0] : NULL,
        .group = single->api_groups.count ? single->api_groups.texts[0] : "",
        .resource = single->resources.count ? single->resources.texts[0] : "",
        .subresource = "",
        .name = "",
    };

    return learn_is_everyones(&request);
}

/* ---- rules, taken apart ---- */

/* What one binding gives, sorted out single right by single right. */
struct sorting {
    const char *ns; /* of the binding */
    const struct seen *seen;
    struct rbac_rule *unused, *wide; /* in the arena; NULL: they are only counted */
    size_t unused_count, wide_count;
    size_t count; /* of all that were looked at */
    bool is_cut;
};

/* The @i-th text alone. */
static struct rbac_list one(const struct rbac_list *list, size_t i)
{
    return list->count ? (struct rbac_list){&list->texts[i], 1} : (struct rbac_list){NULL, 0};
}

static void sort_out(struct sorting *s, const struct rbac_rule *single)
{
    if (s->count == LEARN_UNUSED_MAX) {
        s->is_cut = true;
        return;
    }
    s->count++;
    if (!s->unused)
        return;
    if (is_used(single, s->ns, s->seen)) {
        if (has_star(single))
            s->wide[s->wide_count++] = *single;
    } else if (!is_everyones(single)) {
        s->unused[s->unused_count++] = *single;
    }
}

/* Lists that do not count in a rule are empty, and stay so. */
static size_t times(const struct rbac_list *list)
{
    return list->count ? list->count : 1;
}

static void take_apart(struct sorting *s, const struct rbac_rule *rule)
{
    struct rbac_rule single;

    for (size_t v = 0; v < rule->verbs.count && !s->is_cut; v++) {
        single = (struct rbac_rule){.verbs = one(&rule->verbs, v)};
        for (size_t u = 0; u < rule->non_resource_urls.count && !s->is_cut; u++) {
            single.non_resource_urls = one(&rule->non_resource_urls, u);
            if (*s->ns == '\0') /* in a namespace a URL is granted to nobody */
                sort_out(s, &single);
        }
        single.non_resource_urls = (struct rbac_list){NULL, 0};
        for (size_t i = 0; i < rule->api_groups.count * rule->resources.count && !s->is_cut; i++) {
            single.api_groups = one(&rule->api_groups, i / rule->resources.count);
            single.resources = one(&rule->resources, i % rule->resources.count);
            for (size_t n = 0; n < times(&rule->resource_names) && !s->is_cut; n++) {
                single.resource_names = one(&rule->resource_names, n);
                sort_out(s, &single);
            }
        }
    }
}

static void take_all_apart(struct sorting *s, const struct access_role *role)
{
    for (size_t i = 0; i < role->rules.count; i++)
        take_apart(s, &role->rules.rules[i]);
}

static int join(struct rbac_rule *rules, size_t count, struct arena *a,
                struct rbac_rules *ret_rules, struct err *err)
{
    ret_rules->rules = rules;
    return rbac_rules_join(rules, count, a, &ret_rules->count, err);
}

static int read_binding(const struct access_binding *binding, const struct seen *seen,
                        struct arena *a, struct learn_grant *ret_grant, struct err *err)
{
    struct sorting s = {.ns = binding->ns, .seen = seen};

    take_all_apart(&s, binding->role);
    s.wide = arena_calloc(a, s.count + 1, sizeof(*s.wide));
    s.unused = s.wide ? arena_calloc(a, s.count + 1, sizeof(*s.unused)) : NULL;
    if (!s.unused)
        return err_nomem(err);
    s.count = 0;
    take_all_apart(&s, binding->role);
    ret_grant->binding = binding;
    ret_grant->is_cut = s.is_cut;
    if (join(s.unused, s.unused_count, a, &ret_grant->unused, err) < 0)
        return -1;
    return join(s.wide, s.wide_count, a, &ret_grant->wide, err);
}

static bool is_bound(const struct access_binding *binding, const struct access_user *user)
{
    for (size_t i = 0; binding->role && i < binding->subjects_count; i++) {
        if (access_subject_is(&binding->subjects[i], user))
            return true;
    }
    return false;
}

int learn_unused_of(const struct learn_account *account, const struct access *graph,
                    struct arena *a, struct learn_unused *ret_unused, struct err *err)
{
    const struct access_user user = {.name =
                                         arena_printf(a, "system:serviceaccount:%s", account->id)};
    struct learn_grant *grants;
    struct seen seen;
    size_t bound = 0, count = 0;

    if (!user.name || read_seen(account, a, &seen) < 0)
        return err_nomem(err);
    for (size_t i = 0; i < graph->bindings_count; i++)
        bound += is_bound(&graph->bindings[i], &user);
    grants = arena_calloc(a, bound + 1, sizeof(*grants));
    if (!grants)
        return err_nomem(err);
    for (size_t i = 0; i < graph->bindings_count; i++) {
        struct learn_grant *grant = &grants[count];

        if (!is_bound(&graph->bindings[i], &user))
            continue;
        if (read_binding(&graph->bindings[i], &seen, a, grant, err) < 0)
            return -1;
        count += grant->unused.count > 0 || grant->wide.count > 0 || grant->is_cut;
    }
    *ret_unused = (struct learn_unused){grants, count};
    return 0;
}

int learn_unused_know(struct learn_table *t, const struct access *graph,
                      const struct learn_filter *filter, struct err *err)
{
    for (size_t i = 0; i < graph->bindings_count; i++) {
        const struct access_binding *binding = &graph->bindings[i];

        for (size_t k = 0; k < binding->subjects_count; k++) {
            const struct access_subject *subject = &binding->subjects[k];
            char user[sizeof("system:serviceaccount:") + 2 * LEARN_TEXT_LEN_MAX + 1];

            if (subject->type != ACCESS_SERVICE_ACCOUNT)
                continue;
            (void)snprintf(user, sizeof(user), "system:serviceaccount:%s:%s", subject->ns,
                           subject->name);
            if (learn_table_know(t, user, filter, err) < 0)
                return -1;
        }
    }
    return 0;
}

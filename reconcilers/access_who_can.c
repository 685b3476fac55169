#include "rampart/reconcilers/access_who_can.h"

#include <stdlib.h>
#include <string.h>

#include "rampart/kube/decode.h"

/* What a role gives of what is asked. */
struct gift {
    bool is_given;
    struct rbac_list names; /* empty: any */
};

bool access_can_have_name(const struct rbac_request *request)
{
    if (request->path || strcmp(request->verb, "deletecollection") == 0)
        return false;
    return strcmp(request->verb, "create") != 0 || request->subresource[0] != '\0';
}

/* Whether @rule gives what is asked for the names that it states. */
static bool gives_some(const struct rbac_rule *rule, const struct rbac_request *request)
{
    struct rbac_request named = *request;

    if (rule->resource_names.count == 0)
        return false;
    named.name = rule->resource_names.texts[0];
    return rbac_rule_allows(rule, &named);
}

/* The names of all rules that give it for some. */
static int names_collect(const struct rbac_rules *rules, const struct rbac_request *request,
                         struct arena *a, struct rbac_list *ret_names, struct err *err)
{
    const char **texts;
    size_t count = 0;

    for (size_t i = 0; i < rules->count; i++) {
        if (gives_some(&rules->rules[i], request))
            count += rules->rules[i].resource_names.count;
    }
    if (count == 0)
        return 0;
    texts = arena_calloc(a, count, sizeof(*texts));
    if (!texts)
        return err_nomem(err);
    count = 0;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rbac_list *names = &rules->rules[i].resource_names;

        for (size_t k = 0; gives_some(&rules->rules[i], request) && k < names->count; k++)
            texts[count++] = names->texts[k];
    }
    *ret_names = (struct rbac_list){texts, texts_sort(texts, count)};
    return 0;
}

static int gift_of(const struct access_role *role, const struct rbac_request *request,
                   struct arena *a, struct gift *gift, struct err *err)
{
    *gift = (struct gift){.is_given = rbac_rules_allow(&role->rules, request)};
    if (gift->is_given || request->path || request->name[0] != '\0' ||
        !access_can_have_name(request))
        return 0;
    if (names_collect(&role->rules, request, a, &gift->names, err) < 0)
        return -1;
    gift->is_given = gift->names.count > 0;
    return 0;
}

/* ---- collecting ---- */

struct collection {
    const struct rbac_request *request;
    struct arena *arena;
    struct access_grant *items; /* room for all subjects of the bindings that count */
    size_t count;
};

static int collect_from(struct collection *c, const struct access_binding *bindings, size_t count,
                        struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct access_binding *binding = &bindings[i];
        struct gift gift;

        if (!binding->role)
            continue;
        if (gift_of(binding->role, c->request, c->arena, &gift, err) < 0)
            return -1;
        for (size_t k = 0; gift.is_given && k < binding->subjects_count; k++)
            c->items[c->count++] =
                (struct access_grant){&binding->subjects[k], binding, gift.names};
    }
    return 0;
}

static int grant_order(const void *one_ptr, const void *other_ptr)
{
    const struct access_grant *one = one_ptr;
    const struct access_grant *other = other_ptr;
    int order = (int)one->subject->type - (int)other->subject->type;

    if (order == 0)
        order = strcmp(one->subject->ns, other->subject->ns);
    if (order == 0)
        order = strcmp(one->subject->name, other->subject->name);
    if (order == 0)
        order = strcmp(one->binding->ns, other->binding->ns);
    return order != 0 ? order : strcmp(one->binding->name, other->binding->name);
}

static size_t without_doubles(struct access_grant *items, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || grant_order(&items[kept - 1], &items[i]) != 0)
            items[kept++] = items[i];
    }
    return kept;
}

static size_t subjects_in(const struct access_binding *bindings, size_t count)
{
    size_t subjects = 0;

    for (size_t i = 0; i < count; i++)
        subjects += bindings[i].subjects_count;
    return subjects;
}

int access_who_can(const struct access *g, const struct access_question *question, struct arena *a,
                   struct access_grants *ret_grants, struct err *err)
{
    struct collection c = {.request = &question->request, .arena = a};
    size_t wide_count;
    size_t narrow_count = 0;
    const struct access_binding *wide = access_bindings_in(g, "", &wide_count);
    const struct access_binding *narrow = NULL;

    if (question->request.path) {
        /* what is no resource is in no namespace */
    } else if (question->is_in_any_namespace) {
        narrow_count = g->bindings_count - wide_count;
        narrow = narrow_count > 0 ? &g->bindings[wide_count] : NULL; /* the wide ones are first */
    } else if (*question->ns != '\0') {
        narrow = access_bindings_in(g, question->ns, &narrow_count);
    }
    c.items = arena_calloc(a, subjects_in(wide, wide_count) + subjects_in(narrow, narrow_count) + 1,
                           sizeof(*c.items));
    if (!c.items)
        return err_nomem(err);
    if (collect_from(&c, wide, wide_count, err) < 0 ||
        collect_from(&c, narrow, narrow_count, err) < 0)
        return -1;
    qsort(c.items, c.count, sizeof(*c.items), grant_order);
    *ret_grants = (struct access_grants){c.items, without_doubles(c.items, c.count)};
    return 0;
}

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/kube/decode.h"
#include "rampart/kube/rbac_cover.h"

enum member {
    MEMBER_VERBS = 0,
    MEMBER_RESOURCES,
    MEMBER_NAMES,
    MEMBER_URLS,
    MEMBER_GROUPS,
    MEMBER_COUNT
};

static struct rbac_list *member_of(struct rbac_rule *rule, enum member member)
{
    struct rbac_list *const lists[MEMBER_COUNT] = {
        [MEMBER_VERBS] = &rule->verbs,          [MEMBER_RESOURCES] = &rule->resources,
        [MEMBER_NAMES] = &rule->resource_names, [MEMBER_URLS] = &rule->non_resource_urls,
        [MEMBER_GROUPS] = &rule->api_groups,
    };

    return lists[member];
}

static int list_order(const struct rbac_list *one, const struct rbac_list *other)
{
    for (size_t i = 0; i < one->count && i < other->count; i++) {
        int order = strcmp(one->texts[i], other->texts[i]);

        if (order != 0)
            return order;
    }
    return (one->count > other->count) - (one->count < other->count);
}

static int rule_order(const void *one_ptr, const void *other_ptr)
{
    const struct rbac_rule *one = one_ptr;
    const struct rbac_rule *other = other_ptr;
    int order = list_order(&one->api_groups, &other->api_groups);

    if (order == 0)
        order = list_order(&one->resources, &other->resources);
    if (order == 0)
        order = list_order(&one->non_resource_urls, &other->non_resource_urls);
    if (order == 0)
        order = list_order(&one->resource_names, &other->resource_names);
    return order != 0 ? order : list_order(&one->verbs, &other->verbs);
}

/* Puts the texts of @count @lists, sorted and without doubles, into a new list. */
static int lists_unite(struct rbac_list *const *lists, size_t count, struct arena *a,
                       struct rbac_list *ret_list, struct err *err)
{
    const char **texts;
    size_t room = 0;
    size_t used = 0;

    for (size_t i = 0; i < count; i++)
        room += lists[i]->count;
    if (room == 0) {
        *ret_list = (struct rbac_list){NULL, 0};
        return 0;
    }
    texts = arena_calloc(a, room, sizeof(*texts));
    if (!texts)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lists[i]->count; k++)
            texts[used++] = lists[i]->texts[k];
    }
    *ret_list = (struct rbac_list){texts, texts_sort(texts, used)};
    return 0;
}

static bool is_sorted(const struct rbac_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        if (strcmp(list->texts[i - 1], list->texts[i]) >= 0)
            return false;
    }
    return true;
}

static int lists_sort(struct rbac_rule *rule, struct arena *a, struct err *err)
{
    for (enum member member = 0; member < MEMBER_COUNT; member++) {
        struct rbac_list *list = member_of(rule, member);

        if (!is_sorted(list) && lists_unite(&list, 1, a, list, err) < 0)
            return -1;
    }
    return 0;
}

/* Whether the two are the same but for @member, of which neither or both state something: without
 * names a rule is for all of them. */
static bool differ_in_one(struct rbac_rule *one, struct rbac_rule *other, enum member member)
{
    for (enum member i = 0; i < MEMBER_COUNT; i++) {
        if (i != member && list_order(member_of(one, i), member_of(other, i)) != 0)
            return false;
    }
    return (member_of(one, member)->count == 0) == (member_of(other, member)->count == 0);
}

/* Joins what differs in @member alone. @lists has room for *@count. */
static int join_by(enum member member, struct rbac_rule *rules, size_t *count,
                   struct rbac_list **lists, struct arena *a, struct err *err)
{
    size_t left = *count;

    for (size_t i = 0; i < left; i++) {
        size_t kept = i + 1;
        size_t same = 0;

        lists[same++] = member_of(&rules[i], member);
        for (size_t k = i + 1; k < left; k++) {
            if (differ_in_one(&rules[i], &rules[k], member))
                lists[same++] = member_of(&rules[k], member);
        }
        if (same == 1)
            continue;
        if (lists_unite(lists, same, a, member_of(&rules[i], member), err) < 0)
            return -1;
        for (size_t k = i + 1; k < left; k++) {
            if (!differ_in_one(&rules[i], &rules[k], member))
                rules[kept++] = rules[k];
        }
        left = kept;
    }
    *count = left;
    return 0;
}

int rbac_rules_join(struct rbac_rule *rules, size_t count, struct arena *a, size_t *ret_count,
                    struct err *err)
{
    struct rbac_list **lists = arena_calloc(a, count + 1, sizeof(*lists));

    if (!lists)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        if (lists_sort(&rules[i], a, err) < 0)
            return -1;
    }
    for (enum member member = 0; member < MEMBER_COUNT; member++) {
        if (join_by(member, rules, &count, lists, a, err) < 0)
            return -1;
    }
    if (count > 1)
        qsort(rules, count, sizeof(*rules), rule_order);
    *ret_count = count;
    return 0;
}

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

/* A digest of each list: most lists are told apart without reading them. */
struct digests {
    uint64_t of[MEMBER_COUNT];
};

/* FNV-1a over the texts with their ends. */
static uint64_t list_digest(const struct rbac_list *list)
{
    uint64_t digest = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->texts[i];

        do
            digest = (digest ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
        while (*text++ != '\0');
    }
    return digest;
}

struct join {
    struct rbac_rule *rules;  /* borrowed */
    struct digests *digests;  /* one a rule */
    struct rbac_list **lists; /* room for one a rule */
    size_t count;
    struct arena *arena;
};

/* Whether rules @one and @other are the same but for @member, of which neither or both state
 * something: without names a rule is for all of them. */
static bool differ_in_one(const struct join *j, size_t one, size_t other, enum member member)
{
    for (enum member i = 0; i < MEMBER_COUNT; i++) {
        if (i != member && j->digests[one].of[i] != j->digests[other].of[i])
            return false;
    }
    for (enum member i = 0; i < MEMBER_COUNT; i++) {
        if (i != member &&
            list_order(member_of(&j->rules[one], i), member_of(&j->rules[other], i)) != 0)
            return false;
    }
    return (member_of(&j->rules[one], member)->count == 0) ==
           (member_of(&j->rules[other], member)->count == 0);
}

/* Joins what differs from rule @one in @member alone into it. */
static int join_into(struct join *j, size_t one, enum member member, struct err *err)
{
    struct rbac_list *list = member_of(&j->rules[one], member);
    size_t kept = one + 1;
    size_t same = 0;

    j->lists[same++] = list;
    for (size_t i = one + 1; i < j->count; i++) {
        if (differ_in_one(j, one, i, member))
            j->lists[same++] = member_of(&j->rules[i], member);
    }
    if (same == 1)
        return 0;
    if (lists_unite(j->lists, same, j->arena, list, err) < 0)
        return -1;
    j->digests[one].of[member] = list_digest(list);
    for (size_t i = one + 1; i < j->count; i++) {
        if (differ_in_one(j, one, i, member))
            continue;
        j->rules[kept] = j->rules[i];
        j->digests[kept++] = j->digests[i];
    }
    j->count = kept;
    return 0;
}

static int join_init(struct join *j, struct err *err)
{
    j->lists = arena_calloc(j->arena, j->count + 1, sizeof(*j->lists));
    j->digests = arena_calloc(j->arena, j->count + 1, sizeof(*j->digests));
    if (!j->lists || !j->digests)
        return err_nomem(err);
    for (size_t i = 0; i < j->count; i++) {
        if (lists_sort(&j->rules[i], j->arena, err) < 0)
            return -1;
        for (enum member member = 0; member < MEMBER_COUNT; member++)
            j->digests[i].of[member] = list_digest(member_of(&j->rules[i], member));
    }
    return 0;
}

int rbac_rules_join(struct rbac_rule *rules, size_t count, struct arena *a, size_t *ret_count,
                    struct err *err)
{
    struct join j = {.rules = rules, .count = count, .arena = a};

    if (join_init(&j, err) < 0)
        return -1;
    for (enum member member = 0; member < MEMBER_COUNT; member++) {
        for (size_t i = 0; i < j.count; i++) {
            if (join_into(&j, i, member, err) < 0)
                return -1;
        }
    }
    if (j.count > 1)
        qsort(rules, j.count, sizeof(*rules), rule_order);
    *ret_count = j.count;
    return 0;
}

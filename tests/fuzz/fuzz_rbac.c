/*
 * Rules and objects of RBAC as a server or a manifest could state them. {"held": [rule..],
 * "wanted": [rule..], "objects": [..]}: what of @wanted is missing in @held is missing no more once
 * it is held, the words of it are no longer than they may be, and the graph of the objects answers.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/rbac_cover.h"
#include "rampart/reconcilers/access_who_can.h"

#define WORDS_LEN_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rbac_rules joined(const struct rbac_rules *one, const struct rbac_rules *other,
                                struct arena *a)
{
    struct rbac_rule *rules = arena_calloc(a, one->count + other->count + 1, sizeof(*rules));

    assert(rules);
    for (size_t i = 0; i < one->count; i++)
        rules[i] = one->rules[i];
    for (size_t i = 0; i < other->count; i++)
        rules[one->count + i] = other->rules[i];
    return (struct rbac_rules){rules, one->count + other->count};
}

static void compare(const json_t *root, struct arena *a)
{
    struct rbac_rules held, wanted, missing, all, still_missing;
    const char *words;

    if (rbac_rules_decode(root, "held", &rbac_limits_server, a, &held, NULL) < 0 ||
        rbac_rules_decode(root, "wanted", &rbac_limits_server, a, &wanted, NULL) < 0 ||
        rbac_cover(&held, &wanted, a, &missing, NULL) < 0)
        return;
    words = rbac_rules_describe(&missing, 3, WORDS_LEN_MAX, a);
    assert(words && strlen(words) <= WORDS_LEN_MAX);
    if (missing.count == RBAC_MISSING_MAX)
        return; /* there may be more */
    all = joined(&held, &missing, a);
    if (rbac_cover(&all, &wanted, a, &still_missing, NULL) == 0)
        assert(still_missing.count == 0);
}

static void ask(const json_t *objects, struct arena *a)
{
    const struct access_question question = {
        .ns = "",
        .is_in_any_namespace = true,
        .request = {.verb = "get", .group = "", .resource = "pods", .subresource = "", .name = ""}};
    struct access_grants grants;
    struct access g;

    access_init(&g, 64u << 20);
    for (size_t i = 0; i < json_array_size(objects); i++) {
        const json_t *object = json_array_get(objects, i);
        int kind = access_kind_of(object);

        if (kind >= 0)
            (void)!access_add(&g, (enum access_kind)kind, object, "default", NULL);
    }
    if (access_link(&g, NULL) == 0 && access_who_can(&g, &question, a, &grants, NULL) == 0) {
        for (size_t i = 0; i < grants.count; i++)
            assert(grants.items[i].binding->role && *grants.items[i].subject->name);
    }
    access_done(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA a = {0};
    json_auto_t *root = json_decode((const char *)data, size, NULL);

    arena_init(&a, 256u << 20);
    if (root) {
        compare(root, &a);
        ask(json_member(root, "objects"), &a);
    }
    return 0;
}

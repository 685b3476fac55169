/*
 * The rights of one wanted rule are a box: groups x resources x names x verbs. Taken apart one by
 * one, as the API server does, a short rule has thousands of them. Here each text of each side
 * knows which held rules give it, as a set of bits; the walk goes side by side, keeps the set of
 * held rules that give all chosen so far, and takes texts with the same set together. Where the
 * set is empty all that remains is missing, and where one rule of it gives all that remains nothing
 * is: both end the walk early, and what is missing comes out as few, large boxes.
 */
#include "rampart/kube/rbac_cover.h"

#include <assert.h>
#include <string.h>

#include "rampart/kube/decode.h"

#define SIDES_MAX 4
#define WORD_BITS 64

/* Whether a held rule gives @text of one side, whatever the others are. */
typedef bool (*gives_fn)(const struct rbac_rule *held, const char *text);

struct side {             /* one side of the box */
    const char **texts;   /* sorted, no doubles */
    size_t count;         /* of @texts; at least 1 */
    uint64_t *givers;     /* @count sets: the held rules that give this text */
    uint64_t *left;       /* @count sets: those of them that the walk has not lost yet */
    uint64_t *gives_rest; /* one set: the rules that give all of this side and those after it */
    bool *is_taken;       /* @count flags of the walk: part of a group that is done */
    const char **chosen;  /* room for @count: the group that the walk is in */
    size_t chosen_count;  /* of @chosen */
    size_t member_offset; /* of the list in struct rbac_rule that this side is */
};

struct cover {
    const struct rbac_rules *held;
    size_t held_texts;   /* in all lists of @held, and one a rule */
    size_t wanted_count; /* rules */
    size_t words;        /* of one set */
    struct side sides[SIDES_MAX];
    size_t sides_count;
    uint64_t *all;             /* a set: where the walk begins */
    size_t steps;              /* of RBAC_COVER_STEPS_MAX */
    struct rbac_rule *missing; /* room for RBAC_MISSING_MAX */
    size_t missing_count;
    struct arena box;    /* the sides; reset for each wanted rule */
    struct arena answer; /* @all, @missing and its lists */
};

static const size_t member_offsets[] = {
    offsetof(struct rbac_rule, verbs),
    offsetof(struct rbac_rule, api_groups),
    offsetof(struct rbac_rule, resources),
    offsetof(struct rbac_rule, resource_names),
    offsetof(struct rbac_rule, non_resource_urls),
};

/* ---- what one held rule gives of one side ---- */

static bool gives_verb(const struct rbac_rule *held, const char *text)
{
    return rbac_list_has(&held->verbs, RBAC_ALL) || rbac_list_has(&held->verbs, text);
}

static bool gives_group(const struct rbac_rule *held, const char *text)
{
    return rbac_list_has(&held->api_groups, RBAC_ALL) || rbac_list_has(&held->api_groups, text);
}

static bool gives_resource(const struct rbac_rule *held, const char *text)
{
    const char *slash = strchr(text, '/');

    for (size_t i = 0; i < held->resources.count; i++) {
        const char *stated = held->resources.texts[i];

        if (strcmp(stated, RBAC_ALL) == 0 || strcmp(stated, text) == 0)
            return true;
        if (slash && stated[0] == '*' && strcmp(stated + 1, slash) == 0)
            return true;
    }
    return false;
}

/* @text NULL: the right is for any name. */
static bool gives_name(const struct rbac_rule *held, const char *text)
{
    return held->resource_names.count == 0 || (text && rbac_list_has(&held->resource_names, text));
}

static bool gives_url(const struct rbac_rule *held, const char *text)
{
    return gives_name(held, NULL) && rbac_urls_match(&held->non_resource_urls, text);
}

/* ---- sets ---- */

static void set_add(uint64_t *set, size_t bit)
{
    set[bit / WORD_BITS] |= UINT64_C(1) << (bit % WORD_BITS);
}

static bool sets_meet(const uint64_t *one, const uint64_t *other, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if ((one[i] & other[i]) != 0)
            return true;
    }
    return false;
}

static bool set_is_empty(const uint64_t *set, size_t words)
{
    return !sets_meet(set, set, words);
}

/* ---- the sides ---- */

static int too_long(const struct cover *c, struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "%zu rules are too long to be compared with %zu others; shorten their lists",
                   c->wanted_count, c->held->count);
}

/* Counts @steps more comparisons. */
static int spend(struct cover *c, size_t steps, struct err *err)
{
    if (steps > RBAC_COVER_STEPS_MAX - c->steps)
        return too_long(c, err);
    c->steps += steps;
    return 0;
}

static int side_alloc(struct cover *c, struct side *side, struct err *err)
{
    side->givers = arena_calloc(&c->box, side->count * c->words, sizeof(*side->givers));
    side->left = arena_calloc(&c->box, side->count * c->words, sizeof(*side->left));
    side->gives_rest = arena_calloc(&c->box, c->words, sizeof(*side->gives_rest));
    side->is_taken = arena_calloc(&c->box, side->count, sizeof(*side->is_taken));
    side->chosen = arena_calloc(&c->box, side->count, sizeof(*side->chosen));
    if (!side->givers || !side->left || !side->gives_rest || !side->is_taken || !side->chosen)
        return err_nomem(err);
    return 0;
}

/* Puts @list up as the next side; without names it is the one text NULL. */
static int side_add(struct cover *c, const struct rbac_list *list, size_t member_offset,
                    gives_fn gives, struct err *err)
{
    struct side *side = &c->sides[c->sides_count];
    size_t count = list->count > 0 ? list->count : 1;

    *side = (struct side){.member_offset = member_offset};
    if (spend(c, count * c->held_texts, err) < 0)
        return -1;
    side->texts = arena_calloc(&c->box, count, sizeof(*side->texts));
    if (!side->texts)
        return err_nomem(err);
    for (size_t i = 0; i < list->count; i++)
        side->texts[i] = list->texts[i];
    side->count = list->count > 0 ? texts_sort(side->texts, list->count) : 1;
    if (side_alloc(c, side, err) < 0)
        return -1;
    for (size_t i = 0; i < side->count; i++) {
        for (size_t k = 0; k < c->held->count; k++) {
            if (gives(&c->held->rules[k], side->texts[i]))
                set_add(side->givers + i * c->words, k);
        }
    }
    c->sides_count++;
    return 0;
}

/* From the last side to the first. */
static void rests_fill(struct cover *c)
{
    const uint64_t *after = c->all;

    for (size_t depth = c->sides_count; depth-- > 0;) {
        struct side *side = &c->sides[depth];

        for (size_t word = 0; word < c->words; word++) {
            side->gives_rest[word] = after[word];
            for (size_t i = 0; i < side->count; i++)
                side->gives_rest[word] &= side->givers[i * c->words + word];
        }
        after = side->gives_rest;
    }
}

/* ---- the walk ---- */

static struct rbac_list *list_at(struct rbac_rule *rule, size_t member_offset)
{
    return (struct rbac_list *)(void *)((char *)rule + member_offset);
}

/* What is chosen up to @depth, with all of the sides after it, is missing. */
static int missing_add(struct cover *c, size_t depth, struct err *err)
{
    struct rbac_rule rule = {0};

    for (size_t i = 0; i < c->sides_count; i++) {
        const struct side *side = &c->sides[i];
        size_t count = i <= depth ? side->chosen_count : side->count;
        const char **texts;

        if (!side->texts[0])
            continue;
        texts = arena_calloc(&c->answer, count, sizeof(*texts));
        if (!texts)
            return err_nomem(err);
        memcpy(texts, i <= depth ? side->chosen : side->texts, count * sizeof(*texts));
        *list_at(&rule, side->member_offset) = (struct rbac_list){texts, count};
    }
    c->missing[c->missing_count++] = rule;
    return 0;
}

/* Takes the texts of @side from @first on that have its set, the others having been lost. */
static void choose(struct cover *c, struct side *side, size_t first)
{
    const uint64_t *set = side->left + first * c->words;

    side->chosen_count = 0;
    for (size_t i = first; i < side->count; i++) {
        if (side->is_taken[i] ||
            memcmp(set, side->left + i * c->words, c->words * sizeof(*set)) != 0)
            continue;
        side->is_taken[i] = true;
        side->chosen[side->chosen_count++] = side->texts[i];
    }
}

/* @alive: the held rules that give all that was chosen before @depth. */
static int walk(struct cover *c, size_t depth, const uint64_t *alive, struct err *err)
{
    struct side *side = &c->sides[depth];

    for (size_t i = 0; i < side->count; i++) {
        side->is_taken[i] = false;
        for (size_t word = 0; word < c->words; word++)
            side->left[i * c->words + word] = side->givers[i * c->words + word] & alive[word];
    }
    for (size_t i = 0; i < side->count && c->missing_count < RBAC_MISSING_MAX; i++) {
        const uint64_t *left = side->left + i * c->words;

        if (side->is_taken[i])
            continue;
        if (spend(c, (side->count - i) * c->words, err) < 0)
            return -1;
        choose(c, side, i);
        if (set_is_empty(left, c->words)) {
            if (missing_add(c, depth, err) < 0)
                return -1;
        } else if (depth + 1 < c->sides_count &&
                   !sets_meet(left, c->sides[depth + 1].gives_rest, c->words) &&
                   walk(c, depth + 1, left, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- one wanted rule ---- */

static int walk_all(struct cover *c, struct err *err)
{
    rests_fill(c);
    return walk(c, 0, c->all, err);
}

static int resources_cover(struct cover *c, const struct rbac_rule *wanted, struct err *err)
{
    if (wanted->api_groups.count == 0 || wanted->resources.count == 0 || wanted->verbs.count == 0)
        return 0;
    arena_reset(&c->box);
    c->sides_count = 0;
    if (side_add(c, &wanted->api_groups, offsetof(struct rbac_rule, api_groups), gives_group, err) <
            0 ||
        side_add(c, &wanted->resources, offsetof(struct rbac_rule, resources), gives_resource,
                 err) < 0 ||
        side_add(c, &wanted->resource_names, offsetof(struct rbac_rule, resource_names), gives_name,
                 err) < 0 ||
        side_add(c, &wanted->verbs, offsetof(struct rbac_rule, verbs), gives_verb, err) < 0)
        return -1;
    return walk_all(c, err);
}

static int urls_cover(struct cover *c, const struct rbac_rule *wanted, struct err *err)
{
    if (wanted->non_resource_urls.count == 0 || wanted->verbs.count == 0)
        return 0;
    arena_reset(&c->box);
    c->sides_count = 0;
    if (side_add(c, &wanted->non_resource_urls, offsetof(struct rbac_rule, non_resource_urls),
                 gives_url, err) < 0 ||
        side_add(c, &wanted->verbs, offsetof(struct rbac_rule, verbs), gives_verb, err) < 0)
        return -1;
    return walk_all(c, err);
}

/* ---- all ---- */

static int cover_init(struct cover *c, struct err *err)
{
    const struct rbac_rules *held = c->held;

    c->words = held->count / WORD_BITS + 1;
    c->held_texts = 1;
    for (size_t i = 0; i < held->count; i++) {
        const struct rbac_rule *rule = &held->rules[i];

        c->held_texts += 1 + rule->verbs.count + rule->api_groups.count + rule->resources.count +
                         rule->resource_names.count + rule->non_resource_urls.count;
    }
    c->all = arena_calloc(&c->answer, c->words, sizeof(*c->all));
    c->missing = arena_calloc(&c->answer, RBAC_MISSING_MAX, sizeof(*c->missing));
    if (!c->all || !c->missing)
        return err_nomem(err);
    memset(c->all, 0xff, c->words * sizeof(*c->all));
    return 0;
}

static int cover_run(struct cover *c, const struct rbac_rules *wanted, struct err *err)
{
    if (cover_init(c, err) < 0)
        return -1;
    for (size_t i = 0; i < wanted->count && c->missing_count < RBAC_MISSING_MAX; i++) {
        if (resources_cover(c, &wanted->rules[i], err) < 0 ||
            urls_cover(c, &wanted->rules[i], err) < 0)
            return -1;
    }
    return rbac_rules_join(c->missing, c->missing_count, &c->answer, &c->missing_count, err);
}

/* The answer with lists of its own in @a. */
static int missing_copy(const struct cover *c, struct arena *a, struct rbac_rules *ret_missing,
                        struct err *err)
{
    struct rbac_rule *rules = arena_calloc(a, c->missing_count + 1, sizeof(*rules));

    if (!rules)
        return err_nomem(err);
    for (size_t i = 0; i < c->missing_count; i++) {
        for (size_t k = 0; k < sizeof(member_offsets) / sizeof(member_offsets[0]); k++) {
            const struct rbac_list *list = list_at(&c->missing[i], member_offsets[k]);
            const char **texts;

            if (list->count == 0)
                continue;
            texts = arena_calloc(a, list->count, sizeof(*texts));
            if (!texts)
                return err_nomem(err);
            memcpy(texts, list->texts, list->count * sizeof(*texts));
            *list_at(&rules[i], member_offsets[k]) = (struct rbac_list){texts, list->count};
        }
    }
    *ret_missing = (struct rbac_rules){rules, c->missing_count};
    return 0;
}

int rbac_cover(const struct rbac_rules *held, const struct rbac_rules *wanted, struct arena *a,
               struct rbac_rules *ret_missing, struct err *err)
{
    struct cover c = {.held = held, .wanted_count = wanted->count};
    uint64_t failures = mem_failures();
    int r;

    arena_init(&c.box, RBAC_COVER_SCRATCH_MAX);
    arena_init(&c.answer, RBAC_COVER_SCRATCH_MAX);
    r = cover_run(&c, wanted, err);
    if (r < 0 && err && err->code == ERR_NOMEM && mem_failures() == failures)
        r = too_long(&c, err); /* it was the arena's ceiling */
    if (r == 0)
        r = missing_copy(&c, a, ret_missing, err);
    arena_done(&c.box);
    arena_done(&c.answer);
    return r;
}

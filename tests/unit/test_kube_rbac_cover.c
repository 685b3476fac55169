#include "kube_rbac.h"

#include "rampart/base/rng.h"
#include "rampart/kube/rbac_cover.h"
#include "support/sweep.h"

static const char *missing_of(const char *held_text, const char *wanted_text, struct arena *a)
{
    struct rbac_rules held = rules_of(held_text, a);
    struct rbac_rules wanted = rules_of(wanted_text, a);
    struct rbac_rules missing;
    struct err err = {0};

    if (rbac_cover(&held, &wanted, a, &missing, &err) < 0)
        fail_msg("%s", err.msg);
    return words_of(&missing, a);
}

static void test_what_is_missing_is_told_from_what_is_held(void **state)
{
    static const struct {
        const char *held;
        const char *wanted;
        const char *missing;
    } rows[] = {
        {"[]", "[]", ""},
        {"[]", "[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]",
         "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\"]}"},
        {"[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]",
         "[{'verbs':['list','get','get'],'apiGroups':[''],'resources':['services','pods']}]",
         "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}, "
         "{APIGroups:[\"\"], Resources:[\"services\"], Verbs:[\"get\" \"list\"]}"},
        /* no single right needs two rules: each is given by one */
        {"[{'verbs':['get'],'apiGroups':[''],'resources':['pods']},"
         "{'verbs':['list'],'apiGroups':[''],'resources':['pods']}]",
         "[{'verbs':['list','get'],'apiGroups':[''],'resources':['pods']}]", ""},
        {"[{'verbs':['*'],'apiGroups':['*'],'resources':['*']}]",
         "[{'verbs':['*'],'apiGroups':['*'],'resources':['*','*/scale','a/b'],"
         "'resourceNames':['x']}]",
         ""},
        /* a star is not the sum of all that there is */
        {"[{'verbs':['get','list'],'apiGroups':[''],'resources':['pods']}]",
         "[{'verbs':['*'],'apiGroups':[''],'resources':['*']}]",
         "{APIGroups:[\"\"], Resources:[\"*\"], Verbs:[\"*\"]}"},
        {"[{'verbs':['get'],'apiGroups':[''],'resources':['*/log']}]",
         "[{'verbs':['get'],'apiGroups':[''],'resources':['pods/log','*/log','pods/exec','log']}]",
         "{APIGroups:[\"\"], Resources:[\"log\" \"pods/exec\"], Verbs:[\"get\"]}"},
        /* for any name: no list of names gives it */
        {"[{'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['a','b']}]",
         "[{'verbs':['get'],'apiGroups':[''],'resources':['pods']},"
         "{'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['b','c']}]",
         "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\"]}, "
         "{APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"c\"], Verbs:[\"get\"]}"},
        {"[{'verbs':['get'],'nonResourceURLs':['/a/*']}]",
         "[{'verbs':['get','post'],'nonResourceURLs':['/a/b','/a/*','/*','/a']}]",
         "{NonResourceURLs:[\"/*\" \"/a\"], Verbs:[\"get\" \"post\"]}, "
         "{NonResourceURLs:[\"/a/*\" \"/a/b\"], Verbs:[\"post\"]}"},
        /* a rule for names gives no URL */
        {"[{'verbs':['get'],'nonResourceURLs':['*'],'resourceNames':['a']}]",
         "[{'verbs':['get'],'nonResourceURLs':['/a']}]",
         "{NonResourceURLs:[\"/a\"], Verbs:[\"get\"]}"},
        /* a rule with both kinds is taken apart into both */
        {"[]", "[{'verbs':['get'],'nonResourceURLs':['/a'],'apiGroups':[''],'resources':['pods']}]",
         "{NonResourceURLs:[\"/a\"], Verbs:[\"get\"]}, "
         "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\"]}"},
        /* a rule that gives nothing needs nothing */
        {"[]",
         "[{'verbs':['get'],'apiGroups':['']},{'verbs':['get'],'resources':['pods']},"
         "{'apiGroups':[''],'resources':['pods']},{'nonResourceURLs':['/a']}]",
         ""},
        /* what several rules lack is said once */
        {"[{'verbs':['get'],'apiGroups':[''],'resources':['pods']},"
         "{'verbs':['get'],'apiGroups':[''],'resources':['services']}]",
         "[{'verbs':['get','list'],'apiGroups':[''],'resources':['pods']},"
         "{'verbs':['list','watch'],'apiGroups':[''],'resources':['pods']},"
         "{'verbs':['watch','list'],'apiGroups':[''],'resources':['services']}]",
         "{APIGroups:[\"\"], Resources:[\"pods\" \"services\"], Verbs:[\"list\" \"watch\"]}"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(missing_of(rows[i].held, rows[i].wanted, *state), rows[i].missing);
}

/* ---- a model: one right at a time, as the API server takes a rule apart ---- */

static const char *const VERBS[] = {"a", "b", "*", "c"};
static const char *const GROUPS[] = {"", "g", "*"};
static const char *const RESOURCES[] = {"a", "a/x", "b/x", "*/x", "b", "*", "*/y", "/", "a/x/y"};
static const char *const URLS[] = {"/a", "/a*", "/a/b", "/b", "*", "/a**", ""};

static struct rbac_list list_random(struct rng *rng, const char *const *words, size_t words_count,
                                    struct arena *a)
{
    size_t count = rng_below(rng, 4);
    const char **texts = arena_calloc(a, count + 1, sizeof(*texts));

    assert_non_null(texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = words[rng_below(rng, words_count)];
    return (struct rbac_list){texts, count};
}

static struct rbac_rules rules_random(struct rng *rng, size_t count_max, struct arena *a)
{
    size_t count = rng_below(rng, count_max + 1);
    struct rbac_rule *rules = arena_calloc(a, count + 1, sizeof(*rules));

    assert_non_null(rules);
    for (size_t i = 0; i < count; i++) {
        rules[i].verbs = list_random(rng, VERBS, COUNT_OF(VERBS), a);
        rules[i].api_groups = list_random(rng, GROUPS, COUNT_OF(GROUPS), a);
        rules[i].resources = list_random(rng, RESOURCES, COUNT_OF(RESOURCES), a);
        if (rng_below(rng, 3) == 0)
            rules[i].resource_names = list_random(rng, VERBS, COUNT_OF(VERBS), a);
        if (rng_below(rng, 4) == 0)
            rules[i].non_resource_urls = list_random(rng, URLS, COUNT_OF(URLS), a);
    }
    return (struct rbac_rules){rules, count};
}

static const char *pick(const struct rbac_list *list, size_t i)
{
    return i < list->count ? list->texts[i] : NULL;
}

/* One right: a rule with at most one text in each list. */
static struct rbac_rule right_of(const char **texts)
{
    struct rbac_rule right = {0};
    struct rbac_list *const lists[] = {&right.verbs, &right.api_groups, &right.resources,
                                       &right.resource_names, &right.non_resource_urls};

    for (size_t i = 0; i < COUNT_OF(lists); i++)
        *lists[i] = (struct rbac_list){&texts[i], texts[i] ? 1 : 0};
    return right;
}

typedef void (*right_fn)(void *ctx, const struct rbac_rule *right);

static void each_right(const struct rbac_rules *rules, right_fn fn, void *ctx)
{
    for (size_t r = 0; r < rules->count; r++) {
        const struct rbac_rule *rule = &rules->rules[r];

        for (size_t v = 0; v < rule->verbs.count; v++) {
            for (size_t g = 0; g < rule->api_groups.count; g++) {
                for (size_t s = 0; s < rule->resources.count; s++) {
                    size_t n = 0;

                    do {
                        const char *texts[] = {rule->verbs.texts[v], rule->api_groups.texts[g],
                                               rule->resources.texts[s],
                                               pick(&rule->resource_names, n), NULL};
                        struct rbac_rule right = right_of(texts);

                        fn(ctx, &right);
                    } while (++n < rule->resource_names.count);
                }
            }
            for (size_t u = 0; u < rule->non_resource_urls.count; u++) {
                const char *texts[] = {rule->verbs.texts[v], NULL, NULL, NULL,
                                       rule->non_resource_urls.texts[u]};
                struct rbac_rule right = right_of(texts);

                fn(ctx, &right);
            }
        }
    }
}

static bool has_or_star(const struct rbac_list *list, const char *text)
{
    return rbac_list_has(list, "*") || rbac_list_has(list, text);
}

static bool is_held(const struct rbac_rules *held, const struct rbac_rule *right)
{
    const char *resource = pick(&right->resources, 0);
    char any[64] = "*";

    if (resource && strchr(resource, '/'))
        (void)snprintf(any, sizeof(any), "*%s", strchr(resource, '/'));
    for (size_t i = 0; i < held->count; i++) {
        const struct rbac_rule *rule = &held->rules[i];

        if (!has_or_star(&rule->verbs, right->verbs.texts[0]))
            continue;
        if (rule->resource_names.count > 0 &&
            (right->resource_names.count == 0 ||
             !rbac_list_has(&rule->resource_names, right->resource_names.texts[0])))
            continue;
        if (!resource &&
            rbac_urls_match(&rule->non_resource_urls, right->non_resource_urls.texts[0]))
            return true;
        if (resource && has_or_star(&rule->api_groups, right->api_groups.texts[0]) &&
            (has_or_star(&rule->resources, resource) || rbac_list_has(&rule->resources, any)))
            return true;
    }
    return false;
}

/* Whether @right is, text for text, one of those that @rules are taken apart into. */
struct search {
    const struct rbac_rule *right;
    bool is_found;
};

static bool same_text(const struct rbac_list *one, const struct rbac_list *other)
{
    return one->count == other->count &&
           (one->count == 0 || strcmp(one->texts[0], other->texts[0]) == 0);
}

static void search_one(void *ctx, const struct rbac_rule *right)
{
    struct search *search = ctx;

    if (same_text(&right->verbs, &search->right->verbs) &&
        same_text(&right->api_groups, &search->right->api_groups) &&
        same_text(&right->resources, &search->right->resources) &&
        same_text(&right->resource_names, &search->right->resource_names) &&
        same_text(&right->non_resource_urls, &search->right->non_resource_urls))
        search->is_found = true;
}

static bool is_among(const struct rbac_rules *rules, const struct rbac_rule *right)
{
    struct search search = {.right = right};

    each_right(rules, search_one, &search);
    return search.is_found;
}

struct model {
    struct rbac_rules held;
    struct rbac_rules wanted;
    struct rbac_rules missing;
    size_t held_count;
    size_t missing_count;
};

static void check_wanted(void *ctx, const struct rbac_rule *right)
{
    struct model *m = ctx;
    bool is_given = is_held(&m->held, right);

    m->held_count += is_given;
    if (is_among(&m->missing, right) == is_given)
        fail_msg("%s and %s", is_given ? "held" : "not held", is_given ? "missing" : "not missing");
}

static void check_missing(void *ctx, const struct rbac_rule *right)
{
    struct model *m = ctx;

    m->missing_count++;
    assert_true(is_among(&m->wanted, right));
}

static void test_the_answer_is_that_for_one_right_at_a_time(void **state)
{
    struct arena *a = *state;
    struct rng rng;
    size_t held = 0;
    size_t missing = 0;

    rng_init(&rng, 20261125);
    for (unsigned round = 0; round < 3000; round++) {
        struct model m = {.held = rules_random(&rng, 8, a), .wanted = rules_random(&rng, 4, a)};
        struct err err = {0};

        assert_int_equal(rbac_cover(&m.held, &m.wanted, a, &m.missing, &err), 0);
        each_right(&m.wanted, check_wanted, &m);
        each_right(&m.missing, check_missing, &m);
        held += m.held_count;
        missing += m.missing_count;
        arena_reset(a);
    }
    assert_in_range(held, 3000, SIZE_MAX); /* the rules are such that both happen often */
    assert_in_range(missing, 10000, SIZE_MAX);
}

/* ---- bounds ---- */

/* @count texts "<letter>0".. */
static struct rbac_list list_long(char letter, size_t count, struct arena *a)
{
    const char **texts = arena_calloc(a, count, sizeof(*texts));

    assert_non_null(texts);
    for (size_t i = 0; i < count; i++) {
        texts[i] = arena_printf(a, "%c%zu", letter, i);
        assert_non_null(texts[i]);
    }
    return (struct rbac_list){texts, count};
}

static void test_a_large_rule_is_answered_without_taking_it_apart(void **state)
{
    struct arena *a = *state;
    struct rbac_rule held = {.verbs = list_long('v', 100, a),
                             .api_groups = list_long('g', 100, a),
                             .resources = list_long('r', 100, a)};
    struct rbac_rule wanted = {.verbs = list_long('v', 101, a),
                               .api_groups = list_long('g', 101, a),
                               .resources = list_long('r', 101, a),
                               .resource_names = list_long('n', 1000, a)};
    struct rbac_rules missing;
    struct err err = {0};

    assert_int_equal(rbac_cover(&(struct rbac_rules){&held, 1}, &(struct rbac_rules){&wanted, 1}, a,
                                &missing, &err),
                     0);
    assert_int_equal(missing.count, 3); /* of a milliard of rights */
    assert_int_equal(missing.rules[0].api_groups.count + missing.rules[1].api_groups.count +
                         missing.rules[2].api_groups.count,
                     201);
}

/*
 * Held: r_i with v_i, each alone, and @last where not NULL; wanted: all with all. So each resource
 * lacks other verbs.
 */
static int cross_and(size_t count, const struct rbac_rule *last, struct arena *a,
                     struct rbac_rules *missing, struct err *err)
{
    struct rbac_list verbs = list_long('v', count, a);
    struct rbac_list resources = list_long('r', count, a);
    struct rbac_list groups = list_long('g', 1, a);
    struct rbac_rule *held = arena_calloc(a, count + 1, sizeof(*held));
    struct rbac_rule wanted = {.verbs = verbs, .resources = resources, .api_groups = groups};

    assert_non_null(held);
    for (size_t i = 0; i < count; i++) {
        held[i] = (struct rbac_rule){.verbs = {&verbs.texts[i], 1},
                                     .resources = {&resources.texts[i], 1},
                                     .api_groups = groups};
    }
    if (last)
        held[count++] = *last;
    return rbac_cover(&(struct rbac_rules){held, count}, &(struct rbac_rules){&wanted, 1}, a,
                      missing, err);
}

static int cross(size_t count, struct arena *a, struct rbac_rules *missing, struct err *err)
{
    return cross_and(count, NULL, a, missing, err);
}

/* It would take four times the comparisons that are allowed. */
static void test_what_one_rule_gives_whole_is_not_walked_through(void **state)
{
    const char *const star[] = {"*"};
    const struct rbac_rule all = {.verbs = {star, 1},
                                  .api_groups = {star, 1},
                                  .resources = {star, 1}};
    struct rbac_rules missing = {.count = 9};
    struct err err = {0};

    assert_int_equal(cross_and(2000, &all, *state, &missing, &err), 0);
    assert_int_equal(missing.count, 0);
}

static void test_an_answer_has_no_more_than_so_many_rules(void **state)
{
    struct arena *a = *state;
    struct rbac_rules missing;
    struct err err = {0};

    assert_int_equal(cross(RBAC_MISSING_MAX - 1, a, &missing, &err), 0);
    assert_int_equal(missing.count, RBAC_MISSING_MAX - 1);
    arena_reset(a);
    assert_int_equal(cross(RBAC_MISSING_MAX + 10, a, &missing, &err), 0);
    assert_int_equal(missing.count, RBAC_MISSING_MAX);
}

static void test_rules_that_are_too_long_to_compare_are_refused(void **state)
{
    struct arena *a = *state;
    struct rbac_rules missing = {.count = 9};
    struct err err = {0};

    assert_int_equal(cross(6000, a, &missing, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.msg, "1 rules are too long to be compared with 6000 others; shorten "
                                 "their lists");
    assert_int_equal(missing.count, 9);
}

static void test_lists_that_need_too_much_memory_are_refused(void **state)
{
    struct arena *a = *state;
    struct rbac_rule held = {0};
    struct rbac_rule wanted = {.verbs = list_long('v', 1, a),
                               .api_groups = list_long('g', 1, a),
                               .resources = {NULL, 0}};
    const char **texts = arena_calloc(a, 600000, sizeof(*texts));
    struct rbac_rules missing = {.count = 9};
    struct err err = {0};

    assert_non_null(texts);
    for (size_t i = 0; i < 600000; i++) {
        texts[i] = arena_printf(a, "%zu", i);
        assert_non_null(texts[i]);
    }
    wanted.resources = (struct rbac_list){texts, 600000};
    assert_int_equal(rbac_cover(&(struct rbac_rules){&held, 1}, &(struct rbac_rules){&wanted, 1}, a,
                                &missing, &err),
                     -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(missing.count, 9);
}

/* ---- memory ---- */

struct pair {
    struct rbac_rules held;
    struct rbac_rules wanted;
};

static int cover_once(void *ctx, struct err *err)
{
    AUTO_ARENA a;
    const struct pair *pair = ctx;
    struct rbac_rules missing = {.count = 9};
    int r;

    arena_init(&a, 1u << 20);
    r = rbac_cover(&pair->held, &pair->wanted, &a, &missing, err);
    assert_int_equal(missing.count, r < 0 ? 9 : 3);
    return r;
}

static void test_every_allocation_may_fail(void **state)
{
    struct pair pair = {
        .held = rules_of("[{'verbs':['get'],'apiGroups':[''],'resources':['pods']},"
                         "{'verbs':['get'],'apiGroups':[''],'resources':['services']}]",
                         *state),
        .wanted = rules_of("[{'verbs':['get','list'],'apiGroups':[''],'resources':['pods']},"
                           "{'verbs':['get','list'],'apiGroups':[''],'resources':['services']},"
                           "{'verbs':['get'],'apiGroups':[''],'resources':['x'],"
                           "'resourceNames':['n']},{'verbs':['get'],'nonResourceURLs':['/a']}]",
                           *state),
    };

    assert_in_range(sweep(cover_once, &pair), 20, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_what_is_missing_is_told_from_what_is_held),
        ARENA_TEST(test_the_answer_is_that_for_one_right_at_a_time),
        ARENA_TEST(test_a_large_rule_is_answered_without_taking_it_apart),
        ARENA_TEST(test_what_one_rule_gives_whole_is_not_walked_through),
        ARENA_TEST(test_an_answer_has_no_more_than_so_many_rules),
        ARENA_TEST(test_rules_that_are_too_long_to_compare_are_refused),
        ARENA_TEST(test_lists_that_need_too_much_memory_are_refused),
        ARENA_TEST(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

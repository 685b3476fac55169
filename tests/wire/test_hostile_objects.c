/*
 * Objects that a tenant can make and nobody wants to read: of megabytes, of a hundred thousand
 * rules, of a thousand levels. The caches of everybody else go on, what is ours is put right, and
 * memory has a ceiling.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/alloc.h"
#include "rampart/json/decode.h"
#include "support/text.h"
#include "wire/support/spine.h"

#define POLICY "rampart-default-deny"
#define CRD_HEAD \
    "{\"metadata\":{\"name\":\"deep.example.com\"},\"spec\":{\"versions\":[{\"schema\":"
#define CRD_TAIL                                                                              \
    "}],\"conversion\":{\"strategy\":\"Webhook\",\"webhook\":{\"clientConfig\":{\"service\":" \
    "{\"namespace\":\"bank\",\"name\":\"web\"}}}}}}"

/* A policy whose spec is @unit, @count times, in one rule. */
static char *policy_text(const char *ns, const char *name, const char *unit, size_t count)
{
    char *units = text_repeat(unit, count), *text = NULL;

    assert_true(asprintf(&text,
                         "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\"},\"spec\":{"
                         "\"podSelector\":{},\"policyTypes\":[\"Ingress\"],\"ingress\":[%s{}]}}",
                         name, ns, units) > 0);
    free(units);
    return text;
}

static void put_policy(struct spine *sp, const char *ns, const char *name, const char *unit,
                       size_t count)
{
    char *text = policy_text(ns, name, unit, count);

    (void)api_put(&sp->api, KIND_NETWORK_POLICY, text);
    free(text);
}

static void put_crd(struct spine *sp, size_t levels)
{
    char *open = text_repeat("{\"items\":", levels), *close = text_repeat("}", levels);
    char *text = NULL;

    assert_true(asprintf(&text, CRD_HEAD "%s{}%s" CRD_TAIL, open, close) > 0);
    (void)api_put(&sp->api, KIND_CRD, text);
    free(open);
    free(close);
    free(text);
}

/* Everything at once: before the operator begins, or while it watches. */
static void put_hostile(struct spine *sp)
{
    put_policy(sp, "bank", "rules", "{},", 100000);
    put_policy(sp, "bank", "ports", "{\"ports\":[{\"protocol\":\"TCP\"}]},", 140000); /* 4.5 MiB */
    put_policy(sp, "bank", "peers", "{\"from\":[{\"podSelector\":{}}]},", 20000);
    put_crd(sp, 1000);
}

static unsigned written(struct spine *sp)
{
    return sp->api.counts.creates + sp->api.counts.patches + sp->api.counts.deletes;
}

static bool knows_crd(struct spine *sp)
{
    return cluster_get(manager_cluster(sp->manager), KIND_CRD, "", "deep.example.com");
}

static void test_a_first_list_goes_on_past_them(void **state)
{
    (void)state;
    for (int has_list = 0; has_list < 2; has_list++) {
        struct spine sp;

        spine_start(&sp, NULL);
        sp.api.has_no_watch_list = has_list;
        put_hostile(&sp);
        spine_connect(&sp, 0, 0);
        spine_until_settled(&sp);
        assert_int_equal(sp.api.counts.creates, SPINE_NAMESPACES);
        assert_int_equal(written(&sp), SPINE_NAMESPACES);
        assert_true(knows_crd(&sp)); /* what is kept of it is not deep */
        assert_true(sp.requests < 60);
        spine_close(&sp);
    }
}

static void test_a_watch_goes_on_past_them(void **state)
{
    struct spine sp;
    unsigned watches;

    (void)state;
    spine_open(&sp);
    spine_until_settled(&sp);
    watches = sp.api.counts.watches;
    put_hostile(&sp);
    spine_until_settled(&sp);
    assert_true(knows_crd(&sp));
    assert_int_equal(sp.api.counts.watches, watches); /* none was begun anew */
    assert_int_equal(written(&sp), SPINE_NAMESPACES);
    /* And they go as they came. */
    api_take_away(&sp.api, KIND_NETWORK_POLICY, "bank", "rules");
    api_take_away(&sp.api, KIND_NETWORK_POLICY, "bank", "ports");
    api_take_away(&sp.api, KIND_NETWORK_POLICY, "bank", "peers");
    api_take_away(&sp.api, KIND_CRD, "", "deep.example.com");
    spine_until_settled(&sp);
    spine_assert_end_state(&sp);
    spine_close(&sp);
}

static bool is_put_right(struct spine *sp)
{
    struct api_object *o = api_find(&sp->api, KIND_NETWORK_POLICY, "ns-1", POLICY);

    return o && !json_object_get(json_object_get(o->json, "spec"), "ingress") &&
           spine_is_settled(sp);
}

static bool selects_all(struct spine *sp)
{
    struct api_object *o = api_find(&sp->api, KIND_NETWORK_POLICY, "ns-1", POLICY);
    json_t *pods = o ? json_object_get(json_object_get(o->json, "spec"), "podSelector") : NULL;

    return pods && json_object_size(json_object_get(pods, "matchLabels")) == 0 &&
           spine_is_settled(sp);
}

/* Who opens our policy and hides that behind megabytes has it closed again all the same. */
static void test_what_is_ours_is_put_right_however_large_it_was_made(void **state)
{
    static const struct {
        const char *unit;
        size_t count;
    } rows[] = {
        {"{},", 1},
        {"{},", 10000},
        {"{},", 100000},
        {"{\"ports\":[{\"protocol\":\"TCP\"}]},", 20000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct spine sp;
        char *patch = policy_text("ns-1", POLICY, rows[i].unit, rows[i].count);

        spine_open(&sp);
        spine_until_settled(&sp);
        api_edit(&sp.api, api_find(&sp.api, KIND_NETWORK_POLICY, "ns-1", POLICY), patch);
        spine_until(&sp, is_put_right);
        assert_int_equal(sp.api.counts.patches, 1);
        assert_int_equal(sp.api.counts.deletes, 0);
        spine_close(&sp);
        free(patch);
    }
}

static bool is_said(struct spine *sp)
{
    struct api_object *o;

    TAILQ_FOREACH(o, &sp->api.objects, link)
    {
        const char *note = json_string_value(json_object_get(o->json, "note"));

        if (o->kind == KIND_EVENT && note && strstr(note, "ns-0/large"))
            return true;
    }
    return false;
}

/* Hidden in what the policy selects instead of in what it allows. */
static void test_what_is_ours_selects_all_pods_again_however_many_labels_it_was_given(void **state)
{
    struct spine sp;
    AUTO_STRBUF patch;

    (void)state;
    strbuf_init(&patch, 4u << 20);
    strbuf_adds(&patch, "{\"spec\":{\"podSelector\":{\"matchLabels\":{\"a\":\"b\"");
    for (unsigned i = 0; i < 10000; i++)
        strbuf_addf(&patch, ",\"label-%u\":\"%030u\"", i, i);
    strbuf_adds(&patch, "}}}}");
    spine_open(&sp);
    spine_until_settled(&sp);
    api_edit(&sp.api, api_find(&sp.api, KIND_NETWORK_POLICY, "ns-1", POLICY), patch.text);
    spine_until(&sp, selects_all);
    assert_int_equal(sp.api.counts.patches, 1);
    assert_int_equal(sp.api.counts.deletes, 0);
    spine_close(&sp);
}

/* A foreign policy that cannot be read may allow anything: that is said. */
static void test_a_policy_that_is_too_large_to_judge_is_said(void **state)
{
    struct spine sp;

    (void)state;
    spine_open(&sp);
    spine_until_settled(&sp);
    put_policy(&sp, "ns-0", "large", "{\"ports\":[{\"protocol\":\"TCP\"}]},", 20000);
    spine_until(&sp, is_said);
    assert_int_equal(written(&sp), SPINE_NAMESPACES);
    spine_close(&sp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_first_list_goes_on_past_them),
        cmocka_unit_test(test_a_watch_goes_on_past_them),
        cmocka_unit_test(test_what_is_ours_is_put_right_however_large_it_was_made),
        cmocka_unit_test(test_what_is_ours_selects_all_pods_again_however_many_labels_it_was_given),
        cmocka_unit_test(test_a_policy_that_is_too_large_to_judge_is_said),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

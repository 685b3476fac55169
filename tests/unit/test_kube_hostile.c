/* Every object of the fixtures, with every field replaced by what does not belong there, and with
 * every allocation failing. */
#include "kube_fixture.h"

#include "rampart/kube/profile.h"
#include "support/sweep.h"

static const struct {
    enum kind kind;
    const char *fixture;
} fixtures[] = {
    {KIND_NAMESPACE, "namespace.json"},
    {KIND_NAMESPACE, "namespace_terminating.json"},
    {KIND_PROFILE, "profile.json"},
    {KIND_PROFILE, "profile_minimal.json"},
    {KIND_PROFILE, "profile_workloads.json"},
    {KIND_EXCEPTION, "exception.json"},
    {KIND_NETWORK_POLICY, "netpol_ours.json"},
    {KIND_NETWORK_POLICY, "netpol_ours_edited.json"},
    {KIND_NETWORK_POLICY, "netpol_ours_claimed.json"},
    {KIND_NETWORK_POLICY, "netpol_foreign_allow_all.json"},
    {KIND_SERVICE, "service_dns.json"},
    {KIND_SERVICE, "service_headless.json"},
    {KIND_SERVICE, "service_external_name.json"},
    {KIND_ENDPOINT_SLICE, "slice_dns.json"},
    {KIND_ENDPOINT_SLICE, "slice_kubernetes.json"},
    {KIND_VALIDATING_WEBHOOK, "webhook_validating.json"},
    {KIND_API_SERVICE, "api_service_metrics.json"},
    {KIND_API_SERVICE, "api_service_local.json"},
    {KIND_CRD, "crd_webhook.json"},
    {KIND_DEPLOYMENT, "deployment.json"},
    {KIND_DEPLOYMENT, "deployment_filled.json"},
    {KIND_STATEFUL_SET, "stateful_set.json"},
    {KIND_DAEMON_SET, "daemon_set.json"},
    {KIND_CRON_JOB, "cron_job.json"},
};

static const char *const intruders[] = {
    "null",
    "true",
    "0",
    "-1",
    "9223372036854775807",
    "1.5",
    "'x'",
    "''",
    "[]",
    "{}",
    "[[]]",
    "[null]",
    "[{}]",
    "{'a':'b'}",
    "{'':''}",
    "['..']",
    "'\xc3\xa4\\n\\u001b'",
    "{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'a','operator':'DoesNotExist'}]}",
};

struct attack {
    enum kind kind;
    const char *fixture;
    json_t *root;
    struct arena *arena;
    unsigned count;
};

static void decode_attacked(struct attack *attack)
{
    struct err err = {0};
    enum decode_result result;
    struct object *object;

    arena_reset(attack->arena);
    attack->count++;
    if (object_decode(attack->kind, attack->root, attack->arena, &result, &object, &err) == 0) {
        assert_int_equal(result == DECODE_KEEP, object != NULL);
        if (object) {
            assert_non_null(object->ns);
            assert_true(*object->name != '\0' && *object->uid != '\0' && *object->rv != '\0');
        }
        return;
    }
    if (err.code != ERR_INVALID)
        fail_msg("%s: %s", attack->fixture, err.msg);
    assert_true(strlen(err.msg) > 0);
}

static json_t *intruder(size_t i)
{
    return json_of(intruders[i]);
}

/* Replaces each member and element below @node in turn. */
static void attack_below(struct attack *attack, json_t *node)
{
    const char *key;
    void *next;
    json_t *value;
    size_t index;

    json_object_foreach_safe(node, next, key, value)
    {
        json_t *saved = json_incref(value);

        attack_below(attack, saved);
        for (size_t i = 0; i < COUNT_OF(intruders); i++) {
            assert_int_equal(json_object_set_new(node, key, intruder(i)), 0);
            decode_attacked(attack);
        }
        assert_int_equal(json_object_set_new(node, key, saved), 0);
    }
    json_array_foreach(node, index, value)
    {
        json_t *saved = json_incref(value);

        attack_below(attack, saved);
        for (size_t i = 0; i < COUNT_OF(intruders); i++) {
            assert_int_equal(json_array_set_new(node, index, intruder(i)), 0);
            decode_attacked(attack);
        }
        assert_int_equal(json_array_set_new(node, index, saved), 0);
    }
}

static void test_no_wrong_type_anywhere_is_more_than_an_error(void **state)
{
    for (size_t i = 0; i < COUNT_OF(fixtures); i++) {
        struct attack attack = {.kind = fixtures[i].kind,
                                .fixture = fixtures[i].fixture,
                                .root = fixture_json(fixtures[i].fixture),
                                .arena = *state};

        attack_below(&attack, attack.root);
        assert_true(attack.count > 100);
        json_decref(attack.root);
    }
}

static void test_objects_of_another_kind_are_no_more_than_an_error(void **state)
{
    for (size_t i = 0; i < COUNT_OF(fixtures); i++) {
        struct attack attack = {.fixture = fixtures[i].fixture,
                                .root = fixture_json(fixtures[i].fixture),
                                .arena = *state};

        for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
            attack.kind = (enum kind)kind;
            decode_attacked(&attack);
        }
        json_decref(attack.root);
    }
}

/* The store measures in one arena and decodes into exactly as many bytes. */
static void test_decoding_again_needs_exactly_the_bytes_measured(void **state)
{
    for (size_t i = 0; i < COUNT_OF(fixtures); i++) {
        json_t *root = fixture_json(fixtures[i].fixture);
        struct arena *measure = *state;
        struct arena exact;
        struct object *object;
        size_t used;
        void *block;

        arena_reset(measure);
        object = decode_ok(fixtures[i].kind, root, measure);
        used = measure->used;
        block = malloc(used);
        assert_non_null(block);
        arena_init_fixed(&exact, block, used);
        if (object)
            assert_string_equal(decode_ok(fixtures[i].kind, root, &exact)->name, object->name);
        assert_int_equal(exact.used, object ? used : 0);
        arena_done(&exact);
        free(block);
        json_decref(root);
    }
}

static void test_decoding_fails_cleanly_wherever_the_arena_ends(void **state)
{
    for (size_t i = 0; i < COUNT_OF(fixtures); i++) {
        json_t *root = fixture_json(fixtures[i].fixture);
        struct arena *measure = *state;
        size_t used;

        arena_reset(measure);
        (void)decode_ok(fixtures[i].kind, root, measure);
        used = measure->used;
        for (size_t room = 0; room < used; room++) {
            struct err err = {0};
            enum decode_result result = (enum decode_result)7;
            struct object *object = NULL;
            struct arena small;

            arena_init(&small, room);
            assert_int_equal(object_decode(fixtures[i].kind, root, &small, &result, &object, &err),
                             -1);
            assert_int_equal(err.code, ERR_NOMEM);
            assert_int_equal(result, 7);
            assert_null(object);
            arena_done(&small);
        }
        json_decref(root);
    }
}

struct subject {
    enum kind kind;
    const json_t *root;
};

static int decode_once(void *ctx, struct err *err)
{
    const struct subject *subject = ctx;
    enum decode_result result;
    struct object *object;
    AUTO_ARENA arena = {0};

    arena_init(&arena, 1u << 20);
    return object_decode(subject->kind, subject->root, &arena, &result, &object, err);
}

static void test_decoding_survives_every_failing_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fixtures); i++) {
        json_t *root = fixture_json(fixtures[i].fixture);

        assert_true(sweep(decode_once, &(struct subject){fixtures[i].kind, root}) > 0);
        json_decref(root);
    }
}

static void test_an_invalid_profile_is_kept_or_refused_for_lack_of_memory(void **state)
{
    json_t *root =
        json_of("{'metadata':{'name':'p','uid':'u','resourceVersion':'1'},"
                "'spec':{'namespaceSelector':{'matchLabels':{'a':'1'},'matchExpressions':["
                "{'key':'a','operator':'DoesNotExist'}]}}}");
    size_t used;

    (void)decode_ok(KIND_PROFILE, root, *state);
    used = ((struct arena *)*state)->used;
    for (size_t room = 0; room <= used; room++) {
        struct err err = {0};
        struct profile *p;
        struct arena small;

        arena_init(&small, room);
        if (profile_decode(root, &small, &p, &err) == 0)
            assert_non_null(p->invalid);
        else
            assert_int_equal(err.code, ERR_NOMEM);
        arena_done(&small);
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_no_wrong_type_anywhere_is_more_than_an_error),
        ARENA_TEST(test_objects_of_another_kind_are_no_more_than_an_error),
        ARENA_TEST(test_decoding_again_needs_exactly_the_bytes_measured),
        ARENA_TEST(test_decoding_fails_cleanly_wherever_the_arena_ends),
        cmocka_unit_test(test_decoding_survives_every_failing_allocation),
        ARENA_TEST(test_an_invalid_profile_is_kept_or_refused_for_lack_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

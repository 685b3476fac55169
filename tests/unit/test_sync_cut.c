/*
 * An object that is too large to be read, from its bytes to what is known of it: a policy is known
 * to be there and suspected of everything, of any other kind what was known stays. Nobody else's
 * object is concerned.
 */
#include "sync_informer.h"

#define LARGE (300u * 1024)

static int setup(void **state)
{
    static struct bench bench;

    bench_init(&bench, KIND_NETWORK_POLICY, 100);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    bench_done(*state);
    return 0;
}

/* A policy with members of @meta before the large one, which is in @place: its spec or a label. */
static char *large_policy(const char *name, unsigned rv, const char *meta, bool is_spec)
{
    char *filler = text_repeat("x", LARGE), *text = NULL;

    assert_true(asprintf(&text,
                         "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"%s\","
                         "\"namespace\":\"a\",\"uid\":\"u-%s\",\"resourceVersion\":\"%u\"%s%s%s%s},"
                         "\"spec\":{\"podSelector\":{\"matchLabels\":{\"x\":\"%s\"}}}}",
                         name, name, rv, meta, is_spec ? "" : ",\"labels\":{\"x\":\"",
                         is_spec ? "" : filler, is_spec ? "" : "\"}", is_spec ? filler : "") > 0);
    free(filler);
    return text;
}

static void sends_event(struct bench *b, const char *type, const char *object)
{
    char *text = NULL;

    assert_true(asprintf(&text, "{\"type\":\"%s\",\"object\":%s}\n", type, object) > 0);
    sends(b, text);
    free(text);
}

static const struct netpol_facts *facts_of(struct bench *b, const char *name)
{
    const struct object *o = store_get(b->cache.store, "a", name);

    assert_non_null(o);
    return OBJECT_AS(netpol_facts, o);
}

static void test_a_policy_that_is_cut_is_suspected_of_everything(void **state)
{
    struct bench *b = *state;

    for (int is_spec = 0; is_spec < 2; is_spec++) {
        char *text = large_policy("large", 11 + (unsigned)is_spec, "", is_spec);

        if (!is_spec)
            bench_sync(b);
        sends_event(b, is_spec ? "MODIFIED" : "ADDED", text);
        free(text);
        told(&b->cache, is_spec ? "~a/large@11>12 " : "+a/large@11 ");
        assert_true(facts_of(b, "large")->allows_all_ingress);
        assert_true(facts_of(b, "large")->allows_all_egress);
        assert_true(facts_of(b, "large")->selects_all_pods);
        assert_false(facts_of(b, "large")->object.is_ours);
    }
    sends(b, api_event("MODIFIED", "a", "x", 13)); /* the watch goes on */
    told(&b->cache, "~a/x@5>13 ");
    fake_end(&b->net, FAKE_LAST);
    requests(b, WATCH_FROM("13"));
}

static void test_a_policy_of_ours_that_is_cut_is_unlike_what_is_wanted(void **state)
{
    struct bench *b = *state;
    char *text = large_policy("rampart-x", 11,
                              ",\"labels\":{\"app.kubernetes.io/managed-by\":\"rampart\"}", true);

    bench_sync(b);
    sends_event(b, "ADDED", text);
    free(text);
    assert_true(facts_of(b, "rampart-x")->object.is_ours);
    assert_null(facts_of(b, "rampart-x")->spec);
}

static void test_a_deletion_that_is_cut_deletes(void **state)
{
    struct bench *b = *state;
    char *text = large_policy("x", 11, "", true);

    bench_sync(b);
    sends_event(b, "DELETED", text);
    free(text);
    told(&b->cache, "-a/x@5 ");
}

/* In a list it is seen as well, so that what is really gone is swept. */
static void test_a_list_with_a_policy_that_is_cut_still_tells_what_is_gone(void **state)
{
    struct bench *b = *state;
    char *text = large_policy("x", 11, "", true);
    char *list = NULL;

    bench_sync_by_list(b);
    assert_false(fake_text(&b->net, FAKE_LAST,
                           api_error(fake_status(410, "Expired", NULL, "says the event"))));
    assert_int_equal(fake_settle(&b->net), 1);
    waits(b, 800, 1600);
    assert_true(asprintf(&list,
                         "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":"
                         "\"20\"},\"items\":[%s]}",
                         text) > 0);
    fake_answer(&b->net, FAKE_LAST, 200, NULL, list);
    told(&b->cache, "~a/x@5>11 -a/y@6 ");
    free(list);
    free(text);
}

/* Large before it says who it is: it might be anybody. */
static void test_an_object_that_is_cut_before_its_name_sweeps_nothing(void **state)
{
    struct bench *b = *state;
    char *filler = text_repeat("x", LARGE), *list = NULL;

    bench_sync_by_list(b);
    assert_false(fake_text(&b->net, FAKE_LAST,
                           api_error(fake_status(410, "Expired", NULL, "says the event"))));
    assert_int_equal(fake_settle(&b->net), 1);
    waits(b, 800, 1600);
    assert_true(asprintf(&list,
                         "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":"
                         "\"20\"},\"items\":[{\"metadata\":{\"labels\":{\"a\":\"%s\"}}},\"%s\"]}",
                         filler, filler) > 0);
    fake_answer(&b->net, FAKE_LAST, 200, NULL, list);
    told(&b->cache, "");
    requests(b, WATCH_FROM("20"));
    free(list);
    free(filler);
}

static void test_of_any_other_kind_what_was_known_stays(void **state)
{
    static const char service[] =
        "{\"kind\":\"Service\",\"metadata\":{\"name\":\"web\",\"namespace\":\"a\",\"uid\":\"u\","
        "\"resourceVersion\":\"%u\"},\"spec\":{\"selector\":{\"x\":\"%s\"}}}";
    char *filler = text_repeat("x", LARGE), *text = NULL;
    struct bench b;

    (void)state;
    bench_init(&b, KIND_SERVICE, 100);
    b.server.has_refused_watch_list = true;
    step(&b);
    fake_answer(
        &b.net, FAKE_LAST, 200, NULL,
        "{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[]}");
    step(&b);
    sends_event(&b, "ADDED", api_text(service, 11, "y"));
    assert_true(asprintf(&text, service, 12, filler) > 0);
    sends_event(&b, "MODIFIED", text);
    told(&b.cache, "+a/web@11 ");
    assert_contains(b.logged, "Service a/web: is too large to be read");
    free(text);
    free(filler);
    bench_done(&b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_policy_that_is_cut_is_suspected_of_everything),
        TEST(test_a_policy_of_ours_that_is_cut_is_unlike_what_is_wanted),
        TEST(test_a_deletion_that_is_cut_deletes),
        TEST(test_a_list_with_a_policy_that_is_cut_still_tells_what_is_gone),
        TEST(test_an_object_that_is_cut_before_its_name_sweeps_nothing),
        cmocka_unit_test(test_of_any_other_kind_what_was_known_stays),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

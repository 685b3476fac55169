/* The caches together: one watch a kind, one answer to "is everything there", one place that says
 * what is wrong. */
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "rampart/sync/cluster.h"
#include "support/api_text.h"
#include "support/fake_transport.h"
#include "support/sweep.h"
#include "support/text.h"

#define TROUBLE_LEN 1024

struct fixture {
    struct fake_transport fake;
    struct cluster *cluster;
    unsigned added[KIND_WATCHED_COUNT];
    unsigned changed[KIND_WATCHED_COUNT];
    unsigned removed[KIND_WATCHED_COUNT];
    bool shows_after; /* the store showed the object when its change was told */
};

#define CLIENT_CONFIG "\"clientConfig\":{\"service\":{\"namespace\":\"shop\",\"name\":\"web\"}}"
#define HOOKS "\"webhooks\":[{\"name\":\"a.b.c\"," CLIENT_CONFIG "}]"
#define CONVERSION "\"conversion\":{\"strategy\":\"Webhook\",\"webhook\":{" CLIENT_CONFIG "}}"
#define TEMPLATE "\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\"}]}}"

/* What one object of each kind has besides its metadata. */
static const char *const contents[KIND_WATCHED_COUNT] = {
    [KIND_NAMESPACE] = "\"status\":{\"phase\":\"Active\"}",
    [KIND_PROFILE] = "\"spec\":{\"namespaceSelector\":{}}",
    [KIND_EXCEPTION] = "\"spec\":{}",
    [KIND_NETWORK_POLICY] = "\"spec\":{\"podSelector\":{}}",
    [KIND_SERVICE] = "\"spec\":{\"type\":\"ClusterIP\",\"ports\":[{\"port\":443}]}",
    [KIND_ENDPOINT_SLICE] = "\"addressType\":\"IPv4\",\"endpoints\":[],\"ports\":[]",
    [KIND_VALIDATING_WEBHOOK] = HOOKS,
    [KIND_MUTATING_WEBHOOK] = HOOKS,
    [KIND_API_SERVICE] = "\"spec\":{\"service\":{\"namespace\":\"shop\",\"name\":\"web\"}}",
    [KIND_CRD] = "\"spec\":{" CONVERSION "}",
    [KIND_DEPLOYMENT] = "\"spec\":{" TEMPLATE "}",
    [KIND_STATEFUL_SET] = "\"spec\":{" TEMPLATE "}",
    [KIND_DAEMON_SET] = "\"spec\":{" TEMPLATE "}",
    [KIND_CRON_JOB] = "\"spec\":{\"jobTemplate\":{\"spec\":{" TEMPLATE "}}}",
};

static void on_change(void *ctx, const struct object *before, const struct object *after)
{
    struct fixture *f = ctx;
    const struct object *object = after ? after : before;

    if (!before)
        f->added[object->kind]++;
    else if (!after)
        f->removed[object->kind]++;
    else
        f->changed[object->kind]++;
    f->shows_after = cluster_get(f->cluster, object->kind, object->ns, object->name) == after;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct cluster_options options;

    assert_non_null(f);
    fake_init(&f->fake);
    options = (struct cluster_options){.transport = &f->fake.transport,
                                       .seed = 7,
                                       .on_change = on_change,
                                       .ctx = f};
    f->cluster = cluster_new(&options, NULL);
    assert_non_null(f->cluster);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    cluster_stop(f->cluster);
    (void)fake_settle(&f->fake);
    assert_true(cluster_is_stopped(f->cluster));
    cluster_free(f->cluster);
    fake_done(&f->fake);
    free(f);
    return 0;
}

static void step(struct fixture *f)
{
    cluster_step(f->cluster, f->fake.now_ms);
}

/* The request that runs for the kind. */
static size_t running(struct fixture *f, enum kind kind)
{
    const char *part = api_text("/%s?", resource_of(kind)->plural);
    size_t number = fake_find(&f->fake, part);

    if (number == FAKE_LAST)
        fail_msg("nothing runs for %s", part);
    return number;
}

static void tell(struct fixture *f, enum kind kind, const char *type, const char *name, unsigned rv)
{
    const struct resource *resource = resource_of(kind);

    assert_true(fake_text(
        &f->fake, running(f, kind),
        api_text("{\"type\":\"%s\",\"object\":{\"kind\":\"%s\",\"metadata\":{\"name\":\"%s\","
                 "%s\"uid\":\"u-%s\",\"resourceVersion\":\"%u\"},%s}}\n",
                 type, resource->name, name,
                 resource->is_namespaced ? "\"namespace\":\"shop\"," : "", name, rv,
                 contents[kind])));
}

static void tell_initial_end(struct fixture *f, enum kind kind, unsigned rv)
{
    assert_true(fake_text(&f->fake, running(f, kind),
                          api_text("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\","
                                   "\"metadata\":{\"resourceVersion\":\"%u\",\"annotations\":{"
                                   "\"k8s.io/initial-events-end\":\"true\"}}}}\n",
                                   resource_of(kind)->name, rv)));
}

static void sync_all(struct fixture *f)
{
    step(f);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++)
        tell_initial_end(f, (enum kind)kind, 100);
}

static const char *trouble(struct fixture *f)
{
    static char text[TROUBLE_LEN];

    cluster_trouble(f->cluster, text, sizeof(text));
    return text;
}

static void test_cluster_asks_for_nothing_before_its_first_step(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(f->fake.count, 0);
    assert_false(cluster_has_synced(f->cluster));
    assert_int_equal(cluster_deadline(f->cluster), 0);
}

static void test_cluster_watches_every_kind_with_one_request_each(void **state)
{
    struct fixture *f = *state;

    step(f);
    step(f);
    assert_int_equal(f->fake.count, KIND_WATCHED_COUNT);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        struct informer_stats stats;

        (void)running(f, (enum kind)kind);
        cluster_get_stats(f->cluster, (enum kind)kind, &stats);
        assert_int_equal(stats.requests_watch, 1);
    }
}

static void test_cluster_tells_every_change_of_every_kind(void **state)
{
    struct fixture *f = *state;

    sync_all(f);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        tell(f, (enum kind)kind, "ADDED", "web", 101);
        assert_true(f->shows_after);
        tell(f, (enum kind)kind, "MODIFIED", "web", 102);
        assert_true(f->shows_after);
        tell(f, (enum kind)kind, "DELETED", "web", 103);
        assert_true(f->shows_after);
    }
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        assert_int_equal(f->added[kind], 1);
        assert_int_equal(f->changed[kind], 1);
        assert_int_equal(f->removed[kind], 1);
    }
}

static void test_cluster_tells_a_change_that_an_answer_brought(void **state)
{
    struct fixture *f = *state;
    const char *text = "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u-web\","
                       "\"resourceVersion\":\"101\"},\"spec\":{\"podSelector\":{}}}";

    sync_all(f);
    assert_int_equal(store_put(cluster_store(f->cluster, KIND_NETWORK_POLICY), text, strlen(text),
                               NULL),
                     0);
    assert_int_equal(f->added[KIND_NETWORK_POLICY], 1);
    tell(f, KIND_NETWORK_POLICY, "ADDED", "web", 101); /* the same again */
    assert_int_equal(f->added[KIND_NETWORK_POLICY] + f->changed[KIND_NETWORK_POLICY], 1);
}

static void test_cluster_has_synced_when_the_last_kind_was_complete(void **state)
{
    struct fixture *f = *state;

    step(f);
    for (unsigned i = KIND_WATCHED_COUNT; i-- > 0;) {
        assert_false(cluster_has_synced(f->cluster));
        tell_initial_end(f, (enum kind)i, 100);
    }
    assert_true(cluster_has_synced(f->cluster));
    assert_string_equal(trouble(f), "");
    fake_fail(&f->fake, running(f, KIND_SERVICE), ERR_UNAVAILABLE, "connection reset");
    assert_true(cluster_has_synced(f->cluster)); /* once is enough */
}

static void test_cluster_says_what_it_waits_for(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(trouble(f), "waiting for the first list of namespaces");
    step(f);
    tell_initial_end(f, KIND_NAMESPACE, 100);
    tell_initial_end(f, KIND_PROFILE, 100);
    assert_string_equal(trouble(f), "waiting for the first list of securityexceptions");
}

static void
test_cluster_says_that_the_profiles_definition_is_missing_and_how_to_install_it(void **state)
{
    struct fixture *f = *state;

    step(f);
    fake_answer(&f->fake, running(f, KIND_PROFILE), 404, NULL, "404 page not found");
    assert_contains(trouble(f), "securityprofiles.rampart.dev");
    assert_contains(trouble(f), "kubectl apply -k crds/");
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (kind != KIND_PROFILE)
            tell_initial_end(f, (enum kind)kind, 100);
    }
    assert_false(cluster_has_synced(f->cluster));
    f->fake.now_ms += WATCH_ABSENT_MAX_MS + 1; /* installed meanwhile */
    step(f);
    tell_initial_end(f, KIND_PROFILE, 100);
    assert_string_equal(trouble(f), "");
    assert_true(cluster_has_synced(f->cluster));
}

static void test_cluster_says_which_right_is_missing_before_what_it_waits_for(void **state)
{
    struct fixture *f = *state;

    step(f);
    fake_answer(&f->fake, running(f, KIND_CRD), 403, NULL,
                fake_status(403, "Forbidden", NULL, "cannot watch"));
    assert_contains(trouble(f), "customresourcedefinitions.apiextensions.k8s.io");
    assert_contains(trouble(f), "right");
}

static void test_cluster_cuts_a_trouble_that_does_not_fit(void **state)
{
    struct fixture *f = *state;
    char text[8] = "xxxxxxx";

    cluster_trouble(f->cluster, text, sizeof(text));
    assert_string_equal(text, "waiting");
}

static void test_cluster_learns_once_that_the_server_has_no_watch_list(void **state)
{
    struct fixture *f = *state;

    step(f);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++)
        fake_answer(&f->fake, running(f, (enum kind)kind), 400, NULL,
                    fake_status(400, "BadRequest", NULL, "sendInitialEvents is forbidden"));
    /* Most had asked before the first was answered: that is no trouble. */
    assert_string_equal(trouble(f), "waiting for the first list of namespaces");
    step(f);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        size_t number = running(f, (enum kind)kind);

        assert_null(strstr(fake_path(&f->fake, number), "sendInitialEvents"));
        fake_answer(&f->fake, number, 200, NULL,
                    api_text("{\"kind\":\"%sList\",\"metadata\":{\"resourceVersion\":\"100\"},"
                             "\"items\":[]}",
                             resource_of((enum kind)kind)->name));
    }
    assert_true(cluster_has_synced(f->cluster));
}

static void test_cluster_runs_again_when_the_first_of_its_watches_has_to(void **state)
{
    struct fixture *f = *state;
    uint64_t quiet;

    sync_all(f);
    quiet = cluster_deadline(f->cluster);
    assert_true(quiet >= WATCH_TIMEOUT_MIN_S * 1000);
    fake_fail(&f->fake, running(f, KIND_CRD), ERR_UNAVAILABLE, "connection reset");
    assert_true(cluster_deadline(f->cluster) < quiet);
    f->fake.now_ms = cluster_deadline(f->cluster);
    step(f);
    (void)running(f, KIND_CRD);
}

/* Every watch fails so often that the back-offs are long, and runs again. */
static void go_through_an_outage(struct fixture *f)
{
    for (int outage = 0; outage < 6; outage++) {
        for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
            size_t number =
                fake_find(&f->fake, api_text("/%s?", resource_of((enum kind)kind)->plural));

            if (number != FAKE_LAST)
                fake_fail(&f->fake, number, ERR_UNAVAILABLE, "connection refused");
        }
        f->fake.now_ms = cluster_deadline(f->cluster);
        step(f);
    }
    while (fake_running(&f->fake) == 0) {
        f->fake.now_ms = cluster_deadline(f->cluster);
        step(f);
    }
}

static void test_cluster_wakes_every_watch_when_one_gets_through_again(void **state)
{
    struct fixture *f = *state;

    sync_all(f);
    go_through_an_outage(f);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (fake_find(&f->fake, api_text("/%s?", resource_of((enum kind)kind)->plural)) !=
            FAKE_LAST) {
            tell(f, (enum kind)kind, "ADDED", "back", 200);
            break;
        }
    }
    step(f);
    step(f);
    assert_int_equal(fake_running(&f->fake), KIND_WATCHED_COUNT);
}

static void test_cluster_takes_an_expired_watch_for_a_sign_of_life(void **state)
{
    struct fixture *f = *state;
    uint64_t recoveries, begun_ms;

    sync_all(f);
    go_through_an_outage(f);
    recoveries = cluster_recoveries(f->cluster);
    begun_ms = f->fake.now_ms;
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        size_t number = fake_find(&f->fake, api_text("/%s?", resource_of((enum kind)kind)->plural));

        if (number != FAKE_LAST) {
            fake_answer(&f->fake, number, 410, NULL, fake_status(410, "Expired", NULL, "old"));
            break;
        }
    }
    step(f);
    step(f);
    assert_int_equal(cluster_recoveries(f->cluster), recoveries + 1);
    assert_int_equal(f->fake.now_ms, begun_ms);
    assert_int_equal(fake_running(&f->fake), KIND_WATCHED_COUNT);
}

static void test_cluster_reads_by_kind_namespace_and_name(void **state)
{
    struct fixture *f = *state;
    struct object_list list;
    AUTO_ARENA arena;

    arena_init(&arena, 65536);
    sync_all(f);
    tell(f, KIND_NETWORK_POLICY, "ADDED", "b", 101);
    tell(f, KIND_NETWORK_POLICY, "ADDED", "a", 102);
    tell(f, KIND_NAMESPACE, "ADDED", "shop", 103);
    assert_string_equal(cluster_get(f->cluster, KIND_NETWORK_POLICY, "shop", "b")->rv, "101");
    assert_null(cluster_get(f->cluster, KIND_NETWORK_POLICY, "bar", "b"));
    assert_null(cluster_get(f->cluster, KIND_SERVICE, "shop", "b"));
    assert_non_null(cluster_get(f->cluster, KIND_NAMESPACE, NULL, "shop"));
    assert_ptr_equal(cluster_get(f->cluster, KIND_NAMESPACE, "", "shop"),
                     cluster_get(f->cluster, KIND_NAMESPACE, NULL, "shop"));
    assert_int_equal(cluster_list(f->cluster, KIND_NETWORK_POLICY, "shop", &arena, &list, NULL), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0]->name, "a");
    assert_int_equal(cluster_list(f->cluster, KIND_NETWORK_POLICY, "bar", &arena, &list, NULL), 0);
    assert_int_equal(list.count, 0);
    assert_int_equal(cluster_list(f->cluster, KIND_NAMESPACE, NULL, &arena, &list, NULL), 0);
    assert_int_equal(list.count, 1);
}

static void test_cluster_is_stopped_when_the_last_request_has_ended(void **state)
{
    struct fixture *f = *state;

    sync_all(f);
    cluster_stop(f->cluster);
    assert_int_equal(fake_running(&f->fake), 0);
    for (size_t i = 0; i < KIND_WATCHED_COUNT; i++) {
        assert_false(cluster_is_stopped(f->cluster));
        fake_end(&f->fake, i);
    }
    assert_true(cluster_is_stopped(f->cluster));
    step(f);
    assert_int_equal(f->fake.count, KIND_WATCHED_COUNT);
    assert_int_equal(cluster_deadline(f->cluster), UINT64_MAX);
}

static void test_cluster_without_on_change_keeps_its_caches(void **state)
{
    struct cluster_options options = {.seed = 7};
    struct fixture *f = *state;
    struct cluster *with = f->cluster;

    options.transport = &f->fake.transport;
    f->cluster = cluster_new(&options, NULL);
    assert_non_null(f->cluster);
    cluster_free(with);
    sync_all(f);
    tell(f, KIND_NAMESPACE, "ADDED", "shop", 101);
    assert_non_null(cluster_get(f->cluster, KIND_NAMESPACE, "", "shop"));
}

static int make(void *ctx, struct err *err)
{
    struct fixture *f = ctx;
    const struct cluster_options options = {.transport = &f->fake.transport};
    struct cluster *c = cluster_new(&options, err);

    cluster_free(c);
    return c ? 0 : -1;
}

static void test_cluster_new_survives_every_allocation_that_fails(void **state)
{
    assert_true(sweep(make, *state) > 2 * KIND_WATCHED_COUNT);
}

#define CLUSTER_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(test_cluster_asks_for_nothing_before_its_first_step),
        CLUSTER_TEST(test_cluster_watches_every_kind_with_one_request_each),
        CLUSTER_TEST(test_cluster_tells_every_change_of_every_kind),
        CLUSTER_TEST(test_cluster_tells_a_change_that_an_answer_brought),
        CLUSTER_TEST(test_cluster_has_synced_when_the_last_kind_was_complete),
        CLUSTER_TEST(test_cluster_says_what_it_waits_for),
        CLUSTER_TEST(
            test_cluster_says_that_the_profiles_definition_is_missing_and_how_to_install_it),
        CLUSTER_TEST(test_cluster_says_which_right_is_missing_before_what_it_waits_for),
        CLUSTER_TEST(test_cluster_cuts_a_trouble_that_does_not_fit),
        CLUSTER_TEST(test_cluster_learns_once_that_the_server_has_no_watch_list),
        CLUSTER_TEST(test_cluster_runs_again_when_the_first_of_its_watches_has_to),
        CLUSTER_TEST(test_cluster_wakes_every_watch_when_one_gets_through_again),
        CLUSTER_TEST(test_cluster_takes_an_expired_watch_for_a_sign_of_life),
        CLUSTER_TEST(test_cluster_reads_by_kind_namespace_and_name),
        CLUSTER_TEST(test_cluster_is_stopped_when_the_last_request_has_ended),
        CLUSTER_TEST(test_cluster_without_on_change_keeps_its_caches),
        CLUSTER_TEST(test_cluster_new_survives_every_allocation_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

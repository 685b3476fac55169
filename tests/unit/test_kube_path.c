#include "kube_fixture.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rampart/kube/path.h"

static const struct path_query watch_query = {
    .is_watch = true,
    .has_bookmarks = true,
    .sends_initial_events = true,
    .resource_version_match = "NotOlderThan",
    .resource_version = "219",
    .timeout_s = 300,
};
static const struct path_query page_query = {.limit = 500, .continue_token = "a+b/c="};
static const struct path_query write_query = {.field_manager = "rampart"};
static const struct path_query label_query = {.limit = 250, .label_selector = "app in (a,b)"};
static const struct path_query empty_query = {.resource_version = ""};

static void test_paths_follow_the_api(void **state)
{
    static const struct {
        enum kind kind;
        const char *ns;
        const char *name;
        const char *subresource;
        const struct path_query *query;
        const char *path;
    } rows[] = {
        {KIND_NAMESPACE, NULL, NULL, NULL, NULL, "/api/v1/namespaces"},
        {KIND_NAMESPACE, NULL, "shop", NULL, NULL, "/api/v1/namespaces/shop"},
        {KIND_NAMESPACE, "", "shop", NULL, NULL, "/api/v1/namespaces/shop"},
        {KIND_PROFILE, NULL, "restricted", "status", &write_query,
         "/apis/rampart.dev/v1alpha1/securityprofiles/restricted/status?fieldManager=rampart"},
        {KIND_EXCEPTION, "shop", "legacy", NULL, NULL,
         "/apis/rampart.dev/v1alpha1/namespaces/shop/securityexceptions/legacy"},
        {KIND_CRON_JOB, "shop", "report", NULL, NULL,
         "/apis/batch/v1/namespaces/shop/cronjobs/report"},
        {KIND_NETWORK_POLICY, NULL, NULL, NULL, &watch_query,
         "/apis/networking.k8s.io/v1/networkpolicies?watch=true&allowWatchBookmarks=true"
         "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=219"
         "&timeoutSeconds=300"},
        {KIND_NETWORK_POLICY, "shop", NULL, NULL, &page_query,
         "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies?limit=500"
         "&continue=a%2Bb%2Fc%3D"},
        {KIND_NETWORK_POLICY, "shop", "rampart-allow-dns", NULL, NULL,
         "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/rampart-allow-dns"},
        {KIND_SERVICE, NULL, NULL, NULL, &empty_query, "/api/v1/services?resourceVersion="},
        {KIND_ENDPOINT_SLICE, NULL, NULL, NULL, NULL, "/apis/discovery.k8s.io/v1/endpointslices"},
        {KIND_VALIDATING_WEBHOOK, NULL, NULL, NULL, NULL,
         "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"},
        {KIND_MUTATING_WEBHOOK, NULL, NULL, NULL, NULL,
         "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"},
        {KIND_API_SERVICE, NULL, NULL, NULL, NULL, "/apis/apiregistration.k8s.io/v1/apiservices"},
        {KIND_CRD, NULL, NULL, NULL, NULL,
         "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"},
        {KIND_REPLICA_SET, "shop", NULL, NULL, NULL, "/apis/apps/v1/namespaces/shop/replicasets"},
        {KIND_CONTROLLER_REVISION, "shop", NULL, NULL, NULL,
         "/apis/apps/v1/namespaces/shop/controllerrevisions"},
        {KIND_POD_DISRUPTION_BUDGET, "shop", NULL, NULL, NULL,
         "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"},
        {KIND_POD, "shop", NULL, NULL, &label_query,
         "/api/v1/namespaces/shop/pods?limit=250&labelSelector=app%20in%20%28a%2Cb%29"},
        {KIND_EVENT, "shop", NULL, NULL, NULL, "/apis/events.k8s.io/v1/namespaces/shop/events"},
        {KIND_NETWORK_POLICY, "a?b", "c#d&e f", NULL, NULL,
         "/apis/networking.k8s.io/v1/namespaces/a%3Fb/networkpolicies/c%23d%26e%20f"},
        {KIND_NETWORK_POLICY, "a/../b", "..x", NULL, NULL,
         "/apis/networking.k8s.io/v1/namespaces/a%2F..%2Fb/networkpolicies/..x"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_STRBUF out;

        strbuf_init(&out, PATH_LEN_MAX);
        path_build(&out, rows[i].kind, rows[i].ns, rows[i].name, rows[i].subresource,
                   rows[i].query);
        assert_true(strbuf_is_ok(&out));
        assert_string_equal(out.text, rows[i].path);
    }
}

static void test_path_escape_keeps_only_unreserved_characters(void **state)
{
    AUTO_STRBUF out;

    (void)state;
    strbuf_init(&out, 4096);
    path_escape(&out, "AZaz09-._~");
    assert_string_equal(out.text, "AZaz09-._~");
    for (int c = 1; c < 256; c++) {
        char text[2] = {(char)c, '\0'};
        char escaped[4];

        if (strchr("-._~", c) || (c < 128 && isalnum(c)))
            continue;
        (void)snprintf(escaped, sizeof(escaped), "%%%02X", (unsigned)c);
        strbuf_clear(&out);
        path_escape(&out, text);
        assert_string_equal(out.text, escaped);
    }
}

static void test_path_that_is_too_long_breaks_the_buffer(void **state)
{
    char token[PATH_LEN_MAX];
    struct path_query query = {.continue_token = token};
    AUTO_STRBUF out;

    (void)state;
    memset(token, 'x', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    strbuf_init(&out, PATH_LEN_MAX);
    path_build(&out, KIND_NAMESPACE, NULL, NULL, NULL, &query);
    assert_false(strbuf_is_ok(&out));
}

/* The deletion of an object without a name would be that of all. */
static void test_path_aborts_on_a_segment_that_changes_what_is_meant(void **state)
{
    static const struct {
        const char *ns;
        const char *name;
    } rows[] = {{"shop", ""}, {"", "x"}, {"shop", "."}, {"shop", ".."}, {"..", "x"}, {NULL, "x"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            struct strbuf out;

            (void)signal(SIGABRT, SIG_DFL);
            (void)!freopen("/dev/null", "w", stderr);
            strbuf_init(&out, PATH_LEN_MAX);
            path_build(&out, KIND_NETWORK_POLICY, rows[i].ns, rows[i].name, NULL, NULL);
            _exit(0);
        }
        while (waitpid(child, &status, 0) < 0)
            assert_int_equal(errno, EINTR);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_follow_the_api),
        cmocka_unit_test(test_path_escape_keeps_only_unreserved_characters),
        cmocka_unit_test(test_path_that_is_too_long_breaks_the_buffer),
        cmocka_unit_test(test_path_aborts_on_a_segment_that_changes_what_is_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

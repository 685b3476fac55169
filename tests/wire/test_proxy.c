/* Which proxy is taken, and what of it is understood. That traffic goes through it as with
 * client-go, e2e/kubeconfigs shows. */
#include <stdlib.h>
#include <string.h>

#include "rampart/edge/endpoint.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

#define SECRET "c2VzYW1l"

/* The rules of Go: golang.org/x/net/http/httpproxy. */
static void test_proxy_of_the_environment_is_chosen_as_go_does(void **state)
{
    static const struct {
        const char *host, *no_proxy;
        bool is_proxied;
    } cases[] = {
        {"api.test", NULL, true},
        {"api.test", "", true},
        {"localhost", NULL, false},
        {"LOCALHOST", NULL, false},
        {"127.0.0.1", NULL, false},
        {"127.8.9.10", NULL, false},
        {"::1", NULL, false},
        {"10.0.0.1", NULL, true},
        {"fd00::1", NULL, true},
        {"api.test", "*", false},
        {"api.test", "other.test,*", false},
        {"api.test", "api.test", false},
        {"api.test", " API.Test , other", false},
        {"api.test", "other.test ,, ", true},
        {"api.test", "test", false},
        {"api.test", ".test", false},
        {"api.test", "*.test", false},
        {"api.test", ".api.test", true}, /* only below */
        {"api.test", "*.api.test", true},
        {"x.api.test", ".api.test", false},
        {"x.api.test", "api.test", false},
        {"xapi.test", "api.test", true},
        {"api.test", "x.api.test", true},
        {"api.test", "api.test:6443", false},
        {"api.test", "api.test:443", true},
        {"api.test", ":6443", true},
        {"10.1.2.3", "10.1.2.3", false},
        {"10.1.2.3", "10.1.2.3:6443", false},
        {"10.1.2.3", "10.1.2.3:1", true},
        {"10.1.2.3", "10.1.2.4", true},
        {"10.1.2.3", "10.0.0.0/8", false},
        {"10.1.2.3", "11.0.0.0/8", true},
        {"10.1.2.3", "10.0.0.0/x", true},
        {"10.1.2.3", "3", true}, /* an address has no domain */
        {"api.test", "10.0.0.0/8", true},
        {"fd00::1", "fd00:0::0001", false},
        {"fd00::1", "[fd00::1]", false},
        {"fd00::1", "[fd00::1]:6443", false},
        {"fd00::1", "[fd00::1]:1", true},
        {"fd00::1", "fd00::/16", false},
        {"fd00::1", "fe00::/16", true},
        {"fd00::1", "10.0.0.0/8", true},
        {"fd00::1", "[", true},
        {"fd00::1", "]", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *chosen = proxy_choose(cases[i].host, "6443", "http://p", cases[i].no_proxy);

        if ((chosen != NULL) != cases[i].is_proxied)
            fail_msg("%s with NO_PROXY=%s: %s", cases[i].host, cases[i].no_proxy, chosen);
    }
    assert_null(proxy_choose("api.test", "6443", NULL, NULL));
    assert_null(proxy_choose("api.test", "6443", "", NULL));
}

static void test_proxy_entry_that_is_longer_than_any_name_matches_nothing(void **state)
{
    char *list = text_repeat("a.", 300);

    (void)state;
    assert_non_null(proxy_choose("api.test", "6443", "http://p", list));
    free(list);
}

static void test_proxy_is_taken_apart(void **state)
{
    static const struct {
        const char *text, *url, *user, *password;
        bool is_https;
    } cases[] = {
        {"http://p", "http://p:80", NULL, NULL, false},
        {"HTTPS://p", "https://p:443", NULL, NULL, true},
        {"socks5://p", "socks5h://p:1080", NULL, NULL, false},
        {"socks5h://p:1", "socks5h://p:1", NULL, NULL, false},
        {"http://[fd00::1]:3128/path?query", "http://[fd00::1]:3128", NULL, NULL, false},
        {"p:3128", "http://p:3128", NULL, NULL, false}, /* of the environment */
        {"http://us%20er:p%40ss@p:1/", "http://p:1", "us er", "p@ss", false},
        {"http://user@p:1/", "http://p:1", "user", "", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err = {0};
        struct proxy p;

        if (proxy_init(&p, cases[i].text, "proxy-url", &err) < 0)
            fail_msg("%s: %s", cases[i].text, err.msg);
        assert_string_equal(p.url, cases[i].url);
        assert_string_equal(p.authority, strstr(cases[i].url, "//") + 2);
        assert_string_equal(p.user ? p.user : "none", cases[i].user ? cases[i].user : "none");
        assert_true(!cases[i].user || strcmp(p.password, cases[i].password) == 0);
        assert_int_equal(p.is_https, cases[i].is_https);
        proxy_done(&p);
    }
}

static void test_proxy_that_is_none_is_refused_without_its_password(void **state)
{
    char *longest = text_repeat("p", 3000);
    const char *const texts[] = {
        "ftp://u:" SECRET "@p",         "http://",
        "http://u:" SECRET "@",         "http://u:" SECRET "@p:x",
        "http://u:" SECRET "%0d%0aX@p", longest,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct err err = {0};
        struct proxy p;

        if (proxy_init(&p, texts[i], "HTTPS_PROXY", &err) == 0)
            fail_msg("accepted: %s", texts[i]);
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, "HTTPS_PROXY: ");
        assert_null(strstr(err.msg, SECRET));
        assert_null(p.url);
    }
    free(longest);
}

static void test_endpoint_names_the_configuration_and_the_field(void **state)
{
    static const struct {
        struct client_config config;
        const char *words;
    } cases[] = {
        {{.server = "http://h"}, "a test: server: expected https"},
        {{.server = "https://h", .tls_server_name = "a b"}, "a test: tls-server-name: expected"},
        {{.server = "https://h", .tls_server_name = "[::1]"}, "a test: tls-server-name: expected"},
        {{.server = "https://h", .proxy_url = "ftp://p"}, "a test: proxy-url: expected"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct client_config config = cases[i].config;
        struct err err = {0};
        struct endpoint e;

        config.source = "a test";
        assert_int_equal(endpoint_init(&e, &config, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, cases[i].words);
    }
}

static void test_endpoint_tells_the_proxy_and_never_its_password(void **state)
{
    const struct client_config config = {.server = "https://h:6443",
                                         .proxy_url = "http://u:" SECRET "@p:3128"};
    struct endpoint e;

    (void)state;
    assert_int_equal(endpoint_init(&e, &config, NULL), 0);
    assert_string_equal(e.authority, "h:6443 (proxy p:3128)");
    endpoint_done(&e);
}

static int init_for_sweep(void *ctx, struct err *err)
{
    const struct client_config config = {.server = "https://[fd00::1]:6443/p",
                                         .tls_server_name = "api",
                                         .proxy_url = "http://u:p@p:3128"};
    struct endpoint e;
    int r = endpoint_init(&e, &config, err);

    (void)ctx;
    endpoint_done(&e);
    return r;
}

static void test_endpoint_survives_any_failed_allocation(void **state)
{
    (void)state;
    assert_true(sweep(init_for_sweep, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxy_of_the_environment_is_chosen_as_go_does),
        cmocka_unit_test(test_proxy_entry_that_is_longer_than_any_name_matches_nothing),
        cmocka_unit_test(test_proxy_is_taken_apart),
        cmocka_unit_test(test_proxy_that_is_none_is_refused_without_its_password),
        cmocka_unit_test(test_endpoint_names_the_configuration_and_the_field),
        cmocka_unit_test(test_endpoint_tells_the_proxy_and_never_its_password),
        cmocka_unit_test(test_endpoint_survives_any_failed_allocation),
    };

    curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free, mem_realloc, mem_strdup,
                         mem_calloc); /* so that the sweep reaches libcurl */
    return cmocka_run_group_tests(tests, NULL, NULL);
}

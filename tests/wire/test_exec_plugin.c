/* Credential plugins as real programs: what they get, and what becomes of what they print. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rampart/kube/timestamp.h"
#include "rampart/sync/exec_pace.h"
#include "support/text.h"
#include "wire/support/plugin.h"
#include "wire/support/wire.h"

#define SECRET "sesame-of-the-plugin"

static void test_plugin_runs_once_for_all_requests_that_wait(void **state)
{
    struct plugin p;
    struct wire w;

    (void)state;
    plugin_make(&p, "cat answer");
    plugin_answer(&p, SECRET, NULL, NULL, NULL);
    plugin_accept(SECRET);
    plugin_open(&w, &p);
    assert_int_equal(plugin_runs(&p), 0); /* nobody has asked for anything yet */
    for (unsigned i = 0; i < TRANSPORT_EXCHANGES_MAX; i++)
        (void)wire_get(&w, "/");
    wire_until_all_done(&w);
    for (unsigned i = 0; i < w.calls_count; i++)
        assert_int_equal(w.calls[i]->status, 200);
    assert_int_equal(plugin_get(&w)->status, 200);
    assert_int_equal(plugin_runs(&p), 1);
    wire_close(&w); /* which also asserts that no log line has the token */
    plugin_remove(&p);
}

static void test_plugin_gets_its_arguments_and_its_variables(void **state)
{
    static const char *args[] = {"eks", "--x=y z $HOME `id` ;", ""};
    static const char *env[] = {"FROM_FILE=a b", "FROM_BOTH=file", "TWICE=1", "TWICE=2"};
    struct plugin p;
    struct wire w;
    char *seen;

    (void)state;
    setenv("FROM_BOTH", "process", 1);
    setenv("FROM_PROCESS", "c", 1);
    plugin_make(&p, "printf '<%s>' \"$@\" \"$FROM_FILE\" \"$FROM_BOTH\" \"$FROM_PROCESS\" "
                    "\"$TWICE\" \"$KUBERNETES_EXEC_INFO\" >seen\n"
                    "readlink /proc/self/fd/0 >>seen\n"
                    "cat answer");
    p.config.args = args;
    p.config.args_count = COUNT_OF(args);
    p.config.env = env;
    p.config.env_count = COUNT_OF(env);
    plugin_answer(&p, SECRET, NULL, NULL, NULL);
    plugin_accept(SECRET);
    plugin_open(&w, &p);
    assert_int_equal(plugin_get(&w)->status, 200);
    seen = text_file(folder_at(&p.folder, "seen"), NULL);
    assert_string_equal(seen, "<eks><--x=y z $HOME `id` ;><><a b><file><c><2>"
                              "<{\"kind\":\"ExecCredential\",\"apiVersion\":\"" PLUGIN_V1
                              "\",\"spec\":{\"interactive\":false}}>/dev/null\n");
    free(seen);
    wire_close(&w);
    plugin_remove(&p);
}

/* The credential of the first run expires while the test goes on asking. */
static void test_plugin_runs_again_when_its_credential_has_expired(void **state)
{
    char soon[TIMESTAMP_LEN];
    struct plugin p;
    struct wire w;

    (void)state;
    plugin_make(&p, "cat answer");
    timestamp_micros(clock_wall_ms() + 1500, soon);
    plugin_answer(&p, SECRET "-1", NULL, NULL, soon);
    plugin_accept(SECRET "-1");
    plugin_open(&w, &p);
    assert_int_equal(plugin_get(&w)->status, 200);
    plugin_answer(&p, SECRET "-2", NULL, NULL, "2999-01-01T00:00:00Z");
    for (unsigned i = 0; i < 400 && plugin_runs(&p) < 2; i++) {
        usleep(10000);
        (void)plugin_get(&w);
    }
    assert_int_equal(plugin_runs(&p), 2);
    plugin_accept(SECRET "-2");
    assert_int_equal(plugin_get(&w)->status, 200);
    assert_int_equal(plugin_runs(&p), 2);
    wire_close(&w);
    plugin_remove(&p);
}

static void test_plugin_runs_again_after_a_401_and_inherits_no_connection(void **state)
{
    struct plugin p;
    struct wire w;
    char *sockets;

    (void)state;
    /* The first run is before there is a connection, the second one has it open. */
    plugin_make(&p, "readlink /proc/$$/fd/* | grep -c ^socket: >>sockets\ncat answer");
    plugin_answer(&p, SECRET "-1", NULL, NULL, NULL);
    plugin_accept(SECRET "-1");
    plugin_open(&w, &p);
    assert_int_equal(plugin_get(&w)->status, 200);
    plugin_answer(&p, SECRET "-2", NULL, NULL, NULL);
    plugin_accept(SECRET "-2");
    for (unsigned i = 0; i < 400 && plugin_get(&w)->status != 200; i++)
        usleep(10000);
    assert_int_equal(plugin_get(&w)->status, 200);
    assert_int_equal(plugin_runs(&p), 2);
    assert_int_equal(server_counts(w.server)->connections, 1);
    sockets = text_file(folder_at(&p.folder, "sockets"), NULL);
    assert_int_equal(strtol(sockets, NULL, 10), strtol(strchr(sockets, '\n'), NULL, 10));
    free(sockets);
    wire_close(&w);
    plugin_remove(&p);
}

/* Each request gets a 401, and the next comes at once: no fork bomb. */
static void test_plugin_that_nobody_believes_runs_at_the_floor(void **state)
{
    uint64_t began_ms = clock_monotonic_ms(), took_ms;
    struct plugin p;
    struct wire w;

    (void)state;
    plugin_make(&p, "cat answer");
    plugin_answer(&p, SECRET, NULL, NULL, NULL);
    plugin_accept("another");
    plugin_open(&w, &p);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(plugin_get(&w)->status, 401);
    took_ms = clock_monotonic_ms() - began_ms;
    assert_true(plugin_runs(&p) <= 1 + took_ms / EXEC_FLOOR_MS);
    wire_close(&w);
    plugin_remove(&p);
}

static void test_plugin_that_fails_is_told_with_all_that_helps_and_no_secret(void **state)
{
    static const struct {
        const char *script, *words;
    } cases[] = {
        {"echo 'log in first' >&2; exit 3", "failed with exit code 3: log in first"},
        {"echo token " SECRET SECRET SECRET " >&2; exit 1", "exit code 1: token [hidden]"},
        {"head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo the end >&2; exit 1",
         "failed with exit code 1: the end"},
        {"kill -9 $$", "was ended by signal 9"},
        {"echo " SECRET, "gave an answer that is none: what it printed is not JSON"},
        {"exit 0", "gave an answer that is none"},
        {"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1"
         "\",\"status\":{\"token\":\"" SECRET "\"}}'",
         "apiVersion: expected client.authentication.k8s.io/v1"},
        {"printf %s '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" PLUGIN_V1
         "\",\"status\":{\"token\":\"" SECRET "\\r\\nX-Injected: 1\"}}'",
         "the token holds a space"},
        {"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" PLUGIN_V1
         "\",\"status\":{\"clientCertificateData\":\"C\",\"clientKeyData\":\"" SECRET "\"}}'",
         "no certificate in the client certificate"},
        {"head -c 2000000 /dev/zero", "printed more than 1048576 bytes"},
        {"sleep 1000", "gave no answer in 1000 ms"},
        {"trap '' TERM; while :; do sleep 0.1; done", "gave no answer in 1000 ms"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct plugin p;
        struct wire w;
        struct call *c;

        plugin_make(&p, cases[i].script);
        wire_start(&w, &(struct server_options){.handler = plugin_on_request});
        w.config.token = NULL;
        w.config.exec = &p.config;
        wire_connect_with(&w, &(struct http_options){.plugin_timeout_ms = 1000});
        c = plugin_get(&w);
        assert_int_equal(c->err.code, ERR_UNAUTHORIZED);
        assert_contains(c->err.msg, cases[i].words);
        assert_contains(c->err.msg, "the test's configuration: ");
        assert_contains(w.log_text.text, "the credential plugin failed");
        assert_null(strstr(c->err.msg, SECRET));
        assert_null(strstr(w.log_text.text, SECRET));
        c = plugin_get(&w); /* at once: it is not run again, and says the same */
        assert_contains(c->err.msg, cases[i].words);
        assert_int_equal(plugin_runs(&p), 1);
        assert_int_equal(server_counts(w.server)->connections, 0);
        wire_close(&w);
        plugin_remove(&p);
    }
}

static void test_plugin_that_is_not_there_is_told_with_the_hint(void **state)
{
    static const struct {
        const char *command, *words;
    } cases[] = {
        {"no-such-plugin-at-all", "exec: no-such-plugin-at-all is not in PATH: brew install it"},
        {"/nonexistent/plugin", "exec: /nonexistent/plugin is not there or cannot be executed"},
        {"/", "exec: / is not there or cannot be executed"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct plugin p;
        struct wire w;

        plugin_make(&p, "");
        p.config.command = cases[i].command;
        p.config.install_hint = "brew install it";
        plugin_open(&w, &p);
        assert_contains(plugin_get(&w)->err.msg, cases[i].words);
        wire_close(&w);
        plugin_remove(&p);
    }
}

static void test_plugin_that_the_system_does_not_start_is_told(void **state)
{
    char *longer = text_repeat("x", 200000); /* than one variable may be: E2BIG */
    const char *env[] = {longer};
    struct plugin p;
    struct wire w;

    (void)state;
    memcpy(longer, "BIG=", 4);
    plugin_make(&p, "");
    p.config.env = env;
    p.config.env_count = 1;
    plugin_open(&w, &p);
    assert_contains(plugin_get(&w)->err.msg, "plugin cannot be started: argument list too long");
    assert_contains(plugin_get(&w)->err.msg,
                    "plugin cannot be started"); /* not tried again so soon */
    wire_close(&w);
    plugin_remove(&p);
    free(longer);
}

static void test_plugin_is_found_in_the_path_but_not_in_the_working_folder(void **state)
{
    char *path = strdup(getenv("PATH")), folder[256], list[512];
    struct plugin p;
    struct wire w;

    (void)state;
    plugin_make(&p, "cat answer");
    plugin_answer(&p, SECRET, NULL, NULL, NULL);
    plugin_accept(SECRET);
    p.config.command = "plugin";
    assert_non_null(getcwd(folder, sizeof(folder)));
    assert_int_equal(chdir(p.folder.path), 0);
    (void)snprintf(list, sizeof(list), ".::/nonexistent:%.400s", path);
    setenv("PATH", list, 1);
    plugin_open(&w, &p);
    assert_contains(plugin_get(&w)->err.msg, "is not in PATH");
    assert_int_equal(chdir(folder), 0);
    wire_close(&w);
    (void)snprintf(list, sizeof(list), "%s:%.400s", p.folder.path, path);
    setenv("PATH", list, 1);
    plugin_open(&w, &p);
    assert_int_equal(plugin_get(&w)->status, 200);
    wire_close(&w);
    setenv("PATH", path, 1);
    free(path);
    plugin_remove(&p);
}

static struct call *watched;

static bool is_watch_open(struct wire *w)
{
    return server_find(w->server, watched->path) != NULL;
}

static bool is_watch_over(struct wire *w)
{
    (void)w;
    return watched->done_count > 0;
}

/* With a certificate from a plugin, and another one after it has expired. */
static void test_plugin_gives_a_certificate_and_a_new_one_makes_a_new_connection(void **state)
{
    char soon[TIMESTAMP_LEN];
    struct pki ca, one, two;
    struct plugin p;
    struct wire w;

    (void)state;
    pki_make(&(struct pki_request){.name = "client CA"}, &ca);
    pki_make(&(struct pki_request){.name = "one", .ca = &ca}, &one);
    pki_make(&(struct pki_request){.name = "two", .ca = &ca}, &two);
    plugin_make(&p, "cat answer");
    timestamp_micros(clock_wall_ms() + 1500, soon);
    plugin_answer(&p, NULL, one.cert, one.key, soon);
    plugin_accept(NULL);
    wire_start(&w, &(struct server_options){.handler = plugin_on_request, .client_ca = &ca});
    w.config.token = NULL;
    w.config.exec = &p.config;
    wire_connect(&w, 0, 0);
    watched = wire_watch(&w, "/watch");
    wire_until(&w, is_watch_open);
    server_send(server_find(w.server, "/watch"), "{}\n", 3);
    assert_int_equal(plugin_get(&w)->status, 200);
    plugin_answer(&p, NULL, two.cert, two.key, NULL);
    for (unsigned i = 0; i < 400 && plugin_runs(&p) < 2; i++) {
        usleep(10000);
        assert_int_equal(plugin_get(&w)->status, 200);
    }
    wire_until(&w, is_watch_over);
    assert_int_equal(watched->err.code, ERR_NONE); /* as if the server had ended it */
    assert_string_equal(watched->body.text, "{}\n");
    assert_int_equal(plugin_get(&w)->status, 200);
    assert_int_equal(server_counts(w.server)->connections, 2);
    assert_string_equal(server_client_name(w.server), "two");
    wire_close(&w);
    plugin_remove(&p);
    pki_done(&ca);
    pki_done(&one);
    pki_done(&two);
}

static void test_plugin_is_told_the_cluster_when_it_wants_to_know(void **state)
{
    struct plugin p;
    struct wire w;
    char *seen;

    (void)state;
    plugin_make(&p, "printf '%s' \"$KUBERNETES_EXEC_INFO\" >seen\ncat answer");
    plugin_answer(&p, SECRET, NULL, NULL, NULL);
    plugin_accept(SECRET);
    p.config.provides_cluster_info = true;
    p.config.cluster_extension = "{\"audience\":\"x\"}";
    plugin_open(&w, &p);
    assert_int_equal(plugin_get(&w)->status, 200);
    seen = text_file(folder_at(&p.folder, "seen"), NULL);
    assert_contains(seen, w.server_url);
    assert_contains(seen, "\"certificate-authority-data\":\"LS0tLS1CRUdJTi"); /* -----BEGI */
    assert_contains(seen, "\"config\":{\"audience\":\"x\"}");
    free(seen);
    wire_close(&w);
    plugin_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plugin_runs_once_for_all_requests_that_wait),
        cmocka_unit_test(test_plugin_gets_its_arguments_and_its_variables),
        cmocka_unit_test(test_plugin_runs_again_when_its_credential_has_expired),
        cmocka_unit_test(test_plugin_runs_again_after_a_401_and_inherits_no_connection),
        cmocka_unit_test(test_plugin_that_nobody_believes_runs_at_the_floor),
        cmocka_unit_test(test_plugin_that_fails_is_told_with_all_that_helps_and_no_secret),
        cmocka_unit_test(test_plugin_that_is_not_there_is_told_with_the_hint),
        cmocka_unit_test(test_plugin_that_the_system_does_not_start_is_told),
        cmocka_unit_test(test_plugin_is_found_in_the_path_but_not_in_the_working_folder),
        cmocka_unit_test(test_plugin_gives_a_certificate_and_a_new_one_makes_a_new_connection),
        cmocka_unit_test(test_plugin_is_told_the_cluster_when_it_wants_to_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

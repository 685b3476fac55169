/* Credential plugins that do not end by themselves: they hold up nobody and outlive nothing. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "rampart/edge/exec_plugin.h"
#include "support/text.h"
#include "wire/support/plugin.h"

#define SECRET "sesame-of-the-plugin"

static void on_no_end(void *ctx, const struct exec_credential *credential, const struct err *err)
{
    (void)ctx;
    (void)credential;
    (void)err;
    fail_msg("a run that was stopped reports its end");
}

static bool is_stopped;

static void on_stopped(void *ctx)
{
    is_stopped = true;
    loop_stop(ctx);
}

static void test_plugin_runs_one_at_a_time_and_reports_nothing_once_stopped(void **state)
{
    struct client_config config = {.server = "https://h", .source = "a test"};
    struct exec_plugin *plugin;
    struct err err = {0};
    struct loop loop;
    struct plugin p;

    (void)state;
    plugin_make(&p, "cat answer");
    plugin_answer(&p, SECRET, NULL, NULL, NULL);
    config.exec = &p.config;
    assert_int_equal(loop_init(&loop, NULL, NULL, NULL, NULL), 0);
    plugin = exec_plugin_new(&loop, &config, 0, on_no_end, NULL, NULL);
    assert_int_equal(exec_plugin_start(plugin, &err), 0);
    assert_int_equal(exec_plugin_start(plugin, &err), -1);
    assert_contains(err.msg, "is still running");
    is_stopped = false;
    assert_true(exec_plugin_stop(plugin, on_stopped, &loop));
    assert_false(is_stopped);
    loop_run(&loop);
    assert_true(is_stopped);
    assert_int_equal(loop_done(&loop), 0);
    exec_plugin_free(plugin);
    plugin_remove(&p);
}

static const struct plugin *awaited;

static bool has_begun(struct wire *w)
{
    (void)w;
    return plugin_runs(awaited) > 0;
}

/* A plugin that never ends: the loop goes on, requests end at their deadlines, more than 96 are
 * refused, and stopping ends the child. */
static void test_plugin_that_hangs_holds_up_nobody(void **state)
{
    static const char *const scripts[] = {"exec sleep 1000",
                                          "trap '' TERM; while :; do sleep 0.1; done"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        struct plugin p;
        struct wire w;
        struct call *c;
        struct err err = {0};
        pid_t pid;
        int r;

        plugin_make(&p, scripts[i]);
        plugin_open(&w, &p);
        c = wire_call(&w, &(struct http_request){.path = "/", .timeout_ms = 50});
        wire_until_done(c);
        assert_int_equal(c->err.code, ERR_TIMEOUT);
        for (unsigned k = 0; k < TRANSPORT_EXCHANGES_MAX; k++)
            (void)wire_get(&w, "/");
        assert_null(wire_try(&w, &(struct http_request){.path = "/"}, &err, &r));
        assert_int_equal(err.code, ERR_LIMIT);
        awaited = &p;
        wire_until(&w, has_begun);
        pid = plugin_pid(&p);
        assert_int_equal(kill(pid, 0), 0);
        wire_close(&w); /* each call ended once, the loop closed empty */
        assert_int_equal(kill(pid, 0), -1);
        assert_int_equal(errno, ESRCH);
        assert_int_equal(plugin_runs(&p), 1);
        plugin_remove(&p);
    }
}

/* What a plugin leaves behind may keep its output open for ever. */
static void test_plugin_with_a_grandchild_that_stays_is_done_when_it_exits(void **state)
{
    struct plugin p;
    struct wire w;
    char *pid;

    (void)state;
    plugin_make(&p, "sleep 1000 &\necho $! >grandchild\ncat answer");
    plugin_answer(&p, SECRET, NULL, NULL, NULL);
    plugin_accept(SECRET);
    plugin_open(&w, &p);
    assert_int_equal(plugin_get(&w)->status, 200);
    wire_close(&w);
    pid = text_file(folder_at(&p.folder, "grandchild"), NULL);
    assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), SIGKILL), 0);
    free(pid);
    plugin_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plugin_runs_one_at_a_time_and_reports_nothing_once_stopped),
        cmocka_unit_test(test_plugin_that_hangs_holds_up_nobody),
        cmocka_unit_test(test_plugin_with_a_grandchild_that_stays_is_done_when_it_exits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

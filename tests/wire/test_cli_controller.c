/* `rampart controller` and `rampart health`: a process and its signals. */
#include "support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rampart/cli/cli.h"
#include "support/text.h"
#include "wire/support/command.h"

static void nap(void)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

    (void)nanosleep(&pause, NULL);
}

static pid_t start_controller(struct command_bench *b)
{
    return command_start(b, (const char *const[]){"controller", "--kubeconfig",
                                                  folder_at(&b->folder, "config"), "--log-format",
                                                  "json", "--health-socket", b->socket, NULL});
}

/* `rampart health` writes into files of its own. */
static int health(struct command_bench *b, const char *flag)
{
    struct command_bench other = {.folder = {.path = ""}};
    struct outcome o;

    folder_make(&other.folder);
    o = COMMAND_RUN(&other, "health", "--socket", b->socket, flag);
    outcome_done(&o);
    folder_remove(&other.folder);
    return o.code;
}

static void await_log(struct command_bench *b, const char *what)
{
    time_t end = time(NULL) + COMMAND_PATIENCE_S;

    for (;;) {
        char *text = text_file(folder_at(&b->folder, "err"), NULL);
        bool is_there = strstr(text, what);

        if (!is_there && time(NULL) > end)
            fail_msg("\"%s\" is not in the log: %s", what, text);
        free(text);
        if (is_there)
            return;
        nap();
    }
}

static void await_health(struct command_bench *b, const char *flag, int code)
{
    time_t end = time(NULL) + COMMAND_PATIENCE_S;

    while (health(b, flag) != code) {
        assert_true(time(NULL) <= end);
        nap();
    }
}

static void test_controller_enforces_is_ready_and_drains_on_sigterm(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;
    pid_t pid;

    b->api.profiles = PROFILE_JSON("Enforce");
    command_serve(b);
    pid = start_controller(b);
    await_health(b, NULL, EXIT_DONE);
    await_log(b, "create NetworkPolicy shop/rampart-default-deny");
    kill(pid, SIGTERM);
    o = command_wait(b, pid);
    assert_code(&o, EXIT_DONE);
    assert_contains(o.err, "\"msg\":\"rampart starts\",\"version\":");
    assert_contains(o.err, "\"own_namespace\":\"rampart-system\"");
    assert_contains(o.err, "\"msg\":\"caches are complete\"");
    assert_contains(o.err, "\"namespaces\":2,\"securityprofiles\":1,");
    assert_contains(o.err, "\"msg\":\"rampart stops\"");
    assert_contains(o.err, "\"connections\":1,");
    assert_string_equal(o.out, "");
    outcome_done(&o);
}

static void test_controller_exits_at_once_on_a_second_signal(void **state)
{
    struct command_bench *b = *state;
    time_t begun = time(NULL);
    struct outcome o;
    pid_t pid;

    b->api.profiles = PROFILE_JSON("Enforce");
    b->api.holds_writes = true;
    command_serve(b);
    pid = start_controller(b);
    await_log(b, "caches are complete");
    kill(pid, SIGTERM);
    await_log(b, "stopping");
    kill(pid, SIGINT);
    o = command_wait(b, pid);
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "second signal: exiting at once");
    assert_true(time(NULL) - begun < 8);
    outcome_done(&o);
}

static void test_controller_exits_with_0_although_a_write_is_never_answered(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;
    time_t stopped;
    pid_t pid;

    b->api.profiles = PROFILE_JSON("Enforce");
    b->api.holds_writes = true;
    command_serve(b);
    pid = start_controller(b);
    await_log(b, "caches are complete");
    nap();
    stopped = time(NULL);
    kill(pid, SIGTERM);
    o = command_wait(b, pid);
    assert_code(&o, EXIT_DONE);
    assert_true(time(NULL) - stopped <= 10);
    assert_contains(o.err, "\"msg\":\"rampart stops\"");
    outcome_done(&o);
}

static void test_controller_is_alive_but_not_ready_while_a_cache_cannot_be_filled(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;
    pid_t pid;

    b->api.forbidden = "services";
    command_serve(b);
    pid = start_controller(b);
    await_health(b, "--live", EXIT_DONE);
    await_log(b, "User tester cannot watch it");
    assert_int_equal(health(b, NULL), EXIT_FAILED);
    kill(pid, SIGTERM);
    o = command_wait(b, pid);
    assert_code(&o, EXIT_DONE);
    outcome_done(&o);
}

static void test_controller_says_in_one_line_why_it_cannot_start(void **state)
{
    struct command_bench *b = *state;
    struct outcome o = COMMAND_RUN(b, "controller", "--kubeconfig", "/nowhere/config");

    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "\"level\":\"error\",\"msg\":\"rampart cannot start\"");
    assert_contains(o.err, "/nowhere/config: No such file or directory");
    assert_ptr_equal(strchr(o.err, '\n'), o.err + strlen(o.err) - 1);
    outcome_done(&o);
}

static void test_health_fails_when_no_controller_runs(void **state)
{
    struct command_bench *b = *state;
    struct outcome o = COMMAND_RUN(b, "health", "--live", "--socket", b->socket);

    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "is the controller running?");
    outcome_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(test_controller_enforces_is_ready_and_drains_on_sigterm),
        COMMAND_TEST(test_controller_exits_at_once_on_a_second_signal),
        COMMAND_TEST(test_controller_exits_with_0_although_a_write_is_never_answered),
        COMMAND_TEST(test_controller_is_alive_but_not_ready_while_a_cache_cannot_be_filled),
        COMMAND_TEST(test_controller_says_in_one_line_why_it_cannot_start),
        COMMAND_TEST(test_health_fails_when_no_controller_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* `rampart rbac learn` on a terminal: how far it is, on a line that is gone in the end. */
#include "support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rampart/cli/cli.h"
#include "support/text.h"

#define PATIENCE_S 60
#define CLEARED "\r\033[K"

static const char event[] =
    "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"stage\":\"ResponseComplete\","
    "\"verb\":\"list\",\"user\":{\"username\":\"system:serviceaccount:shop:web\"},"
    "\"objectRef\":{\"resource\":\"pods\"}}\n";

/* The command with a pipe for standard input and a terminal for standard error. */
struct session {
    pid_t pid;
    int in, terminal;
    char said[1u << 16]; /* on the terminal */
    size_t len;
};

static void run_child(int in, const char *terminal)
{
    static char program[] = "rampart", group[] = "rbac", name[] = "learn", flag[] = "-f",
                path[] = "-";
    char *args[] = {program, group, name, flag, path, NULL};
    int null = open("/dev/null", O_WRONLY);
    int tty = open(terminal, O_RDWR | O_NOCTTY);

    if (null < 0 || tty < 0 || dup2(in, 0) < 0 || dup2(null, 1) < 0 || dup2(tty, 2) < 0)
        _exit(99);
    alarm(PATIENCE_S);
    _exit(cli_main(5, args));
}

static void start(struct session *s)
{
    int ends[2];

    *s = (struct session){.terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    assert_true(s->terminal >= 0);
    assert_int_equal(grantpt(s->terminal), 0);
    assert_int_equal(unlockpt(s->terminal), 0);
    assert_int_equal(pipe(ends), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        close(ends[1]);
        run_child(ends[0], ptsname(s->terminal));
    }
    close(ends[0]);
    s->in = ends[1];
}

/* False: nothing more will be said. */
static bool listen_for(struct session *s, int wait_ms)
{
    struct pollfd p = {.fd = s->terminal, .events = POLLIN};
    ssize_t got;

    if (poll(&p, 1, wait_ms) == 0)
        return true;
    got = read(s->terminal, s->said + s->len, sizeof(s->said) - s->len - 1);
    if (got > 0)
        s->len += (size_t)got;
    return got > 0;
}

static void test_learn_says_on_a_terminal_how_far_it_is_and_clears_the_line(void **state)
{
    struct session s;
    int status;

    (void)state;
    start(&s);
    /* It reads on and on, until it says so. */
    while (!strstr(s.said, "standard input: 0 MB, ")) {
        assert_int_equal(write(s.in, event, strlen(event)), strlen(event));
        assert_true(listen_for(&s, 10));
    }
    close(s.in);
    while (listen_for(&s, PATIENCE_S * 1000))
        ;
    assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE);
    assert_contains(s.said, " events, 1 ServiceAccounts\033[K");
    assert_true(s.len > strlen(CLEARED));
    assert_string_equal(s.said + s.len - strlen(CLEARED), CLEARED);
    close(s.terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learn_says_on_a_terminal_how_far_it_is_and_clears_the_line),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

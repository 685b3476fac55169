/* The health socket, both sides of it. The asking side blocks, so it asks from threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rampart/edge/health.h"
#include "support/text.h"
#include "support/unit.h"

#define CLIENTS (4 * HEALTH_CLIENTS_MAX)

struct client {
    struct fixture *f;
    pthread_t thread;
    struct health_state state;
    struct err err;
    int result;
};

#define NAME_LEN 64 /* of a socket */

struct fixture {
    struct loop loop;
    struct health *health;
    char name[64];
    struct health_state state; /* what is answered */
    unsigned asked;
    struct client clients[CLIENTS];
    unsigned clients_count;
    _Atomic unsigned clients_done;
    bool is_stopped;
};

static void on_state(void *ctx, struct health_state *ret_state)
{
    struct fixture *f = ctx;

    f->asked++;
    *ret_state = f->state;
}

static uint64_t on_turn(void *ctx, uint64_t now_ms)
{
    struct fixture *f = ctx;

    if (f->clients_done == f->clients_count)
        uv_stop(&f->loop.uv);
    return now_ms + 5;
}

static void start(struct fixture *f)
{
    struct err err = {0};

    memset(f, 0, sizeof(*f));
    snprintf(f->name, sizeof(f->name), "rampart-test-%d", getpid());
    assert_int_equal(loop_init(&f->loop, on_turn, NULL, f, &err), 0);
    f->health = health_start(&f->loop, f->name, on_state, f, &err);
    if (!f->health)
        fail_msg("%s", err.msg);
}

static void on_stopped(void *ctx)
{
    struct fixture *f = ctx;

    f->is_stopped = true;
}

static void stop(struct fixture *f)
{
    f->clients_count = 0;
    f->clients_done = 1;
    health_stop(f->health, on_stopped, f);
    loop_stop(&f->loop);
    loop_run(&f->loop);
    assert_true(f->is_stopped);
    assert_int_equal(loop_done(&f->loop), 0);
}

static void *ask(void *ctx)
{
    struct client *c = ctx;

    c->result = health_ask(c->f->name, &c->state, &c->err);
    c->f->clients_done++;
    return NULL;
}

/* @count clients ask at the same time; returns when all have an answer. */
static void ask_all(struct fixture *f, unsigned count)
{
    f->clients_count = count;
    f->clients_done = 0;
    for (unsigned i = 0; i < count; i++) {
        f->clients[i] = (struct client){.f = f};
        assert_int_equal(pthread_create(&f->clients[i].thread, NULL, ask, &f->clients[i]), 0);
    }
    loop_run(&f->loop);
    for (unsigned i = 0; i < count; i++)
        pthread_join(f->clients[i].thread, NULL);
}

static void test_health_answers_what_the_state_is(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    snprintf(f.state.reason, sizeof(f.state.reason), "waiting for \"pods\"\n");
    ask_all(&f, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(f.clients[i].result, 0);
        assert_false(f.clients[i].state.is_ready);
        assert_string_equal(f.clients[i].state.reason, "waiting for \"pods\"\n");
    }
    f.state = (struct health_state){.is_ready = true};
    ask_all(&f, 1);
    assert_true(f.clients[0].state.is_ready);
    assert_string_equal(f.clients[0].state.reason, "");
    assert_int_equal(f.asked, 3);
    stop(&f);
}

static void test_health_answers_many_at_once(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    f.state.is_ready = true;
    memset(f.state.reason, '"', sizeof(f.state.reason) - 1); /* the longest line */
    ask_all(&f, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (f.clients[i].result < 0)
            fail_msg("client %u: %s", i, f.clients[i].err.msg);
        assert_int_equal(strlen(f.clients[i].state.reason), sizeof(f.state.reason) - 1);
    }
    stop(&f);
}

static void test_health_name_in_use_is_an_error_that_says_so(void **state)
{
    struct fixture f;
    struct err err = {0};

    (void)state;
    start(&f);
    assert_null(health_start(&f.loop, f.name, on_state, &f, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_contains(err.msg, f.name);
    assert_contains(err.msg, "in use");
    stop(&f);
    start(&f); /* and the name is free again */
    stop(&f);
}

static void test_health_refuses_names_that_are_none(void **state)
{
    char *longer = text_repeat("x", HEALTH_NAME_MAX + 1);
    const char *const names[] = {"", longer};
    struct health_state answer;
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct err err = {0};

        assert_null(health_start(&f.loop, names[i], on_state, &f, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_int_equal(health_ask(names[i], &answer, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
    }
    stop(&f);
    free(longer);
}

static void test_health_without_a_controller_is_unavailable(void **state)
{
    struct health_state answer = {.is_ready = true};
    struct err err = {0};

    (void)state;
    assert_int_equal(health_ask("rampart-test-nobody", &answer, &err), -1);
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    assert_contains(err.msg, "is the controller running?");
    assert_true(answer.is_ready); /* untouched */
}

/* A listener of ours alone, however many run this test at once. */
static int listen_as(const char *what, char ret_name[static NAME_LEN])
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const char *name = ret_name;

    (void)snprintf(ret_name, NAME_LEN, "rampart-test-%s-%d", what, (int)getpid());
    memcpy(addr.sun_path + 1, name, strlen(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&addr,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))),
                     0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static void test_health_of_a_stuck_controller_times_out(void **state)
{
    char name[NAME_LEN];
    int fd = listen_as("stuck", name); /* the kernel accepts, nobody answers */
    struct health_state answer;
    struct err err = {0};

    (void)state;
    assert_int_equal(health_ask(name, &answer, &err), -1);
    assert_int_equal(err.code, ERR_TIMEOUT);
    assert_contains(err.msg, "stuck");
    close(fd);
}

static void *answer_badly(void *ctx)
{
    int *fd = ctx;
    int client = accept(*fd, NULL, NULL);

    assert_true(write(client, "{\"live\":tru", 11) == 11);
    close(client);
    return NULL;
}

static void test_health_answers_that_are_none_are_invalid(void **state)
{
    char name[NAME_LEN];
    int fd = listen_as("bad", name);
    struct health_state answer;
    struct err err = {0};
    pthread_t thread;

    (void)state;
    pthread_create(&thread, NULL, answer_badly, &fd);
    assert_int_equal(health_ask(name, &answer, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    pthread_join(thread, NULL);
    close(fd);
}

static void test_health_survives_clients_that_go_away_or_talk(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    for (int i = 0; i < 10; i++) {
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        memcpy(addr.sun_path + 1, f.name, strlen(f.name));
        assert_int_equal(connect(fd, (struct sockaddr *)&addr,
                                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                                             strlen(f.name))),
                         0);
        if (i % 2)
            assert_int_equal(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
        close(fd);
    }
    ask_all(&f, 1);
    assert_int_equal(f.clients[0].result, 0);
    stop(&f);
}

/* Connected, and not read yet. */
static int connect_client(const struct fixture *f)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(addr.sun_path + 1, f->name, strlen(f->name));
    assert_int_equal(connect(fd, (struct sockaddr *)&addr,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                                         strlen(f->name))),
                     0);
    return fd;
}

/* Connections that eat up the descriptors are no reason to be taken for dead, nor to spin. */
static void test_health_answers_when_there_is_no_descriptor_left(void **state)
{
    struct rlimit limit, low;
    struct fixture f;
    char line[256];
    int fds[3], taken[256];
    size_t count = 0;

    (void)state;
    start(&f);
    f.state.is_ready = true;
    for (size_t i = 0; i < 3; i++)
        fds[i] = connect_client(&f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit){.rlim_cur = COUNT_OF(taken), .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while ((taken[count] = dup(fds[0])) >= 0)
        count++;
    for (size_t i = 0; i < 10; i++)
        uv_run(&f.loop.uv, UV_RUN_NOWAIT);
    while (count > 0)
        close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(f.asked, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(recv(fds[i], line, sizeof(line), MSG_DONTWAIT) > 0);
        close(fds[i]);
    }
    ask_all(&f, 1);
    assert_int_equal(f.clients[0].result, 0);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_answers_what_the_state_is),
        cmocka_unit_test(test_health_answers_many_at_once),
        cmocka_unit_test(test_health_name_in_use_is_an_error_that_says_so),
        cmocka_unit_test(test_health_refuses_names_that_are_none),
        cmocka_unit_test(test_health_without_a_controller_is_unavailable),
        cmocka_unit_test(test_health_of_a_stuck_controller_times_out),
        cmocka_unit_test(test_health_answers_that_are_none_are_invalid),
        cmocka_unit_test(test_health_survives_clients_that_go_away_or_talk),
        cmocka_unit_test(test_health_answers_when_there_is_no_descriptor_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

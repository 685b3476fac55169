/*
 * The commands from the outside: a process of its own for each, with files, a server on loopback
 * and signals. The server is a process too, for commands block.
 */
#include "support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rampart/cli/cli.h"
#include "rampart/kube/resource.h"
#include "support/text.h"
#include "wire/support/folder.h"
#include "wire/support/server.h"

#define PATIENCE_S 60

/* What the server has and does; set before it is started. */
static struct {
    const char *namespaces; /* items of lists: JSON objects separated by newlines */
    const char *profiles;   /* NULL: the CRD is not installed */
    const char *forbidden;  /* plural of what may not be watched; NULL: nothing */
    bool holds_writes;      /* writes are never answered */
} api;

struct bench {
    struct folder folder;
    pid_t server; /* 0: none */
    char socket[64];
};

struct outcome {
    int code; /* of the exit; 128 + signal when it was killed */
    char *out;
    char *err;
};

/* ---- The server's process ---- */

static void watch(struct server_stream *s, enum kind kind)
{
    const char *items = kind == KIND_NAMESPACE ? api.namespaces
                        : kind == KIND_PROFILE ? api.profiles
                                               : NULL;
    char bookmark[256];

    server_reply(s, 200, "content-type: application/json\r\n");
    while (items && *items) {
        size_t len = strcspn(items, "\n");

        server_send(s,
                    "{\"type\":\"ADDED\",\"object\":", strlen("{\"type\":\"ADDED\",\"object\":"));
        server_send(s, items, len);
        server_send(s, "}\n", 2);
        items += len + (items[len] == '\n');
    }
    (void)snprintf(bookmark, sizeof(bookmark),
                   "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"metadata\":{"
                   "\"resourceVersion\":\"9\",\"annotations\":{"
                   "\"k8s.io/initial-events-end\":\"true\"}}}}\n",
                   resource_of(kind)->name);
    server_send(s, bookmark, strlen(bookmark));
}

static void handle(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strcmp(r->method, "GET") != 0) {
        if (!api.holds_writes)
            server_answer(s, 201, "", strcmp(r->method, "POST") == 0 ? r->body : "{}");
        return;
    }
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        const char *plural = resource_of((enum kind)kind)->plural;
        const char *at = strstr(r->path, plural);

        if (!at || at[-1] != '/' || at[strlen(plural)] != '?')
            continue;
        if (api.forbidden && strcmp(api.forbidden, plural) == 0)
            server_answer(s, 403, "",
                          "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\","
                          "\"message\":\"User tester cannot watch it\",\"code\":403}");
        else if (kind == KIND_PROFILE && !api.profiles)
            server_answer(s, 404, "", "404 page not found");
        else
            watch(s, (enum kind)kind);
        return;
    }
    server_answer(s, 404, "", "");
}

static void serve(const struct folder *folder, int ready)
{
    const struct pki_request of_ca = {.name = "test CA"};
    struct pki_request of_server = {.name = "server", .san = "IP:127.0.0.1"};
    struct server_options options = {.handler = handle};
    struct pki ca, identity;
    struct server *server;
    char text[1024];
    uv_loop_t loop;

    pki_make(&of_ca, &ca);
    of_server.ca = &ca;
    pki_make(&of_server, &identity);
    options.identity = &identity;
    uv_loop_init(&loop);
    server = server_start(&loop, &options);
    folder_write(folder, "ca.crt", ca.cert);
    (void)snprintf(text, sizeof(text),
                   "current-context: test\n"
                   "contexts: [{name: test, context: {cluster: test, user: test}}]\n"
                   "clusters: [{name: test, cluster: {server: \"https://127.0.0.1:%d\", "
                   "certificate-authority: ca.crt}}]\n"
                   "users: [{name: test, user: {token: sesame}}]\n",
                   server_port(server));
    folder_write(folder, "config", text);
    assert_int_equal(write(ready, "x", 1), 1);
    uv_run(&loop, UV_RUN_DEFAULT);
}

static void start_server(struct bench *b)
{
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    b->server = fork();
    assert_true(b->server >= 0);
    if (b->server == 0) {
        alarm(PATIENCE_S);
        serve(&b->folder, ready[1]);
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

/* ---- The commands' processes ---- */

static void redirect(const struct bench *b, const char *name, int fd)
{
    int file = open(folder_at(&b->folder, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(file >= 0 && dup2(file, fd) == fd);
    close(file);
}

/* Starts `rampart @args...`; the list ends in NULL. */
static pid_t start_command(struct bench *b, const char *const *args)
{
    char *argv[16] = {"rampart"};
    int argc = 1;
    pid_t pid;

    for (; args[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(PATIENCE_S);
        redirect(b, "out", STDOUT_FILENO);
        redirect(b, "err", STDERR_FILENO);
        exit(cli_main(argc, argv));
    }
    return pid;
}

static struct outcome wait_for(struct bench *b, pid_t pid)
{
    struct outcome o = {0};
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    o.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    o.out = text_file(folder_at(&b->folder, "out"), NULL);
    o.err = text_file(folder_at(&b->folder, "err"), NULL);
    return o;
}

static void outcome_done(struct outcome *o)
{
    free(o->out);
    free(o->err);
}

#define RUN(b_, ...) wait_for((b_), start_command((b_), (const char *const[]){__VA_ARGS__, NULL}))

static void assert_code(const struct outcome *o, int code)
{
    if (o->code != code)
        fail_msg("exit code %d instead of %d: %s%s", o->code, code, o->out, o->err);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    memset(&api, 0, sizeof(api));
    api.namespaces =
        "{\"metadata\":{\"name\":\"bank\",\"uid\":\"u-1\",\"resourceVersion\":\"1\"}}\n"
        "{\"metadata\":{\"name\":\"shop\",\"uid\":\"u-2\",\"resourceVersion\":\"2\","
        "\"labels\":{\"team\":\"shop\"}}}";
    api.profiles = "";
    folder_make(&b->folder);
    (void)snprintf(b->socket, sizeof(b->socket), "rampart-test-%d", (int)getpid());
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("POD_NAMESPACE");
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    if (b->server > 0) {
        kill(b->server, SIGKILL);
        waitpid(b->server, NULL, 0);
    }
    folder_remove(&b->folder);
    free(b);
    return 0;
}

#define PROFILE_YAML(mode_, more_)                       \
    "apiVersion: rampart.dev/v1alpha1\n"                 \
    "kind: SecurityProfile\n"                            \
    "metadata: {name: basic}\n"                          \
    "spec:\n"                                            \
    "  mode: " mode_ "\n"                                \
    "  namespaceSelector: {matchLabels: {team: shop}}\n" \
    "  network: {defaultDeny: [Ingress]" more_ "}\n"

#define PROFILE_JSON(mode_)                                                           \
    "{\"kind\":\"SecurityProfile\",\"metadata\":{\"name\":\"basic\",\"uid\":\"u-9\"," \
    "\"resourceVersion\":\"3\",\"generation\":1},\"spec\":{\"mode\":\"" mode_ "\","   \
    "\"namespaceSelector\":{\"matchLabels\":{\"team\":\"shop\"}},"                    \
    "\"network\":{\"defaultDeny\":[\"Ingress\"]}}}"

/* ---- rampart plan ---- */

static void test_plan_shows_what_a_file_would_do_and_exits_with_3(void **state)
{
    struct bench *b = *state;
    struct outcome o;

    start_server(b);
    folder_write(&b->folder, "p.yaml", PROFILE_YAML("Audit", ", allow: {sameNamespace: {}}"));
    o = RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
            folder_at(&b->folder, "p.yaml"));
    assert_code(&o, EXIT_CHANGES);
    assert_string_equal(o.out, "shop (SecurityProfile basic)\n"
                               "  + create NetworkPolicy shop/rampart-allow-same-namespace\n"
                               "  + create NetworkPolicy shop/rampart-default-deny\n"
                               "Enforce would create 2, mend 0 and remove 0 in 1 of 2 namespaces. "
                               "Nothing was written.\n");
    assert_string_equal(o.err, "note: 1 SecurityProfile is in Audit, shown as if in Enforce\n");
    outcome_done(&o);
}

static void test_plan_shows_the_profiles_of_the_cluster_as_if_they_enforced(void **state)
{
    struct bench *b = *state;
    struct outcome o;

    api.profiles = PROFILE_JSON("Audit");
    start_server(b);
    o = RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"));
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "+ create NetworkPolicy shop/rampart-default-deny\n");
    outcome_done(&o);
}

static void test_plan_leaves_a_profile_alone_that_is_off(void **state)
{
    struct bench *b = *state;
    struct outcome o;

    api.profiles = PROFILE_JSON("Off");
    start_server(b);
    o = RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"));
    assert_code(&o, EXIT_DONE);
    assert_string_equal(o.out, "Nothing would change in 2 namespaces. Nothing was written.\n");
    outcome_done(&o);
}

static void test_plan_lets_a_file_replace_the_profile_of_the_same_name(void **state)
{
    struct bench *b = *state;
    struct outcome o;

    api.profiles = PROFILE_JSON("Enforce");
    start_server(b);
    folder_write(&b->folder, "p.yaml", PROFILE_YAML("\"Off\"", ""));
    o = RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
            folder_at(&b->folder, "p.yaml"));
    assert_code(&o, EXIT_DONE);
    outcome_done(&o);
}

static void test_plan_speaks_json(void **state)
{
    struct bench *b = *state;
    struct outcome o;

    api.profiles = PROFILE_JSON("Enforce");
    start_server(b);
    o = RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-o", "json");
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "{\"namespaces\":[{\"name\":\"shop\",\"profile\":\"basic\",\"state\":"
                           "\"Drifted\",\"writes\":[{\"verb\":\"create\",\"kind\":"
                           "\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":"
                           "\"rampart-default-deny\",\"body\":{");
    assert_contains(o.out, "],\"summary\":{\"create\":1,\"mend\":0,\"remove\":0,\"failed\":0,"
                           "\"namespaces\":2,\"changed\":1}}\n");
    assert_string_equal(o.err, "");
    outcome_done(&o);
}

static void test_plan_says_what_cannot_be_done_and_why(void **state)
{
    struct bench *b = *state;
    struct outcome o;

    start_server(b);
    folder_write(&b->folder, "p.yaml", PROFILE_YAML("Enforce", ", allow: {apiServer: {}}"));
    o = RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
            folder_at(&b->folder, "p.yaml"));
    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "shop (SecurityProfile basic)\n  ! cannot: ");
    assert_contains(o.out, "; 1 cannot be made compliant. Nothing was written.\n");
    outcome_done(&o);
}

static void
test_plan_without_the_crd_says_how_to_install_it_and_does_without_it_for_a_file(void **state)
{
    struct bench *b = *state;
    struct outcome o;

    api.profiles = NULL;
    start_server(b);
    o = RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"));
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "rampart plan: ");
    assert_contains(o.err, "kubectl apply -f crds/");
    outcome_done(&o);
    folder_write(&b->folder, "p.yaml", PROFILE_YAML("Enforce", ""));
    o = RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
            folder_at(&b->folder, "p.yaml"));
    assert_code(&o, EXIT_CHANGES);
    outcome_done(&o);
}

static void test_plan_names_what_it_may_not_read(void **state)
{
    struct bench *b = *state;
    struct outcome o;

    api.forbidden = "networkpolicies";
    start_server(b);
    o = RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"));
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "networkpolicies.networking.k8s.io");
    assert_contains(o.err, "User tester cannot watch it");
    outcome_done(&o);
}

static void test_plan_refuses_wrong_profiles_by_file_line_and_field(void **state)
{
    static const struct {
        const char *yaml;
        const char *expected;
    } rows[] = {
        {"kind: Namespace\nmetadata: {name: x}\n---\n" PROFILE_YAML("Enfroce", ""),
         ":4: SecurityProfile basic: spec.mode: "},
        {PROFILE_YAML("Audit", "") "---\n" PROFILE_YAML("Audit", ""),
         ":9: SecurityProfile basic: metadata.name: is there twice"},
        {"apiVersion: rampart.dev/v2\nkind: SecurityProfile\nmetadata: {name: old}\n",
         ":1: SecurityProfile old: apiVersion: expected rampart.dev/v1alpha1"},
        {"kind: SecurityProfile\napiVersion: rampart.dev/v1alpha1\nspec: {}\n",
         ":1: SecurityProfile without a name: "},
        {"kind: Namespace\nmetadata: {name: x}\n", "there is no SecurityProfile in it"},
        {"a: [\n", "p.yaml: line 2"},
        {"- 1\n", "without a kind"},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o;

        folder_write(&b->folder, "p.yaml", rows[i].yaml);
        o = RUN(b, "plan", "-f", folder_at(&b->folder, "p.yaml"));
        assert_code(&o, EXIT_FAILED);
        assert_contains(o.err, rows[i].expected);
        assert_string_equal(o.out, "");
        outcome_done(&o);
    }
}

static void test_plan_names_a_file_that_is_not_there(void **state)
{
    struct bench *b = *state;
    struct outcome o = RUN(b, "plan", "-f", "/nowhere/p.yaml");

    assert_code(&o, EXIT_FAILED);
    assert_string_equal(o.err, "rampart plan: read /nowhere/p.yaml: No such file or directory\n");
    outcome_done(&o);
}

/* ---- rampart controller, rampart health ---- */

static void nap(void)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

    (void)nanosleep(&pause, NULL);
}

static pid_t start_controller(struct bench *b)
{
    return start_command(b, (const char *const[]){"controller", "--kubeconfig",
                                                  folder_at(&b->folder, "config"), "--log-format",
                                                  "json", "--health-socket", b->socket, NULL});
}

/* `rampart health` writes into files of its own. */
static int health(struct bench *b, const char *flag)
{
    struct bench other = {.folder = {.path = ""}};
    struct outcome o;

    folder_make(&other.folder);
    o = RUN(&other, "health", "--socket", b->socket, flag);
    outcome_done(&o);
    folder_remove(&other.folder);
    return o.code;
}

static void await_log(struct bench *b, const char *what)
{
    time_t end = time(NULL) + PATIENCE_S;

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

static void await_health(struct bench *b, const char *flag, int code)
{
    time_t end = time(NULL) + PATIENCE_S;

    while (health(b, flag) != code) {
        assert_true(time(NULL) <= end);
        nap();
    }
}

static void test_controller_enforces_is_ready_and_drains_on_sigterm(void **state)
{
    struct bench *b = *state;
    struct outcome o;
    pid_t pid;

    api.profiles = PROFILE_JSON("Enforce");
    start_server(b);
    pid = start_controller(b);
    await_health(b, NULL, EXIT_DONE);
    await_log(b, "create NetworkPolicy shop/rampart-default-deny");
    kill(pid, SIGTERM);
    o = wait_for(b, pid);
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
    struct bench *b = *state;
    time_t begun = time(NULL);
    struct outcome o;
    pid_t pid;

    api.profiles = PROFILE_JSON("Enforce");
    api.holds_writes = true;
    start_server(b);
    pid = start_controller(b);
    await_log(b, "caches are complete");
    kill(pid, SIGTERM);
    await_log(b, "stopping");
    kill(pid, SIGINT);
    o = wait_for(b, pid);
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "second signal: exiting at once");
    assert_true(time(NULL) - begun < 8);
    outcome_done(&o);
}

static void test_controller_exits_with_0_although_a_write_is_never_answered(void **state)
{
    struct bench *b = *state;
    struct outcome o;
    time_t stopped;
    pid_t pid;

    api.profiles = PROFILE_JSON("Enforce");
    api.holds_writes = true;
    start_server(b);
    pid = start_controller(b);
    await_log(b, "caches are complete");
    nap();
    stopped = time(NULL);
    kill(pid, SIGTERM);
    o = wait_for(b, pid);
    assert_code(&o, EXIT_DONE);
    assert_true(time(NULL) - stopped <= 10);
    assert_contains(o.err, "\"msg\":\"rampart stops\"");
    outcome_done(&o);
}

static void test_controller_is_alive_but_not_ready_while_a_cache_cannot_be_filled(void **state)
{
    struct bench *b = *state;
    struct outcome o;
    pid_t pid;

    api.forbidden = "services";
    start_server(b);
    pid = start_controller(b);
    await_health(b, "--live", EXIT_DONE);
    await_log(b, "User tester cannot watch it");
    assert_int_equal(health(b, NULL), EXIT_FAILED);
    kill(pid, SIGTERM);
    o = wait_for(b, pid);
    assert_code(&o, EXIT_DONE);
    outcome_done(&o);
}

static void test_controller_says_in_one_line_why_it_cannot_start(void **state)
{
    struct bench *b = *state;
    struct outcome o = RUN(b, "controller", "--kubeconfig", "/nowhere/config");

    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "\"level\":\"error\",\"msg\":\"rampart cannot start\"");
    assert_contains(o.err, "/nowhere/config: No such file or directory");
    assert_ptr_equal(strchr(o.err, '\n'), o.err + strlen(o.err) - 1);
    outcome_done(&o);
}

static void test_health_fails_when_no_controller_runs(void **state)
{
    struct bench *b = *state;
    struct outcome o = RUN(b, "health", "--live", "--socket", b->socket);

    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "is the controller running?");
    outcome_done(&o);
}

#define CLI_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_plan_shows_what_a_file_would_do_and_exits_with_3),
        CLI_TEST(test_plan_shows_the_profiles_of_the_cluster_as_if_they_enforced),
        CLI_TEST(test_plan_leaves_a_profile_alone_that_is_off),
        CLI_TEST(test_plan_lets_a_file_replace_the_profile_of_the_same_name),
        CLI_TEST(test_plan_speaks_json),
        CLI_TEST(test_plan_says_what_cannot_be_done_and_why),
        CLI_TEST(test_plan_without_the_crd_says_how_to_install_it_and_does_without_it_for_a_file),
        CLI_TEST(test_plan_names_what_it_may_not_read),
        CLI_TEST(test_plan_refuses_wrong_profiles_by_file_line_and_field),
        CLI_TEST(test_plan_names_a_file_that_is_not_there),
        CLI_TEST(test_controller_enforces_is_ready_and_drains_on_sigterm),
        CLI_TEST(test_controller_exits_at_once_on_a_second_signal),
        CLI_TEST(test_controller_exits_with_0_although_a_write_is_never_answered),
        CLI_TEST(test_controller_is_alive_but_not_ready_while_a_cache_cannot_be_filled),
        CLI_TEST(test_controller_says_in_one_line_why_it_cannot_start),
        CLI_TEST(test_health_fails_when_no_controller_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

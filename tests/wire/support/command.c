#include "wire/support/command.h"

#include "support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rampart/cli/cli.h"
#include "rampart/kube/resource.h"
#include "support/text.h"
#include "wire/support/server.h"

/* ---- The server's process ---- */

static void watch(const struct command_api *api, struct server_stream *s, enum kind kind)
{
    const char *items = kind == KIND_NAMESPACE    ? api->namespaces
                        : kind == KIND_PROFILE    ? api->profiles
                        : kind == KIND_DEPLOYMENT ? api->deployments
                        : kind == KIND_CRON_JOB   ? api->cron_jobs
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

static bool answer(const struct command_api *api, struct server_stream *s, const char *path)
{
    for (struct command_answer *a = api->answers; a && a->path; a++) {
        if (strcmp(a->path, path) != 0 || a->status == 0)
            continue;
        server_answer(s, a->status, "content-type: application/json\r\n", a->body);
        if (a->times > 0 && --a->times == 0)
            a->status = 0;
        return true;
    }
    return false;
}

static void handle(void *ctx, struct server_stream *s, const struct server_request *r)
{
    const struct command_api *api = ctx;

    if (strcmp(r->method, "GET") != 0) {
        if (!api->holds_writes)
            server_answer(s, 201, "", strcmp(r->method, "POST") == 0 ? r->body : "{}");
        return;
    }
    if (api->metadata_alone &&
        strncmp(r->path, api->metadata_alone, strlen(api->metadata_alone)) == 0 &&
        strcmp(r->accept, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1") !=
            0) {
        server_answer(s, 406, "", "");
        return;
    }
    if (answer(api, s, r->path))
        return;
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        const char *plural = resource_of((enum kind)kind)->plural;
        const char *at = strstr(r->path, plural);

        if (!at || at[-1] != '/' || at[strlen(plural)] != '?')
            continue;
        if (api->forbidden && strcmp(api->forbidden, plural) == 0)
            server_answer(s, 403, "",
                          "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\","
                          "\"message\":\"User tester cannot watch it\",\"code\":403}");
        else if (kind == KIND_PROFILE && !api->profiles)
            server_answer(s, 404, "", "404 page not found");
        else
            watch(api, s, (enum kind)kind);
        return;
    }
    server_answer(s, 404, "", "");
}

static void serve(struct command_bench *b, int ready)
{
    const struct pki_request of_ca = {.name = "test CA"};
    struct pki_request of_server = {.name = "server", .san = "IP:127.0.0.1"};
    struct server_options options = {.handler = handle, .ctx = &b->api};
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
    folder_write(&b->folder, "ca.crt", ca.cert);
    (void)snprintf(text, sizeof(text),
                   "current-context: test\n"
                   "contexts: [{name: test, context: {cluster: test, user: test}}]\n"
                   "clusters: [{name: test, cluster: {server: \"https://127.0.0.1:%d\", "
                   "certificate-authority: ca.crt}}]\n"
                   "users: [{name: test, user: {token: sesame}}]\n",
                   server_port(server));
    folder_write(&b->folder, "config", text);
    assert_int_equal(write(ready, "x", 1), 1);
    uv_run(&loop, UV_RUN_DEFAULT);
}

void command_serve(struct command_bench *b)
{
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    b->server = fork();
    assert_true(b->server >= 0);
    if (b->server == 0) {
        alarm(COMMAND_PATIENCE_S);
        serve(b, ready[1]);
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

/* ---- The commands' processes ---- */

static int output_file(const struct command_bench *b, const char *name)
{
    int file = open(folder_at(&b->folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(file >= 0);
    return file;
}

pid_t command_start(struct command_bench *b, const char *const *args)
{
    char *argv[16] = {(char *)(uintptr_t) "rampart"};
    int out = output_file(b, "out");
    int err = output_file(b, "err");
    int argc = 1;
    pid_t pid;

    for (; args[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(COMMAND_PATIENCE_S);
        if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
            _exit(99);
        exit(cli_main(argc, argv));
    }
    close(out);
    close(err);
    return pid;
}

struct outcome command_wait(struct command_bench *b, pid_t pid)
{
    struct outcome o = {0};
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    o.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    o.out = text_file(folder_at(&b->folder, "out"), NULL);
    o.err = text_file(folder_at(&b->folder, "err"), NULL);
    return o;
}

void outcome_done(struct outcome *o)
{
    free(o->out);
    free(o->err);
}

void assert_code(const struct outcome *o, int code)
{
    if (o->code != code)
        fail_msg("exit code %d instead of %d: %s%s", o->code, code, o->out, o->err);
}

int command_setup(void **state)
{
    struct command_bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->api.namespaces =
        "{\"metadata\":{\"name\":\"bank\",\"uid\":\"u-1\",\"resourceVersion\":\"1\"}}\n"
        "{\"metadata\":{\"name\":\"shop\",\"uid\":\"u-2\",\"resourceVersion\":\"2\","
        "\"labels\":{\"team\":\"shop\"}}}";
    b->api.profiles = "";
    folder_make(&b->folder);
    (void)snprintf(b->socket, sizeof(b->socket), "rampart-test-%d", (int)getpid());
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("POD_NAMESPACE");
    *state = b;
    return 0;
}

void command_stop(struct command_bench *b)
{
    if (b->server > 0) {
        kill(b->server, SIGKILL);
        waitpid(b->server, NULL, 0);
    }
    b->server = 0;
}

int command_teardown(void **state)
{
    struct command_bench *b = *state;

    command_stop(b);
    folder_remove(&b->folder);
    free(b);
    return 0;
}

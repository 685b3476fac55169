/* Where the configuration comes from, and what is said when there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rampart/edge/config.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"
#include "wire/support/folder.h"
#include "wire/support/wire.h"

#define KUBECONFIG_OF(host)                                            \
    "current-context: c\n"                                             \
    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"          \
    "clusters: [{name: k, cluster: {server: 'https://" host ":6443', " \
    "certificate-authority: ca.crt}}]\n"                               \
    "users: [{name: u, user: {token: t}}]\n"

struct fixture {
    struct folder folder;
    struct arena arena;
    struct client_config config;
    struct err err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    folder_make(&f->folder);
    arena_init(&f->arena, 4u << 20);
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
    unsetenv("POD_NAMESPACE");
    setenv("HOME", f->folder.path, 1);
    folder_write(&f->folder, "one", KUBECONFIG_OF("one"));
    folder_write(&f->folder, "two", KUBECONFIG_OF("two"));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->arena);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

static int load(struct fixture *f, const char *path, const char *context)
{
    f->err = (struct err){0};
    return config_load(path, context, &f->arena, &f->config, &f->err);
}

static void in_cluster(void)
{
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
}

static void test_config_prefers_the_flag_to_everything(void **state)
{
    struct fixture *f = *state;

    setenv("KUBECONFIG", folder_at(&f->folder, "two"), 1);
    in_cluster();
    assert_int_equal(load(f, folder_at(&f->folder, "one"), NULL), 0);
    assert_string_equal(f->config.server, "https://one:6443");
    assert_string_equal(f->config.ca_file, folder_at(&f->folder, "ca.crt"));
    assert_contains(f->config.source, folder_at(&f->folder, "one"));
}

static void test_config_prefers_kubeconfig_to_the_cluster(void **state)
{
    struct fixture *f = *state;
    char list[512];

    snprintf(list, sizeof(list), "%s:%s::%s", folder_at(&f->folder, "missing"),
             folder_at(&f->folder, "two"), folder_at(&f->folder, "one"));
    setenv("KUBECONFIG", list, 1);
    in_cluster();
    assert_int_equal(load(f, "", ""), 0);
    assert_string_equal(f->config.server, "https://two:6443");
}

static void test_config_takes_the_cluster_before_the_home_folder(void **state)
{
    struct fixture *f = *state;

    folder_mkdir(&f->folder, ".kube");
    folder_write(&f->folder, ".kube/config", KUBECONFIG_OF("home"));
    assert_int_equal(load(f, NULL, NULL), 0);
    assert_string_equal(f->config.server, "https://home:6443");
    in_cluster();
    assert_int_equal(load(f, NULL, NULL), 0);
    assert_string_equal(f->config.server, "https://10.0.0.1:443");
    assert_string_equal(f->config.source, "in-cluster");
    assert_string_equal(f->config.token_file, SERVICE_ACCOUNT_DIR "/token");
    assert_string_equal(f->config.ca_file, SERVICE_ACCOUNT_DIR "/ca.crt");
    assert_int_equal(load(f, NULL, "some"), -1);
    assert_int_equal(f->err.code, ERR_INVALID);
    assert_contains(f->err.msg, "--context some");
}

static void test_config_in_a_cluster_of_ipv6(void **state)
{
    struct fixture *f = *state;

    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "6443", 1);
    assert_int_equal(config_in_cluster("/here", &f->arena, &f->config, &f->err), 0);
    assert_string_equal(f->config.server, "https://[fd00::1]:6443");
    assert_string_equal(f->config.token_file, "/here/token");
    unsetenv("KUBERNETES_SERVICE_HOST");
    assert_int_equal(config_in_cluster("/here", &f->arena, &f->config, &f->err), -1);
}

static void test_config_says_what_to_do_when_there_is_none(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(load(f, NULL, NULL), -1);
    assert_int_equal(f->err.code, ERR_INVALID);
    assert_contains(f->err.msg, "--kubeconfig");
    assert_contains(f->err.msg, "KUBECONFIG");
    setenv("KUBECONFIG", "/nonexistent/a:/nonexistent/b", 1);
    assert_int_equal(load(f, NULL, NULL), -1);
    assert_contains(f->err.msg, "KUBECONFIG=/nonexistent/a:/nonexistent/b");
    assert_int_equal(load(f, "/nonexistent/c", NULL), -1);
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_contains(f->err.msg, "/nonexistent/c");
}

static void test_config_takes_relative_paths_from_the_working_folder(void **state)
{
    struct fixture *f = *state;
    char before[512];

    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(f->folder.path), 0);
    assert_int_equal(load(f, "one", NULL), 0);
    assert_string_equal(f->config.ca_file, folder_at(&f->folder, "ca.crt"));
    assert_int_equal(chdir(before), 0);
}

static void test_config_leaves_the_output_alone_on_failure(void **state)
{
    struct fixture *f = *state;

    f->config.server = "untouched";
    folder_write(&f->folder, "bad", "{");
    assert_int_equal(load(f, folder_at(&f->folder, "bad"), NULL), -1);
    assert_string_equal(f->config.server, "untouched");
    assert_contains(f->err.msg, folder_at(&f->folder, "bad"));
}

static void test_config_finds_its_own_namespace(void **state)
{
    struct fixture *f = *state;

    if (access(SERVICE_ACCOUNT_DIR, F_OK) < 0) /* the tests themselves may run in a pod */
        assert_string_equal(config_own_namespace(&f->arena), "rampart-system");
    setenv("POD_NAMESPACE", "elsewhere", 1);
    assert_string_equal(config_own_namespace(&f->arena), "elsewhere");
}

static void test_file_read_gives_all_bytes_up_to_its_ceiling(void **state)
{
    struct fixture *f = *state;
    char *text = text_repeat("0123456789", 1000), *read;
    size_t len = 0;

    folder_write(&f->folder, "file", text);
    read = file_read(folder_at(&f->folder, "file"), 10000, &len, &f->err);
    assert_non_null(read);
    assert_int_equal(len, 10000);
    assert_string_equal(read, text);
    mem_free(read);
    assert_null(file_read(folder_at(&f->folder, "file"), 9999, &len, &f->err));
    assert_int_equal(f->err.code, ERR_LIMIT);
    folder_write(&f->folder, "file", "");
    read = file_read(folder_at(&f->folder, "file"), 10, &len, &f->err);
    assert_non_null(read);
    assert_int_equal(len, 0);
    assert_string_equal(read, "");
    mem_free(read);
    free(text);
}

static int load_for_sweep(void *ctx, struct err *err)
{
    struct fixture *f = ctx;
    struct client_config config = {0};
    struct arena arena;
    int r;

    arena_init(&arena, 1u << 20);
    r = config_load(folder_at(&f->folder, "one"), NULL, &arena, &config, err);
    assert_true(r == 0 || !config.server);
    arena_done(&arena);
    return r;
}

static void test_config_survives_any_failed_allocation(void **state)
{
    assert_true(sweep(load_for_sweep, *state) > 5);
}

/* As a pod of a cluster on IPv6 sees it: an address without brackets, a token and a CA as files. */
static void test_config_of_a_cluster_on_ipv6_connects(void **state)
{
    struct fixture *f = *state;
    struct wire w;
    struct call *c;
    char port[16];

    if (!wire_has_ipv6())
        skip();
    wire_start(&w, &(struct server_options){.host = "::1", .handler = wire_echo});
    (void)snprintf(port, sizeof(port), "%d", server_port(w.server));
    setenv("KUBERNETES_SERVICE_HOST", "::1", 1);
    setenv("KUBERNETES_SERVICE_PORT", port, 1);
    folder_write(&f->folder, "token", "sesame");
    folder_write(&f->folder, "ca.crt", w.ca.cert);
    assert_int_equal(config_in_cluster(f->folder.path, &f->arena, &w.config, &f->err), 0);
    wire_connect(&w, 0, 0);
    c = wire_get(&w, "/six");
    wire_until_done(c);
    assert_string_equal(c->body.text, "/six");
    wire_close(&w);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_config_prefers_the_flag_to_everything),
        CASE(test_config_prefers_kubeconfig_to_the_cluster),
        CASE(test_config_takes_the_cluster_before_the_home_folder),
        CASE(test_config_in_a_cluster_of_ipv6),
        CASE(test_config_of_a_cluster_on_ipv6_connects),
        CASE(test_config_says_what_to_do_when_there_is_none),
        CASE(test_config_takes_relative_paths_from_the_working_folder),
        CASE(test_config_leaves_the_output_alone_on_failure),
        CASE(test_config_finds_its_own_namespace),
        CASE(test_config_survives_any_failed_allocation),
        CASE(test_file_read_gives_all_bytes_up_to_its_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * kubeconfig_resolve(): the text is cut at each "=====\n" into files. What comes out can be
 * connected to, lies in the arena, and no error shows a secret. First byte: which allocation fails,
 * 0 for none; then the text.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rampart/yaml/kubeconfig.h"

#define CHECK(claim)                                                    \
    do {                                                                \
        if (!(claim)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                    \
        }                                                               \
    } while (0)

#define BREAK "=====\n"
#define FILES_MAX 8

static size_t cut(const char *text, size_t len, struct kubeconfig_file files[FILES_MAX])
{
    size_t count = 0;

    while (count < FILES_MAX) {
        const char *end = memmem(text, len, BREAK, strlen(BREAK));
        size_t file_len = end ? (size_t)(end - text) : len;

        files[count++] = (struct kubeconfig_file){"/folder/config", text, file_len};
        if (!end)
            break;
        text = end + strlen(BREAK);
        len -= file_len + strlen(BREAK);
    }
    return count;
}

/* Nothing that goes into a header can end it. */
static void check_line(const char *line)
{
    for (; *line; line++)
        CHECK((unsigned char)*line >= ' ' || *line == '\t');
}

static void check_exec(const struct exec_config *x)
{
    CHECK(x->command && *x->command && x->api_version);
    CHECK(!strchr(x->command, '/') || *x->command == '/');
    CHECK(x->args_count <= EXEC_ARGS_MAX && x->env_count <= EXEC_ENV_MAX);
    for (size_t i = 0; i < x->args_count; i++)
        CHECK(x->args[i]);
    for (size_t i = 0; i < x->env_count; i++)
        CHECK(strchr(x->env[i], '='));
}

static void check_identity(const struct client_config *c)
{
    CHECK(!c->username == !c->password);
    CHECK(!(c->username && (c->token || c->token_file)));
    CHECK(!c->exec || !(c->token || c->token_file || c->username || c->cert_file || c->cert_data));
    if (c->exec)
        check_exec(c->exec);
    CHECK(c->impersonation_count <= IMPERSONATION_LINES_MAX);
    for (size_t i = 0; i < c->impersonation_count; i++) {
        CHECK(strncmp(c->impersonation[i], "Impersonate-", 12) == 0);
        check_line(c->impersonation[i]);
    }
}

static void check_config(const struct client_config *c)
{
    const char *const files[] = {c->ca_file, c->cert_file, c->key_file, c->token_file};

    CHECK(c->server && strncasecmp(c->server, "https://", 8) == 0);
    CHECK(!strpbrk(c->server, "@?# \t\r\n"));
    CHECK(c->source);
    CHECK(!(c->skips_tls_verify && (c->ca_file || c->ca_data)));
    CHECK(!(c->cert_file || c->cert_data) == !(c->key_file || c->key_data));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        CHECK(!files[i] || files[i][0] == '/');
    CHECK(!(c->ca_file && c->ca_data) && !(c->cert_file && c->cert_data) &&
          !(c->key_file && c->key_data));
    if (c->proxy_url)
        check_line(c->proxy_url);
    check_identity(c);
    CHECK(!c->token || *c->token);
    CHECK(!c->ca_data || *c->ca_data);
    CHECK(!c->key_data || *c->key_data);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    json_set_alloc_funcs(mem_alloc, mem_free);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kubeconfig_file files[FILES_MAX];
    struct client_config config = {0};
    struct err err = {0};
    size_t live = mem_live(), count;
    bool has_fired = false;
    struct arena arena;
    int r;

    if (size == 0)
        return 0;
    count = cut((const char *)data + 1, size - 1, files);
    arena_init(&arena, 64u << 20);
    if (data[0] != 0)
        mem_fail_nth(data[0] - 1u);
    r = kubeconfig_resolve(files, count, NULL, &arena, &config, &err);
    if (data[0] != 0)
        has_fired = mem_fail_disarm();
    CHECK((r == 0) == (err.code == ERR_NONE));
    CHECK(!has_fired || r < 0);
    if (r == 0)
        check_config(&config);
    else
        CHECK(!config.server);
    arena_done(&arena);
    CHECK(mem_live() == live);
    return 0;
}

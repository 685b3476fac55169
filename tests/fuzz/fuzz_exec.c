/*
 * What a credential plugin prints: exec_credential_decode() of its standard output and
 * exec_complaint() of its standard error. No message quotes what may be a secret. First byte: which
 * allocation fails, 0 for none; then the text.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/kube/exec_credential.h"

#define CHECK(claim)                                                    \
    do {                                                                \
        if (!(claim)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                    \
        }                                                               \
    } while (0)

#define SECRET "sesame" /* in the corpus, wherever a credential may stand */
#define RUN_MAX 40

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    json_set_alloc_funcs(mem_alloc, mem_free);
    return 0;
}

static void check_credential(const struct exec_credential *c)
{
    CHECK(c->token || c->cert);
    CHECK(!c->cert == !c->key);
    CHECK(!c->token || (*c->token && strlen(c->token) <= EXEC_TOKEN_MAX));
    CHECK(!c->cert || (*c->cert && *c->key));
}

static void check_complaint(const char *text, size_t len)
{
    char complaint[EXEC_COMPLAINT_MAX];
    size_t run = 0;

    exec_complaint(text, len, complaint);
    CHECK(strlen(complaint) < EXEC_COMPLAINT_MAX);
    for (const char *c = complaint; *c; c++) {
        CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
        run = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_=.-", *c)
                  ? run + 1
                  : 0;
        CHECK(run < RUN_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct exec_credential credential = {0};
    struct err err = {0};
    size_t live = mem_live();
    struct arena arena;
    int r;

    if (size == 0)
        return 0;
    check_complaint((const char *)data + 1, size - 1);
    arena_init(&arena, 4u << 20);
    if (data[0] != 0)
        mem_fail_nth(data[0] - 1u);
    r = exec_credential_decode((const char *)data + 1, size - 1, "client.authentication.k8s.io/v1",
                               &arena, &credential, &err);
    if (data[0] != 0)
        (void)mem_fail_disarm();
    CHECK((r == 0) == (err.code == ERR_NONE));
    CHECK(!strstr(err.msg, SECRET));
    if (r == 0)
        check_credential(&credential);
    arena_done(&arena);
    CHECK(mem_live() == live);
    return 0;
}

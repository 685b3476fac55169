/*
 * yaml_decode(): what it lets through is JSON (it can be written and read again), line numbers are
 * in the text, and any failed allocation is ERR_NOMEM. First byte: which allocation fails, 0 for
 * none; then the text.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/yaml/yaml.h"

#define CHECK(claim)                                                    \
    do {                                                                \
        if (!(claim)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                    \
        }                                                               \
    } while (0)

struct seen {
    size_t documents;
    size_t lines_max; /* of the text */
    size_t line;      /* of the last document */
    bool is_quick;    /* an allocation may fail: only take it */
};

static int on_document(void *ctx, const json_t *document, size_t line, struct err *err)
{
    struct seen *seen = ctx;
    json_auto_t *again = NULL;
    json_error_t why;
    char *text;

    (void)err;
    CHECK(document && !json_is_null(document));
    CHECK(line >= 1 && line >= seen->line && line <= seen->lines_max);
    seen->line = line;
    CHECK(++seen->documents <= YAML_DOCUMENTS_MAX);
    if (seen->is_quick)
        return 0;
    text = json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY);
    CHECK(text);
    again = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    CHECK(again && json_equal(again, document));
    mem_free(text);
    return 0;
}

/* Line feeds, carriage returns, and NEL, LS, PS are all line ends to libyaml. */
static size_t lines_at_most(const char *text, size_t len)
{
    size_t lines = 2;

    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n' || text[i] == '\r' || (unsigned char)text[i] >= 0x80;
    return lines;
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
    struct err err = {0};
    struct seen seen = {0};
    size_t live = mem_live();
    bool has_fired = false;
    const char *text;
    int r;

    if (size == 0)
        return 0;
    text = (const char *)data + 1;
    size--;
    seen.lines_max = lines_at_most(text, size);
    seen.is_quick = data[0] != 0;
    if (data[0] != 0)
        mem_fail_nth(data[0] - 1u);
    r = yaml_decode(text, size, on_document, &seen, &err);
    if (data[0] != 0)
        has_fired = mem_fail_disarm();
    CHECK(mem_live() == live);
    CHECK((r == 0) == (err.code == ERR_NONE));
    if (r < 0)
        CHECK(err.code == ERR_INVALID || err.code == ERR_LIMIT || err.code == ERR_NOMEM);
    CHECK(!has_fired || r < 0);
    CHECK(!strchr(err.msg, '\n'));
    return 0;
}

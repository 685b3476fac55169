/*
 * json_decode() against jansson's own parser, and everything that reads or writes trees on what
 * comes out. First byte: which allocation fails, 0 for none; then the text.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/decode.h"
#include "rampart/json/get.h"

#define CHECK(claim)                                                    \
    do {                                                                \
        if (!(claim)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                    \
        }                                                               \
    } while (0)

static unsigned depth_of(const char *text, size_t len)
{
    unsigned depth = 0, deepest = 0;

    for (size_t i = 0; i < len; i++) {
        depth += text[i] == '[' || text[i] == '{';
        depth -= depth && (text[i] == ']' || text[i] == '}');
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* jansson stops at a NUL, and goes deeper: there the two may differ. */
static void compare(const json_t *ours, const struct err *err, const char *text, size_t len)
{
    json_error_t why;
    json_auto_t *theirs = NULL;

    if (memchr(text, '\0', len) || depth_of(text, len) > JSON_DEPTH_MAX)
        return;
    theirs = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    CHECK(!ours == !theirs);
    CHECK(ours || err->code == ERR_INVALID);
    CHECK(!ours || json_equal(ours, theirs));
}

/* Canonical text is its own canonical text. */
static void check_canonical(const json_t *value)
{
    AUTO_ARENA arena;
    json_auto_t *again = NULL;
    const char *once, *twice;

    arena_init(&arena, 64u << 20);
    once = json_canonical(value, &arena, NULL);
    CHECK(once);
    again = json_decode(once, strlen(once), NULL);
    CHECK(again);
    twice = json_canonical(again, &arena, NULL);
    CHECK(twice && strcmp(once, twice) == 0);
}

/* Whatever the types are: a value or an error, and what is written can be read. */
static void check_getters(const json_t *value)
{
    static const char *const names[] = {"a", "kind", "metadata", "items", ""};
    AUTO_ARENA arena;

    arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *text = NULL, **texts = NULL;
        const json_t *sub = NULL;
        int64_t number = 0;
        struct err err = {0};
        size_t count = 0;
        bool flag = false;

        if (json_get_str(value, names[i], 20, &arena, &text, &err) == 0)
            CHECK(!text || strlen(text) <= 20);
        if (json_need_str(value, names[i], 20, &arena, &text, &err) == 0)
            CHECK(text && *text);
        if (json_get_int(value, names[i], -5, 5, 0, &number, &err) == 0)
            CHECK(number >= -5 && number <= 5);
        if (json_get_strs(value, names[i], 3, 20, &arena, &texts, &count, &err) == 0)
            CHECK(count <= 3);
        if (json_get_bool(value, names[i], true, &flag, &err) < 0 ||
            json_get_obj(value, names[i], &sub, &err) < 0 ||
            json_get_arr(value, names[i], 3, &sub, &err) < 0)
            json_path_wrap_index(&err, names[i], i);
        CHECK(strlen(err.msg) < ERR_MSG_MAX);
    }
}

static void check_build(const char *text, size_t len)
{
    AUTO_MEM char *copy = mem_strndup(text, len);
    json_auto_t *read = NULL;
    struct json_build build;
    AUTO_STRBUF out;

    CHECK(copy);
    strbuf_init(&out, 64u << 20);
    json_build_init(&build, &out);
    json_open_obj(&build, NULL);
    json_add_str(&build, copy, copy);
    json_close_obj(&build);
    CHECK(strbuf_is_ok(&out));
    read = json_decode(out.text, out.len, NULL);
    CHECK(json_object_size(read) == 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    json_use_allocator(1);
    json_decref(json_object());
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err err = {0};
    size_t live = mem_live();
    const char *text;
    json_t *value;
    bool has_failed;

    if (len < 1)
        return 0;
    text = (const char *)data + 1;
    len--;
    if (data[0] % 64)
        mem_fail_nth(data[0] % 64 - 1u);
    value = json_decode(text, len, &err);
    has_failed = mem_fail_disarm();
    if (has_failed)
        CHECK(!value && err.code == ERR_NOMEM);
    else
        compare(value, &err, text, len);
    if (value) {
        check_canonical(value);
        check_getters(value);
    }
    check_build(text, len);
    json_decref(value);
    CHECK(mem_live() == live);
    return 0;
}

#include "rampart/yaml/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "rampart/yaml/scalar.h"

#define KEY_SHOWN_MAX 64 /* bytes of a key or value that an error quotes */

/* An open mapping or sequence. */
struct level {
    json_t *value; /* owned until it is put into the level below */
    char *key;     /* owned; mapping: the key whose value comes next, NULL when a key comes next */
};

struct decoder {
    yaml_parser_t parser;
    struct level levels[YAML_DEPTH_MAX];
    size_t depth;     /* open levels */
    json_t *document; /* owned; the finished value, NULL before */
    size_t line;      /* on which the document starts, from 1 */
    size_t documents; /* so far */
    yaml_document_fn fn;
    void *ctx; /* of @fn */
};

static int fail_at(const yaml_mark_t *mark, struct err *err, const char *what)
{
    return err_set(err, ERR_INVALID, "line %zu, column %zu: %s", mark->line + 1, mark->column + 1,
                   what);
}

/* Takes @value, also when it fails. */
static int put_member(struct level *top, json_t *value, const yaml_event_t *event, struct err *err)
{
    AUTO_MEM char *key = top->key;
    int r;

    top->key = NULL;
    if (json_object_get(top->value, key)) {
        json_decref(value);
        return err_set(err, ERR_INVALID, "line %zu: the key \"%.*s\" is there twice",
                       event->start_mark.line + 1, KEY_SHOWN_MAX, key);
    }
    r = json_object_set_new(top->value, key, value);
    return r == 0 ? 0 : err_nomem(err);
}

static int put_value_take(struct decoder *d, json_t *value, const yaml_event_t *event,
                          struct err *err)
{
    struct level *top;

    if (!value)
        return err_nomem(err);
    if (d->depth == 0) {
        d->document = value;
        return 0;
    }
    top = &d->levels[d->depth - 1];
    if (json_is_object(top->value))
        return put_member(top, value, event, err);
    return json_array_append_new(top->value, value) == 0 ? 0 : err_nomem(err);
}

static bool is_at_key(const struct decoder *d)
{
    const struct level *top = d->depth > 0 ? &d->levels[d->depth - 1] : NULL;

    return top && json_is_object(top->value) && !top->key;
}

/* Anchors, and tags that are not for plain strings. */
static int check_properties(const yaml_char_t *anchor, const yaml_char_t *tag,
                            const yaml_event_t *event, struct err *err)
{
    const char *name = (const char *)tag;

    if (anchor)
        return fail_at(&event->start_mark, err, "anchors are not supported; write the value out");
    if (name && strcmp(name, "!") != 0 && strcmp(name, YAML_STR_TAG) != 0)
        return fail_at(&event->start_mark, err, "tags are not supported; quote what is a string");
    return 0;
}

static int open_level(struct decoder *d, json_t *value, const yaml_event_t *event, struct err *err)
{
    if (!value)
        return err_nomem(err);
    if (is_at_key(d)) {
        json_decref(value);
        return fail_at(&event->start_mark, err, "a key must be a plain value, not a list or map");
    }
    if (d->depth == YAML_DEPTH_MAX) {
        json_decref(value);
        return err_set(err, ERR_LIMIT, "line %zu: nested more than %d deep",
                       event->start_mark.line + 1, YAML_DEPTH_MAX);
    }
    d->levels[d->depth++] = (struct level){.value = value};
    return 0;
}

static int close_level(struct decoder *d, const yaml_event_t *event, struct err *err)
{
    json_t *value = d->levels[--d->depth].value;

    d->levels[d->depth].value = NULL;
    return put_value_take(d, value, event, err);
}

static int take_key(struct decoder *d, const yaml_event_t *event, struct err *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct level *top = &d->levels[d->depth - 1];

    if (is_plain && len == 2 && memcmp(text, "<<", 2) == 0)
        return fail_at(&event->start_mark, err, "merge keys are not supported; write it out");
    top->key = mem_strndup(text, len);
    return top->key ? 0 : err_nomem(err);
}

static int take_scalar(struct decoder *d, const yaml_event_t *event, struct err *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.tag;
    struct err why = {0};
    json_t *value;

    if (check_properties(event->data.scalar.anchor, event->data.scalar.tag, event, err) < 0)
        return -1;
    if (memchr(text, '\0', len))
        return fail_at(&event->start_mark, err, "a NUL character is not allowed");
    if (is_at_key(d))
        return take_key(d, event, err);
    value = is_plain ? yaml_plain_scalar(text, len, &why) : json_stringn_nocheck(text, len);
    if (!value && why.code == ERR_INVALID)
        return fail_at(&event->start_mark, err, why.msg);
    return put_value_take(d, value, event, err);
}

static int end_document(struct decoder *d, struct err *err)
{
    json_t *document = d->document;
    int r = 0;

    d->document = NULL;
    if (document && !json_is_null(document)) {
        if (d->documents == YAML_DOCUMENTS_MAX)
            r = err_set(err, ERR_LIMIT, "more than %d documents", YAML_DOCUMENTS_MAX);
        else
            r = d->fn(d->ctx, document, d->line, err);
        d->documents++;
    }
    json_decref(document);
    return r;
}

static int take_event(struct decoder *d, const yaml_event_t *event, struct err *err)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        d->line = event->start_mark.line + 1;
        return 0;
    case YAML_DOCUMENT_END_EVENT:
        return end_document(d, err);
    case YAML_SCALAR_EVENT:
        return take_scalar(d, event, err);
    case YAML_SEQUENCE_START_EVENT:
        if (check_properties(event->data.sequence_start.anchor, event->data.sequence_start.tag,
                             event, err) < 0)
            return -1;
        return open_level(d, json_array(), event, err);
    case YAML_MAPPING_START_EVENT:
        if (check_properties(event->data.mapping_start.anchor, event->data.mapping_start.tag, event,
                             err) < 0)
            return -1;
        return open_level(d, json_object(), event, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_level(d, event, err);
    case YAML_ALIAS_EVENT:
        return fail_at(&event->start_mark, err, "aliases are not supported; write the value out");
    default:
        return 0; /* the stream's start and end */
    }
}

/* libyaml says "found character that cannot start any token" for the commonest mistake of all. */
static bool is_at_tab(const yaml_parser_t *p, const char *text, size_t len)
{
    size_t line = 0;

    for (size_t i = 0; i < len && line <= p->problem_mark.line; i++) {
        if (text[i] == '\n')
            line++;
        else if (line == p->problem_mark.line && text[i] != ' ')
            return text[i] == '\t';
    }
    return false;
}

static int syntax_error(const yaml_parser_t *p, const char *text, size_t len, struct err *err)
{
    if (p->error == YAML_MEMORY_ERROR)
        return err_nomem(err);
    if (p->error == YAML_READER_ERROR)
        return err_set(err, ERR_INVALID, "byte %zu: not UTF-8 text (%s)", p->problem_offset,
                       p->problem ? p->problem : "unreadable");
    if (is_at_tab(p, text, len))
        return fail_at(&p->problem_mark, err, "a tab in the indentation; YAML takes spaces only");
    return fail_at(&p->problem_mark, err, p->problem ? p->problem : "not YAML");
}

static int decode(struct decoder *d, const char *text, size_t len, struct err *err)
{
    bool is_at_end = false;

    while (!is_at_end) {
        yaml_event_t event;
        int r;

        if (!yaml_parser_parse(&d->parser, &event))
            return syntax_error(&d->parser, text, len, err);
        is_at_end = event.type == YAML_STREAM_END_EVENT;
        r = take_event(d, &event, err);
        yaml_event_delete(&event);
        if (r < 0)
            return -1;
    }
    return 0;
}

int yaml_decode(const char *text, size_t len, yaml_document_fn fn, void *ctx, struct err *err)
{
    struct decoder d = {.fn = fn, .ctx = ctx};
    int r;

    if (len > YAML_TEXT_MAX)
        return err_set(err, ERR_LIMIT, "longer than %u bytes", YAML_TEXT_MAX);
    if (!yaml_parser_initialize(&d.parser))
        return err_nomem(err);
    yaml_parser_set_input_string(&d.parser, (const unsigned char *)text, len);
    r = decode(&d, text, len, err);
    while (d.depth > 0) {
        d.depth--;
        MEM_FREE_NULL(d.levels[d.depth].key);
        json_decref(d.levels[d.depth].value);
    }
    json_decref(d.document);
    yaml_parser_delete(&d.parser);
    return r;
}

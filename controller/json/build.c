#include "rampart/json/build.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "rampart/json/decode.h"

void json_build_init(struct json_build *j, struct strbuf *out)
{
    *j = (struct json_build){.out = out};
}

/* Comma and name: all that comes before a value. */
static void start_value(struct json_build *j, const char *name)
{
    if (j->depth > 0) {
        bool *has_member = &j->has_member[j->depth - 1];

        if (*has_member)
            strbuf_addc(j->out, ',');
        *has_member = true;
    }
    if (!name)
        return;
    assert(j->depth > 0);
    json_escape(j->out, name, strlen(name));
    strbuf_addc(j->out, ':');
}

static void open_container(struct json_build *j, const char *name, char bracket)
{
    assert(j->depth < JSON_BUILD_DEPTH_MAX);
    start_value(j, name);
    strbuf_addc(j->out, bracket);
    j->has_member[j->depth++] = false;
}

static void close_container(struct json_build *j, char bracket)
{
    assert(j->depth > 0);
    j->depth--;
    strbuf_addc(j->out, bracket);
}

void json_open_obj(struct json_build *j, const char *name)
{
    open_container(j, name, '{');
}

void json_close_obj(struct json_build *j)
{
    close_container(j, '}');
}

void json_open_arr(struct json_build *j, const char *name)
{
    open_container(j, name, '[');
}

void json_close_arr(struct json_build *j)
{
    close_container(j, ']');
}

void json_add_str(struct json_build *j, const char *name, const char *text)
{
    start_value(j, name);
    json_escape(j->out, text, strlen(text));
}

void json_add_int(struct json_build *j, const char *name, int64_t number)
{
    start_value(j, name);
    strbuf_addf(j->out, "%" PRId64, number);
}

void json_add_bool(struct json_build *j, const char *name, bool flag)
{
    json_add_raw(j, name, flag ? "true" : "false");
}

void json_add_null(struct json_build *j, const char *name)
{
    json_add_raw(j, name, "null");
}

void json_add_raw(struct json_build *j, const char *name, const char *json_text)
{
    start_value(j, name);
    strbuf_adds(j->out, json_text);
}

static int write_value(struct strbuf *out, const json_t *value, unsigned depth, struct err *err);

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int write_object(struct strbuf *out, const json_t *obj, unsigned depth, struct err *err)
{
    json_t *members = (json_t *)obj; /* jansson iterates only over what is not const */
    AUTO_MEM const char **names = mem_resize(NULL, json_object_size(obj), sizeof(*names));
    size_t count = 0;

    if (!names)
        return err_nomem(err);
    for (void *it = json_object_iter(members); it; it = json_object_iter_next(members, it))
        if (json_typeof(json_object_iter_value(it)) != JSON_NULL)
            names[count++] = json_object_iter_key(it);
    if (count > 1)
        qsort(names, count, sizeof(*names), by_name);
    strbuf_addc(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_addc(out, ',');
        json_escape(out, names[i], strlen(names[i]));
        strbuf_addc(out, ':');
        if (write_value(out, json_object_get(obj, names[i]), depth, err) < 0)
            return -1;
    }
    strbuf_addc(out, '}');
    return 0;
}

static int write_array(struct strbuf *out, const json_t *arr, unsigned depth, struct err *err)
{
    strbuf_addc(out, '[');
    for (size_t i = 0; i < json_array_size(arr); i++) {
        if (i > 0)
            strbuf_addc(out, ',');
        if (write_value(out, json_array_get(arr, i), depth, err) < 0)
            return -1;
    }
    strbuf_addc(out, ']');
    return 0;
}

static int write_container(struct strbuf *out, const json_t *value, unsigned depth, struct err *err)
{
    if (depth == JSON_DEPTH_MAX)
        return err_set(err, ERR_LIMIT, "JSON is nested deeper than %d levels", JSON_DEPTH_MAX);
    return json_typeof(value) == JSON_OBJECT ? write_object(out, value, depth + 1, err)
                                             : write_array(out, value, depth + 1, err);
}

static int write_value(struct strbuf *out, const json_t *value, unsigned depth, struct err *err)
{
    static const char *const words[] = {
        [JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null"};

    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return write_container(out, value, depth, err);
    case JSON_STRING:
        json_escape(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        strbuf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        strbuf_addf(out, "%.17g", json_real_value(value) + 0.0); /* makes -0 a 0 */
        break;
    default:
        strbuf_adds(out, words[json_typeof(value)]);
        break;
    }
    return 0;
}

const char *json_canonical(const json_t *value, struct arena *a, struct err *err)
{
    AUTO_STRBUF out = {0};
    const char *text;

    strbuf_init(&out, CANONICAL_LEN_MAX);
    if (write_value(&out, value, 0, err) < 0 || strbuf_check(&out, "canonical JSON", err) < 0)
        return NULL;
    text = arena_strndup(a, out.text, out.len);
    if (!text)
        err_nomem(err);
    return text;
}

#include "rampart/json/get.h"

#include <stdio.h>
#include <string.h>

#undef json_path_wrap
#undef json_path_wrap_index

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
        [JSON_STRING] = "a string",  [JSON_INTEGER] = "an integer",
        [JSON_TRUE] = "a boolean",   [JSON_FALSE] = "a boolean",
        [JSON_NULL] = "null",        [JSON_REAL] = "a number with a fraction",
    };

    return names[json_typeof(value)];
}

/* @name "" is an element: the message starts with ": " and the caller puts the place in front. */
static int copy_str(const json_t *value, const char *name, size_t len_max, struct arena *a,
                    const char **ret_text, struct err *err)
{
    const char *copy;

    if (json_typeof(value) != JSON_STRING)
        return err_set(err, ERR_INVALID, "%s: expected a string, got %s", name, type_name(value));
    if (json_string_length(value) > len_max)
        return err_set(err, ERR_INVALID, "%s: expected at most %zu bytes, got %zu", name, len_max,
                       json_string_length(value));
    copy = arena_strndup(a, json_string_value(value), json_string_length(value));
    if (!copy)
        return err_set(err, ERR_NOMEM, "%s: out of memory", name);
    *ret_text = copy;
    return 0;
}

const json_t *json_member(const json_t *obj, const char *name)
{
    const json_t *value = json_object_get(obj, name);

    return json_is_null(value) ? NULL : value;
}

int json_get_str(const json_t *obj, const char *name, size_t len_max, struct arena *a,
                 const char **ret_text, struct err *err)
{
    const json_t *value = json_member(obj, name);

    if (value)
        return copy_str(value, name, len_max, a, ret_text, err);
    *ret_text = NULL;
    return 0;
}

int json_need_str(const json_t *obj, const char *name, size_t len_max, struct arena *a,
                  const char **ret_text, struct err *err)
{
    const json_t *value = json_member(obj, name);

    if (!value)
        return err_set(err, ERR_INVALID, "%s: expected a string, got nothing", name);
    if (json_typeof(value) == JSON_STRING && json_string_length(value) == 0)
        return err_set(err, ERR_INVALID, "%s: expected a string that is not empty", name);
    return copy_str(value, name, len_max, a, ret_text, err);
}

int json_get_int(const json_t *obj, const char *name, int64_t min, int64_t max, int64_t absent,
                 int64_t *ret_number, struct err *err)
{
    const json_t *value = json_member(obj, name);
    int64_t number;

    if (!value) {
        *ret_number = absent;
        return 0;
    }
    if (json_typeof(value) != JSON_INTEGER)
        return err_set(err, ERR_INVALID, "%s: expected an integer %lld..%lld, got %s", name,
                       (long long)min, (long long)max, type_name(value));
    number = json_integer_value(value);
    if (number < min || number > max)
        return err_set(err, ERR_INVALID, "%s: expected an integer %lld..%lld, got %lld", name,
                       (long long)min, (long long)max, (long long)number);
    *ret_number = number;
    return 0;
}

int json_get_bool(const json_t *obj, const char *name, bool absent, bool *ret_flag, struct err *err)
{
    const json_t *value = json_member(obj, name);

    if (!value) {
        *ret_flag = absent;
        return 0;
    }
    if (json_typeof(value) != JSON_TRUE && json_typeof(value) != JSON_FALSE)
        return err_set(err, ERR_INVALID, "%s: expected true or false, got %s", name,
                       type_name(value));
    *ret_flag = json_typeof(value) == JSON_TRUE;
    return 0;
}

int json_get_obj(const json_t *obj, const char *name, const json_t **ret_obj, struct err *err)
{
    const json_t *value = json_member(obj, name);

    if (value && json_typeof(value) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "%s: expected an object, got %s", name, type_name(value));
    *ret_obj = value;
    return 0;
}

int json_get_arr(const json_t *obj, const char *name, size_t count_max, const json_t **ret_arr,
                 struct err *err)
{
    const json_t *value = json_member(obj, name);

    if (value && json_typeof(value) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "%s: expected an array, got %s", name, type_name(value));
    if (value && json_array_size(value) > count_max)
        return err_set(err, ERR_INVALID, "%s: expected at most %zu elements, got %zu", name,
                       count_max, json_array_size(value));
    *ret_arr = value;
    return 0;
}

int json_get_strs(const json_t *obj, const char *name, size_t count_max, size_t len_max,
                  struct arena *a, const char ***ret_texts, size_t *ret_count, struct err *err)
{
    const json_t *arr;
    const char **texts;
    size_t count;

    if (json_get_arr(obj, name, count_max, &arr, err) < 0)
        return -1;
    count = json_array_size(arr); /* 0 for NULL */
    texts = count ? arena_calloc(a, count, sizeof(*texts)) : NULL;
    if (count && !texts)
        return err_set(err, ERR_NOMEM, "%s: out of memory", name);
    for (size_t i = 0; i < count; i++)
        if (copy_str(json_array_get(arr, i), "", len_max, a, &texts[i], err) < 0)
            return json_path_wrap_index(err, name, i);
    *ret_texts = texts;
    *ret_count = count;
    return 0;
}

/* Joins path and message; when both do not fit the message stays as it is, for the cause counts
 * more. */
static int wrap(struct err *err, const char *path)
{
    char line[ERR_MSG_MAX];
    const char *join = ".";
    int len;

    if (strcmp(err->msg, "out of memory") == 0)
        join = ": ";
    else if (err->msg[0] == ':' || err->msg[0] == '[')
        join = "";
    len = snprintf(line, sizeof(line), "%s%s%s", path, join, err->msg);
    if ((size_t)len < sizeof(line))
        memcpy(err->msg, line, (size_t)len + 1);
    return -1;
}

int json_path_wrap(struct err *err, const char *name)
{
    return err ? wrap(err, name) : -1;
}

int json_path_wrap_index(struct err *err, const char *name, size_t index)
{
    char path[ERR_MSG_MAX];

    if (!err)
        return -1;
    (void)snprintf(path, sizeof(path), "%s[%zu]", name, index);
    return wrap(err, path);
}

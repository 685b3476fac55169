#include <string.h>
#include <strings.h>

#include "fill_parts.h"
#include "rampart/json/get.h"

/* What YAML 1.1 or 1.2 reads as something other than a text, besides what starts like a number. */
static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_plain(const char *text)
{
    if (!is_letter(*text))
        return false;
    for (const char *c = text; *c; c++) {
        if (!is_letter(*c) && (*c < '0' || *c > '9') && *c != '-')
            return false;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0)
            return false;
    }
    return true;
}

/* A JSON text is a double-quoted YAML scalar. */
static void write_scalar(struct strbuf *out, const json_t *value)
{
    struct json_build j;

    json_build_init(&j, out);
    if (json_typeof(value) == JSON_INTEGER)
        json_add_int(&j, NULL, json_integer_value(value));
    else if (json_typeof(value) != JSON_STRING)
        json_add_bool(&j, NULL, json_typeof(value) == JSON_TRUE);
    else if (is_plain(json_string_value(value)))
        strbuf_adds(out, json_string_value(value));
    else
        json_add_str(&j, NULL, json_string_value(value));
    strbuf_addc(out, '\n');
}

static void indent(struct strbuf *out, size_t levels)
{
    for (size_t i = 0; i < levels; i++)
        strbuf_adds(out, "  ");
}

static void write_members(struct strbuf *out, const json_t *obj, size_t level, bool is_item);

static void write_items(struct strbuf *out, const json_t *arr, size_t level)
{
    for (size_t i = 0; i < json_array_size(arr); i++) {
        const json_t *item = json_array_get(arr, i);

        indent(out, level);
        strbuf_adds(out, "- ");
        if (json_typeof(item) == JSON_OBJECT)
            write_members(out, item, level + 1, true);
        else
            write_scalar(out, item);
    }
}

/* @is_item: the first member stands behind a dash. */
static void write_members(struct strbuf *out, const json_t *obj, size_t level, bool is_item)
{
    json_t *members = (json_t *)(uintptr_t)obj; /* jansson iterates only over what is not const */

    for (void *it = json_object_iter(members); it; it = json_object_iter_next(members, it)) {
        const json_t *value = json_object_iter_value(it);

        if (!is_item)
            indent(out, level);
        is_item = false;
        strbuf_adds(out, json_object_iter_key(it));
        strbuf_addc(out, ':');
        if (json_typeof(value) == JSON_OBJECT) {
            strbuf_addc(out, '\n');
            write_members(out, value, level + 1, false);
        } else if (json_typeof(value) == JSON_ARRAY) {
            strbuf_addc(out, '\n');
            write_items(out, value, level);
        } else {
            strbuf_addc(out, ' ');
            write_scalar(out, value);
        }
    }
}

int fill_yaml(const struct workload_facts *w, const struct fill *fill, struct arena *a,
              const char **ret_yaml, struct err *err)
{
    AUTO_STRBUF json, yaml;
    json_auto_t *root = NULL;
    struct json_build j;

    strbuf_init(&json, FILL_TEXT_LEN_MAX);
    strbuf_init(&yaml, FILL_TEXT_LEN_MAX);
    json_build_init(&j, &json);
    json_open_obj(&j, NULL);
    if (fill->leaves_count > 0)
        fill_parts_write(&j, w, fill, NULL, false);
    json_close_obj(&j);
    if (strbuf_check(&json, "fill", err) < 0)
        return -1;
    root = json_decode(json.text, json.len, err);
    if (!root)
        return -1;
    write_members(&yaml, root, 0, false);
    return fill_text_keep(&yaml, "YAML", a, ret_yaml, err);
}

#include "rampart/kube/labels.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/get.h"

#define LABEL_NAME_MAX 63
#define LABEL_PREFIX_MAX 253

/* Every Namespace has it: it takes no room in each. */
static const char label_name[] = "kubernetes.io/metadata.name";

static int label_order(const void *one, const void *other)
{
    const struct label *a = one;
    const struct label *b = other;

    return strcmp(a->key, b->key);
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9], the shape of a label's name and of its value. */
static bool is_qualified(const char *text, size_t len)
{
    if (len == 0 || len > LABEL_NAME_MAX || !is_alnum(text[0]) || !is_alnum(text[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_alnum(text[i]) && text[i] != '-' && text[i] != '_' && text[i] != '.')
            return false;
    }
    return true;
}

/* A DNS-1123 subdomain: lower-case parts between dots, none of which starts or ends with '-'. */
static bool is_subdomain(const char *text, size_t len)
{
    char before = '.';

    if (len == 0 || len > LABEL_PREFIX_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool is_edge = before == '.' || i + 1 == len || text[i + 1] == '.';

        if (!is_alnum(c) && c != '-' && c != '.')
            return false;
        if (isupper((unsigned char)c) || (c != '.' && is_edge && !is_alnum(c)) ||
            (c == '.' && (before == '.' || i + 1 == len)))
            return false;
        before = c;
    }
    return true;
}

/* What a copy of the key takes. */
static size_t key_len(const char *key)
{
    return strcmp(key, label_name) == 0 ? 0 : strlen(key) + 1;
}

/* Checks the map and says how many bytes its texts take. */
static int labels_measure(const json_t *map, const char *name, size_t *ret_bytes, struct err *err)
{
    size_t bytes = 0;

    for (void *it = json_object_iter((json_t *)map); it;
         it = json_object_iter_next((json_t *)map, it)) {
        const char *key = json_object_iter_key(it);
        const json_t *value = json_object_iter_value(it);

        if (strlen(key) > LABEL_KEY_MAX || *key == '\0')
            return err_set(err, ERR_INVALID, "%s: a key of %zu bytes, expected 1..%d", name,
                           strlen(key), LABEL_KEY_MAX);
        if (json_typeof(value) != JSON_STRING)
            return err_set(err, ERR_INVALID, "%s.%s: expected a string", name, key);
        if (json_string_length(value) > LABEL_VALUE_MAX)
            return err_set(err, ERR_INVALID, "%s.%s: a value of %zu bytes, expected at most %d",
                           name, key, json_string_length(value), LABEL_VALUE_MAX);
        bytes += key_len(key) + json_string_length(value) + 1;
    }
    *ret_bytes = bytes;
    return 0;
}

static const char *pack(char **next, const char *text)
{
    char *packed = *next;
    size_t len = strlen(text);

    memcpy(packed, text, len + 1);
    *next += len + 1;
    return packed;
}

static const char *key_keep(char **next, const char *key)
{
    return key_len(key) == 0 ? label_name : pack(next, key);
}

bool label_key_is_valid(const char *key)
{
    const char *slash = strchr(key, '/');

    if (!slash)
        return is_qualified(key, strlen(key));
    return is_subdomain(key, (size_t)(slash - key)) && is_qualified(slash + 1, strlen(slash + 1));
}

bool label_value_is_valid(const char *value)
{
    return *value == '\0' || is_qualified(value, strlen(value));
}

bool label_is_claim(const char *key)
{
    static const char *const prefixes[] = {"argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/",
                                           "helm.toolkit.fluxcd.io/"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return strcmp(key, "app.kubernetes.io/instance") == 0;
}

int labels_decode(const json_t *obj, const char *name, struct arena *a, struct labels *ret_labels,
                  struct err *err)
{
    const json_t *map;
    struct label *items;
    char *next;
    size_t bytes;
    size_t count = 0;

    if (json_get_obj(obj, name, &map, err) < 0)
        return -1;
    if (json_object_size(map) == 0) {
        *ret_labels = (struct labels){0};
        return 0;
    }
    if (json_object_size(map) > LABELS_MAX)
        return err_set(err, ERR_INVALID, "%s: %zu entries, expected at most %d", name,
                       json_object_size(map), LABELS_MAX);
    if (labels_measure(map, name, &bytes, err) < 0)
        return -1;
    /* All texts in one block: an arena aligns every allocation, and labels are many and short. */
    items = arena_calloc(a, json_object_size(map), sizeof(*items));
    next = arena_alloc(a, bytes);
    if (!items || !next)
        return err_nomem(err);
    for (void *it = json_object_iter((json_t *)map); it;
         it = json_object_iter_next((json_t *)map, it)) {
        items[count].key = key_keep(&next, json_object_iter_key(it));
        items[count].value = pack(&next, json_string_value(json_object_iter_value(it)));
        count++;
    }
    qsort(items, count, sizeof(*items), label_order);
    *ret_labels = (struct labels){.items = items, .count = count};
    return 0;
}

const char *labels_get(const struct labels *labels, const char *key)
{
    struct label wanted = {.key = key};
    const struct label *found;

    if (labels->count == 0)
        return NULL;
    found = bsearch(&wanted, labels->items, labels->count, sizeof(wanted), label_order);
    return found ? found->value : NULL;
}

bool labels_equal(const struct labels *one, const struct labels *other)
{
    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++) {
        if (strcmp(one->items[i].key, other->items[i].key) != 0 ||
            strcmp(one->items[i].value, other->items[i].value) != 0)
            return false;
    }
    return true;
}

void labels_write(struct json_build *j, const char *name, const struct labels *labels)
{
    json_open_obj(j, name);
    for (size_t i = 0; i < labels->count; i++)
        json_add_str(j, labels->items[i].key, labels->items[i].value);
    json_close_obj(j);
}

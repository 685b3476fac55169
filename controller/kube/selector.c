#include "rampart/kube/labels.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/decode.h"

#define CONTRADICTION_MAX 320 /* bytes of the text that selector_contradiction() gives */

static const char *const op_names[] = {
    [SELECTOR_IN] = "In",
    [SELECTOR_NOT_IN] = "NotIn",
    [SELECTOR_EXISTS] = "Exists",
    [SELECTOR_DOES_NOT_EXIST] = "DoesNotExist",
};

static int term_order(const void *one, const void *other)
{
    const struct selector_term *a = one;
    const struct selector_term *b = other;
    int order = strcmp(a->key, b->key);

    if (order == 0)
        order = (a->op > b->op) - (a->op < b->op);
    for (size_t i = 0; order == 0 && i < a->values_count && i < b->values_count; i++)
        order = strcmp(a->values[i], b->values[i]);
    if (order == 0)
        order = (a->values_count > b->values_count) - (a->values_count < b->values_count);
    return order;
}

/* @value NULL: the label is absent. */
static bool term_accepts(const struct selector_term *term, const char *value)
{
    switch (term->op) {
    case SELECTOR_IN:
        return value && texts_have(term->values, term->values_count, value);
    case SELECTOR_NOT_IN:
        return !value || !texts_have(term->values, term->values_count, value);
    case SELECTOR_EXISTS:
        return value;
    case SELECTOR_DOES_NOT_EXIST:
        return !value;
    }
    assert(false && "a selector operator");
    return false;
}

static int key_check(const char *key, const char *path, struct err *err)
{
    if (!label_key_is_valid(key))
        return err_set(err, ERR_INVALID,
                       "%s: \"%.*s\" is no label key; expected [prefix/]name, a name of at most 63 "
                       "letters, digits, '-', '_' and '.'",
                       path, LABEL_KEY_MAX, key);
    return 0;
}

static int value_check(const char *value, const char *path, struct err *err)
{
    if (!label_value_is_valid(value))
        return err_set(err, ERR_INVALID,
                       "%s: \"%.*s\" is no label value; expected at most %d letters, digits, '-', "
                       "'_' and '.', with a letter or digit at both ends",
                       path, LABEL_VALUE_MAX, value, LABEL_VALUE_MAX);
    return 0;
}

static int labels_to_terms(const struct labels *labels, struct arena *a,
                           struct selector_term *terms, struct err *err)
{
    for (size_t i = 0; i < labels->count; i++) {
        const char **values;

        if (key_check(labels->items[i].key, "matchLabels", err) < 0 ||
            value_check(labels->items[i].value, "matchLabels", err) < 0)
            return -1;
        values = arena_alloc(a, sizeof(*values));
        if (!values)
            return err_nomem(err);
        values[0] = labels->items[i].value;
        terms[i] = (struct selector_term){.key = labels->items[i].key,
                                          .op = SELECTOR_IN,
                                          .values = values,
                                          .values_count = 1};
    }
    return 0;
}

static int op_decode(const json_t *expression, struct arena *a, enum selector_op *ret_op,
                     struct err *err)
{
    const char *text;

    if (json_need_str(expression, "operator", 32, a, &text, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(op_names) / sizeof(op_names[0]); i++) {
        if (strcmp(text, op_names[i]) == 0) {
            *ret_op = (enum selector_op)i;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID,
                   "operator: \"%s\" is unknown; expected In, NotIn, Exists or DoesNotExist", text);
}

static int values_check(const struct selector_term *term, struct err *err)
{
    bool wants_values = term->op == SELECTOR_IN || term->op == SELECTOR_NOT_IN;

    if (wants_values && term->values_count == 0)
        return err_set(err, ERR_INVALID, "values: %s needs at least one", op_names[term->op]);
    if (!wants_values && term->values_count > 0)
        return err_set(err, ERR_INVALID, "values: %s takes none", op_names[term->op]);
    for (size_t i = 0; i < term->values_count; i++) {
        if (value_check(term->values[i], "values", err) < 0)
            return -1;
    }
    return 0;
}

static int expression_decode(const json_t *expression, struct arena *a,
                             struct selector_term *ret_term, struct err *err)
{
    struct selector_term term = {0};

    if (json_need_str(expression, "key", LABEL_KEY_MAX, a, &term.key, err) < 0 ||
        key_check(term.key, "key", err) < 0 || op_decode(expression, a, &term.op, err) < 0 ||
        json_get_strs(expression, "values", SELECTOR_VALUES_MAX, LABEL_VALUE_MAX, a, &term.values,
                      &term.values_count, err) < 0 ||
        values_check(&term, err) < 0)
        return -1;
    term.values_count = texts_sort(term.values, term.values_count);
    *ret_term = term;
    return 0;
}

/* Same terms said twice are one, so that equal selectors have equal text. */
static size_t terms_sort(struct selector_term *terms, size_t count)
{
    size_t kept = 0;

    assert(count > 0);
    qsort(terms, count, sizeof(*terms), term_order);
    for (size_t i = 1; i < count; i++) {
        if (term_order(&terms[kept], &terms[i]) != 0)
            terms[++kept] = terms[i];
    }
    return kept + 1;
}

/* Whether some value of the label, or its absence, satisfies all terms. All are about one key. */
static bool terms_can_hold(const struct selector_term *terms, size_t count)
{
    const struct selector_term *in = NULL;
    bool must_exist = false;
    bool must_be_absent = false;

    for (size_t i = 0; i < count; i++) {
        if (terms[i].op == SELECTOR_IN)
            in = &terms[i];
        must_exist = must_exist || terms[i].op == SELECTOR_IN || terms[i].op == SELECTOR_EXISTS;
        if (terms[i].op == SELECTOR_DOES_NOT_EXIST)
            must_be_absent = true;
    }
    if (must_exist && must_be_absent)
        return false;
    if (!in)
        return true; /* NotIn leaves infinitely many values */
    for (size_t v = 0; v < in->values_count; v++) {
        size_t held = 0;

        while (held < count && term_accepts(&terms[held], in->values[v]))
            held++;
        if (held == count)
            return true;
    }
    return false;
}

static void say(char *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(char *text, const char *fmt, ...)
{
    size_t len = strlen(text);
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text + len, CONTRADICTION_MAX - len, fmt, args);
    va_end(args);
}

static void say_term(char *text, const struct selector_term *term)
{
    say(text, "%s", op_names[term->op]);
    for (size_t i = 0; i < term->values_count; i++)
        say(text, "%s%s", i == 0 ? " [" : ", ", term->values[i]);
    if (term->values_count > 0)
        say(text, "]");
}

static bool is_match_label(const struct selector *selector, size_t i)
{
    const struct selector_term *term = &selector->terms[i];

    if (term->op != SELECTOR_IN || term->values_count != 1)
        return false;
    /* matchLabels holds a key once; a second term on it would be lost there. In sorts first, so all
     * terms before this one on its key are of that kind. */
    for (size_t k = i; k-- > 0 && strcmp(selector->terms[k].key, term->key) == 0;) {
        if (selector->terms[k].values_count == 1)
            return false;
    }
    return true;
}

static void term_write(struct json_build *j, const struct selector_term *term)
{
    json_open_obj(j, NULL);
    json_add_str(j, "key", term->key);
    json_add_str(j, "operator", op_names[term->op]);
    if (term->values_count > 0) {
        json_open_arr(j, "values");
        for (size_t i = 0; i < term->values_count; i++)
            json_add_str(j, NULL, term->values[i]);
        json_close_arr(j);
    }
    json_close_obj(j);
}

int selector_decode(const json_t *obj, struct arena *a, struct selector *ret_selector,
                    struct err *err)
{
    const json_t *expressions;
    struct labels labels;
    struct selector_term *terms;
    size_t count;

    assert(obj);
    if (json_typeof(obj) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "matchLabels: expected a label selector around it");
    if (labels_decode(obj, "matchLabels", a, &labels, err) < 0 ||
        json_get_arr(obj, "matchExpressions", SELECTOR_TERMS_MAX, &expressions, err) < 0)
        return -1;
    count = labels.count + json_array_size(expressions);
    if (count > SELECTOR_TERMS_MAX)
        return err_set(err, ERR_INVALID,
                       "matchLabels: with matchExpressions %zu terms, expected "
                       "at most %d",
                       count, SELECTOR_TERMS_MAX);
    if (count == 0) {
        *ret_selector = (struct selector){0};
        return 0;
    }
    terms = arena_calloc(a, count, sizeof(*terms));
    if (!terms)
        return err_nomem(err);
    if (labels_to_terms(&labels, a, terms, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(expressions); i++) {
        const json_t *expression;

        if (element_obj(expressions, i, "matchExpressions", &expression, err) < 0)
            return -1;
        if (expression_decode(expression, a, &terms[labels.count + i], err) < 0)
            return json_path_wrap_index(err, "matchExpressions", i);
    }
    *ret_selector = (struct selector){.terms = terms, .terms_count = terms_sort(terms, count)};
    return 0;
}

bool selector_matches(const struct selector *selector, const struct labels *labels)
{
    for (size_t i = 0; i < selector->terms_count; i++) {
        if (!term_accepts(&selector->terms[i], labels_get(labels, selector->terms[i].key)))
            return false;
    }
    return true;
}

const char *selector_contradiction(const struct selector *selector, struct arena *a)
{
    const struct selector_term *terms = selector->terms;

    for (size_t i = 0, end; i < selector->terms_count; i = end) {
        char text[CONTRADICTION_MAX] = "";
        const char *copy;

        end = i + 1;
        while (end < selector->terms_count && strcmp(terms[end].key, terms[i].key) == 0)
            end++;
        if (terms_can_hold(&terms[i], end - i))
            continue;
        say(text, "%s: ", terms[i].key);
        for (size_t k = i; k < end; k++) {
            say_term(text, &terms[k]);
            if (k + 1 < end)
                say(text, " and ");
        }
        copy = arena_strdup(a, text);
        /* Out of memory must not turn "none can match" into "fine". */
        return copy ? copy : "terms on one key contradict each other";
    }
    return NULL;
}

void selector_write(struct json_build *j, const char *name, const struct selector *selector)
{
    size_t match_labels = 0;

    json_open_obj(j, name);
    for (size_t i = 0; i < selector->terms_count; i++)
        match_labels += is_match_label(selector, i);
    if (match_labels < selector->terms_count) {
        json_open_arr(j, "matchExpressions");
        for (size_t i = 0; i < selector->terms_count; i++) {
            if (!is_match_label(selector, i))
                term_write(j, &selector->terms[i]);
        }
        json_close_arr(j);
    }
    if (match_labels > 0) {
        json_open_obj(j, "matchLabels");
        for (size_t i = 0; i < selector->terms_count; i++) {
            if (is_match_label(selector, i))
                json_add_str(j, selector->terms[i].key, selector->terms[i].values[0]);
        }
        json_close_obj(j);
    }
    json_close_obj(j);
}

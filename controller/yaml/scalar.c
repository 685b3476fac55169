#include "rampart/yaml/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* [-+]? [0-9]+ */
static bool is_decimal(const char *text)
{
    text += *text == '-' || *text == '+';
    return digits(text) > 0 && text[digits(text)] == '\0';
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text)
{
    size_t whole, fraction = 0;

    text += *text == '-' || *text == '+';
    whole = digits(text);
    text += whole;
    if (*text == '.') {
        fraction = digits(++text);
        text += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        if (digits(text) == 0)
            return false;
        text += digits(text);
    }
    return *text == '\0';
}

/* 0o[0-7]+ and 0x[0-9a-fA-F]+; sets the base and where the digits start. */
static bool is_octal_or_hex(const char *text, int *ret_base)
{
    const char *set = strncmp(text, "0o", 2) == 0   ? "01234567"
                      : strncmp(text, "0x", 2) == 0 ? "0123456789abcdefABCDEF"
                                                    : "";
    size_t count = *set ? strspn(text + 2, set) : 0;

    if (count == 0 || text[2 + count] != '\0')
        return false;
    *ret_base = text[1] == 'o' ? 8 : 16;
    return true;
}

static json_t *real(const char *text, struct err *err)
{
    double number = strtod(text, NULL);
    json_t *value;

    if (!isfinite(number)) {
        err_set(err, ERR_INVALID, "the number is too large");
        return NULL;
    }
    value = json_real(number);
    if (!value)
        err_nomem(err);
    return value;
}

static json_t *integer(const char *digits_at, const char *text, int base, struct err *err)
{
    long long number;
    json_t *value;

    errno = 0;
    number = strtoll(digits_at, NULL, base);
    if (errno == ERANGE && base == 10)
        return real(text, err);
    if (errno == ERANGE) {
        err_set(err, ERR_INVALID, "the number is too large");
        return NULL;
    }
    value = json_integer(number);
    if (!value)
        err_nomem(err);
    return value;
}

static bool has_leading_zero(const char *text)
{
    text += *text == '-' || *text == '+';
    return text[0] == '0' && digits(text) > 1;
}

json_t *yaml_plain_scalar(const char *text, size_t len, struct err *err)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const odd[] = {".inf",  ".Inf",  ".INF", "-.inf", "-.Inf", "-.INF", "+.inf",
                                      "+.Inf", "+.INF", ".nan", ".NaN",  ".NAN",  NULL};
    json_t *value;
    int base;

    if (is_one_of(text, nulls))
        return json_null();
    if (is_one_of(text, trues))
        return json_true();
    if (is_one_of(text, falses))
        return json_false();
    if (is_one_of(text, odd)) {
        err_set(err, ERR_INVALID, "%s has no JSON form; quote it if it is a string", text);
        return NULL;
    }
    if (is_octal_or_hex(text, &base))
        return integer(text + 2, text, base, err);
    if (is_decimal(text) && has_leading_zero(text)) {
        err_set(err, ERR_INVALID,
                "a number with a leading zero is octal to some tools; quote it or drop the zero");
        return NULL;
    }
    if (is_decimal(text))
        return integer(text, text, 10, err);
    if (is_float(text))
        return real(text, err);
    value = json_stringn_nocheck(text, len);
    if (!value)
        err_nomem(err);
    return value;
}

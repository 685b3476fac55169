#include "rampart/kube/quantity.h"

#include <stddef.h>
#include <string.h>

#define EXPONENT_MAX 30 /* beyond it no resource is meant */

static const struct suffix {
    const char *text;
    unsigned base;
    int power;
} suffixes[] = {
    {"", 10, 0},     {"n", 10, -9},   {"u", 10, -6},   {"m", 10, -3},
    {"k", 10, 3},    {"M", 10, 6},    {"G", 10, 9},    {"T", 10, 12},
    {"P", 10, 15},   {"E", 10, 18},   {"Ki", 1024, 1}, {"Mi", 1024, 2},
    {"Gi", 1024, 3}, {"Ti", 1024, 4}, {"Pi", 1024, 5}, {"Ei", 1024, 6},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static long double scaled(long double amount, unsigned base, int power)
{
    for (; power > 0; power--)
        amount *= base;
    for (; power < 0; power++)
        amount /= base;
    return amount;
}

/* "e3", "E-3". */
static bool exponent_read(const char *text, int *ret_power)
{
    bool is_negative = text[1] == '-';
    const char *at = text + 1 + (is_negative || text[1] == '+');
    int power = 0;

    if ((*text != 'e' && *text != 'E') || !is_digit(*at))
        return false;
    for (; is_digit(*at) && power <= EXPONENT_MAX; at++)
        power = power * 10 + (*at - '0');
    *ret_power = is_negative ? -power : power;
    return *at == '\0' && power <= EXPONENT_MAX;
}

static bool scale_read(const char *text, unsigned *ret_base, int *ret_power)
{
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (strcmp(text, suffixes[i].text) == 0) {
            *ret_base = suffixes[i].base;
            *ret_power = suffixes[i].power;
            return true;
        }
    }
    *ret_base = 10;
    return exponent_read(text, ret_power);
}

bool quantity_read(const char *text, long double *ret_amount)
{
    long double amount = 0;
    size_t digits = 0;
    int after_point = 0;
    unsigned base;
    int power;

    if (*text == '+')
        text++;
    for (; is_digit(*text); text++, digits++)
        amount = amount * 10 + (*text - '0');
    if (*text == '.') {
        for (text++; is_digit(*text); text++, digits++, after_point++)
            amount = amount * 10 + (*text - '0');
    }
    if (digits == 0 || !scale_read(text, &base, &power))
        return false;
    *ret_amount = scaled(scaled(amount, base, power), 10, -after_point);
    return true;
}

#include "rampart/kube/rv.h"

#include <stdbool.h>
#include <string.h>

/* A decimal number without leading zeros, as KEP-5504 has it: "0" is a word of the list options and
 * no version. */
static bool is_number(const char *rv)
{
    size_t len = strlen(rv);

    return len > 0 && rv[0] != '0' && strspn(rv, "0123456789") == len;
}

enum rv_order rv_compare(const char *one, const char *other)
{
    size_t one_len = strlen(one);
    size_t other_len = strlen(other);
    int order;

    if (!is_number(one) || !is_number(other))
        return RV_UNKNOWN;
    if (one_len != other_len)
        return one_len < other_len ? RV_OLDER : RV_NEWER;
    order = strcmp(one, other);
    if (order == 0)
        return RV_EQUAL;
    return order < 0 ? RV_OLDER : RV_NEWER;
}

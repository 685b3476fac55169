#include "name.h"

#include <string.h>

#include "escape.h"

void name_clear(struct member_name *n)
{
    n->len = 0;
    n->is_too_long = false;
    n->is_plain = false;
}

void name_add(struct member_name *n, const char *bytes, size_t len)
{
    if (n->is_too_long || len > sizeof(n->text) - n->len) {
        n->is_too_long = true;
        return;
    }
    memcpy(n->text + n->len, bytes, len);
    n->len += len;
}

bool name_is_any(const struct projection *node)
{
    return node->name[0] == '*' && node->name[1] == '\0';
}

static bool is_equal(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

const struct projection *name_find_plain(const char *text, size_t len,
                                         const struct projection *nodes)
{
    for (const struct projection *node = nodes; node->name; node++)
        if (is_equal(node->name, text, len) || name_is_any(node))
            return node;
    return NULL;
}

const struct projection *name_find(struct member_name *n, const struct projection *nodes)
{
    if (!n->is_plain && !n->is_too_long && !json_unescape(n->text, n->len, n->text, &n->len))
        n->is_too_long = true; /* as good as: no name of a projection */
    n->is_plain = true;
    if (!n->is_too_long)
        return name_find_plain(n->text, n->len, nodes);
    for (const struct projection *node = nodes; node->name; node++)
        if (name_is_any(node))
            return node;
    return NULL;
}

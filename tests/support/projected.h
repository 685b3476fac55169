/*
 * What a projection keeps of a tree, computed without a slice: the witness that the slice is held
 * against. A header of its own, for the fuzzers link no other support.
 */
#ifndef TESTS_SUPPORT_PROJECTED_H
#define TESTS_SUPPORT_PROJECTED_H

#include <jansson.h>
#include <string.h>

#include "rampart/json/slice.h"

static inline const struct projection *projected_node(const struct projection *nodes,
                                                      const char *name, size_t len)
{
    for (; nodes->name; nodes++)
        if (strcmp(nodes->name, "*") == 0 ||
            (strlen(nodes->name) == len && memcmp(nodes->name, name, len) == 0))
            return nodes;
    return NULL;
}

/* The caller owns it. @keep NULL keeps all. */
static inline json_t *projected(const json_t *value, const struct projection *keep)
{
    json_t *result, *element;
    const char *name;
    size_t i, len;

    if (!keep || (!json_is_object(value) && !json_is_array(value)))
        return json_deep_copy(value);
    if (json_is_array(value)) {
        result = json_array();
        json_array_foreach((json_t *)value, i, element)
            json_array_append_new(result, projected(element, keep));
        return result;
    }
    result = json_object();
    json_object_keylen_foreach((json_t *)value, name, len, element)
    {
        const struct projection *node = projected_node(keep, name, len);

        if (node)
            json_object_setn_new_nocheck(result, name, len, projected(element, node->children));
    }
    return result;
}

#endif

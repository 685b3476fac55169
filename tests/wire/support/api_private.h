/* What the two halves of the little API server know of each other: objects and requests. */
#ifndef TESTS_WIRE_SUPPORT_API_PRIVATE_H
#define TESTS_WIRE_SUPPORT_API_PRIVATE_H

#include "wire/support/api.h"

/* Takes @json; gives it a resourceVersion, and a uid if it has none. */
struct api_object *api_store(struct api *api, enum kind kind, json_t *json);
/* Stamps a change with the next version, writes it down and tells whoever watches. */
void api_tell(struct api *api, struct api_object *o, const char *type);
void api_remove(struct api *api, struct api_object *o);
void api_merge(json_t *to, json_t *patch);                       /* RFC 7386 */
const char *api_text_of(const json_t *json, const char *member); /* of metadata; "" without */
unsigned api_version(const struct api *api, const struct api_object *o);
/* Those of @kind from @after on, in the order of namespace and name; NULL: no more. */
struct api_object *api_next(struct api *api, enum kind kind, const struct api_object *after);

#endif

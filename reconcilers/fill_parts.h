/*
 * What the patch and the YAML of a fill have in common: the pod template's spec with the leaves
 * that are filled in. Internal to reconcilers/fill_*.c.
 */
#ifndef RAMPART_RECONCILERS_FILL_PARTS_H
#define RAMPART_RECONCILERS_FILL_PARTS_H

#include "rampart/reconcilers/fill.h"

#define FILL_TEXT_LEN_MAX (4u * 1024 * 1024) /* bytes of a patch; the API server takes 3 MiB */

/*
 * Member "spec" of the workload, down to the template's own; of a Pod, which only a finding is
 * about, its own. @key NULL: without the annotation on
 * the template. @is_patch: with $setElementOrder before each list that has something.
 */
void fill_parts_write(struct json_build *j, const struct workload_facts *w, const struct fill *fill,
                      const char *key, bool is_patch);

/* Copies the text to the arena. @what is named in the error: ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int fill_text_keep(const struct strbuf *text, const char *what, struct arena *a,
                              const char **ret_text, struct err *err);

#endif

/* Labels and label selectors with all operators, as metav1.LabelSelector means them. */
#ifndef RAMPART_KUBE_LABELS_H
#define RAMPART_KUBE_LABELS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"
#include "rampart/json/build.h"

#define LABEL_KEY_MAX 317 /* prefix of 253, slash, name of 63 */
#define LABEL_VALUE_MAX 63
#define LABELS_MAX 1024 /* labels of one object; the API server bounds only their bytes */
#define SELECTOR_TERMS_MAX 64
#define SELECTOR_VALUES_MAX 64

struct label {
    const char *key;   /* arena */
    const char *value; /* arena */
};

struct labels {
    const struct label *items; /* sorted by key */
    size_t count;
};

enum selector_op { SELECTOR_IN = 0, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_DOES_NOT_EXIST };

struct selector_term {
    const char *key;
    enum selector_op op;
    const char **values; /* sorted */
    size_t values_count;
};

/* matchLabels become In terms of one value. No terms matches everything. Terms are sorted by key,
 * op, values. */
struct selector {
    const struct selector_term *terms;
    size_t terms_count;
};

bool label_key_is_valid(const char *key);     /* [subdomain/]name as the API server checks it */
bool label_value_is_valid(const char *value); /* "" is one */

/*
 * A label by which a GitOps tool takes an object for one of its own and prunes it: Argo CD's
 * (resource tracking, with the instance label), Flux' (kustomize and helm controllers).
 */
bool label_is_claim(const char *key);

/* Reads member @name ("labels", "selector") of @obj, a map of strings; absent: empty. ERR_INVALID:
 * more than LABELS_MAX, or a text over its ceiling; the characters are not checked, the API server
 * did. */
MUST_CHECK int labels_decode(const json_t *obj, const char *name, struct arena *a,
                             struct labels *ret_labels, struct err *err);
const char *labels_get(const struct labels *labels, const char *key); /* NULL when absent */
bool labels_equal(const struct labels *one, const struct labels *other);

/* @obj is the LabelSelector itself, never NULL. ERR_INVALID names the term: an unknown operator, In
 * without values, Exists with values, a key or value that is no label. */
MUST_CHECK int selector_decode(const json_t *obj, struct arena *a, struct selector *ret_selector,
                               struct err *err);
bool selector_matches(const struct selector *selector, const struct labels *labels);

/* NULL when some labels can match, else a text that says why none can ("team: In [a] and NotIn
 * [a]"): contradicting terms on one key. */
const char *selector_contradiction(const struct selector *selector, struct arena *a);

/* {"matchExpressions":[{"key","operator","values"}],"matchLabels":{..}}: single-value In terms as
 * matchLabels, empty members left out. Equal selectors give equal text, and it is canonical
 * (json_canonical() gives the same). */
void selector_write(struct json_build *j, const char *name, const struct selector *selector);
void labels_write(struct json_build *j, const char *name, const struct labels *labels);

#endif

/*
 * Typed reads of parsed JSON, each with a path in its error.
 *
 * Everything that comes from a server or a user is decoded here: unknown members are ignored, a
 * wrong type is an error that names the path ("spec.network.allow.to[2].ports[0].port: expected an
 * integer 1..65535"). Absent and null are the same, as in the Kubernetes API. Only json/ and kube/
 * (and reconcilers through them) touch jansson.
 */
#ifndef RAMPART_JSON_GET_H
#define RAMPART_JSON_GET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"
#include "rampart/json/decode.h"

/* Member @name of @obj, whatever it is, borrowed; NULL when it is absent or null, or @obj is NULL
 * or no object. */
const json_t *json_member(const json_t *obj, const char *name);

/*
 * Each getter reads member @name of object @obj; @obj NULL counts as absent. The error names the
 * member only; callers put the path in front with err_wrap() or json_path_wrap(). Strings are
 * copied to the arena; longer than @len_max is ERR_INVALID.
 */
MUST_CHECK int json_get_str(const json_t *obj, const char *name, size_t len_max, struct arena *a,
                            const char **ret_text, struct err *err); /* absent: NULL */
MUST_CHECK int json_need_str(const json_t *obj, const char *name, size_t len_max, struct arena *a,
                             const char **ret_text, struct err *err); /* absent, "": ERR_INVALID */
MUST_CHECK int json_get_int(const json_t *obj, const char *name, int64_t min, int64_t max,
                            int64_t absent, int64_t *ret_number, struct err *err);
MUST_CHECK int json_get_bool(const json_t *obj, const char *name, bool absent, bool *ret_flag,
                             struct err *err);
/* Borrowed from @obj; NULL when absent. */
MUST_CHECK int json_get_obj(const json_t *obj, const char *name, const json_t **ret_obj,
                            struct err *err);
/* Borrowed from @obj; NULL when absent; more than @count_max elements is ERR_INVALID. */
MUST_CHECK int json_get_arr(const json_t *obj, const char *name, size_t count_max,
                            const json_t **ret_arr, struct err *err);
/* All elements must be strings. absent: count 0. */
MUST_CHECK int json_get_strs(const json_t *obj, const char *name, size_t count_max, size_t len_max,
                             struct arena *a, const char ***ret_texts, size_t *ret_count,
                             struct err *err);

/*
 * Puts "name." or "name[i]." in front of the message; returns -1. A message that starts with ':' or
 * '[' is about the value itself: err_set(err, ERR_INVALID, ": expected an object") becomes
 * "name[i]: expected an object". When both do not fit, the message stays as it was.
 */
int json_path_wrap(struct err *err, const char *name);
int json_path_wrap_index(struct err *err, const char *name, size_t index);

#ifdef __clang_analyzer__ /* see base/err.h */
#define json_path_wrap(...) ((void)json_path_wrap(__VA_ARGS__), -1)
#define json_path_wrap_index(...) ((void)json_path_wrap_index(__VA_ARGS__), -1)
#endif

#endif

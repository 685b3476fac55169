/*
 * What the decoders of object_decode() share, and the decoders themselves, one file a kind family.
 *
 * Every decoder takes one projected object, keeps nothing outside @a, allocates there in the same
 * order for the same input, and returns 0, or -1 with ERR_INVALID (the message starts with the
 * path) or ERR_NOMEM. Of the kinds that tenants write (NetworkPolicy, Service, EndpointSlice) only
 * wrong metadata is ERR_INVALID: an object that does not decode keeps its old facts in the cache,
 * and whoever could bring that about could freeze what Rampart sees. What is odd in them is left
 * out, see object.h. Those with @ret_result set it to DECODE_SKIP and *ret_object to NULL when
 * nothing in the object concerns us.
 */
#ifndef RAMPART_KUBE_DECODE_H
#define RAMPART_KUBE_DECODE_H

#include "rampart/kube/object.h"

#define TIME_LEN_MAX 64            /* RFC 3339 as the server writes it is shorter */
#define SERVICE_CLUSTER_IPS_MAX 16 /* two families today */
#define IP_LEN_MAX 64              /* text of an address */

/*
 * metadata of @root into @ret_object. A name is a path segment as the API server demands it: not
 * empty, "." or
 * "..", without '/' and '%'; a namespaced kind has a namespace. uid and resourceVersion may be
 * absent: "".
 */
MUST_CHECK int meta_decode(enum kind kind, const json_t *root, struct arena *a,
                           struct object *ret_object, struct err *err);

/* Like json_get_str() without a copy: borrowed from @obj, for texts that are compared and not kept.
 */
MUST_CHECK int member_text(const json_t *obj, const char *name, const char **ret_text,
                           struct err *err);
/* Like json_get_str(), but what is no text, or one over @len_max bytes, counts as absent: for what
 * a tenant may write into an object that has to be read all the same. ERR_NOMEM. */
MUST_CHECK int text_keep(const json_t *obj, const char *name, size_t len_max, struct arena *a,
                         const char **ret_text, struct err *err);
/* Element @i of @arr, which has as many and must be an object; the error names "@name[@i]". */
MUST_CHECK int element_obj(const json_t *arr, size_t i, const char *name, const json_t **ret_obj,
                           struct err *err);
/* Member "protocol" of a port: TCP, UDP or SCTP, TCP when absent. */
MUST_CHECK int protocol_decode(const json_t *port, enum protocol *ret_protocol, struct err *err);
/* Sorts and drops doubles; returns how many are left. */
size_t texts_sort(const char **texts, size_t count);
/* Whether the sorted @texts have @text. */
bool texts_have(const char *const *texts, size_t count, const char *text);

/*
 * Whether a rule of @rules, the egress of a NetworkPolicy, lets pods through to port 80 of the
 * addresses where clouds hand out credentials (metadata_cidrs). What cannot be judged does.
 */
bool egress_reaches_metadata(const json_t *rules);

MUST_CHECK int namespace_decode(const json_t *root, struct arena *a, struct object **ret_object,
                                struct err *err);
MUST_CHECK int netpol_decode(const json_t *root, struct arena *a, struct object **ret_object,
                             struct err *err);
MUST_CHECK int service_decode(const json_t *root, struct arena *a, struct object **ret_object,
                              struct err *err);
MUST_CHECK int slice_facts_decode(const json_t *root, struct arena *a, struct object **ret_object,
                                  struct err *err);
/* Webhook configurations, APIServices and CRDs. */
MUST_CHECK int hook_decode(enum kind kind, const json_t *root, struct arena *a,
                           enum decode_result *ret_result, struct object **ret_object,
                           struct err *err);

/* Whatever is odd is left out. ERR_INVALID (metadata), ERR_NOMEM. */
MUST_CHECK int ingress_decode(const json_t *root, struct arena *a, struct object **ret_object,
                              struct err *err);

/*
 * Whom Prometheus scrapes by the annotations that its example configuration reads:
 * prometheus.io/port where prometheus.io/scrape is "true", "" where that states no port number;
 * NULL: it does not. ERR_NOMEM.
 */
MUST_CHECK int scrape_decode(const json_t *annotations, struct arena *a, const char **ret_port,
                             struct err *err);

#endif

/*
 * Compact cache of one kind: one exact block an object (see kube/object.h), by (namespace, name),
 * indexed by namespace. A full sync stamps what it sees with a generation and sweeps the rest at
 * its end: until then readers see old and new together, never less. An object whose resourceVersion
 * did not change keeps its block.
 *
 * Two sources write. The informer tells what list and watch say, in the server's order. The applier
 * tells the answers to our own writes, which are often ahead of the watch: such an object stays
 * until the watch has caught up with its resourceVersion (rv.h), and an answer that the watch has
 * already overtaken is dropped, or it would bring back what was changed or deleted since. Apart
 * from that the server's last word holds, also when its resourceVersions went back (an etcd
 * restored from a backup).
 *
 * Readers allocate nothing for a look-up. What is not an object that we understand never removes
 * anything.
 */
#ifndef RAMPART_SYNC_STORE_H
#define RAMPART_SYNC_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/kube/object.h"
#include "rampart/kube/view.h"

#define STORE_OBJECTS_MAX 500000
#define STORE_OBJECT_LEN_MAX \
    (1024u * 1024) /* bytes of one compact object; a larger one is ERR_INVALID */
/* Tenants make as many NetworkPolicies as they like. No policy reaches it: its decoder bounds what
 * it keeps of one. */
#define STORE_NETPOL_LEN_MAX (128u * 1024)

struct store;

/*
 * @before NULL: added; @after NULL: gone. Both valid for the call; the store already shows @after.
 * May read any store, must not write to one.
 */
typedef void (*store_change_fn)(void *ctx, const struct object *before, const struct object *after);

/* @on_change NULL: nobody is told. Errors: ERR_NOMEM. */
MUST_CHECK struct store *store_new(enum kind kind, size_t objects_max, store_change_fn on_change,
                                   void *ctx, struct err *err);
void store_free(struct store *s); /* calls nobody; NULL is fine */

/* A sync that failed half-way is simply begun again. */
void store_begin_sync(struct store *s);
/*
 * The sync saw everything as of resourceVersion @rv: deletes (with on_change) what was not observed
 * since store_begin_sync(), but for answers to our writes newer than @rv. Where an object came by
 * that did not even tell its name, nothing is deleted: the absent one might be it.
 */
void store_end_sync(struct store *s, const char *rv);

/*
 * One projected object of a list or of an ADDED or MODIFIED event. Decodes, replaces, calls
 * on_change unless the resourceVersion is the one we have. Errors: ERR_INVALID (what we had stays,
 * also over the end of this sync; skip it and count it), ERR_NOMEM, ERR_LIMIT: the caller must sync
 * again.
 */
MUST_CHECK int store_observe(struct store *s, const json_t *root, struct err *err);
/* Something came that is no object or does not tell its name: this sync will not sweep. */
void store_observe_unreadable(struct store *s);
/* The object of a DELETED event: removes by name if the uid is the one we hold and ours is not
 * newer. Errors: ERR_INVALID, ERR_NOMEM. */
MUST_CHECK int store_observe_deleted(struct store *s, const json_t *root, struct err *err);

/*
 * The answer to a write of ours: the whole object as JSON text. Readers see it at once. Errors as
 * store_observe(), and all are harmless: the watch will bring it.
 */
MUST_CHECK int store_put(struct store *s, const char *json, size_t len, struct err *err);
/* The server said 404 for it, or 200 to its deletion. uid NULL: whatever uid we hold. */
void store_delete(struct store *s, const char *ns, const char *name, const char *uid);

const struct object *store_get(const struct store *s, const char *ns,
                               const char *name); /* NULL when absent */
/* Sorted by object_order(); @ns NULL: all. Takes time for what it gives, not for what is there.
 * Errors: ERR_NOMEM. */
MUST_CHECK int store_list(const struct store *s, const char *ns, struct arena *a,
                          struct object_list *ret_list, struct err *err);
size_t store_count(const struct store *s);
size_t
store_bytes(const struct store *s); /* of the blocks and the index, without the allocator's own */
bool store_is_syncing(const struct store *s);

#endif

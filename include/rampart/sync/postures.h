/*
 * What the rules said of each object, and all of it added up by profile: a record of 56 bytes an
 * object, and sums that follow by difference, so that a status costs nothing to count.
 */
#ifndef RAMPART_SYNC_POSTURES_H
#define RAMPART_SYNC_POSTURES_H

#include "rampart/base/map.h"
#include "rampart/kube/object.h"
#include "rampart/kube/posture.h"

#define POSTURES_MAX 500000 /* objects */
/* "<namespace>/<name>/<plural>"; of a Namespace the first part is empty. */
#define POSTURE_KEY_LEN_MAX (NAME_LEN_MAX + 1 + NAME_LEN_MAX + 1 + 64)

struct posture_profile;

struct posture_record {
    struct posture_profile *profile; /* owned by the profiles below, counted */
    uint64_t passing, failing, error, exempt, drift;
    uint8_t state; /* enum posture_state */
    bool is_workload;
};

struct postures {
    struct map records;  /* by key; the values are owned */
    struct map profiles; /* by name; those that decide about at least one object; owned */
};

void postures_init(struct postures *p, size_t count_max);
void postures_done(struct postures *p);

/* False: longer than the names of any object can be. */
MUST_CHECK bool posture_key(char ret_key[POSTURE_KEY_LEN_MAX + 1], const struct object *object);
/* Byte-wise order of (namespace, name, plural). */
int posture_key_order(const char *one, const char *other);
/* Puts @key in its place among the *count keys, of which the first @count_max in order are kept.
 * True: one was left out. */
bool posture_keys_keep(const char **keys, size_t *count, size_t count_max, const char *key);

/* Who decided; NULL: nothing is kept of the object. */
const char *postures_profile(const struct postures *p, const char *key);
const struct posture_record *postures_get(const struct postures *p, const char *key);
bool postures_differ(const struct postures *p, const char *key, const struct posture *posture);
/* POSTURE_NONE is not kept. ERR_NOMEM, ERR_LIMIT: then all is as before. */
MUST_CHECK int postures_put(struct postures *p, const char *key, const struct posture *posture,
                            struct err *err);
/* It could not be evaluated: at least it does not count as compliant. */
void postures_doubt(struct postures *p, const char *key);
void postures_forget(struct postures *p, const char *key);

size_t postures_count(const struct postures *p);
void postures_tally(const struct postures *p, const char *profile,
                    struct posture_tally *ret_tally); /* all zero: it decides about nothing */
void posture_tally_add(struct posture_tally *tally, const struct posture *posture);

/*
 * Keys of what is POSTURE_DRIFTED or POSTURE_FAILED under the profile, in order: the first
 * @count_max. *ret_keys has room for so many; they are borrowed until the next change. True: there
 * are more.
 */
bool postures_drifted(const struct postures *p, const char *profile, const char **ret_keys,
                      size_t count_max, size_t *ret_count);

#endif

/*
 * How many deletions that no change of a profile explains may happen in a minute:
 * MANAGER_DELETES_FREE, or MANAGER_DELETES_PERCENT of what is ours, whichever is more. Labels that
 * vanish by mistake must not take every policy along. A sliding minute in buckets of a second.
 * Pure; time is a parameter.
 */
#ifndef RAMPART_SYNC_DELETE_BUDGET_H
#define RAMPART_SYNC_DELETE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DELETE_BUDGET_SECONDS 60

struct delete_budget {
    uint32_t counts[DELETE_BUDGET_SECONDS]; /* deletions of one second each, by second modulo */
    uint64_t last_s;                        /* the newest second in @counts */
    uint64_t total;                         /* of @counts */
    size_t free_max;                        /* deletions a minute that are always fine */
    unsigned percent;                       /* of what is ours */
};

void delete_budget_init(struct delete_budget *b, size_t free_max, unsigned percent);
/* Takes one when there is one left. @ours_count: objects of ours that there are now, not those
 * deleted before. */
bool delete_budget_take(struct delete_budget *b, size_t ours_count, uint64_t now_ms);

#endif

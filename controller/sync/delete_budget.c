#include "rampart/sync/delete_budget.h"

#include <assert.h>
#include <string.h>

void delete_budget_init(struct delete_budget *b, size_t free_max, unsigned percent)
{
    assert(percent <= 100);
    *b = (struct delete_budget){.free_max = free_max, .percent = percent};
}

/* Forgets the seconds that have left the minute. */
static void slide(struct delete_budget *b, uint64_t now_s)
{
    if (now_s <= b->last_s)
        return;
    if (now_s - b->last_s >= DELETE_BUDGET_SECONDS) {
        memset(b->counts, 0, sizeof(b->counts));
        b->total = 0;
        b->last_s = now_s;
        return;
    }
    while (b->last_s < now_s) {
        uint32_t *count = &b->counts[++b->last_s % DELETE_BUDGET_SECONDS];

        assert(b->total >= *count);
        b->total -= *count;
        *count = 0;
    }
}

bool delete_budget_take(struct delete_budget *b, size_t ours_count, uint64_t now_ms)
{
    uint64_t limit;

    slide(b, now_ms / 1000);
    /* Of what there was before the minute began: the limit does not shrink while we delete. */
    limit = ((uint64_t)ours_count + b->total) * b->percent / 100;
    if (limit < b->free_max)
        limit = b->free_max;
    if (b->total >= limit)
        return false;
    b->counts[b->last_s % DELETE_BUDGET_SECONDS]++;
    b->total++;
    return true;
}

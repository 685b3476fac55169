#include "rampart/reconcilers/rollout_planner.h"

#include <stdlib.h>
#include <string.h>

enum harden_state planner_state(const struct rollout_mark *mark, const char *profile,
                                int64_t profile_generation, enum rollout_reason reason)
{
    bool is_current =
        mark && strcmp(mark->profile, profile) == 0 && mark->generation == profile_generation;

    if (reason == ROLLOUT_WAITS_FOR_TURN)
        return HARDEN_WAITS;
    if (mark && (mark->phase == ROLLOUT_PROVING || mark->phase == ROLLOUT_TAKEN_BACK))
        return HARDEN_RUNS; /* whoever began it, it is a rollout that runs */
    if (is_current && mark->phase == ROLLOUT_PROVEN)
        return HARDEN_PROVEN;
    if (is_current && (mark->phase == ROLLOUT_REVERTED || mark->phase == ROLLOUT_KEPT ||
                       mark->phase == ROLLOUT_LEFT))
        return HARDEN_FAILED;
    if (reason == ROLLOUT_IS_CONTESTED)
        return HARDEN_CONTESTED;
    return HARDEN_IDLE;
}

static int32_t replicas_of(const struct harden_item *item)
{
    return OBJECT_AS(workload_facts, item->workload)->replicas;
}

static int item_order(const void *one, const void *other)
{
    const struct harden_item *a = one, *b = other;

    if (a->is_idle != b->is_idle)
        return a->is_idle ? 1 : -1;
    if (replicas_of(a) != replicas_of(b))
        return replicas_of(a) < replicas_of(b) ? -1 : 1;
    if (object_order(a->workload, b->workload) != 0)
        return object_order(a->workload, b->workload);
    return (int)a->workload->kind - (int)b->workload->kind;
}

static void count_items(const struct harden_item *items, size_t count, struct harden_turns *turns,
                        uint32_t *ret_waiting_idle)
{
    *ret_waiting_idle = 0;
    for (size_t i = 0; i < count; i++) {
        turns->running += items[i].state == HARDEN_RUNS && !items[i].is_idle;
        turns->waiting += items[i].state == HARDEN_WAITS;
        turns->proven += items[i].state == HARDEN_PROVEN;
        turns->failed += items[i].state == HARDEN_FAILED;
        turns->contested += items[i].state == HARDEN_CONTESTED;
        *ret_waiting_idle += items[i].state == HARDEN_WAITS && items[i].is_idle;
    }
}

static void give_turns(struct harden_item *items, size_t count, size_t concurrent_max,
                       const struct harden_turns *turns, uint32_t waiting_idle)
{
    size_t running = turns->running;
    bool is_idle_time = turns->waiting == waiting_idle; /* they are last */

    for (size_t i = 0; i < count; i++) {
        if (items[i].state != HARDEN_WAITS)
            continue;
        if (items[i].is_idle) {
            items[i].has_turn = is_idle_time;
        } else if (running < concurrent_max) {
            items[i].has_turn = true;
            running++;
        }
    }
}

int rollout_plan(struct harden_item *items, size_t count, const struct workloads_section *section,
                 const char *profile, struct arena *a, struct harden_turns *ret_turns,
                 struct err *err)
{
    struct harden_turns turns = {.message = ""};
    uint32_t waiting_idle;

    count_items(items, count, &turns, &waiting_idle);
    turns.is_paused = turns.failed >= PLANNER_FAILURES_MIN &&
                      (uint64_t)turns.failed * 100 >
                          (uint64_t)section->failures_percent_max * (turns.failed + turns.proven);
    if (turns.is_paused) {
        turns.message =
            arena_printf(a,
                         "%u of %u rollouts of profile %s failed, more than %u %%: it fills in "
                         "nothing more until the profile is changed",
                         turns.failed, turns.failed + turns.proven, profile,
                         (unsigned)section->failures_percent_max);
        if (!turns.message)
            return err_nomem(err);
    }
    if (count)
        qsort(items, count, sizeof(*items), item_order);
    for (size_t i = 0; i < count; i++)
        items[i].has_turn = false;
    if (!turns.is_paused)
        give_turns(items, count, section->concurrent_max, &turns, waiting_idle);
    *ret_turns = turns;
    return 0;
}

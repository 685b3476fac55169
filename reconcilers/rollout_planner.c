#include "rampart/reconcilers/rollout_planner.h"

#include <stdlib.h>
#include <string.h>

enum planner_state planner_state(const struct rollout_mark *mark, const char *profile,
                                 int64_t profile_generation, enum rollout_reason reason)
{
    bool is_current =
        mark && strcmp(mark->profile, profile) == 0 && mark->generation == profile_generation;

    if (reason == ROLLOUT_WAITS_FOR_TURN)
        return PLANNER_WAITS;
    if (mark && mark->phase == ROLLOUT_PROVING)
        return PLANNER_RUNS; /* whoever began it, it is a rollout that runs */
    if (is_current && mark->phase == ROLLOUT_PROVEN)
        return PLANNER_PROVEN;
    if (is_current && (mark->phase == ROLLOUT_REVERTED || mark->phase == ROLLOUT_KEPT))
        return PLANNER_FAILED;
    return PLANNER_NOTHING;
}

static int item_order(const void *one, const void *other)
{
    const struct planner_item *a = one, *b = other;

    if (a->is_idle != b->is_idle)
        return a->is_idle ? 1 : -1;
    if (a->workload->replicas != b->workload->replicas)
        return a->workload->replicas < b->workload->replicas ? -1 : 1;
    return object_order(&a->workload->object, &b->workload->object);
}

static void count_items(const struct planner_item *items, size_t count, struct rollout_turns *turns,
                        size_t *ret_waiting_idle)
{
    *ret_waiting_idle = 0;
    for (size_t i = 0; i < count; i++) {
        turns->running += items[i].state == PLANNER_RUNS && !items[i].is_idle;
        turns->waiting += items[i].state == PLANNER_WAITS;
        turns->proven += items[i].state == PLANNER_PROVEN;
        turns->failed += items[i].state == PLANNER_FAILED;
        *ret_waiting_idle += items[i].state == PLANNER_WAITS && items[i].is_idle;
    }
}

static void give_turns(struct planner_item *items, size_t count, size_t concurrent_max,
                       const struct rollout_turns *turns, size_t waiting_idle)
{
    size_t running = turns->running;
    bool is_idle_time = turns->waiting == waiting_idle; /* they are last */

    for (size_t i = 0; i < count; i++) {
        if (items[i].state != PLANNER_WAITS)
            continue;
        if (items[i].is_idle) {
            items[i].has_turn = is_idle_time;
        } else if (running < concurrent_max) {
            items[i].has_turn = true;
            running++;
        }
    }
}

int rollout_plan(struct planner_item *items, size_t count, const struct workloads_section *section,
                 const char *profile, struct arena *a, struct rollout_turns *ret_turns,
                 struct err *err)
{
    struct rollout_turns turns = {.message = ""};
    size_t waiting_idle;

    count_items(items, count, &turns, &waiting_idle);
    turns.is_paused =
        turns.failed >= PLANNER_FAILURES_MIN &&
        turns.failed * 100 > section->failures_percent_max * (turns.failed + turns.proven);
    if (turns.is_paused) {
        turns.message =
            arena_printf(a,
                         "%zu of %zu rollouts of profile %s failed, more than %u %%: it fills in "
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

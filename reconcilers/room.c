#include "rampart/reconcilers/room.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/quantity.h"

#define CPU (HAS_CPU_REQUEST | HAS_CPU_LIMIT)
#define MEMORY (HAS_MEMORY_REQUEST | HAS_MEMORY_LIMIT)
#define ROUNDING 1e-9L

/* ---- LimitRanges ---- */

void room_limit_range(struct room *room, const json_t *root)
{
    static const char *const members[] = {"default", "defaultRequest", "max", "min",
                                          "maxLimitRequestRatio"};
    const json_t *limits = json_member(json_member(root, "spec"), "limits");

    if (json_member(root, OBJECT_CUT))
        room->given |= CPU | MEMORY;
    for (size_t i = 0; i < json_array_size(limits); i++) {
        const json_t *item = json_array_get(limits, i);
        const char *type = json_string_value(json_member(item, "type"));

        if (type && strcmp(type, "PersistentVolumeClaim") == 0)
            continue;
        for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++) {
            const json_t *amounts = json_member(item, members[k]);

            if (json_member(amounts, "cpu"))
                room->given |= CPU;
            if (json_member(amounts, "memory"))
                room->given |= MEMORY;
        }
    }
}

/* ---- Quotas ---- */

static long double amount_of(const json_t *amounts, const char *name, long double absent)
{
    const json_t *value = json_member(amounts, name);
    const char *text = json_string_value(value);
    long double amount;

    if (!value)
        return absent;
    return text && quantity_read(text, &amount) ? amount : -1;
}

/* A quota that cannot be read leaves nothing. */
static void read_hard(struct room *room, const json_t *hard, const json_t *used, const char *name,
                      size_t flag)
{
    long double limit, taken, left;

    if (hard && !json_member(hard, name))
        return;
    limit = amount_of(hard, name, -1);
    taken = amount_of(used, name, 0);
    left = limit < 0 || taken < 0 || taken > limit ? 0 : limit - taken;
    if (!room->has_quota[flag] || left < room->left[flag])
        room->left[flag] = left;
    room->has_quota[flag] = true;
}

void room_quota(struct room *room, const json_t *root)
{
    static const struct {
        const char *name;
        size_t flag; /* bit */
    } bounds[] = {{"cpu", 0},        {"requests.cpu", 0}, {"memory", 1}, {"requests.memory", 1},
                  {"limits.cpu", 2}, {"limits.memory", 3}};
    const json_t *status = json_member(root, "status");
    const json_t *hard = json_member(status, "hard");

    if (!hard) /* not counted yet */
        hard = json_member(json_member(root, "spec"), "hard");
    if (!hard && !json_member(root, OBJECT_CUT))
        return; /* it bounds nothing */
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
        read_hard(room, hard, json_member(status, "used"), bounds[i].name, bounds[i].flag);
}

/* ---- Autoscalers ---- */

static bool has_text(const json_t *obj, const char *name, const char *text)
{
    const char *value = json_string_value(json_member(obj, name));

    return value && strcmp(value, text) == 0;
}

void room_autoscaler(struct room *room, const struct workload_facts *w, const json_t *root)
{
    const json_t *spec = json_member(root, "spec");
    const json_t *target = json_member(spec, "targetRef");

    if (json_member(root, OBJECT_CUT) ||
        (has_text(target, "kind", resource_of(w->object.kind)->name) &&
         has_text(target, "name", w->object.name) &&
         !has_text(json_member(spec, "updatePolicy"), "updateMode", "Off")))
        room->given |= CPU | MEMORY;
}

/* ---- What must not be filled in ---- */

static long double stated(const char *text)
{
    long double amount;

    return text && quantity_read(text, &amount) ? amount : 0;
}

/* Tenths of a processor have no exact value: six times 100m may come out above 600m. */
static bool has_room(const struct room *room, size_t flag, long double needed)
{
    return !room->has_quota[flag] || needed * (1 - ROUNDING) <= room->left[flag];
}

/* Of one resource; @request is the bit of its flag, and that of its limit stands two further. */
static unsigned over_quota(const struct room *room, const struct workload_facts *w,
                           const struct fill *fill, size_t request, const char *request_text,
                           const char *limit_text)
{
    size_t limit = request + 2;
    long double pods = w->object.kind == KIND_CRON_JOB || w->replicas < 0 ? 1 : w->replicas + 1;
    long double requests = 0, limits = 0;

    for (size_t i = 0; i < w->pod.containers_count; i++) {
        uint8_t flags = fill->containers[i].resources;

        if (flags >> limit & 1)
            limits += stated(limit_text);
        if (flags >> request & 1)
            requests += stated(request_text);
        else if (flags >> limit & 1)
            requests += stated(limit_text);
    }
    if (requests > 0 && !has_room(room, request, requests * pods))
        return 1u << request | 1u << limit;
    return limits > 0 && !has_room(room, limit, limits * pods) ? 1u << limit : 0;
}

uint8_t room_refuses(const struct room *room, const struct workload_facts *w,
                     const struct fill *fill, bool *ret_for_quota)
{
    unsigned over = 0;

    if (fill->containers)
        over = over_quota(room, w, fill, 0, fill->cpu_request, fill->cpu_limit) |
               over_quota(room, w, fill, 1, fill->memory_request, fill->memory_limit);
    *ret_for_quota = (over & ~(unsigned)room->given) != 0;
    return (uint8_t)(room->given | over);
}

#include "rampart/kube/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 8 /* entries of the first array; it doubles when it is full */

static const char *const reason_names[REASON_COUNT] = {
    [REASON_NONE] = "None",
    [REASON_POLICY_MISSING] = "PolicyMissing",
    [REASON_POLICY_DIFFERS] = "PolicyDiffers",
    [REASON_POLICY_EDITED] = "PolicyEdited",
    [REASON_POLICY_DELETED] = "PolicyDeleted",
    [REASON_NAME_TAKEN] = "NameTaken",
    [REASON_UNDONE] = "Undone",
    [REASON_BACKEND_UNRESOLVED] = "BackendUnresolved",
    [REASON_DNS_UNRESOLVED] = "DNSUnresolved",
    [REASON_API_SERVER_UNRESOLVED] = "APIServerUnresolved",
    [REASON_DENY_TAKEN_BACK] = "DenyTakenBack",
    [REASON_WOULD_CUT_OFF] = "WouldCutOff",
    [REASON_DENY_KEPT] = "DenyKept",
    [REASON_RETAINED] = "Retained",
    [REASON_WRITE_FAILED] = "WriteFailed",
    [REASON_FORBIDDEN] = "Forbidden",
    [REASON_DELETE_BUDGET] = "DeleteBudget",
    [REASON_CONTESTED] = "Contested",
    [REASON_OVERRIDDEN] = "Overridden",
    [REASON_INVALID_SPEC] = "InvalidSpec",
    [REASON_RULE_FAILED] = "RuleFailed",
    [REASON_RULE_ERROR] = "RuleError",
    [REASON_UNKNOWN_RULE] = "UnknownRule",
    [REASON_EXCEPTION_EXPIRES] = "ExceptionExpires",
    [REASON_EXCEPTION_EXPIRED] = "ExceptionExpired",
    [REASON_SCAN_FAILED] = "ScanFailed",
    [REASON_WORKLOAD_SKIPPED] = "WorkloadSkipped",
    [REASON_REVERTED] = "Reverted",
    [REASON_STOOD_DOWN] = "StoodDown",
    [REASON_ROLLOUTS_PAUSED] = "RolloutsPaused",
    [REASON_LABEL_MISSING] = "LabelMissing",
    [REASON_LABEL_REMOVED] = "LabelRemoved",
    [REASON_LABEL_STATED] = "LabelStated",
    [REASON_LABEL_WAITS] = "LabelWaits",
    [REASON_LABEL_IMPOSED] = "LabelImposed",
};

/* NULL sorts first: a text that is absent is the smallest. */
static int text_order(const char *one, const char *other)
{
    if (!one || !other)
        return (one != NULL) - (other != NULL);
    return strcmp(one, other);
}

static int ref_order(const struct object_ref *one, const struct object_ref *other)
{
    int order = (one->kind > other->kind) - (one->kind < other->kind);

    if (order == 0)
        order = text_order(one->ns, other->ns);
    if (order == 0)
        order = text_order(one->name, other->name);
    return order;
}

static int write_order(const void *one, const void *other)
{
    const struct write *a = one;
    const struct write *b = other;
    int order = (a->phase > b->phase) - (a->phase < b->phase);

    if (order == 0)
        order = ref_order(&a->object, &b->object);
    if (order == 0)
        order = (a->verb > b->verb) - (a->verb < b->verb);
    if (order == 0)
        order = text_order(a->body, b->body);
    return order;
}

static int finding_order(const void *one, const void *other)
{
    const struct finding *a = one;
    const struct finding *b = other;
    int order = ref_order(&a->object, &b->object);

    if (order == 0)
        order = (a->reason > b->reason) - (a->reason < b->reason);
    if (order == 0)
        order = text_order(a->rule, b->rule);
    if (order == 0)
        order = text_order(a->message, b->message);
    return order;
}

/* The array, or a larger copy of it when @count entries fill it; NULL when out of memory. */
static void *with_room(struct arena *a, void *items, size_t count, size_t size)
{
    void *larger;

    /* Full at 0, 8, 16, 32, ...: the count alone tells, no capacity is kept. */
    if (count != 0 && (count < ROOM_FIRST || (count & (count - 1)) != 0))
        return items;
    larger = arena_calloc(a, count == 0 ? ROOM_FIRST : count * 2, size);
    if (larger && count > 0)
        memcpy(larger, items, count * size);
    return larger;
}

/* Replaces a borrowed text by a copy; NULL stays NULL. */
static bool own(struct arena *a, const char **text)
{
    if (!*text)
        return true;
    *text = arena_strdup(a, *text);
    return *text;
}

static bool own_ref(struct arena *a, struct object_ref *ref)
{
    return own(a, &ref->ns) && own(a, &ref->name) && own(a, &ref->uid);
}

static bool own_finding(struct arena *a, struct finding *finding)
{
    return own_ref(a, &finding->object) && own(a, &finding->rule) && own(a, &finding->message) &&
           own(a, &finding->manager) && own(a, &finding->profile);
}

static bool own_write(struct arena *a, struct write *write)
{
    struct finding *after;

    if (!own_ref(a, &write->object) || !own(a, &write->rv) || !own(a, &write->body) ||
        !own(a, &write->summary) || !own(a, &write->profile))
        return false;
    if (!write->after)
        return true;
    after = arena_alloc(a, sizeof(*after));
    if (!after)
        return false;
    *after = *write->after;
    write->after = after;
    return own_finding(a, after);
}

const char *reason_name(enum reason reason)
{
    assert((unsigned)reason < REASON_COUNT);
    return reason_names[reason];
}

void plan_init(struct plan *p, struct arena *a)
{
    *p = (struct plan){.arena = a};
}

struct write *plan_add_write(struct plan *p, const struct write *write)
{
    struct write copy = *write;
    struct write *room;

    if (p->is_broken)
        return NULL;
    if (p->writes_count == PLAN_WRITES_MAX || !own_write(p->arena, &copy)) {
        p->is_broken = true;
        return NULL;
    }
    room = with_room(p->arena, p->writes, p->writes_count, sizeof(*room));
    if (!room) {
        p->is_broken = true;
        return NULL;
    }
    p->writes = room;
    p->writes[p->writes_count] = copy;
    return &p->writes[p->writes_count++];
}

struct finding *plan_add_finding(struct plan *p, const struct finding *finding)
{
    struct finding copy = *finding;
    struct finding *room;

    if (p->is_broken)
        return NULL;
    if (p->findings_count == PLAN_FINDINGS_MAX) {
        p->findings_cut++;
        return NULL;
    }
    room = with_room(p->arena, p->findings, p->findings_count, sizeof(*room));
    if (!room || !own_finding(p->arena, &copy)) {
        p->is_broken = true;
        return NULL;
    }
    p->findings = room;
    p->findings[p->findings_count] = copy;
    return &p->findings[p->findings_count++];
}

void plan_sort(struct plan *p)
{
    if (p->writes_count > 1)
        qsort(p->writes, p->writes_count, sizeof(*p->writes), write_order);
    if (p->findings_count > 1)
        qsort(p->findings, p->findings_count, sizeof(*p->findings), finding_order);
}

int plan_check(const struct plan *p, struct err *err)
{
    if (!p->is_broken)
        return 0;
    if (p->writes_count == PLAN_WRITES_MAX)
        return err_set(err, ERR_LIMIT, "plan: more than %d writes in one pass", PLAN_WRITES_MAX);
    return err_nomem(err);
}

#include <string.h>

#include "rampart/kube/timestamp.h"
#include "rampart/reconcilers/posture.h"

static int add(struct plan *plan, const struct exception *e, enum reason reason,
               const char *message, struct err *err)
{
    const struct finding finding = {
        .reason = reason,
        .is_warning = true,
        .object = {KIND_EXCEPTION, e->object.ns, e->object.name, e->object.uid},
        .rule = "exception",
        .message = message,
    };

    if (!message)
        return err_nomem(err);
    (void)plan_add_finding(plan, &finding);
    return plan_check(plan, err);
}

static int add_unknown_rules(struct plan *plan, const struct exception *e, struct err *err)
{
    AUTO_STRBUF names;

    strbuf_init(&names, POSTURE_UNKNOWN_LEN_MAX);
    for (size_t i = 0; i < e->rules_count; i++) {
        if (!rule_find(e->rules[i]))
            strbuf_addf(&names, "%s%s", names.len > 0 ? ", " : "", e->rules[i]);
    }
    if (names.broke == ERR_NOMEM)
        return err_nomem(err);
    if (names.len == 0)
        return 0;
    return add(plan, e, REASON_UNKNOWN_RULE,
               arena_printf(plan->arena,
                            "spec.rules names what is no rule: %s%s; correct it (docs/rules.md has "
                            "all of them); the other rules of the exception hold",
                            names.text, names.broke == ERR_LIMIT ? ", ..." : ""),
               err);
}

static int add_expiry(struct plan *plan, const struct exception *e, int64_t now_s, struct err *err)
{
    char until[TIMESTAMP_LEN];

    timestamp_seconds(e->expires_s * 1000, until);
    if (now_s >= e->expires_s)
        return add(plan, e, REASON_EXCEPTION_EXPIRED,
                   arena_printf(plan->arena,
                                "it expired at %s, and what it exempted counts again: delete it, "
                                "or state a later spec.expiresAt",
                                until),
                   err);
    return add(plan, e, REASON_EXCEPTION_EXPIRES,
               arena_printf(plan->arena,
                            "it expires at %s, and what it exempts counts from then on: mend the "
                            "workloads, or state a later spec.expiresAt",
                            until),
               err);
}

int exception_plan(const struct view *v, const char *ns, const char *name, struct plan *plan,
                   int64_t *ret_look_again_s, struct err *err)
{
    const struct exception *e = OBJECT_AS(exception, view_get(v, KIND_EXCEPTION, ns, name));
    int64_t now_s = v->wall_ms / 1000;
    int64_t warn_s;

    *ret_look_again_s = INT64_MAX;
    if (!e)
        return 0;
    if (e->invalid)
        return add(plan, e, REASON_INVALID_SPEC,
                   arena_printf(plan->arena, "it exempts nothing: %s", e->invalid), err);
    if (add_unknown_rules(plan, e, err) < 0)
        return -1;
    if (e->expires_s == INT64_MAX)
        return 0;
    warn_s = e->expires_s - EXEMPTION_WARN_BEFORE_S;
    if (now_s < e->expires_s)
        *ret_look_again_s = now_s < warn_s ? warn_s : e->expires_s;
    return now_s < warn_s ? 0 : add_expiry(plan, e, now_s, err);
}

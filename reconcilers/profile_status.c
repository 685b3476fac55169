#include "rampart/reconcilers/profile_status.h"

#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/kube/timestamp.h"

#define STATUS_LEN_MAX (256u * 1024)
#define RULE_NETWORK "network"
#define CONDITIONS_COUNT 5

struct verdict_text {
    const char *type;
    bool is_true;
    const char *reason;
    const char *message;
};

static const struct condition *observed_condition(const struct profile *p, const char *type)
{
    for (size_t i = 0; i < p->conditions_count; i++) {
        if (strcmp(p->conditions[i].type, type) == 0)
            return &p->conditions[i];
    }
    return NULL;
}

static void write_condition(struct json_build *j, const struct profile *p, const char *now,
                            const struct verdict_text *c)
{
    const struct condition *old = observed_condition(p, c->type);
    const char *status = c->is_true ? "True" : "False";
    bool is_same =
        old && strcmp(old->status, status) == 0 && *old->last_transition != '\0'; /* "": unknown */

    json_open_obj(j, NULL);
    json_add_str(j, "type", c->type);
    json_add_str(j, "status", status);
    json_add_str(j, "reason", c->reason);
    json_add_str(j, "message", c->message);
    json_add_int(j, "observedGeneration", p->generation);
    json_add_str(j, "lastTransitionTime", is_same ? old->last_transition : now);
    json_close_obj(j);
}

/* A namespace may have failed without anybody being able to say why: memory was out. */
static const char *failure_reason(const struct profile_tally *t)
{
    return t->worst ? reason_name(t->worst->reason) : "Failed";
}

static const char *failure_message(const struct profile_tally *t)
{
    return t->worst ? t->worst->message
                    : "memory was out, and why it failed is not known; it is tried again";
}

/* What keeps it from being ready although nothing has failed. */
static const struct finding *obstacle(const struct profile_tally *t)
{
    return t->contest ? t->contest : t->worst;
}

static const char *unready_reason(const struct profile_tally *t)
{
    const struct finding *finding = obstacle(t);

    if (finding && (finding->reason == REASON_CONTESTED || finding->reason == REASON_UNDONE))
        return reason_name(finding->reason);
    return "Progressing";
}

static struct verdict_text ready(const struct profile *p, const struct profile_tally *t,
                                 struct arena *a)
{
    struct verdict_text c = {.type = "Ready"};

    if (p->invalid) {
        c.reason = reason_name(REASON_INVALID_SPEC);
        c.message = p->invalid;
    } else if (p->object.is_deleting) {
        c.reason = "TakingBack";
        c.message = arena_printf(a, "%zu policies are still to be removed", t->standing);
    } else if (t->failed > 0) {
        c.reason = failure_reason(t);
        c.message = arena_printf(a, "%zu of %zu namespaces cannot be made compliant; first: %s",
                                 t->failed, t->decided + t->left, failure_message(t));
    } else if (t->pending > 0 || (p->network.mode == MODE_ENFORCE && t->drifted > 0)) {
        const struct finding *first = obstacle(t);

        c.reason = unready_reason(t);
        c.message = arena_printf(a, "%zu of %zu namespaces are compliant%s%s", t->compliant,
                                 t->decided, first ? "; first: " : "", first ? first->message : "");
    } else {
        c.is_true = true;
        c.reason = p->network.mode == MODE_ENFORCE ? "Enforced"
                   : p->network.mode == MODE_OFF   ? "Off"
                                                   : "Evaluated";
        c.message =
            arena_printf(a, "%zu of %zu namespaces are compliant", t->compliant, t->decided);
    }
    return c;
}

static const char *plugin_message(const struct profile_tally *t, struct arena *a)
{
    if (t->plugin)
        return arena_printf(a, "the network plugin that enforces NetworkPolicy here seems to be %s",
                            t->plugin);
    return "no network plugin that enforces NetworkPolicy was recognised; without one the policies "
           "have "
           "no effect";
}

static struct verdict_text enforcing(const struct profile *p, const struct profile_tally *t,
                                     struct arena *a)
{
    struct verdict_text c = {.type = "Enforcing"};
    size_t lost = t->selected - t->decided;

    if (p->invalid || p->object.is_deleting || !p->network.is_stated) {
        c.reason = p->invalid              ? reason_name(REASON_INVALID_SPEC)
                   : p->object.is_deleting ? "Deleting"
                                           : "NothingStated";
        c.message = p->invalid ? p->invalid
                    : p->object.is_deleting
                        ? "the profile is being deleted and selects nothing"
                        : "the profile states no section that could be enforced";
        return c;
    }
    c.is_true = p->network.mode == MODE_ENFORCE && t->decided > 0;
    if (t->winner) {
        c.reason = reason_name(REASON_OVERRIDDEN);
        c.message =
            arena_printf(a,
                         "%zu of %zu namespaces are decided by a profile of higher priority (%s)",
                         lost, t->selected, t->winner);
    } else if (p->network.mode != MODE_ENFORCE) {
        c.reason = mode_name(p->network.mode);
        c.message = "the network section is evaluated and nothing is written; set mode: Enforce";
        if (p->network.mode == MODE_OFF)
            c.message = "the network section is switched off";
    } else {
        c.reason = t->decided > 0 ? "Enforced" : "NothingSelected";
        c.message =
            t->decided > 0 ? plugin_message(t, a) : "no namespace matches spec.namespaceSelector";
    }
    return c;
}

static struct verdict_text degraded(const struct profile *p, const struct profile_tally *t)
{
    struct verdict_text c = {.type = "Degraded", .reason = "AllWell", .message = ""};

    if (t->failed > 0) {
        c.is_true = !p->invalid;
        c.reason = failure_reason(t);
        c.message = failure_message(t);
    }
    return c;
}

static struct verdict_text contested(const struct profile_tally *t, struct arena *a)
{
    struct verdict_text c = {.type = "Contested", .reason = "Uncontested", .message = ""};

    if (t->contest) {
        c.is_true = true;
        c.reason = reason_name(REASON_CONTESTED);
        c.message = arena_printf(a, "%zu of %zu namespaces; first: %s", t->contested, t->decided,
                                 t->contest->message);
    }
    return c;
}

static int write_conditions(struct json_build *j, const struct view *v, const struct profile *p,
                            const struct profile_tally *t, struct arena *a, struct err *err)
{
    char now[TIMESTAMP_LEN];
    struct verdict_text all[CONDITIONS_COUNT] = {ready(p, t, a), enforcing(p, t, a)};

    timestamp_seconds(v->wall_ms, now);
    all[2] = degraded(p, t);
    all[3] = contested(t, a);
    all[4] = (struct verdict_text){
        .type = "Stalled",
        .is_true = p->invalid != NULL,
        .reason = p->invalid ? reason_name(REASON_INVALID_SPEC) : "SpecAccepted",
        .message = p->invalid ? p->invalid : "",
    };
    json_open_arr(j, "conditions");
    for (size_t i = 0; i < CONDITIONS_COUNT; i++) {
        if (!all[i].message)
            return err_nomem(err);
        write_condition(j, p, now, &all[i]);
    }
    json_close_arr(j);
    return 0;
}

/* When a rule last changed between "all pass" and not. NULL: out of memory; what is not as we write
 * it does not count. */
static const char *rule_transition(const struct profile *p, bool is_passing, const char *now,
                                   struct arena *a)
{
    struct err why = {0};
    json_auto_t *rules = json_decode(p->rules_status, strlen(p->rules_status), &why);

    if (why.code == ERR_NOMEM)
        return NULL;

    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const char *id, *since;
        int64_t fail, error;

        if (json_get_str(rule, "id", 64, a, &id, NULL) < 0 || !id ||
            strcmp(id, RULE_NETWORK) != 0 ||
            json_get_str(rule, "lastTransitionTime", 64, a, &since, NULL) < 0 || !since ||
            json_get_int(rule, "fail", 0, INT32_MAX, 0, &fail, NULL) < 0 ||
            json_get_int(rule, "error", 0, INT32_MAX, 0, &error, NULL) < 0)
            continue;
        if ((fail + error == 0) == is_passing)
            return since;
    }
    return now;
}

static int write_rules(struct json_build *j, const struct view *v, const struct profile *p,
                       const struct profile_tally *t, struct arena *a, struct err *err)
{
    char now[TIMESTAMP_LEN];
    const char *since;

    json_open_arr(j, "rules");
    if (p->network.is_stated && p->network.mode != MODE_OFF) {
        timestamp_seconds(v->wall_ms, now);
        since = rule_transition(p, t->drifted + t->failed == 0, now, a);
        if (!since)
            return err_nomem(err);
        json_open_obj(j, NULL);
        json_add_str(j, "id", RULE_NETWORK);
        json_add_str(j, "mode", mode_name(p->network.mode));
        json_add_int(j, "pass", (int64_t)t->compliant);
        json_add_int(j, "fail", (int64_t)t->drifted);
        json_add_int(j, "error", (int64_t)t->failed);
        json_add_int(j, "exempt", 0);
        json_add_str(j, "lastTransitionTime", since);
        json_close_obj(j);
    }
    json_close_arr(j);
    return 0;
}

static int write_drift(struct json_build *j, const struct profile_tally *t, struct arena *a,
                       struct err *err)
{
    json_open_arr(j, "drift");
    for (size_t i = 0; i < t->drift_count; i++) {
        const struct finding *f = t->drift[i];
        const char *object = arena_printf(a, "%s %s%s%s", resource_of(f->object.kind)->name,
                                          f->object.ns, *f->object.ns ? "/" : "", f->object.name);

        if (!object)
            return err_nomem(err);
        json_open_obj(j, NULL);
        json_add_str(j, "object", object);
        json_add_str(j, "rule", f->rule);
        json_add_str(j, "reason", reason_name(f->reason));
        json_add_str(j, "message", f->message);
        if (f->manager)
            json_add_str(j, "manager", f->manager);
        json_close_obj(j);
    }
    json_close_arr(j);
    /* Stated also when false: a merge patch leaves alone what it does not name. */
    json_add_bool(j, "driftTruncated", t->is_drift_cut);
    return 0;
}

const char *profile_status_text(const struct view *v, const struct profile *p,
                                const struct profile_tally *t, struct arena *a, struct err *err)
{
    AUTO_STRBUF text;
    struct json_build j;
    json_auto_t *root = NULL;

    strbuf_init(&text, STATUS_LEN_MAX);
    json_build_init(&j, &text);
    json_open_obj(&j, NULL);
    json_add_int(&j, "observedGeneration", p->generation);
    if (write_conditions(&j, v, p, t, a, err) < 0)
        return NULL;
    json_open_obj(&j, "namespaces");
    json_add_int(&j, "selected", (int64_t)t->selected);
    json_add_int(&j, "compliant", (int64_t)t->compliant);
    json_add_int(&j, "drifted", (int64_t)(t->drifted + t->pending));
    json_add_int(&j, "failed", (int64_t)t->failed);
    json_add_int(&j, "overridden", (int64_t)(p->network.is_stated ? t->selected - t->decided : 0));
    json_close_obj(&j);
    if (write_rules(&j, v, p, t, a, err) < 0 || write_drift(&j, t, a, err) < 0)
        return NULL;
    json_close_obj(&j);
    if (strbuf_check(&text, "status", err) < 0)
        return NULL;
    root = json_decode(text.text, text.len, err);
    return root ? json_canonical(root, a, err) : NULL;
}

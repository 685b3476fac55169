#include "pod_security_violators.h"

#include "rampart/reconcilers/posture.h"

#define TEXT_LEN_MAX 4096

static const enum kind kinds[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET, KIND_DAEMON_SET,
                                  KIND_CRON_JOB};

/* What cannot be told is no pass. */
static bool fails(const struct violators *vs, const struct rule *rule,
                  const struct workload_facts *w)
{
    const struct rule_input in = {.settings = &vs->settings, .pod = &w->pod};
    enum rule_outcome outcome;

    if (!rule_is_required(rule, &vs->settings))
        return false;
    outcome = rule_ask(rule, &in).outcome;
    return outcome == RULE_FAIL || outcome == RULE_ERROR;
}

static bool violates(const struct violators *vs, const struct workload_facts *w)
{
    for (size_t i = 0; i < rules_count; i++) {
        if (fails(vs, rules[i], w))
            return true;
    }
    return false;
}

static int name(struct violators *vs, const struct workload_facts *w, struct err *err)
{
    const char *separator = " (";
    size_t named = 0;
    AUTO_STRBUF text;

    strbuf_init(&text, TEXT_LEN_MAX);
    strbuf_addf(&text, "%s %s", resource_of(w->object.kind)->name, w->object.name);
    for (size_t i = 0; i < rules_count; i++) {
        if (!fails(vs, rules[i], w))
            continue;
        if (named++ < VIOLATOR_RULES_MAX) {
            strbuf_addf(&text, "%s%s", separator, rules[i]->id);
            separator = ", ";
        }
    }
    strbuf_adds(&text, named > VIOLATOR_RULES_MAX ? ", ...)" : ")");
    if (strbuf_check(&text, "who violates", err) < 0)
        return -1;
    vs->shown[vs->count] = arena_strdup(vs->arena, text.text);
    return vs->shown[vs->count] ? 0 : err_nomem(err);
}

static int note(struct violators *vs, const struct workload_facts *w, struct err *err)
{
    if (!violates(vs, w))
        return 0;
    if (vs->count < VIOLATORS_SHOWN_MAX && name(vs, w, err) < 0)
        return -1;
    vs->count++;
    return 0;
}

void violators_init(struct violators *vs, uint8_t level, uint16_t minor, struct arena *a)
{
    *vs = (struct violators){
        .arena = a,
        .settings = {.pss_minor = minor, .level = level},
    };
}

int violators_add_templates(struct violators *vs, const struct view *v, const char *ns,
                            struct err *err)
{
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        struct object_list list;

        if (view_list(v, kinds[k], ns, vs->arena, &list, err) < 0)
            return -1;
        for (size_t i = 0; i < list.count; i++) {
            if (note(vs, OBJECT_AS(workload_facts, list.items[i]), err) < 0)
                return -1;
        }
    }
    return 0;
}

int violators_add(struct violators *vs, const struct view *v, const struct workload_facts *w,
                  struct err *err)
{
    const struct object *owner = posture_owner_of(v, w);

    if (posture_is_of_job(w) || (owner && violates(vs, OBJECT_AS(workload_facts, owner))))
        return 0;
    return note(vs, w, err);
}

const char *violators_text(const struct violators *vs, struct arena *a)
{
    size_t shown = vs->count < VIOLATORS_SHOWN_MAX ? vs->count : VIOLATORS_SHOWN_MAX;
    const char *text = "";

    for (size_t i = 0; text && i < shown; i++)
        text = arena_printf(a, "%s%s%s", text, i > 0 ? ", " : "", vs->shown[i]);
    if (text && vs->count > shown)
        text = arena_printf(a, "%s and %zu more", text, vs->count - shown);
    return text;
}

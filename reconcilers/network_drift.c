#include <string.h>

#include "network_pass.h"
#include "rampart/json/build.h"
#include "rampart/json/get.h"

static const char *const field_name[NETPOL_FIELD_COUNT] = {
    [NETPOL_POD_SELECTOR] = "podSelector",
    [NETPOL_POLICY_TYPES] = "policyTypes",
    [NETPOL_INGRESS] = "ingress",
    [NETPOL_EGRESS] = "egress",
};

/* Bits of enum netpol_field. A text that is no JSON (ours always is) differs in everything. */
static int differing_fields(const char *one_text, const char *other_text, unsigned *ret_fields,
                            struct err *err)
{
    struct err why = {0};
    json_auto_t *one = one_text ? json_decode(one_text, strlen(one_text), &why) : NULL;
    json_auto_t *other = json_decode(other_text, strlen(other_text), &why);
    unsigned fields = 0;

    if (why.code == ERR_NOMEM)
        return err_nomem(err);
    for (int f = 0; f < NETPOL_FIELD_COUNT; f++) {
        const json_t *left = json_object_get(one, field_name[f]);
        const json_t *right = json_object_get(other, field_name[f]);

        if (left != right && (!left || !right || !json_equal(left, right)))
            fields |= 1u << f;
    }
    *ret_fields = fields;
    return 0;
}

static const char *fields_text(unsigned fields, struct arena *a)
{
    const char *text = "";

    for (int f = 0; f < NETPOL_FIELD_COUNT && text; f++) {
        if (fields & (1u << f))
            text = arena_printf(a, "%s%sspec.%s", text, *text ? ", " : "", field_name[f]);
    }
    return text;
}

const char *network_differences(const char *one, const char *other, struct arena *a)
{
    unsigned fields;

    return differing_fields(one, other, &fields, NULL) < 0 ? NULL : fields_text(fields, a);
}

/* The rival of the first differing field that has one. */
static const struct rival *find_rival(const struct netpol_facts *policy, unsigned fields)
{
    for (int f = 0; f < NETPOL_FIELD_COUNT; f++) {
        if ((fields & (1u << f)) && policy->rivals[f].manager)
            return &policy->rivals[f];
    }
    return NULL;
}

static const char *edited_message(const struct network_pass *p, const struct wanted *w,
                                  const struct rival *rival, const char *fields)
{
    const struct object *o = &w->observed->object;

    /* The time stands on a line of its own: Events whose first lines are equal become one series.
     */
    if (rival)
        return arena_printf(p->arena,
                            "NetworkPolicy %s/%s: %s was changed by %s; Rampart put it back as "
                            "SecurityProfile %s says%s%s%s",
                            o->ns, o->name, fields, rival->manager, p->profile->object.name,
                            rival->time ? "\n(changed at " : "", rival->time ? rival->time : "",
                            rival->time ? ")" : "");
    return arena_printf(
        p->arena,
        "NetworkPolicy %s/%s: %s was changed or removed by an unrecorded manager (look "
        "in the audit log for uid %s); Rampart put it back as SecurityProfile %s says",
        o->ns, o->name, fields, o->uid, p->profile->object.name);
}

static bool keep(const char **text, struct arena *a)
{
    if (!*text)
        return true;
    *text = arena_strdup(a, *text);
    return *text != NULL;
}

/* The plan outlives the cache that it was made from: every text is copied. */
static const struct finding *new_finding(struct network_pass *p, const struct finding *finding,
                                         struct err *err)
{
    struct finding *copy = arena_alloc(p->arena, sizeof(*copy));

    if (!copy || !finding->message) {
        (void)err_nomem(err);
        return NULL;
    }
    *copy = *finding;
    if (!keep(&copy->object.ns, p->arena) || !keep(&copy->object.name, p->arena) ||
        !keep(&copy->object.uid, p->arena) || !keep(&copy->manager, p->arena) ||
        !keep(&copy->profile, p->arena)) {
        (void)err_nomem(err);
        return NULL;
    }
    return copy;
}

static const struct finding *deleted(struct network_pass *p, const struct wanted *w,
                                     struct err *err)
{
    const struct finding finding = {
        .reason = REASON_POLICY_DELETED,
        .is_warning = true,
        .object = {KIND_NETWORK_POLICY, p->own.ns, w->name, ""},
        .rule = "network",
        .profile = p->own.profile,
        .message =
            arena_printf(p->arena,
                         "NetworkPolicy %s/%s was deleted by an unrecorded manager (look in the "
                         "audit log for its deletion); Rampart made it again as SecurityProfile "
                         "%s says",
                         p->own.ns, w->name, p->own.profile),
    };

    return new_finding(p, &finding, err);
}

static const struct finding *edited(struct network_pass *p, const struct wanted *w, struct err *err)
{
    const struct object *o = &w->observed->object;
    const struct rival *rival;
    const char *names;
    unsigned fields;
    struct finding finding = {
        .reason = REASON_POLICY_EDITED,
        .is_warning = true,
        .object = {KIND_NETWORK_POLICY, o->ns, o->name, o->uid},
        .rule = "network",
        .profile = p->own.profile,
    };

    if (differing_fields(w->observed->spec, w->text, &fields, err) < 0)
        return NULL;
    rival = find_rival(w->observed, fields);
    names = fields ? fields_text(fields, p->arena) : "metadata (labels or ownerReferences)";
    finding.manager = rival ? rival->manager : NULL;
    finding.message = names ? edited_message(p, w, rival, names) : NULL;
    return new_finding(p, &finding, err);
}

int network_drift(struct network_pass *p, const struct wanted *w,
                  const struct finding **ret_finding, struct err *err)
{
    bool differs;

    *ret_finding = NULL;
    if (!p->profile)
        return 0; /* it is being taken back: nothing is put right */
    if (!w->observed) {
        uint32_t bit = network_in_place_bit(w->concern, w->name);

        if (!p->before || !p->before->profile || !(p->before->in_place & bit))
            return 0; /* it did not stand when we last looked: a first creation */
        *ret_finding = deleted(p, w, err);
        return *ret_finding ? 0 : -1;
    }
    differs = !w->observed->spec || strcmp(w->observed->spec, w->text) != 0;
    if ((differs && !ownership_wrote_spec(w->observed)) ||
        ownership_was_taken(w->observed, &p->own)) {
        *ret_finding = edited(p, w, err);
        return *ret_finding ? 0 : -1;
    }
    return 0;
}

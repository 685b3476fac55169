#include "rampart/cli/plan_print.h"

#include <errno.h>
#include <string.h>

static const struct look {
    const char *sign;
    const char *verb;
    const char *color;
} looks[] = {
    [WRITE_CREATE] = {"+", "create", "\x1b[32m"},
    [WRITE_PATCH] = {"~", "mend", "\x1b[33m"},
    [WRITE_PATCH_STRATEGIC] = {"~", "fill in", "\x1b[33m"},
    [WRITE_PATCH_STATUS] = {"~", "mend", "\x1b[33m"},
    [WRITE_DELETE] = {"-", "remove", "\x1b[31m"},
};

#define COLOR_TROUBLE "\x1b[1;31m"
#define COLOR_END "\x1b[0m"

static const char *const state_names[] = {
    [VERDICT_NONE] = "None",
    [VERDICT_COMPLIANT] = "Compliant",
    [VERDICT_DRIFTED] = "Drifted",
    [VERDICT_FAILED] = "Failed",
};

static void count(struct plan_totals *t, const struct plan *plan)
{
    for (size_t i = 0; i < plan->writes_count; i++) {
        t->create += plan->writes[i].verb == WRITE_CREATE;
        t->remove += plan->writes[i].verb == WRITE_DELETE;
        t->mend += plan->writes[i].verb == WRITE_PATCH;
    }
    t->namespaces++;
    t->changed += plan->writes_count > 0;
    t->failed += plan->state == VERDICT_FAILED;
}

static int flush(struct plan_printer *p, struct err *err)
{
    if (strbuf_check(&p->text, "the plan of one namespace", err) < 0)
        return -1;
    if (fwrite(p->text.text, 1, p->text.len, p->out) != p->text.len || fflush(p->out) != 0)
        return err_set(err, ERR_IO, "write the plan: %s", strerror(errno));
    strbuf_clear(&p->text);
    return 0;
}

/* ---- Text ---- */

/* Names and messages may quote what tenants wrote: no control character reaches the terminal. */
static void add_clean(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++)
        strbuf_addc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}

static void text_line(struct plan_printer *p, const char *color, const char *sign, const char *verb,
                      const char *what)
{
    strbuf_addf(&p->text, "  %s%s %s%s ", p->has_color ? color : "", sign, verb,
                p->has_color ? COLOR_END : "");
    add_clean(&p->text, what);
    strbuf_addc(&p->text, '\n');
}

static void text_write(struct plan_printer *p, const struct write *write)
{
    const struct look *look = &looks[write->verb];
    const char *ns = write->object.ns;
    AUTO_STRBUF what;

    if (write->object.kind == KIND_NAMESPACE) { /* "label Namespace shop: enforce=baseline" */
        text_line(p, look->color, look->sign, "label", write->summary + strlen("label "));
        return;
    }
    strbuf_init(&what, 4 * NAME_LEN_MAX);
    strbuf_addf(&what, "%s %s%s%s", resource_of(write->object.kind)->name, ns, *ns ? "/" : "",
                write->object.name);
    text_line(p, look->color, look->sign, look->verb, what.text);
}

static void text_namespace(struct plan_printer *p, const char *ns, const struct plan *plan)
{
    if (plan->writes_count == 0 && plan->findings_count == 0)
        return;
    add_clean(&p->text, ns);
    if (plan->profile) {
        strbuf_adds(&p->text, " (SecurityProfile ");
        add_clean(&p->text, plan->profile);
        strbuf_addc(&p->text, ')');
    }
    strbuf_addc(&p->text, '\n');
    for (size_t i = 0; i < plan->writes_count; i++)
        text_write(p, &plan->writes[i]);
    for (size_t i = 0; i < plan->findings_count; i++) {
        const struct finding *f = &plan->findings[i];

        text_line(p, COLOR_TROUBLE, "!", f->counts_as_failed ? "cannot:" : "note:", f->message);
    }
    if (plan->findings_cut > 0)
        strbuf_addf(&p->text, "  ! and %zu more\n", plan->findings_cut);
}

/* ---- Text of workloads ---- */

static void text_heading(struct plan_printer *p, const struct plan_workload *w)
{
    strbuf_adds(&p->text, "Workloads of SecurityProfile ");
    add_clean(&p->text, w->preview.profile->object.name);
    switch (w->preview.when) {
    case PREVIEW_NOW:
        strbuf_addf(&p->text, ", at most %u at a time, in this order\n",
                    (unsigned)w->preview.profile->workloads.concurrent_max);
        break;
    case PREVIEW_NEXT_CHANGE:
        strbuf_adds(&p->text, ", each with its owner's next change\n");
        break;
    case PREVIEW_IDLE:
        strbuf_adds(&p->text, ", at once, for nothing of them runs\n");
        break;
    case PREVIEW_LEFT_ALONE:
        strbuf_adds(&p->text, " that are left alone\n");
        break;
    case PREVIEW_NEVER:
    case PREVIEW_WHEN_COUNT:
        strbuf_adds(&p->text, " that state otherwise what it asks for\n");
        break;
    }
}

static void text_fields(struct strbuf *out, const struct harden_preview *preview)
{
    bool is_first = true;

    for (unsigned f = FILL_NONE + 1; f < FILL_COUNT; f++) {
        if (!(preview->fields & (1u << f)))
            continue;
        strbuf_addf(out, "%s %s%s", is_first ? ":" : ",", fill_field_name((enum fill_field)f),
                    preview->asked & (1u << f) ? " (unless its pods run as root)" : "");
        is_first = false;
    }
}

static void text_workload(struct plan_printer *p, const struct plan_workload *w)
{
    const struct object *o = &w->workload->object;
    const struct look *look = &looks[WRITE_PATCH_STRATEGIC];
    AUTO_STRBUF what;

    strbuf_init(&what, PLAN_TEXT_MAX);
    strbuf_addf(&what, "%s %s/%s", resource_of(o->kind)->name, o->ns, o->name);
    switch (w->preview.when) {
    case PREVIEW_LEFT_ALONE:
        strbuf_addf(&what, ": %s", w->preview.message);
        text_line(p, COLOR_TROUBLE, "!", "note:", what.text);
        break;
    case PREVIEW_NEVER:
        text_line(p, COLOR_TROUBLE, "!", "note:", what.text);
        break;
    default:
        text_fields(&what, &w->preview);
        if (w->preview.is_contradicted)
            strbuf_adds(&what, "; some of it is stated otherwise, and stays");
        text_line(p, look->color, look->sign, look->verb, what.text);
        break;
    }
}

static void text_end(struct plan_printer *p)
{
    const struct plan_totals *t = &p->totals;

    if (t->contradicted > 0)
        strbuf_adds(&p->text, "`rampart eval --show-fix` has the YAML to merge in Git for what is "
                              "stated otherwise.\n");
    if (t->fill > 0)
        strbuf_addf(&p->text,
                    "Enforce would fill in %zu workload%s. Whether %s with it, only %s tell%s.\n",
                    t->fill, t->fill == 1 ? "" : "s",
                    t->fill == 1 ? "it comes back" : "they come back",
                    t->fill == 1 ? "its rollout" : "their rollouts", t->fill == 1 ? "s" : "");
    if (t->changed == 0)
        strbuf_addf(&p->text, "%s would change in %zu namespace%s",
                    t->fill > 0 ? "No policy" : "Nothing", t->namespaces,
                    t->namespaces == 1 ? "" : "s");
    else
        strbuf_addf(&p->text,
                    "Enforce would create %zu, mend %zu and remove %zu in %zu of %zu "
                    "namespace%s",
                    t->create, t->mend, t->remove, t->changed, t->namespaces,
                    t->namespaces == 1 ? "" : "s");
    if (t->failed > 0)
        strbuf_addf(&p->text, "; %zu cannot be made compliant", t->failed);
    strbuf_adds(&p->text, ". Nothing was written.\n");
}

/* ---- JSON ---- */

static void json_write(struct json_build *j, const struct write *write)
{
    json_open_obj(j, NULL);
    json_add_str(j, "verb", looks[write->verb].verb);
    json_add_str(j, "kind", resource_of(write->object.kind)->name);
    json_add_str(j, "namespace", write->object.ns);
    json_add_str(j, "name", write->object.name);
    if (write->body)
        json_add_raw(j, "body", write->body);
    json_close_obj(j);
}

static void json_finding(struct json_build *j, const struct finding *f)
{
    json_open_obj(j, NULL);
    json_add_str(j, "reason", reason_name(f->reason));
    json_add_bool(j, "failed", f->counts_as_failed);
    json_add_str(j, "message", f->message);
    json_close_obj(j);
}

static void json_namespace(struct plan_printer *p, const char *ns, const struct plan *plan)
{
    struct json_build *j = &p->json;

    if (plan->writes_count == 0 && plan->findings_count == 0 && plan->state == VERDICT_NONE)
        return;
    json_open_obj(j, NULL);
    json_add_str(j, "name", ns);
    if (plan->profile)
        json_add_str(j, "profile", plan->profile);
    json_add_str(j, "state", state_names[plan->state]);
    json_open_arr(j, "writes");
    for (size_t i = 0; i < plan->writes_count; i++)
        json_write(j, &plan->writes[i]);
    json_close_arr(j);
    json_open_arr(j, "findings");
    for (size_t i = 0; i < plan->findings_count; i++)
        json_finding(j, &plan->findings[i]);
    json_close_arr(j);
    json_close_obj(j);
}

static void json_fields(struct json_build *j, const char *name, uint32_t fields)
{
    json_open_arr(j, name);
    for (unsigned f = FILL_NONE + 1; f < FILL_COUNT; f++) {
        if (fields & (1u << f))
            json_add_str(j, NULL, fill_field_name((enum fill_field)f));
    }
    json_close_arr(j);
}

static void json_workload(struct json_build *j, const struct plan_workload *w)
{
    static const char *const whens[PREVIEW_WHEN_COUNT] = {
        [PREVIEW_NEVER] = "Never",
        [PREVIEW_NOW] = "Now",
        [PREVIEW_NEXT_CHANGE] = "NextChange",
        [PREVIEW_IDLE] = "AtOnce",
        [PREVIEW_LEFT_ALONE] = "LeftAlone",
    };
    const struct object *o = &w->workload->object;

    json_open_obj(j, NULL);
    json_add_str(j, "profile", w->preview.profile->object.name);
    json_add_str(j, "kind", resource_of(o->kind)->name);
    json_add_str(j, "namespace", o->ns);
    json_add_str(j, "name", o->name);
    json_add_int(j, "replicas", w->workload->replicas);
    json_add_str(j, "when", whens[w->preview.when]);
    json_fields(j, "fill", w->preview.fields);
    json_fields(j, "asked", w->preview.asked);
    json_add_bool(j, "statedOtherwise", w->preview.is_contradicted);
    json_add_str(j, "message", w->preview.message);
    json_close_obj(j);
}

static void json_end(struct plan_printer *p)
{
    const struct plan_totals *t = &p->totals;
    struct json_build *j = &p->json;

    json_open_obj(j, "summary");
    json_add_int(j, "create", (int64_t)t->create);
    json_add_int(j, "mend", (int64_t)t->mend);
    json_add_int(j, "remove", (int64_t)t->remove);
    json_add_int(j, "failed", (int64_t)t->failed);
    json_add_int(j, "namespaces", (int64_t)t->namespaces);
    json_add_int(j, "changed", (int64_t)t->changed);
    json_add_int(j, "fill", (int64_t)t->fill);
    json_add_int(j, "leftAlone", (int64_t)t->left_alone);
    json_close_obj(j);
    json_close_obj(j);
    strbuf_addc(&p->text, '\n');
}

/* ---- public ---- */

void plan_print_begin(struct plan_printer *p, FILE *out, bool is_json, bool has_color)
{
    *p = (struct plan_printer){.out = out, .is_json = is_json, .has_color = has_color};
    strbuf_init(&p->text, PLAN_TEXT_MAX);
    if (!is_json)
        return;
    json_build_init(&p->json, &p->text);
    json_open_obj(&p->json, NULL);
    json_open_arr(&p->json, "namespaces");
}

int plan_print_namespace(struct plan_printer *p, const char *ns, const struct plan *plan,
                         struct err *err)
{
    count(&p->totals, plan);
    if (p->is_json)
        json_namespace(p, ns, plan);
    else
        text_namespace(p, ns, plan);
    return flush(p, err);
}

static void count_workload(struct plan_totals *t, const struct harden_preview *preview)
{
    t->left_alone += preview->when == PREVIEW_LEFT_ALONE;
    t->fill += preview->when != PREVIEW_LEFT_ALONE && preview->when != PREVIEW_NEVER;
    t->contradicted += preview->is_contradicted;
}

int plan_print_workloads(struct plan_printer *p, const struct plan_workloads *workloads,
                         struct err *err)
{
    if (p->is_json) {
        json_close_arr(&p->json);
        json_open_arr(&p->json, "workloads");
    }
    for (size_t i = 0; i < workloads->count; i++) {
        const struct plan_workload *w = &workloads->items[i];
        const struct plan_workload *last = i > 0 ? w - 1 : NULL;

        count_workload(&p->totals, &w->preview);
        if (p->is_json) {
            json_workload(&p->json, w);
        } else {
            if (!last || last->preview.when != w->preview.when ||
                last->preview.profile != w->preview.profile)
                text_heading(p, w);
            text_workload(p, w);
        }
        if (flush(p, err) < 0)
            return -1;
    }
    if (p->is_json)
        json_close_arr(&p->json);
    return 0;
}

int plan_print_end(struct plan_printer *p, struct err *err)
{
    if (p->is_json)
        json_end(p);
    else
        text_end(p);
    return flush(p, err);
}

void plan_print_done(struct plan_printer *p)
{
    strbuf_done(&p->text);
}

#include "rampart/cli/findings_print.h"

#include <errno.h>
#include <string.h>

#define COLOR_END "\033[0m"
#define COLOR_UNTOLD "\033[33m"

static const char *const colors[] = {
    [SEVERITY_LOW] = "\033[36m",
    [SEVERITY_MEDIUM] = "\033[33m",
    [SEVERITY_HIGH] = "\033[31m",
    [SEVERITY_CRITICAL] = "\033[1;31m",
};

static int hand_out(struct findings_printer *p, struct err *err)
{
    if (strbuf_check(&p->text, "what is said of one finding", err) < 0)
        return -1;
    if (fwrite(p->text.text, 1, p->text.len, p->out) != p->text.len || fflush(p->out) != 0)
        return err_set(err, ERR_IO, "standard output: %s", strerror(errno));
    strbuf_clear(&p->text);
    return 0;
}

static void count(struct findings_totals *t, const struct access_finding *f)
{
    if (f->outcome == RULE_ERROR) {
        t->untold++;
        return;
    }
    t->failed[f->rules[0]->severity]++;
    t->component += f->is_component;
}

/* ---- for machines ---- */

/* The message names the first few of them. */
static void write_grant(struct json_build *j, const struct access_rule *rule,
                        const struct grant_facts *grant)
{
    json_open_obj(j, "role");
    json_add_str(j, "kind", grant->has_cluster_role ? "ClusterRole" : "Role");
    json_add_str(j, "namespace", grant->has_cluster_role ? "" : grant->ns);
    json_add_str(j, "name", grant->role);
    json_close_obj(j);
    json_open_arr(j, "subjects");
    for (size_t i = 0; i < grant->who_count; i++) {
        const struct access_who *who = &grant->who[i];

        if (rule->is_meant && !rule->is_meant(who))
            continue;
        json_open_obj(j, NULL);
        json_add_str(j, "kind", access_subject_type_name(who->type));
        json_add_str(j, "namespace", who->ns);
        json_add_str(j, "name", who->name);
        json_add_str(j, "criterion", access_component_name(who->component));
        json_close_obj(j);
    }
    json_close_arr(j);
}

static void write_json(struct findings_printer *p, const struct access_finding *f)
{
    bool is_fail = f->outcome == RULE_FAIL;
    struct json_build *j = &p->json;

    json_open_obj(j, NULL);
    json_add_str(j, "outcome", is_fail ? "fail" : "error");
    json_open_arr(j, "rules");
    for (size_t i = 0; i < f->rules_count; i++)
        json_add_str(j, NULL, f->rules[i]->id);
    json_close_arr(j);
    if (is_fail) {
        json_add_str(j, "severity", rule_severity_name(f->rules[0]->severity));
        json_add_str(j, "standards", f->rules[0]->standards);
    }
    json_add_str(j, "kind", f->kind);
    json_add_str(j, "namespace", f->ns);
    json_add_str(j, "name", f->name);
    json_add_bool(j, "component", f->is_component);
    if (f->grant)
        write_grant(j, f->rules[0], f->grant);
    json_add_str(j, "message", f->text);
    json_close_obj(j);
}

/* ---- for people ---- */

/* Names come from tenants: no control character reaches the terminal. */
static void add_clean(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++)
        strbuf_addc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

/* A line for the object, when it is another one than before. */
static int name_object(struct findings_printer *p, const struct access_finding *f, struct err *err)
{
    AUTO_STRBUF line;

    strbuf_init(&line, FINDINGS_TEXT_MAX);
    strbuf_addf(&line, "%s ", f->kind);
    add_clean(&line, f->ns);
    strbuf_adds(&line, *f->ns ? "/" : "");
    add_clean(&line, f->name);
    strbuf_addf(&line, "%s\n", f->is_component ? " (of the cluster itself)" : "");
    if (strbuf_check(&line, "the name of an object", err) < 0)
        return -1;
    if (strcmp(line.text, p->object.text) == 0)
        return 0;
    strbuf_clear(&p->object);
    strbuf_add(&p->object, line.text, line.len);
    strbuf_add(&p->text, line.text, line.len);
    return strbuf_check(&p->object, "the name of an object", err);
}

static void write_text(struct findings_printer *p, const struct access_finding *f)
{
    const struct access_rule *rule = f->rules[0];
    const char *end = p->has_color ? COLOR_END : "";

    if (f->outcome == RULE_FAIL) {
        strbuf_addf(&p->text, "  %s (%s%s%s): ", rule->id,
                    p->has_color ? colors[rule->severity] : "", rule_severity_name(rule->severity),
                    end);
    } else {
        strbuf_addf(&p->text, "  %s", rule->id);
        if (f->rules_count > 1)
            strbuf_addf(&p->text, " and %zu more", f->rules_count - 1);
        strbuf_addf(&p->text, " (%serror%s): ", p->has_color ? COLOR_UNTOLD : "", end);
    }
    add_clean(&p->text, f->text);
    strbuf_addc(&p->text, '\n');
}

static void write_sum(struct findings_printer *p)
{
    const struct findings_totals *t = &p->totals;
    size_t all = 0;

    for (size_t i = 0; i <= SEVERITY_CRITICAL; i++)
        all += t->failed[i];
    strbuf_addf(&p->text, "%zu object%s: %zu finding%s", t->objects, t->objects == 1 ? "" : "s",
                all, all == 1 ? "" : "s");
    if (all > 0)
        strbuf_addf(&p->text, " (%zu critical, %zu high, %zu medium, %zu low)",
                    t->failed[SEVERITY_CRITICAL], t->failed[SEVERITY_HIGH],
                    t->failed[SEVERITY_MEDIUM], t->failed[SEVERITY_LOW]);
    if (t->component > 0)
        strbuf_addf(&p->text, ", %zu of them about the cluster itself", t->component);
    strbuf_addf(&p->text, "; %zu cannot be told; %zu not read\n", t->untold, t->not_read);
}

/* ---- */

void findings_print_begin(struct findings_printer *p, FILE *out, bool is_json, bool has_color)
{
    *p = (struct findings_printer){.out = out, .is_json = is_json, .has_color = has_color};
    strbuf_init(&p->text, FINDINGS_TEXT_MAX);
    strbuf_init(&p->object, FINDINGS_TEXT_MAX);
    json_build_init(&p->json, &p->text);
    if (is_json) {
        json_open_obj(&p->json, NULL);
        json_open_arr(&p->json, "findings");
    }
}

void findings_print_done(struct findings_printer *p)
{
    strbuf_done(&p->text);
    strbuf_done(&p->object);
}

int findings_print(void *printer, const struct access_finding *finding, struct err *err)
{
    struct findings_printer *p = printer;

    count(&p->totals, finding);
    if (p->is_json) {
        write_json(p, finding);
    } else {
        if (name_object(p, finding, err) < 0)
            return -1;
        write_text(p, finding);
    }
    return hand_out(p, err);
}

/* Closes the list of findings and opens that of what was not read. */
static void turn(struct findings_printer *p)
{
    if (p->is_json && !p->has_not_read) {
        json_close_arr(&p->json);
        json_open_arr(&p->json, "notRead");
    }
    p->has_not_read = true;
}

int findings_print_not_read(struct findings_printer *p, const char *what, const char *why,
                            struct err *err)
{
    turn(p);
    p->totals.not_read++;
    if (p->is_json) {
        json_open_obj(&p->json, NULL);
        json_add_str(&p->json, "what", what);
        json_add_str(&p->json, "why", why);
        json_close_obj(&p->json);
    } else {
        strbuf_addf(&p->text, "%snot read%s: %s: ", p->has_color ? COLOR_UNTOLD : "",
                    p->has_color ? COLOR_END : "", what);
        add_clean(&p->text, why);
        strbuf_addc(&p->text, '\n');
    }
    return hand_out(p, err);
}

int findings_print_end(struct findings_printer *p, struct err *err)
{
    const struct findings_totals *t = &p->totals;
    struct json_build *j = &p->json;

    turn(p);
    if (p->is_json) {
        json_close_arr(j);
        json_open_obj(j, "summary");
        json_add_int(j, "objects", (int64_t)t->objects);
        for (unsigned i = SEVERITY_CRITICAL + 1; i-- > 0;)
            json_add_int(j, rule_severity_name((enum rule_severity)i), (int64_t)t->failed[i]);
        json_add_int(j, "component", (int64_t)t->component);
        json_add_int(j, "cannotBeTold", (int64_t)t->untold);
        json_close_obj(j);
        json_close_obj(j);
        strbuf_addc(&p->text, '\n');
    } else {
        write_sum(p);
    }
    return hand_out(p, err);
}

bool findings_print_has_any(const struct findings_printer *p)
{
    const struct findings_totals *t = &p->totals;
    size_t all = t->untold + t->not_read;

    for (size_t i = 0; i <= SEVERITY_CRITICAL; i++)
        all += t->failed[i];
    return all > 0;
}

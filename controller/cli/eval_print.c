#include "rampart/cli/eval_print.h"

#include <errno.h>
#include <string.h>

#include "rampart/json/build.h"

struct outcome {
    uint64_t fail, error; /* rules, by their index */
};

void eval_print_begin(struct eval_printer *p, FILE *out)
{
    *p = (struct eval_printer){.out = out};
    strbuf_init(&p->text, EVAL_TEXT_MAX);
}

void eval_print_done(struct eval_printer *p)
{
    strbuf_done(&p->text);
}

static int hand_out(struct eval_printer *p, struct err *err)
{
    if (strbuf_check(&p->text, "what is said of one pod", err) < 0)
        return -1;
    if (fwrite(p->text.text, 1, p->text.len, p->out) != p->text.len)
        return err_set(err, ERR_IO, "standard output: %s", strerror(errno));
    strbuf_clear(&p->text);
    return 0;
}

static bool is_asked(const struct eval_printer *p, const struct rule *rule)
{
    return rule->subject == RULE_POD && (p->asks_all || rule_is_required(rule, &p->settings));
}

static struct outcome ask(const struct eval_printer *p, const struct rule_input *in)
{
    struct outcome o = {0};

    for (size_t i = 0; i < rules_count; i++) {
        struct rule_answer answer;

        if (!is_asked(p, rules[i]))
            continue;
        answer = rule_ask(rules[i], in);
        if (answer.outcome == RULE_FAIL)
            o.fail |= UINT64_C(1) << i;
        else if (answer.outcome == RULE_ERROR)
            o.error |= UINT64_C(1) << i;
    }
    return o;
}

static void add_ids(struct json_build *j, const char *name, uint64_t set)
{
    json_open_arr(j, name);
    for (; set; set &= set - 1)
        json_add_str(j, NULL, rules[__builtin_ctzll(set)]->id);
    json_close_arr(j);
}

static int propose(struct eval_printer *p, const struct eval_subject *subject,
                   const struct outcome *o, struct fix *ret_fix, struct err *err)
{
    const struct workload_facts w = {.object = {.kind = subject->place}, .pod = *subject->pod};

    return fix_propose(&w, &p->settings, o->fail, subject->arena, ret_fix, err);
}

static void write_json(struct eval_printer *p, const struct eval_subject *subject,
                       const struct outcome *o, const struct fix *fix)
{
    struct json_build j;

    json_build_init(&j, &p->text);
    json_open_obj(&j, NULL);
    json_add_str(&j, "kind", subject->kind);
    json_add_str(&j, "namespace", subject->ns);
    json_add_str(&j, "name", subject->name);
    json_add_str(&j, "verdict", o->error ? "error" : o->fail ? "fail" : "pass");
    add_ids(&j, "fail", o->fail);
    add_ids(&j, "error", o->error);
    if (p->shows_fix) {
        json_add_str(&j, "fix", fix->yaml);
        add_ids(&j, "left", fix->left);
    }
    json_close_obj(&j);
    strbuf_addc(&p->text, '\n');
}

static void write_fix(struct eval_printer *p, const struct fix *fix)
{
    const char *line = fix->yaml;

    if (*line != '\0')
        strbuf_adds(&p->text, "  merge in Git:\n");
    while (*line != '\0') {
        size_t len = strcspn(line, "\n") + 1;

        strbuf_addf(&p->text, "    %.*s", (int)len, line);
        line += len;
    }
    if (fix->asks_image)
        strbuf_adds(&p->text, "  with runAsNonRoot an image does not start that runs as root\n");
    for (uint64_t set = fix->left; set; set &= set - 1)
        strbuf_addf(&p->text, "%s%s", set == fix->left ? "  for its owner to decide: " : ", ",
                    rules[__builtin_ctzll(set)]->id);
    if (fix->left)
        strbuf_addc(&p->text, '\n');
}

static void write_text(struct eval_printer *p, const struct eval_subject *subject,
                       const struct rule_input *in, const struct outcome *o)
{
    static const char *const words[] = {"passes", "fails", "cannot be told"};
    static const char *const colors[] = {"\033[32m", "\033[31m", "\033[33m"};
    size_t verdict = o->error ? 2 : o->fail ? 1 : 0;

    strbuf_addf(&p->text, "%s %s%s%s: %s%s%s\n", subject->kind, subject->ns,
                *subject->ns == '\0' ? "" : "/", subject->name, p->has_color ? colors[verdict] : "",
                words[verdict], p->has_color ? "\033[0m" : "");
    for (uint64_t set = o->fail | o->error; set; set &= set - 1) {
        const struct rule *rule = rules[__builtin_ctzll(set)];
        struct rule_answer answer = rule_ask(rule, in);

        strbuf_addf(&p->text, "  %s (%s): ", rule->id, rule_severity_name(rule->severity));
        rule_explain(rule, in, &answer, &p->text);
        strbuf_addc(&p->text, '\n');
        if (in->pod->unreadable)
            break; /* all the others say the same */
    }
}

int eval_print_pod(struct eval_printer *p, const struct eval_subject *subject, struct err *err)
{
    const struct rule_input in = {.settings = &p->settings, .pod = subject->pod};
    struct outcome o = ask(p, &in);
    struct fix fix = {.yaml = ""};

    if (subject->pod->unreadable && !o.error)
        o.error = 1; /* no rule was asked: privileged. It cannot be told all the same. */
    if (o.error)
        p->totals.error++;
    else if (o.fail)
        p->totals.fail++;
    else
        p->totals.pass++;
    if (p->shows_fix && propose(p, subject, &o, &fix, err) < 0)
        return -1;
    if (p->is_json) {
        write_json(p, subject, &o, &fix);
    } else {
        write_text(p, subject, &in, &o);
        write_fix(p, &fix);
    }
    return hand_out(p, err);
}

int eval_print_end(struct eval_printer *p, struct err *err)
{
    const struct eval_totals *t = &p->totals;

    size_t all = t->pass + t->fail + t->error;

    if (!p->is_json)
        strbuf_addf(&p->text, "%zu pod%s: %zu passed, %zu failed, %zu cannot be told\n", all,
                    all == 1 ? "" : "s", t->pass, t->fail, t->error);
    if (hand_out(p, err) < 0)
        return -1;
    if (fflush(p->out) != 0)
        return err_set(err, ERR_IO, "standard output: %s", strerror(errno));
    return 0;
}

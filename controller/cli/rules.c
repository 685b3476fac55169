#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rampart/base/strbuf.h"
#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"
#include "rampart/json/build.h"
#include "rampart/reconcilers/access_rule.h"
#include "rampart/reconcilers/rule.h"

#define LIST_LEN_MAX (1024u * 1024) /* bytes of the whole list; RULES_MAX rules take far less */
#define LEVEL_ACCESS "access" /* in the place of a level; no profile is held to one of these */

static const char *const subject_names[] = {
    [RULE_POD] = "pod",
    [RULE_SERVICE] = "Service",
    [RULE_NAMESPACE] = "namespace",
};

/* As the members of spec.workloads.fill are called. */
static const char *const fill_names[FILL_COUNT] = {
    [FILL_NONE] = "",
    [FILL_RUN_AS_NON_ROOT] = "runAsNonRoot",
    [FILL_SECCOMP] = "seccompProfile",
    [FILL_ALLOW_PRIVILEGE_ESCALATION] = "allowPrivilegeEscalation",
    [FILL_DROP_CAPABILITIES] = "dropCapabilities",
    [FILL_READ_ONLY_ROOT] = "readOnlyRootFilesystem",
    [FILL_RESOURCES] = "resources",
};

/* "v1.31"; "" for a rule that every version has. */
static void add_since(struct strbuf *out, const struct rule *rule)
{
    if (rule->since_minor > 0)
        strbuf_addf(out, "v1.%u", rule->since_minor);
}

static void print_text(struct strbuf *out)
{
    for (size_t i = 0; i < rules_count; i++)
        strbuf_addf(out, "%-30s %-10s %-8s  %s\n", rules[i]->id, rule_level_name(rules[i]->level),
                    rule_severity_name(rules[i]->severity), rules[i]->title);
    for (size_t i = 0; i < access_rules_count; i++)
        strbuf_addf(out, "%-30s %-10s %-8s  %s\n", access_rules[i]->id, LEVEL_ACCESS,
                    rule_severity_name(access_rules[i]->severity), access_rules[i]->title);
}

static void print_row(struct strbuf *out, const struct rule *rule)
{
    const char *fix = fill_names[rule->fix];

    strbuf_addf(out, "| `%s` | %s | %s | %s | ", rule->id, rule->title,
                subject_names[rule->subject], rule_severity_name(rule->severity));
    add_since(out, rule);
    strbuf_addf(out, " | %s | %s | %s%s%s |\n", rule->standards, rule->remedy, *fix ? "`" : "", fix,
                *fix ? "`" : "");
}

/* One table a level and one of the access rules, as docs/rules.md has them. */
static void print_markdown(struct strbuf *out)
{
    for (unsigned level = LEVEL_BASELINE; level <= LEVEL_HARDENED; level++) {
        strbuf_addf(out,
                    "### Level %s\n\n"
                    "| Rule | What holds | About | Severity | Since | Comes from | What to do | "
                    "Filled in by |\n|---|---|---|---|---|---|---|---|\n",
                    rule_level_name(level));
        for (size_t i = 0; i < rules_count; i++) {
            if (rules[i]->level == level)
                print_row(out, rules[i]);
        }
        strbuf_addc(out, '\n');
    }
    strbuf_adds(out, "### Access\n\n"
                     "| Rule | What holds | About | Severity | Comes from | What to do |\n"
                     "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < access_rules_count; i++) {
        const struct access_rule *rule = access_rules[i];

        strbuf_addf(out, "| `%s` | %s | %s | %s | %s | %s |\n", rule->id, rule->title,
                    access_about_name(rule->about), rule_severity_name(rule->severity),
                    rule->standards, rule->remedy);
    }
}

struct row {
    const char *id, *title, *about, *level, *since, *standards, *remedy, *fill;
    enum rule_severity severity;
};

static void print_object(struct json_build *j, const struct row *row)
{
    json_open_obj(j, NULL);
    json_add_str(j, "id", row->id);
    json_add_str(j, "title", row->title);
    json_add_str(j, "about", row->about);
    json_add_str(j, "level", row->level);
    json_add_str(j, "severity", rule_severity_name(row->severity));
    json_add_str(j, "since", row->since);
    json_add_str(j, "standards", row->standards);
    json_add_str(j, "remedy", row->remedy);
    json_add_str(j, "fill", row->fill);
    json_close_obj(j);
}

static void print_posture_rule(struct json_build *j, const struct rule *rule)
{
    AUTO_STRBUF since;

    strbuf_init(&since, LIST_LEN_MAX);
    add_since(&since, rule);
    print_object(j, &(struct row){.id = rule->id,
                                  .title = rule->title,
                                  .about = subject_names[rule->subject],
                                  .level = rule_level_name(rule->level),
                                  .since = since.text,
                                  .standards = rule->standards,
                                  .remedy = rule->remedy,
                                  .fill = fill_names[rule->fix],
                                  .severity = rule->severity});
}

static void print_access_rule(struct json_build *j, const struct access_rule *rule)
{
    print_object(j, &(struct row){.id = rule->id,
                                  .title = rule->title,
                                  .about = access_about_name(rule->about),
                                  .level = LEVEL_ACCESS,
                                  .since = "",
                                  .standards = rule->standards,
                                  .remedy = rule->remedy,
                                  .fill = "",
                                  .severity = rule->severity});
}

static void print_json(struct strbuf *out)
{
    struct json_build j;

    json_build_init(&j, out);
    json_open_arr(&j, NULL);
    for (size_t i = 0; i < rules_count; i++)
        print_posture_rule(&j, rules[i]);
    for (size_t i = 0; i < access_rules_count; i++)
        print_access_rule(&j, access_rules[i]);
    json_close_arr(&j);
    strbuf_addc(out, '\n');
}

static const struct format {
    const char *name;
    void (*print)(struct strbuf *out);
} formats[] = {{"text", print_text}, {"markdown", print_markdown}, {"json", print_json}};

static int print(const struct format *format)
{
    struct err err = {0};
    AUTO_STRBUF out;

    strbuf_init(&out, LIST_LEN_MAX);
    format->print(&out);
    if (strbuf_check(&out, "the list of rules", &err) == 0 &&
        (fwrite(out.text, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
        err_set(&err, ERR_IO, "write the list of rules: %s", strerror(errno));
    if (err.code == ERR_NONE)
        return EXIT_DONE;
    (void)fprintf(stderr, "rampart rules: %s\n", err.msg);
    return EXIT_FAILED;
}

int rules_command(int argc, char **argv)
{
    const char *output = "text";
    const struct arg_flag flags[] = {
        {.name = "output",
         .letter = 'o',
         .value = "FORMAT",
         .ret_text = &output,
         .help = "text, markdown or json (default: text)"},
    };
    const struct arg_command command = {
        .name = "rules",
        .usage = "[FLAGS]",
        .text = "Lists the rules that this version knows: those about posture, then those about\n"
                "access (rampart rbac findings), each sorted by id. What they come from and what\n"
                "to do is in markdown and json.\n",
        .flags = flags,
        .flags_count = sizeof(flags) / sizeof(flags[0]),
    };
    int code;

    if (!args_parse(&command, argc, argv, &code))
        return code;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(output, formats[i].name) == 0)
            return print(&formats[i]);
    }
    return args_refuse(&command, "output", "\"%.32s\" is unknown; expected text, markdown or json",
                       output);
}

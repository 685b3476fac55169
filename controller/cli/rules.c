#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rampart/base/strbuf.h"
#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"
#include "rampart/json/build.h"
#include "rampart/reconcilers/rule.h"

#define LIST_LEN_MAX (1024u * 1024) /* bytes of the whole list; RULES_MAX rules take far less */

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

/* One table a level, as docs/rules.md has them. */
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
        strbuf_adds(out, level == LEVEL_HARDENED ? "" : "\n");
    }
}

static void print_json(struct strbuf *out)
{
    struct json_build j;

    json_build_init(&j, out);
    json_open_arr(&j, NULL);
    for (size_t i = 0; i < rules_count; i++) {
        const struct rule *rule = rules[i];
        AUTO_STRBUF since;

        strbuf_init(&since, LIST_LEN_MAX);
        add_since(&since, rule);
        json_open_obj(&j, NULL);
        json_add_str(&j, "id", rule->id);
        json_add_str(&j, "title", rule->title);
        json_add_str(&j, "about", subject_names[rule->subject]);
        json_add_str(&j, "level", rule_level_name(rule->level));
        json_add_str(&j, "severity", rule_severity_name(rule->severity));
        json_add_str(&j, "since", since.text);
        json_add_str(&j, "standards", rule->standards);
        json_add_str(&j, "remedy", rule->remedy);
        json_add_str(&j, "fill", fill_names[rule->fix]);
        json_close_obj(&j);
    }
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
        .text = "Lists the posture rules that this version knows, sorted by id. What they come\n"
                "from and what to do is in markdown and json.\n",
        .flags = flags,
        .flags_count = sizeof(flags) / sizeof(flags[0]),
    };

    switch (args_parse(&command, argc, argv)) {
    case ARGS_RUN:
        break;
    case ARGS_HELP:
        return EXIT_DONE;
    case ARGS_WRONG:
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(output, formats[i].name) == 0)
            return print(&formats[i]);
    }
    return args_refuse(&command, "output", "\"%.32s\" is unknown; expected text, markdown or json",
                       output);
}

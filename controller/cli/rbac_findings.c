#include <stdio.h>
#include <unistd.h>

#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"
#include "rampart/cli/findings_print.h"
#include "rampart/cli/findings_read.h"
#include "rampart/cli/rbac.h"
#include "rampart/cli/terminal.h"
#include "rampart/edge/allocators.h"
#include "rampart/edge/config.h"
#include "rampart/edge/loop.h"

#define MEMORY_MAX (16u * 1024 * 1024) /* configuration of one run, and why what was not read */
#define NAMESPACE_USUAL "default"

struct settings {
    const char *kubeconfig;
    const char *context;
    const char *ns;
    const char *output;
    struct arg_list files;
    bool asks_components;
    bool is_json;
};

static int read_files(const struct settings *s, struct access_evidence *e, struct err *err)
{
    size_t all = 0;

    for (size_t i = 0; i < s->files.count; i++) {
        size_t count;

        if (findings_read_path(s->files.items[i], s->ns ? s->ns : NAMESPACE_USUAL, e, &count, err) <
            0)
            return -1;
        all += count;
    }
    return all > 0 ? 0
                   : err_set(err, ERR_INVALID,
                             "there is no role, binding, ServiceAccount, workload or ConfigMap in "
                             "what -f names");
}

static int read_cluster(const struct settings *s, struct arena *a, struct access_evidence *e,
                        struct findings_gaps *gaps, struct err *err)
{
    struct client_config config;
    struct log log;

    terminal_log_init(&log, LOG_ERROR);
    if (config_load(s->kubeconfig, s->context, a, &config, err) < 0)
        return -1;
    if (s->ns)
        (void)fprintf(stderr, "note: ClusterRoleBindings hold in this namespace too; they are "
                              "asked without --namespace\n");
    return findings_read_cluster(&config, &log, s->ns, a, e, gaps, err);
}

static int print_all(const struct settings *s, struct access_evidence *e,
                     const struct findings_gaps *gaps, struct findings_printer *p, struct err *err)
{
    struct access_asked asked;

    if (access_evidence_findings(e, s->ns, s->asks_components, findings_print, p, &asked, err) < 0)
        return -1;
    p->totals.objects = asked.objects;
    for (size_t i = 0; i < gaps->count; i++) {
        if (findings_print_not_read(p, gaps->items[i].what, gaps->items[i].why, err) < 0)
            return -1;
    }
    return findings_print_end(p, err);
}

static int run(const struct settings *s, struct arena *a, struct access_evidence *e, bool *ret_any,
               struct err *err)
{
    struct findings_gaps gaps = {.count = 0};
    struct findings_printer printer;
    int result;

    result = s->files.count > 0 ? read_files(s, e, err) : read_cluster(s, a, e, &gaps, err);
    if (result < 0)
        return -1;
    findings_print_begin(&printer, stdout, s->is_json,
                         !s->is_json && terminal_has_color(STDOUT_FILENO));
    result = print_all(s, e, &gaps, &printer, err);
    *ret_any = findings_print_has_any(&printer);
    findings_print_done(&printer);
    return result;
}

static int start(const struct settings *s)
{
    struct access_evidence evidence;
    struct err err = {0};
    struct arena memory;
    bool has_any = false;
    int result = allocators_install(&err);

    if (result == 0) {
        map_seed((uint32_t)clock_random_seed());
        arena_init(&memory, MEMORY_MAX);
        access_evidence_init(&evidence, ACCESS_EVIDENCE_BYTES_MAX);
        result = run(s, &memory, &evidence, &has_any, &err);
        access_evidence_done(&evidence);
        arena_done(&memory);
        allocators_done();
    }
    if (result < 0) {
        (void)fprintf(stderr, "rampart rbac findings: %s\n", err.msg);
        return EXIT_FAILED;
    }
    return has_any ? EXIT_CHANGES : EXIT_DONE;
}

int rbac_findings_command(int argc, char **argv)
{
    struct settings s = {.output = "text"};
    const struct arg_flag flags[] = {
        {.name = "file",
         .letter = 'f',
         .value = "PATH",
         .ret_list = &s.files,
         .help = "manifests in place of a cluster (YAML or JSON; a\nfile, a folder, or - for "
                 "standard input); may be\ngiven several times"},
        {.name = "namespace",
         .letter = 'n',
         .value = "NAME",
         .ret_text = &s.ns,
         .help = "what is in this one alone (default: all that\nthere is); of manifests also for "
                 "objects that\nstate none"},
        {.name = "all",
         .ret_flag = &s.asks_components,
         .help = "the cluster's own components too, each with what\ntells it apart"},
        ARG_KUBECONFIG(&s.kubeconfig),
        ARG_CONTEXT(&s.context),
        ARG_TEXT_OR_JSON(&s.output),
    };
    const struct arg_command command = {
        .name = "rbac findings",
        .usage = "[-f PATH]... [FLAGS]",
        .text =
            "Says which bindings, roles and ServiceAccounts give too much, why, and what to\n"
            "do; which Secrets hold tokens that never expire; which ConfigMaps hold\n"
            "credentials. It reads as whoever the kubeconfig says, only lists, and never what\n"
            "is in a Secret. What the caller may not list is said and never counts as passed.\n"
            "rampart rules lists what is asked.\n"
            "\n"
            "Exit code 0: nothing is found; 3: something is, or cannot be told; 1: it failed.\n",
        .flags = flags,
        .flags_count = sizeof(flags) / sizeof(flags[0]),
    };
    int code;

    if (!args_parse(&command, argc, argv, &code))
        return code;
    if (args_text_or_json(&command, s.output, &s.is_json) != EXIT_DONE)
        return EXIT_USAGE;
    if (s.files.count > 0 && (s.kubeconfig || s.context))
        return args_refuse(&command, "file",
                           "asks no cluster: leave --kubeconfig and --context out");
    return start(&s);
}

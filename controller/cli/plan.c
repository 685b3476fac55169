#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"
#include "rampart/cli/plan_print.h"
#include "rampart/cli/plan_view.h"
#include "rampart/cli/terminal.h"
#include "rampart/edge/allocators.h"
#include "rampart/edge/config.h"
#include "rampart/edge/loop.h"
#include "rampart/reconcilers/pod_security.h"
#include "rampart/reconcilers/registry.h"

#define MEMORY_MAX (256u * 1024 * 1024) /* configuration, files and lists of one run */
#define PASS_BYTES_MAX (64u * 1024 * 1024)

struct settings {
    const char *kubeconfig;
    const char *context;
    const char *output;
    struct arg_list files;
    bool is_json;
};

static int plan_one(const struct plan_view *view, const char *ns, struct plan_printer *printer,
                    struct arena *a, struct err *err)
{
    struct plan plan;

    arena_reset(a);
    plan_init(&plan, a);
    if (registry_ops.plan_namespace(&view->view, ns, &plan, err) < 0 ||
        pod_security_preview(&view->view, ns, &plan, err) < 0 || plan_check(&plan, err) < 0)
        return err_wrap(err, "namespace %s", ns);
    plan_sort(&plan);
    return plan_print_namespace(printer, ns, &plan, err);
}

static int plan_all(const struct plan_view *view, struct plan_printer *printer, struct arena *a,
                    struct err *err)
{
    struct object_list namespaces;
    struct plan_workloads workloads;
    AUTO_ARENA of_pass;

    arena_init(&of_pass, PASS_BYTES_MAX);
    if (view_list(&view->view, KIND_NAMESPACE, NULL, a, &namespaces, err) < 0)
        return -1;
    for (size_t i = 0; i < namespaces.count; i++) {
        if (plan_one(view, namespaces.items[i]->name, printer, &of_pass, err) < 0)
            return -1;
    }
    if (plan_workloads_collect(&view->view, a, &workloads, err) < 0 ||
        plan_print_workloads(printer, &workloads, err) < 0)
        return -1;
    return plan_print_end(printer, err);
}

/* What the reader has to know to read the plan rightly. */
static void print_notes(const struct plan_view *view)
{
    if (view->profiles.count == 0)
        (void)fprintf(stderr, "note: the cluster has no SecurityProfile; try one with -f FILE\n");
    for (size_t i = 0; i < view->profiles.count; i++) {
        const struct profile *p = OBJECT_AS(profile, view->profiles.items[i]);

        if (p->invalid)
            (void)fprintf(stderr, "note: SecurityProfile %s selects nothing: %s\n", p->object.name,
                          p->invalid);
    }
    if (view->raised_count > 0)
        (void)fprintf(stderr, "note: %zu SecurityProfile%s in Audit, shown as if in Enforce\n",
                      view->raised_count, view->raised_count == 1 ? " is" : "s are");
}

static int print_plan(const struct settings *s, const struct snapshot *snapshot,
                      const struct profile_list *files, struct arena *a, size_t *ret_changed,
                      struct err *err)
{
    struct plan_printer printer;
    struct plan_view view;
    int result;

    if (plan_view_init(&view, snapshot, files, config_own_namespace(a), clock_wall_ms(), a, err) <
        0)
        return -1;
    print_notes(&view);
    plan_print_begin(&printer, stdout, s->is_json,
                     !s->is_json && terminal_has_color(STDOUT_FILENO));
    result = plan_all(&view, &printer, a, err);
    *ret_changed = printer.totals.changed + printer.totals.fill;
    plan_print_done(&printer);
    return result;
}

/* Files first: what is wrong with them is known without a cluster. */
static int run(const struct settings *s, struct arena *a, size_t *ret_changed, struct err *err)
{
    struct profile_list files = {.count = 0};
    struct client_config config;
    struct log log;
    struct snapshot_options options = {.config = &config, .log = &log};
    struct snapshot *snapshot;
    int result;

    for (size_t i = 0; i < s->files.count; i++) {
        if (profile_file_read(s->files.items[i], a, &files, err) < 0)
            return -1;
    }
    if (config_load(s->kubeconfig, s->context, a, &config, err) < 0)
        return -1;
    terminal_log_init(&log, LOG_ERROR);
    options.may_lack_profiles = files.count > 0;
    snapshot = snapshot_take(&options, err);
    if (!snapshot)
        return -1;
    result = print_plan(s, snapshot, &files, a, ret_changed, err);
    snapshot_free(snapshot);
    return result;
}

static int start(const struct settings *s)
{
    struct err err = {0};
    struct arena memory;
    size_t changed = 0;
    int result = allocators_install(&err);

    if (result == 0) {
        arena_init(&memory, MEMORY_MAX);
        result = run(s, &memory, &changed, &err);
        arena_done(&memory);
        allocators_done();
    }
    if (result < 0) {
        (void)fprintf(stderr, "rampart plan: %s\n", err.msg);
        return EXIT_FAILED;
    }
    return changed > 0 ? EXIT_CHANGES : EXIT_DONE;
}

int plan_command(int argc, char **argv)
{
    struct settings s = {.output = "text"};
    const struct arg_flag flags[] = {
        {.name = "file",
         .letter = 'f',
         .value = "FILE",
         .ret_list = &s.files,
         .help = "SecurityProfiles (YAML or JSON, - is standard\ninput) that join or replace those "
                 "of the\ncluster; may be given several times"},
        ARG_KUBECONFIG(&s.kubeconfig),
        ARG_CONTEXT(&s.context),
        ARG_TEXT_OR_JSON(&s.output),
    };
    const struct arg_command command = {
        .name = "plan",
        .usage = "[-f FILE]... [FLAGS]",
        .text = "Shows exactly what Enforce would do, namespace by namespace, and writes nothing.\n"
                "Profiles in Audit are shown as if in Enforce: those of the files, or all of them\n"
                "without -f. Where an order has to be kept, its first steps are shown. Of\n"
                "workloads it says who would be filled in, when, and who left alone; their pods\n"
                "are not asked, nor is the API server by a dry run of a namespace's labels.\n"
                "\n"
                "  + create   ~ mend, fill in   - remove   ! cannot, and why\n"
                "\n"
                "Exit code 0: nothing would change; 3: something would; 1: it failed.\n",
        .flags = flags,
        .flags_count = sizeof(flags) / sizeof(flags[0]),
    };
    int code;

    if (!args_parse(&command, argc, argv, &code))
        return code;
    if (args_text_or_json(&command, s.output, &s.is_json) != EXIT_DONE)
        return EXIT_USAGE;
    return start(&s);
}

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rampart/cli/access_read.h"
#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"
#include "rampart/cli/resource_find.h"
#include "rampart/cli/terminal.h"
#include "rampart/cli/who_can_print.h"
#include "rampart/edge/allocators.h"
#include "rampart/edge/config.h"
#include "rampart/json/decode.h"

#define MEMORY_MAX (256u * 1024 * 1024) /* configuration and answer of one run */
#define GRAPH_MAX (512u * 1024 * 1024)  /* bytes of all roles and bindings */
#define OUTPUT_MAX (256u * 1024 * 1024) /* bytes */
#define MISSING_SHOWN_MAX 10            /* roles that are bound and not there, in the notes */
#define NAMESPACE_USUAL "default"

struct settings {
    const char *kubeconfig;
    const char *context;
    const char *ns;
    const char *output;
    struct arg_list files;
    struct arg_list words; /* verb, resource or path, name */
    bool is_in_any_namespace;
    bool is_json;
};

/* The role that every API server makes, and that manifests bind without stating it. */
static const char cluster_admin[] =
    "{\"metadata\":{\"name\":\"cluster-admin\"},\"rules\":[{\"verbs\":[\"*\"],\"apiGroups\":"
    "[\"*\"],\"resources\":[\"*\"]},{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}]}";

/* One line on stderr. Tenants choose names: the message of an err has no control characters. */
__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    struct err line = {0};
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)err_set(&line, ERR_INVALID, "%s", text);
    (void)fprintf(stderr, "note: %s\n", line.msg);
}

/* ---- the question ---- */

static bool is_path(const struct settings *s)
{
    return s->words.items[1][0] == '/';
}

static const char *name_of(const struct settings *s)
{
    return s->words.count > 2 ? s->words.items[2] : "";
}

/* An object of the core resource "namespaces" is asked for in the namespace that it is. */
static bool is_one_namespace(const struct rbac_request *request)
{
    return *request->group == '\0' && strcmp(request->resource, "namespaces") == 0 &&
           *request->name != '\0';
}

/* @config NULL: from manifests. */
static int question_build(const struct settings *s, const struct client_config *config,
                          struct log *log, struct arena *a, struct access_question *question,
                          struct err *err)
{
    struct rbac_request *request = &question->request;
    struct resource_name name;
    struct found_resource found;

    *question = (struct access_question){.ns = ""};
    request->verb = s->words.items[0];
    if (is_path(s)) {
        request->path = s->words.items[1];
        return 0;
    }
    if (resource_name_parse(s->words.items[1], a, &name, err) < 0 ||
        resource_find(&name, config, log, a, &found, err) < 0)
        return -1;
    request->group = found.group;
    request->resource = found.plural;
    request->subresource = name.subresource;
    request->name = name_of(s);
    if (!found.is_known)
        note("nothing is known of %s.%s; asked as it is written, as if in a namespace",
             found.plural, found.group);
    if (is_one_namespace(request)) {
        question->ns = request->name;
    } else if (found.is_namespaced) {
        question->is_in_any_namespace = s->is_in_any_namespace;
        question->ns = s->ns ? s->ns : config && config->ns ? config->ns : NAMESPACE_USUAL;
    } else if (s->ns) {
        note("%s are in no namespace; --namespace does not count", found.plural);
    }
    return 0;
}

/* Where roles and bindings have to be read: as access_read_cluster() wants it. */
static const char *namespace_to_read(const struct access_question *question)
{
    return question->is_in_any_namespace ? NULL : question->ns;
}

/* ---- the graph ---- */

static int add_cluster_admin(struct access *g, struct err *err)
{
    json_auto_t *role = json_decode(cluster_admin, strlen(cluster_admin), err);

    for (size_t i = 0; i < g->roles_count; i++) {
        if (*g->roles[i].ns == '\0' && strcmp(g->roles[i].name, "cluster-admin") == 0)
            return role ? 0 : -1;
    }
    return role ? access_add(g, ACCESS_CLUSTER_ROLE, role, "", err) : -1;
}

static int read_files(const struct settings *s, struct access *g, struct err *err)
{
    for (size_t i = 0; i < s->files.count; i++) {
        if (access_read_path(s->files.items[i], s->ns ? s->ns : NAMESPACE_USUAL, g, err) < 0)
            return -1;
    }
    if (g->roles_count + g->bindings_count == 0)
        return err_set(err, ERR_INVALID,
                       "there is no Role, ClusterRole, RoleBinding or ClusterRoleBinding in what "
                       "-f names");
    return add_cluster_admin(g, err);
}

static bool is_about(const struct access_binding *b, const struct access_question *question)
{
    return *b->ns == '\0' || question->is_in_any_namespace || strcmp(b->ns, question->ns) == 0;
}

/* What the reader has to know to read the answer rightly. */
static void print_notes(const struct access *g, const struct access_question *question,
                        bool is_from_files)
{
    size_t missing = 0;

    for (size_t i = 0; i < g->bindings_count; i++) {
        const struct access_binding *b = &g->bindings[i];

        if (b->role || !is_about(b, question) || ++missing > MISSING_SHOWN_MAX)
            continue;
        note("%s %.64s%s%.64s binds %s %.64s, which is not there: %s",
             access_kind_name(*b->ns ? ACCESS_ROLE_BINDING : ACCESS_CLUSTER_ROLE_BINDING), b->ns,
             *b->ns ? "/" : "", b->name,
             access_kind_name(*b->role_ns ? ACCESS_ROLE : ACCESS_CLUSTER_ROLE), b->role_name,
             is_from_files ? "what it gives does not count" : "it gives nothing");
    }
    if (missing > MISSING_SHOWN_MAX)
        note("and %zu more like it", missing - MISSING_SHOWN_MAX);
    for (size_t i = 0; is_from_files && i < g->roles_count; i++) {
        if (g->roles[i].is_aggregated && g->roles[i].rules.count == 0)
            note("ClusterRole %.64s is aggregated and states no rules, which the "
                 "cluster fills in: what it gives does not count",
                 g->roles[i].name);
    }
}

/* ---- the answer ---- */

static int print_answer(const struct settings *s, const struct access *g,
                        const struct access_question *question, struct arena *a, struct err *err)
{
    struct access_grants grants;
    AUTO_STRBUF out;

    if (access_who_can(g, question, a, &grants, err) < 0)
        return -1;
    strbuf_init(&out, OUTPUT_MAX);
    if (s->is_json)
        who_can_print_json(question, &grants, &out);
    else
        who_can_print_text(question, &grants, &out);
    if (strbuf_check(&out, "the answer", err) < 0)
        return -1;
    if (fwrite(out.text, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
        return err_set(err, ERR_IO, "standard output: %s", strerror(errno));
    return 0;
}

static int answer(const struct settings *s, struct access *g, struct arena *a, bool *ret_is_whole,
                  struct err *err)
{
    struct access_left_out left_out = {0};
    bool is_from_files = s->files.count > 0;
    struct access_question question;
    struct client_config config;
    struct log log;

    terminal_log_init(&log, LOG_ERROR);
    if (!is_from_files && config_load(s->kubeconfig, s->context, a, &config, err) < 0)
        return -1;
    if (question_build(s, is_from_files ? NULL : &config, &log, a, &question, err) < 0)
        return -1;
    if (is_from_files ? read_files(s, g, err) < 0
                      : access_read_cluster(&config, &log, namespace_to_read(&question), g,
                                            &left_out, err) < 0)
        return -1;
    if (access_link(g, err) < 0)
        return -1;
    if (left_out.count > 0)
        note("%zu of the roles and bindings cannot be read, so somebody may be missing here; the "
             "first: %s",
             left_out.count, left_out.first.msg);
    print_notes(g, &question, is_from_files);
    *ret_is_whole = left_out.count == 0;
    return print_answer(s, g, &question, a, err);
}

static int start(const struct settings *s)
{
    struct err err = {0};
    struct arena memory;
    struct access graph;
    bool is_whole = true;
    int result = allocators_install(&err);

    if (result == 0) {
        arena_init(&memory, MEMORY_MAX);
        access_init(&graph, GRAPH_MAX);
        result = answer(s, &graph, &memory, &is_whole, &err);
        access_done(&graph);
        arena_done(&memory);
        allocators_done();
    }
    if (result < 0) {
        (void)fprintf(stderr, "rampart who-can: %s\n", err.msg);
        return EXIT_FAILED;
    }
    return is_whole ? EXIT_DONE : EXIT_CHANGES;
}

/* ---- the command line ---- */

static int refuse(const char *why)
{
    (void)fprintf(stderr, "rampart who-can: %s; see rampart who-can --help\n", why);
    return EXIT_USAGE;
}

/* What does not go together; NULL: all does. */
static const char *contradiction(const struct settings *s)
{
    const struct rbac_request request = {
        .verb = s->words.items[0],
        .subresource = strchr(s->words.items[1], '/') ? "some" : "",
    };

    if (s->ns && s->is_in_any_namespace)
        return "--namespace and --all-namespaces exclude each other";
    if (is_path(s) && s->words.count > 2)
        return "a path has no NAME";
    if (is_path(s) && (s->ns || s->is_in_any_namespace))
        return "a path is in no namespace: leave --namespace and --all-namespaces out";
    if (s->words.count > 2 && !access_can_have_name(&request))
        return "what creates an object, or deletes a whole collection, has no name for RBAC to "
               "look at: leave NAME out";
    if (s->files.count > 0 && (s->kubeconfig || s->context))
        return "-f asks no cluster: leave --kubeconfig and --context out";
    return NULL;
}

int who_can_command(int argc, char **argv)
{
    struct settings s = {.output = "text"};
    const struct arg_flag flags[] = {
        {.name = "namespace",
         .letter = 'n',
         .value = "NAME",
         .ret_text = &s.ns,
         .help = "where (default: that of the kubeconfig's context,\nelse default)"},
        {.name = "all-namespaces",
         .letter = 'A',
         .ret_flag = &s.is_in_any_namespace,
         .help = "in any namespace"},
        {.name = "file",
         .letter = 'f',
         .value = "FILE",
         .ret_list = &s.files,
         .help = "manifests instead of a cluster: YAML or JSON, a\nfolder, or - for standard "
                 "input; may be given\nseveral times"},
        ARG_KUBECONFIG(&s.kubeconfig),
        ARG_CONTEXT(&s.context),
        ARG_TEXT_OR_JSON(&s.output),
    };
    const struct arg_command command = {
        .name = "who-can",
        .usage = "VERB RESOURCE[.GROUP][/SUBRESOURCE] [NAME] [FLAGS]\n"
                 "       rampart who-can VERB /PATH [FLAGS]",
        .text =
            "Says which users, groups and ServiceAccounts RBAC lets do something, and by which\n"
            "binding and role they have it. Reads roles and bindings of a cluster, as whoever\n"
            "the kubeconfig names, or from manifests; writes nothing. Without NAME those are\n"
            "told too who may do it for some names only.\n"
            "\n"
            "Exit code 0: all are told; 3: a role or binding cannot be read; 1: it failed.\n",
        .flags = flags,
        .flags_count = sizeof(flags) / sizeof(flags[0]),
        .ret_words = &s.words,
        .words_min = 2,
        .words_max = 3,
    };
    int code;
    const char *wrong;

    if (!args_parse(&command, argc, argv, &code))
        return code;
    wrong = contradiction(&s);
    if (wrong)
        return refuse(wrong);
    if (args_text_or_json(&command, s.output, &s.is_json) != EXIT_DONE)
        return EXIT_USAGE;
    return start(&s);
}

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"
#include "rampart/cli/learn_compare.h"
#include "rampart/cli/learn_print.h"
#include "rampart/cli/rbac.h"
#include "rampart/cli/terminal.h"
#include "rampart/edge/allocators.h"
#include "rampart/edge/loop.h"
#include "rampart/kube/audit_log.h"
#include "rampart/kube/timestamp.h"

#define CHUNK_LEN (128u * 1024)
#define UNREADABLE_SHOWN_MAX 10 /* lines of one file that are named */
#define PROGRESS_MS 500         /* between two looks at how far it is */
#define SINCE_MAX 1000000       /* of its unit */
#define BYTES_PER_MB 1000000

struct settings {
    struct arg_list files, accounts, namespaces;
    const char *since, *output, *names_max, *namespaces_max;
    struct learn_filter filter;
    struct learn_bounds bounds;
    enum learn_format format;
    struct learn_compare compare;
};

struct reading {
    const struct settings *settings;
    struct learn_table *table; /* owned */
    struct audit_log *log;     /* owned */
    struct access graph;       /* what is compared with; empty: nothing */
    struct learn_tally tally;
    const char *path;     /* of the file, for messages */
    uint64_t unreadable;  /* lines of this file */
    uint64_t bytes, size; /* read of this file, and in all (0: unknown) */
    uint64_t shown_ms;    /* when progress was last shown */
    bool has_progress;    /* stderr is a terminal */
    bool is_shown;        /* a line of progress stands there */
};

/* ---- how far it is ---- */

static void hide_progress(struct reading *r)
{
    if (r->is_shown)
        (void)fputs("\r\033[K", stderr);
    r->is_shown = false;
}

static void show_progress(struct reading *r)
{
    uint64_t now_ms = r->has_progress ? clock_monotonic_ms() : 0;

    if (!r->has_progress || now_ms - r->shown_ms < PROGRESS_MS)
        return;
    r->shown_ms = now_ms;
    r->is_shown = true;
    (void)fprintf(stderr, "\r%s: %" PRIu64 " MB", r->path, r->bytes / BYTES_PER_MB);
    if (r->size > 0)
        (void)fprintf(stderr, " of %" PRIu64 " MB", r->size / BYTES_PER_MB);
    (void)fprintf(stderr, ", %" PRIu64 " events, %zu ServiceAccounts\033[K", r->tally.events,
                  learn_table_count(r->table));
    (void)fflush(stderr);
}

/* ---- reading ---- */

static int take_event(void *ctx, const struct audit_event *event, struct err *err)
{
    struct reading *r = ctx;

    r->tally.events++;
    return learn_table_add(r->table, event, &r->settings->filter, err);
}

static int take_unreadable(void *ctx, uint64_t line, const struct err *why, struct err *err)
{
    struct reading *r = ctx;

    (void)err;
    r->tally.lines_left_out++;
    if (++r->unreadable > UNREADABLE_SHOWN_MAX)
        return 0;
    hide_progress(r);
    (void)fprintf(stderr, "note: %s: line %" PRIu64 " is left out: %s\n", r->path, line, why->msg);
    return 0;
}

static bool is_gzip(const char *bytes, size_t len)
{
    return len >= 2 && (unsigned char)bytes[0] == 0x1f && (unsigned char)bytes[1] == 0x8b;
}

/* What is there of a stream, at once; 0 at its end, -1 with errno. */
static ssize_t read_some(int fd, char *chunk)
{
    ssize_t len;

    do
        len = read(fd, chunk, CHUNK_LEN);
    while (len < 0 && errno == EINTR);
    return len;
}

static int read_chunks(struct reading *r, int fd, char *chunk, struct err *err)
{
    ssize_t len;

    while ((len = read_some(fd, chunk)) > 0) {
        if (r->bytes == 0 && is_gzip(chunk, (size_t)len))
            return err_set(err, ERR_INVALID,
                           "is compressed, which is not read here; unpack it on the way: zcat FILE "
                           "| rampart rbac learn --audit-log -");
        r->bytes += (uint64_t)len;
        if (audit_log_feed(r->log, chunk, (size_t)len, err) < 0)
            return -1;
        show_progress(r);
    }
    if (len < 0)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    return audit_log_end(r->log, err);
}

static int read_file(struct reading *r, const char *path, char *chunk, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    int result;

    if (fd < 0)
        return err_set(err, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    r->path = is_stdin ? "standard input" : path;
    r->bytes = r->unreadable = 0;
    r->size = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    result = read_chunks(r, fd, chunk, err);
    if (!is_stdin)
        (void)close(fd);
    hide_progress(r);
    if (r->unreadable > UNREADABLE_SHOWN_MAX)
        (void)fprintf(stderr, "note: %s: %" PRIu64 " more lines are left out\n", r->path,
                      r->unreadable - UNREADABLE_SHOWN_MAX);
    return result < 0 ? err_wrap(err, "%s", r->path) : 0;
}

static int read_all(struct reading *r, struct err *err)
{
    AUTO_MEM char *chunk = mem_alloc(CHUNK_LEN);

    if (!chunk)
        return err_nomem(err);
    for (size_t i = 0; i < r->settings->files.count; i++) {
        if (read_file(r, r->settings->files.items[i], chunk, err) < 0)
            return -1;
    }
    if (r->tally.events > 0)
        return 0;
    return err_set(err, ERR_INVALID,
                   "there is no event of " AUDIT_API_VERSION
                   " in it; expected what the API server writes to --audit-log-path, one event a "
                   "line");
}

/* ---- writing ---- */

/* Of rights that found no room it cannot be told whether they were used. */
static int print_account(struct reading *r, const struct learn_account *account,
                         struct learn_printer *printer, struct arena *a, struct err *err)
{
    bool is_compared = learn_compare_is_asked(&r->settings->compare) && account->left_out == 0;
    struct learn_unused unused;
    struct learn_roles roles;

    arena_reset(a);
    if (learn_roles_of(account, a, &roles, err) < 0 ||
        (is_compared && learn_unused_of(account, &r->graph, a, &unused, err) < 0))
        return -1;
    return learn_print_account(printer, account, &roles, is_compared ? &unused : NULL, err);
}

static int print_all(struct reading *r, struct learn_printer *printer, struct err *err)
{
    const struct learn_account *const *accounts;
    size_t count;
    AUTO_ARENA a;

    arena_init(&a, LEARN_ROLES_BYTES_MAX + LEARN_UNUSED_BYTES_MAX);
    if (learn_unused_know(r->table, &r->graph, &r->settings->filter, err) < 0 ||
        learn_table_accounts(r->table, &accounts, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (print_account(r, accounts[i], printer, &a, err) < 0)
            return -1;
    }
    return learn_print_end(printer, r->table, &r->tally, err);
}

static void print_notes(const struct reading *r, const struct learn_printer *printer)
{
    uint64_t events = learn_table_without_account(r->table);

    if (learn_table_count(r->table) == 0)
        (void)fprintf(stderr,
                      "note: none of %" PRIu64
                      " events is of a ServiceAccount that was asked for\n",
                      r->tally.events);
    if (events > 0)
        (void)fprintf(stderr,
                      "note: %" PRIu64
                      " events are left out: they are of more ServiceAccounts than there is room "
                      "for; ask for fewer at a time with --namespace or --service-account\n",
                      events);
    if (printer->incomplete > 0)
        (void)
            fprintf(stderr,
                    "note: the roles of %zu ServiceAccount%s are incomplete; see the notes beside "
                    "them\n",
                    printer->incomplete, printer->incomplete == 1 ? "" : "s");
}

/* The roles first: what is wrong with them is known before a gigabyte is read. */
static int read_both(struct reading *r, struct err *err)
{
    const struct audit_reader reader = {.take_event = take_event,
                                        .take_unreadable = take_unreadable,
                                        .ctx = r};

    if (learn_compare_read(&r->settings->compare, &r->graph, err) < 0)
        return -1;
    r->table = learn_table_new(&r->settings->bounds, err);
    r->log = r->table ? audit_log_new(&reader, err) : NULL;
    return r->log ? read_all(r, err) : -1;
}

static int run(const struct settings *s, bool *ret_is_complete, struct err *err)
{
    struct reading r = {.settings = s,
                        .has_progress = isatty(STDERR_FILENO) != 0,
                        .shown_ms = clock_monotonic_ms()};
    struct learn_printer printer;
    int result;

    access_init(&r.graph, LEARN_COMPARE_BYTES_MAX);
    result = read_both(&r, err);
    if (result == 0) {
        learn_print_begin(&printer, stdout, s->format, &s->bounds);
        result = print_all(&r, &printer, err);
        *ret_is_complete = printer.incomplete == 0 && learn_table_without_account(r.table) == 0;
        learn_print_done(&printer);
    }
    if (result == 0)
        print_notes(&r, &printer);
    audit_log_free(r.log);
    learn_table_free(r.table);
    access_done(&r.graph);
    return result;
}

static int start(const struct settings *s)
{
    struct err err = {0};
    bool is_complete = true;
    int result = allocators_install(&err);

    if (result == 0) {
        result = run(s, &is_complete, &err);
        allocators_done();
    }
    if (result < 0) {
        (void)fprintf(stderr, "rampart rbac learn: %s\n", err.msg);
        return EXIT_FAILED;
    }
    return is_complete ? EXIT_DONE : EXIT_CHANGES;
}

/* ---- flags ---- */

static int parse_accounts(const struct arg_command *command, struct settings *s)
{
    for (size_t i = 0; i < s->accounts.count; i++) {
        const char *slash = strchr(s->accounts.items[i], '/');

        if (!slash || slash == s->accounts.items[i] || slash[1] == '\0')
            return args_refuse(command, "service-account",
                               "\"%.64s\" is none; expected NAMESPACE/NAME", s->accounts.items[i]);
        s->filter.accounts[s->filter.accounts_count++] = s->accounts.items[i];
    }
    for (size_t i = 0; i < s->namespaces.count; i++)
        s->filter.namespaces[s->filter.namespaces_count++] = s->namespaces.items[i];
    return EXIT_DONE;
}

/* "90m", "24h", "7d": that long ago. False: it is none. */
static bool parse_ago(const char *text, int64_t *ret_since_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t digits = strspn(text, "0123456789");
    char number_text[16];
    unsigned number;

    if (text[digits] == '\0' || text[digits + 1] != '\0')
        return false;
    (void)snprintf(number_text, sizeof(number_text), "%.*s", (int)digits, text);
    if (args_number(number_text, 1, SINCE_MAX, &number) < 0)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text[digits] == units[i].letter) {
            *ret_since_ms = clock_wall_ms() - (int64_t)number * units[i].ms;
            return true;
        }
    }
    return false;
}

static int parse_since(const struct arg_command *command, struct settings *s)
{
    s->filter.since_ms = AUDIT_TIME_UNSAID;
    if (*s->since == '\0' || parse_ago(s->since, &s->filter.since_ms) ||
        timestamp_parse(s->since, &s->filter.since_ms, NULL) == 0)
        return EXIT_DONE;
    return args_refuse(command, "since",
                       "\"%.64s\" is no time; expected one like 2026-01-31T23:59:59Z, or 90m, 24h "
                       "or 7d",
                       s->since);
}

/* Where the flag is not given, the bound is left as it is. */
static int parse_bound(const struct arg_command *command, const char *flag, const char *text,
                       unsigned max, size_t *ret_bound)
{
    unsigned number;

    if (!text)
        return EXIT_DONE;
    if (args_number(text, 0, max, &number) < 0)
        return args_refuse(command, flag, "\"%.32s\" is wrong; expected a number 0..%u", text, max);
    *ret_bound = number;
    return EXIT_DONE;
}

static int parse_format(const struct arg_command *command, struct settings *s)
{
    static const char *const names[] = {
        [LEARN_YAML] = "yaml",
        [LEARN_TEXT] = "text",
        [LEARN_JSON] = "json",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(s->output, names[i]) == 0) {
            s->format = (enum learn_format)i;
            return EXIT_DONE;
        }
    }
    return args_refuse(command, "output", "\"%.32s\" is unknown; expected yaml, text or json",
                       s->output);
}

static int parse(const struct arg_command *command, struct settings *s)
{
    if (s->files.count == 0)
        return args_refuse(command, "audit-log",
                           "is missing; name a file, or - for standard input");
    if (parse_accounts(command, s) != EXIT_DONE || parse_since(command, s) != EXIT_DONE ||
        parse_bound(command, "names-max", s->names_max, LEARN_NAMES_MAX, &s->bounds.names_max) !=
            EXIT_DONE ||
        parse_bound(command, "namespaces-max", s->namespaces_max, LEARN_NAMESPACES_MAX,
                    &s->bounds.namespaces_max) != EXIT_DONE)
        return EXIT_USAGE;
    if ((s->compare.kubeconfig || s->compare.context) && !s->compare.has_cluster)
        return args_refuse(command, s->compare.kubeconfig ? "kubeconfig" : "context",
                           "nothing is asked of a cluster without --compare-cluster");
    return parse_format(command, s);
}

int rbac_learn_command(int argc, char **argv)
{
    struct settings s = {.since = "",
                         .output = "yaml",
                         .bounds = {LEARN_NAMES_DEFAULT, LEARN_NAMESPACES_DEFAULT}};
    const struct arg_flag flags[] = {
        {.name = "audit-log",
         .letter = 'f',
         .value = "FILE",
         .ret_list = &s.files,
         .help = "an audit log of the API server, one event of\naudit.k8s.io/v1 a line; - for "
                 "standard input; may be\ngiven several times"},
        {.name = "service-account",
         .value = "NAMESPACE/NAME",
         .ret_list = &s.accounts,
         .help = "only this one; may be given several times"},
        {.name = "namespace",
         .letter = 'n',
         .value = "NAMESPACE",
         .ret_list = &s.namespaces,
         .help = "only ServiceAccounts of it; may be given several\ntimes"},
        {.name = "since",
         .value = "TIME",
         .ret_text = &s.since,
         .help = "only requests that came since then: a time like\n2026-01-31T23:59:59Z, or 90m, "
                 "24h or 7d ago"},
        {.name = "names-max",
         .value = "N",
         .ret_text = &s.names_max,
         .help = "names of one right in one namespace; where there\nwere more the rule has none "
                 "(default: 16)"},
        {.name = "namespaces-max",
         .value = "N",
         .ret_text = &s.namespaces_max,
         .help = "namespaces of one right; where there were more it is\ngranted in all (default: "
                 "8)"},
        {.name = "with-default-rights",
         .ret_flag = &s.filter.has_everyones_rights,
         .help = "also what Kubernetes grants every ServiceAccount by\ndefault, like /version and "
                 "reviews of itself"},
        {.name = "compare",
         .value = "FILE",
         .ret_list = &s.compare.files,
         .help = "manifests with roles and bindings, or a folder: also\nwhat these give and was "
                 "never used; may be given\nseveral times"},
        {.name = "compare-cluster",
         .ret_flag = &s.compare.has_cluster,
         .help = "the same with what the cluster has"},
        {.name = "kubeconfig",
         .value = "FILE",
         .ret_text = &s.compare.kubeconfig,
         .help = "of that cluster (default: KUBECONFIG, else\nin-cluster, else ~/.kube/config)"},
        ARG_CONTEXT(&s.compare.context),
        {.name = "output",
         .letter = 'o',
         .value = "FORMAT",
         .ret_text = &s.output,
         .help = "yaml, for kubectl apply; text or json (default: yaml)"},
    };
    const struct arg_command command = {
        .name = "rbac learn",
        .usage = "--audit-log FILE [FLAGS]",
        .text = "Writes the smallest roles that cover what ServiceAccounts did, by the audit\n"
                "log, and bindings for them. Reads a stream, in constant memory, without a\n"
                "cluster. Requests that were denied, or made in somebody else's name, show no\n"
                "need.\n"
                "\n"
                "Exit code 0: done; 3: there was no room for all that was seen, and it says for\n"
                "what; 1: it failed.\n",
        .flags = flags,
        .flags_count = sizeof(flags) / sizeof(flags[0]),
    };
    int code;

    if (!args_parse(&command, argc, argv, &code))
        return code;
    if (parse(&command, &s) != EXIT_DONE)
        return EXIT_USAGE;
    return start(&s);
}

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"
#include "rampart/cli/eval_print.h"
#include "rampart/cli/terminal.h"
#include "rampart/edge/allocators.h"
#include "rampart/json/decode.h"
#include "rampart/json/get.h"
#include "rampart/json/slice.h"
#include "rampart/kube/object.h"

#define CHUNK_LEN (64u * 1024)
#define POD_LEN_MAX (4u * 1024 * 1024)    /* bytes of one object */
#define POD_FACTS_MAX (16u * 1024 * 1024) /* bytes that are kept of it at once */
#define KIND_TEXT_MAX 256

struct settings {
    const char *path;
    const char *level;
    const char *version;
    const char *output;
    bool is_list;
    bool shows_fix;
};

struct reading {
    const char *path; /* for messages */
    struct eval_printer *printer;
    struct arena arena; /* of one object */
    size_t seen, left_out;
};

static const struct projection metadata[] = {
    {.name = "name"}, {.name = "namespace"}, {.name = "labels"}, {.name = "annotations"}, {0}};
static const struct projection keep[] = {{.name = "kind"},
                                         {.name = "metadata", .children = metadata},
                                         {.name = "spec"},
                                         {0}};

/* Where the pod of an object is. */
struct place {
    const json_t *metadata, *spec;
    enum kind kind; /* of which the path to it is */
};

static struct place inside(const json_t *template, enum kind kind)
{
    return (struct place){json_member(template, "metadata"), json_member(template, "spec"), kind};
}

/* False: such an object has no pod. */
static bool find_pod(const char *kind, const json_t *root, struct place *ret_place)
{
    static const char *const with_template[] = {"Deployment", "StatefulSet",
                                                "DaemonSet",  "ReplicaSet",
                                                "Job",        "ReplicationController"};
    const json_t *spec = json_member(root, "spec");

    if (strcmp(kind, "Pod") == 0) {
        *ret_place = inside(root, KIND_POD);
        return true;
    }
    if (strcmp(kind, "CronJob") == 0) {
        *ret_place =
            inside(json_member(json_member(json_member(spec, "jobTemplate"), "spec"), "template"),
                   KIND_CRON_JOB);
        return true;
    }
    for (size_t i = 0; i < sizeof(with_template) / sizeof(*with_template); i++) {
        if (strcmp(kind, with_template[i]) == 0) {
            *ret_place = inside(json_member(spec, "template"), KIND_DEPLOYMENT);
            return true;
        }
    }
    return false;
}

static int leave_out(struct reading *r, const char *kind, const char *name)
{
    (void)fprintf(stderr, "note: %s: object %zu, %s %s, has no pod and is left out\n", r->path,
                  r->seen, kind, name);
    r->left_out++;
    return 0;
}

/* Texts that are not there, or are none, are "". */
static const char *text_of(const json_t *obj, const char *name)
{
    const char *text = json_string_value(json_member(obj, name));

    return text && strlen(text) <= KIND_TEXT_MAX ? text : "";
}

static int evaluate(struct reading *r, const json_t *root, struct err *err)
{
    const json_t *meta = json_member(root, "metadata");
    const char *kind = text_of(root, "kind");
    struct pod_template pod;
    struct place place;
    struct eval_subject subject = {
        .ns = text_of(meta, "namespace"),
        .name = text_of(meta, "name"),
        .pod = &pod,
        .arena = &r->arena,
    };

    subject.kind = *kind == '\0' ? "Pod" : kind; /* the items of a PodList state none */
    if (!find_pod(subject.kind, root, &place)) {
        size_t len = strlen(kind);

        if (len >= 4 && strcmp(kind + len - 4, "List") == 0)
            return err_set(err, ERR_INVALID, "a %s: read it with --list", kind);
        return leave_out(r, kind, subject.name);
    }
    subject.place = place.kind;
    if (pod_template_decode(place.metadata, place.spec, &r->arena, &pod, err) < 0)
        return -1;
    return eval_print_pod(r->printer, &subject, err);
}

/* An object that ends where it should and still is none: a pod that cannot be told. */
static int evaluate_unreadable(struct reading *r, const char *why, struct err *err)
{
    const struct pod_template pod = {.unreadable = why};
    struct eval_subject subject = {
        .kind = "Pod", .ns = "", .place = KIND_POD, .pod = &pod, .arena = &r->arena};

    subject.name = arena_printf(&r->arena, "(object %zu)", r->seen);
    if (!subject.name)
        return err_nomem(err);
    return eval_print_pod(r->printer, &subject, err);
}

static int on_value(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct reading *r = ctx;
    struct err why = {0};
    json_t *root;
    int result;

    if (kind == SLICE_ENVELOPE)
        return 0;
    r->seen++;
    arena_reset(&r->arena);
    if (kind == SLICE_CUT)
        return evaluate_unreadable(r, "it is too large to be read", err);
    root = json_decode(text, len, &why);
    if (!root && why.code == ERR_NOMEM)
        return err_nomem(err);
    if (!root)
        return evaluate_unreadable(r, why.msg, err);
    result = evaluate(r, root, err);
    json_decref(root);
    return result < 0 ? err_wrap(err, "object %zu", r->seen) : 0;
}

static int read_all(struct reading *r, FILE *in, struct slice *slice, struct err *err)
{
    AUTO_MEM char *chunk = mem_alloc(CHUNK_LEN);
    size_t len;

    if (!chunk)
        return err_nomem(err);
    while ((len = fread(chunk, 1, CHUNK_LEN, in)) > 0) {
        if (slice_feed(slice, chunk, len, err) < 0)
            return -1;
    }
    if (ferror(in))
        return err_set(err, ERR_IO, "%s", strerror(errno));
    if (slice_end(slice, err) < 0)
        return -1;
    if (r->seen == 0)
        return err_set(err, ERR_INVALID, "there is no object in it");
    return 0;
}

static int read_file(struct reading *r, const struct settings *s, struct err *err)
{
    bool is_stdin = strcmp(s->path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(s->path, "re");
    struct slice *slice;
    int result = -1;

    if (!in)
        return err_set(err, ERR_NOT_FOUND, "%s: %s", s->path, strerror(errno));
    r->path = is_stdin ? "standard input" : s->path;
    slice = slice_new(s->is_list ? SLICE_LIST : SLICE_STREAM, keep, POD_LEN_MAX, on_value, r, err);
    if (slice)
        result = read_all(r, in, slice, err);
    slice_free(slice);
    if (!is_stdin)
        (void)fclose(in);
    return result < 0 ? err_wrap(err, "%s", r->path) : 0;
}

static int start(const struct settings *s, struct eval_printer *printer)
{
    struct reading reading = {.printer = printer};
    struct err err = {0};
    int result = allocators_install(&err);

    if (result == 0) {
        arena_init(&reading.arena, POD_FACTS_MAX);
        result = read_file(&reading, s, &err);
        if (result == 0)
            result = eval_print_end(printer, &err);
        eval_print_done(printer);
        arena_done(&reading.arena);
        allocators_done();
    }
    if (result < 0) {
        (void)fprintf(stderr, "rampart eval: %s\n", err.msg);
        return EXIT_FAILED;
    }
    return printer->totals.fail + printer->totals.error > 0 ? EXIT_CHANGES : EXIT_DONE;
}

static bool parse_level(const char *text, struct eval_printer *printer)
{
    static const char *const names[] = {
        [LEVEL_PRIVILEGED] = "privileged",
        [LEVEL_BASELINE] = "baseline",
        [LEVEL_RESTRICTED] = "restricted",
        [LEVEL_HARDENED] = "hardened",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(text, names[i]) != 0)
            continue;
        printer->asks_all = i == LEVEL_HARDENED;
        printer->settings.level = (uint8_t)(i == LEVEL_HARDENED ? LEVEL_RESTRICTED : i);
        return true;
    }
    return false;
}

static bool parse_version(const char *text, unsigned *ret_minor)
{
    if (strcmp(text, "latest") == 0) {
        *ret_minor = PSS_MINOR_LATEST;
        return true;
    }
    return strncmp(text, "v1.", 3) == 0 &&
           args_number(text + 3, PSS_MINOR_MIN, PSS_MINOR_MAX, ret_minor) == 0;
}

int eval_command(int argc, char **argv)
{
    struct settings s = {.path = "-", .level = "restricted", .version = "latest", .output = "text"};
    const struct arg_flag flags[] = {
        {.name = "file",
         .letter = 'f',
         .value = "FILE",
         .ret_text = &s.path,
         .help = "objects as JSON, one after the other (default: -,\nstandard input)"},
        {.name = "list",
         .letter = 'l',
         .ret_flag = &s.is_list,
         .help = "they are the items of one list, as of kubectl\nget pods -A -o json"},
        {.name = "level",
         .value = "LEVEL",
         .ret_text = &s.level,
         .help = "privileged, baseline or restricted, of the Pod\nSecurity Standards; hardened: "
                 "all rules\n(default: restricted)"},
        {.name = "version",
         .value = "VERSION",
         .ret_text = &s.version,
         .help = "of the standards: v1.25 to v1.37, or latest\n(default: latest)"},
        {.name = "show-fix",
         .ret_flag = &s.shows_fix,
         .help = "with what fails, the YAML to merge in Git and what\nno YAML mends"},
        {.name = "output",
         .letter = 'o',
         .value = "FORMAT",
         .ret_text = &s.output,
         .help = "text or json, one line a pod (default: text)"},
    };
    const struct arg_command command = {
        .name = "eval",
        .usage = "[-f FILE] [FLAGS]",
        .text = "Says which rules a pod fails, why, and what to do. Reads Pods and whatever has a\n"
                "template for them as a stream, in constant memory, without a cluster.\n"
                "\n"
                "Exit code 0: all pass; 3: one fails or cannot be told; 1: it failed.\n",
        .flags = flags,
        .flags_count = sizeof(flags) / sizeof(flags[0]),
    };
    int code;
    struct eval_printer printer;

    if (!args_parse(&command, argc, argv, &code))
        return code;
    eval_print_begin(&printer, stdout);
    if (!parse_level(s.level, &printer))
        return args_refuse(&command, "level",
                           "\"%.32s\" is unknown; expected privileged, baseline, restricted or "
                           "hardened",
                           s.level);
    if (!parse_version(s.version, &printer.settings.pss_minor))
        return args_refuse(&command, "version",
                           "\"%.32s\" is unknown; expected v1.%d to v1.%d, or latest", s.version,
                           PSS_MINOR_MIN, PSS_MINOR_MAX);
    if (args_text_or_json(&command, s.output, &printer.is_json) != EXIT_DONE)
        return EXIT_USAGE;
    printer.shows_fix = s.shows_fix;
    printer.has_color = !printer.is_json && terminal_has_color(STDOUT_FILENO);
    return start(&s, &printer);
}

#include "rampart/cli/args.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/cli/cli.h"

#define FIRST_CODE                                                                               \
    256                /* of getopt_long: the place of the flag in the table, beyond all letters \
                        */
#define HELP_COLUMN 26 /* where the text of a flag begins */

struct options {
    struct option longs[ARGS_FLAGS_MAX + 1];
    char shorts[3 + 2 * ARGS_FLAGS_MAX + 1];
};

static void options_of(const struct arg_command *command, struct options *o)
{
    size_t len = 0;

    assert(command->flags_count < ARGS_FLAGS_MAX);
    *o = (struct options){0};
    /* The first word that is no flag ends them, or comes as code 1. */
    o->shorts[len++] = command->ret_words ? '-' : '+';
    o->shorts[len++] = ':'; /* a missing value is told apart */
    o->shorts[len++] = 'h';
    for (size_t i = 0; i < command->flags_count; i++) {
        const struct arg_flag *flag = &command->flags[i];

        o->longs[i] = (struct option){.name = flag->name,
                                      .has_arg = flag->value ? required_argument : no_argument,
                                      .val = FIRST_CODE + (int)i};
        if (!flag->letter)
            continue;
        o->shorts[len++] = flag->letter;
        if (flag->value)
            o->shorts[len++] = ':';
    }
    o->longs[command->flags_count] =
        (struct option){.name = "help", .has_arg = no_argument, .val = 'h'};
}

static void print_flag(char letter, const char *name, const char *value, const char *help)
{
    int len = letter ? printf("  -%c, --%s", letter, name) : printf("      --%s", name);

    if (value)
        len += printf(" %s", value);
    if (len + 2 > HELP_COLUMN) {
        (void)putchar('\n');
        len = 0;
    }
    (void)printf("%*s", HELP_COLUMN - len, "");
    for (; *help != '\0'; help++) {
        (void)putchar(*help);
        if (*help == '\n')
            (void)printf("%*s", HELP_COLUMN, "");
    }
    (void)putchar('\n');
}

static void print_help(const struct arg_command *command)
{
    (void)printf("Usage: rampart %s %s\n\n%s\nFlags:\n", command->name, command->usage,
                 command->text);
    for (size_t i = 0; i < command->flags_count; i++) {
        const struct arg_flag *flag = &command->flags[i];

        print_flag(flag->letter, flag->name, flag->value, flag->help);
    }
    print_flag('h', "help", NULL, "this text");
}

enum args_outcome { ARGS_RUN, ARGS_HELP, ARGS_WRONG };

static enum args_outcome complain(const struct arg_command *command, const char *what,
                                  const char *arg)
{
    (void)fprintf(stderr, "rampart %s: %s%s; see rampart %s --help\n", command->name, what, arg,
                  command->name);
    return ARGS_WRONG;
}

/* How many long flags begin like @arg, which is "--name" or "--name=value". */
static size_t matches(const struct arg_command *command, const char *arg)
{
    size_t len = strcspn(arg + 2, "=");
    size_t count = strncmp("help", arg + 2, len) == 0;

    for (size_t i = 0; i < command->flags_count; i++)
        count += strncmp(command->flags[i].name, arg + 2, len) == 0;
    return count;
}

/* getopt names a letter, but of a long flag only where it stood. */
static enum args_outcome refuse_flag(const struct arg_command *command, const char *arg)
{
    char letter[3] = {'-', (char)optopt, '\0'};

    if (strncmp(arg, "--", 2) != 0)
        return complain(command, "unknown flag ", letter);
    switch (matches(command, arg)) {
    case 0:
        return complain(command, "unknown flag ", arg);
    case 1:
        return complain(command, "no value goes with the flag: ", arg);
    default:
        return complain(command, "ambiguous flag ", arg);
    }
}

static enum args_outcome take(const struct arg_command *command, const struct arg_flag *flag)
{
    if (flag->ret_flag) {
        *flag->ret_flag = true;
    } else if (flag->ret_text) {
        *flag->ret_text = optarg;
    } else if (flag->ret_list->count == ARGS_LIST_MAX) {
        return complain(command, "given too often: --", flag->name);
    } else {
        flag->ret_list->items[flag->ret_list->count++] = optarg;
    }
    return ARGS_RUN;
}

static const struct arg_flag *flag_of(const struct arg_command *command, int code)
{
    for (size_t i = 0; i < command->flags_count; i++) {
        if (code == FIRST_CODE + (int)i || (code < FIRST_CODE && code == command->flags[i].letter))
            return &command->flags[i];
    }
    return NULL;
}

static enum args_outcome take_word(const struct arg_command *command, const char *word)
{
    if (command->ret_words->count == command->words_max)
        return complain(command, "one argument too many: ", word);
    command->ret_words->items[command->ret_words->count++] = word;
    return ARGS_RUN;
}

/* What stands after the last flag, or after "--". */
static enum args_outcome take_rest(const struct arg_command *command, int argc, char **argv)
{
    if (!command->ret_words)
        return optind < argc ? complain(command, "takes no arguments, got ", argv[optind])
                             : ARGS_RUN;
    for (; optind < argc; optind++) {
        if (take_word(command, argv[optind]) != ARGS_RUN)
            return ARGS_WRONG;
    }
    if (command->ret_words->count < command->words_min)
        return complain(command, "an argument is missing", "");
    return ARGS_RUN;
}

static enum args_outcome parse(const struct arg_command *command, int argc, char **argv)
{
    struct options options;

    options_of(command, &options);
    optind = 0; /* GNU: begin anew */
    opterr = 0;
    for (;;) {
        int code = getopt_long(argc, argv, options.shorts, options.longs, NULL);

        switch (code) {
        case -1:
            return take_rest(command, argc, argv);
        case 1:
            if (take_word(command, optarg) != ARGS_RUN)
                return ARGS_WRONG;
            break;
        case 'h':
            print_help(command);
            return ARGS_HELP;
        case ':':
            return complain(command, "a value is missing after ", argv[optind - 1]);
        case '?':
            return refuse_flag(command, argv[optind - 1]);
        default:
            if (take(command, flag_of(command, code)) != ARGS_RUN)
                return ARGS_WRONG;
        }
    }
}

bool args_parse(const struct arg_command *command, int argc, char **argv, int *ret_code)
{
    enum args_outcome outcome = parse(command, argc, argv);

    *ret_code = outcome == ARGS_WRONG ? EXIT_USAGE : EXIT_DONE;
    return outcome == ARGS_RUN;
}

int args_refuse(const struct arg_command *command, const char *flag, const char *fmt, ...)
{
    va_list args;

    (void)fprintf(stderr, "rampart %s: --%s: ", command->name, flag);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return EXIT_USAGE;
}

int args_text_or_json(const struct arg_command *command, const char *output, bool *ret_is_json)
{
    *ret_is_json = strcmp(output, "json") == 0;
    if (!*ret_is_json && strcmp(output, "text") != 0)
        return args_refuse(command, "output", "\"%.32s\" is unknown; expected text or json",
                           output);
    return EXIT_DONE;
}

int args_number(const char *text, unsigned min, unsigned max, unsigned *ret_number)
{
    char *end;
    unsigned long number;

    if (strspn(text, "0123456789") != strlen(text) || *text == '\0')
        return -1;
    errno = 0;
    number = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < min || number > max)
        return -1;
    *ret_number = (unsigned)number;
    return 0;
}

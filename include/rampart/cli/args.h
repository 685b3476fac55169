/*
 * Flags of a command: a table that both parses them (getopt_long) and writes the help. Flags may be
 * shortened as long as they are unambiguous, and written --flag VALUE or --flag=VALUE.
 */
#ifndef RAMPART_CLI_ARGS_H
#define RAMPART_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#define ARGS_FLAGS_MAX 16 /* of one command, --help included */
#define ARGS_LIST_MAX 16  /* times that one flag may be given */

struct arg_list {
    const char *items[ARGS_LIST_MAX]; /* borrowed from argv */
    size_t count;
};

/* Exactly one of the three outputs is there. They keep what they hold when the flag is not given.
 */
struct arg_flag {
    const char *name;          /* without dashes */
    char letter;               /* 0: none */
    const char *value;         /* what the help calls the value; NULL: a switch */
    const char *help;          /* lines are broken where it says so */
    bool *ret_flag;            /* switch */
    const char **ret_text;     /* the last one given; borrowed from argv */
    struct arg_list *ret_list; /* all that are given */
};

struct arg_command {
    const char *name;  /* "plan" */
    const char *usage; /* what may follow the name: "[-f FILE]... [FLAGS]" */
    const char *text;  /* what it does; ends in a newline */
    const struct arg_flag *flags;
    size_t flags_count;
    struct arg_list
        *ret_words; /* what is no flag, wherever it stands; NULL: nothing may be there */
    size_t words_min, words_max;
};

/* Flags of several commands; @ret is where their value goes. */
#define ARG_KUBECONFIG(ret)                                                  \
    {                                                                        \
        .name = "kubeconfig", .value = "FILE", .ret_text = (ret),            \
        .help = "default: KUBECONFIG, else in-cluster, else\n~/.kube/config" \
    }
#define ARG_CONTEXT(ret)                                       \
    {                                                          \
        .name = "context", .value = "NAME", .ret_text = (ret), \
        .help = "of the kubeconfig (default: its current one)" \
    }
#define ARG_TEXT_OR_JSON(ret) /* see args_text_or_json() */                    \
    {                                                                          \
        .name = "output", .letter = 'o', .value = "FORMAT", .ret_text = (ret), \
        .help = "text or json (default: text)"                                 \
    }

/*
 * @argv[0] is the command's name. False: the command ends with *ret_code: help was asked for and is
 * on stdout, or what is wrong is on stderr, in one line that says what to do.
 */
bool args_parse(const struct arg_command *command, int argc, char **argv, int *ret_code);
/* "rampart COMMAND: --FLAG: WHAT" on stderr; returns EXIT_USAGE. */
int args_refuse(const struct arg_command *command, const char *flag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The value of --output. EXIT_DONE, or what args_refuse() returns. */
int args_text_or_json(const struct arg_command *command, const char *output, bool *ret_is_json);
/* A decimal number in @min..@max. -1: it is none. */
int args_number(const char *text, unsigned min, unsigned max, unsigned *ret_number);

#endif

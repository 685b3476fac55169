#include "rampart/edge/health.h"

#include <stdio.h>

#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"
#include "rampart/edge/loop.h"

int health_command(int argc, char **argv)
{
    const char *name = HEALTH_SOCKET_DEFAULT;
    bool wants_live = false;
    const struct arg_flag flags[] = {
        {.name = "live",
         .ret_flag = &wants_live,
         .help = "ask only whether it is alive, not whether it is ready"},
        {.name = "socket",
         .value = "NAME",
         .ret_text = &name,
         .help = "the controller's --health-socket\n(default: " HEALTH_SOCKET_DEFAULT ")"},
    };
    const struct arg_command command = {
        .name = "health",
        .usage = "[FLAGS]",
        .text = "Asks the controller in this network namespace how it is, for exec probes. Exit\n"
                "code 0: ready, or alive with --live; 1: not, and stderr says why.\n",
        .flags = flags,
        .flags_count = sizeof(flags) / sizeof(flags[0]),
    };
    int code;
    struct health_state state;
    struct err err = {0};

    if (!args_parse(&command, argc, argv, &code))
        return code;
    if (health_ask(name, &state, &err) < 0) {
        (void)fprintf(stderr, "rampart health: %s\n", err.msg);
        return EXIT_FAILED;
    }
    if (!wants_live && !state.is_ready) {
        (void)fprintf(stderr, "rampart health: not ready: %s\n", state.reason);
        return EXIT_FAILED;
    }
    (void)puts(wants_live ? "live" : "ready");
    return EXIT_DONE;
}

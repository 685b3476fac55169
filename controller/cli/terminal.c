#include "rampart/cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rampart/edge/loop.h"

#define STUCK_MS \
    100 /* a reader of stderr that does not read costs us so much a line, and the line */

bool terminal_has_color(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(fd) && (!no_color || *no_color == '\0') && term && strcmp(term, "dumb") != 0;
}

/* The whole line in one write() where the system allows it: lines of several processes do not mix.
 */
static void write_line(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    while (len > 0) {
        ssize_t put = write(STDERR_FILENO, line, len);
        struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

        if (put >= 0) {
            line += put;
            len -= (size_t)put;
        } else if (errno == EAGAIN) {
            if (poll(&p, 1, STUCK_MS) <= 0)
                return;
        } else if (errno != EINTR) {
            return; /* nobody reads: nothing to be done about it */
        }
    }
}

static int64_t wall_clock(void *ctx)
{
    (void)ctx;
    return clock_wall_ms();
}

void terminal_log_init(struct log *log, enum log_level level)
{
    *log = (struct log){
        .level = level,
        .format = isatty(STDERR_FILENO) ? LOG_TEXT : LOG_JSON,
        .has_color = terminal_has_color(STDERR_FILENO),
        .sink = write_line,
        .clock = wall_clock,
    };
}

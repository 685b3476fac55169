/* What the commands share about terminals and the log on stderr. */
#ifndef RAMPART_CLI_TERMINAL_H
#define RAMPART_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/log.h"

/* Whether colours are welcome on the file descriptor: a terminal, not "dumb", without NO_COLOR
 * (no-color.org). */
bool terminal_has_color(int fd);
/* A log on stderr with the wall clock: text on a terminal, JSON elsewhere, from @level on. */
void terminal_log_init(struct log *log, enum log_level level);

#endif

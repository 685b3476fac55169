/* How `rampart who-can` says who: a table, or one JSON object. */
#ifndef RAMPART_CLI_WHO_CAN_PRINT_H
#define RAMPART_CLI_WHO_CAN_PRINT_H

#include "rampart/base/strbuf.h"
#include "rampart/reconcilers/access_who_can.h"

#define WHO_CAN_NAMES_SHOWN_MAX 3 /* of the names that a right is bound to, in the table */

/*
 * system:masters comes first: its members may do everything, whatever RBAC says. What is not
 * printable in a name (who may write bindings chooses it) is "?" in the table and escaped in JSON.
 */
void who_can_print_text(const struct access_question *question, const struct access_grants *grants,
                        struct strbuf *out);
void who_can_print_json(const struct access_question *question, const struct access_grants *grants,
                        struct strbuf *out);

#endif

/* RFC 3339 times of the API. Pure: the time of day is a parameter everywhere. */
#ifndef RAMPART_KUBE_TIMESTAMP_H
#define RAMPART_KUBE_TIMESTAMP_H

#include <stdint.h>

#include "rampart/base/err.h"

#define TIMESTAMP_LEN 28 /* "2026-11-23T23:17:00.000000Z" with the NUL */

void timestamp_seconds(int64_t wall_ms, char ret_text[TIMESTAMP_LEN]); /* metav1.Time */
void timestamp_micros(int64_t wall_ms, char ret_text[TIMESTAMP_LEN]);  /* metav1.MicroTime */
int timestamp_parse(const char *text, int64_t *ret_wall_ms,
                    struct err *err); /* any offset, any fraction */

#endif

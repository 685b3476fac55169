/*
 * When a credential plugin is run again: when there is no credential yet, when it has expired, and
 * when the server rejected it. Never more often than the floors below, so that a plugin that fails,
 * or whose credentials nobody accepts, costs little. Pure: both clocks are parameters.
 */
#ifndef RAMPART_SYNC_EXEC_PACE_H
#define RAMPART_SYNC_EXEC_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define EXEC_FLOOR_MS 1000 /* between two runs; doubles with each failure or rejection in a row */
#define EXEC_FLOOR_MAX_MS 60000

enum exec_advice {
    EXEC_USE = 0, /* the credential there is */
    EXEC_RUN,     /* run the plugin now, then EXEC_WAIT */
    EXEC_WAIT,    /* it is running */
    EXEC_FAIL,    /* it failed a moment ago: what it said then still holds */
};

struct exec_pace {
    bool is_running;
    bool has_credential;
    bool is_rejected;    /* the server answered 401 to it */
    int64_t expires_ms;  /* wall clock, of the credential; INT64_MAX: never */
    uint64_t may_run_ms; /* monotonic; not before */
    unsigned failures;   /* of the plugin, in a row */
    unsigned rejections; /* of credentials, in a row */
};

void exec_pace_init(struct exec_pace *p);

enum exec_advice exec_pace_ask(const struct exec_pace *p, uint64_t now_ms, int64_t wall_ms);

void exec_pace_started(struct exec_pace *p);
void exec_pace_succeeded(struct exec_pace *p, int64_t expires_ms, uint64_t now_ms);
void exec_pace_failed(struct exec_pace *p, uint64_t now_ms);
/* Of the credential there is now: a 401, or any other answer. */
void exec_pace_rejected(struct exec_pace *p);
void exec_pace_accepted(struct exec_pace *p);

#endif

/*
 * A transport in memory: records what was asked for and lets the test answer, byte by byte if it
 * wants to. Time is what the test says it is. Honours the contract of sync/transport.h: an end
 * comes exactly once and never from inside start() or cancel(); it fails the test when the code
 * under test breaks its side (an exchange that is started twice).
 *
 * An exchange is known by the number of its start, from 0. Ends are delivered by fake_answer(),
 * fake_fail() and, for what was canceled or given up, by fake_settle().
 */
#ifndef TESTS_SUPPORT_FAKE_TRANSPORT_H
#define TESTS_SUPPORT_FAKE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/sync/transport.h"

#define FAKE_LAST ((size_t)-1) /* as an exchange's number: the one that was started last */

enum fake_state {
    FAKE_RUNNING = 0,
    FAKE_CANCELED, /* by the code under test, or its on_data returned -1; the end is still to come
                    */
    FAKE_DONE,
};

struct fake_exchange {
    struct exchange *x;          /* borrowed; NULL once done */
    struct http_request request; /* its strings are copies */
    enum fake_state state;
    uint64_t started_ms; /* what fake_transport.now_ms was */
};

struct fake_transport {
    struct transport transport; /* what the code under test is given */
    uint64_t now_ms;            /* the test's clock: handed to callbacks */
    struct fake_exchange *exchanges;
    size_t count; /* exchanges started so far */
    size_t cap;
    const char *warnings;      /* of the answers from now on; NULL: none. Borrowed */
    enum err_code start_fails; /* ERR_NONE, or what every start() answers */
    size_t starts_failed;      /* how many did */
};

void fake_init(struct fake_transport *t);
void fake_done(
    struct fake_transport *t); /* fails the test when an exchange has not come to its end */

struct fake_exchange *fake_get(struct fake_transport *t,
                               size_t number); /* fails when there is none */
const char *fake_path(struct fake_transport *t, size_t number);
size_t fake_running(const struct fake_transport *t); /* neither canceled nor done */
/* The first running exchange whose path contains @part; FAKE_LAST when there is none. */
size_t fake_find(const struct fake_transport *t, const char *part);

/* Bytes of a 2xx stream; false when it has been given up. */
bool fake_data(struct fake_transport *t, size_t number, const char *bytes, size_t len);
bool fake_text(struct fake_transport *t, size_t number, const char *text);
/* The end of a stream that fake_data() fed: 200. */
void fake_end(struct fake_transport *t, size_t number);
/* A whole answer. A 2xx body of a stream goes through on_data first. @retry_after, @body may be
 * NULL. */
void fake_answer(struct fake_transport *t, size_t number, int status, const char *retry_after,
                 const char *body);
/* No answer. */
void fake_fail(struct fake_transport *t, size_t number, enum err_code code, const char *msg);
/* Ends what was canceled or given up with ERR_CANCELED. Returns how many. */
size_t fake_settle(struct fake_transport *t);

/* {"kind":"Status",..} as the API server writes it; borrowed until the next call. @cause may be
 * NULL. */
const char *fake_status(int code, const char *reason, const char *cause, const char *message);

#endif

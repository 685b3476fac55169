/*
 * One exchange in flight: its easy handle, what was asked, what came back, and how it ended. It
 * decides nothing about when; the transport (edge/http.h) queues it, runs it and delivers its end.
 */
#ifndef RAMPART_EDGE_FLIGHT_H
#define RAMPART_EDGE_FLIGHT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "rampart/base/strbuf.h"
#include "rampart/edge/endpoint.h"
#include "rampart/edge/head.h"
#include "rampart/edge/identity.h"
#include "rampart/sync/transport.h"

#define FLIGHT_BUFFER_LEN 16384 /* of libcurl, per transfer: one HTTP/2 frame */

struct multi;

enum flight_state {
    FLIGHT_QUEUED = 0, /* not given to libcurl yet */
    FLIGHT_RUNNING,
    FLIGHT_ENDED, /* its end is known and not delivered yet */
    FLIGHT_STATE_COUNT,
};

/* What all flights of a transport add up to. */
struct flight_meter {
    uint64_t bytes_received;
    uint64_t connections; /* sockets opened */
    uint64_t heard_ms;    /* monotonic, when the last byte came; 0: never */
};

/* What every flight of a transport has in common; borrowed for the life of the flight. */
struct flight_common {
    const struct endpoint *endpoint;
    const char *user_agent;
    bool disables_gzip;
    struct flight_meter *meter;
    uint32_t user_timeout_ms; /* TCP: sent data may stay unacknowledged for so long */
};

struct flight {
    TAILQ_ENTRY(flight) link;
    enum flight_state state;
    struct exchange *x; /* borrowed until its on_done */
    const struct flight_common *common;
    struct tls *tls;            /* a reference; NULL until flight_equip() */
    unsigned serial;            /* of the credential that it goes with */
    CURL *easy;                 /* owned */
    struct curl_slist *headers; /* owned */
    char *url;                  /* owned */
    char *request_body;         /* owned; NULL: none */
    struct multi *multi;        /* the one that it was added to, NULL: none */
    bool is_stream;
    int status;            /* of the answer's final header, 0 before it */
    size_t headers_len;    /* bytes so far */
    bool has_head;         /* its headers are all there */
    uint64_t mem_failures; /* of the process, before it began */
    struct strbuf body;    /* collected */
    struct head head;      /* what is kept of its headers */
    char curl_reason[CURL_ERROR_SIZE];
    uint32_t timeout_ms;      /* as asked; 0: none */
    uint32_t idle_timeout_ms; /* likewise */
    uint64_t started_ms;      /* monotonic */
    uint64_t heard_ms;        /* monotonic, the last byte; at first @started_ms */
    struct err end;           /* ENDED: code ERR_NONE means that the answer came to its end */
};

TAILQ_HEAD(flights, flight);

/* Copies @request. On success @x->handle is the flight. ERR_NOMEM; ERR_INVALID: a path that is
 * none. */
MUST_CHECK struct flight *flight_new(const struct flight_common *common,
                                     const struct http_request *request, struct exchange *x,
                                     uint64_t now_ms, struct err *err);
/* Gives it the header and the certificates that it goes with; once, before it is added to a multi.
 * ERR_NOMEM. */
MUST_CHECK int flight_equip(struct flight *f, const struct identity_now *now, struct err *err);
void flight_free(struct flight *f); /* not in a multi any more; NULL is fine */

void flight_run(struct flight *f, struct multi *m); /* it was added */
/* Takes down the status of the answer; 0: none came, or a proxy's alone. */
void flight_read_status(struct flight *f);
/* libcurl calls the answer complete; it does so, too, when the server goes away in the headers. */
void flight_complete(struct flight *f);
/* The first end counts; a cancel overrides it as long as it is not delivered. */
void flight_end(struct flight *f, const struct err *end); /* NULL: the answer is complete */
void flight_cancel(struct flight *f);

/* Takes it off the books and calls on_done; @f remains to be freed. */
void flight_deliver(struct flight *f, uint64_t now_ms);

bool flights_have(const struct flights *list, enum flight_state state); /* at least one */

/* The same for a whole list. */
void flights_cancel(struct flights *list);
void flights_end_running(struct flights *list, const struct err *end);
/* Streams whose answer has begun are complete with what came so far, as if the server had ended
 * them. */
void flights_end_streams(struct flights *list);
void flights_take_off(struct flights *list); /* out of their multi, whatever their state */
/* Ends what is overdue with ERR_TIMEOUT; whether there was any. @ret_due_ms: the next deadline,
 * UINT64_MAX without one. */
bool flights_time_out(struct flights *list, uint64_t now_ms, uint64_t *ret_due_ms);
/* Out of their multi and to the end of @ret_ended, in order. */
void flights_move_ended(struct flights *list, struct flights *ret_ended);

#endif

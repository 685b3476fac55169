/*
 * A little API server behind wire/support/server.h: keeps objects as JSON, gives out
 * resourceVersions and uids, answers lists, WatchLists, watches from a version, creations, merge
 * patches, deletions with preconditions and Events, and remembers how often each object was
 * written. A test may take any request away from it and answer as no API server would; what is
 * written stays the only truth.
 */
#ifndef TESTS_WIRE_SUPPORT_API_H
#define TESTS_WIRE_SUPPORT_API_H

#include <jansson.h>
#include <sys/queue.h>

#include "rampart/base/strbuf.h"
#include "rampart/kube/resource.h"
#include "wire/support/server.h"

struct api;

struct api_object {
    TAILQ_ENTRY(api_object) link;
    enum kind kind;
    char ns[64];
    char name[128];
    json_t *json;       /* owned */
    unsigned creations; /* by requests; an Event's count stands in its series */
    unsigned patches;
};

struct api_event { /* of a watch, for those who come back from an older version */
    TAILQ_ENTRY(api_event) link;
    enum kind kind;
    unsigned rv;
    char *line; /* owned, with its newline */
};

/* What a request is about. */
struct api_target {
    enum kind kind;
    char ns[64];
    char name[128]; /* "": the collection */
    bool is_status;
    bool is_watch;
    bool is_initial; /* of a watch: sendInitialEvents */
    unsigned rv;     /* asked for; 0: none, or any */
    unsigned timeout_s;
};

/* True: the test has dealt with it, or will. */
typedef bool (*api_misbehave_fn)(struct api *api, struct server_stream *s,
                                 const struct server_request *r, const struct api_target *target);

struct api_counts {
    unsigned lists;
    unsigned watches;
    unsigned reads;
    unsigned creates; /* of NetworkPolicies, as the next two */
    unsigned patches;
    unsigned deletes;
    unsigned status_patches;
    unsigned event_creates;
    unsigned event_patches;
};

struct api {
    TAILQ_HEAD(, api_object) objects;
    TAILQ_HEAD(, api_event) history;
    struct server *server; /* borrowed; for telling watches */
    unsigned rv;           /* the last one */
    unsigned oldest_rv;    /* a watch from before it is answered 410 */
    uint64_t said;         /* bytes into watches */
    unsigned now_s;        /* the clock by which watches end when they have asked to */
    bool has_no_watch_list;
    api_misbehave_fn misbehave; /* may be NULL */
    struct api_counts counts;   /* of what the test left to us */
    void *ctx;                  /* the test's */
};

void api_init(struct api *api);
void api_done(struct api *api);
void api_handle(struct api *api, struct server_stream *s, const struct server_request *r);

/* Adds or replaces; whoever watches is told. @text: the object without uid and resourceVersion. */
struct api_object *api_put(struct api *api, enum kind kind, const char *text);
void api_take_away(struct api *api, enum kind kind, const char *ns, const char *name);
struct api_object *api_find(struct api *api, enum kind kind, const char *ns, const char *name);
/* A change by somebody: a merge patch. */
void api_edit(struct api *api, struct api_object *o, const char *patch);
/* The watches end with 410 when they come back; what changed before now is not told again. */
void api_compact(struct api *api);
/* What was is forgotten; nobody must come back for it. */
void api_forget(struct api *api);

/* A watch event of @o as it is now, with its newline; the caller frees it with mem_free(). */
char *api_line(const struct api_object *o, const char *type);
/* Answers as the API server would, for a test that took the request and has had its fun. */
void api_serve(struct api *api, struct server_stream *s, const struct server_request *r);
/* Ends the watches whose time is over; returns when the next one's is, UINT_MAX: none. */
unsigned api_end_watches(struct api *api);
/* Into every open watch, with the last version. */
void api_send_bookmarks(struct api *api);
/* Bytes into every open watch of @kind, events or not. */
void api_say(struct api *api, enum kind kind, const void *bytes, size_t len);

/* "ns/name spec" of every policy, one a line, in order; in @out. */
void api_policies(struct api *api, struct strbuf *out);
/* "ns/name@resourceVersion " of every object of @kind, in order. */
void api_versions(struct api *api, enum kind kind, struct strbuf *out);

bool api_target_of(const struct server_request *r, struct api_target *ret_target);

#endif

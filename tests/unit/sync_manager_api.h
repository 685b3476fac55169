/*
 * A handful of objects behind a fake transport that behave like an API server, for the tests of
 * sync/manager.h. Included by sync_manager.h alone.
 */
#ifndef TESTS_UNIT_SYNC_MANAGER_API_H
#define TESTS_UNIT_SYNC_MANAGER_API_H

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/workload.h"
#include "rampart/sync/manager.h"
#include "support/api_text.h"
#include "support/fake_transport.h"
#include "support/text.h"

#define WALL_MS INT64_C(1795475820000) /* 2026-11-23T23:17:00Z: the test's clock at 0 */
#define SECOND_MS 1000u
#define MINUTE_MS (60 * SECOND_MS)
#define THINGS_MAX 12288
#define POLICY "rampart-deny" /* what the reconciler below makes */
#define POLICY_BIT 1u

/* ---- The objects behind the transport ---- */

struct thing {
    enum kind kind;
    char ns[64];
    char name[64];
    unsigned uid;
    unsigned rv;
    unsigned generation;
    char owner[64];    /* label rampart.dev/profile of a policy */
    char status[128];  /* of a profile; JSON */
    bool asks_nothing; /* of a profile: it has no section "workloads" */
    char mark[32];     /* rampart.dev/rollout of a workload */
    bool is_gone;      /* a tombstone */
};

/* What the reconciler says; the test changes it at will. */
struct script {
    bool wants_policy; /* a namespace without POLICY gets one */
    bool mends_always; /* and is patched in each pass */
    bool mends_once;   /* ... until a patch has come through */
    bool is_edited;    /* what is patched is drift, made by @rival (NULL: not recorded) */
    const char *rival;
    bool removes;                     /* POLICY is deleted where it is */
    bool is_explained;                /* that deletion */
    bool writes_status;               /* a profile's status counts the compliant namespaces */
    bool is_about_profile;            /* the finding */
    bool counts_as_failed;            /* the finding */
    const char *says;                 /* message of a finding about each namespace; NULL: none */
    const char *says_about;           /* the profile of the finding; NULL: who decides */
    const struct object_ref *says_of; /* what the finding is about; NULL: the namespace */
    size_t says_times;                /* so many of them, numbered; 0: one */
    const char *profile;              /* who decides */
    enum mode mode;
    unsigned plans_fail;         /* so many of the next plans fail */
    unsigned profile_plans_fail; /* of profiles */
    bool is_broken;              /* plans are, and nothing says so */
    bool writes_metadata;        /* of a profile, before its status */
    const char *decides;       /* who decides about objects; NULL: nobody. By name: "bad..." drifts,
                                  "odd..." cannot be evaluated, "excused..." is exempt */
    bool is_mended;            /* "bad..." does no longer drift */
    unsigned evaluations_fail; /* so many of the next evaluations fail */
    unsigned explanations_fail;
    const char *says_of_exceptions; /* message of a finding about each exception; NULL: none */
    int64_t look_again_s;           /* at exceptions; 0: never */
    int64_t ns_look_again_s;        /* at namespaces; 0: never */
    const char *marks; /* name of a namespace and a profile that each event marks besides */
};

struct bench {
    struct fake_transport net;
    struct manager *manager;
    const struct reconciler_ops *ops; /* NULL: those of sync_manager_script.h */
    size_t hardenings_max;            /* 0: as many as there are */
    struct log log;
    struct thing *things;
    size_t things_count;
    unsigned rv;  /* the last one */
    bool *served; /* by number of the exchange: a watch that has had its initial events */
    size_t served_cap;
    bool holds_writes;          /* writes are answered by the test */
    bool holds_events;          /* Events too */
    bool holds_scan;            /* pages of the scan are answered by the test */
    bool holds_reads;           /* so are those of evidence */
    bool fills;                 /* profiles enforce, and so fill in */
    bool goes;                  /* profiles are being deleted */
    bool removes;               /* their onDelete is Remove */
    bool audits;                /* a profile's network section is in Audit */
    bool labels;                /* a profile has a section podSecurityAdmission */
    bool forbids_ingresses;     /* to be listed */
    bool is_down;               /* every request fails */
    bool is_paused[KIND_COUNT]; /* watches of the kind tell nothing more */
    bool is_empty[KIND_COUNT];  /* lists and initial events of the kind have no objects */
    unsigned conflicts;         /* so many of the next patches of policies come too late */
    bool loses_patches;         /* those of workloads are answered, and change nothing */
    bool has_rival;             /* who writes the policy just before each of those */
    unsigned running_max;       /* deployments that ran a rollout at once */
    struct script script;
    char trace[262144]; /* keys in the order of their passes, each followed by a space */
    size_t trace_len;
    char logged[262144];
    size_t logged_len;
};

static struct bench *bench_now; /* a reconciler knows only its view */

static inline struct thing *thing_find(struct bench *b, enum kind kind, const char *ns,
                                       const char *name)
{
    for (size_t i = 0; i < b->things_count; i++) {
        struct thing *t = &b->things[i];

        if (t->kind == kind && strcmp(t->ns, ns) == 0 && strcmp(t->name, name) == 0)
            return t;
    }
    return NULL;
}

static inline const char *thing_json(const struct thing *t)
{
    const char *meta = api_text("\"name\":\"%s\",%s%s%s\"uid\":\"u-%u\",\"resourceVersion\":\"%u\","
                                "\"generation\":%u",
                                t->name, *t->ns ? "\"namespace\":\"" : "", t->ns,
                                *t->ns ? "\"," : "", t->uid, t->rv, t->generation);

    switch (t->kind) {
    case KIND_NETWORK_POLICY:
        return api_text("{\"kind\":\"NetworkPolicy\",\"apiVersion\":\"networking.k8s.io/v1\","
                        "\"metadata\":{%s,\"labels\":{\"app.kubernetes.io/managed-by\":"
                        "\"rampart\",\"rampart.dev/profile\":\"%s\"}},"
                        "\"spec\":{\"podSelector\":{}}}",
                        meta, t->owner);
    case KIND_PROFILE:
        return api_text(
            "{\"kind\":\"SecurityProfile\",\"apiVersion\":\"rampart.dev/v1alpha1\","
            "\"metadata\":{%s%s},\"spec\":{%s%s\"namespaceSelector\":{}%s%s%s},\"status\":%s}",
            meta, bench_now->goes ? ",\"deletionTimestamp\":\"2026-11-24T00:00:00Z\"" : "",
            bench_now->fills ? "\"mode\":\"Enforce\"," : "",
            bench_now->removes ? "\"onDelete\":\"Remove\"," : "",
            bench_now->audits ? ",\"network\":{\"mode\":\"Audit\"}" : "",
            bench_now->labels ? ",\"podSecurityAdmission\":{\"warn\":\"baseline\"}" : "",
            t->asks_nothing ? "" : ",\"workloads\":{}", *t->status ? t->status : "{}");
    case KIND_INGRESS:
        return api_text("{\"kind\":\"Ingress\",\"metadata\":{%s},\"spec\":{\"defaultBackend\":"
                        "{\"service\":{\"name\":\"web\"}}}}",
                        meta);
    case KIND_DEPLOYMENT:
    case KIND_STATEFUL_SET:
    case KIND_DAEMON_SET:
    case KIND_CRON_JOB:
        return api_text("{\"kind\":\"%s\",\"apiVersion\":\"apps/v1\",\"metadata\":{%s,"
                        "\"annotations\":{\"rampart.dev/rollout\":\"%s\"}}}",
                        resource_of(t->kind)->name, meta, t->mark);
    default:
        return api_text("{\"kind\":\"%s\",\"apiVersion\":\"v1\",\"metadata\":{%s}}",
                        resource_of(t->kind)->name, meta);
    }
}

static inline const char *watch_part(enum kind kind)
{
    return api_text("/%s?watch=true", resource_of(kind)->plural);
}

static inline void tell(struct bench *b, const char *type, const struct thing *t)
{
    size_t watch = fake_find(&b->net, watch_part(t->kind));

    if (watch != FAKE_LAST && watch < b->served_cap && b->served[watch] && !b->is_paused[t->kind])
        (void)fake_text(&b->net, watch,
                        api_text("{\"type\":\"%s\",\"object\":%s}\n", type, thing_json(t)));
}

/* Adds or changes; whoever watches is told. */
static inline struct thing *put(struct bench *b, enum kind kind, const char *ns, const char *name)
{
    struct thing *t = thing_find(b, kind, ns, name);
    bool is_new = !t || t->is_gone;

    if (!t) {
        assert_true(b->things_count < THINGS_MAX);
        t = &b->things[b->things_count++];
    }
    if (is_new) {
        *t = (struct thing){.kind = kind, .uid = b->rv + 1, .generation = 1};
        (void)snprintf(t->ns, sizeof(t->ns), "%s", ns);
        (void)snprintf(t->name, sizeof(t->name), "%s", name);
        (void)snprintf(t->owner, sizeof(t->owner), "%s", "restricted");
    }
    t->rv = ++b->rv;
    tell(b, is_new ? "ADDED" : "MODIFIED", t);
    return t;
}

static inline void take_away(struct bench *b, enum kind kind, const char *ns, const char *name)
{
    struct thing *t = thing_find(b, kind, ns, name);

    assert_true(t && !t->is_gone);
    t->is_gone = true;
    t->rv = ++b->rv;
    tell(b, "DELETED", t);
}

/* How many deployments run a rollout. */
static inline unsigned running(const struct bench *b)
{
    unsigned count = 0;

    for (size_t i = 0; i < b->things_count; i++)
        count += b->things[i].kind == KIND_DEPLOYMENT && !b->things[i].is_gone &&
                 strcmp(b->things[i].mark, "runs") == 0;
    return count;
}

/* A patch of a workload: {"mark":"runs"}. */
static inline void set_mark(struct bench *b, struct thing *t, const char *body)
{
    const char *mark = strstr(body, "\"mark\":\"");

    assert_non_null(mark);
    mark += strlen("\"mark\":\"");
    (void)snprintf(t->mark, sizeof(t->mark), "%.*s", (int)strcspn(mark, "\""), mark);
    if (running(b) > b->running_max)
        b->running_max = running(b);
}

static inline bool stands(struct bench *b, const char *ns)
{
    const struct thing *t = thing_find(b, KIND_NETWORK_POLICY, ns, POLICY);

    return t && !t->is_gone;
}

/* ---- Answers ---- */

static inline void serve_watch(struct bench *b, size_t number, enum kind kind)
{
    bool is_initial = strstr(fake_path(&b->net, number), "sendInitialEvents");
    const char *from = strstr(fake_path(&b->net, number), "resourceVersion=");
    unsigned rv = from ? (unsigned)strtoul(from + strlen("resourceVersion="), NULL, 10) : 0;

    b->served[number] = true;
    for (size_t i = 0; i < b->things_count; i++) {
        const struct thing *t = &b->things[i];

        if (t->kind != kind || (is_initial ? t->is_gone || b->is_empty[kind] : t->rv <= rv))
            continue;
        if (!fake_text(&b->net, number,
                       api_text("{\"type\":\"%s\",\"object\":%s}\n",
                                t->is_gone ? "DELETED" : "ADDED", thing_json(t))))
            return;
    }
    if (is_initial)
        (void)fake_text(&b->net, number,
                        api_text("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"metadata\":"
                                 "{\"resourceVersion\":\"%u\",\"annotations\":"
                                 "{\"k8s.io/initial-events-end\":\"true\"}}}}\n",
                                 resource_of(kind)->name, b->rv));
}

static inline void serve_list(struct bench *b, size_t number, enum kind kind)
{
    char *text = NULL;
    size_t len = 0;
    bool is_first = true;
    FILE *out = open_memstream(&text, &len);

    (void)fprintf(out, "{\"kind\":\"%sList\",\"metadata\":{\"resourceVersion\":\"%u\"},\"items\":[",
                  resource_of(kind)->name, b->rv);
    for (size_t i = 0; i < b->things_count; i++) {
        if (b->things[i].kind != kind || b->things[i].is_gone || b->is_empty[kind])
            continue;
        (void)fprintf(out, "%s%s", is_first ? "" : ",", thing_json(&b->things[i]));
        is_first = false;
    }
    (void)fputs("]}", out);
    (void)fclose(out);
    fake_answer(&b->net, number, 200, NULL, text);
    free(text);
}

static inline bool path_names(const char *path, const char *ns, const char *plural,
                              const char *name)
{
    const char *at = strstr(path, plural);

    return at && strncmp(at + strlen(plural), "/", 1) == 0 &&
           strncmp(at + strlen(plural) + 1, name, strlen(name)) == 0 &&
           strchr("?/", at[strlen(plural) + 1 + strlen(name)]) &&
           (*ns == '\0' || strstr(path, api_text("/namespaces/%s/", ns)));
}

/* A write as the API server does it. */
static inline void serve_write(struct bench *b, size_t number)
{
    const struct http_request *request = &fake_get(&b->net, number)->request;
    const char *path = request->path;
    char ns[64] = "";
    const char *at = strstr(path, "/namespaces/");

    if (at)
        (void)snprintf(ns, sizeof(ns), "%.*s", (int)strcspn(at + 12, "/"), at + 12);
    if (request->method == HTTP_POST) {
        fake_answer(&b->net, number, 201, NULL,
                    thing_json(put(b, KIND_NETWORK_POLICY, ns, POLICY)));
        return;
    }
    for (size_t i = 0; i < b->things_count; i++) {
        struct thing *t = &b->things[i];

        if (t->is_gone || (t->kind == KIND_NAMESPACE && !b->labels) ||
            !path_names(path, t->ns, resource_of(t->kind)->plural, t->name))
            continue;
        if (strstr(path, "dryRun=All")) {
            fake_answer(&b->net, number, 200, NULL, thing_json(t));
            return;
        }
        if (request->method == HTTP_DELETE) {
            take_away(b, t->kind, t->ns, t->name);
            fake_answer(&b->net, number, 200, NULL,
                        "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Success\"}");
            return;
        }
        if (t->kind == KIND_PROFILE && request->method == HTTP_PATCH &&
            strncmp(request->body, "{\"status\":", strlen("{\"status\":")) == 0)
            (void)snprintf(t->status, sizeof(t->status), "%.*s",
                           (int)(request->body_len - strlen("{\"status\":}")),
                           request->body + strlen("{\"status\":"));
        if (request->method == HTTP_PATCH) {
            if (kind_is_workload(t->kind) && !b->loses_patches)
                set_mark(b, t, request->body);
            if (b->script.mends_once && t->kind == KIND_NETWORK_POLICY)
                b->script.mends_always = false;
            (void)put(b, t->kind, t->ns, t->name);
        }
        fake_answer(&b->net, number, 200, NULL, thing_json(t));
        return;
    }
    fake_answer(&b->net, number, 404, NULL, fake_status(404, "NotFound", NULL, "not found"));
}

/* Somebody else was faster. */
static inline bool serve_conflict(struct bench *b, size_t number)
{
    const struct http_request *request = &fake_get(&b->net, number)->request;

    if (b->conflicts == 0 || request->method != HTTP_PATCH ||
        !strstr(request->path, "/networkpolicies/"))
        return false;
    b->conflicts--;
    for (size_t i = 0; b->has_rival && i < b->things_count; i++) {
        struct thing *t = &b->things[i];

        if (t->kind == KIND_NETWORK_POLICY &&
            path_names(request->path, t->ns, "networkpolicies", t->name))
            (void)put(b, t->kind, t->ns, t->name);
    }
    fake_answer(&b->net, number, 409, NULL,
                fake_status(409, "Conflict", NULL, "the object has been modified"));
    return true;
}

static inline enum kind evidence_kind(const char *path)
{
    static const enum kind kinds[] = {KIND_REPLICA_SET, KIND_CONTROLLER_REVISION, KIND_POD,
                                      KIND_POD_DISRUPTION_BUDGET, KIND_JOB};

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strstr(path, api_text("/%s?limit", resource_of(kinds[i])->plural)))
            return kinds[i];
    }
    fail_msg("no list of evidence: %s", path);
    return KIND_COUNT;
}

static inline bool serve_one(struct bench *b, size_t number)
{
    const char *path = fake_path(&b->net, number);
    bool is_stream = fake_get(&b->net, number)->request.is_stream;

    if (b->is_down) {
        fake_fail(&b->net, number, ERR_UNAVAILABLE, "connection refused");
        return true;
    }
    if (strstr(path, "/events")) {
        if (b->holds_events)
            return false;
        fake_answer(&b->net, number, 201, NULL, "{}");
        return true;
    }
    if (!is_stream) {
        if (b->holds_writes)
            return false;
        if (!serve_conflict(b, number))
            serve_write(b, number);
        return true;
    }
    if (strstr(path, "/namespaces/") && strstr(path, "?limit")) {
        if (b->holds_reads)
            return false;
        serve_list(b, number, evidence_kind(path));
        return true;
    }
    for (int kind = KIND_POD; kind <= KIND_JOB; kind++) {
        if (strstr(path, api_text("/%s?limit", resource_of((enum kind)kind)->plural))) {
            if (b->holds_scan)
                return false;
            serve_list(b, number, (enum kind)kind);
            return true;
        }
    }
    if (strstr(path, "/ingresses?limit")) {
        if (b->forbids_ingresses)
            fake_answer(&b->net, number, 403, NULL,
                        fake_status(403, "Forbidden", NULL, "cannot list ingresses"));
        else
            serve_list(b, number, KIND_INGRESS);
        return true;
    }
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (strstr(path, watch_part((enum kind)kind))) {
            if (b->served[number])
                return false;
            serve_watch(b, number, (enum kind)kind);
            return true;
        }
        if (strstr(path, api_text("/%s?", resource_of((enum kind)kind)->plural))) {
            serve_list(b, number, (enum kind)kind);
            return true;
        }
    }
    fail_msg("nobody serves %s", path);
    return false;
}

/* Answers what is asked for. True when there was something to do. */
static inline bool serve(struct bench *b)
{
    bool has_served = fake_settle(&b->net) > 0;
    size_t count = b->net.count;

    if (b->served_cap < count) {
        b->served = realloc(b->served, count * 2);
        assert_non_null(b->served);
        memset(b->served + b->served_cap, 0, count * 2 - b->served_cap);
        b->served_cap = count * 2;
    }
    for (size_t i = 0; i < count; i++) {
        if (b->net.exchanges[i].state == FAKE_RUNNING && serve_one(b, i))
            has_served = true;
    }
    return has_served;
}

#endif

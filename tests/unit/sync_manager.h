/*
 * Shared by the tests of sync/manager.h: a manager with a reconciler that does what the test says,
 * on a fake transport behind which a handful of objects behaves like an API server. Time is the
 * test's.
 */
#ifndef TESTS_UNIT_SYNC_MANAGER_H
#define TESTS_UNIT_SYNC_MANAGER_H

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/sync/manager.h"
#include "support/api_text.h"
#include "support/fake_transport.h"
#include "support/text.h"

#define WALL_MS INT64_C(1795475820000) /* 2026-11-23T23:17:00Z: the test's clock at 0 */
#define SECOND_MS 1000u
#define MINUTE_MS (60 * SECOND_MS)
#define THINGS_MAX 2048
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
    char owner[64];   /* label rampart.dev/profile of a policy */
    char status[128]; /* of a profile; JSON */
    bool is_gone;     /* a tombstone */
};

/* What the reconciler says; the test changes it at will. */
struct script {
    bool wants_policy;     /* a namespace without POLICY gets one */
    bool mends_always;     /* and is patched in each pass */
    bool removes;          /* POLICY is deleted where it is */
    bool is_explained;     /* that deletion */
    bool writes_status;    /* a profile's status counts the compliant namespaces */
    bool is_about_profile; /* the finding */
    bool counts_as_failed; /* the finding */
    const char *says;      /* message of a finding about each namespace; NULL: none */
    size_t says_times;     /* so many of them, numbered; 0: one */
    const char *profile;   /* who decides */
    enum mode mode;
    unsigned plans_fail; /* so many of the next plans fail */
};

struct bench {
    struct fake_transport net;
    struct manager *manager;
    struct log log;
    struct thing *things;
    size_t things_count;
    unsigned rv;  /* the last one */
    bool *served; /* by number of the exchange: a watch that has had its initial events */
    size_t served_cap;
    bool holds_writes; /* writes are answered by the test */
    bool holds_events; /* Events too */
    bool is_down;      /* every request fails */
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
        return api_text("{\"kind\":\"SecurityProfile\",\"apiVersion\":\"rampart.dev/v1alpha1\","
                        "\"metadata\":{%s},\"spec\":{\"namespaceSelector\":{}},\"status\":%s}",
                        meta, *t->status ? t->status : "{}");
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

    if (watch != FAKE_LAST && watch < b->served_cap && b->served[watch])
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

static inline bool stands(struct bench *b, const char *ns)
{
    const struct thing *t = thing_find(b, KIND_NETWORK_POLICY, ns, POLICY);

    return t && !t->is_gone;
}

/* ---- The reconciler ---- */

static inline void trace_pass(const char *what, const char *name)
{
    struct bench *b = bench_now;
    int len =
        snprintf(b->trace + b->trace_len, sizeof(b->trace) - b->trace_len, "%s/%s ", what, name);

    assert_true(len > 0 && (size_t)len < sizeof(b->trace) - b->trace_len);
    b->trace_len += (size_t)len;
}

static inline void script_map(const struct view *v, const struct object *before,
                              const struct object *after, const struct dirty *dirty)
{
    const struct object *any = after ? after : before;

    (void)v;
    if (any->kind == KIND_NAMESPACE) {
        dirty->mark_namespace(dirty->ctx, any->name);
        dirty->mark_all_profiles(dirty->ctx);
    } else if (any->kind == KIND_NETWORK_POLICY) {
        dirty->mark_namespace(dirty->ctx, any->ns);
    } else if (any->kind == KIND_PROFILE) {
        if (before && after &&
            OBJECT_AS(profile, before)->generation == OBJECT_AS(profile, after)->generation) {
            dirty->mark_profile(dirty->ctx, any->name);
            return;
        }
        dirty->mark_all_namespaces(dirty->ctx);
        dirty->mark_all_profiles(dirty->ctx);
    }
}

static inline int script_fails(struct err *err)
{
    struct script *s = &bench_now->script;

    if (s->plans_fail == 0)
        return 0;
    s->plans_fail--;
    return err_set(err, ERR_NOMEM, "the script says so");
}

static inline int script_write(struct plan *plan, enum write_verb verb, const char *ns,
                               const struct object *policy, const struct finding *after)
{
    char summary[256];
    struct write write = {
        .verb = verb,
        .object = {KIND_NETWORK_POLICY, ns, POLICY, policy ? policy->uid : ""},
        .rv = policy ? policy->rv : NULL,
        .body = verb == WRITE_DELETE ? NULL : "{}",
        .summary = summary,
        .is_explained = bench_now->script.is_explained,
        .after = after,
    };
    static const char *const verbs[] = {"create", "mend", "mend", "remove"};

    (void)snprintf(summary, sizeof(summary), "%s NetworkPolicy %s/%s", verbs[verb], ns, POLICY);
    return plan_add_write(plan, &write) ? 0 : plan_check(plan, NULL);
}

static inline int script_findings(struct plan *plan, const char *ns, struct err *err)
{
    const struct script *s = &bench_now->script;
    size_t times = s->says_times ? s->says_times : 1;

    for (size_t i = 0; s->says && i < times; i++) {
        char message[256];
        struct finding finding = {.reason = REASON_UNDONE,
                                  .is_warning = true,
                                  .counts_as_failed = s->counts_as_failed,
                                  .is_about_profile = s->is_about_profile,
                                  .object = {KIND_NAMESPACE, "", ns, ""},
                                  .rule = "network",
                                  .message = message,
                                  .profile = s->profile};

        if (s->says_times)
            (void)snprintf(message, sizeof(message), "%s %zu", s->says, i);
        else
            (void)snprintf(message, sizeof(message), "%s", s->says);
        if (!plan_add_finding(plan, &finding) && plan_check(plan, err) < 0)
            return -1;
    }
    return 0;
}

static inline int script_plan_namespace(const struct view *v, const char *ns, struct plan *plan,
                                        struct err *err)
{
    const struct script *s = &bench_now->script;
    const struct object *policy = view_get(v, KIND_NETWORK_POLICY, ns, POLICY);
    const struct verdict *before = view_verdict(v, ns);
    struct finding again = {.reason = REASON_POLICY_DELETED,
                            .is_warning = true,
                            .object = {KIND_NETWORK_POLICY, ns, POLICY, ""},
                            .rule = "network",
                            .message = "was deleted and made again",
                            .profile = s->profile};
    int result = 0;

    trace_pass("ns", ns);
    if (script_fails(err) < 0)
        return -1;
    if (!view_get(v, KIND_NAMESPACE, "", ns))
        return 0;
    plan->profile = s->profile;
    plan->mode = s->mode;
    plan->state = s->profile ? VERDICT_COMPLIANT : VERDICT_NONE;
    plan->in_place = policy ? POLICY_BIT : 0;
    if (s->counts_as_failed)
        plan->state = VERDICT_FAILED;
    if (s->wants_policy && !policy)
        result = script_write(plan, WRITE_CREATE, ns, NULL,
                              before && (before->in_place & POLICY_BIT) ? &again : NULL);
    else if (s->mends_always && policy)
        result = script_write(plan, WRITE_PATCH, ns, policy, NULL);
    else if (s->removes && policy)
        result = script_write(plan, WRITE_DELETE, ns, policy, NULL);
    if (plan->writes_count > 0 && plan->state == VERDICT_COMPLIANT)
        plan->state = VERDICT_DRIFTED;
    if (result < 0 || script_findings(plan, ns, err) < 0)
        return plan_check(plan, err);
    return 0;
}

static inline int script_plan_profile(const struct view *v, const char *name, struct plan *plan,
                                      struct err *err)
{
    const struct profile *p = OBJECT_AS(profile, view_get(v, KIND_PROFILE, "", name));
    struct object_list namespaces;
    size_t compliant = 0;
    char status[64], body[128];
    struct write write = {.verb = WRITE_PATCH_STATUS, .phase = PHASE_STATUS, .body = body};

    trace_pass("profile", name);
    if (!p || !bench_now->script.writes_status)
        return 0;
    if (view_list(v, KIND_NAMESPACE, NULL, plan->arena, &namespaces, err) < 0)
        return -1;
    for (size_t i = 0; i < namespaces.count; i++) {
        const struct verdict *verdict = view_verdict(v, namespaces.items[i]->name);

        compliant += verdict && verdict->state == VERDICT_COMPLIANT;
    }
    (void)snprintf(status, sizeof(status), "{\"compliant\":%zu}", compliant);
    if (strcmp(p->status, status) == 0)
        return 0;
    (void)snprintf(body, sizeof(body), "{\"status\":%s}", status);
    write.object = (struct object_ref){KIND_PROFILE, "", name, p->object.uid};
    write.rv = p->object.rv;
    write.summary = "update the status";
    return plan_add_write(plan, &write) ? 0 : plan_check(plan, err);
}

static const struct reconciler_ops script_ops = {
    .map = script_map,
    .plan_namespace = script_plan_namespace,
    .plan_profile = script_plan_profile,
};

/* How often the key was planned. */
static inline size_t passes(const struct bench *b, const char *key)
{
    const char *with_space = api_text("%s ", key);
    size_t count = 0;

    for (const char *at = b->trace; (at = strstr(at, with_space)) != NULL; at++)
        count += at == b->trace || at[-1] == ' ';
    return count;
}

/* ---- The API server's side ---- */

static inline void serve_watch(struct bench *b, size_t number, enum kind kind)
{
    bool is_initial = strstr(fake_path(&b->net, number), "sendInitialEvents");
    const char *from = strstr(fake_path(&b->net, number), "resourceVersion=");
    unsigned rv = from ? (unsigned)strtoul(from + strlen("resourceVersion="), NULL, 10) : 0;

    b->served[number] = true;
    for (size_t i = 0; i < b->things_count; i++) {
        const struct thing *t = &b->things[i];

        if (t->kind != kind || (is_initial ? t->is_gone : t->rv <= rv))
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
        if (b->things[i].kind != kind || b->things[i].is_gone)
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

        if (t->is_gone || t->kind == KIND_NAMESPACE ||
            !path_names(path, t->ns, resource_of(t->kind)->plural, t->name))
            continue;
        if (request->method == HTTP_DELETE) {
            take_away(b, t->kind, t->ns, t->name);
            fake_answer(&b->net, number, 200, NULL,
                        "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Success\"}");
            return;
        }
        if (t->kind == KIND_PROFILE && request->method == HTTP_PATCH)
            (void)snprintf(t->status, sizeof(t->status), "%.*s",
                           (int)(request->body_len - strlen("{\"status\":}")),
                           request->body + strlen("{\"status\":"));
        if (request->method == HTTP_PATCH)
            (void)put(b, t->kind, t->ns, t->name);
        fake_answer(&b->net, number, 200, NULL, thing_json(t));
        return;
    }
    fake_answer(&b->net, number, 404, NULL, fake_status(404, "NotFound", NULL, "not found"));
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
        serve_write(b, number);
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

/* ---- The test's side ---- */

static inline uint64_t step(struct bench *b)
{
    return manager_step(b->manager, b->net.now_ms, WALL_MS + (int64_t)b->net.now_ms);
}

/* Lets @ms pass: everything that is due by then is done, nothing is done without reason. */
static inline void run(struct bench *b, uint64_t ms)
{
    uint64_t until_ms = b->net.now_ms + ms;
    unsigned turns_at_once = 0;

    for (;;) {
        uint64_t next_ms = step(b);

        if (serve(b)) {
            turns_at_once = 0;
            continue;
        }
        if (next_ms > until_ms)
            break;
        if (next_ms > b->net.now_ms) {
            b->net.now_ms = next_ms;
            turns_at_once = 0;
        } else if (++turns_at_once > 200) {
            fail_msg("it spins at %llu ms", (unsigned long long)b->net.now_ms);
        }
    }
    b->net.now_ms = until_ms;
}

static inline void bench_sink(void *ctx, const char *line, size_t len)
{
    struct bench *b = ctx;

    assert_true(b->logged_len + len < sizeof(b->logged));
    memcpy(b->logged + b->logged_len, line, len);
    b->logged_len += len;
    b->logged[b->logged_len] = '\0';
}

static inline int64_t bench_clock(void *ctx)
{
    (void)ctx;
    return 0;
}

static inline int bench_start(struct bench *b, unsigned in_flight_max, struct err *err)
{
    struct manager_options options = {.ops = &script_ops,
                                      .own_namespace = "rampart-system",
                                      .instance = "rampart-0",
                                      .seed = 1,
                                      .in_flight_max = in_flight_max};

    options.transport = &b->net.transport;
    options.log = &b->log;
    b->manager = manager_new(&options, err);
    return b->manager ? 0 : -1;
}

static inline struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->things = calloc(THINGS_MAX, sizeof(*b->things));
    assert_non_null(b->things);
    fake_init(&b->net);
    b->net.now_ms = 1000000;
    b->log = (struct log){
        .level = LOG_DEBUG, .format = LOG_TEXT, .sink = bench_sink, .clock = bench_clock, .ctx = b};
    b->script = (struct script){.profile = "restricted", .mode = MODE_ENFORCE};
    bench_now = b;
    return b;
}

/* Stops whatever is in flight, as a transport that is stopped does. */
static inline void bench_stop(struct bench *b)
{
    if (!b->manager)
        return;
    manager_stop(b->manager, b->net.now_ms);
    (void)step(b);
    (void)fake_settle(&b->net);
    for (size_t i = 0; i < b->net.count; i++) {
        if (b->net.exchanges[i].state == FAKE_RUNNING)
            fake_fail(&b->net, i, ERR_CANCELED, "stopping");
    }
    manager_free(b->manager);
    b->manager = NULL;
}

static inline void bench_free(struct bench *b)
{
    bench_stop(b);
    fake_done(&b->net);
    free(b->served);
    free(b->things);
    free(b);
    bench_now = NULL;
}

static inline int setup(void **state)
{
    struct bench *b = bench_new();

    assert_int_equal(bench_start(b, 0, NULL), 0);
    *state = b;
    return 0;
}

static inline int teardown(void **state)
{
    bench_free(*state);
    return 0;
}

/* One profile, "restricted", and everything complete. */
static inline void begin(struct bench *b)
{
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, 2 * SECOND_MS);
}

static inline void forget_trace(struct bench *b)
{
    b->trace_len = 0;
    *b->trace = '\0';
    b->logged_len = 0;
    *b->logged = '\0';
}

/* How often the log says it. */
static inline size_t logged(const struct bench *b, const char *what)
{
    size_t count = 0;

    for (const char *at = b->logged; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

/* Events created so far whose body has @part. */
static inline size_t events(const struct bench *b, const char *part)
{
    size_t count = 0;

    for (size_t i = 0; i < b->net.count; i++) {
        const struct http_request *request = &b->net.exchanges[i].request;

        if (request->method == HTTP_POST && strstr(request->path, "/events") &&
            strstr(request->body, part))
            count++;
    }
    return count;
}

/* Body of the last Event. */
static inline const char *last_event(const struct bench *b)
{
    for (size_t i = b->net.count; i > 0; i--) {
        const struct http_request *request = &b->net.exchanges[i - 1].request;

        if (request->method == HTTP_POST && strstr(request->path, "/events"))
            return request->body;
    }
    fail_msg("there is no Event");
    return NULL;
}

/* The write that waits for its answer; there is one. */
static inline size_t waiting_write(struct bench *b, const char *part)
{
    size_t number = fake_find(&b->net, part);

    if (number == FAKE_LAST)
        fail_msg("no request for %s is in flight", part);
    return number;
}

/* Answers the write with an error. */
static inline void refuse(struct bench *b, const char *part, int status, const char *reason,
                          const char *message)
{
    fake_answer(&b->net, waiting_write(b, part), status, NULL,
                fake_status(status, reason, NULL, message));
}

static inline struct manager_stats stats(const struct bench *b)
{
    struct manager_stats result;

    manager_get_stats(b->manager, &result);
    return result;
}

#define MANAGER_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif

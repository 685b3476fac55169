#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"
#include "rampart/cli/terminal.h"
#include "rampart/edge/allocators.h"
#include "rampart/edge/config.h"
#include "rampart/edge/health.h"
#include "rampart/edge/http.h"
#include "rampart/reconcilers/registry.h"
#include "rampart/sync/manager.h"

#define EXIT_BY_MS 9500 /* after the first signal, whatever is still in flight */
#define QUIET_MS 2000   /* without a pass, until a burst counts as over */
#define BURST_PASSES 64 /* fewer leave no memory behind that is worth giving back */
#define CONFIG_BYTES_MAX (8u * 1024 * 1024)
#define INSTANCE_MAX 253

struct settings {
    const char *kubeconfig;
    const char *context;
    const char *log_format;
    const char *log_level;
    const char *in_flight;
    const char *health_socket;
    enum log_format format;
    enum log_level level;
    unsigned in_flight_max;
};

struct app {
    struct loop loop;
    struct log log;
    struct arena memory; /* what the configuration said, for as long as the process runs */
    const char *own_namespace;
    char instance[INSTANCE_MAX + 1];
    struct http *http; /* owned, as the next two */
    struct health *health;
    struct manager *manager;
    uint64_t started_ms; /* monotonic */
    uint64_t exit_by_ms; /* UINT64_MAX: no signal yet */
    bool is_closing;     /* the manager has stopped; the edge is being closed */
    uint64_t syncs_seen; /* of all caches together */
    bool has_synced;
    uint64_t passes_seen;   /* at the last turn */
    uint64_t passes_tidied; /* when memory was last given back */
    uint64_t quiet_at_ms;   /* when the burst that goes on counts as over */
};

/* ---- What is logged of its life ---- */

static void log_start(struct app *app, const struct client_config *config)
{
    log_event(&app->log, LOG_INFO, "rampart starts", LOG_STR("version", rampart_version),
              LOG_STR("server", config->server), LOG_STR("config", config->source),
              LOG_STR("own_namespace", app->own_namespace), LOG_STR("instance", app->instance));
}

static int64_t count_of(struct app *app, enum kind kind)
{
    return (int64_t)store_count(cluster_store(manager_cluster(app->manager), kind));
}

static void log_sync(struct app *app, uint64_t now_ms)
{
    log_event(&app->log, LOG_INFO, "caches are complete",
              LOG_INT("duration_ms", now_ms - app->started_ms),
              LOG_INT("namespaces", count_of(app, KIND_NAMESPACE)),
              LOG_INT("securityprofiles", count_of(app, KIND_PROFILE)),
              LOG_INT("securityexceptions", count_of(app, KIND_EXCEPTION)),
              LOG_INT("networkpolicies", count_of(app, KIND_NETWORK_POLICY)),
              LOG_INT("services", count_of(app, KIND_SERVICE)),
              LOG_INT("endpointslices", count_of(app, KIND_ENDPOINT_SLICE)),
              LOG_INT("webhooks", count_of(app, KIND_VALIDATING_WEBHOOK) +
                                      count_of(app, KIND_MUTATING_WEBHOOK)),
              LOG_INT("apiservices", count_of(app, KIND_API_SERVICE)),
              LOG_INT("crds", count_of(app, KIND_CRD)),
              LOG_INT("workloads",
                      count_of(app, KIND_DEPLOYMENT) + count_of(app, KIND_STATEFUL_SET) +
                          count_of(app, KIND_DAEMON_SET) + count_of(app, KIND_CRON_JOB)));
}

static void log_stop(struct app *app, uint64_t now_ms)
{
    struct manager_stats m;
    struct http_stats h;

    manager_get_stats(app->manager, &m);
    http_get_stats(app->http, &h);
    log_event(&app->log, LOG_INFO, "rampart stops",
              LOG_INT("uptime_s", (now_ms - app->started_ms) / 1000), LOG_INT("passes", m.passes),
              LOG_INT("creates", m.applier.creates), LOG_INT("patches", m.applier.patches),
              LOG_INT("status_patches", m.applier.status_patches),
              LOG_INT("deletes", m.applier.deletes), LOG_INT("reads", m.applier.reads),
              LOG_INT("failures", m.applier.failures), LOG_INT("stale", m.applier.stale),
              LOG_INT("events_sent", m.recorder.sent),
              LOG_INT("events_dropped", m.recorder.dropped), LOG_INT("requests", h.requests),
              LOG_INT("connections", h.connections), LOG_INT("bytes_received", h.bytes_received));
}

/* ---- Giving memory back ---- */

static uint64_t syncs_of(struct app *app)
{
    uint64_t syncs = 0;

    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        struct informer_stats stats;

        cluster_get_stats(manager_cluster(app->manager), (enum kind)kind, &stats);
        syncs += stats.syncs;
    }
    return syncs;
}

/* After a sync and after a burst the heap is mostly holes. Returns when to look again. */
static uint64_t tidy(struct app *app, uint64_t now_ms)
{
    struct manager_stats stats;
    uint64_t syncs = syncs_of(app);
    bool is_complete = cluster_has_synced(manager_cluster(app->manager));

    manager_get_stats(app->manager, &stats);
    if (is_complete && syncs != app->syncs_seen) {
        app->syncs_seen = syncs;
        malloc_trim(0);
        if (!app->has_synced)
            log_sync(app, now_ms);
        app->has_synced = true;
    }
    if (stats.passes != app->passes_seen) {
        app->passes_seen = stats.passes;
        app->quiet_at_ms = now_ms + QUIET_MS;
    }
    if (stats.passes - app->passes_tidied < BURST_PASSES)
        return UINT64_MAX;
    if (now_ms < app->quiet_at_ms)
        return app->quiet_at_ms;
    app->passes_tidied = stats.passes;
    malloc_trim(0);
    return UINT64_MAX;
}

/* ---- The loop's callbacks ---- */

static void on_http_stopped(void *ctx)
{
    struct app *app = ctx;

    loop_stop(&app->loop);
}

static void close_edge(struct app *app)
{
    if (app->is_closing)
        return;
    app->is_closing = true;
    health_stop(app->health, NULL, NULL);
    app->health = NULL;
    http_stop(app->http, on_http_stopped, app);
}

static uint64_t on_turn(void *ctx, uint64_t now_ms)
{
    struct app *app = ctx;
    uint64_t next_ms, tidy_ms;

    if (now_ms >= app->exit_by_ms) {
        log_event(&app->log, LOG_WARN,
                  "requests are still in flight; exiting without their answers");
        http_abandon(app->http);
        _exit(EXIT_DONE);
    }
    if (app->is_closing)
        return app->exit_by_ms;
    next_ms = manager_step(app->manager, now_ms, clock_wall_ms());
    if (manager_is_stopped(app->manager)) {
        close_edge(app);
        return app->exit_by_ms;
    }
    tidy_ms = tidy(app, now_ms);
    if (tidy_ms < next_ms)
        next_ms = tidy_ms;
    return app->exit_by_ms < next_ms ? app->exit_by_ms : next_ms;
}

static void on_signal(void *ctx, int signum, bool is_second)
{
    struct app *app = ctx;
    uint64_t now_ms = clock_monotonic_ms();

    if (is_second) {
        log_event(&app->log, LOG_WARN, "second signal: exiting at once", LOG_INT("signal", signum));
        http_abandon(app->http);
        _exit(EXIT_FAILED);
    }
    log_event(&app->log, LOG_INFO, "stopping; what was sent gets its answer",
              LOG_INT("signal", signum));
    if (app->is_closing)
        return;
    app->exit_by_ms = now_ms + EXIT_BY_MS;
    manager_stop(app->manager, now_ms);
}

static void health_state(void *ctx, struct health_state *ret_state)
{
    struct app *app = ctx;

    ret_state->is_ready =
        manager_is_ready(app->manager, ret_state->reason, sizeof(ret_state->reason));
}

/* ---- Putting it together ---- */

/* The pod's name tells who reported an Event; outside of a cluster the machine's does. */
static void find_instance(struct app *app)
{
    const char *pod = getenv("POD_NAME");

    if (pod && *pod)
        (void)snprintf(app->instance, sizeof(app->instance), "%s", pod);
    else if (gethostname(app->instance, sizeof(app->instance) - 1) < 0 || *app->instance == '\0')
        (void)snprintf(app->instance, sizeof(app->instance), "rampart");
}

static int build(struct app *app, const struct settings *settings, struct err *err)
{
    struct client_config config;
    struct http_options of_http = {.loop = &app->loop, .config = &config, .log = &app->log};
    struct manager_options of_manager = {.ops = &registry_ops, .log = &app->log};
    char user_agent[128];

    if (config_load(settings->kubeconfig, settings->context, &app->memory, &config, err) < 0)
        return -1;
    app->own_namespace = config_own_namespace(&app->memory);
    find_instance(app);
    log_start(app, &config);
    if (config.skips_tls_verify)
        log_event(&app->log, LOG_WARN, "the API server's certificate is not verified",
                  LOG_STR("config", config.source));
    (void)snprintf(user_agent, sizeof(user_agent), "rampart/%.64s", rampart_version);
    of_http.user_agent = user_agent;
    app->http = http_new(&of_http, err);
    if (!app->http)
        return -1;
    of_manager.transport = http_transport(app->http);
    of_manager.own_namespace = app->own_namespace;
    of_manager.instance = app->instance;
    of_manager.seed = clock_random_seed();
    of_manager.in_flight_max = settings->in_flight_max;
    app->manager = manager_new(&of_manager, err);
    if (!app->manager)
        return -1;
    app->health = health_start(&app->loop, settings->health_socket, health_state, app, err);
    return app->health ? 0 : -1;
}

/* Nothing was ever started: closes what is there. */
static void abandon(struct app *app)
{
    app->loop.on_turn = NULL;
    app->is_closing = true;
    if (app->http)
        http_stop(app->http, on_http_stopped, app);
    else
        loop_stop(&app->loop);
}

static int run(struct app *app, const struct settings *settings, struct err *err)
{
    int result;

    app->started_ms = clock_monotonic_ms();
    app->exit_by_ms = UINT64_MAX;
    arena_init(&app->memory, CONFIG_BYTES_MAX);
    if (loop_init(&app->loop, on_turn, on_signal, app, err) < 0)
        return -1;
    result = build(app, settings, err);
    if (result < 0)
        abandon(app);
    loop_run(&app->loop);
    if (result == 0)
        log_stop(app, clock_monotonic_ms());
    (void)loop_done(&app->loop);
    manager_free(app->manager);
    http_free(app->http);
    arena_done(&app->memory);
    return result;
}

/* The thread on which libcurl resolves names would get a heap of its own. */
static void tune_memory(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
}

static int start(const struct settings *settings)
{
    static struct app app; /* lives as long as the process */
    struct err err = {0};
    int result;

    tune_memory();
    if (allocators_install(&err) < 0) {
        (void)fprintf(stderr, "rampart controller: %s\n", err.msg);
        return EXIT_FAILED;
    }
    terminal_log_init(&app.log, settings->level);
    app.log.format = settings->format;
    result = run(&app, settings, &err);
    if (result < 0)
        log_event(&app.log, LOG_ERROR, "rampart cannot start", LOG_STR("error", err.msg));
    allocators_done();
    return result < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int check(const struct arg_command *command, struct settings *s)
{
    if (log_format_parse(s->log_format, &s->format) < 0)
        return args_refuse(command, "log-format", "\"%.32s\" is unknown; expected json or text",
                           s->log_format);
    if (log_level_parse(s->log_level, &s->level) < 0)
        return args_refuse(command, "log-level",
                           "\"%.32s\" is unknown; expected debug, info, warn or error",
                           s->log_level);
    if (s->in_flight && args_number(s->in_flight, 1, APPLIER_IN_FLIGHT_MAX, &s->in_flight_max) < 0)
        return args_refuse(command, "max-in-flight", "\"%.32s\" is no number from 1 to %d",
                           s->in_flight, APPLIER_IN_FLIGHT_MAX);
    if (*s->health_socket == '\0' || strlen(s->health_socket) > HEALTH_NAME_MAX)
        return args_refuse(command, "health-socket", "expected a name of 1 to %d characters",
                           HEALTH_NAME_MAX);
    return EXIT_DONE;
}

int controller_command(int argc, char **argv)
{
    struct settings s = {
        .log_format = isatty(STDERR_FILENO) ? "text" : "json",
        .log_level = "info",
        .health_socket = HEALTH_SOCKET_DEFAULT,
    };
    const struct arg_flag flags[] = {
        ARG_KUBECONFIG(&s.kubeconfig),
        ARG_CONTEXT(&s.context),
        {.name = "log-format",
         .value = "FORMAT",
         .ret_text = &s.log_format,
         .help = "json or text (default: text on a terminal,\nelse json; NO_COLOR is respected)"},
        {.name = "log-level",
         .value = "LEVEL",
         .ret_text = &s.log_level,
         .help = "debug, info, warn or error (default: info)"},
        {.name = "max-in-flight",
         .value = "N",
         .ret_text = &s.in_flight,
         .help = "namespaces that are written to at the same\ntime, 1 to 64 (default: 16)"},
        {.name = "health-socket",
         .value = "NAME",
         .ret_text = &s.health_socket,
         .help =
             "abstract unix socket that rampart health\nasks (default: " HEALTH_SOCKET_DEFAULT ")"},
    };
    const struct arg_command command = {
        .name = "controller",
        .usage = "[FLAGS]",
        .text = "Runs the operator: watches the cluster, puts right what differs from the\n"
                "SecurityProfiles and reports it as Events and status. Logs to stderr.\n"
                "\n"
                "SIGTERM and SIGINT wait for the answers to what was sent and exit with 0 within\n"
                "10 s; a second one exits at once. Where it runs and as whom is in POD_NAMESPACE\n"
                "and POD_NAME.\n",
        .flags = flags,
        .flags_count = sizeof(flags) / sizeof(flags[0]),
    };
    int code;
    int wrong;

    if (!args_parse(&command, argc, argv, &code))
        return code;
    wrong = check(&command, &s);
    return wrong ? wrong : start(&s);
}

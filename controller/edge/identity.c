#include "rampart/edge/identity.h"

#include "rampart/edge/credentials.h"
#include "rampart/edge/exec_plugin.h"
#include "rampart/sync/exec_pace.h"

#define MEMORY_MAX (2 * IMPERSONATION_BYTES_MAX)

struct identity {
    struct identity_options options; /* config is NULL after identity_new() */
    struct credentials *credentials;
    struct tls *tls;      /* a reference */
    uint64_t tls_read_ms; /* monotonic, when its files were last read */
    uint64_t distrust_ms; /* likewise, because of an error; 0: never */
    unsigned serial;      /* of the credential there is now */
    struct arena memory;  /* holds the next */
    const char **impersonation;
    size_t impersonation_count;
    /* Only with a plugin. */
    struct exec_plugin *plugin;
    struct exec_pace pace;
    struct err failure; /* of the plugin's last run */
};

/* ---- Certificates ---- */

static void take_tls(struct identity *id, struct tls *fresh)
{
    bool is_other = !tls_same_identity(id->tls, fresh);

    tls_unref(id->tls);
    id->tls = fresh;
    log_event(id->options.log, LOG_INFO, "certificates changed", LOG_STR("ca", tls_ca_name(fresh)),
              LOG_STR("client_certificate", is_other ? "changed" : "as before"));
    if (is_other)
        id->options.on_other_identity(id->options.ctx);
}

static void read_tls(struct identity *id, uint64_t now_ms)
{
    struct tls *fresh = NULL;
    struct err err = {0};
    int r;

    id->tls_read_ms = now_ms;
    r = tls_reload(id->tls, &fresh, &err);
    if (r < 0)
        log_event(id->options.log, LOG_WARN, "certificates not read again",
                  LOG_STR("error", err.msg));
    else if (r > 0)
        take_tls(id, fresh);
}

/* ---- The plugin ---- */

/* All of it or nothing: a token goes with the certificate that came with it. */
static int take_credential(struct identity *id, const struct exec_credential *c, struct err *err)
{
    struct tls *fresh = tls_identify(id->tls, c->cert, c->key, err);

    if (!fresh)
        return -1;
    if (credentials_replace(id->credentials, c->token, err) < 0) {
        tls_unref(fresh);
        return -1;
    }
    id->serial++;
    if (tls_same_identity(id->tls, fresh)) {
        tls_unref(fresh);
        return 0;
    }
    take_tls(id, fresh);
    return 0;
}

static void on_plugin_ended(void *ctx, const struct exec_credential *credential,
                            const struct err *err)
{
    struct identity *id = ctx;
    uint64_t now_ms = clock_monotonic_ms();
    struct err failure = {0};

    if (credential && take_credential(id, credential, &failure) == 0) {
        exec_pace_succeeded(&id->pace, credential->expires_ms, now_ms);
        log_event(id->options.log, LOG_DEBUG, "the credential plugin gave a credential");
    } else {
        id->failure = err ? *err : failure;
        if (!err)
            exec_plugin_wrap(id->plugin, &id->failure);
        if (id->failure.code != ERR_NOMEM)
            id->failure.code = ERR_UNAUTHORIZED;
        exec_pace_failed(&id->pace, now_ms);
        log_event(id->options.log, LOG_WARN, "the credential plugin failed",
                  LOG_STR("error", id->failure.msg));
    }
    id->options.on_ready(id->options.ctx);
}

/* Whether there is something to send a request with. */
static enum identity_answer ask_plugin(struct identity *id, uint64_t now_ms, int64_t wall_ms,
                                       struct err *err)
{
    enum exec_advice advice = exec_pace_ask(&id->pace, now_ms, wall_ms);

    if (advice == EXEC_RUN) {
        exec_pace_started(&id->pace);
        advice = EXEC_WAIT;
        if (exec_plugin_start(id->plugin, &id->failure) < 0) {
            exec_pace_failed(&id->pace, now_ms);
            log_event(id->options.log, LOG_WARN, "the credential plugin cannot run",
                      LOG_STR("error", id->failure.msg));
            advice = EXEC_FAIL;
        }
    }
    if (advice == EXEC_FAIL) {
        *err = id->failure;
        return IDENTITY_NONE;
    }
    return advice == EXEC_WAIT ? IDENTITY_PENDING : IDENTITY_READY;
}

/* ---- Both ---- */

static int copy_impersonation(struct identity *id, const struct client_config *config,
                              struct err *err)
{
    size_t count = config->impersonation_count;

    if (count == 0)
        return 0;
    id->impersonation = arena_calloc(&id->memory, count, sizeof(*id->impersonation));
    if (!id->impersonation)
        return err_nomem(err);
    for (; id->impersonation_count < count; id->impersonation_count++) {
        size_t i = id->impersonation_count;

        id->impersonation[i] = arena_strdup(&id->memory, config->impersonation[i]);
        if (!id->impersonation[i])
            return err_nomem(err);
    }
    return 0;
}

static int build(struct identity *id, const struct client_config *config, struct err *err)
{
    id->tls = tls_new(config, err);
    if (!id->tls)
        return -1;
    id->credentials = credentials_new(config, err);
    if (!id->credentials || copy_impersonation(id, config, err) < 0)
        return -1;
    if (!config->exec)
        return 0;
    id->plugin = exec_plugin_new(id->options.loop, config, id->options.plugin_timeout_ms,
                                 on_plugin_ended, id, err);
    return id->plugin ? 0 : -1;
}

struct identity *identity_new(const struct identity_options *options, struct err *err)
{
    const struct client_config *config = options->config;
    struct identity *id = mem_calloc(1, sizeof(*id));

    if (!id) {
        err_nomem(err);
        return NULL;
    }
    id->options = *options;
    id->options.config = NULL;
    if (id->options.read_every_ms == 0)
        id->options.read_every_ms = IDENTITY_READ_EVERY_MS;
    id->tls_read_ms = clock_monotonic_ms();
    exec_pace_init(&id->pace);
    arena_init(&id->memory, MEMORY_MAX);
    if (build(id, config, err) < 0) {
        identity_free(id);
        return NULL;
    }
    return id;
}

enum identity_answer identity_get(struct identity *id, uint64_t now_ms, int64_t wall_ms,
                                  struct identity_now *ret_now, struct err *err)
{
    const char *header = NULL;

    if (id->plugin) {
        enum identity_answer answer = ask_plugin(id, now_ms, wall_ms, err);

        if (answer != IDENTITY_READY)
            return answer;
    }
    if (credentials_header(id->credentials, now_ms, &header, err) < 0)
        return IDENTITY_NONE;
    *ret_now = (struct identity_now){
        .header = header,
        .tls = id->tls,
        .impersonation = id->impersonation,
        .impersonation_count = id->impersonation_count,
        .serial = id->serial,
    };
    return IDENTITY_READY;
}

void identity_judge(struct identity *id, unsigned serial, bool was_accepted)
{
    if (serial != id->serial)
        return; /* it has been replaced since */
    if (was_accepted) {
        exec_pace_accepted(&id->pace);
        return;
    }
    exec_pace_rejected(&id->pace);
    credentials_reject(id->credentials);
    identity_distrust(id); /* the server may not know our client certificate any more */
}

void identity_distrust(struct identity *id)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (now_ms < id->distrust_ms + IDENTITY_READ_AGAIN_MS)
        return;
    id->distrust_ms = now_ms;
    read_tls(id, now_ms);
}

uint64_t identity_tend(struct identity *id, uint64_t now_ms)
{
    if (!tls_has_files(id->tls))
        return UINT64_MAX;
    if (now_ms >= id->tls_read_ms + id->options.read_every_ms)
        read_tls(id, now_ms);
    return id->tls_read_ms + id->options.read_every_ms;
}

const struct tls *identity_tls(const struct identity *id)
{
    return id->tls;
}

bool identity_stop(struct identity *id, void (*on_stopped)(void *ctx), void *ctx)
{
    return id->plugin && exec_plugin_stop(id->plugin, on_stopped, ctx);
}

void identity_abandon(struct identity *id)
{
    if (id->plugin)
        exec_plugin_abandon(id->plugin);
}

void identity_free(struct identity *id)
{
    if (!id)
        return;
    exec_plugin_free(id->plugin);
    credentials_free(id->credentials);
    tls_unref(id->tls);
    arena_done(&id->memory);
    mem_free(id);
}

#include "exec_setup.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rampart/edge/config.h"
#include "rampart/edge/tls.h"
#include "rampart/kube/exec_credential.h"
#include "rampart/yaml/base64.h"

#define INFO_VARIABLE "KUBERNETES_EXEC_INFO"
#define MEMORY_MAX (8u * 1024 * 1024) /* the copy of the configuration */

static int copy_list(const char ***list, size_t count, struct arena *a, struct err *err)
{
    const char **copy = arena_calloc(a, count + 1, sizeof(*copy));

    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = arena_strdup(a, (*list)[i]);
        if (!copy[i])
            return err_nomem(err);
    }
    *list = copy;
    return copy ? 0 : err_nomem(err);
}

static int copy_config(struct exec_setup *s, const struct client_config *config, struct err *err)
{
    const char *source = config->source ? config->source : "the configuration";
    const char *hint = config->exec->install_hint;

    s->config = *config->exec;
    s->source = arena_strdup(&s->memory, source);
    s->config.command = arena_strdup(&s->memory, config->exec->command);
    s->config.api_version = arena_strdup(&s->memory, config->exec->api_version);
    s->config.install_hint = hint ? arena_strdup(&s->memory, hint) : NULL;
    s->config.cluster_extension = NULL; /* it is part of @info */
    if (!s->source || !s->config.command || !s->config.api_version ||
        (hint && !s->config.install_hint))
        return err_nomem(err);
    if (copy_list(&s->config.args, s->config.args_count, &s->memory, err) < 0)
        return -1;
    return copy_list(&s->config.env, s->config.env_count, &s->memory, err);
}

static int find_ca(const struct client_config *config, struct arena *a, const char **ret_base64,
                   struct err *err)
{
    AUTO_MEM char *text = NULL;
    size_t len = 0;

    *ret_base64 = NULL;
    if (config->ca_data) {
        text = mem_strdup(config->ca_data);
        len = strlen(config->ca_data);
    } else if (config->ca_file) {
        text = file_read(config->ca_file, TLS_FILE_MAX, &len, err);
        if (!text)
            return -1;
    } else {
        return 0;
    }
    if (!text)
        return err_nomem(err);
    *ret_base64 = base64_encode(text, len, a, err);
    return *ret_base64 ? 0 : -1;
}

static int build_info(struct exec_setup *s, const struct client_config *config, struct err *err)
{
    struct exec_cluster cluster = {
        .server = config->server,
        .tls_server_name = config->tls_server_name,
        .skips_tls_verify = config->skips_tls_verify,
        .proxy_url = config->proxy_url,
        .disables_compression = config->disables_compression,
        .config_json = config->exec->cluster_extension,
    };
    bool has_cluster = config->exec->provides_cluster_info;
    const char *json;

    if (has_cluster && find_ca(config, &s->memory, &cluster.ca_base64, err) < 0)
        return -1;
    json = exec_info(config->exec->api_version, has_cluster ? &cluster : NULL, &s->memory, err);
    if (!json)
        return -1;
    s->info = arena_printf(&s->memory, INFO_VARIABLE "=%s", json);
    return s->info ? 0 : err_nomem(err);
}

/* Whether the plugin gets another value for it, of the kubeconfig's variables from @from on. */
static bool is_replaced(const struct exec_setup *s, const char *variable, size_t from)
{
    size_t len = strcspn(variable, "=") + 1;

    if (strncmp(variable, INFO_VARIABLE "=", len) == 0)
        return true;
    for (size_t i = from; i < s->config.env_count; i++) {
        if (strncmp(s->config.env[i], variable, len) == 0)
            return true;
    }
    return false;
}

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int exec_setup_init(struct exec_setup *s, const struct client_config *config, struct err *err)
{
    memset(s, 0, sizeof(*s));
    arena_init(&s->memory, MEMORY_MAX);
    if (copy_config(s, config, err) < 0 || build_info(s, config, err) < 0) {
        exec_setup_done(s);
        return -1;
    }
    return 0;
}

void exec_setup_done(struct exec_setup *s)
{
    arena_done(&s->memory);
}

const char *exec_setup_find(const struct exec_setup *s, char ret_path[EXEC_PATH_MAX])
{
    const char *command = s->config.command;
    const char *list = getenv("PATH");

    if (strchr(command, '/'))
        return is_program(command) ? command : NULL;
    while (list && *list) {
        size_t len = strcspn(list, ":");
        int written = snprintf(ret_path, EXEC_PATH_MAX, "%.*s/%s", (int)len, list, command);

        if (*list == '/' && written < EXEC_PATH_MAX && is_program(ret_path))
            return ret_path;
        list += len + (list[len] == ':');
    }
    return NULL;
}

char **exec_setup_args(const struct exec_setup *s, struct arena *a)
{
    const char **args = arena_calloc(a, s->config.args_count + 2, sizeof(*args));

    if (!args)
        return NULL;
    args[0] = s->config.command;
    for (size_t i = 0; i < s->config.args_count; i++)
        args[i + 1] = s->config.args[i];
    return (char **)(uintptr_t)args;
}

char **exec_setup_env(const struct exec_setup *s, struct arena *a)
{
    size_t count = 0, to = 0;
    const char **env;

    while (environ[count])
        count++;
    env = arena_calloc(a, count + s->config.env_count + 2, sizeof(*env));
    if (!env)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (!is_replaced(s, environ[i], 0))
            env[to++] = environ[i];
    }
    for (size_t i = 0; i < s->config.env_count; i++) {
        if (!is_replaced(s, s->config.env[i], i + 1))
            env[to++] = s->config.env[i];
    }
    env[to] = s->info;
    return (char **)(uintptr_t)env;
}

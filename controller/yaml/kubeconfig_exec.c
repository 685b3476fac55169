/* The program that a user's credential comes from. */
#include <string.h>

#include "kubeconfig_entry.h"
#include "rampart/json/build.h"
#include "rampart/json/get.h"

#define GROUP "client.authentication.k8s.io/"
#define EXTENSION "client.authentication.k8s.io/exec" /* its reserved name among the extensions */
#define EXTENSIONS_MAX 100

static int complain(const struct kubeconfig_entry *e, struct err *err)
{
    json_path_wrap(err, "exec");
    return entry_wrap(e, err);
}

/* One element of env. */
static int read_variable(const json_t *item, struct arena *a, const char **ret_text,
                         struct err *err)
{
    const char *name, *value;

    if (json_need_str(item, "name", KUBECONFIG_TEXT_MAX, a, &name, err) < 0 ||
        json_get_str(item, "value", KUBECONFIG_TEXT_MAX, a, &value, err) < 0)
        return -1;
    *ret_text = arena_printf(a, "%s=%s", name, value ? value : "");
    return *ret_text ? 0 : err_nomem(err);
}

static int read_env(const json_t *body, struct arena *a, struct exec_config *x, struct err *err)
{
    const json_t *list;
    json_t *item;
    size_t i;

    if (json_get_arr(body, "env", EXEC_ENV_MAX, &list, err) < 0)
        return -1;
    x->env_count = json_array_size(list);
    x->env = arena_calloc(a, x->env_count, sizeof(*x->env));
    if (!x->env)
        return err_nomem(err);
    json_array_foreach(list, i, item)
    {
        if (read_variable(item, a, &x->env[i], err) < 0)
            return json_path_wrap_index(err, "env", i);
    }
    return 0;
}

static int read_command(const struct kubeconfig_entry *e, const json_t *body, struct arena *a,
                        struct exec_config *x, struct err *err)
{
    if (json_need_str(body, "command", KUBECONFIG_TEXT_MAX, a, &x->command, err) < 0)
        return complain(e, err);
    if (strchr(x->command, '/')) {
        x->command = entry_resolve(e, x->command, a, err);
        if (!x->command)
            return -1;
    }
    if (json_get_strs(body, "args", EXEC_ARGS_MAX, KUBECONFIG_TEXT_MAX, a, &x->args, &x->args_count,
                      err) < 0 ||
        read_env(body, a, x, err) < 0 ||
        json_get_str(body, "installHint", KUBECONFIG_TEXT_MAX, a, &x->install_hint, err) < 0 ||
        json_get_bool(body, "provideClusterInfo", false, &x->provides_cluster_info, err) < 0)
        return complain(e, err);
    return 0;
}

/* @ret_is_always: the plugin wants a terminal. */
static int read_mode(const struct kubeconfig_entry *e, const json_t *body, struct arena *a,
                     struct exec_config *x, bool *ret_is_always, struct err *err)
{
    const char *mode;

    if (json_need_str(body, "apiVersion", KUBECONFIG_TEXT_MAX, a, &x->api_version, err) < 0 ||
        json_get_str(body, "interactiveMode", KUBECONFIG_TEXT_MAX, a, &mode, err) < 0)
        return complain(e, err);
    if (strcmp(x->api_version, GROUP "v1") != 0 && strcmp(x->api_version, GROUP "v1beta1") != 0)
        return entry_complain(e, err, "exec.apiVersion: expected " GROUP "v1 or " GROUP "v1beta1");
    if ((!mode || !*mode) && strcmp(x->api_version, GROUP "v1beta1") == 0)
        mode = "IfAvailable";
    if (!mode || (strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0 &&
                  strcmp(mode, "Always") != 0))
        return entry_complain(e, err,
                              "exec.interactiveMode: expected Never, IfAvailable or Always");
    *ret_is_always = strcmp(mode, "Always") == 0;
    return 0;
}

/* What the cluster has to tell plugins. */
static int read_extension(const struct kubeconfig_entry *cluster, struct arena *a,
                          struct exec_config *x, struct err *err)
{
    const json_t *list;
    json_t *item;
    size_t i;

    if (json_get_arr(cluster->body, "extensions", EXTENSIONS_MAX, &list, err) < 0)
        return entry_wrap(cluster, err);
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        const json_t *value = json_object_get(item, "extension");

        if (!name || strcmp(name, EXTENSION) != 0 || !value)
            continue;
        x->cluster_extension = json_canonical(value, a, err);
        if (!x->cluster_extension)
            return err_wrap(err, "%s: cluster \"%s\": extensions", cluster->path, cluster->name);
    }
    return 0;
}

int kubeconfig_exec(const struct kubeconfig_entry *e, const struct kubeconfig_entry *cluster,
                    struct arena *a, struct client_config *c, struct err *err)
{
    struct exec_config *x;
    const json_t *body;
    bool is_always;

    if (json_get_obj(e->body, "exec", &body, err) < 0)
        return entry_wrap(e, err);
    if (!body)
        return 0;
    x = arena_calloc(a, 1, sizeof(*x));
    if (!x)
        return err_nomem(err);
    if (read_command(e, body, a, x, err) < 0 || read_mode(e, body, a, x, &is_always, err) < 0)
        return -1;
    /* What is stated beside it wins, and the plugin is never run: as in client-go. */
    if (c->token || c->token_file || c->username || c->cert_file || c->cert_data)
        return 0;
    if (is_always)
        return entry_complain(e, err,
                              "exec.interactiveMode: Always needs a terminal, and plugins get none "
                              "here; log in beforehand and use IfAvailable, or use a token");
    c->exec = x;
    return read_extension(cluster, a, x, err);
}

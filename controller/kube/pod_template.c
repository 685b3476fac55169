#include "rampart/kube/pod_template.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/quantity.h"
#include "rampart/kube/secret_name.h"

#define APP_ARMOR_PREFIX "container.apparmor.security.beta.kubernetes.io/"

/* What the restricted standard lets through; a volume with one of them is of no interest. */
static const char *const harmless_volumes[] = {
    "configMap", "csi",    "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
    "projected", "secret",
};

/* ---- One container ---- */

static void image_decode(const json_t *obj, struct container *c)
{
    const char *image = json_string_value(json_member(obj, "image"));
    const char *digest = image ? strchr(image, '@') : NULL;
    const char *slash = image ? strrchr(image, '/') : NULL;
    const char *colon = image ? strchr(slash ? slash : image, ':') : NULL;

    c->image_has_digest = digest != NULL;
    if (!image || (colon && digest && colon > digest))
        colon = NULL; /* the digest's own: "name@sha256:..." */
    if (!colon || colon[1] == '\0')
        c->image_tag = IMAGE_TAG_ABSENT;
    else if (strcmp(colon + 1, "latest") == 0 || strncmp(colon + 1, "latest@", 7) == 0)
        c->image_tag = IMAGE_TAG_LATEST;
    else
        c->image_tag = IMAGE_TAG_OTHER;
}

/* In a manifest a quantity may be a number too. */
static bool amount_of(const json_t *quantity, long double *ret_amount)
{
    switch (json_typeof(quantity)) {
    case JSON_INTEGER:
        *ret_amount = (long double)json_integer_value(quantity);
        return true;
    case JSON_REAL:
        *ret_amount = (long double)json_real_value(quantity);
        return true;
    case JSON_STRING:
        return quantity_read(json_string_value(quantity), ret_amount);
    default:
        return false;
    }
}

static bool is_above(const json_t *limit, const json_t *request)
{
    long double most, asked;

    return limit && request &&
           (!amount_of(limit, &most) || !amount_of(request, &asked) || most > asked);
}

/* A request that is not stated is the limit, as the API server fills it in. */
static int resources_decode(const json_t *obj, uint8_t *ret_flags, struct err *err)
{
    const json_t *resources, *requests, *limits;
    unsigned flags = 0;

    if (json_get_obj(obj, "resources", &resources, err) < 0)
        return -1;
    if (json_get_obj(resources, "requests", &requests, err) < 0 ||
        json_get_obj(resources, "limits", &limits, err) < 0)
        return json_path_wrap(err, "resources");
    if (json_member(requests, "cpu"))
        flags |= HAS_CPU_REQUEST;
    if (json_member(requests, "memory"))
        flags |= HAS_MEMORY_REQUEST;
    if (json_member(limits, "cpu"))
        flags |= HAS_CPU_LIMIT | HAS_CPU_REQUEST;
    if (json_member(limits, "memory"))
        flags |= HAS_MEMORY_LIMIT | HAS_MEMORY_REQUEST;
    if (is_above(json_member(limits, "memory"), json_member(requests, "memory")))
        flags |= MEMORY_LIMIT_ABOVE_REQUEST;
    *ret_flags = (uint8_t)flags;
    return 0;
}

static int host_port_decode(const json_t *obj, struct container *c, struct err *err)
{
    const json_t *ports;
    int64_t port = 0;

    if (json_get_arr(obj, "ports", POD_ENV_MAX, &ports, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(ports) && c->host_port == 0; i++) {
        if (json_get_int(json_array_get(ports, i), "hostPort", INT32_MIN, INT32_MAX, 0, &port,
                         err) < 0)
            return json_path_wrap_index(err, "ports", i);
        c->host_port = (int32_t)port;
    }
    return 0;
}

/* Member @name of @obj is a probe or a lifecycle hook: where would it knock? */
static int handler_decode(const json_t *obj, const char *name, struct arena *a, bool *ret_has,
                          struct container *c, struct err *err)
{
    static const char *const actions[] = {"httpGet", "tcpSocket"};
    const json_t *handler, *action;
    const char *host = NULL;

    if (json_get_obj(obj, name, &handler, err) < 0)
        return -1;
    *ret_has = handler != NULL;
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions) && !c->probe_host; i++) {
        if (json_get_obj(handler, actions[i], &action, err) < 0)
            return json_path_wrap(err, name);
        if (json_get_str(action, "host", POD_TEXT_MAX, a, &host, err) < 0) {
            json_path_wrap(err, actions[i]);
            return json_path_wrap(err, name);
        }
        if (host && *host != '\0')
            c->probe_host = host;
    }
    return 0;
}

static int handlers_decode(const json_t *obj, struct arena *a, struct container *c, struct err *err)
{
    const json_t *lifecycle;
    bool has_hook;

    if (handler_decode(obj, "livenessProbe", a, &c->has_liveness_probe, c, err) < 0 ||
        handler_decode(obj, "readinessProbe", a, &c->has_readiness_probe, c, err) < 0 ||
        handler_decode(obj, "startupProbe", a, &c->has_startup_probe, c, err) < 0 ||
        json_get_obj(obj, "lifecycle", &lifecycle, err) < 0)
        return -1;
    if (handler_decode(lifecycle, "postStart", a, &has_hook, c, err) < 0 ||
        handler_decode(lifecycle, "preStop", a, &has_hook, c, err) < 0)
        return json_path_wrap(err, "lifecycle");
    return 0;
}

static bool env_takes_from_secret(const json_t *env, const json_t *sources)
{
    for (size_t i = 0; i < json_array_size(env); i++) {
        if (json_member(json_member(json_array_get(env, i), "valueFrom"), "secretKeyRef"))
            return true;
    }
    for (size_t i = 0; i < json_array_size(sources); i++) {
        if (json_member(json_array_get(sources, i), "secretRef"))
            return true;
    }
    return false;
}

static int secret_env_decode(const json_t *obj, struct arena *a, struct container *c,
                             struct err *err)
{
    const json_t *env, *sources;

    if (json_get_arr(obj, "env", POD_ENV_MAX, &env, err) < 0 ||
        json_get_arr(obj, "envFrom", POD_ENV_MAX, &sources, err) < 0)
        return -1;
    c->has_secret_env_ref = env_takes_from_secret(env, sources);
    for (size_t i = 0; i < json_array_size(env) && !c->secret_env; i++) {
        const json_t *variable = json_array_get(env, i);
        const char *name = json_string_value(json_member(variable, "name"));
        const json_t *value = json_member(variable, "value");

        if (!name || json_string_length(value) == 0 || !secret_name_is(name))
            continue;
        c->secret_env = arena_strndup(a, name, strnlen(name, POD_TEXT_MAX));
        if (!c->secret_env)
            return err_nomem(err);
    }
    return 0;
}

static int container_decode(const json_t *obj, enum container_role role, struct arena *a,
                            struct container *ret_container, struct err *err)
{
    struct container c = {0};
    const json_t *policy = json_member(obj, "restartPolicy");

    if (!json_is_object(obj))
        return err_set(err, ERR_INVALID, ": expected an object");
    if (json_get_str(obj, "name", POD_TEXT_MAX, a, &c.name, err) < 0 ||
        security_context_decode(obj, a, &c.security, err) < 0 ||
        resources_decode(obj, &c.resources, err) < 0 || host_port_decode(obj, &c, err) < 0 ||
        handlers_decode(obj, a, &c, err) < 0 || secret_env_decode(obj, a, &c, err) < 0)
        return -1;
    c.name = c.name ? c.name : "";
    c.role = (uint8_t)role;
    if (role == CONTAINER_INIT && json_is_string(policy) &&
        strcmp(json_string_value(policy), "Always") == 0)
        c.role = CONTAINER_SIDECAR;
    image_decode(obj, &c);
    *ret_container = c;
    return 0;
}

/* ---- The pod ---- */

static const struct {
    const char *member;
    enum container_role role;
} container_lists[] = {
    {"initContainers", CONTAINER_INIT},
    {"containers", CONTAINER_MAIN},
    {"ephemeralContainers", CONTAINER_EPHEMERAL},
};
#define CONTAINER_LISTS (sizeof(container_lists) / sizeof(*container_lists))

static int containers_decode(const json_t *spec, struct arena *a, struct pod_template *pod,
                             struct err *err)
{
    const json_t *lists[CONTAINER_LISTS];
    struct container *containers;
    size_t count = 0;

    for (size_t i = 0; i < CONTAINER_LISTS; i++) {
        if (json_get_arr(spec, container_lists[i].member, POD_CONTAINERS_MAX, &lists[i], err) < 0)
            return -1;
        count += json_array_size(lists[i]);
    }
    if (count > POD_CONTAINERS_MAX)
        return err_set(err, ERR_INVALID, ": has %zu containers, of which Rampart reads at most %d",
                       count, POD_CONTAINERS_MAX);
    if (count == 0)
        return 0;
    containers = arena_calloc(a, count, sizeof(*containers));
    if (!containers)
        return err_nomem(err);
    for (size_t i = 0; i < CONTAINER_LISTS; i++) {
        for (size_t k = 0; k < json_array_size(lists[i]); k++) {
            if (container_decode(json_array_get(lists[i], k), container_lists[i].role, a,
                                 &containers[pod->containers_count], err) < 0)
                return json_path_wrap_index(err, container_lists[i].member, k);
            pod->containers_count++;
        }
    }
    pod->containers = containers;
    return 0;
}

static bool volume_is_harmless(const json_t *obj)
{
    for (size_t i = 0; i < sizeof(harmless_volumes) / sizeof(*harmless_volumes); i++) {
        if (json_member(obj, harmless_volumes[i]))
            return true;
    }
    return false;
}

static int volume_decode(const json_t *obj, struct arena *a, struct volume *ret_volume,
                         struct err *err)
{
    const json_t *host_path;

    if (json_get_str(obj, "name", POD_TEXT_MAX, a, &ret_volume->name, err) < 0 ||
        json_get_obj(obj, "hostPath", &host_path, err) < 0)
        return -1;
    ret_volume->kind = host_path ? VOLUME_HOST_PATH : VOLUME_OTHER;
    if (json_get_str(host_path, "path", POD_TEXT_MAX, a, &ret_volume->path, err) < 0)
        return json_path_wrap(err, "hostPath");
    ret_volume->name = ret_volume->name ? ret_volume->name : "";
    ret_volume->path = ret_volume->path ? ret_volume->path : "";
    return 0;
}

static bool volume_matters(const json_t *obj)
{
    return json_member(obj, "hostPath") || !volume_is_harmless(obj);
}

static int volumes_decode(const json_t *spec, struct arena *a, struct pod_template *pod,
                          struct err *err)
{
    const json_t *arr;
    struct volume *volumes;
    size_t count = 0;

    if (json_get_arr(spec, "volumes", POD_VOLUMES_MAX, &arr, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(arr); i++) {
        if (!json_is_object(json_array_get(arr, i))) {
            err_set(err, ERR_INVALID, ": expected an object");
            return json_path_wrap_index(err, "volumes", i);
        }
        count += volume_matters(json_array_get(arr, i));
    }
    if (count == 0)
        return 0;
    volumes = arena_calloc(a, count, sizeof(*volumes));
    if (!volumes)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(arr); i++) {
        if (!volume_matters(json_array_get(arr, i)))
            continue;
        if (volume_decode(json_array_get(arr, i), a, &volumes[pod->volumes_count], err) < 0)
            return json_path_wrap_index(err, "volumes", i);
        pod->volumes_count++;
    }
    pod->volumes = volumes;
    return 0;
}

static int sysctls_decode(const json_t *spec, struct arena *a, struct pod_template *pod,
                          struct err *err)
{
    const json_t *arr;

    if (json_get_arr(json_member(spec, "securityContext"), "sysctls", POD_SYSCTLS_MAX, &arr, err) <
        0)
        return json_path_wrap(err, "securityContext");
    if (json_array_size(arr) == 0)
        return 0;
    pod->sysctls = arena_calloc(a, json_array_size(arr), sizeof(*pod->sysctls));
    if (!pod->sysctls)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(arr); i++) {
        const char *name = NULL;

        if (json_get_str(json_array_get(arr, i), "name", POD_TEXT_MAX, a, &name, err) < 0) {
            json_path_wrap_index(err, "sysctls", i);
            return json_path_wrap(err, "securityContext");
        }
        pod->sysctls[pod->sysctls_count++] = name ? name : "";
    }
    return 0;
}

static bool is_app_armor(const char *key)
{
    return strncmp(key, APP_ARMOR_PREFIX, strlen(APP_ARMOR_PREFIX)) == 0;
}

static int app_armor_add(const char *key, const json_t *value, struct arena *a,
                         struct app_armor_annotation *ret_note, struct err *err)
{
    const char *text = json_string_value(value);

    if (!text)
        return err_set(err, ERR_INVALID, "annotations: %.200s: expected a string", key);
    ret_note->container = arena_strdup(a, key + strlen(APP_ARMOR_PREFIX));
    ret_note->value = arena_strndup(a, text, strnlen(text, POD_TEXT_MAX));
    if (!ret_note->container || !ret_note->value)
        return err_nomem(err);
    return 0;
}

static int app_armor_decode(const json_t *metadata, struct arena *a, struct pod_template *pod,
                            struct err *err)
{
    struct app_armor_annotation *notes;
    const json_t *annotations;
    const char *key;
    json_t *value;
    size_t count = 0;

    if (json_get_obj(metadata, "annotations", &annotations, err) < 0)
        return -1;
    json_object_foreach((json_t *)annotations, key, value) count += is_app_armor(key);
    if (count == 0)
        return 0;
    if (count > POD_APP_ARMOR_MAX)
        return err_set(err, ERR_INVALID,
                       "annotations: %zu of AppArmor, of which Rampart reads at most %d", count,
                       POD_APP_ARMOR_MAX);
    notes = arena_calloc(a, count, sizeof(*notes));
    if (!notes)
        return err_nomem(err);
    json_object_foreach((json_t *)annotations, key, value)
    {
        if (!is_app_armor(key))
            continue;
        if (app_armor_add(key, value, a, &notes[pod->app_armor_count], err) < 0)
            return -1;
        pod->app_armor_count++;
    }
    pod->app_armor = notes;
    return 0;
}

static int service_account_decode(const json_t *spec, struct arena *a, struct pod_template *pod,
                                  struct err *err)
{
    const char *name, *old_name; /* serviceAccount is the old name of serviceAccountName */

    if (json_get_str(spec, "serviceAccountName", POD_TEXT_MAX, a, &name, err) < 0 ||
        json_get_str(spec, "serviceAccount", POD_TEXT_MAX, a, &old_name, err) < 0)
        return -1;
    if (name && *name != '\0')
        pod->service_account = name;
    else if (old_name && *old_name != '\0')
        pod->service_account = old_name;
    return 0;
}

static bool is_windows(const json_t *spec)
{
    const char *name = json_string_value(json_member(json_member(spec, "os"), "name"));

    return name && strcmp(name, "windows") == 0;
}

/* Absent is Always. */
static bool runs_to_completion(const json_t *spec)
{
    const char *policy = json_string_value(json_member(spec, "restartPolicy"));

    return policy && (strcmp(policy, "Never") == 0 || strcmp(policy, "OnFailure") == 0);
}

static bool is_placed(const json_t *spec)
{
    const json_t *affinity = json_member(json_member(spec, "affinity"), "nodeAffinity");

    return json_object_size(json_member(spec, "nodeSelector")) > 0 ||
           json_member(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
}

static int pod_decode(const json_t *metadata, const json_t *spec, struct arena *a,
                      struct pod_template *pod, struct err *err)
{
    if (!json_is_object(spec))
        return err_set(err, ERR_INVALID, "spec: is missing");
    if (labels_decode(metadata, "labels", a, &pod->labels, err) < 0 ||
        app_armor_decode(metadata, a, pod, err) < 0)
        return json_path_wrap(err, "metadata");
    if (security_context_decode(spec, a, &pod->security, err) < 0 ||
        sysctls_decode(spec, a, pod, err) < 0 || containers_decode(spec, a, pod, err) < 0 ||
        volumes_decode(spec, a, pod, err) < 0 || service_account_decode(spec, a, pod, err) < 0 ||
        stated_decode(spec, "automountServiceAccountToken", &pod->automount_token, err) < 0 ||
        stated_decode(spec, "hostNetwork", &pod->host_network, err) < 0 ||
        stated_decode(spec, "hostPID", &pod->host_pid, err) < 0 ||
        stated_decode(spec, "hostIPC", &pod->host_ipc, err) < 0 ||
        stated_decode(spec, "hostUsers", &pod->host_users, err) < 0 ||
        resources_decode(spec, &pod->resources, err) < 0)
        return json_path_wrap(err, "spec");
    pod->is_windows = is_windows(spec);
    pod->runs_to_completion = runs_to_completion(spec);
    pod->has_runtime_class = json_string_length(json_member(spec, "runtimeClassName")) > 0;
    pod->has_placement = is_placed(spec);
    return 0;
}

int pod_template_decode(const json_t *metadata, const json_t *spec, struct arena *a,
                        struct pod_template *ret_pod, struct err *err)
{
    struct pod_template pod = {0};
    struct err why = {0};

    if (pod_decode(metadata, spec, a, &pod, &why) < 0) {
        if (why.code == ERR_NOMEM)
            return err_nomem(err);
        pod = (struct pod_template){.unreadable = arena_strdup(a, why.msg)};
        if (!pod.unreadable)
            return err_nomem(err);
    }
    *ret_pod = pod;
    return 0;
}

#include "fill_parts.h"

static bool has_security(const struct fill_container *c)
{
    return c->run_as_non_root || c->seccomp || c->allow_privilege_escalation || c->drop_all ||
           c->read_only_root || c->pinned_uid >= 0;
}

static void write_seccomp(struct json_build *j)
{
    json_open_obj(j, "seccompProfile");
    json_add_str(j, "type", "RuntimeDefault");
    json_close_obj(j);
}

static void write_security(struct json_build *j, const struct fill_container *c)
{
    json_open_obj(j, "securityContext");
    if (c->run_as_non_root)
        json_add_bool(j, "runAsNonRoot", true);
    if (c->pinned_uid >= 0)
        json_add_int(j, "runAsUser", c->pinned_uid);
    if (c->seccomp)
        write_seccomp(j);
    if (c->allow_privilege_escalation)
        json_add_bool(j, "allowPrivilegeEscalation", false);
    if (c->drop_all) {
        json_open_obj(j, "capabilities");
        json_open_arr(j, "drop");
        json_add_str(j, NULL, "ALL");
        json_close_arr(j);
        json_close_obj(j);
    }
    if (c->read_only_root)
        json_add_bool(j, "readOnlyRootFilesystem", true);
    json_close_obj(j);
}

/* @cpu, @memory NULL: not filled in. */
static void write_amounts(struct json_build *j, const char *name, const char *cpu,
                          const char *memory)
{
    if (!cpu && !memory)
        return;
    json_open_obj(j, name);
    if (cpu)
        json_add_str(j, "cpu", cpu);
    if (memory)
        json_add_str(j, "memory", memory);
    json_close_obj(j);
}

static void write_resources(struct json_build *j, const struct fill *fill, uint8_t flags)
{
    json_open_obj(j, "resources");
    write_amounts(j, "requests", flags & HAS_CPU_REQUEST ? fill->cpu_request : NULL,
                  flags & HAS_MEMORY_REQUEST ? fill->memory_request : NULL);
    write_amounts(j, "limits", flags & HAS_CPU_LIMIT ? fill->cpu_limit : NULL,
                  flags & HAS_MEMORY_LIMIT ? fill->memory_limit : NULL);
    json_close_obj(j);
}

static bool is_in_list(const struct container *container, bool is_init)
{
    return is_init ? container->role == CONTAINER_INIT || container->role == CONTAINER_SIDECAR
                   : container->role == CONTAINER_MAIN;
}

/* A list that is merged by name keeps its order only where the whole of it is stated. */
static void write_order(struct json_build *j, const struct pod_template *pod, bool is_init)
{
    json_open_arr(j, is_init ? "$setElementOrder/initContainers" : "$setElementOrder/containers");
    for (size_t i = 0; i < pod->containers_count; i++) {
        if (!is_in_list(&pod->containers[i], is_init))
            continue;
        json_open_obj(j, NULL);
        json_add_str(j, "name", pod->containers[i].name);
        json_close_obj(j);
    }
    json_close_arr(j);
}

static void write_containers(struct json_build *j, const struct pod_template *pod,
                             const struct fill *fill, bool is_init, bool is_patch)
{
    bool is_open = false;

    for (size_t i = 0; i < pod->containers_count; i++) {
        const struct fill_container *c = &fill->containers[i];

        if (!is_in_list(&pod->containers[i], is_init) || (!has_security(c) && c->resources == 0))
            continue;
        if (!is_open && is_patch)
            write_order(j, pod, is_init);
        if (!is_open)
            json_open_arr(j, is_init ? "initContainers" : "containers");
        is_open = true;
        json_open_obj(j, NULL);
        json_add_str(j, "name", pod->containers[i].name);
        if (has_security(c))
            write_security(j, c);
        if (c->resources != 0)
            write_resources(j, fill, c->resources);
        json_close_obj(j);
    }
    if (is_open)
        json_close_arr(j);
}

static void write_pod(struct json_build *j, const struct pod_template *pod, const struct fill *fill,
                      bool is_patch)
{
    json_open_obj(j, "spec");
    if (fill->pod_run_as_non_root || fill->pod_seccomp) {
        json_open_obj(j, "securityContext");
        if (fill->pod_run_as_non_root)
            json_add_bool(j, "runAsNonRoot", true);
        if (fill->pod_seccomp)
            write_seccomp(j);
        json_close_obj(j);
    }
    write_containers(j, pod, fill, true, is_patch);
    write_containers(j, pod, fill, false, is_patch);
    json_close_obj(j);
}

void fill_parts_write(struct json_build *j, const struct workload_facts *w, const struct fill *fill,
                      const char *key, bool is_patch)
{
    bool is_cron_job = w->object.kind == KIND_CRON_JOB;

    if (w->object.kind == KIND_POD) {
        write_pod(j, &w->pod, fill, is_patch);
        return;
    }
    json_open_obj(j, "spec");
    if (is_cron_job) {
        json_open_obj(j, "jobTemplate");
        json_open_obj(j, "spec");
    }
    json_open_obj(j, "template");
    if (key) {
        json_open_obj(j, "metadata");
        json_open_obj(j, "annotations");
        json_add_str(j, ANNOTATION_FILL, key);
        json_close_obj(j);
        json_close_obj(j);
    }
    write_pod(j, &w->pod, fill, is_patch);
    json_close_obj(j);
    if (is_cron_job) {
        json_close_obj(j);
        json_close_obj(j);
    }
    json_close_obj(j);
}

int fill_text_keep(const struct strbuf *text, const char *what, struct arena *a,
                   const char **ret_text, struct err *err)
{
    const char *copy;

    if (strbuf_check(text, what, err) < 0)
        return -1;
    copy = arena_strndup(a, text->text, text->len);
    if (!copy)
        return err_nomem(err);
    *ret_text = copy;
    return 0;
}

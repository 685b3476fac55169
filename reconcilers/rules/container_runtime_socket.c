#include <string.h>
#include <strings.h>

#include "pod_rule.h"

/* Whoever can write to one of them is root on the node. /var/run is /run on every distribution. */
static const char *const sockets[] = {
    "/run/containerd/containerd.sock",
    "/run/cri-dockerd.sock",
    "/run/crio/crio.sock",
    "/run/docker.sock",
    "/run/dockershim.sock",
    "/run/k0s/containerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
    "/pipe/containerd-containerd", /* Windows: \\.\pipe\... */
    "/pipe/docker_engine",
};

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

/* Absolute, without "//", "/./", "/../" and a slash at the end; the root is "". */
static void normalise(const char *path, char *out)
{
    size_t len = 0;

    while (*path) {
        size_t part = 0;

        while (is_separator(*path))
            path++;
        while (path[part] && !is_separator(path[part]))
            part++;
        if (part == 2 && memcmp(path, "..", 2) == 0) {
            while (len > 0 && out[--len] != '/')
                ;
        } else if (part > 1 || (part == 1 && *path != '.')) {
            out[len++] = '/';
            memcpy(out + len, path, part);
            len += part;
        }
        path += part;
    }
    out[len] = '\0';
}

/* @path is @parent or below it. */
static bool is_in(const char *path, const char *parent)
{
    size_t len = strlen(parent);

    return strncasecmp(path, parent, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The same place by the name that the list has. */
static const char *resolve(const char *path)
{
    const char *root = is_in(path, "/proc") ? strchr(path + 1, '/') : NULL;

    root = root ? strchr(root + 1, '/') : NULL; /* /proc/1/root is the node's root */
    if (root && is_in(root, "/root"))
        path = root + strlen("/root");
    return is_in(path, "/var/run") ? path + strlen("/var") : path;
}

static bool has_socket(const struct volume *volume)
{
    char buffer[POD_TEXT_MAX + 2] = ""; /* a slash in front at most */
    const char *path;

    if (volume->kind != VOLUME_HOST_PATH || strlen(volume->path) > POD_TEXT_MAX)
        return volume->kind == VOLUME_HOST_PATH;
    normalise(volume->path, buffer);
    path = resolve(buffer);
    for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
        if (is_in(sockets[i], path))
            return true;
    }
    return false;
}

static const struct volume *first(const struct pod_template *pod)
{
    for (size_t i = 0; i < pod->volumes_count; i++) {
        if (has_socket(&pod->volumes[i]))
            return &pod->volumes[i];
    }
    return NULL;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, first(in->pod) != NULL, NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const struct volume *volume = first(in->pod);

    (void)i;
    strbuf_adds(text, "volume ");
    pod_rule_add_value(text, volume->name);
    strbuf_adds(text, " mounts ");
    pod_rule_add_value(text, volume->path);
    strbuf_adds(text, " of the node, where the container runtime's socket is");
}

const struct rule rule_container_runtime_socket = {
    .id = "container-runtime-socket",
    .title = "The pod does not reach the container runtime of its node",
    .standards = "CIS 5.2.11; NSA/CISA: limiting hostPath volumes",
    .remedy = "Take the hostPath volume out: through the runtime's socket the pod is root on the "
              "node, read-only or not.",
    .subject = RULE_POD,
    .severity = SEVERITY_CRITICAL,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

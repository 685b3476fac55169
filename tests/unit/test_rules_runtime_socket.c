/* Paths by which a pod gets at the container runtime of its node, plainly and by tricks. */
#include "rules_explain.h"

static struct rule_answer ask_path(const char *path, enum volume_kind kind)
{
    const struct volume volumes[] = {
        {.name = "harmless", .path = "/srv/data", .kind = VOLUME_HOST_PATH},
        {.name = "v", .path = path, .kind = (uint8_t)kind},
    };
    const struct pod_template pod = {.volumes = volumes, .volumes_count = COUNT_OF(volumes)};

    return ask_pod("container-runtime-socket", &pod, PSS_MINOR_LATEST);
}

static void test_sockets_and_what_holds_them_are_found(void **state)
{
    static const char *const paths[] = {
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/run/containerd/containerd.sock",
        "/var/run/containerd/containerd.sock",
        "/var/run/crio/crio.sock",
        "/run/k3s/containerd/containerd.sock",
        "/run/podman/podman.sock",
        "/run/cri-dockerd.sock",
        "/var/snap/microk8s/common/run/containerd.sock",
        "/",
        "/run",
        "/var/run",
        "/var",
        "/run/containerd",
        "/run/crio/",
        "/var/snap",
        "\\\\.\\pipe\\docker_engine",
        "\\\\.\\pipe\\containerd-containerd",
        "//./PIPE/Docker_Engine",
        /* Written so that it is overlooked. */
        "//var//run/./docker.sock/",
        "/srv/../run/docker.sock",
        "/../../run",
        "/./",
        "/..",
        "",
        "run",
        "/srv/..",
        "/proc/1/root",
        "/proc/1/root/run/docker.sock",
        "/proc/self/root/var/run",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct rule_answer answer = ask_path(paths[i], VOLUME_HOST_PATH);

        if (answer.outcome != RULE_FAIL || !answer.is_about_pod || answer.containers != 0)
            fail_msg("\"%s\" was let through", paths[i]);
    }
}

static void test_other_paths_are_for_other_rules(void **state)
{
    static const char *const paths[] = {
        "/srv",
        "/var/log",
        "/run/dbus",
        "/var/run/dbus/system_bus_socket",
        "/runner",
        "/run/docker.socket",
        "/run/containerd/containerd.sock.ttrpc/x",
        "/var/runs",
        "/proc",
        "/proc/1",
        "/proc/1/rooted",
        "/proc/sys",
        "/procs/1/root",
        "/run/..data",
        "/...",
        "/etc/run/docker.sock",
        "C:\\data",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (ask_path(paths[i], VOLUME_HOST_PATH).outcome != RULE_PASS)
            fail_msg("\"%s\" was refused", paths[i]);
    }
    assert_int_equal(ask_path("", VOLUME_OTHER).outcome, RULE_PASS);
}

static void test_path_of_any_length_is_looked_through(void **state)
{
    char longest[POD_TEXT_MAX + 1];
    char longer[POD_TEXT_MAX + 2];

    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(ask_path(longest, VOLUME_HOST_PATH).outcome, RULE_PASS);
    memcpy(longest + sizeof(longest) - 4, "/..", 3);
    longest[0] = '/';
    assert_int_equal(ask_path(longest, VOLUME_HOST_PATH).outcome, RULE_FAIL);
    /* The decoder keeps none of that length. */
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(ask_path(longer, VOLUME_HOST_PATH).outcome, RULE_FAIL);
}

static void test_volume_and_path_are_told(void **state)
{
    static const struct volume volume = {.name = "sock", .path = "/run\x1b[2J/..", .kind = 0};

    (void)state;
    ASSERT_POD_EXPLAINED("container-runtime-socket",
                         "pod: volume sock mounts /run?[2J/.. of the node, where",
                         .volumes = &volume, .volumes_count = 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets_and_what_holds_them_are_found),
        cmocka_unit_test(test_other_paths_are_for_other_rules),
        cmocka_unit_test(test_path_of_any_length_is_looked_through),
        cmocka_unit_test(test_volume_and_path_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

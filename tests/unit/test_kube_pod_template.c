/* A pod template as facts: what is stated, what is not, and what cannot be read. */
#include "kube_pod_template.h"

/* The first container of a pod that has these members. */
static struct container container_of(const char *members, struct arena *a)
{
    char text[2048];
    struct pod_template pod;

    (void)snprintf(text, sizeof(text), "{'spec':{'containers':[{'name':'c',%s}]}}", members);
    pod = pod_of(text, a);
    if (pod.unreadable)
        fail_msg("%s: %s", members, pod.unreadable);
    assert_int_equal(pod.containers_count, 1);
    return pod.containers[0];
}

static void test_what_is_not_stated_is_unset(void **state)
{
    static const char *const empty[] = {
        "{'spec':{}}",
        "{'metadata':{},'spec':{'containers':[]}}",
        "{'metadata':null,'spec':{'securityContext':null,'containers':null,'volumes':null}}",
    };

    for (size_t i = 0; i < COUNT_OF(empty); i++) {
        struct pod_template pod = pod_of(empty[i], *state);

        assert_null(pod.unreadable);
        assert_int_equal(pod.containers_count + pod.volumes_count + pod.sysctls_count, 0);
        assert_int_equal(pod.app_armor_count + pod.labels.count, 0);
        assert_null(pod.service_account);
        assert_int_equal(pod.host_network | pod.host_pid | pod.host_ipc | pod.host_users, UNSET);
        assert_int_equal(pod.automount_token, UNSET);
        assert_false(pod.security.is_stated);
        assert_false(pod.is_windows || pod.has_runtime_class || pod.has_placement);
    }
}

static void test_the_pod_itself(void **state)
{
    struct pod_template pod = pod_of(
        "{'metadata':{'labels':{'app':'web'},'annotations':{'a':'b',"
        "'container.apparmor.security.beta.kubernetes.io/web':'unconfined'}},"
        "'spec':{'hostNetwork':true,'hostPID':false,'hostIPC':true,'hostUsers':false,"
        "'automountServiceAccountToken':false,'serviceAccountName':'web','os':{'name':'windows'},"
        "'runtimeClassName':'gvisor','nodeSelector':{'a':'b'},"
        "'resources':{'limits':{'memory':'1Gi'}},"
        "'securityContext':{'runAsNonRoot':true,'runAsUser':0,'runAsGroup':7,"
        "'sysctls':[{'name':'kernel.msgmax','value':'1'},{}],"
        "'windowsOptions':{'hostProcess':true},'seLinuxOptions':{'type':'spc_t','user':''}}}}",
        *state);

    assert_null(pod.unreadable);
    assert_string_equal(labels_get(&pod.labels, "app"), "web");
    assert_int_equal(pod.app_armor_count, 1);
    assert_string_equal(pod.app_armor[0].container, "web");
    assert_string_equal(pod.app_armor[0].value, "unconfined");
    assert_int_equal(pod.host_network, STATED_TRUE);
    assert_int_equal(pod.host_pid, STATED_FALSE);
    assert_int_equal(pod.host_ipc, STATED_TRUE);
    assert_int_equal(pod.host_users, STATED_FALSE);
    assert_int_equal(pod.automount_token, STATED_FALSE);
    assert_string_equal(pod.service_account, "web");
    assert_true(pod.is_windows && pod.has_runtime_class && pod.has_placement);
    assert_int_equal(pod.resources, HAS_MEMORY_LIMIT | HAS_MEMORY_REQUEST);
    assert_int_equal(pod.security.run_as_non_root, STATED_TRUE);
    assert_true(pod.security.has_run_as_user && pod.security.has_run_as_group);
    assert_int_equal(pod.security.run_as_user, 0);
    assert_int_equal(pod.security.run_as_group, 7);
    assert_int_equal(pod.security.host_process, STATED_TRUE);
    assert_string_equal(pod.security.se_linux->type, "spc_t");
    assert_null(pod.security.se_linux->user);
    assert_int_equal(pod.sysctls_count, 2);
    assert_string_equal(pod.sysctls[0], "kernel.msgmax");
    assert_string_equal(pod.sysctls[1], "");
}

static void test_service_account_has_an_old_name(void **state)
{
    static const struct {
        const char *spec, *name;
    } rows[] = {
        {"{'spec':{'serviceAccount':'old'}}", "old"},
        {"{'spec':{'serviceAccount':'old','serviceAccountName':'new'}}", "new"},
        {"{'spec':{'serviceAccount':'','serviceAccountName':''}}", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pod_template pod = pod_of(rows[i].spec, *state);

        if (rows[i].name)
            assert_string_equal(pod.service_account, rows[i].name);
        else
            assert_null(pod.service_account);
    }
}

static void test_containers_come_by_their_role(void **state)
{
    static const uint8_t roles[] = {CONTAINER_INIT, CONTAINER_SIDECAR, CONTAINER_INIT,
                                    CONTAINER_MAIN, CONTAINER_EPHEMERAL};
    static const char *const names[] = {"a", "b", "", "c", "d"};
    struct pod_template pod = pod_of("{'spec':{'ephemeralContainers':[{'name':'d'}],"
                                     "'containers':[{'name':'c','restartPolicy':'Always'}],"
                                     "'initContainers':[{'name':'a'},"
                                     "{'name':'b','restartPolicy':'Always'},"
                                     "{'restartPolicy':'OnFailure'}]}}",
                                     *state);

    assert_int_equal(pod.containers_count, COUNT_OF(roles));
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        assert_int_equal(pod.containers[i].role, roles[i]);
        assert_string_equal(pod.containers[i].name, names[i]);
    }
}

static void test_container_security_context(void **state)
{
    struct container c = container_of(
        "'securityContext':{'privileged':false,'allowPrivilegeEscalation':true,"
        "'readOnlyRootFilesystem':true,'runAsNonRoot':false,'procMount':'Unmasked',"
        "'capabilities':{'add':['SYS_ADMIN','CHOWN'],'drop':['NET_RAW']},"
        "'seccompProfile':{'type':'Localhost'},'appArmorProfile':{'type':'Unconfined'}}",
        *state);

    assert_true(c.security.is_stated);
    assert_int_equal(c.security.privileged, STATED_FALSE);
    assert_int_equal(c.security.allow_privilege_escalation, STATED_TRUE);
    assert_int_equal(c.security.read_only_root_filesystem, STATED_TRUE);
    assert_int_equal(c.security.run_as_non_root, STATED_FALSE);
    assert_int_equal(c.security.proc_mount, PROC_MOUNT_UNMASKED);
    assert_int_equal(c.security.seccomp, CONFINEMENT_LOCALHOST);
    assert_int_equal(c.security.app_armor, CONFINEMENT_UNCONFINED);
    assert_int_equal(c.security.add_count, 2);
    assert_string_equal(c.security.add[0], "SYS_ADMIN");
    assert_true(c.security.has_capabilities && c.security.has_drop && c.security.drops_net_raw);
    assert_false(c.security.drops_all || c.security.has_run_as_user);
    assert_null(c.security.se_linux);
}

static void test_words_that_nobody_knows_are_kept_as_such(void **state)
{
    static const struct {
        const char *type;
        uint8_t confinement;
    } rows[] = {
        {"{}", CONFINEMENT_OTHER},
        {"{'type':''}", CONFINEMENT_OTHER},
        {"{'type':'runtimeDefault'}", CONFINEMENT_OTHER},
        {"{'type':'RuntimeDefault'}", CONFINEMENT_RUNTIME_DEFAULT},
        {"null", CONFINEMENT_UNSET},
    };
    struct container c;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[128];

        (void)snprintf(text, sizeof(text), "'securityContext':{'seccompProfile':%s}", rows[i].type);
        assert_int_equal(container_of(text, *state).security.seccomp, rows[i].confinement);
    }
    c = container_of("'securityContext':{'procMount':'default','capabilities':{'drop':['all']}}",
                     *state);
    assert_int_equal(c.security.proc_mount, PROC_MOUNT_OTHER);
    assert_true(c.security.has_drop);
    assert_false(c.security.drops_all);
    c = container_of("'securityContext':{'procMount':'Default','seLinuxOptions':{'level':'s0'},"
                     "'capabilities':{'drop':['ALL']}}",
                     *state);
    assert_int_equal(c.security.proc_mount, PROC_MOUNT_DEFAULT);
    assert_true(c.security.drops_all && c.security.drops_net_raw);
    assert_null(c.security.se_linux);
}

static void test_image_tag_and_digest(void **state)
{
    static const struct {
        const char *image;
        uint8_t tag;
        bool has_digest;
    } rows[] = {
        {"'image':'web'", IMAGE_TAG_ABSENT, false},
        {"'image':'web:'", IMAGE_TAG_ABSENT, false},
        {"'image':'web:1'", IMAGE_TAG_OTHER, false},
        {"'image':'web:latest'", IMAGE_TAG_LATEST, false},
        {"'image':'web:latest@sha256:00'", IMAGE_TAG_LATEST, true},
        {"'image':'web@sha256:00'", IMAGE_TAG_ABSENT, true},
        {"'image':'registry:5000/web'", IMAGE_TAG_ABSENT, false},
        {"'image':'registry:5000/shop/web:latestly'", IMAGE_TAG_OTHER, false},
        {"'image':'registry:5000/web:2@sha256:00'", IMAGE_TAG_OTHER, true},
        {"'image':null", IMAGE_TAG_ABSENT, false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct container c = container_of(rows[i].image, *state);

        if (c.image_tag != rows[i].tag || c.image_has_digest != rows[i].has_digest)
            fail_msg("%s: tag %d, digest %d", rows[i].image, c.image_tag, c.image_has_digest);
    }
}

static void test_what_a_container_asks_for(void **state)
{
    struct container c = container_of(
        "'resources':{'requests':{'cpu':'1','memory':'1'},'limits':{'cpu':'1'}},"
        "'ports':[{'containerPort':80},{'hostPort':0},{'hostPort':8080},{'hostPort':9}],"
        "'livenessProbe':{'httpGet':{'port':1}},'readinessProbe':{'tcpSocket':{'host':''}},"
        "'startupProbe':{},'lifecycle':{'postStart':{'httpGet':{}},"
        "'preStop':{'tcpSocket':{'host':'example.com'}}},"
        "'env':[{'name':'PASSWORD'},{'name':'DB_PASSWORD_FILE','value':'/run/x'},"
        "{'name':'SECRET_DIR','value':'/run'},{'name':'TOKEN_PATH','value':'/run/y'},{'value':'x'},"
        "{'name':'db_password','value':'hunter2'},{'name':'TOKEN','value':'x'}]",
        *state);

    assert_int_equal(c.resources, HAS_CPU_REQUEST | HAS_MEMORY_REQUEST | HAS_CPU_LIMIT);
    assert_int_equal(c.host_port, 8080);
    assert_true(c.has_liveness_probe && c.has_readiness_probe && c.has_startup_probe);
    assert_string_equal(c.probe_host, "example.com");
    assert_string_equal(c.secret_env, "db_password");
}

static void test_volumes_are_kept_where_a_rule_may_object(void **state)
{
    struct pod_template pod = pod_of(
        "{'spec':{'volumes':[{'name':'a','emptyDir':{}},{'name':'b','hostPath':{'path':'/'}},"
        "{'name':'c','nfs':{'path':'/'}},{'name':'d','secret':{}},{},"
        "{'hostPath':{}}]}}",
        *state);

    assert_int_equal(pod.volumes_count, 4);
    assert_string_equal(pod.volumes[0].name, "b");
    assert_string_equal(pod.volumes[0].path, "/");
    assert_int_equal(pod.volumes[0].kind, VOLUME_HOST_PATH);
    assert_string_equal(pod.volumes[1].name, "c");
    assert_int_equal(pod.volumes[1].kind, VOLUME_OTHER);
    assert_string_equal(pod.volumes[2].name, "");
    assert_string_equal(pod.volumes[3].path, "");
}

static void test_placement_is_a_selector_or_a_required_affinity(void **state)
{
    assert_true(pod_of("{'spec':{'affinity':{'nodeAffinity':"
                       "{'requiredDuringSchedulingIgnoredDuringExecution':{}}}}}",
                       *state)
                    .has_placement);
    assert_false(pod_of("{'spec':{'nodeSelector':{},'affinity':{'nodeAffinity':{}}}}", *state)
                     .has_placement);
}

/* Wherever a type is wrong the whole template is unreadable, and says where. */
static void test_wrong_types_make_it_unreadable(void **state)
{
    static const struct {
        const char *object, *path;
    } rows[] = {
        {"{}", "spec: is missing"},
        {"{'spec':[]}", "spec: is missing"},
        {"{'metadata':{'labels':[]},'spec':{}}", "metadata.labels"},
        {"{'metadata':{'annotations':7},'spec':{}}", "metadata.annotations"},
        {"{'metadata':{'annotations':{'container.apparmor.security.beta.kubernetes.io/c':7}},"
         "'spec':{}}",
         "metadata.annotations: container.apparmor.security.beta.kubernetes.io/c"},
        {"{'spec':{'hostNetwork':'true'}}", "spec.hostNetwork"},
        {"{'spec':{'hostPID':1}}", "spec.hostPID"},
        {"{'spec':{'hostIPC':1}}", "spec.hostIPC"},
        {"{'spec':{'hostUsers':1}}", "spec.hostUsers"},
        {"{'spec':{'automountServiceAccountToken':1}}", "spec.automountServiceAccountToken"},
        {"{'spec':{'serviceAccountName':1}}", "spec.serviceAccountName"},
        {"{'spec':{'serviceAccount':1}}", "spec.serviceAccount"},
        {"{'spec':{'resources':1}}", "spec.resources"},
        {"{'spec':{'resources':{'limits':1}}}", "spec.resources.limits"},
        {"{'spec':{'resources':{'requests':1}}}", "spec.resources.requests"},
        {"{'spec':{'securityContext':1}}", "spec.securityContext"},
        {"{'spec':{'securityContext':{'sysctls':1}}}", "spec.securityContext.sysctls"},
        {"{'spec':{'securityContext':{'sysctls':[{'name':1}]}}}",
         "spec.securityContext.sysctls[0].name"},
        {"{'spec':{'securityContext':{'runAsUser':'0'}}}", "spec.securityContext.runAsUser"},
        {"{'spec':{'securityContext':{'runAsGroup':0.5}}}", "spec.securityContext.runAsGroup"},
        {"{'spec':{'securityContext':{'seLinuxOptions':1}}}",
         "spec.securityContext.seLinuxOptions"},
        {"{'spec':{'securityContext':{'seLinuxOptions':{'type':1}}}}",
         "spec.securityContext.seLinuxOptions.type"},
        {"{'spec':{'securityContext':{'seLinuxOptions':{'user':1}}}}",
         "spec.securityContext.seLinuxOptions.user"},
        {"{'spec':{'securityContext':{'seLinuxOptions':{'role':1}}}}",
         "spec.securityContext.seLinuxOptions.role"},
        {"{'spec':{'securityContext':{'windowsOptions':1}}}",
         "spec.securityContext.windowsOptions"},
        {"{'spec':{'securityContext':{'windowsOptions':{'hostProcess':1}}}}",
         "spec.securityContext.windowsOptions.hostProcess"},
        {"{'spec':{'securityContext':{'seccompProfile':1}}}",
         "spec.securityContext.seccompProfile"},
        {"{'spec':{'securityContext':{'seccompProfile':{'type':1}}}}",
         "spec.securityContext.seccompProfile.type"},
        {"{'spec':{'securityContext':{'appArmorProfile':1}}}",
         "spec.securityContext.appArmorProfile"},
        {"{'spec':{'containers':{}}}", "spec.containers"},
        {"{'spec':{'initContainers':[7]}}", "spec.initContainers[0]"},
        {"{'spec':{'containers':[{'name':7}]}}", "spec.containers[0].name"},
        {"{'spec':{'containers':[{'resources':7}]}}", "spec.containers[0].resources"},
        {"{'spec':{'containers':[{'ports':7}]}}", "spec.containers[0].ports"},
        {"{'spec':{'containers':[{'ports':[{'hostPort':'80'}]}]}}",
         "spec.containers[0].ports[0].hostPort"},
        {"{'spec':{'containers':[{'env':7}]}}", "spec.containers[0].env"},
        {"{'spec':{'containers':[{'lifecycle':7}]}}", "spec.containers[0].lifecycle"},
        {"{'spec':{'containers':[{'lifecycle':{'postStart':7}}]}}",
         "spec.containers[0].lifecycle.postStart"},
        {"{'spec':{'containers':[{'lifecycle':{'preStop':7}}]}}",
         "spec.containers[0].lifecycle.preStop"},
        {"{'spec':{'containers':[{'livenessProbe':7}]}}", "spec.containers[0].livenessProbe"},
        {"{'spec':{'containers':[{'readinessProbe':{'httpGet':7}}]}}",
         "spec.containers[0].readinessProbe.httpGet"},
        {"{'spec':{'containers':[{'startupProbe':{'tcpSocket':{'host':7}}}]}}",
         "spec.containers[0].startupProbe.tcpSocket.host"},
        {"{'spec':{'containers':[{'securityContext':{'privileged':'no'}}]}}",
         "spec.containers[0].securityContext.privileged"},
        {"{'spec':{'containers':[{'securityContext':{'allowPrivilegeEscalation':0}}]}}",
         "spec.containers[0].securityContext.allowPrivilegeEscalation"},
        {"{'spec':{'containers':[{'securityContext':{'readOnlyRootFilesystem':0}}]}}",
         "spec.containers[0].securityContext.readOnlyRootFilesystem"},
        {"{'spec':{'containers':[{'securityContext':{'runAsNonRoot':0}}]}}",
         "spec.containers[0].securityContext.runAsNonRoot"},
        {"{'spec':{'containers':[{'securityContext':{'procMount':0}}]}}",
         "spec.containers[0].securityContext.procMount"},
        {"{'spec':{'containers':[{'securityContext':{'capabilities':0}}]}}",
         "spec.containers[0].securityContext.capabilities"},
        {"{'spec':{'containers':[{'securityContext':{'capabilities':{'add':[1]}}}]}}",
         "spec.containers[0].securityContext.capabilities.add[0]"},
        {"{'spec':{'containers':[{'securityContext':{'capabilities':{'drop':'ALL'}}}]}}",
         "spec.containers[0].securityContext.capabilities.drop"},
        {"{'spec':{'containers':[{'securityContext':{'capabilities':{'drop':['ALL',1]}}}]}}",
         "spec.containers[0].securityContext.capabilities.drop[1]"},
        {"{'spec':{'volumes':7}}", "spec.volumes"},
        {"{'spec':{'volumes':[7]}}", "spec.volumes[0]"},
        {"{'spec':{'volumes':[{'name':7}]}}", "spec.volumes[0].name"},
        {"{'spec':{'volumes':[{'hostPath':7}]}}", "spec.volumes[0].hostPath"},
        {"{'spec':{'volumes':[{'hostPath':{'path':7}}]}}", "spec.volumes[0].hostPath.path"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pod_template pod = pod_of(rows[i].object, *state);

        if (!pod.unreadable || strncmp(pod.unreadable, rows[i].path, strlen(rows[i].path)) != 0)
            fail_msg("%s: %s", rows[i].object, pod.unreadable ? pod.unreadable : "was read");
        assert_int_equal(pod.containers_count + pod.volumes_count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_what_is_not_stated_is_unset),
        ARENA_TEST(test_the_pod_itself),
        ARENA_TEST(test_service_account_has_an_old_name),
        ARENA_TEST(test_containers_come_by_their_role),
        ARENA_TEST(test_container_security_context),
        ARENA_TEST(test_words_that_nobody_knows_are_kept_as_such),
        ARENA_TEST(test_image_tag_and_digest),
        ARENA_TEST(test_what_a_container_asks_for),
        ARENA_TEST(test_volumes_are_kept_where_a_rule_may_object),
        ARENA_TEST(test_placement_is_a_selector_or_a_required_affinity),
        ARENA_TEST(test_wrong_types_make_it_unreadable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

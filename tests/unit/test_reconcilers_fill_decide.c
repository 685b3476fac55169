/* What is filled in: a row is a PodSpec, what the profile wants and what the running pods tell. */
#include "support/unit.h"

#include <string.h>

#include "support/fill_case.h"

struct row {
    const char *claim;
    const char *spec;     /* PodSpec, with ' for " */
    const char *wants;    /* fill_case_section() */
    const char *evidence; /* fill_case_evidence() */
    const char *fill;     /* fill_case_text() */
};

static void decide(const struct row *row, bool is_proposal)
{
    AUTO_ARENA a;
    struct err err = {0};
    struct pod_template pod;
    struct fill fill;
    struct workloads_section section;
    struct fill_evidence_list evidence;
    json_auto_t *spec = fill_case_json(row->spec);
    const char *text;
    size_t leaves = 0;

    arena_init(&a, 1 << 20);
    section = fill_case_section(row->wants, &a);
    evidence = fill_case_evidence(row->evidence, &a);
    assert_int_equal(pod_template_decode(NULL, spec, &a, &pod, &err), 0);
    if (is_proposal)
        assert_int_equal(fill_propose(&pod, &section, &a, &fill, &err), 0);
    else
        assert_int_equal(fill_decide(&pod, &section, evidence.items, evidence.count, NULL, &a,
                                     &fill, &err),
                         0);
    text = fill_case_text(&pod, &fill, &a);
    if (strcmp(text, row->fill) != 0)
        fail_msg("%s:\n  expected \"%s\"\n  got      \"%s\"", row->claim, row->fill, text);
    for (const char *c = text; *c && strncmp(c, "skipped", 7) != 0 && strncmp(c, "would", 5) != 0;
         c++)
        leaves += *c == ' ' && c[-1] != ';';
    if (fill.leaves_count != leaves)
        fail_msg("%s: %zu leaves, counted as %zu", row->claim, leaves, fill.leaves_count);
}

static void decide_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        decide(&rows[i], false);
}

static void test_only_what_is_unset_is_filled_in(void **state)
{
    static const struct row rows[] = {
        {"all is unset", "{'containers':[{'name':'web'}]}", "", "web=1000",
         "pod: non-root seccomp; web: escalation drop"},
        {"only what the profile wants", "{'containers':[{'name':'web'}]}", "nothing read-only",
         "web=1000", "web: read-only"},
        {"nothing is wanted", "{'containers':[{'name':'web'}]}", "nothing", "web=1000", ""},
        {"all is stated as wanted",
         "{'securityContext':{'runAsNonRoot':true,'seccompProfile':{'type':'RuntimeDefault'}},"
         "'containers':[{'name':'web','securityContext':{'allowPrivilegeEscalation':false,"
         "'readOnlyRootFilesystem':true,'capabilities':{'drop':['ALL']}}}]}",
         "read-only", "web=1000", ""},
        {"all is stated otherwise",
         "{'securityContext':{'runAsNonRoot':false,'seccompProfile':{'type':'Unconfined'}},"
         "'containers':[{'name':'web','securityContext':{'allowPrivilegeEscalation':true,"
         "'readOnlyRootFilesystem':false,'capabilities':{'drop':['NET_RAW']}}}]}",
         "read-only", "web=1000", ""},
        {"a list that is stated as empty is stated",
         "{'containers':[{'name':'web','securityContext':{'capabilities':{'drop':[]}}}]}",
         "nothing drop", "", ""},
        {"added capabilities leave the dropped ones unset",
         "{'containers':[{'name':'web','securityContext':"
         "{'capabilities':{'add':['NET_BIND_SERVICE']}}}]}",
         "nothing drop", "", "web: drop"},
        {"init containers and sidecars count",
         "{'initContainers':[{'name':'wait'},{'name':'proxy','restartPolicy':'Always'}],"
         "'containers':[{'name':'web'}]}",
         "", "wait=1 proxy=2 web=3",
         "pod: non-root seccomp; wait: escalation drop; proxy: escalation drop; "
         "web: escalation drop"},
        {"ephemeral containers are nobody's template",
         "{'containers':[{'name':'web'}],'ephemeralContainers':[{'name':'debug'}]}", "", "web=1000",
         "pod: non-root seccomp; web: escalation drop"},
        {"no container", "{'containers':[]}", "", "", ""},
        {"a pod that cannot be read", "{'containers':5}", "", "", ""},
    };

    (void)state;
    decide_all(rows, COUNT_OF(rows));
}

static void test_the_pod_gets_what_is_unset_everywhere_and_else_each_container(void **state)
{
    static const struct row rows[] = {
        {"one container states a profile",
         "{'containers':[{'name':'a','securityContext':{'seccompProfile':{'type':'Unconfined'}}},"
         "{'name':'b'}]}",
         "nothing seccomp", "", "b: seccomp"},
        {"an unknown word is stated, too",
         "{'containers':[{'name':'a','securityContext':{'seccompProfile':{'type':'Moon'}}},"
         "{'name':'b'}]}",
         "nothing seccomp", "", "b: seccomp"},
        {"one container states false",
         "{'containers':[{'name':'a','securityContext':{'runAsNonRoot':false}},{'name':'b'}]}",
         "nothing non-root", "a=1 b=1", "b: non-root"},
        {"one container runs as root", "{'containers':[{'name':'a'},{'name':'b'}]}",
         "nothing non-root", "a=root b=1", "b: non-root; would-break: non-root"},
        {"an injected container runs as root", "{'containers':[{'name':'a'}]}", "nothing non-root",
         "a=1 mesh=root", "a: non-root"},
        {"an injected container is unknown", "{'containers':[{'name':'a'}]}", "nothing non-root",
         "a=1 mesh=unknown", "a: non-root"},
        {"an injected container is unknown, and tried", "{'containers':[{'name':'a'}]}",
         "nothing non-root try", "a=1 mesh=unknown", "pod: non-root"},
        {"an injected container is known", "{'containers':[{'name':'a'}]}", "nothing non-root",
         "a=1 mesh=1337", "pod: non-root"},
    };

    (void)state;
    decide_all(rows, COUNT_OF(rows));
}

static void test_non_root_asks_who_the_container_runs_as(void **state)
{
    static const struct row rows[] = {
        {"the pod states root", "{'securityContext':{'runAsUser':0},'containers':[{'name':'a'}]}",
         "nothing non-root", "a=1", ""},
        {"the container states root",
         "{'securityContext':{'runAsUser':7},'containers':[{'name':'a','securityContext':"
         "{'runAsUser':0}},{'name':'b'}]}",
         "nothing non-root", "", "b: non-root"},
        {"the container is not root though the pod is",
         "{'securityContext':{'runAsUser':0},'containers':[{'name':'a','securityContext':"
         "{'runAsUser':7}}]}",
         "nothing non-root", "", "a: non-root"},
        {"a stated user needs no evidence",
         "{'securityContext':{'runAsUser':7},'containers':[{'name':'a'}]}", "nothing non-root", "",
         "pod: non-root"},
        {"it runs as root", "{'containers':[{'name':'a'}]}", "nothing non-root try", "a=root",
         "would-break: non-root"},
        {"nothing is known", "{'containers':[{'name':'a'}]}", "nothing non-root", "",
         "skipped: non-root"},
        {"it is not known", "{'containers':[{'name':'a'}]}", "nothing non-root", "a=unknown",
         "skipped: non-root"},
        {"unknown, and tried", "{'containers':[{'name':'a'}]}", "nothing non-root try", "",
         "pod: non-root"},
        {"what is left has nothing to do with the rest", "{'containers':[{'name':'a'}]}", "",
         "a=root", "pod: seccomp; a: escalation drop; would-break: non-root"},
        {"the observed user is pinned", "{'containers':[{'name':'a'},{'name':'b'}]}",
         "nothing non-root pin", "a=1000 b=2000", "pod: non-root; a: uid=1000; b: uid=2000"},
        {"users that differ cannot be pinned", "{'containers':[{'name':'a'}]}",
         "nothing non-root pin", "a=non-root", "pod: non-root"},
        {"root is not pinned", "{'containers':[{'name':'a'}]}", "nothing non-root pin", "a=0",
         "pod: non-root"},
        {"a user is pinned only with what needs it",
         "{'securityContext':{'runAsNonRoot':true},'containers':[{'name':'a'}]}",
         "nothing non-root pin", "a=1000", ""},
        {"a stated user is not pinned over",
         "{'containers':[{'name':'a','securityContext':{'runAsUser':7}}]}", "nothing non-root pin",
         "a=1000", "pod: non-root"},
        {"unknown, tried, and nothing to pin", "{'containers':[{'name':'a'}]}",
         "nothing non-root pin try", "", "pod: non-root"},
    };

    (void)state;
    decide_all(rows, COUNT_OF(rows));
}

static void test_what_the_api_server_refuses_is_left_out(void **state)
{
    static const struct row rows[] = {
        {"a privileged container",
         "{'containers':[{'name':'a','securityContext':{'privileged':true}},{'name':'b'}]}",
         "nothing escalation drop", "", "b: escalation drop"},
        {"privileged: false",
         "{'containers':[{'name':'a','securityContext':{'privileged':false}}]}",
         "nothing escalation drop", "", "a: escalation drop"},
        {"CAP_SYS_ADMIN is added",
         "{'containers':[{'name':'a','securityContext':"
         "{'capabilities':{'add':['NET_RAW','CAP_SYS_ADMIN']}}}]}",
         "nothing escalation drop", "", "a: drop"},
        {"SYS_ADMIN is added",
         "{'containers':[{'name':'a','securityContext':{'capabilities':{'add':['SYS_ADMIN']}}}]}",
         "nothing escalation drop", "", "a: escalation drop"},
        {"a Windows pod", "{'os':{'name':'windows'},'containers':[{'name':'a'}]}",
         "read-only pin try cpu-limit=1", "a=1000", "pod: non-root; a: cpu-limit"},
        {"a Linux pod that says so", "{'os':{'name':'linux'},'containers':[{'name':'a'}]}",
         "nothing seccomp", "", "pod: seccomp"},
    };

    (void)state;
    decide_all(rows, COUNT_OF(rows));
}

static void test_resources_are_filled_in_only_where_none_of_them_is_stated(void **state)
{
    static const struct row rows[] = {
        {"by default none", "{'containers':[{'name':'a'}]}", "nothing", "", ""},
        {"all four", "{'containers':[{'name':'a'}]}",
         "nothing cpu-request=1m memory-request=1Mi cpu-limit=2m memory-limit=2Mi", "",
         "a: cpu-request memory-request cpu-limit memory-limit"},
        {"a stated request", "{'containers':[{'name':'a','resources':{'requests':{'cpu':'1'}}}]}",
         "nothing cpu-request=1m memory-request=1Mi cpu-limit=2m memory-limit=2Mi", "",
         "a: memory-request memory-limit"},
        {"a stated limit", "{'containers':[{'name':'a','resources':{'limits':{'memory':'1Gi'}}}]}",
         "nothing cpu-request=1m memory-request=1Mi cpu-limit=2m memory-limit=2Mi", "",
         "a: cpu-request cpu-limit"},
        {"init containers, too", "{'initContainers':[{'name':'i'}],'containers':[{'name':'a'}]}",
         "nothing memory-limit=2Mi", "", "i: memory-limit; a: memory-limit"},
        {"the pod as a whole states some",
         "{'resources':{'limits':{'cpu':'1'}},'containers':[{'name':'a'}]}",
         "nothing memory-limit=2Mi", "", ""},
    };

    (void)state;
    decide_all(rows, COUNT_OF(rows));
}

static void test_a_proposal_also_names_what_is_stated_otherwise(void **state)
{
    static const struct row rows[] = {
        {"all is stated otherwise",
         "{'securityContext':{'runAsNonRoot':false,'seccompProfile':{'type':'Unconfined'}},"
         "'containers':[{'name':'web','securityContext':{'runAsNonRoot':false,"
         "'seccompProfile':{'type':'Unconfined'},'allowPrivilegeEscalation':true,"
         "'readOnlyRootFilesystem':false,'capabilities':{'drop':['NET_RAW']}}}]}",
         "read-only", "", "pod: non-root seccomp; web: non-root seccomp escalation drop read-only"},
        {"a container of several",
         "{'containers':[{'name':'a','securityContext':{'runAsNonRoot':false,"
         "'seccompProfile':{'type':'Unconfined'}}},{'name':'b'}]}",
         "nothing non-root seccomp", "", "a: non-root seccomp; b: non-root seccomp"},
        {"a container that contradicts its pod",
         "{'securityContext':{'runAsNonRoot':true,'seccompProfile':{'type':'RuntimeDefault'}},"
         "'containers':[{'name':'a','securityContext':{'runAsNonRoot':false,"
         "'seccompProfile':{'type':'Unconfined'}}},{'name':'b'}]}",
         "nothing non-root seccomp", "", "a: non-root seccomp"},
        {"what is unset", "{'containers':[{'name':'a'}]}", "", "",
         "pod: non-root seccomp; a: escalation drop"},
        {"what is as wanted",
         "{'securityContext':{'runAsNonRoot':true,'seccompProfile':{'type':'Localhost',"
         "'localhostProfile':'a.json'}},'containers':[{'name':'web','securityContext':{"
         "'allowPrivilegeEscalation':false,'readOnlyRootFilesystem':true,"
         "'capabilities':{'drop':['ALL']}}}]}",
         "read-only", "", ""},
        {"another user is for the owner to choose",
         "{'securityContext':{'runAsNonRoot':false,'runAsUser':0},'containers':[{'name':'a'}]}",
         "nothing non-root", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        decide(&rows[i], true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_is_unset_is_filled_in),
        cmocka_unit_test(test_the_pod_gets_what_is_unset_everywhere_and_else_each_container),
        cmocka_unit_test(test_non_root_asks_who_the_container_runs_as),
        cmocka_unit_test(test_what_the_api_server_refuses_is_left_out),
        cmocka_unit_test(test_resources_are_filled_in_only_where_none_of_them_is_stated),
        cmocka_unit_test(test_a_proposal_also_names_what_is_stated_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

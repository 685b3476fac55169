/* What is taken in of objects, and what is then found; what cannot be read is told. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/access_evidence.h"
#include "support/sweep.h"

struct cluster {
    struct access_evidence e;
    struct strbuf found;
};

static int set_up(void **state)
{
    static struct cluster c;

    access_evidence_init(&c.e, 4u << 20);
    strbuf_init(&c.found, 1u << 16);
    for (int kind = 0; kind < EVIDENCE_KIND_COUNT; kind++)
        c.e.read[kind] = ACCESS_READ_ALL;
    *state = &c;
    return 0;
}

static int tear_down(void **state)
{
    struct cluster *c = *state;

    strbuf_done(&c->found);
    access_evidence_done(&c->e);
    return 0;
}

static json_t *read_object(const char *text)
{
    char whole[2048];
    struct err err = {0};
    json_t *object;

    (void)snprintf(whole, sizeof(whole), "%s", text);
    for (char *at = whole; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    object = json_decode(whole, strlen(whole), &err);
    if (!object)
        fail_msg("%s: %s", text, err.msg);
    return object;
}

static int try_add(struct access_evidence *e, enum access_evidence_kind kind, const char *text,
                   struct err *err)
{
    json_t *object = read_object(text);
    int result = access_evidence_add(e, kind, object, "default", err);

    json_decref(object);
    return result;
}

static void add(struct cluster *c, enum access_evidence_kind kind, const char *text)
{
    struct err err = {0};

    if (try_add(&c->e, kind, text, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
}

static int on_finding(void *ctx, const struct access_finding *f, struct err *err)
{
    struct strbuf *found = ctx;

    (void)err;
    strbuf_addf(found, "%s %s/%s: %s%s\n", f->kind, f->ns, f->name,
                f->outcome == RULE_ERROR ? "? " : "", f->rules[0]->id);
    return 0;
}

static void expect_in(struct cluster *c, const char *ns, size_t objects, const char *wanted)
{
    struct access_asked asked = {0};
    struct err err = {0};

    if (access_evidence_findings(&c->e, ns, false, on_finding, &c->found, &asked, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(c->found.text, wanted);
    assert_int_equal(asked.objects, objects);
}

#define NAMED(ns, name) "'metadata':{'namespace':'" ns "','name':'" name "'}"

static void test_account_is_used_by_every_kind_that_runs_pods(void **state)
{
    struct cluster *c = *state;
    static const struct {
        enum access_evidence_kind kind;
        const char *account, *open, *close;
    } rows[] = {
        {EVIDENCE_POD, "a", "", ""},
        {EVIDENCE_REPLICATION_CONTROLLER, "b", "'template':{'spec':{", "}}"},
        {EVIDENCE_DEPLOYMENT, "c", "'template':{'spec':{", "}}"},
        {EVIDENCE_STATEFUL_SET, "d", "'template':{'spec':{", "}}"},
        {EVIDENCE_DAEMON_SET, "e", "'template':{'spec':{", "}}"},
        {EVIDENCE_REPLICA_SET, "f", "'template':{'spec':{", "}}"},
        {EVIDENCE_JOB, "g", "'template':{'spec':{", "}}"},
        {EVIDENCE_CRON_JOB, "h", "'jobTemplate':{'spec':{'template':{'spec':{", "}}}}"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];

        (void)snprintf(text, sizeof(text), "{" NAMED("shop", "%s") "}", rows[i].account);
        add(c, EVIDENCE_SERVICE_ACCOUNT, text);
        (void)snprintf(text, sizeof(text),
                       "{" NAMED("shop", "w") ",'spec':{%s'serviceAccountName':'%s'%s}}",
                       rows[i].open, rows[i].account, rows[i].close);
        add(c, rows[i].kind, text);
    }
    add(c, EVIDENCE_SERVICE_ACCOUNT, "{" NAMED("shop", "idle") "}");
    expect_in(c, NULL, 9, "ServiceAccount shop/idle: rbac-unused-service-account\n");
}

static void test_older_name_of_the_member_counts_and_none_is_default(void **state)
{
    struct cluster *c = *state;

    add(c, EVIDENCE_POD, "{" NAMED("shop", "a") ",'spec':{'serviceAccount':'old'}}");
    add(c, EVIDENCE_POD,
        "{" NAMED("shop", "b") ",'spec':{'serviceAccountName':'','serviceAccount':''}}");
    add(c, EVIDENCE_POD,
        "{" NAMED("bank", "b") ",'spec':{'serviceAccountName':'new','serviceAccount':'old'}}");
    add(c, EVIDENCE_POD, "{'metadata':{'name':'c','namespace':''},'spec':{}}");
    assert_true(access_accounts_find(&c->e.accounts, "shop", "old")->is_used);
    assert_true(access_accounts_find(&c->e.accounts, "shop", "default")->is_used);
    assert_true(access_accounts_find(&c->e.accounts, "bank", "new")->is_used);
    assert_null(access_accounts_find(&c->e.accounts, "bank", "old"));
    assert_true(access_accounts_find(&c->e.accounts, "default", "default")->is_used);
}

static void test_use_is_known_only_when_every_kind_was_read(void **state)
{
    struct cluster *c = *state;

    add(c, EVIDENCE_SERVICE_ACCOUNT, "{" NAMED("shop", "idle") "}");
    c->e.read[EVIDENCE_CRON_JOB] = ACCESS_READ_SOME;
    expect_in(c, NULL, 1, "ServiceAccount shop/idle: ? rbac-unused-service-account\n");
}

static void test_roles_and_bindings_make_the_graph(void **state)
{
    struct cluster *c = *state;

    add(c, EVIDENCE_CLUSTER_ROLE, "{'metadata':{'name':'a'},'rules':[]}");
    add(c, EVIDENCE_ROLE, "{" NAMED("shop", "b") ",'rules':[]}");
    add(c, EVIDENCE_CLUSTER_ROLE_BINDING,
        "{'metadata':{'name':'c'},'roleRef':{'kind':'ClusterRole','name':'gone'},'subjects':[{"
        "'kind':'User','name':'kim'}]}");
    add(c, EVIDENCE_ROLE_BINDING,
        "{" NAMED("shop", "d") ",'roleRef':{'kind':'Role','name':'b'},'subjects':[{'kind':"
                               "'Group','name':'system:unauthenticated'}]}");
    expect_in(c, NULL, 4,
              "ClusterRoleBinding /c: rbac-missing-role\n"
              "RoleBinding shop/d: rbac-anonymous\n"
              "ClusterRole /a: rbac-unused-role\n");
}

static void test_secrets_and_config_maps_come_last_and_sorted(void **state)
{
    struct cluster *c = *state;

    add(c, EVIDENCE_CONFIG_MAP, "{" NAMED("shop", "odd") ",'data':[]}");
    add(c, EVIDENCE_CONFIG_MAP, "{" NAMED("shop", "fine") ",'data':{'a':'b'}}");
    add(c, EVIDENCE_CONFIG_MAP, "{" NAMED("shop", "empty") "}");
    add(c, EVIDENCE_CONFIG_MAP, "{" NAMED("bank", "leak") ",'data':{'token':'abc'}}");
    add(c, EVIDENCE_SECRET, "{" NAMED("shop", "b") "}");
    add(c, EVIDENCE_SECRET, "{" NAMED("shop", "a") "}");
    expect_in(c, NULL, 6,
              "Secret shop/a: rbac-long-lived-tokens\n"
              "Secret shop/b: rbac-long-lived-tokens\n"
              "ConfigMap bank/leak: rbac-config-map-credentials\n"
              "ConfigMap shop/odd: ? rbac-config-map-credentials\n");
}

static void test_one_namespace_is_told_for_itself(void **state)
{
    struct cluster *c = *state;

    add(c, EVIDENCE_CONFIG_MAP, "{" NAMED("shop", "leak") ",'data':{'token':'abc'}}");
    add(c, EVIDENCE_CONFIG_MAP, "{" NAMED("bank", "leak") ",'data':{'token':'abc'}}");
    add(c, EVIDENCE_SECRET, "{" NAMED("shop", "a") "}");
    add(c, EVIDENCE_SECRET, "{" NAMED("bank", "a") "}");
    expect_in(c, "bank", 4,
              "Secret bank/a: rbac-long-lived-tokens\n"
              "ConfigMap bank/leak: rbac-config-map-credentials\n");
}

static void test_secret_is_kept_with_its_account_and_last_use(void **state)
{
    struct cluster *c = *state;

    add(c, EVIDENCE_SECRET,
        "{'metadata':{'namespace':'shop','name':'t','annotations':{'kubernetes.io/"
        "service-account.name':'ci'},'labels':{'kubernetes.io/legacy-token-last-used':"
        "'2026-01-31'}}}");
    assert_string_equal(c->e.secrets[0].account, "ci");
    assert_string_equal(c->e.secrets[0].last_used, "2026-01-31");
}

static void test_kind_of_a_manifest_is_told_by_group_and_kind(void **state)
{
    static const struct {
        const char *text;
        int kind;
    } rows[] = {
        {"{'apiVersion':'v1','kind':'Pod'}", EVIDENCE_POD},
        {"{'apiVersion':'apps/v1','kind':'Deployment'}", EVIDENCE_DEPLOYMENT},
        {"{'apiVersion':'batch/v1beta1','kind':'CronJob'}", EVIDENCE_CRON_JOB},
        {"{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'Role'}", EVIDENCE_ROLE},
        {"{'apiVersion':'v1','kind':'Secret','type':'kubernetes.io/service-account-token'}",
         EVIDENCE_SECRET},
        {"{'apiVersion':'v1','kind':'Secret','type':'Opaque'}", -1},
        {"{'apiVersion':'v1','kind':'Secret'}", -1},
        {"{'apiVersion':'v1','kind':'Deployment'}", -1},
        {"{'apiVersion':'app/v1','kind':'Deployment'}", -1},
        {"{'apiVersion':'appz/v1','kind':'Deployment'}", -1},
        {"{'apiVersion':'apps/v1','kind':'Pod'}", -1},
        {"{'apiVersion':'batch/v1','kind':'Deployment'}", -1},
        {"{'apiVersion':'v1'}", -1},
        {"{'kind':'Pod'}", -1},
        {"[]", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *object = read_object(rows[i].text);

        if (access_evidence_kind_of(object) != rows[i].kind)
            fail_msg("%s: %d", rows[i].text, access_evidence_kind_of(object));
        json_decref(object);
    }
}

static void test_what_is_no_object_of_its_kind_is_told_with_its_path(void **state)
{
    static const struct {
        enum access_evidence_kind kind;
        const char *text, *message;
    } rows[] = {
        {EVIDENCE_POD, "{'metadata':7}", "Pod: metadata: expected an object"},
        {EVIDENCE_POD, "{'metadata':{}}", "Pod: metadata.name: "},
        {EVIDENCE_POD, "{'metadata':{'name':'a','namespace':7}}", "Pod: metadata.namespace: "},
        {EVIDENCE_POD, "{'metadata':{'name':'a'},'spec':{'serviceAccountName':7}}",
         "Pod: serviceAccountName: "},
        {EVIDENCE_POD, "{'metadata':{'name':'a'},'spec':{'serviceAccount':7}}",
         "Pod: serviceAccount: "},
        {EVIDENCE_ROLE, "{'metadata':{'name':'a'},'rules':7}", "Role default/a: rules: "},
        {EVIDENCE_CLUSTER_ROLE,
         "{'metadata':{'name':'a'},'aggregationRule':{'clusterRoleSelectors':7}}",
         "ClusterRole a: aggregationRule.clusterRoleSelectors: "},
        {EVIDENCE_CLUSTER_ROLE, "{'metadata':{'name':'a','labels':7}}",
         "ClusterRole a: metadata.labels: "},
    };
    struct cluster *c = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};

        assert_int_equal(try_add(&c->e, rows[i].kind, rows[i].text, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        if (strncmp(err.msg, rows[i].message, strlen(rows[i].message)) != 0)
            fail_msg("\"%s\" does not begin with \"%s\"", err.msg, rows[i].message);
    }
}

static void test_object_that_is_there_twice_is_told(void **state)
{
    struct cluster *c = *state;
    struct access_asked asked = {.objects = 7};
    struct err err = {0};

    add(c, EVIDENCE_CLUSTER_ROLE, "{'metadata':{'name':'a'}}");
    add(c, EVIDENCE_CLUSTER_ROLE, "{'metadata':{'name':'a'}}");
    assert_int_equal(access_evidence_findings(&c->e, NULL, false, on_finding, &c->found, &asked,
                                              &err),
                     -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(asked.objects, 7);
}

static int refuse_kind(void *ctx, const struct access_finding *f, struct err *err)
{
    return strcmp(f->kind, ctx) == 0 ? err_set(err, ERR_IO, "no room") : 0;
}

static void test_refusal_of_a_finding_ends_it(void **state)
{
    static const char *const kinds[] = {"ClusterRole", "ServiceAccount", "Secret", "ConfigMap"};
    struct cluster *c = *state;
    struct access_asked asked = {.objects = 7};
    struct err err = {0};

    add(c, EVIDENCE_CLUSTER_ROLE, "{'metadata':{'name':'a'}}");
    add(c, EVIDENCE_SERVICE_ACCOUNT, "{" NAMED("shop", "idle") "}");
    add(c, EVIDENCE_SECRET, "{" NAMED("shop", "a") "}");
    add(c, EVIDENCE_CONFIG_MAP, "{" NAMED("shop", "leak") ",'data':{'token':'abc'}}");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        c->e.graph.is_linked = false;
        assert_int_equal(access_evidence_findings(&c->e, NULL, false, refuse_kind,
                                                  (void *)(uintptr_t)kinds[i], &asked, &err),
                         -1);
        assert_int_equal(err.code, ERR_IO);
    }
    assert_int_equal(asked.objects, 7);
}

static void test_evidence_has_ceilings(void **state)
{
    static const char *const texts[] = {"{" NAMED("shop", "a") ",'data':{'token':'abc'}}",
                                        "{" NAMED("shop", "a") ",'data':[]}"};
    struct err err = {0};
    struct access_evidence e;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts) * 2; i++) {
        int result = 0;

        access_evidence_init(&e, 64);
        for (unsigned k = 0; k < 16 && result == 0; k++)
            result = try_add(&e, i % 2 ? EVIDENCE_SECRET : EVIDENCE_CONFIG_MAP, texts[i / 2], &err);
        assert_int_equal(result, -1);
        assert_int_equal(err.code, ERR_LIMIT);
        assert_non_null(strstr(err.msg, "they take more than 64 bytes"));
        access_evidence_done(&e);
    }
    access_evidence_init(&e, 4);
    assert_int_equal(try_add(&e, EVIDENCE_SECRET, texts[0], NULL), -1);
    access_evidence_done(&e);
    access_evidence_init(&e, 1u << 20);
    e.secrets_count = e.secrets_room = ACCESS_EVIDENCE_OBJECTS_MAX;
    e.config_maps_count = e.config_maps_room = ACCESS_EVIDENCE_OBJECTS_MAX;
    assert_int_equal(try_add(&e, EVIDENCE_SECRET, texts[0], &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.msg, "Secret: there are more than 262144 to tell of");
    assert_int_equal(try_add(&e, EVIDENCE_CONFIG_MAP, texts[0], &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    access_evidence_done(&e);
}

struct swept {
    enum access_evidence_kind kind;
    const json_t *object;
};

static int add_swept(void *ctx, struct err *err)
{
    const struct swept *s = ctx;
    struct access_evidence e;
    int result;

    access_evidence_init(&e, 4u << 20);
    result = access_evidence_add(&e, s->kind, s->object, "default", err);
    if (result < 0)
        assert_int_equal(e.secrets_count + e.config_maps_count, 0);
    access_evidence_done(&e);
    return result;
}

static void test_taking_in_survives_each_failing_allocation(void **state)
{
    static const struct {
        enum access_evidence_kind kind;
        const char *text;
    } rows[] = {
        {EVIDENCE_POD, "{" NAMED("shop", "a") ",'spec':{}}"},
        {EVIDENCE_SERVICE_ACCOUNT, "{" NAMED("shop", "a") "}"},
        {EVIDENCE_SECRET, "{'metadata':{'namespace':'shop','name':'t','annotations':{"
                          "'kubernetes.io/service-account.name':'ci'},'labels':{"
                          "'kubernetes.io/legacy-token-last-used':'2026-01-31'}}}"},
        {EVIDENCE_CONFIG_MAP, "{" NAMED("shop", "a") ",'data':{'a':'token: x\\ny'}}"},
        {EVIDENCE_CONFIG_MAP, "{" NAMED("shop", "a") ",'data':[]}"},
        {EVIDENCE_CLUSTER_ROLE,
         "{'metadata':{'name':'a','labels':{'x':'y'}},'aggregationRule':{'clusterRoleSelectors':[{"
         "'matchLabels':{'a':'b'}}]},'rules':[{'verbs':['get']}]}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *object = read_object(rows[i].text);
        struct swept s = {rows[i].kind, object};

        assert_true(sweep(add_swept, &s) > 0);
        json_decref(object);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_account_is_used_by_every_kind_that_runs_pods),
        TEST(test_older_name_of_the_member_counts_and_none_is_default),
        TEST(test_use_is_known_only_when_every_kind_was_read),
        TEST(test_roles_and_bindings_make_the_graph),
        TEST(test_secrets_and_config_maps_come_last_and_sorted),
        TEST(test_one_namespace_is_told_for_itself),
        TEST(test_secret_is_kept_with_its_account_and_last_use),
        TEST(test_kind_of_a_manifest_is_told_by_group_and_kind),
        TEST(test_what_is_no_object_of_its_kind_is_told_with_its_path),
        TEST(test_object_that_is_there_twice_is_told),
        TEST(test_refusal_of_a_finding_ends_it),
        TEST(test_evidence_has_ceilings),
        TEST(test_taking_in_survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

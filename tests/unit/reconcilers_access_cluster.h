/* A little cluster for findings on access: objects go in, a line a finding comes out. */
#ifndef RAMPART_TESTS_RECONCILERS_ACCESS_CLUSTER_H
#define RAMPART_TESTS_RECONCILERS_ACCESS_CLUSTER_H

#include "rules_grant.h"

#include "rampart/reconcilers/access_findings.h"

#define RBAC_V1 "'apiVersion':'rbac.authorization.k8s.io/v1',"
#define LABELLED "'labels':{'kubernetes.io/bootstrapping':'rbac-defaults'},"
#define SECRETS "{'apiGroups':[''],'resources':['secrets'],'verbs':['get']}"
#define EVERYTHING "{'apiGroups':['*'],'resources':['*'],'verbs':['*']}"
#define PODS "{'apiGroups':[''],'resources':['pods'],'verbs':['get']}"
#define USER(name) "{'kind':'User','name':'" name "'}"
#define GROUP(name) "{'kind':'Group','name':'" name "'}"
#define ACCOUNT(ns, name) "{'kind':'ServiceAccount','namespace':'" ns "','name':'" name "'}"
#define CLUSTER_ROLE(name, marks, rules)                                                           \
    "{" RBAC_V1 "'kind':'ClusterRole','metadata':{" marks "'name':'" name "'},'rules':[" rules "]" \
    "}"
#define ROLE(ns, name, marks, rules)                                                    \
    "{" RBAC_V1 "'kind':'Role','metadata':{" marks "'name':'" name "','namespace':'" ns \
    "'},'rules':[" rules "]}"
#define CLUSTER_BINDING(name, marks, role, subjects)                             \
    "{" RBAC_V1 "'kind':'ClusterRoleBinding','metadata':{" marks "'name':'" name \
    "'},'roleRef':{'kind':'ClusterRole','name':'" role "'},'subjects':[" subjects "]}"
#define BINDING(ns, name, kind, role, subjects)                                       \
    "{" RBAC_V1 "'kind':'RoleBinding','metadata':{'name':'" name "','namespace':'" ns \
    "'},'roleRef':{'kind':'" kind "','name':'" role "'},'subjects':[" subjects "]}"

struct cluster {
    struct access graph;
    struct access_accounts accounts;
    struct access_findings_question question;
    struct strbuf found; /* a line each: "[of the cluster] KIND NS/NAME: [?] rule rule" */
    struct strbuf texts;
    struct access_asked asked;
};

static inline int set_up(void **state)
{
    struct cluster *c = calloc(1, sizeof(*c));

    access_init(&c->graph, 1u << 20);
    access_accounts_init(&c->accounts, 1u << 20);
    strbuf_init(&c->found, 1u << 16);
    strbuf_init(&c->texts, 1u << 16);
    c->question = (struct access_findings_question){
        .graph = &c->graph,
        .accounts = &c->accounts,
        .roles = ACCESS_READ_ALL,
        .cluster_roles = ACCESS_READ_ALL,
        .bindings = ACCESS_READ_ALL,
        .cluster_bindings = ACCESS_READ_ALL,
        .service_accounts = ACCESS_READ_ALL,
        .workloads = ACCESS_READ_ALL,
    };
    *state = c;
    return 0;
}

static inline int tear_down(void **state)
{
    struct cluster *c = *state;

    strbuf_done(&c->found);
    strbuf_done(&c->texts);
    access_accounts_done(&c->accounts);
    access_done(&c->graph);
    free(c);
    return 0;
}

static inline void add(struct cluster *c, const char *text)
{
    struct err err = {0};
    char whole[2048];
    json_t *object;
    int kind;

    (void)snprintf(whole, sizeof(whole), "%s", text);
    for (char *at = whole; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    object = json_decode(whole, strlen(whole), &err);
    kind = object ? access_kind_of(object) : -1;
    if (kind < 0 || access_add(&c->graph, (enum access_kind)kind, object, "", &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    json_decref(object);
}

static inline void account(struct cluster *c, const char *ns, const char *name, bool is_used)
{
    assert_int_equal(access_accounts_add(&c->accounts, ns, name, NULL), 0);
    if (is_used)
        assert_int_equal(access_accounts_use(&c->accounts, ns, name, NULL), 0);
}

static inline int on_finding(void *ctx, const struct access_finding *f, struct err *err)
{
    struct cluster *c = ctx;

    (void)err;
    strbuf_addf(&c->found, "%s%s %s%s%s:%s", f->is_component ? "[of the cluster] " : "", f->kind,
                f->ns, *f->ns ? "/" : "", f->name, f->outcome == RULE_ERROR ? " ?" : "");
    assert_true(f->outcome == RULE_ERROR || f->rules_count == 1);
    assert_int_equal(f->grant != NULL,
                     f->outcome == RULE_FAIL && f->rules[0]->about == ABOUT_GRANT);
    for (size_t i = 0; i < f->rules_count; i++)
        strbuf_addf(&c->found, " %s", f->rules[i]->id);
    strbuf_addc(&c->found, '\n');
    strbuf_addf(&c->texts, "%s\n", f->text);
    return 0;
}

static inline void link_graph(struct cluster *c)
{
    struct err err = {0};

    if (!c->graph.is_linked && access_link(&c->graph, &err) < 0)
        fail_msg("%s", err.msg);
}

static inline void expect(struct cluster *c, const char *wanted)
{
    struct err err = {0};

    link_graph(c);
    strbuf_clear(&c->found);
    strbuf_clear(&c->texts);
    if (access_findings(&c->question, on_finding, c, &c->asked, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(c->found.text, wanted);
}

static inline void expect_text(const struct cluster *c, const char *text)
{
    if (!strstr(c->texts.text, text))
        fail_msg("\"%s\" is not in:\n%s", text, c->texts.text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif

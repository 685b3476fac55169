/* Roles, bindings and subjects in short, and the graph of them. */
#ifndef RAMPART_TESTS_RECONCILERS_ACCESS_H
#define RAMPART_TESTS_RECONCILERS_ACCESS_H

#include "kube_rbac.h"

#include "rampart/reconcilers/access_who_can.h"

#define BYTES_MAX (8u << 20)
#define RBAC_V1 "'apiVersion':'rbac.authorization.k8s.io/v1',"
#define META(ns_, name_) "'metadata':{'namespace':'" ns_ "','name':'" name_ "'}"
#define ROLE(ns_, name_, rules_) \
    "{" RBAC_V1 "'kind':'Role'," META(ns_, name_) ",'rules':[" rules_ "]}"
#define CLUSTER_ROLE(name_, rules_) \
    "{" RBAC_V1 "'kind':'ClusterRole','metadata':{'name':'" name_ "'},'rules':[" rules_ "]}"
#define BINDING(ns_, name_, kind_, role_, subjects_)                                  \
    "{" RBAC_V1 "'kind':'RoleBinding'," META(ns_, name_) ",'roleRef':{'kind':'" kind_ \
                                                         "','name':'" role_           \
                                                         "'},'subjects':[" subjects_ "]}"
#define CLUSTER_BINDING(name_, role_, subjects_)                         \
    "{" RBAC_V1 "'kind':'ClusterRoleBinding','metadata':{'name':'" name_ \
    "'},'roleRef':{'kind':'ClusterRole','name':'" role_ "'},'subjects':[" subjects_ "]}"
#define USER(name_) "{'kind':'User','name':'" name_ "'}"
#define GROUP(name_) "{'kind':'Group','name':'" name_ "'}"
#define ACCOUNT(ns_, name_) "{'kind':'ServiceAccount','namespace':'" ns_ "','name':'" name_ "'}"
#define LOCAL_ACCOUNT(name_) "{'kind':'ServiceAccount','name':'" name_ "'}"
#define PODS(verb_) "{'verbs':['" verb_ "'],'apiGroups':[''],'resources':['pods']}"
#define NAMED_PODS(verb_, names_) \
    "{'verbs':['" verb_ "'],'apiGroups':[''],'resources':['pods'],'resourceNames':[" names_ "]}"

/* @objects ends in NULL. The caller calls access_done(). */
static inline struct access graph_of(const char *const *objects)
{
    struct access g;
    struct err err = {0};

    access_init(&g, BYTES_MAX);
    for (; *objects; objects++) {
        json_t *object = json_of(*objects);
        int kind = access_kind_of(object);

        assert_in_range(kind, 0, ACCESS_KIND_COUNT - 1);
        if (access_add(&g, (enum access_kind)kind, object, "default", &err) < 0)
            fail_msg("%s", err.msg);
        json_decref(object);
    }
    if (access_link(&g, &err) < 0)
        fail_msg("%s", err.msg);
    return g;
}

#define GRAPH_OF(...) graph_of((const char *const[]){__VA_ARGS__, NULL})

static inline struct rbac_request pods(const char *verb, const char *name)
{
    return (struct rbac_request){
        .verb = verb, .group = "", .resource = "pods", .subresource = "", .name = name};
}

#endif

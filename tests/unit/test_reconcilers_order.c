/*
 * The order of writes, as a property over random histories: whatever profile follows whatever
 * profile, whatever a rival did in between, wherever the operator is killed - what is allowed
 * before and after stays allowed after every single write, and what is denied before and after
 * stays denied. Connectivity is judged by support/reach.h, which knows nothing of the reconciler.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rampart/base/rng.h"
#include "rampart/reconcilers/registry.h"
#include "support/reach.h"
#include "support/world.h"

#define STATES_MAX 128
#define PEERS 9
#define PORTS 6
#define SUBJECTS 2
#define CELLS (SUBJECTS * 2 * PEERS * PORTS)

static const char *const subjects[SUBJECTS] = {"{\"app\":\"web\"}", "{\"app\":\"hook\"}"};
static const struct reach_port ports[PORTS] = {{"UDP", 53},  {"TCP", 53},   {"TCP", 80},
                                               {"TCP", 443}, {"TCP", 8443}, {"TCP", 6443}};

struct peers {
    struct reach_peer items[PEERS];
    json_t *shop, *other, *system, *web, *client, *dns;
};

static void peers_init(struct peers *p)
{
    p->shop = json_pack("{s:s,s:s}", "kubernetes.io/metadata.name", "shop", "team", "shop");
    p->other = json_pack("{s:s,s:s}", "kubernetes.io/metadata.name", "other", "team", "other");
    p->system = json_pack("{s:s}", "kubernetes.io/metadata.name", "kube-system");
    p->web = json_pack("{s:s}", "app", "web");
    p->client = json_pack("{s:s}", "app", "client");
    p->dns = json_pack("{s:s}", "k8s-app", "kube-dns");
    const struct reach_peer items[PEERS] = {
        {"shop/web", "shop", p->shop, p->web, NULL},
        {"other/client", "other", p->other, p->client, NULL},
        {"other/web", "other", p->other, p->web, NULL},
        {"kube-system/dns", "kube-system", p->system, p->dns, NULL},
        {"api server", NULL, NULL, NULL, "203.0.113.10"},
        {"internet", NULL, NULL, NULL, "198.51.100.7"},
        {"intranet", NULL, NULL, NULL, "10.1.2.3"},
        {"metadata", NULL, NULL, NULL, "169.254.169.254"},
        {"metadata v6", NULL, NULL, NULL, "fd00:ec2::254"},
    };

    memcpy(p->items, items, sizeof(items));
}

static void peers_done(struct peers *p)
{
    json_decref(p->shop);
    json_decref(p->other);
    json_decref(p->system);
    json_decref(p->web);
    json_decref(p->client);
    json_decref(p->dns);
}

static void measure(const struct world *w, const struct peers *peers, bool ret_cells[CELLS])
{
    json_t *policies = json_array();
    size_t cell = 0;

    for (size_t i = 0; i < w->count; i++) {
        if (w->objects[i].kind == KIND_NETWORK_POLICY)
            json_array_append(policies, w->objects[i].json);
    }
    for (int s = 0; s < SUBJECTS; s++) {
        json_t *labels = json_loads(subjects[s], 0, NULL);

        for (int d = 0; d < 2; d++) {
            for (int p = 0; p < PEERS; p++) {
                for (int q = 0; q < PORTS; q++)
                    ret_cells[cell++] =
                        reach_allows(policies, "shop", labels, d == 0, &peers->items[p], &ports[q]);
            }
        }
        json_decref(labels);
    }
    json_decref(policies);
}

static const char *const froms[] = {
    "{'namespaceSelector':{'matchLabels':{'team':'other'}}}",
    "{'podSelector':{}}",
    "{'namespaceSelector':{},'podSelector':{'matchLabels':{'app':'client'}},'ports':[{'port':80}]}",
    "{'ipBlock':{'cidr':'10.0.0.0/8'}}",
};
static const char *const tos[] = {
    "{'ipBlock':{'cidr':'0.0.0.0/0'},'ports':[{'port':443}]}",
    "{'ipBlock':{'cidr':'198.51.100.0/24'}}",
    "{'namespaceSelector':{'matchLabels':{'team':'other'}}}",
    "{'ipBlock':{'cidr':'::/0'}}",
    "{'ipBlock':{'cidr':'169.254.169.254/32'}}",
};

static bool coin(struct rng *r)
{
    return rng_below(r, 2) == 0;
}

static void random_list(struct rng *r, char *out, size_t len, const char *name,
                        const char *const *items, size_t count)
{
    size_t used = strlen(out);
    bool is_first = true;

    used += (size_t)snprintf(out + used, len - used, ",'%s':[", name);
    for (size_t i = 0; i < count; i++) {
        if (!coin(r))
            continue;
        used += (size_t)snprintf(out + used, len - used, "%s%s", is_first ? "" : ",", items[i]);
        is_first = false;
    }
    (void)snprintf(out + used, len - used, "]");
}

static void put_profile(struct world *w, struct rng *r, bool removes)
{
    static unsigned generation;
    bool in = true, out = true;
    char allow[4096] = "'metadataAPI':{'deny':true}";
    size_t len = sizeof(allow);

    switch (rng_below(r, 4)) {
    case 0:
        in = false;
        break;
    case 1:
        out = false;
        break;
    default:
        break;
    }
    if (out && coin(r))
        strcat(allow, ",'dns':{}");
    if (coin(r))
        strcat(allow, ",'sameNamespace':{}");
    if (out && coin(r))
        strcat(allow, ",'apiServer':{}");
    if (in && coin(r))
        random_list(r, allow, len, "from", froms, sizeof(froms) / sizeof(froms[0]));
    if (out && coin(r))
        random_list(r, allow, len, "to", tos, sizeof(tos) / sizeof(tos[0]));
    world_put(
        w, KIND_PROFILE,
        "{'metadata':{'name':'p','generation':%u,'finalizers':['rampart.dev/"
        "take-back']},'spec':{'mode':"
        "'Enforce','onDelete':'%s','namespaceSelector':{'matchLabels':{'team':'shop'}},'network':{"
        "'defaultDeny':[%s%s%s],'allow':{%s}}}}",
        ++generation, removes ? "Remove" : "Retain", in ? "'Ingress'" : "", in && out ? "," : "",
        out ? "'Egress'" : "", allow);
}

static void put_cluster(struct world *w)
{
    world_put(w, KIND_NAMESPACE,
              "{'metadata':{'name':'shop','labels':{'team':'shop','kubernetes.io/"
              "metadata.name':'shop'}}}");
    world_put(
        w, KIND_SERVICE,
        "{'metadata':{'name':'kube-dns','namespace':'kube-system','labels':{'k8s-app':'kube-dns'}},"
        "'spec':{'selector':{'k8s-app':'kube-dns'},'clusterIP':'10.96.0.10','ports':[{'name':'dns',"
        "'port':53,"
        "'protocol':'UDP','targetPort':53},{'name':'dns-tcp','port':53,'protocol':'TCP','"
        "targetPort':53}]}}");
    world_put(w, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'kubernetes','namespace':'default','labels':{'kubernetes.io/"
              "service-name':"
              "'kubernetes'}},'addressType':'IPv4','ports':[{'name':'https','port':6443,'protocol':"
              "'TCP'}],"
              "'endpoints':[{'addresses':['203.0.113.10']}]}");
    world_put(w, KIND_SERVICE,
              "{'metadata':{'name':'hook','namespace':'shop'},'spec':{'selector':{'app':'hook'},'"
              "ports':[{'port':443,"
              "'protocol':'TCP','targetPort':8443}]}}");
}

static void put_webhook(struct world *w)
{
    world_put(w, KIND_VALIDATING_WEBHOOK,
              "{'metadata':{'name':'guard'},'webhooks':[{'name':'a.b.c','clientConfig':{'service':{"
              "'namespace':"
              "'shop','name':'hook','port':443}}}]}");
}

/* With ready pods the deny is watched, and taken back when they turn unready. */
static void put_web(struct world *w, int ready)
{
    world_put(w, KIND_DEPLOYMENT,
              "{'metadata':{'name':'web','namespace':'shop'},'spec':{'replicas':3,'template':{"
              "'spec':{'containers':[{'name':'a','image':'a'}]}}},'status':{'readyReplicas':%d}}",
              ready);
}

/* A rival deletes or bends some of the policies. */
static void tamper(struct world *w, struct rng *r)
{
    for (size_t i = 0; i < w->count; i++) {
        struct world_object *o = &w->objects[i];
        char name[128];

        if (o->kind != KIND_NETWORK_POLICY || rng_below(r, 3) != 0)
            continue;
        (void)snprintf(name, sizeof(name), "%s",
                       json_string_value(
                           json_object_get(json_object_get(o->json, "metadata"), "name")));
        switch (rng_below(r, 4)) {
        case 0:
            world_remove(w, KIND_NETWORK_POLICY, "shop", name);
            i--;
            continue;
        case 1:
            json_object_set_new(json_object_get(o->json, "spec"), "ingress", json_pack("[{}]"));
            break;
        case 2:
            json_object_del(json_object_get(o->json, "spec"), "egress");
            break;
        default:
            json_object_set_new(json_object_get(o->json, "spec"), "podSelector",
                                json_pack("{s:{s:s}}", "matchLabels", "app", "nobody"));
            break;
        }
        world_touch(w, KIND_NETWORK_POLICY, "shop", name, "rival");
    }
}

struct story {
    bool states[STATES_MAX][CELLS];
    size_t count;
    char last_write[STATES_MAX][128];
};

/* Passes until nothing is left to do; @kill: each plan may be cut after a random write. */
static void print_world(const struct world *w);

static void run(struct world *w, const struct peers *peers, struct rng *r, bool kill,
                struct story *story)
{
    story->count = 0;
    measure(w, peers, story->states[story->count]);
    (void)strcpy(story->last_write[story->count++], "start");
    for (unsigned pass = 0;; pass++) {
        AUTO_ARENA a;
        struct plan plan;
        size_t stop;

        assert_true(pass < 40);
        arena_init(&a, 4 * 1024 * 1024);
        world_plan(w, &registry_ops, "shop", &a, &plan);
        if (plan.writes_count == 0)
            return;
        stop = kill ? 1 + rng_below(r, plan.writes_count) : plan.writes_count;
        for (size_t i = 0; i < stop; i++) {
            world_apply(w, &plan.writes[i]);
            assert_true(story->count < STATES_MAX);
            measure(w, peers, story->states[story->count]);
            if (getenv("SEED"))
                print_message("  %s %s\n", plan.writes[i].summary,
                              plan.writes[i].body ? strstr(plan.writes[i].body, "\"spec\"") : "");
            (void)snprintf(story->last_write[story->count++], 128, "pass %u: %s (phase %d)", pass,
                           plan.writes[i].summary, (int)plan.writes[i].phase);
        }
    }
}

static void describe(char *out, size_t len, const struct peers *peers, size_t cell)
{
    size_t port = cell % PORTS, peer = cell / PORTS % PEERS, way = cell / PORTS / PEERS % 2;

    (void)snprintf(out, len, "%s %s %s port %s/%d", subjects[cell / PORTS / PEERS / 2],
                   way == 0 ? "from" : "to", peers->items[peer].name, ports[port].protocol,
                   ports[port].number);
}

static void check(const struct story *story, const struct peers *peers, uint64_t seed)
{
    const bool *first = story->states[0], *last = story->states[story->count - 1];

    for (size_t s = 1; s + 1 < story->count; s++) {
        for (size_t cell = 0; cell < CELLS; cell++) {
            char text[256];

            if (first[cell] != last[cell] || story->states[s][cell] == first[cell])
                continue;
            describe(text, sizeof(text), peers, cell);
            for (size_t k = 0; k < story->count; k++)
                print_message("  %s\n", story->last_write[k]);
            fail_msg("seed %llu: %s is %s before and after, but not after '%s'",
                     (unsigned long long)seed, text, first[cell] ? "allowed" : "denied",
                     story->last_write[s]);
        }
    }
}

static void print_world(const struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        char *text = json_dumps(w->objects[i].json, JSON_COMPACT);

        print_message("%s\n", text);
        mem_free(text);
    }
}

static void history(uint64_t seed, const struct peers *peers, struct story *story)
{
    struct world w;
    struct rng r;
    bool removes, is_running;

    rng_init(&r, seed);
    world_init(&w);
    put_cluster(&w);
    removes = coin(&r);
    if (coin(&r))
        put_webhook(&w);
    is_running = coin(&r);
    if (is_running)
        put_web(&w, 3);
    put_profile(&w, &r, removes);
    run(&w, peers, &r, coin(&r), story);
    check(story, peers, seed);
    if (is_running && coin(&r)) {
        put_web(&w, 0);
        run(&w, peers, &r, coin(&r), story);
        check(story, peers, seed);
        if (coin(&r))
            put_web(&w, 3);
    }
    if (coin(&r))
        tamper(&w, &r);
    if (getenv("SEED"))
        print_world(&w);
    if (coin(&r) && !world_get(&w, KIND_VALIDATING_WEBHOOK, "", "guard"))
        put_webhook(&w);
    if (coin(&r))
        put_profile(&w, &r, removes);
    run(&w, peers, &r, coin(&r), story);
    check(story, peers, seed);
    if (removes) {
        json_t *meta = json_object_get(world_get(&w, KIND_PROFILE, "", "p"), "metadata");

        if (coin(&r))
            tamper(&w, &r);
        json_object_set_new(meta, "deletionTimestamp", json_string("2026-11-23T12:00:00Z"));
        world_touch(&w, KIND_PROFILE, "", "p", "somebody");
        run(&w, peers, &r, coin(&r), story);
        check(story, peers, seed);
        if (world_count(&w, KIND_NETWORK_POLICY, "shop") != 0) {
            print_world(&w);
            fail_msg("seed %llu: policies are left", (unsigned long long)seed);
        }
    }
    world_done(&w);
}

static void test_no_write_is_stricter_or_looser_than_both_ends(void **state)
{
    const char *one = getenv("SEED"), *many = getenv("SEEDS");
    uint64_t seeds = many ? strtoull(many, NULL, 10) : 1500;
    static struct story story;
    struct peers peers;

    (void)state;
    peers_init(&peers);
    if (one)
        history(strtoull(one, NULL, 10), &peers, &story);
    for (uint64_t seed = 0; !one && seed < seeds; seed++)
        history(seed, &peers, &story);
    peers_done(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_write_is_stricter_or_looser_than_both_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

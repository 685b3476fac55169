#include "rampart/reconcilers/policy_spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"

#define SPEC_LEN_MAX (512u * 1024)

static const char *const rules_member[DIRECTION_COUNT] = {"ingress", "egress"};
static const char *const type_name[DIRECTION_COUNT] = {"Ingress", "Egress"};
static const char *const peers_member[DIRECTION_COUNT] = {"from", "to"};

static void write_peer(struct json_build *j, const struct net_peer *peer)
{
    json_open_obj(j, NULL);
    if (peer->cidr) {
        json_open_obj(j, "ipBlock");
        json_add_str(j, "cidr", peer->cidr);
        if (peer->except_count > 0) {
            json_open_arr(j, "except");
            for (size_t i = 0; i < peer->except_count; i++)
                json_add_str(j, NULL, peer->except[i]);
            json_close_arr(j);
        }
        json_close_obj(j);
    }
    if (peer->namespaces)
        selector_write(j, "namespaceSelector", peer->namespaces);
    if (peer->pods)
        selector_write(j, "podSelector", peer->pods);
    json_close_obj(j);
}

static void write_port(struct json_build *j, const struct net_port *port)
{
    json_open_obj(j, NULL);
    if (port->end)
        json_add_int(j, "endPort", port->end);
    if (port->name)
        json_add_str(j, "port", port->name);
    else if (port->number)
        json_add_int(j, "port", port->number);
    json_add_str(j, "protocol", protocol_name(port->protocol));
    json_close_obj(j);
}

static void write_rule(struct json_build *j, enum direction direction, const struct net_rule *rule)
{
    json_open_obj(j, NULL);
    if (rule->ports_count > 0) {
        json_open_arr(j, "ports");
        for (size_t i = 0; i < rule->ports_count; i++)
            write_port(j, &rule->ports[i]);
        json_close_arr(j);
    }
    if (rule->peers_count > 0) {
        json_open_arr(j, peers_member[direction]);
        for (size_t i = 0; i < rule->peers_count; i++)
            write_peer(j, &rule->peers[i]);
        json_close_arr(j);
    }
    json_close_obj(j);
}

/* The builder writes members in the order of the calls; the canonical order is json_canonical()'s
 * to know. */
static const char *canonical(const struct strbuf *text, struct arena *a, struct err *err)
{
    json_auto_t *root = NULL;

    if (strbuf_check(text, "NetworkPolicy spec", err) < 0)
        return NULL;
    root = json_decode(text->text, text->len, err);
    return root ? json_canonical(root, a, err) : NULL;
}

static int rule_set_add(struct rule_set *set, const char *text, struct arena *a, struct err *err)
{
    const char **grown;

    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->texts[i], text) == 0)
            return 0;
    }
    if (set->count >= POLICY_RULES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d rules in one direction", POLICY_RULES_MAX);
    grown = arena_calloc(a, set->count + 1, sizeof(*grown));
    if (!grown)
        return err_nomem(err);
    if (set->count > 0)
        memcpy(grown, set->texts, set->count * sizeof(*grown));
    grown[set->count] = text;
    set->texts = grown;
    set->count++;
    return 0;
}

int rule_set_join(struct rule_set *set, const struct rule_set *from, struct arena *a,
                  struct err *err)
{
    for (size_t i = 0; i < from->count; i++) {
        if (rule_set_add(set, from->texts[i], a, err) < 0)
            return -1;
    }
    return 0;
}

int policy_spec_add(struct policy_spec *spec, enum direction direction, const struct net_rule *rule,
                    struct arena *a, struct err *err)
{
    AUTO_STRBUF text;
    struct json_build j;
    const char *rule_text;

    strbuf_init(&text, SPEC_LEN_MAX);
    json_build_init(&j, &text);
    write_rule(&j, direction, rule);
    rule_text = canonical(&text, a, err);
    if (!rule_text)
        return -1;
    spec->has[direction] = true;
    return rule_set_add(&spec->rules[direction], rule_text, a, err);
}

static const char *spec_text(const struct policy_spec *spec, const char *pod_selector,
                             struct arena *a, struct err *err)
{
    AUTO_STRBUF text;
    struct json_build j;

    strbuf_init(&text, SPEC_LEN_MAX);
    json_build_init(&j, &text);
    json_open_obj(&j, NULL);
    if (pod_selector) {
        json_add_raw(&j, "podSelector", pod_selector);
    } else {
        json_open_obj(&j, "podSelector");
        if (spec->pods)
            labels_write(&j, "matchLabels", spec->pods);
        json_close_obj(&j);
    }
    json_open_arr(&j, "policyTypes");
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        if (spec->has[d])
            json_add_str(&j, NULL, type_name[d]);
    }
    json_close_arr(&j);
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        if (spec->rules[d].count == 0)
            continue;
        json_open_arr(&j, rules_member[d]);
        for (size_t i = 0; i < spec->rules[d].count; i++)
            json_add_raw(&j, NULL, spec->rules[d].texts[i]);
        json_close_arr(&j);
    }
    json_close_obj(&j);
    return canonical(&text, a, err);
}

const char *policy_spec_text(const struct policy_spec *spec, struct arena *a, struct err *err)
{
    return spec_text(spec, NULL, a, err);
}

const char *observed_spec_text(const struct observed_spec *spec, struct arena *a, struct err *err)
{
    return spec_text(&spec->spec, spec->pod_selector, a, err);
}

static int read_rules(const json_t *root, enum direction direction, struct arena *a,
                      struct policy_spec *spec, struct err *err)
{
    const json_t *rules;

    /* What an API server stores has no bound of ours: a policy with more is not one that we can
     * reason about. */
    if (json_get_arr(root, rules_member[direction], POLICY_RULES_MAX, &rules, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const char *text = json_canonical(json_array_get(rules, i), a, err);

        if (!text || rule_set_add(&spec->rules[direction], text, a, err) < 0)
            return -1;
    }
    return 0;
}

int policy_spec_read(const char *text, struct arena *a, struct observed_spec *ret_spec,
                     struct err *err)
{
    json_auto_t *root = json_decode(text, strlen(text), err);
    struct observed_spec observed = {0};
    const json_t *selector, *types;

    if (!root || json_get_obj(root, "podSelector", &selector, err) < 0 ||
        json_get_arr(root, "policyTypes", 16, &types, err) < 0)
        return -1;
    observed.pod_selector = selector ? json_canonical(selector, a, err) : "{}";
    if (!observed.pod_selector)
        return -1;
    observed.selects_all_pods = strcmp(observed.pod_selector, "{}") == 0;
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));

        for (int d = 0; d < DIRECTION_COUNT; d++)
            observed.spec.has[d] |= type && strcmp(type, type_name[d]) == 0;
    }
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        if (read_rules(root, (enum direction)d, a, &observed.spec, err) < 0)
            return -1;
    }
    *ret_spec = observed;
    return 0;
}

void policy_spec_hash(const char *text, char ret_hex[17])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *c = text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    (void)snprintf(ret_hex, 17, "%016" PRIx64, hash);
}

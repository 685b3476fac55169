#include "rampart/reconcilers/access_findings.h"

#include <stdlib.h>
#include <string.h>

#define ACCOUNT_USER_PREFIX "system:serviceaccount:"

/* How a role is bound, by its place in the graph. */
struct use {
    bool is_bound;
    bool is_bound_to_people; /* or to their ServiceAccounts */
    bool has_subjects;
};

struct asking {
    const struct access_findings_question *q;
    access_finding_fn fn;
    void *ctx;
    struct use *uses;
    size_t *grants; /* of each ServiceAccount, by its index: bindings that name it */
    struct arena of_all;
    struct arena of_object;
    struct strbuf text;
    struct access_asked asked;
};

/* Rules of one object that cannot be told for the same reason. */
struct untold {
    struct untold *next;
    const char *text;
    const struct access_rule **rules;
    size_t rules_count;
};

/* One object while its rules are asked. */
struct topic {
    const char *kind, *ns, *name;
    enum access_component component; /* of a role or a ServiceAccount */
    bool is_component;
    struct untold *untold; /* the last one first */
};

/* ---- one object ---- */

static int hand_out(const struct asking *g, const struct topic *topic, enum rule_outcome outcome,
                    const struct access_rule *const *rules_, size_t count, const char *text,
                    const struct grant_facts *grant, struct err *err)
{
    const struct access_finding finding = {
        .outcome = outcome,
        .rules = rules_,
        .rules_count = count,
        .kind = topic->kind,
        .ns = topic->ns,
        .name = topic->name,
        .is_component = topic->is_component,
        .text = text,
        .grant = grant,
    };

    return g->fn(g->ctx, &finding, err);
}

static int keep_untold(struct asking *g, struct topic *topic, const struct access_rule *rule,
                       struct err *err)
{
    struct untold *u = topic->untold;

    while (u && strcmp(u->text, g->text.text) != 0)
        u = u->next;
    if (!u) {
        u = arena_alloc(&g->of_object, sizeof(*u));
        if (!u)
            return err_nomem(err);
        u->text = arena_strdup(&g->of_object, g->text.text);
        u->rules = arena_calloc(&g->of_object, access_rules_count, sizeof(struct access_rule *));
        if (!u->text || !u->rules)
            return err_nomem(err);
        u->next = topic->untold;
        topic->untold = u;
    }
    u->rules[u->rules_count++] = rule;
    return 0;
}

static int ask_rule(struct asking *g, struct topic *topic, const struct access_rule *rule,
                    const struct access_rule_input *in, struct err *err)
{
    enum rule_outcome outcome = access_rule_ask(rule, in);

    if (outcome != RULE_FAIL && outcome != RULE_ERROR)
        return 0;
    strbuf_clear(&g->text);
    if (topic->component != COMPONENT_NONE)
        strbuf_addf(&g->text,
                    "of the cluster itself (%s): ", access_component_name(topic->component));
    access_rule_explain(rule, in, outcome, &g->text);
    if (strbuf_check(&g->text, "the explanation", err) < 0)
        return -1;
    if (outcome == RULE_ERROR)
        return keep_untold(g, topic, rule, err);
    return hand_out(g, topic, RULE_FAIL, &rule, 1, g->text.text, in->grant, err);
}

static int hand_out_untold(const struct asking *g, const struct topic *topic, struct err *err)
{
    for (const struct untold *u = topic->untold; u; u = u->next) {
        if (hand_out(g, topic, RULE_ERROR, u->rules, u->rules_count, u->text, NULL, err) < 0)
            return -1;
    }
    return 0;
}

static int ask_object(struct asking *g, struct topic *topic, const struct access_rule_input *in,
                      struct err *err)
{
    topic->is_component = topic->component != COMPONENT_NONE;
    if (topic->is_component && !g->q->asks_components)
        return 0;
    g->asked.objects++;
    for (size_t i = 0; i < access_rules_count; i++) {
        if (ask_rule(g, topic, access_rules[i], in, err) < 0)
            return -1;
    }
    return hand_out_untold(g, topic, err);
}

/* ---- bindings ---- */

/* Whether @ns is among the namespaces of which objects were read. */
static bool is_read(const struct access_findings_question *q, const char *ns)
{
    return !q->ns || strcmp(q->ns, ns) == 0;
}

static enum access_presence presence_of_account(const struct asking *g, const char *ns,
                                                const char *name)
{
    const struct access_account_entry *entry = access_accounts_find(g->q->accounts, ns, name);

    if (entry)
        g->grants[entry->index]++;
    if (entry && entry->is_there)
        return ACCESS_THERE;
    return g->q->service_accounts == ACCESS_READ_ALL && is_read(g->q, ns) ? ACCESS_MISSING
                                                                          : ACCESS_UNKNOWN;
}

/* What an aggregate gives is filled in by the cluster; in manifests it is empty, but for those that
 * were taken from one. */
static enum access_presence presence_of_role(const struct access_findings_question *q,
                                             const struct access_binding *b)
{
    bool is_cluster_role = *b->role_ns == '\0';
    enum access_read read = is_cluster_role ? q->cluster_roles : q->roles;

    if (b->role)
        return b->role->is_aggregated && b->role->rules.count == 0 && read != ACCESS_READ_ALL
                   ? ACCESS_UNKNOWN
                   : ACCESS_THERE;
    return read == ACCESS_READ_ALL ? ACCESS_MISSING : ACCESS_UNKNOWN;
}

/* "system:serviceaccount:NS:NAME" as a User is that ServiceAccount. */
static int who_read(const struct access_subject *subject, struct arena *a, struct access_who *who,
                    struct err *err)
{
    size_t prefix_len = strlen(ACCOUNT_USER_PREFIX);
    const char *colon = NULL;

    *who = (struct access_who){.type = subject->type, .ns = subject->ns, .name = subject->name};
    if (subject->type == ACCESS_USER &&
        strncmp(subject->name, ACCOUNT_USER_PREFIX, prefix_len) == 0)
        colon = strchr(subject->name + prefix_len, ':');
    if (!colon)
        return 0;
    who->ns =
        arena_strndup(a, subject->name + prefix_len, (size_t)(colon - subject->name) - prefix_len);
    if (!who->ns)
        return err_nomem(err);
    who->type = ACCESS_SERVICE_ACCOUNT;
    who->name = colon + 1;
    return 0;
}

static int grant_read(const struct asking *g, const struct access_binding *b, struct arena *a,
                      struct grant_facts *grant, struct err *err)
{
    struct access_who *who = arena_calloc(a, b->subjects_count + 1, sizeof(*who));

    *grant = (struct grant_facts){
        .is_cluster_wide = *b->ns == '\0',
        .ns = b->ns,
        .name = b->name,
        .has_cluster_role = *b->role_ns == '\0',
        .role = b->role_name,
        .presence = presence_of_role(g->q, b),
        .who = who,
        .who_count = b->subjects_count,
    };
    if (!who)
        return err_nomem(err);
    if (grant->presence == ACCESS_THERE)
        grant->rules = b->role->rules;
    for (size_t i = 0; i < b->subjects_count; i++) {
        if (who_read(&b->subjects[i], a, &who[i], err) < 0)
            return -1;
        if (who[i].type == ACCESS_SERVICE_ACCOUNT)
            who[i].presence = presence_of_account(g, who[i].ns, who[i].name);
        who[i].component = access_who_component(grant, &who[i], b->is_bootstrapped);
    }
    return 0;
}

/* The subjects of @whole that are components for @rule, or those that are none. */
static void grant_narrow(const struct grant_facts *whole, const struct access_rule *rule,
                         bool is_component, struct access_who *room, struct grant_facts *ret_part)
{
    *ret_part = *whole;
    ret_part->who = room;
    ret_part->who_count = 0;
    for (size_t i = 0; i < whole->who_count; i++) {
        if (access_who_is_component(&whole->who[i], rule) == is_component)
            room[ret_part->who_count++] = whole->who[i];
    }
}

static int ask_grant(struct asking *g, const struct grant_facts *whole, bool is_component,
                     struct err *err)
{
    struct topic topic = {
        .kind = access_kind_name(whole->is_cluster_wide ? ACCESS_CLUSTER_ROLE_BINDING
                                                        : ACCESS_ROLE_BINDING),
        .ns = whole->ns,
        .name = whole->name,
        .is_component = is_component,
    };
    struct access_who *room = arena_calloc(&g->of_object, whole->who_count + 1, sizeof(*room));

    if (!room)
        return err_nomem(err);
    for (size_t i = 0; i < access_rules_count; i++) {
        struct grant_facts part;
        const struct access_rule_input in = {.grant = &part};

        grant_narrow(whole, access_rules[i], is_component, room, &part);
        if (part.who_count > 0 && ask_rule(g, &topic, access_rules[i], &in, err) < 0)
            return -1;
    }
    return hand_out_untold(g, &topic, err);
}

static void use_note(struct asking *g, const struct access_binding *b,
                     const struct grant_facts *grant)
{
    struct use *use;

    if (!b->role)
        return;
    use = &g->uses[b->role - g->q->graph->roles];
    use->is_bound = true;
    for (size_t i = 0; i < grant->who_count; i++) {
        use->has_subjects = true;
        if (grant->who[i].component == COMPONENT_NONE)
            use->is_bound_to_people = true;
    }
}

static int ask_binding(struct asking *g, const struct access_binding *b, struct err *err)
{
    struct grant_facts grant;

    arena_reset(&g->of_object);
    if (grant_read(g, b, &g->of_object, &grant, err) < 0)
        return -1;
    use_note(g, b, &grant);
    if (g->q->ns && strcmp(g->q->ns, b->ns) != 0)
        return 0;
    g->asked.objects++;
    if (ask_grant(g, &grant, false, err) < 0)
        return -1;
    return g->q->asks_components ? ask_grant(g, &grant, true, err) : 0;
}

/* ---- roles and ServiceAccounts ---- */

static bool is_use_known(const struct access_findings_question *q, const struct access_role *role)
{
    if (*role->ns != '\0')
        return q->bindings == ACCESS_READ_ALL;
    return q->bindings == ACCESS_READ_ALL && q->cluster_bindings == ACCESS_READ_ALL &&
           q->cluster_roles == ACCESS_READ_ALL;
}

/* By a role that every API server makes, whether that was read or not. */
static bool is_taken_up_by_default(const struct access_role *role)
{
    static const char *const labels[] = {"rbac.authorization.k8s.io/aggregate-to-admin",
                                         "rbac.authorization.k8s.io/aggregate-to-edit",
                                         "rbac.authorization.k8s.io/aggregate-to-view"};

    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        const char *value = labels_get(&role->labels, labels[i]);

        if (value && strcmp(value, "true") == 0)
            return true;
    }
    return false;
}

static int ask_role(struct asking *g, const struct access_role *role, struct err *err)
{
    const struct use *use = &g->uses[role - g->q->graph->roles];
    struct role_facts facts = {
        .ns = role->ns,
        .name = role->name,
        .rules = role->rules,
        .is_aggregate = role->is_aggregated,
        .is_used = use->is_bound || role->is_taken_up || is_taken_up_by_default(role),
        .is_use_known = is_use_known(g->q, role),
        .component = access_role_component(role->ns, role->name, role->is_bootstrapped),
    };
    struct topic topic = {
        .kind = access_kind_name(*role->ns ? ACCESS_ROLE : ACCESS_CLUSTER_ROLE),
        .ns = role->ns,
        .name = role->name,
    };

    arena_reset(&g->of_object);
    if (g->q->ns && strcmp(g->q->ns, role->ns) != 0)
        return 0;
    if (facts.component == COMPONENT_NONE && use->has_subjects && !use->is_bound_to_people)
        facts.component = COMPONENT_BOUND;
    topic.component = facts.component;
    return ask_object(g, &topic, &(const struct access_rule_input){.role = &facts}, err);
}

static int ask_account(struct asking *g, const struct access_account_entry *entry, struct err *err)
{
    struct account_facts account = {
        .ns = entry->ns,
        .name = entry->name,
        .is_used = entry->is_used,
        .is_use_known = g->q->workloads == ACCESS_READ_ALL,
        .grants_count = g->grants[entry->index],
        .component = access_account_component(entry->ns),
    };
    struct topic topic = {
        .kind = "ServiceAccount",
        .ns = entry->ns,
        .name = entry->name,
        .component = account.component,
    };

    arena_reset(&g->of_object);
    if (!entry->is_there || !is_read(g->q, entry->ns))
        return 0;
    return ask_object(g, &topic, &(const struct access_rule_input){.account = &account}, err);
}

static int ask_accounts(struct asking *g, struct err *err)
{
    const struct access_account_entry *const *entries;
    size_t count;

    if (access_accounts_list(g->q->accounts, &g->of_all, &entries, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (ask_account(g, entries[i], err) < 0)
            return -1;
    }
    return 0;
}

static int ask_all(struct asking *g, struct err *err)
{
    const struct access *graph = g->q->graph;

    g->uses = arena_calloc(&g->of_all, graph->roles_count + 1, sizeof(*g->uses));
    g->grants = arena_calloc(&g->of_all, map_count(&g->q->accounts->entries) + 1, sizeof(size_t));
    if (!g->uses || !g->grants)
        return err_nomem(err);
    for (size_t i = 0; i < graph->bindings_count; i++) {
        if (ask_binding(g, &graph->bindings[i], err) < 0)
            return -1;
    }
    for (size_t i = 0; i < graph->roles_count; i++) {
        if (ask_role(g, &graph->roles[i], err) < 0)
            return -1;
    }
    return ask_accounts(g, err);
}

static void asking_init(struct asking *g, const struct access_findings_question *q,
                        access_finding_fn fn, void *ctx)
{
    *g = (struct asking){.q = q, .fn = fn, .ctx = ctx};
    arena_init(&g->of_all, ACCESS_FINDINGS_SCRATCH_MAX);
    arena_init(&g->of_object, ACCESS_FINDINGS_SCRATCH_MAX);
    strbuf_init(&g->text, ACCESS_EXPLANATION_MAX);
}

static void asking_done(struct asking *g)
{
    strbuf_done(&g->text);
    arena_done(&g->of_object);
    arena_done(&g->of_all);
}

int access_findings(const struct access_findings_question *q, access_finding_fn fn, void *ctx,
                    struct access_asked *ret_asked, struct err *err)
{
    struct asking g;
    int result;

    asking_init(&g, q, fn, ctx);
    result = ask_all(&g, err);
    asking_done(&g);
    if (result == 0)
        *ret_asked = g.asked;
    return result;
}

int access_findings_of(const struct access_rule_input *in, access_finding_fn fn, void *ctx,
                       struct err *err)
{
    static const struct access_findings_question everything = {.asks_components = true};
    struct topic topic = {
        .kind = access_about_name(in->secret ? ABOUT_SECRET : ABOUT_CONFIG_MAP),
        .ns = in->secret ? in->secret->ns : in->config_map->ns,
        .name = in->secret ? in->secret->name : in->config_map->name,
    };
    struct asking g;
    int result;

    asking_init(&g, &everything, fn, ctx);
    result = ask_object(&g, &topic, in, err);
    asking_done(&g);
    return result;
}

#include "rampart/reconcilers/posture.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/profile_status.h"
#include "rampart/reconcilers/rules/namespace_posture.h"
#include "rampart/reconcilers/selection.h"

static_assert(RULES_MAX == POSTURE_RULES_MAX, "sets of rules are bits of one word");

#define FIX_HINT " `rampart eval --show-fix` prints the YAML to merge in Git."

const enum kind posture_kinds[POSTURE_KINDS_COUNT] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET,
                                                      KIND_DAEMON_SET, KIND_CRON_JOB,
                                                      KIND_SERVICE,    KIND_NAMESPACE};

/* ---- What the profile makes of a rule ---- */

static const struct rule_choice *choice_of(const struct workloads_section *section, const char *id)
{
    for (size_t i = 0; i < section->rules_count; i++) {
        if (strcmp(section->rules[i].id, id) == 0)
            return &section->rules[i];
    }
    return NULL;
}

enum rule_mode posture_rule_mode(const struct workloads_section *section, const struct rule *rule)
{
    const struct rule_choice *choice = choice_of(section, rule->id);

    if (choice && choice->mode != RULE_MODE_DEFAULT)
        return choice->mode;
    return rule->level <= (enum rule_level)section->level ? RULE_MODE_REQUIRE : RULE_MODE_REPORT;
}

const char *rule_mode_name(enum rule_mode mode)
{
    switch (mode) {
    case RULE_MODE_OFF:
        return "Off";
    case RULE_MODE_REPORT:
        return "Report";
    case RULE_MODE_REQUIRE:
        return "Require";
    case RULE_MODE_DEFAULT:
        break;
    }
    return "Default";
}

void posture_unknown_rules(const struct workloads_section *section, struct strbuf *ret_text)
{
    for (size_t i = 0; i < section->rules_count; i++) {
        if (!rule_find(section->rules[i].id))
            strbuf_addf(ret_text, "%s%s", ret_text->len > 0 ? ", " : "", section->rules[i].id);
    }
}

/* ---- The question ---- */

/* All that is asked of one object. */
struct question {
    const struct profile *profile; /* NULL: nobody decides */
    struct rule_settings settings;
    struct rule_input input;
    struct exempt_subject subject;
    const struct exception *const *exceptions; /* of its namespace, by name */
    size_t exceptions_count;
    int64_t now_s;
};

static bool has_pods(enum kind kind)
{
    return kind_is_workload(kind) || kind == KIND_POD || kind == KIND_JOB;
}

/* Of a ReplicaSet "web-5f6d8c": the Deployment "web". */
static const struct object *deployment_of(const struct view *v, const char *ns,
                                          const char *replica_set)
{
    const char *dash = strrchr(replica_set, '-');
    char name[NAME_LEN_MAX + 1];

    if (!dash || dash - replica_set > NAME_LEN_MAX)
        return NULL;
    (void)snprintf(name, sizeof(name), "%.*s", (int)(dash - replica_set), replica_set);
    return view_get(v, KIND_DEPLOYMENT, ns, name);
}

const struct object *posture_owner_of(const struct view *v, const struct workload_facts *w)
{
    const char *ns = w->object.ns, *kind = w->owner_kind, *name = w->owner_name;

    if (w->object.kind == KIND_JOB)
        return strcmp(kind, "CronJob") == 0 ? view_get(v, KIND_CRON_JOB, ns, name) : NULL;
    if (w->object.kind != KIND_POD)
        return NULL;
    if (strcmp(kind, "ReplicaSet") == 0)
        return deployment_of(v, ns, name);
    if (strcmp(kind, "StatefulSet") == 0)
        return view_get(v, KIND_STATEFUL_SET, ns, name);
    return strcmp(kind, "DaemonSet") == 0 ? view_get(v, KIND_DAEMON_SET, ns, name) : NULL;
}

/* What a scan comes by and what is evaluated as its owner already. */
static bool is_of_another(const struct view *v, const struct workload_facts *w)
{
    return posture_owner_of(v, w) || posture_is_of_job(w);
}

static int find_profile(const struct view *v, const char *ns, struct arena *a,
                        const struct profile **ret_profile, struct err *err)
{
    const struct profile *p;

    if (selection_workloads_of(v, ns, a, &p, err) < 0)
        return -1;
    *ret_profile = p && p->workloads.mode != MODE_OFF ? p : NULL;
    return 0;
}

static void ask_about_pods(struct question *q, const struct workload_facts *w)
{
    const struct workloads_section *section = &q->profile->workloads;

    q->input.pod = &w->pod;
    q->subject.pod = &w->pod;
    q->subject.labels = &w->pod.labels;
    q->settings.is_sensitive =
        section->has_sensitive && selector_matches(&section->sensitive, &w->pod.labels);
}

static void ask_about_service(struct question *q, const struct service_facts *service)
{
    q->input.service = service;
    q->subject.labels = &service->labels;
}

static int ask_about_namespace(const struct view *v, const struct namespace_facts *ns,
                               struct arena *a, struct question *q, struct err *err)
{
    struct namespace_posture *posture = arena_alloc(a, sizeof(*posture));

    if (!posture)
        return err_nomem(err);
    if (namespace_posture_read(v, ns, a, posture, err) < 0)
        return -1;
    q->input.posture = posture;
    q->subject.labels = &ns->labels;
    return 0;
}

/* @q is not moved afterwards: it points into itself. */
static int prepare(const struct view *v, const struct object *object, struct arena *a,
                   struct question *q, struct err *err)
{
    const char *ns = object->kind == KIND_NAMESPACE ? object->name : object->ns;

    *q = (struct question){.now_s = v->wall_ms / 1000};
    if (has_pods(object->kind) && is_of_another(v, OBJECT_AS(workload_facts, object)))
        return 0;
    if (find_profile(v, ns, a, &q->profile, err) < 0)
        return -1;
    if (!q->profile)
        return 0;
    q->settings.pss_minor = q->profile->workloads.pss_minor;
    q->settings.level = q->profile->workloads.level;
    q->input.settings = &q->settings;
    q->subject.name = object->name;
    if (exceptions_of(v, ns, a, &q->exceptions, &q->exceptions_count, err) < 0)
        return -1;
    if (object->kind == KIND_NAMESPACE)
        return ask_about_namespace(v, OBJECT_AS(namespace_facts, object), a, q, err);
    if (object->kind == KIND_SERVICE)
        ask_about_service(q, OBJECT_AS(service_facts, object));
    else
        ask_about_pods(q, OBJECT_AS(workload_facts, object));
    return 0;
}

/* What is left of a failure when the exceptions have been heard. */
static struct rule_answer left_of(const struct question *q, const struct rule *rule,
                                  const struct rule_answer *answer)
{
    int64_t until_s;

    return exempt(rule, answer, &q->subject, q->exceptions, q->exceptions_count,
                  &q->profile->workloads, q->now_s, &until_s);
}

static bool is_left(const struct rule_answer *answer)
{
    return answer->outcome == RULE_FAIL && (answer->is_about_pod || answer->containers != 0);
}

static void ask(const struct question *q, const struct rule *rule, struct posture *p,
                bool *ret_is_excused)
{
    enum rule_mode mode = posture_rule_mode(&q->profile->workloads, rule);
    struct rule_answer answer = rule_ask(rule, &q->input);
    bool is_required = mode == RULE_MODE_REQUIRE;
    uint64_t bit = UINT64_C(1) << rule_index(rule);

    if (mode == RULE_MODE_OFF)
        return;
    switch (answer.outcome) {
    case RULE_NOT_APPLICABLE:
        return;
    case RULE_PASS:
        p->passing |= bit;
        return;
    case RULE_ERROR:
        p->error |= bit;
        p->drift |= bit;
        return;
    case RULE_FAIL:
        break;
    }
    answer = left_of(q, rule, &answer);
    if (is_left(&answer)) {
        p->failing |= bit;
        p->drift |= is_required ? bit : 0;
    } else {
        p->exempt |= bit;
        *ret_is_excused |= is_required;
    }
}

int posture_evaluate(const struct view *v, const struct object *object, struct arena *a,
                     struct posture *ret_posture, struct err *err)
{
    struct posture p = {.state = POSTURE_NONE};
    bool is_excused = false;
    struct question q;

    assert(object);
    if (prepare(v, object, a, &q, err) < 0)
        return -1;
    if (q.profile) {
        p.profile = q.profile->object.name;
        p.is_workload = has_pods(object->kind);
        for (size_t i = 0; i < rules_count; i++)
            ask(&q, rules[i], &p, &is_excused);
        p.state = p.error      ? POSTURE_FAILED
                  : p.drift    ? POSTURE_DRIFTED
                  : is_excused ? POSTURE_EXEMPT
                               : POSTURE_COMPLIANT;
    }
    *ret_posture = p;
    return 0;
}

/* ---- In words ---- */

/* Cuts between characters. */
static const char *cut(struct arena *a, const char *text)
{
    size_t len = strlen(text);

    if (len <= STATUS_MESSAGE_MAX)
        return arena_strdup(a, text);
    len = STATUS_MESSAGE_MAX - 3;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return arena_printf(a, "%.*s...", (int)len, text);
}

static int say(const struct question *q, const struct object *object, const struct rule *rule,
               struct arena *a, struct finding *ret_finding, struct err *err)
{
    struct rule_answer answer = rule_ask(rule, &q->input);
    bool is_error = answer.outcome == RULE_ERROR;
    const char *message;
    AUTO_STRBUF text;

    if (!is_error)
        answer = left_of(q, rule, &answer);
    strbuf_init(&text, RULE_EXPLANATION_MAX + sizeof(FIX_HINT));
    rule_explain(rule, &q->input, &answer, &text);
    if (!is_error && rule->fix != FILL_NONE && rule->fix != FILL_RESOURCES)
        strbuf_adds(&text, FIX_HINT);
    if (strbuf_check(&text, rule->id, err) < 0)
        return -1;
    message = cut(a, text.text);
    if (!message)
        return err_nomem(err);
    *ret_finding = (struct finding){
        .reason = is_error ? REASON_RULE_ERROR : REASON_RULE_FAILED,
        .is_warning = true,
        .counts_as_failed = is_error,
        .object = {object->kind, object->ns, object->name, object->uid},
        .rule = rule->id,
        .message = message,
        .profile = q->profile->object.name,
    };
    return 0;
}

int posture_explain(const struct view *v, const struct object *object,
                    const struct posture *posture, size_t count_max, struct arena *a,
                    struct finding **ret_findings, size_t *ret_count, struct err *err)
{
    struct finding *findings = arena_calloc(a, count_max, sizeof(*findings));
    struct question q;
    size_t count = 0;

    if (!findings)
        return err_nomem(err);
    if (prepare(v, object, a, &q, err) < 0)
        return -1;
    for (size_t i = 0; q.profile && i < rules_count && count < count_max; i++) {
        if ((posture->drift & (UINT64_C(1) << i)) == 0)
            continue;
        if (say(&q, object, rules[i], a, &findings[count], err) < 0)
            return -1;
        count++;
    }
    *ret_findings = findings;
    *ret_count = count;
    return 0;
}

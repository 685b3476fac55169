#include <stdio.h>
#include <string.h>

#include "manager_state.h"

#define RULE "write" /* of what the runtime itself finds */
#define MESSAGE_MAX 2048
#define KEY_LEN_MAX (sizeof(LABELS_PREFIX) + NAME_LEN_MAX)

/* ---- Keys ---- */

int labels_init(struct manager *m, struct err *err)
{
    const struct label_reads_options options = {
        .transport = m->options.transport,
        .ops = m->options.ops->pod_security,
        .view = &m->view,
    };

    if (!options.ops)
        return 0;
    m->label_reads = label_reads_new(&options, err);
    return m->label_reads ? 0 : -1;
}

bool labels_has_key(const char *key)
{
    return strncmp(key, LABELS_PREFIX, strlen(LABELS_PREFIX)) == 0;
}

bool labels_states_it(const struct object *profile)
{
    const struct profile *p = OBJECT_AS(profile, profile);

    return p && p->pod_security.is_stated;
}

void labels_mark(struct manager *m, const char *ns)
{
    char key[KEY_LEN_MAX];

    if (m->label_reads && (m->labels_count > 0 || verdicts_count(&m->labels) > 0) &&
        snprintf(key, sizeof(key), "%s%s", LABELS_PREFIX, ns) < (int)sizeof(key))
        manager_add_key(m, key);
}

/* ---- Passes ---- */

/* Nobody tells of Pods that come and go: the API server is asked again. */
static void wait_for_pods(struct manager *m, const struct subject *s, const struct plan *plan)
{
    struct err err = {0};

    if (report_pass(m, s, plan, NULL, m->now_ms, &err) < 0) {
        manager_planning_failed(m, s, &err);
        return;
    }
    manager_retry(m, s->key, m->now_ms, MANAGER_LABELS_AGAIN_MS);
    workqueue_done(m->queue, s->key);
}

static int go_and_read(struct manager *m, const struct subject *s, struct label_read *read_take,
                       enum pod_security_want want, const struct plan *plan, struct err *err)
{
    const struct object *ns = view_get(&m->view, KIND_NAMESPACE, "", s->name);
    struct label_read *read = read_take ? read_take : label_read_new(m->label_reads, s->key, err);

    if (!read)
        return -1;
    (void)snprintf(read->profile, sizeof(read->profile), "%s", plan->profile ? plan->profile : "");
    return label_reads_ask(m->label_reads, read, want, ns,
                           plan->writes_count > 0 ? &plan->writes[0] : NULL, err);
}

/* @read_take: what was read for it so far; NULL: nothing. */
static void look(struct manager *m, const char *key, struct label_read *read_take)
{
    const struct pod_security_known known =
        read_take ? read_take->known : (struct pod_security_known){.ours = 0};
    struct subject s = subject_of(key);
    struct pod_security_step step;
    struct err err = {0};
    struct plan plan;

    plan_init(&plan, manager_arena(m));
    m->passes++;
    if (m->options.ops->pod_security->step(&m->view, s.name, &known, &plan, &step, &err) < 0 ||
        plan_check(&plan, &err) < 0) {
        label_read_free(read_take);
        manager_planning_failed(m, &s, &err);
        return;
    }
    plan_sort(&plan);
    if (step.want == POD_SECURITY_NOTHING || step.want == POD_SECURITY_WRITE) {
        label_read_free(read_take);
        if (step.want == POD_SECURITY_NOTHING && step.waits)
            wait_for_pods(m, &s, &plan);
        else
            manager_conclude(m, &s, &plan);
    } else if (go_and_read(m, &s, read_take, step.want, &plan, &err) < 0) {
        manager_planning_failed(m, &s, &err);
    }
}

void labels_pass(struct manager *m, const char *key)
{
    look(m, key, NULL);
}

/* ---- What was read ---- */

static void tell_unread(struct manager *m, const struct subject *s, const struct label_read *read)
{
    const char *profile = *read->profile != '\0' ? read->profile : NULL;
    const struct plan plan = {.profile = profile,
                              .mode = MODE_ENFORCE,
                              .state = profile ? VERDICT_DRIFTED : VERDICT_NONE};
    char message[MESSAGE_MAX];
    const struct finding finding = {
        .reason = read->err.code == ERR_FORBIDDEN ? REASON_FORBIDDEN : REASON_WRITE_FAILED,
        .is_warning = true,
        .counts_as_failed = true,
        .object = {KIND_NAMESPACE, "", s->name, read->uid},
        .rule = RULE,
        .message = message,
        .profile = profile,
    };

    (void)snprintf(message, sizeof(message), "%s; it is tried again", read->err.msg);
    report_failure(m, s, &plan, &finding, &read->err, m->now_ms);
}

static void unread(struct manager *m, const struct label_read *read)
{
    const struct err *why = &read->err;
    struct subject s = subject_of(read->key);
    bool is_gone = why->code == ERR_NOT_FOUND;

    /* The caches may be behind, and the server may be away for a moment. */
    if (!is_gone && ((why->code != ERR_CONFLICT && !err_is_transient(why)) ||
                     workqueue_failures(m->queue, s.key) + 1 >= MANAGER_STALE_MAX))
        tell_unread(m, &s, read);
    manager_retry(m, s.key, m->now_ms, why->retry_after_ms);
    workqueue_done(m->queue, s.key);
}

bool labels_can_go_on(const struct manager *m)
{
    return m->label_reads && label_reads_can_go_on(m->label_reads);
}

bool labels_go_on(struct manager *m)
{
    struct label_read *read;

    if (!labels_can_go_on(m))
        return false;
    label_reads_step(m->label_reads);
    read = label_reads_next(m->label_reads);
    if (read && read->err.code != ERR_NONE) {
        unread(m, read);
        label_read_free(read);
    } else if (read) {
        look(m, read->key, read);
    }
    return read;
}

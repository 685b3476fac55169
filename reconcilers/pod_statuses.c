#include "pod_statuses.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/timestamp.h"

/* Words of the kubelet: pkg/kubelet/container/sync_result.go, pkg/kubelet/images/types.go. */
static const struct {
    const char *reason;
    enum pod_trouble trouble;
} troubles[] = {
    {"CreateContainerConfigError", POD_CONFIG_ERROR},
    {"CreateContainerError", POD_CONFIG_ERROR},
    {"RunContainerError", POD_CONFIG_ERROR},
    {"CrashLoopBackOff", POD_CRASH_LOOP},
    {"ErrImagePull", POD_IMAGE},
    {"ErrImageNeverPull", POD_IMAGE},
    {"ImagePullBackOff", POD_IMAGE},
    {"ImageInspectError", POD_IMAGE},
    {"InvalidImageName", POD_IMAGE},
    {"RegistryUnavailable", POD_IMAGE},
    {"OOMKilled", POD_OOM_KILLED},
};

static const char *text_of(const json_t *obj, const char *name)
{
    const char *text = json_string_value(json_member(obj, name));

    return text ? text : "";
}

static int64_t time_of(const json_t *obj, const char *name)
{
    const char *text = json_string_value(json_member(obj, name));
    int64_t wall_ms;

    return text && timestamp_parse(text, &wall_ms, NULL) == 0 ? wall_ms / 1000 : 0;
}

static void note_trouble(struct pod_statuses *s, enum pod_trouble trouble, const char *where,
                         const char *reason, const char *message)
{
    s->troubles |= (uint8_t)trouble;
    if (trouble <= s->worst)
        return;
    s->worst = (uint8_t)trouble;
    (void)snprintf(s->message, sizeof(s->message), "%.80s%s%.40s%s%.120s", where,
                   *where ? ": " : "", reason, *message ? ": " : "", message);
}

static void note_reason(struct pod_statuses *s, const char *where, const json_t *state)
{
    const char *reason = text_of(state, "reason");

    for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
        if (strcmp(reason, troubles[i].reason) == 0)
            note_trouble(s, troubles[i].trouble, where, reason, text_of(state, "message"));
    }
}

static void read_state(struct pod_statuses *s, const json_t *status)
{
    const json_t *state = json_member(status, "state");
    const json_t *last = json_member(status, "lastState");
    const json_t *ended = json_member(last, "terminated");
    char where[96];
    int64_t restarts = json_integer_value(json_member(status, "restartCount"));
    int64_t began_s = time_of(json_member(state, "running"), "startedAt");

    (void)snprintf(where, sizeof(where), "container %.63s", text_of(status, "name"));
    note_reason(s, where, json_member(state, "waiting"));
    note_reason(s, where, json_member(state, "terminated"));
    note_reason(s, where, ended);
    if (began_s > s->ready_s)
        s->ready_s = began_s;
    /* An init container is not ready while it runs, and its restarts are no loop by themselves. */
    if (restarts >= EVIDENCE_RESTARTS_CRASHING && ended &&
        !json_is_true(json_member(status, "ready")))
        note_trouble(s, POD_CRASH_LOOP, where, "restarts again and again",
                     text_of(ended, "reason"));
}

/* ---- Who the containers run as ---- */

static struct container_evidence *find_user(struct pods_evidence_build *b, const char *name)
{
    for (size_t i = 0; i < b->users_count; i++) {
        if (strcmp(b->users[i].container, name) == 0)
            return &b->users[i];
    }
    return NULL;
}

/* One root makes it root; else one that is not told makes it unknown. */
static void merge_user(struct container_evidence *known, enum user_evidence user, int64_t uid)
{
    if (known->user == USER_ROOT || user == USER_ROOT) {
        known->user = USER_ROOT;
        known->uid = -1;
    } else if (known->user == USER_UNKNOWN || user == USER_UNKNOWN) {
        known->user = USER_UNKNOWN;
        known->uid = -1;
    } else if (known->uid != uid) {
        known->uid = -1;
    }
}

static int note_user(struct pods_evidence_build *b, const json_t *status, struct err *err)
{
    const json_t *linux_user = json_member(json_member(status, "user"), "linux");
    const json_t *number = json_member(linux_user, "uid");
    const char *name = text_of(status, "name");
    struct container_evidence *known = find_user(b, name);
    enum user_evidence user = USER_UNKNOWN;
    int64_t uid = -1;

    if (json_is_integer(number)) {
        uid = json_integer_value(number);
        user = uid == 0 ? USER_ROOT : USER_NON_ROOT;
    } else if (!json_member(json_member(status, "state"), "running")) {
        return 0; /* it may not have begun: nothing can be told, and nothing is held against it */
    }
    if (known) {
        merge_user(known, user, uid);
        return 0;
    }
    if (b->users_count == EVIDENCE_USERS_MAX) {
        b->has_users_overflow = true;
        return 0;
    }
    known = &b->users[b->users_count];
    known->container = arena_strdup(b->a, name);
    if (!known->container)
        return err_nomem(err);
    known->user = user;
    known->uid = user == USER_NON_ROOT ? uid : -1;
    b->users_count++;
    return 0;
}

static int read_statuses(struct pods_evidence_build *b, struct pod_statuses *s, const json_t *list,
                         struct err *err)
{
    size_t count = json_array_size(list);

    for (size_t i = 0; i < count && i < EVIDENCE_STATUSES_MAX; i++) {
        const json_t *status = json_array_get(list, i);

        read_state(s, status);
        if (note_user(b, status, err) < 0)
            return -1;
    }
    return 0;
}

int pod_statuses_read(const json_t *pod, bool is_of_job, struct pods_evidence_build *b,
                      struct pod_statuses *ret_statuses, struct err *err)
{
    const json_t *status = json_member(pod, "status");
    const json_t *conditions = json_member(status, "conditions");
    const char *phase = text_of(status, "phase");
    struct pod_statuses s = {.message = ""};

    if (read_statuses(b, &s, json_member(status, "initContainerStatuses"), err) < 0 ||
        read_statuses(b, &s, json_member(status, "containerStatuses"), err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        int64_t since_s = time_of(condition, "lastTransitionTime");

        if (strcmp(text_of(condition, "type"), "Ready") != 0 ||
            strcmp(text_of(condition, "status"), "True") != 0)
            continue;
        s.is_ready = true;
        if (since_s > s.ready_s)
            s.ready_s = since_s;
    }
    if (is_of_job && strcmp(phase, "Succeeded") == 0) {
        s.is_ready = true;
        s.ready_s = 0; /* it has come to its end: there is nothing to wait for */
    }
    if (is_of_job && strcmp(phase, "Failed") == 0)
        note_trouble(&s, POD_CRASH_LOOP, "", "Failed", text_of(status, "message"));
    *ret_statuses = s;
    return 0;
}

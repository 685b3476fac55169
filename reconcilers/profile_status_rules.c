#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/kube/timestamp.h"
#include "rampart/reconcilers/pod_security.h"
#include "rampart/reconcilers/posture.h"
#include "rampart/reconcilers/profile_status.h"

#define RULE_NETWORK "network"
#define SECTIONS_MAX 2
#define RULE_LEN_MAX 64 /* bytes of an id */

/* One entry of status.rules. */
struct entry {
    const char *id;
    const char *mode;
    size_t pass, fail, error, exempt;
};

/* What stands in the status; what is not as we write it does not count. */
static bool is_as_it_stands(const json_t *rule, const struct entry *e, struct arena *a,
                            const char **ret_since)
{
    const char *id, *since;
    int64_t fail, error;

    if (json_get_str(rule, "id", RULE_LEN_MAX, a, &id, NULL) < 0 || !id || strcmp(id, e->id) != 0 ||
        json_get_str(rule, "lastTransitionTime", 64, a, &since, NULL) < 0 || !since ||
        json_get_int(rule, "fail", 0, INT32_MAX, 0, &fail, NULL) < 0 ||
        json_get_int(rule, "error", 0, INT32_MAX, 0, &error, NULL) < 0)
        return false;
    *ret_since = since;
    return (fail + error == 0) == (e->fail + e->error == 0);
}

/* When the rule last changed between "all pass" and not. */
static void write_entry(struct json_build *j, const struct entry *e, const json_t *before,
                        const char *now, struct arena *a)
{
    const char *since = NULL;

    for (size_t i = 0; i < json_array_size(before); i++) {
        if (is_as_it_stands(json_array_get(before, i), e, a, &since))
            break;
        since = NULL;
    }
    json_open_obj(j, NULL);
    json_add_str(j, "id", e->id);
    json_add_str(j, "mode", e->mode);
    json_add_int(j, "pass", (int64_t)e->pass);
    json_add_int(j, "fail", (int64_t)e->fail);
    json_add_int(j, "error", (int64_t)e->error);
    json_add_int(j, "exempt", (int64_t)e->exempt);
    json_add_str(j, "lastTransitionTime", since ? since : now);
    json_close_obj(j);
}

/* The sections about namespaces, by id. Returns how many there are. */
static size_t sections_of(const struct profile *p, const struct profile_tally *t,
                          struct entry ret_entries[SECTIONS_MAX])
{
    size_t count = 0;

    if (p->network.is_stated && p->network.mode != MODE_OFF)
        ret_entries[count++] = (struct entry){.id = RULE_NETWORK,
                                              .mode = mode_name(p->network.mode),
                                              .pass = t->network.compliant,
                                              .fail = t->network.drifted,
                                              .error = t->network.failed};
    if (p->pod_security.is_stated && p->pod_security.mode != MODE_OFF)
        ret_entries[count++] = (struct entry){.id = POD_SECURITY_RULE,
                                              .mode = mode_name(p->pod_security.mode),
                                              .pass = t->labels.compliant,
                                              .fail = t->labels.drifted,
                                              .error = t->labels.failed};
    return count;
}

int profile_status_rules(struct json_build *j, const struct view *v, const struct profile *p,
                         const struct profile_tally *t, struct arena *a, struct err *err)
{
    struct entry sections[SECTIONS_MAX];
    size_t count = sections_of(p, t, sections), next = 0;
    char now[TIMESTAMP_LEN];
    struct err why = {0};
    json_auto_t *before = json_decode(p->rules_status, strlen(p->rules_status), &why);

    if (why.code == ERR_NOMEM)
        return err_nomem(err);
    timestamp_seconds(v->wall_ms, now);
    json_open_arr(j, "rules");
    for (size_t i = 0; t->has_workloads && i < rules_count; i++) {
        enum rule_mode mode = posture_rule_mode(&p->workloads, rules[i]);
        const struct entry entry = {.id = rules[i]->id,
                                    .mode = rule_mode_name(mode),
                                    .pass = t->postures.passing[i],
                                    .fail = t->postures.failing[i],
                                    .error = t->postures.error[i],
                                    .exempt = t->postures.exempt[i]};

        while (next < count && strcmp(sections[next].id, rules[i]->id) < 0)
            write_entry(j, &sections[next++], before, now, a);
        if (mode != RULE_MODE_OFF)
            write_entry(j, &entry, before, now, a);
    }
    while (next < count)
        write_entry(j, &sections[next++], before, now, a);
    json_close_arr(j);
    return 0;
}

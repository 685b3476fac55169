#include "rampart/reconcilers/harden_preview.h"

#include "harden_pass.h"
#include "rampart/reconcilers/selection.h"

#define BIT(field_) (1u << (field_))

const char *fill_field_name(enum fill_field field)
{
    static const char *const names[FILL_COUNT] = {
        [FILL_NONE] = "",
        [FILL_RUN_AS_NON_ROOT] = "runAsNonRoot",
        [FILL_SECCOMP] = "seccompProfile",
        [FILL_ALLOW_PRIVILEGE_ESCALATION] = "allowPrivilegeEscalation",
        [FILL_DROP_CAPABILITIES] = "dropCapabilities",
        [FILL_READ_ONLY_ROOT] = "readOnlyRootFilesystem",
        [FILL_RESOURCES] = "resources",
    };

    return names[field];
}

static uint32_t fields_of(const struct fill *fill, size_t containers_count)
{
    uint32_t fields = (fill->pod_run_as_non_root ? BIT(FILL_RUN_AS_NON_ROOT) : 0) |
                      (fill->pod_seccomp ? BIT(FILL_SECCOMP) : 0);

    for (size_t i = 0; i < containers_count; i++) {
        const struct fill_container *c = &fill->containers[i];

        fields |= (c->run_as_non_root ? BIT(FILL_RUN_AS_NON_ROOT) : 0) |
                  (c->seccomp ? BIT(FILL_SECCOMP) : 0) |
                  (c->allow_privilege_escalation ? BIT(FILL_ALLOW_PRIVILEGE_ESCALATION) : 0) |
                  (c->drop_all ? BIT(FILL_DROP_CAPABILITIES) : 0) |
                  (c->read_only_root ? BIT(FILL_READ_ONLY_ROOT) : 0) |
                  (c->resources ? BIT(FILL_RESOURCES) : 0);
    }
    return fields;
}

/* With nothing known of the pods. */
static int decide(const struct rollout_input *in, struct arena *a, struct harden_preview *p,
                  struct err *err)
{
    const struct pod_template *pod = &in->workload->pod;
    struct workloads_section trying = *in->section, skipping = *in->section;
    struct fill wanted, sure, missing, proposed;
    struct fill_exempt exempt;

    fill_leave_claims(in->workload, in->section, in->exempt, &exempt);
    trying.on_unknown = ON_UNKNOWN_TRY;
    skipping.on_unknown = ON_UNKNOWN_SKIP;
    if (fill_decide(pod, &trying, NULL, 0, &exempt, a, &wanted, err) < 0 ||
        fill_decide(pod, &skipping, NULL, 0, &exempt, a, &sure, err) < 0 ||
        fill_decide(pod, &trying, NULL, 0, NULL, a, &missing, err) < 0 ||
        fill_propose(pod, in->section, a, &proposed, err) < 0)
        return -1;
    if (wanted.leaves_count)
        p->fields = fields_of(&wanted, pod->containers_count);
    p->asked = (uint32_t)sure.skipped & p->fields;
    p->is_contradicted = proposed.leaves_count != missing.leaves_count;
    return 0;
}

static enum preview_when when_of(const struct rollout_step *step, const struct rollout_input *in)
{
    const struct workload_facts *w = in->workload;

    if (step->reason == ROLLOUT_WAITS_FOR_CHANGE)
        return PREVIEW_NEXT_CHANGE;
    if (step->reason != ROLLOUT_WAITS_FOR_TURN && step->act != ROLLOUT_ACT_FILL)
        return PREVIEW_LEFT_ALONE;
    if (w->object.kind == KIND_CRON_JOB || w->replicas <= 0)
        return PREVIEW_IDLE;
    return in->section->when == ROLLOUT_NOW ? PREVIEW_NOW : PREVIEW_NEXT_CHANGE;
}

static int ask(const struct rollout_input *in, struct arena *a, struct harden_preview *p,
               struct err *err)
{
    struct rollout_step step;

    if (decide(in, a, p, err) < 0 || rollout_step(in, a, &step, err) < 0)
        return -1;
    if (p->fields || in->workload->pod.unreadable)
        p->when = when_of(&step, in);
    if (p->when != PREVIEW_LEFT_ALONE)
        return 0;
    p->message = arena_printf(a, "%s%s%s", rollout_reason_name(step.reason),
                              step.message[0] ? ": " : "", step.message);
    return p->message ? 0 : err_nomem(err);
}

int harden_preview(const struct view *v, const struct object *workload, struct arena *a,
                   struct harden_preview *ret_preview, struct err *err)
{
    const struct workload_facts *w = OBJECT_AS(workload_facts, workload);
    struct harden_pass pass = {.view = v, .a = a, .w = w, .now_s = v->wall_ms / 1000};
    struct harden_preview preview = {.message = ""};
    struct rollout_input in = {.workload = w,
                               .now_s = pass.now_s,
                               .may_fill = true,
                               .has_turn = true,
                               .may_delete_pods = true};
    struct fill_exempt exempt;
    int64_t until_s;

    if (selection_workloads_of(v, workload->ns, a, &preview.profile, err) < 0)
        return -1;
    if (!preview.profile || preview.profile->workloads.mode != MODE_ENFORCE ||
        workload->is_deleting) {
        *ret_preview = (struct harden_preview){.message = ""};
        return 0;
    }
    pass.section = in.section = &preview.profile->workloads;
    if (harden_exempt(&pass, &exempt, &until_s, err) < 0)
        return -1;
    in.exempt = &exempt;
    in.profile = preview.profile->object.name;
    in.profile_generation = preview.profile->generation;
    if (ask(&in, a, &preview, err) < 0)
        return -1;
    *ret_preview = preview;
    return 0;
}

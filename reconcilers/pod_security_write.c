/* What is written to a Namespace, and what is said of it. */
#include <string.h>

#include "pod_security_pass.h"
#include "rampart/json/build.h"

#define PATCH_LEN_MAX 4096
#define SUMMARY_LEN_MAX 1024
#define LABEL_PREFIX "pod-security.kubernetes.io/"

bool pod_security_is_ours(struct pod_security_pass *p, size_t label)
{
    const char *rv = p->known->owners_rv;

    if (!p->ns->pod_security) /* nothing was ever filled in here */
        return false;
    if (rv && strcmp(rv, p->ns->object.rv) == 0)
        return p->known->ours & (1u << label);
    p->asks_owners = true;
    return false;
}

bool pod_security_has_changes(const struct pod_security_pass *p)
{
    for (size_t i = 0; i < PSA_LABELS_COUNT; i++) {
        if (p->changes[i].act != LABEL_STAYS)
            return true;
    }
    return false;
}

int pod_security_say(struct pod_security_pass *p, enum reason reason, const char *profile,
                     const char *message, struct err *err)
{
    const struct finding finding = {
        .reason = reason,
        .is_warning = reason != REASON_LABEL_MISSING,
        .object = {KIND_NAMESPACE, "", p->ns->object.name, p->ns->object.uid},
        .rule = POD_SECURITY_RULE,
        .message = message,
        .profile = profile,
    };

    if (!message)
        return err_nomem(err);
    if (p->plan->state == VERDICT_COMPLIANT)
        p->plan->state = VERDICT_DRIFTED;
    return plan_add_finding(p->plan, &finding) ? 0 : plan_check(p->plan, err);
}

static void write_labels(const struct pod_security_pass *p, struct json_build *j)
{
    json_open_obj(j, "labels");
    for (size_t i = 0; i < PSA_LABELS_COUNT; i++) {
        if (p->changes[i].act == LABEL_SET)
            json_add_str(j, psa_labels[i], p->changes[i].value);
        else if (p->changes[i].act == LABEL_REMOVED)
            json_add_null(j, psa_labels[i]);
    }
    json_close_obj(j);
}

static void write_patch(const struct pod_security_pass *p, struct strbuf *out)
{
    struct json_build j;

    json_build_init(&j, out);
    json_open_obj(&j, NULL);
    json_open_obj(&j, "metadata");
    json_add_str(&j, "uid", p->ns->object.uid);
    json_add_str(&j, "resourceVersion", p->ns->object.rv);
    if (pod_security_has_changes(p))
        write_labels(p, &j);
    if (p->sets_mark || p->drops_mark) {
        json_open_obj(&j, "annotations");
        if (p->drops_mark)
            json_add_null(&j, ANNOTATION_POD_SECURITY);
        else
            json_add_str(&j, ANNOTATION_POD_SECURITY, p->profile->object.name);
        json_close_obj(&j);
    }
    json_close_obj(&j);
    json_close_obj(&j);
}

/* "label Namespace shop: enforce=baseline, enforce-version=latest, without warn". */
static void write_summary(const struct pod_security_pass *p, struct strbuf *out)
{
    const char *separator = ": ";

    strbuf_addf(out, "label Namespace %s", p->ns->object.name);
    for (size_t i = 0; i < PSA_LABELS_COUNT; i++) {
        const char *label = psa_labels[i] + strlen(LABEL_PREFIX);

        if (p->changes[i].act == LABEL_STAYS)
            continue;
        if (p->changes[i].act == LABEL_SET)
            strbuf_addf(out, "%s%s=%s", separator, label, p->changes[i].value);
        else
            strbuf_addf(out, "%swithout %s", separator, label);
        separator = ", ";
    }
}

int pod_security_write(struct pod_security_pass *p, const struct finding *after, struct err *err)
{
    struct write write = {
        .verb = WRITE_PATCH,
        .phase = PHASE_WORKLOAD,
        .object = {KIND_NAMESPACE, "", p->ns->object.name, p->ns->object.uid},
        .rv = p->ns->object.rv,
        .after = after,
    };
    AUTO_STRBUF body, summary;

    strbuf_init(&body, PATCH_LEN_MAX);
    strbuf_init(&summary, SUMMARY_LEN_MAX);
    write_patch(p, &body);
    write_summary(p, &summary);
    if (strbuf_check(&body, "patch", err) < 0 || strbuf_check(&summary, "summary", err) < 0)
        return -1;
    write.body = body.text;
    write.summary = summary.text;
    return plan_add_write(p->plan, &write) ? 0 : plan_check(p->plan, err);
}

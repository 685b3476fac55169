#include "rampart/reconcilers/ownership.h"

#include <assert.h>
#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/pods_evidence.h"
#include "rampart/reconcilers/policy_spec.h"

#define BODY_LEN_MAX (1024u * 1024)

/* @one may be missing. */
static bool equal(const char *one, const char *other)
{
    return one && strcmp(one, other) == 0;
}

bool ownership_was_taken(const struct netpol_facts *policy, const struct ownership *own)
{
    return !policy->has_our_label || policy->foreign_labels_count > 0 ||
           policy->owners_count != 1 || !equal(policy->owner_uid, own->ns_uid);
}

bool ownership_is_right(const struct netpol_facts *policy, const struct ownership *own,
                        const char *spec_text)
{
    char hash[17];

    policy_spec_hash(spec_text, hash);
    return !ownership_was_taken(policy, own) && equal(policy->profile, own->profile) &&
           equal(policy->spec_hash, hash);
}

bool ownership_may_delete(const struct netpol_facts *policy, const char *ns_uid)
{
    return policy->object.is_ours && (policy->has_our_label || policy->has_our_entry) &&
           equal(policy->owner_uid, ns_uid);
}

bool ownership_wrote_spec(const struct netpol_facts *policy)
{
    char hash[17];

    if (!policy->spec)
        return false;
    policy_spec_hash(policy->spec, hash);
    return equal(policy->spec_hash, hash);
}

/* @policy NULL: it is made. What claims it for somebody else becomes null. */
static void write_marks(struct json_build *j, const struct ownership *own, const char *spec_text,
                        const struct netpol_facts *policy)
{
    char hash[17];

    policy_spec_hash(spec_text, hash);
    json_open_obj(j, "labels");
    json_add_str(j, LABEL_MANAGED_BY, FIELD_MANAGER);
    json_add_str(j, LABEL_PROFILE, own->profile);
    for (size_t i = 0; policy && i < policy->foreign_labels_count; i++)
        json_add_null(j, policy->foreign_labels[i]);
    json_close_obj(j);
    json_open_obj(j, "annotations");
    json_add_str(j, ANNOTATION_SPEC_HASH, hash);
    if (own->rollout && *own->rollout != '\0')
        json_add_str(j, ANNOTATION_ROLLOUT, own->rollout);
    else if (own->rollout && policy)
        json_add_null(j, ANNOTATION_ROLLOUT);
    json_close_obj(j);
    json_open_arr(j, "ownerReferences");
    json_open_obj(j, NULL);
    json_add_str(j, "apiVersion", "v1");
    json_add_str(j, "kind", "Namespace");
    json_add_str(j, "name", own->ns);
    json_add_str(j, "uid", own->ns_uid);
    json_close_obj(j);
    json_close_arr(j);
}

/* Adds the write with the text as its body; the text is copied to the plan's arena. */
static struct write *add(struct plan *plan, struct write *write, const struct strbuf *body,
                         const char *verb, struct err *err)
{
    struct write *added;

    if (body) {
        if (strbuf_check(body, "NetworkPolicy", err) < 0)
            return NULL;
        write->body = arena_strndup(plan->arena, body->text, body->len);
    }
    write->summary = arena_printf(plan->arena, "%s NetworkPolicy %s/%s", verb, write->object.ns,
                                  write->object.name);
    if ((body && !write->body) || !write->summary) {
        (void)err_nomem(err);
        return NULL;
    }
    added = plan_add_write(plan, write);
    if (!added) {
        int broken = plan_check(plan, err);

        assert(broken < 0);
    }
    return added;
}

struct write *ownership_create(struct plan *plan, enum plan_phase phase, const char *name,
                               const struct ownership *own, const char *spec_text, struct err *err)
{
    AUTO_STRBUF body;
    struct json_build j;
    struct write write = {
        .verb = WRITE_CREATE,
        .phase = phase,
        .object = {.kind = KIND_NETWORK_POLICY, .ns = own->ns, .name = name, .uid = ""},
    };

    strbuf_init(&body, BODY_LEN_MAX);
    json_build_init(&j, &body);
    json_open_obj(&j, NULL);
    json_add_str(&j, "apiVersion", "networking.k8s.io/v1");
    json_add_str(&j, "kind", "NetworkPolicy");
    json_open_obj(&j, "metadata");
    json_add_str(&j, "name", name);
    json_add_str(&j, "namespace", own->ns);
    write_marks(&j, own, spec_text, NULL);
    json_close_obj(&j);
    json_add_raw(&j, "spec", spec_text);
    json_close_obj(&j);
    return add(plan, &write, &body, "create", err);
}

/*
 * RFC 7386: what turns @from into @to. Members of @to are all stated, so that the patch also says
 * what must be there; what only
 * @from has becomes null. A merge patch merges objects, so a label that a rival put into
 * podSelector goes only by its own null.
 */
static int write_merge(struct json_build *j, const char *name, const json_t *from, const json_t *to,
                       struct arena *a, struct err *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(to) || !json_is_object(from)) {
        const char *text = json_canonical(to, a, err);

        if (!text)
            return -1;
        json_add_raw(j, name, text);
        return 0;
    }
    json_open_obj(j, name);
    json_object_foreach((json_t *)(uintptr_t)to, key, value)
    {
        if (write_merge(j, key, json_object_get(from, key), value, a, err) < 0)
            return -1;
    }
    json_object_foreach((json_t *)(uintptr_t)from, key, value)
    {
        if (!json_object_get(to, key))
            json_add_null(j, key);
    }
    json_close_obj(j);
    return 0;
}

/* Every member that a spec can have, so that what we do not set is null whatever we believed to be
 * there. */
static int write_spec_patch(struct json_build *j, const char *from_text, const char *to_text,
                            struct arena *a, struct err *err)
{
    static const char all_members[] =
        "{\"podSelector\":{\"matchLabels\":{},\"matchExpressions\":[]},"
        "\"policyTypes\":[],\"ingress\":[],\"egress\":[]}";
    json_auto_t *from = json_decode(all_members, sizeof(all_members) - 1, err);
    json_auto_t *seen = from_text ? json_decode(from_text, strlen(from_text), err) : NULL;
    json_auto_t *to = json_decode(to_text, strlen(to_text), err);

    if (!from || !to || (from_text && !seen))
        return -1;
    if (seen && json_object_update_recursive(from, seen) < 0)
        return err_nomem(err);
    return write_merge(j, "spec", from, to, a, err);
}

struct write *ownership_mend(struct plan *plan, enum plan_phase phase,
                             const struct netpol_facts *policy, const struct ownership *own,
                             const char *spec_text, struct err *err)
{
    AUTO_STRBUF body;
    struct json_build j;
    struct write write = {
        .verb = WRITE_PATCH,
        .phase = phase,
        .object = {.kind = KIND_NETWORK_POLICY,
                   .ns = policy->object.ns,
                   .name = policy->object.name,
                   .uid = policy->object.uid},
        .rv = policy->object.rv,
    };

    assert(policy->object.is_ours);
    strbuf_init(&body, BODY_LEN_MAX);
    json_build_init(&j, &body);
    json_open_obj(&j, NULL);
    json_open_obj(&j, "metadata");
    json_add_str(&j, "uid", policy->object.uid);
    json_add_str(&j, "resourceVersion", policy->object.rv);
    write_marks(&j, own, spec_text, policy);
    json_close_obj(&j);
    if (write_spec_patch(&j, policy->spec, spec_text, plan->arena, err) < 0)
        return NULL;
    json_close_obj(&j);
    return add(plan, &write, &body, "mend", err);
}

struct write *ownership_delete(struct plan *plan, enum plan_phase phase,
                               const struct netpol_facts *policy, const struct ownership *own,
                               bool is_explained, struct err *err)
{
    struct write write = {
        .verb = WRITE_DELETE,
        .phase = phase,
        .object = {.kind = KIND_NETWORK_POLICY,
                   .ns = policy->object.ns,
                   .name = policy->object.name,
                   .uid = policy->object.uid},
        .rv = policy->object.rv,
        .profile = policy->profile,
        .is_explained = is_explained,
    };

    assert(ownership_may_delete(policy, own->ns_uid));
    return add(plan, &write, NULL, "remove", err);
}

struct write *ownership_delete_stuck_pod(struct plan *plan, const char *ns,
                                         const struct stuck_pod *pod, struct err *err)
{
    struct write write = {
        .verb = WRITE_DELETE,
        .phase = PHASE_PODS,
        .object = {.kind = KIND_POD, .ns = ns, .name = pod->name, .uid = pod->uid},
        .is_explained = true,
    };

    return add(plan, &write, NULL, "delete", err);
}

#include "rampart/kube/profile.h"

#include <assert.h>
#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/kube/decode.h"
#include "rampart/kube/network_section.h"
#include "rampart/kube/pod_security_section.h"
#include "rampart/kube/workloads_section.h"

#define FINALIZERS_MAX 64
#define PRIORITY_MAX 1000000
#define NAMESPACE_NAME_MAX 63
#define SYSTEM_PREFIX "kube-"
#define CONDITION_REASON_MAX 1024 /* metav1.Condition */
#define CONDITION_MESSAGE_MAX 32768

static const char *const mode_names[MODE_COUNT] = {
    [MODE_OFF] = "Off",
    [MODE_AUDIT] = "Audit",
    [MODE_ENFORCE] = "Enforce",
};

/* ---- spec ---- */

static int name_check(const char *name, struct err *err)
{
    if (strlen(name) > PROFILE_NAME_MAX || !label_value_is_valid(name))
        return err_set(
            err, ERR_INVALID,
            "metadata.name: cannot be a label value, which marks what belongs to the profile; "
            "create it again with a name of at most %d characters",
            PROFILE_NAME_MAX);
    return 0;
}

static int on_delete_decode(const json_t *spec, bool *ret_removes, struct err *err)
{
    const char *text;

    if (member_text(spec, "onDelete", &text, err) < 0)
        return -1;
    if (text && strcmp(text, "Retain") != 0 && strcmp(text, "Remove") != 0)
        return err_set(err, ERR_INVALID,
                       "onDelete: \"%.32s\" is unknown; expected Retain or Remove", text);
    *ret_removes = text && strcmp(text, "Remove") == 0;
    return 0;
}

/* A DNS-1123 label, once it is short enough. A pattern would exclude nothing in silence, so it is
 * refused. */
static bool is_namespace_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && name[0] != '-' && name[len - 1] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static int excluded_decode(const json_t *spec, struct arena *a, struct profile *p, struct err *err)
{
    const char **names;
    size_t count;

    if (json_get_strs(spec, "excludedNamespaces", PROFILE_EXCLUDED_MAX, NAMESPACE_NAME_MAX, a,
                      &names, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (!is_namespace_name(names[i]))
            return err_set(
                err, ERR_INVALID,
                "excludedNamespaces[%zu]: \"%s\" is no namespace name; patterns are not known "
                "here, use namespaceSelector",
                i, names[i]);
    }
    p->excluded = names;
    p->excluded_count = texts_sort(names, count);
    return 0;
}

static int selector_member_decode(const json_t *spec, struct arena *a,
                                  struct selector *ret_selector, struct err *err)
{
    const json_t *stated;
    const char *contradiction;

    if (json_get_obj(spec, "namespaceSelector", &stated, err) < 0)
        return -1;
    if (!stated)
        return err_set(err, ERR_INVALID,
                       "namespaceSelector: is missing; {} selects every namespace, on purpose");
    if (selector_decode(stated, a, ret_selector, err) < 0)
        return json_path_wrap(err, "namespaceSelector");
    contradiction = selector_contradiction(ret_selector, a);
    if (contradiction)
        return err_set(err, ERR_INVALID,
                       "namespaceSelector: %s can never match; change one of the terms",
                       contradiction);
    return 0;
}

/* What can be read stands in @p although something after it is wrong. */
static int spec_decode(const json_t *root, struct arena *a, struct profile *p, struct err *err)
{
    const json_t *spec;

    if (name_check(p->object.name, err) < 0 || json_get_obj(root, "spec", &spec, err) < 0)
        return -1;
    if (!spec)
        return err_set(err, ERR_INVALID, "spec: is missing; state at least namespaceSelector");
    if (on_delete_decode(spec, &p->removes_on_delete, err) < 0 ||
        mode_decode(spec, MODE_AUDIT, &p->mode, err) < 0 ||
        json_get_int(spec, "priority", -PRIORITY_MAX, PRIORITY_MAX, 0, &p->priority, err) < 0 ||
        json_get_bool(spec, "includeSystemNamespaces", false, &p->includes_system, err) < 0 ||
        excluded_decode(spec, a, p, err) < 0 ||
        selector_member_decode(spec, a, &p->selector, err) < 0 ||
        network_section_decode(spec, p->mode, a, &p->network, err) < 0 ||
        workloads_section_decode(spec, p->mode, a, &p->workloads, err) < 0 ||
        pod_security_section_decode(spec, p->mode, &p->pod_security, err) < 0)
        return json_path_wrap(err, "spec");
    return 0;
}

/* ---- metadata and status ---- */

static int metadata_decode(const json_t *root, struct arena *a, struct profile *p, struct err *err)
{
    const json_t *meta = json_object_get(root, "metadata");

    if (json_get_int(meta, "generation", 0, INT64_MAX, 0, &p->generation, err) < 0 ||
        json_get_strs(meta, "finalizers", FINALIZERS_MAX, NAME_LEN_MAX, a, &p->finalizers,
                      &p->finalizers_count, err) < 0)
        return json_path_wrap(err, "metadata");
    for (size_t i = 0; i < p->finalizers_count; i++)
        p->has_finalizer = p->has_finalizer || strcmp(p->finalizers[i], PROFILE_FINALIZER) == 0;
    return 0;
}

static int condition_decode(const json_t *obj, struct arena *a, struct condition *ret_condition,
                            struct err *err)
{
    struct condition c = {0};

    if (json_need_str(obj, "type", LABEL_KEY_MAX, a, &c.type, err) < 0 ||
        json_need_str(obj, "status", 16, a, &c.status, err) < 0 ||
        json_get_str(obj, "reason", CONDITION_REASON_MAX, a, &c.reason, err) < 0 ||
        json_get_str(obj, "message", CONDITION_MESSAGE_MAX, a, &c.message, err) < 0 ||
        json_get_str(obj, "lastTransitionTime", TIME_LEN_MAX, a, &c.last_transition, err) < 0 ||
        json_get_int(obj, "observedGeneration", 0, INT64_MAX, 0, &c.observed_generation, err) < 0)
        return -1;
    c.reason = c.reason ? c.reason : "";
    c.message = c.message ? c.message : "";
    c.last_transition = c.last_transition ? c.last_transition : "";
    *ret_condition = c;
    return 0;
}

static int conditions_decode(const json_t *status, struct arena *a, struct profile *p,
                             struct err *err)
{
    const json_t *arr;
    struct condition *conditions;

    if (json_get_arr(status, "conditions", CONDITIONS_MAX, &arr, err) < 0)
        return -1;
    if (json_array_size(arr) == 0)
        return 0;
    conditions = arena_calloc(a, json_array_size(arr), sizeof(*conditions));
    if (!conditions)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(arr); i++) {
        if (condition_decode(json_array_get(arr, i), a, &conditions[i], err) < 0)
            return -1;
    }
    p->conditions = conditions;
    p->conditions_count = json_array_size(arr);
    return 0;
}

/*
 * Status is ours to write: one that somebody spoilt is no reason to stop. It is kept as text, which
 * then differs from what we would write and is written anew; its conditions count as never said.
 * @err is not NULL.
 */
static int status_decode(const json_t *root, struct arena *a, struct profile *p, struct err *err)
{
    const json_t *status = json_member(root, "status");
    const json_t *rules = json_object_get(status, "rules");

    p->status = "{}";
    p->rules_status = "[]";
    if (!status)
        return 0;
    p->status = json_canonical(status, a, err);
    if (!p->status)
        return -1;
    if (json_is_array(rules)) {
        p->rules_status = json_canonical(rules, a, err);
        if (!p->rules_status)
            return -1;
    }
    if (conditions_decode(status, a, p, err) < 0 && err->code != ERR_INVALID)
        return -1;
    return 0;
}

/* ---- public ---- */

const char *mode_name(enum mode mode)
{
    assert((unsigned)mode < MODE_COUNT);
    return mode_names[mode];
}

int mode_decode(const json_t *obj, enum mode absent, enum mode *ret_mode, struct err *err)
{
    const char *text;

    if (member_text(obj, "mode", &text, err) < 0)
        return -1;
    if (!text) {
        *ret_mode = absent;
        return 0;
    }
    for (unsigned i = 0; i < MODE_COUNT; i++) {
        if (strcmp(text, mode_names[i]) == 0) {
            *ret_mode = (enum mode)i;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "mode: \"%.32s\" is unknown; expected Audit, Enforce or Off",
                   text);
}

int profile_decode(const json_t *root, struct arena *a, struct profile **ret_profile,
                   struct err *err)
{
    struct profile *p = arena_alloc(a, sizeof(*p));
    struct err why = {0};

    if (!p)
        return err_nomem(err);
    if (meta_decode(KIND_PROFILE, root, a, &p->object, &why) < 0 ||
        metadata_decode(root, a, p, &why) < 0 || status_decode(root, a, p, &why) < 0)
        return err_set(err, why.code, "%s", why.msg);
    if (spec_decode(root, a, p, &why) < 0) {
        if (why.code != ERR_INVALID)
            return err_set(err, why.code, "%s", why.msg);
        p->invalid = arena_strdup(a, why.msg);
        if (!p->invalid)
            return err_nomem(err);
    }
    *ret_profile = p;
    return 0;
}

bool profile_matches_labels(const struct profile *p, const struct namespace_facts *ns)
{
    return !p->invalid && !p->object.is_deleting && !ns->object.is_deleting &&
           selector_matches(&p->selector, &ns->labels);
}

bool profile_excludes(const struct profile *p, const char *ns_name, const char *own_namespace)
{
    if (own_namespace && strcmp(ns_name, own_namespace) == 0)
        return true;
    if (!p->includes_system && strncmp(ns_name, SYSTEM_PREFIX, strlen(SYSTEM_PREFIX)) == 0)
        return true;
    return texts_have(p->excluded, p->excluded_count, ns_name);
}

bool profile_selects(const struct profile *p, const struct namespace_facts *ns,
                     const char *own_namespace)
{
    return profile_matches_labels(p, ns) && !profile_excludes(p, ns->object.name, own_namespace);
}

#include "rampart/kube/claims.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/get.h"

#define PATH_LEVELS_MAX 3
#define FIELD_LEN_MAX 64
#define KEY_LEN_MAX (POD_TEXT_MAX + sizeof("k:{\"name\":\"\"}"))

static const struct {
    const char *name;
    const char *path[PATH_LEVELS_MAX]; /* below a container */
    bool is_of_pod;                    /* it may stand at the pod as well */
} fields[CLAIM_COUNT] = {
    [CLAIM_RUN_AS_NON_ROOT] = {"runAsNonRoot", {"securityContext", "runAsNonRoot"}, true},
    [CLAIM_RUN_AS_USER] = {"runAsUser", {"securityContext", "runAsUser"}, false},
    [CLAIM_SECCOMP] = {"seccompProfile", {"securityContext", "seccompProfile", "type"}, true},
    [CLAIM_ALLOW_PRIVILEGE_ESCALATION] = {"allowPrivilegeEscalation",
                                          {"securityContext", "allowPrivilegeEscalation"},
                                          false},
    [CLAIM_DROP_CAPABILITIES] = {"capabilities.drop",
                                 {"securityContext", "capabilities", "drop"},
                                 false},
    [CLAIM_READ_ONLY_ROOT] = {"readOnlyRootFilesystem",
                              {"securityContext", "readOnlyRootFilesystem"},
                              false},
    [CLAIM_CPU_REQUEST] = {"requests.cpu", {"resources", "requests", "cpu"}, false},
    [CLAIM_MEMORY_REQUEST] = {"requests.memory", {"resources", "requests", "memory"}, false},
    [CLAIM_CPU_LIMIT] = {"limits.cpu", {"resources", "limits", "cpu"}, false},
    [CLAIM_MEMORY_LIMIT] = {"limits.memory", {"resources", "limits", "memory"}, false},
};

const char *claim_field_name(enum claim_field field)
{
    return fields[field].name;
}

/* In a set of fields {} is the field itself, and "." is so beside what is below it. */
static bool has_itself(const json_t *at)
{
    return json_object_size(at) == 0 || json_member(at, ".");
}

/* It is in the set of @owned, and not in @live: itself, or whatever it would be in. */
static bool is_claimed(const json_t *owned, const json_t *live, enum claim_field field)
{
    const char *const *path = fields[field].path;
    char name[FIELD_LEN_MAX];

    for (size_t i = 0; i < PATH_LEVELS_MAX && path[i]; i++) {
        (void)snprintf(name, sizeof(name), "f:%s", path[i]);
        owned = json_member(owned, name);
        live = json_member(live, path[i]);
        if (!owned)
            return false;
        if (!live && has_itself(owned))
            return true;
    }
    return !live;
}

struct reading {
    struct claims found;
    bool has_some;
    const char *manager; /* of the entry that is being read; borrowed from it */
};

static void note(struct reading *r, enum claim_field field)
{
    r->has_some = true;
    if (!r->found.managers[field])
        r->found.managers[field] = r->manager;
}

static void read_pod(struct reading *r, const json_t *owned, const json_t *spec)
{
    for (int field = 0; field < CLAIM_COUNT; field++) {
        if (!fields[field].is_of_pod || !is_claimed(owned, spec, (enum claim_field)field))
            continue;
        r->found.of_pod[field] = true;
        note(r, (enum claim_field)field);
    }
}

/* The containers of one list; @first is the bit of its first one. */
static void read_containers(struct reading *r, const json_t *owned, const json_t *list,
                            size_t first)
{
    char key[KEY_LEN_MAX];

    for (size_t i = 0; i < json_array_size(list) && first + i < POD_CONTAINERS_MAX; i++) {
        const json_t *live = json_array_get(list, i), *its;
        const char *name = json_string_value(json_member(live, "name"));

        if (!name || snprintf(key, sizeof(key), "k:{\"name\":\"%s\"}", name) >= (int)sizeof(key))
            continue;
        its = json_member(owned, key);
        for (int field = 0; its && field < CLAIM_COUNT; field++) {
            if (!is_claimed(its, live, (enum claim_field)field))
                continue;
            r->found.containers[field] |= UINT64_C(1) << (first + i);
            note(r, (enum claim_field)field);
        }
    }
}

static const json_t *owned_of(const json_t *entry, bool is_cron_job)
{
    const json_t *spec = json_member(json_member(entry, "fieldsV1"), "f:spec");

    if (is_cron_job)
        spec = json_member(json_member(spec, "f:jobTemplate"), "f:spec");
    return json_member(json_member(spec, "f:template"), "f:spec");
}

/* An update never owns what is not there: the API server takes out of its set what it removes. */
static bool is_apply(const json_t *entry)
{
    const char *operation = json_string_value(json_member(entry, "operation"));

    return operation && strcmp(operation, "Apply") == 0;
}

/* Each manager once. NULL: no memory. */
static const struct claims *keep(const struct claims *found, struct arena *a)
{
    struct claims *claims = arena_alloc(a, sizeof(*claims));

    if (!claims)
        return NULL;
    *claims = *found;
    for (int field = 0; field < CLAIM_COUNT; field++) {
        const char *manager = found->managers[field];
        int before = 0;

        while (before < field && found->managers[before] != manager)
            before++;
        if (!manager)
            continue;
        claims->managers[field] =
            before < field ? claims->managers[before]
                           : arena_strndup(a, manager, strnlen(manager, CLAIM_MANAGER_LEN_MAX));
        if (!claims->managers[field])
            return NULL;
    }
    return claims;
}

int claims_decode(const json_t *managed, bool is_cron_job, const json_t *template,
                  const struct pod_template *pod, struct arena *a, const struct claims **ret_claims,
                  struct err *err)
{
    const json_t *spec = json_member(template, "spec");
    const json_t *inits = json_member(spec, "initContainers");
    struct reading r = {.has_some = false};

    for (size_t i = 0; i < json_array_size(managed) && !pod->unreadable; i++) {
        const json_t *entry = json_array_get(managed, i);
        const json_t *owned = owned_of(entry, is_cron_job);

        if (!owned || !is_apply(entry))
            continue;
        r.manager = json_string_value(json_member(entry, "manager"));
        if (!r.manager)
            r.manager = "unknown";
        read_pod(&r, owned, spec);
        read_containers(&r, json_member(owned, "f:initContainers"), inits, 0);
        read_containers(&r, json_member(owned, "f:containers"), json_member(spec, "containers"),
                        json_array_size(inits));
    }
    *ret_claims = r.has_some ? keep(&r.found, a) : NULL;
    return r.has_some && !*ret_claims ? err_nomem(err) : 0;
}

bool claims_equal(const struct claims *one, const struct claims *other)
{
    if (!one || !other)
        return one == other;
    return memcmp(one->containers, other->containers, sizeof(one->containers)) == 0 &&
           memcmp(one->of_pod, other->of_pod, sizeof(one->of_pod)) == 0;
}

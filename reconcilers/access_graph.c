#include "rampart/reconcilers/access_graph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "access_aggregate.h"
#include "rampart/json/get.h"

#define ROOM_MIN 64u
#define API_VERSION_PREFIX RBAC_GROUP "/"
#define SERVICE_ACCOUNT_USER_PREFIX "system:serviceaccount:"

static const struct {
    const char *name;
    const char *resource;
} kinds[ACCESS_KIND_COUNT] = {
    [ACCESS_ROLE] = {"Role", "roles"},
    [ACCESS_CLUSTER_ROLE] = {"ClusterRole", "clusterroles"},
    [ACCESS_ROLE_BINDING] = {"RoleBinding", "rolebindings"},
    [ACCESS_CLUSTER_ROLE_BINDING] = {"ClusterRoleBinding", "clusterrolebindings"},
};

static const char *const subject_types[ACCESS_SUBJECT_COUNT] = {
    [ACCESS_USER] = "User",
    [ACCESS_GROUP] = "Group",
    [ACCESS_SERVICE_ACCOUNT] = "ServiceAccount",
};

const char *access_kind_name(enum access_kind kind)
{
    return kinds[kind].name;
}

const char *access_kind_resource(enum access_kind kind)
{
    return kinds[kind].resource;
}

const char *access_subject_type_name(enum access_subject_type type)
{
    return subject_types[type];
}

int access_kind_of(const json_t *object)
{
    const char *version = json_string_value(json_member(object, "apiVersion"));
    const char *name = json_string_value(json_member(object, "kind"));

    if (!version || !name || strncmp(version, API_VERSION_PREFIX, strlen(API_VERSION_PREFIX)) != 0)
        return -1;
    for (int kind = 0; kind < ACCESS_KIND_COUNT; kind++) {
        if (strcmp(name, kinds[kind].name) == 0)
            return kind;
    }
    return -1;
}

/* ---- reading ---- */

struct reading {
    struct arena *arena;
    const char *ns; /* of the object */
    const char *name;
    const json_t *metadata; /* of the object */
    bool is_bootstrapped;
};

static int text_need(const json_t *obj, const char *name, struct arena *a, const char **ret_text,
                     struct err *err)
{
    return json_need_str(obj, name, rbac_limits_server.text_len_max, a, ret_text, err);
}

/* @ret_text is @absent where there is none, or an empty one. */
static int text_get(const json_t *obj, const char *name, const char *absent, struct arena *a,
                    const char **ret_text, struct err *err)
{
    const char *text;

    if (json_get_str(obj, name, rbac_limits_server.text_len_max, a, &text, err) < 0)
        return -1;
    if (!text || *text == '\0') {
        text = arena_strdup(a, absent);
        if (!text)
            return err_nomem(err);
    }
    *ret_text = text;
    return 0;
}

static int metadata_read(const json_t *object, bool is_namespaced, const char *ns_absent,
                         struct reading *r, struct err *err)
{
    const json_t *metadata;
    const char *label;

    if (json_get_obj(object, "metadata", &metadata, err) < 0)
        return -1;
    label = json_string_value(json_member(json_member(metadata, "labels"), LABEL_BOOTSTRAPPING));
    r->metadata = metadata;
    r->is_bootstrapped = label && strcmp(label, BOOTSTRAPPING_DEFAULTS) == 0;
    if (text_need(metadata, "name", r->arena, &r->name, err) < 0)
        return json_path_wrap(err, "metadata");
    r->ns = "";
    if (is_namespaced && text_get(metadata, "namespace", ns_absent, r->arena, &r->ns, err) < 0)
        return json_path_wrap(err, "metadata");
    return 0;
}

static int subject_read(const json_t *obj, const struct reading *r, struct access_subject *subject,
                        struct err *err)
{
    const char *kind;
    int type = 0;

    if (text_need(obj, "kind", r->arena, &kind, err) < 0 ||
        text_need(obj, "name", r->arena, &subject->name, err) < 0)
        return -1;
    while (type < ACCESS_SUBJECT_COUNT && strcmp(kind, subject_types[type]) != 0)
        type++;
    if (type == ACCESS_SUBJECT_COUNT)
        return err_set(err, ERR_INVALID,
                       "kind: \"%.32s\" is none; write User, Group or ServiceAccount", kind);
    subject->type = (enum access_subject_type)type;
    subject->ns = "";
    return type == ACCESS_SERVICE_ACCOUNT
               ? text_get(obj, "namespace", r->ns, r->arena, &subject->ns, err)
               : 0;
}

static int subjects_read(const json_t *object, const struct reading *r,
                         struct access_binding *binding, struct err *err)
{
    struct access_subject *subjects;
    const json_t *arr;
    size_t count;

    if (json_get_arr(object, "subjects", rbac_limits_server.list_max, &arr, err) < 0)
        return -1;
    count = json_array_size(arr);
    subjects = arena_calloc(r->arena, count + 1, sizeof(*subjects));
    if (!subjects)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const json_t *subject = json_array_get(arr, i);
        int result = json_is_object(subject) ? subject_read(subject, r, &subjects[i], err)
                                             : err_set(err, ERR_INVALID, ": expected an object");

        if (result < 0)
            return json_path_wrap_index(err, "subjects", i);
    }
    binding->subjects = subjects;
    binding->subjects_count = count;
    return 0;
}

static int role_ref_read(const json_t *object, const struct reading *r,
                         struct access_binding *binding, struct err *err)
{
    const json_t *ref;
    const char *kind;

    if (json_get_obj(object, "roleRef", &ref, err) < 0)
        return -1;
    if (text_need(ref, "kind", r->arena, &kind, err) < 0 ||
        text_need(ref, "name", r->arena, &binding->role_name, err) < 0)
        return json_path_wrap(err, "roleRef");
    binding->role_ns = "";
    if (strcmp(kind, kinds[ACCESS_CLUSTER_ROLE].name) == 0)
        return 0;
    if (*r->ns == '\0' || strcmp(kind, kinds[ACCESS_ROLE].name) != 0)
        return err_set(err, ERR_INVALID, "roleRef.kind: \"%.32s\" cannot be bound here; write %s",
                       kind, *r->ns == '\0' ? "ClusterRole" : "Role or ClusterRole");
    binding->role_ns = r->ns;
    return 0;
}

/* Room for one more in one of the two arrays. */
static int make_room(void **items, size_t count, size_t *room, size_t size, const char *what,
                     struct err *err)
{
    size_t wanted = *room < ROOM_MIN ? ROOM_MIN : 2 * *room;
    void *grown;

    if (count < *room)
        return 0;
    if (count >= ACCESS_OBJECTS_MAX)
        return err_set(err, ERR_LIMIT, "there are more than %u %s", ACCESS_OBJECTS_MAX, what);
    grown = mem_resize(*items, wanted, size);
    if (!grown)
        return err_nomem(err);
    *items = grown;
    *room = wanted;
    return 0;
}

static int role_add(struct access *g, const json_t *object, const struct reading *r,
                    struct err *err)
{
    struct access_role role = {.ns = r->ns, .name = r->name, .is_bootstrapped = r->is_bootstrapped};
    void *roles = g->roles;

    if (rbac_rules_decode(object, "rules", &rbac_limits_server, r->arena, &role.rules, err) < 0)
        return -1;
    if (*r->ns == '\0' && access_aggregate_read(object, r->metadata, r->arena, &role, err) < 0)
        return -1;
    if (make_room(&roles, g->roles_count, &g->roles_room, sizeof(role), "roles", err) < 0)
        return -1;
    g->roles = roles;
    g->roles[g->roles_count++] = role;
    return 0;
}

static int binding_add(struct access *g, const json_t *object, const struct reading *r,
                       struct err *err)
{
    struct access_binding binding = {.ns = r->ns,
                                     .name = r->name,
                                     .is_bootstrapped = r->is_bootstrapped};
    void *bindings = g->bindings;

    if (role_ref_read(object, r, &binding, err) < 0 || subjects_read(object, r, &binding, err) < 0)
        return -1;
    if (make_room(&bindings, g->bindings_count, &g->bindings_room, sizeof(binding), "bindings",
                  err) < 0)
        return -1;
    g->bindings = bindings;
    g->bindings[g->bindings_count++] = binding;
    return 0;
}

void access_init(struct access *g, size_t bytes_max)
{
    *g = (struct access){0};
    arena_init(&g->arena, bytes_max);
}

void access_done(struct access *g)
{
    if (!g)
        return;
    mem_free(g->roles);
    mem_free(g->bindings);
    arena_done(&g->arena);
    *g = (struct access){0};
}

int access_add(struct access *g, enum access_kind kind, const json_t *object, const char *ns_absent,
               struct err *err)
{
    bool is_namespaced = kind == ACCESS_ROLE || kind == ACCESS_ROLE_BINDING;
    bool is_role = kind == ACCESS_ROLE || kind == ACCESS_CLUSTER_ROLE;
    struct reading r = {.arena = &g->arena, .name = ""};
    uint64_t failures = mem_failures();
    int result;

    assert(!g->is_linked);
    result = metadata_read(object, is_namespaced, ns_absent, &r, err);
    if (result == 0)
        result = is_role ? role_add(g, object, &r, err) : binding_add(g, object, &r, err);
    if (result == 0)
        return 0;
    if (err && err->code == ERR_NOMEM && mem_failures() == failures)
        return err_set(err, ERR_LIMIT, "the roles and bindings take more than %zu bytes",
                       g->arena.used_max);
    return err_wrap(err, "%s %.64s%s%.64s", kinds[kind].name, is_namespaced && r.ns ? r.ns : "",
                    is_namespaced && r.ns && *r.ns ? "/" : "", *r.name ? r.name : "without a name");
}

/* ---- linking ---- */

static int key_order(const char *ns, const char *name, const char *other_ns, const char *other_name)
{
    int order = strcmp(ns, other_ns);

    return order != 0 ? order : strcmp(name, other_name);
}

static int role_order(const void *one_ptr, const void *other_ptr)
{
    const struct access_role *one = one_ptr;
    const struct access_role *other = other_ptr;

    return key_order(one->ns, one->name, other->ns, other->name);
}

static int binding_order(const void *one_ptr, const void *other_ptr)
{
    const struct access_binding *one = one_ptr;
    const struct access_binding *other = other_ptr;

    return key_order(one->ns, one->name, other->ns, other->name);
}

static int twice(const char *kind, const char *ns, const char *name, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s %.128s%s%.128s is there twice; leave one out", kind, ns,
                   *ns ? "/" : "", name);
}

int access_link(struct access *g, struct err *err)
{
    if (g->roles_count > 0)
        qsort(g->roles, g->roles_count, sizeof(*g->roles), role_order);
    if (g->bindings_count > 0)
        qsort(g->bindings, g->bindings_count, sizeof(*g->bindings), binding_order);
    for (size_t i = 1; i < g->roles_count; i++) {
        const struct access_role *role = &g->roles[i];

        if (role_order(role - 1, role) == 0)
            return twice(kinds[*role->ns ? ACCESS_ROLE : ACCESS_CLUSTER_ROLE].name, role->ns,
                         role->name, err);
    }
    for (size_t i = 0; i < g->bindings_count; i++) {
        struct access_binding *binding = &g->bindings[i];

        if (i > 0 && binding_order(binding - 1, binding) == 0)
            return twice(
                kinds[*binding->ns ? ACCESS_ROLE_BINDING : ACCESS_CLUSTER_ROLE_BINDING].name,
                binding->ns, binding->name, err);
        binding->role = access_role_find(g, binding->role_ns, binding->role_name);
    }
    access_aggregate_link(g);
    g->is_linked = true;
    return 0;
}

const struct access_role *access_role_find(const struct access *g, const char *ns, const char *name)
{
    const struct access_role key = {.ns = ns, .name = name};

    if (g->roles_count == 0)
        return NULL;
    return bsearch(&key, g->roles, g->roles_count, sizeof(key), role_order);
}

/* The first binding that is not before namespace @ns. */
static size_t bindings_from(const struct access *g, const char *ns)
{
    size_t low = 0;
    size_t high = g->bindings_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(g->bindings[middle].ns, ns) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct access_binding *access_bindings_in(const struct access *g, const char *ns,
                                                size_t *ret_count)
{
    size_t first = bindings_from(g, ns);
    size_t count = 0;

    assert(g->is_linked);
    while (first + count < g->bindings_count && strcmp(g->bindings[first + count].ns, ns) == 0)
        count++;
    *ret_count = count;
    return count > 0 ? &g->bindings[first] : NULL;
}

/* ---- questions ---- */

int access_user_of(const char *ns, const char *name, struct arena *a, struct access_user *ret_user,
                   struct err *err)
{
    const char *user = arena_printf(a, SERVICE_ACCOUNT_USER_PREFIX "%s:%s", ns, name);
    const char **groups = arena_calloc(a, ACCESS_SERVICE_ACCOUNT_GROUPS, sizeof(*groups));
    const char *of_namespace = arena_printf(a, "system:serviceaccounts:%s", ns);

    if (!user || !groups || !of_namespace)
        return err_nomem(err);
    groups[0] = "system:serviceaccounts";
    groups[1] = of_namespace;
    groups[2] = "system:authenticated";
    *ret_user = (struct access_user){user, groups, ACCESS_SERVICE_ACCOUNT_GROUPS};
    return 0;
}

static bool is_in_group(const struct access_user *user, const char *group)
{
    for (size_t i = 0; i < user->groups_count; i++) {
        if (strcmp(user->groups[i], group) == 0)
            return true;
    }
    return false;
}

/* system:serviceaccount:NS:NAME, without writing it down. */
static bool is_service_account(const struct access_subject *subject, const char *user)
{
    size_t prefix_len = strlen(SERVICE_ACCOUNT_USER_PREFIX);
    size_t ns_len = strlen(subject->ns);

    return ns_len > 0 && strncmp(user, SERVICE_ACCOUNT_USER_PREFIX, prefix_len) == 0 &&
           strncmp(user + prefix_len, subject->ns, ns_len) == 0 &&
           user[prefix_len + ns_len] == ':' &&
           strcmp(user + prefix_len + ns_len + 1, subject->name) == 0;
}

bool access_subject_is(const struct access_subject *subject, const struct access_user *user)
{
    switch (subject->type) {
    case ACCESS_USER:
        return strcmp(subject->name, user->name) == 0;
    case ACCESS_GROUP:
        return is_in_group(user, subject->name);
    default:
        return is_service_account(subject, user->name);
    }
}

static bool binds(const struct access_binding *binding, const struct access_user *user)
{
    for (size_t i = 0; i < binding->subjects_count; i++) {
        if (access_subject_is(&binding->subjects[i], user))
            return true;
    }
    return false;
}

static const struct access_binding *allowing(const struct access *g, const struct access_user *user,
                                             const char *ns, const struct rbac_request *request)
{
    size_t count;
    const struct access_binding *bindings = access_bindings_in(g, ns, &count);

    for (size_t i = 0; i < count; i++) {
        if (bindings[i].role && binds(&bindings[i], user) &&
            rbac_rules_allow(&bindings[i].role->rules, request))
            return &bindings[i];
    }
    return NULL;
}

bool access_allows(const struct access *g, const struct access_user *user, const char *ns,
                   const struct rbac_request *request, const struct access_binding **ret_binding)
{
    const struct access_binding *binding = NULL;
    bool is_master = is_in_group(user, ACCESS_GROUP_MASTERS);

    if (!is_master) {
        binding = allowing(g, user, "", request);
        if (!binding && *ns != '\0' && !request->path)
            binding = allowing(g, user, ns, request);
    }
    if (ret_binding)
        *ret_binding = binding;
    return is_master || binding;
}

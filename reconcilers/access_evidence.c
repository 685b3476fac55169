#include "rampart/reconcilers/access_evidence.h"

#include <stdlib.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/credentials.h"
#include "rampart/kube/object.h"

#define ROOM_MIN 64u
#define ANNOTATION_ACCOUNT "kubernetes.io/service-account.name"
#define LABEL_LAST_USED "kubernetes.io/legacy-token-last-used"
#define TEXT_LEN_MAX 256 /* of an annotation or a label */

/* ---- what is read of each kind ---- */

static const struct projection metadata_rbac[] = {{.name = "name"},
                                                  {.name = "namespace"},
                                                  {.name = "labels"},
                                                  {0}};
static const struct projection metadata_name[] = {{.name = "name"}, {.name = "namespace"}, {0}};
static const struct projection annotations_account[] = {{.name = ANNOTATION_ACCOUNT}, {0}};
static const struct projection labels_used[] = {{.name = LABEL_LAST_USED}, {0}};
static const struct projection metadata_secret[] = {{.name = "name"},
                                                    {.name = "namespace"},
                                                    {.name = "annotations",
                                                     .children = annotations_account},
                                                    {.name = "labels", .children = labels_used},
                                                    {0}};

static const struct projection rbac[] = {{.name = "metadata", .children = metadata_rbac},
                                         {.name = "rules"},
                                         {.name = "aggregationRule"},
                                         {.name = "roleRef"},
                                         {.name = "subjects"},
                                         {0}};
static const struct projection name_alone[] = {{.name = "metadata", .children = metadata_name},
                                               {0}};
static const struct projection account[] = {{.name = "serviceAccountName"},
                                            {.name = "serviceAccount"},
                                            {0}};
static const struct projection pod[] = {{.name = "metadata", .children = metadata_name},
                                        {.name = "spec", .children = account},
                                        {0}};
static const struct projection template_spec[] = {{.name = "spec", .children = account}, {0}};
static const struct projection with_template[] = {{.name = "template", .children = template_spec},
                                                  {0}};
static const struct projection workload[] = {{.name = "metadata", .children = metadata_name},
                                             {.name = "spec", .children = with_template},
                                             {0}};
static const struct projection job_spec[] = {{.name = "spec", .children = with_template}, {0}};
static const struct projection with_job[] = {{.name = "jobTemplate", .children = job_spec}, {0}};
static const struct projection cron_job[] = {{.name = "metadata", .children = metadata_name},
                                             {.name = "spec", .children = with_job},
                                             {0}};
static const struct projection secret[] = {{.name = "metadata", .children = metadata_secret}, {0}};
static const struct projection config_map[] = {{.name = "metadata", .children = metadata_name},
                                               {.name = "data"},
                                               {0}};

const struct access_evidence_resource access_evidence_resources[EVIDENCE_KIND_COUNT] = {
    [EVIDENCE_CLUSTER_ROLE] = {RBAC_GROUP, "ClusterRole", "clusterroles", false, rbac},
    [EVIDENCE_CLUSTER_ROLE_BINDING] = {RBAC_GROUP, "ClusterRoleBinding", "clusterrolebindings",
                                       false, rbac},
    [EVIDENCE_ROLE] = {RBAC_GROUP, "Role", "roles", true, rbac},
    [EVIDENCE_ROLE_BINDING] = {RBAC_GROUP, "RoleBinding", "rolebindings", true, rbac},
    [EVIDENCE_SERVICE_ACCOUNT] = {"", "ServiceAccount", "serviceaccounts", true, name_alone},
    [EVIDENCE_POD] = {"", "Pod", "pods", true, pod},
    [EVIDENCE_REPLICATION_CONTROLLER] = {"", "ReplicationController", "replicationcontrollers",
                                         true, workload},
    [EVIDENCE_DEPLOYMENT] = {"apps", "Deployment", "deployments", true, workload},
    [EVIDENCE_STATEFUL_SET] = {"apps", "StatefulSet", "statefulsets", true, workload},
    [EVIDENCE_DAEMON_SET] = {"apps", "DaemonSet", "daemonsets", true, workload},
    [EVIDENCE_REPLICA_SET] = {"apps", "ReplicaSet", "replicasets", true, workload},
    [EVIDENCE_JOB] = {"batch", "Job", "jobs", true, workload},
    [EVIDENCE_CRON_JOB] = {"batch", "CronJob", "cronjobs", true, cron_job},
    [EVIDENCE_SECRET] = {"", "Secret", "secrets", true, secret},
    [EVIDENCE_CONFIG_MAP] = {"", "ConfigMap", "configmaps", true, config_map},
};

static bool is_of_group(const char *api_version, const char *group)
{
    const char *slash = strchr(api_version, '/');
    size_t len = slash ? (size_t)(slash - api_version) : 0;

    return strlen(group) == len && strncmp(api_version, group, len) == 0;
}

int access_evidence_kind_of(const json_t *object)
{
    const char *api_version = json_string_value(json_member(object, "apiVersion"));
    const char *name = json_string_value(json_member(object, "kind"));
    const char *type = json_string_value(json_member(object, "type"));

    if (!api_version || !name)
        return -1;
    for (int kind = 0; kind < EVIDENCE_KIND_COUNT; kind++) {
        if (strcmp(name, access_evidence_resources[kind].kind) != 0 ||
            !is_of_group(api_version, access_evidence_resources[kind].group))
            continue;
        return kind == EVIDENCE_SECRET && (!type || strcmp(type, SECRET_TYPE_TOKEN) != 0) ? -1
                                                                                          : kind;
    }
    return -1;
}

/* ---- taking in ---- */

struct reading {
    const json_t *object;
    const char *ns;
    const char *name;
};

/* Names that are none, and are no text, are errors; @ret lies in @a. */
static int reading_begin(const json_t *object, const char *ns_absent, struct arena *a,
                         struct reading *r, struct err *err)
{
    const json_t *metadata;

    if (json_get_obj(object, "metadata", &metadata, err) < 0)
        return -1;
    if (json_need_str(metadata, "name", NAME_LEN_MAX, a, &r->name, err) < 0 ||
        json_get_str(metadata, "namespace", NAME_LEN_MAX, a, &r->ns, err) < 0)
        return json_path_wrap(err, "metadata");
    r->object = object;
    if (!r->ns || *r->ns == '\0')
        r->ns = ns_absent;
    return 0;
}

static const json_t *pod_spec_of(enum access_evidence_kind kind, const json_t *object)
{
    const json_t *spec = json_member(object, "spec");

    if (kind == EVIDENCE_POD)
        return spec;
    if (kind == EVIDENCE_CRON_JOB)
        spec = json_member(json_member(spec, "jobTemplate"), "spec");
    return json_member(json_member(spec, "template"), "spec");
}

static int use(struct access_evidence *e, enum access_evidence_kind kind, const struct reading *r,
               struct arena *a, struct err *err)
{
    const json_t *spec = pod_spec_of(kind, r->object);
    const char *name, *older;

    if (json_get_str(spec, "serviceAccountName", NAME_LEN_MAX, a, &name, err) < 0 ||
        json_get_str(spec, "serviceAccount", NAME_LEN_MAX, a, &older, err) < 0)
        return -1;
    if (!name || *name == '\0')
        name = older && *older ? older : "default";
    return access_accounts_use(&e->accounts, r->ns, name, err);
}

/* Room for one more. */
static int make_room(void **items, size_t count, size_t *room, size_t size, struct err *err)
{
    size_t wanted = *room < ROOM_MIN ? ROOM_MIN : 2 * *room;
    void *grown;

    if (count < *room)
        return 0;
    if (count >= ACCESS_EVIDENCE_OBJECTS_MAX)
        return err_set(err, ERR_LIMIT, "there are more than %u to tell of",
                       ACCESS_EVIDENCE_OBJECTS_MAX);
    grown = mem_resize(*items, wanted, size);
    if (!grown)
        return err_nomem(err);
    *items = grown;
    *room = wanted;
    return 0;
}

/* A copy of a member of metadata; "" where there is none. NULL: out of memory. */
static const char *text_of(const json_t *object, const char *member, const char *name,
                           struct arena *a)
{
    const char *text =
        json_string_value(json_member(json_member(json_member(object, "metadata"), member), name));

    return text ? arena_strndup(a, text, strnlen(text, TEXT_LEN_MAX)) : "";
}

static int secret_add(struct access_evidence *e, const struct reading *r, struct err *err)
{
    struct token_secret_facts facts = {
        .ns = arena_strdup(&e->arena, r->ns),
        .name = arena_strdup(&e->arena, r->name),
        .account = text_of(r->object, "annotations", ANNOTATION_ACCOUNT, &e->arena),
        .last_used = text_of(r->object, "labels", LABEL_LAST_USED, &e->arena),
    };
    void *items = e->secrets;

    if (!facts.ns || !facts.name || !facts.account || !facts.last_used)
        return err_nomem(err);
    if (make_room(&items, e->secrets_count, &e->secrets_room, sizeof(facts), err) < 0)
        return -1;
    e->secrets = items;
    e->secrets[e->secrets_count++] = facts;
    return 0;
}

/* Data that cannot be read is told of, and so is what is found in it. */
static int config_map_look(const struct reading *r, struct arena *a, struct config_map_facts *facts,
                           struct err *err)
{
    struct credentials found;
    struct err why = {0};

    if (credentials_find(json_member(r->object, "data"), a, &found, &why) < 0) {
        if (why.code != ERR_INVALID)
            return err_nomem(err);
        facts->unreadable = arena_strdup(a, why.msg);
        return facts->unreadable ? 0 : err_nomem(err);
    }
    facts->key = found.key;
    facts->what = found.what;
    facts->keys_count = found.keys_count;
    return 0;
}

static int config_map_add(struct access_evidence *e, const struct reading *r, struct err *err)
{
    struct config_map_facts facts = {.ns = ""};
    void *items = e->config_maps;

    if (config_map_look(r, &e->arena, &facts, err) < 0)
        return -1;
    if (facts.keys_count == 0 && !facts.unreadable)
        return 0;
    facts.ns = arena_strdup(&e->arena, r->ns);
    facts.name = arena_strdup(&e->arena, r->name);
    if (!facts.ns || !facts.name)
        return err_nomem(err);
    if (make_room(&items, e->config_maps_count, &e->config_maps_room, sizeof(facts), err) < 0)
        return -1;
    e->config_maps = items;
    e->config_maps[e->config_maps_count++] = facts;
    return 0;
}

static int add_other(struct access_evidence *e, enum access_evidence_kind kind,
                     const json_t *object, const char *ns_absent, struct err *err)
{
    char buffer[8192]; /* of names, which are all short */
    struct reading r = {0};
    struct arena names;

    arena_init_fixed(&names, buffer, sizeof(buffer));
    if (reading_begin(object, ns_absent, &names, &r, err) < 0)
        return -1;
    switch (kind) {
    case EVIDENCE_SERVICE_ACCOUNT:
        return access_accounts_add(&e->accounts, r.ns, r.name, err);
    case EVIDENCE_SECRET:
        e->objects++;
        return secret_add(e, &r, err);
    case EVIDENCE_CONFIG_MAP:
        e->objects++;
        return config_map_add(e, &r, err);
    default:
        return use(e, kind, &r, &names, err);
    }
}

void access_evidence_init(struct access_evidence *e, size_t bytes_max)
{
    *e = (struct access_evidence){.secrets = NULL};
    access_init(&e->graph, bytes_max);
    access_accounts_init(&e->accounts, bytes_max);
    arena_init(&e->arena, bytes_max);
}

void access_evidence_done(struct access_evidence *e)
{
    access_done(&e->graph);
    access_accounts_done(&e->accounts);
    arena_done(&e->arena);
    MEM_FREE_NULL(e->secrets);
    MEM_FREE_NULL(e->config_maps);
}

int access_evidence_add(struct access_evidence *e, enum access_evidence_kind kind,
                        const json_t *object, const char *ns_absent, struct err *err)
{
    static const enum access_kind of_graph[] = {
        [EVIDENCE_CLUSTER_ROLE] = ACCESS_CLUSTER_ROLE,
        [EVIDENCE_CLUSTER_ROLE_BINDING] = ACCESS_CLUSTER_ROLE_BINDING,
        [EVIDENCE_ROLE] = ACCESS_ROLE,
        [EVIDENCE_ROLE_BINDING] = ACCESS_ROLE_BINDING,
    };
    uint64_t failures = mem_failures();

    if (kind <= EVIDENCE_ROLE_BINDING)
        return access_add(&e->graph, of_graph[kind], object, ns_absent, err);
    if (add_other(e, kind, object, ns_absent, err) == 0)
        return 0;
    if (err && err->code == ERR_NOMEM && mem_failures() == failures)
        err_set(err, ERR_LIMIT, "they take more than %zu bytes", e->arena.used_max);
    return err_wrap(err, "%s", access_evidence_resources[kind].kind);
}

/* ---- findings ---- */

static int place_order(const char *ns, const char *name, const char *other_ns,
                       const char *other_name)
{
    int order = strcmp(ns, other_ns);

    return order != 0 ? order : strcmp(name, other_name);
}

static int secret_order(const void *one_ptr, const void *other_ptr)
{
    const struct token_secret_facts *one = one_ptr, *other = other_ptr;

    return place_order(one->ns, one->name, other->ns, other->name);
}

static int config_map_order(const void *one_ptr, const void *other_ptr)
{
    const struct config_map_facts *one = one_ptr, *other = other_ptr;

    return place_order(one->ns, one->name, other->ns, other->name);
}

static bool is_asked(const char *ns, const char *of_object)
{
    return !ns || strcmp(ns, of_object) == 0;
}

static int tell_rest(struct access_evidence *e, const char *ns, access_finding_fn fn, void *ctx,
                     struct err *err)
{
    if (e->secrets_count > 0)
        qsort(e->secrets, e->secrets_count, sizeof(*e->secrets), secret_order);
    if (e->config_maps_count > 0)
        qsort(e->config_maps, e->config_maps_count, sizeof(*e->config_maps), config_map_order);
    for (size_t i = 0; i < e->secrets_count; i++) {
        const struct access_rule_input in = {.secret = &e->secrets[i]};

        if (is_asked(ns, in.secret->ns) && access_findings_of(&in, fn, ctx, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < e->config_maps_count; i++) {
        const struct access_rule_input in = {.config_map = &e->config_maps[i]};

        if (is_asked(ns, in.config_map->ns) && access_findings_of(&in, fn, ctx, err) < 0)
            return -1;
    }
    return 0;
}

int access_evidence_findings(struct access_evidence *e, const char *ns, bool asks_components,
                             access_finding_fn fn, void *ctx, struct access_asked *ret_asked,
                             struct err *err)
{
    struct access_findings_question q = {
        .graph = &e->graph,
        .accounts = &e->accounts,
        .ns = ns,
        .roles = e->read[EVIDENCE_ROLE],
        .cluster_roles = e->read[EVIDENCE_CLUSTER_ROLE],
        .bindings = e->read[EVIDENCE_ROLE_BINDING],
        .cluster_bindings = e->read[EVIDENCE_CLUSTER_ROLE_BINDING],
        .service_accounts = e->read[EVIDENCE_SERVICE_ACCOUNT],
        .workloads = ACCESS_READ_ALL,
        .asks_components = asks_components,
    };
    struct access_asked asked;

    for (int kind = EVIDENCE_POD; kind <= EVIDENCE_CRON_JOB; kind++) {
        if (e->read[kind] != ACCESS_READ_ALL)
            q.workloads = ACCESS_READ_SOME;
    }
    if (access_link(&e->graph, err) < 0 || access_findings(&q, fn, ctx, &asked, err) < 0 ||
        tell_rest(e, ns, fn, ctx, err) < 0)
        return -1;
    ret_asked->objects = asked.objects + e->objects;
    return 0;
}

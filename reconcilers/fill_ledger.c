#include "fill_ledger.h"

#include <assert.h>
#include <string.h>

#include "fill_parts.h"
#include "rampart/json/get.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define PARTS_OF_CONTAINER 17
#define PARTS_ELSEWHERE 17

/* ---- What a fill may have written ---- */

struct shape {
    const char *field; /* NULL ends a list */
    enum part_role role;
    const struct shape *below;
    bool (*is_filled)(const json_t *live);
};

static bool is_true(const json_t *live)
{
    return json_typeof(live) == JSON_TRUE;
}

static bool is_false(const json_t *live)
{
    return json_typeof(live) == JSON_FALSE;
}

static bool is_text(const json_t *live)
{
    return json_typeof(live) == JSON_STRING;
}

static bool is_user(const json_t *live)
{
    return json_typeof(live) == JSON_INTEGER && json_integer_value(live) > 0;
}

static bool is_runtime_default(const json_t *live)
{
    return is_text(live) && strcmp(json_string_value(live), "RuntimeDefault") == 0;
}

static bool is_all(const json_t *live)
{
    const json_t *first = json_array_get(live, 0);

    return json_array_size(live) == 1 && is_text(first) &&
           strcmp(json_string_value(first), "ALL") == 0;
}

#define LEAF(field_, is_filled_)                                           \
    {                                                                      \
        .field = "f:" field_, .role = PART_LEAF, .is_filled = (is_filled_) \
    }
#define PARENT(field_, below_)                                       \
    {                                                                \
        .field = "f:" field_, .role = PART_PARENT, .below = (below_) \
    }
#define PATH(field_, below_)                                       \
    {                                                              \
        .field = "f:" field_, .role = PART_PATH, .below = (below_) \
    }
#define LIST(field_)                            \
    {                                           \
        .field = "f:" field_, .role = PART_LIST \
    }
#define END \
    {       \
        0   \
    }

static const struct shape seccomp[] = {LEAF("type", is_runtime_default), END};
static const struct shape capabilities[] = {LEAF("drop", is_all), END};
static const struct shape amounts[] = {LEAF("cpu", is_text), LEAF("memory", is_text), END};
static const struct shape resources[] = {PARENT("requests", amounts), PARENT("limits", amounts),
                                         END};
static const struct shape container_security[] = {
    LEAF("runAsNonRoot", is_true),
    LEAF("runAsUser", is_user),
    PARENT("seccompProfile", seccomp),
    LEAF("allowPrivilegeEscalation", is_false),
    PARENT("capabilities", capabilities),
    LEAF("readOnlyRootFilesystem", is_true),
    END,
};
static const struct shape container[] = {PARENT("securityContext", container_security),
                                         PARENT("resources", resources), END};
static const struct shape pod_security[] = {LEAF("runAsNonRoot", is_true),
                                            PARENT("seccompProfile", seccomp), END};
static const struct shape pod[] = {PARENT("securityContext", pod_security), LIST("initContainers"),
                                   LIST("containers"), END};
static const struct shape key[] = {LEAF(ANNOTATION_FILL, is_text), END};
static const struct shape template_metadata[] = {PARENT("annotations", key), END};
static const struct shape template[] = {PATH("metadata", template_metadata), PATH("spec", pod),
                                        END};
static const struct shape mark[] = {LEAF(ANNOTATION_ROLLOUT, is_text), END};
static const struct shape metadata[] = {PARENT("annotations", mark), END};
static const struct shape templated[] = {PATH("template", template), END};
static const struct shape workload[] = {PATH("metadata", metadata), PATH("spec", templated), END};
static const struct shape job_template[] = {PATH("spec", templated), END};
static const struct shape cron_job_spec[] = {PATH("jobTemplate", job_template), END};
static const struct shape cron_job[] = {PATH("metadata", metadata), PATH("spec", cron_job_spec),
                                        END};

/* ---- What of it is there ---- */

struct reading {
    struct ledger l;
    struct arena *a;
    struct err *err;
    bool has_failed; /* @err says why */
};

static void add_shapes(struct reading *r, const struct shape *shapes, size_t parent,
                       const json_t *live);

static int element_decode(const json_t *live, struct arena *a, struct part *part, struct err *err)
{
    AUTO_STRBUF field;
    struct json_build j;

    if (json_need_str(live, "name", POD_TEXT_MAX, a, &part->name, err) < 0)
        return -1;
    strbuf_init(&field, FILL_TEXT_LEN_MAX);
    json_build_init(&j, &field);
    strbuf_adds(&field, "k:");
    json_open_obj(&j, NULL);
    json_add_str(&j, "name", part->name);
    json_close_obj(&j);
    return fill_text_keep(&field, "name", a, &part->field, err);
}

static void add_containers(struct reading *r, size_t list)
{
    const json_t *containers = r->l.parts[list].live;

    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *live = json_array_get(containers, i);
        struct part part = {.live = live, .parent = list, .is_element = true};
        size_t place = r->l.count;

        if (element_decode(live, r->a, &part, r->err) < 0) {
            (void)json_path_wrap_index(r->err, r->l.parts[list].name, i);
            r->has_failed = true;
            return;
        }
        r->l.parts[r->l.count++] = part;
        add_shapes(r, container, place, live);
        r->l.parts[place].end = r->l.count;
    }
}

static void add_shapes(struct reading *r, const struct shape *shapes, size_t parent,
                       const json_t *live)
{
    for (const struct shape *shape = shapes; shape->field && !r->has_failed; shape++) {
        const char *name = shape->field + strlen("f:");
        const json_t *member = json_member(live, name);
        size_t place = r->l.count;

        if (!member)
            continue;
        r->l.parts[r->l.count++] = (struct part){.field = shape->field,
                                                 .name = name,
                                                 .live = member,
                                                 .is_filled = shape->is_filled,
                                                 .parent = parent,
                                                 .role = shape->role};
        if (shape->role == PART_LIST)
            add_containers(r, place);
        if (shape->below)
            add_shapes(r, shape->below, place, member);
        r->l.parts[place].end = r->l.count;
    }
}

/* ---- Whose it is ---- */

static void mark_all_below(struct ledger *l, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++)
        l->parts[i].is_others = true;
}

/* In a set of fields {} is the field itself, and "." is so beside what is below it. */
static bool has_itself(const json_t *at)
{
    return json_object_size(at) == 0 || json_object_get(at, ".");
}

/* @fields NULL, or what is no object where one should be: everything below is somebody else's. */
static void read_fields(struct ledger *l, const json_t *fields, bool is_ours)
{
    for (size_t i = 0; i < l->count;) {
        struct part *part = &l->parts[i];
        const json_t *above = part->parent == PART_NONE ? fields : l->parts[part->parent].at;

        part->at = json_object_get(above, part->field);
        if (part->at && json_typeof(part->at) == JSON_OBJECT) {
            bool is_owned = part->role == PART_LEAF || has_itself(part->at);

            *(is_ours ? &part->is_ours : &part->is_others) |= is_owned;
            i++;
            continue;
        }
        if (part->at && !is_ours)
            mark_all_below(l, i, part->end);
        i = part->end;
    }
}

static bool has_text(const json_t *obj, const char *name, const char *text)
{
    const json_t *value = json_member(obj, name);

    return value && is_text(value) && strcmp(json_string_value(value), text) == 0;
}

/* What a fill writes is there as an update of the object itself. */
static bool is_our_entry(const json_t *entry)
{
    return has_text(entry, "manager", FIELD_MANAGER) && has_text(entry, "operation", "Update") &&
           (!json_member(entry, "subresource") || has_text(entry, "subresource", ""));
}

static void read_managed_fields(struct ledger *l, const json_t *root)
{
    const json_t *entries = json_member(json_member(root, "metadata"), "managedFields");

    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        const json_t *fields = json_member(entry, "fieldsV1");
        bool is_ours = is_our_entry(entry);

        l->has_our_entry = l->has_our_entry || is_ours;
        if (fields && json_typeof(fields) == JSON_OBJECT)
            read_fields(l, fields, is_ours);
        else if (!is_ours)
            mark_all_below(l, 0, l->count);
    }
}

static const json_t *element_named(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *element = json_array_get(list, i);

        if (has_text(element, "name", name))
            return element;
    }
    return NULL;
}

static void state_all_below(struct ledger *l, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++)
        l->parts[i].is_stated = true;
}

static void read_statement(struct ledger *l, const json_t *root)
{
    for (size_t i = 0; i < l->count;) {
        struct part *part = &l->parts[i];
        const json_t *above = part->parent == PART_NONE ? root : l->parts[part->parent].at;

        if (json_typeof(above) != (part->is_element ? JSON_ARRAY : JSON_OBJECT)) {
            state_all_below(l, i, part->end);
            i = part->end;
            continue;
        }
        part->at =
            part->is_element ? element_named(above, part->name) : json_member(above, part->name);
        part->is_stated = part->at;
        i = part->at ? i + 1 : part->end;
    }
}

static int read_last_applied(struct ledger *l, const json_t *root, struct err *err)
{
    const json_t *annotations = json_member(json_member(root, "metadata"), "annotations");
    const json_t *text = json_member(annotations, LAST_APPLIED);
    struct err why = {0};
    json_auto_t *stated = NULL;

    if (!text)
        return 0;
    if (is_text(text))
        stated = json_decode(json_string_value(text), json_string_length(text), &why);
    if (why.code == ERR_NOMEM)
        return err_nomem(err);
    if (stated)
        read_statement(l, stated);
    else
        state_all_below(l, 0, l->count);
    return 0;
}

static bool is_mark(const struct part *part)
{
    return part->field == mark[0].field;
}

static bool is_key(const struct part *part)
{
    return part->field == key[0].field;
}

static const json_t *pod_of(enum kind kind, const json_t *root)
{
    const json_t *spec = json_member(root, "spec");

    if (kind == KIND_CRON_JOB)
        spec = json_member(json_member(spec, "jobTemplate"), "spec");
    return json_member(json_member(spec, "template"), "spec");
}

int fill_ledger_read(enum kind kind, const json_t *root, struct arena *a, struct ledger *ret_ledger,
                     struct err *err)
{
    struct reading r = {.a = a, .err = err};
    const json_t *spec = pod_of(kind, root);
    size_t containers = json_array_size(json_member(spec, "containers")) +
                        json_array_size(json_member(spec, "initContainers"));

    if (containers > FILL_TAKE_BACK_CONTAINERS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d containers", FILL_TAKE_BACK_CONTAINERS_MAX);
    r.l.parts =
        arena_calloc(a, PARTS_ELSEWHERE + containers * PARTS_OF_CONTAINER, sizeof(*r.l.parts));
    if (!r.l.parts)
        return err_nomem(err);
    add_shapes(&r, kind == KIND_CRON_JOB ? cron_job : workload, PART_NONE, root);
    if (r.has_failed)
        return -1;
    for (size_t i = 0; i < r.l.count; i++)
        r.l.has_our_annotation |= is_mark(&r.l.parts[i]) || is_key(&r.l.parts[i]);
    read_managed_fields(&r.l, root);
    if (read_last_applied(&r.l, root, err) < 0)
        return -1;
    *ret_ledger = r.l;
    return 0;
}

void fill_ledger_take(struct ledger *ledger, bool keeps_mark)
{
    for (size_t i = ledger->count; i-- > 0;) {
        struct part *part = &ledger->parts[i];
        bool is_others = part->is_others || part->is_stated;
        struct part *above = part->parent == PART_NONE ? NULL : &ledger->parts[part->parent];

        if (part->role == PART_LEAF && part->is_ours && part->is_filled(part->live) &&
            !(keeps_mark && is_mark(part))) {
            part->is_taken = !is_others;
            ledger->taken += !is_others;
            ledger->kept += is_others && !is_mark(part) && !is_key(part);
        }
        if (part->role == PART_PARENT)
            part->is_taken = part->is_ours && !is_others && part->taken_count > 0 &&
                             part->taken_count == json_object_size(part->live);
        if (above && part->is_taken)
            above->taken_count++;
        if (above && (part->is_taken || part->has_taken))
            above->has_taken = true;
    }
}

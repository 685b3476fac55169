#include <string.h>

#include "fill_ledger.h"
#include "fill_parts.h"
#include "rampart/kube/decode.h"

static void write_below(struct json_build *j, const struct ledger *l, size_t place);

/* The patch is merged by name; only so does the order of the containers stay. */
static void write_order(struct json_build *j, const struct ledger *l, size_t list)
{
    bool is_init = strcmp(l->parts[list].name, "initContainers") == 0;

    json_open_arr(j, is_init ? "$setElementOrder/initContainers" : "$setElementOrder/containers");
    for (size_t i = list + 1; i < l->parts[list].end; i = l->parts[i].end) {
        json_open_obj(j, NULL);
        json_add_str(j, "name", l->parts[i].name);
        json_close_obj(j);
    }
    json_close_arr(j);
}

static void write_list(struct json_build *j, const struct ledger *l, size_t list)
{
    write_order(j, l, list);
    json_open_arr(j, l->parts[list].name);
    for (size_t i = list + 1; i < l->parts[list].end; i = l->parts[i].end) {
        if (!l->parts[i].has_taken)
            continue;
        json_open_obj(j, NULL);
        json_add_str(j, "name", l->parts[i].name);
        write_below(j, l, i);
        json_close_obj(j);
    }
    json_close_arr(j);
}

static void write_below(struct json_build *j, const struct ledger *l, size_t place)
{
    for (size_t i = place + 1; i < l->parts[place].end; i = l->parts[i].end) {
        const struct part *part = &l->parts[i];

        if (part->is_taken) {
            json_add_null(j, part->name);
        } else if (part->has_taken && part->role == PART_LIST) {
            write_list(j, l, i);
        } else if (part->has_taken) {
            json_open_obj(j, part->name);
            write_below(j, l, i);
            json_close_obj(j);
        }
    }
}

static int write_patch(const struct object *object, const struct ledger *l, const char *mark,
                       struct arena *a, const char **ret_patch, struct err *err)
{
    AUTO_STRBUF text;
    struct json_build j;
    size_t spec = l->parts[0].end; /* behind metadata, which every object has */

    strbuf_init(&text, FILL_TEXT_LEN_MAX);
    json_build_init(&j, &text);
    json_open_obj(&j, NULL);
    json_open_obj(&j, "metadata");
    json_add_str(&j, "uid", object->uid);
    json_add_str(&j, "resourceVersion", object->rv);
    if (mark) {
        json_open_obj(&j, "annotations");
        json_add_str(&j, ANNOTATION_ROLLOUT, mark);
        json_close_obj(&j);
    } else {
        write_below(&j, l, 0);
    }
    json_close_obj(&j);
    if (spec < l->count && l->parts[spec].has_taken) {
        json_open_obj(&j, "spec");
        write_below(&j, l, spec);
        json_close_obj(&j);
    }
    json_close_obj(&j);
    return fill_text_keep(&text, "patch", a, ret_patch, err);
}

static int take_back(const struct object *object, const json_t *root, const char *mark,
                     struct arena *a, const char **ret_patch, size_t *ret_kept, struct err *err)
{
    const char *patch = NULL;
    struct ledger l;

    if (fill_ledger_read(object->kind, root, a, &l, err) < 0)
        return -1;
    if (!l.has_our_entry && l.has_our_annotation)
        return err_set(err, ERR_UNAVAILABLE,
                       "managedFields no longer say what was filled in: the entry of manager "
                       "\"" FIELD_MANAGER "\" is gone; remove by hand what is not wanted, and the "
                       "annotations " ANNOTATION_FILL " and " ANNOTATION_ROLLOUT);
    fill_ledger_take(&l, mark);
    if (l.taken > 0 && write_patch(object, &l, mark, a, &patch, err) < 0)
        return -1;
    *ret_patch = patch;
    *ret_kept = l.kept;
    return 0;
}

int fill_take_back(enum kind kind, const json_t *root, const char *mark, struct arena *a,
                   const char **ret_patch, size_t *ret_kept, struct err *err)
{
    struct object object;

    if (meta_decode(kind, root, a, &object, err) < 0)
        return err_wrap(err, "take back");
    if (take_back(&object, root, mark, a, ret_patch, ret_kept, err) < 0)
        return err_wrap(err, "take back %s %s/%s", resource_of(kind)->name, object.ns, object.name);
    return 0;
}

#include "support/strategic.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "support/unit.h"

static bool is_merged_by_name(const char *member)
{
    return strcmp(member, "containers") == 0 || strcmp(member, "initContainers") == 0;
}

static json_t *named(const json_t *list, const json_t *element)
{
    const char *name = json_string_value(json_object_get(element, "name"));

    for (size_t i = 0; name && i < json_array_size(list); i++) {
        json_t *other = json_array_get(list, i);

        if (strcmp(name, json_string_value(json_object_get(other, "name"))) == 0)
            return other;
    }
    return NULL;
}

json_t *strategic_parent(const json_t *workload)
{
    json_t *spec = json_object_get(workload, "spec");
    json_t *job = json_object_get(spec, "jobTemplate");

    return job ? json_object_get(job, "spec") : spec;
}

/* ---- Merging ---- */

static void merge(json_t *target, const json_t *patch);

static void merge_list(json_t *target, const char *member, const json_t *list, const json_t *order)
{
    const json_t *live = json_object_get(target, member);

    assert_int_equal(json_array_size(order), json_array_size(live)); /* all of them, as they are */
    for (size_t i = 0; i < json_array_size(order); i++)
        assert_ptr_equal(named(live, json_array_get(order, i)), json_array_get(live, i));
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *element = named(live, json_array_get(list, i));

        assert_non_null(element); /* none is ever added */
        merge(element, json_array_get(list, i));
    }
}

static void merge(json_t *target, const json_t *patch)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)patch, key, value)
    {
        char order[64];

        (void)snprintf(order, sizeof(order), "$setElementOrder/%s", key);
        if (*key == '$')
            continue;
        if (json_is_null(value)) {
            json_object_del(target, key);
        } else if (json_is_array(value) && is_merged_by_name(key)) {
            merge_list(target, key, value, json_object_get(patch, order));
        } else if (json_is_object(value)) {
            if (!json_is_object(json_object_get(target, key)))
                json_object_set_new(target, key, json_object());
            merge(json_object_get(target, key), value);
        } else {
            json_object_set(target, key, value);
        }
    }
}

/* ---- Whose is what ---- */

static void note(json_t *fields, const json_t *before, const json_t *after);

/* What is below @name of @fields, made when something comes of it. */
static void note_below(json_t *fields, const char *name, const json_t *before, const json_t *after)
{
    json_t *below = json_object_get(fields, name);
    bool is_new = !below;

    if (is_new) {
        below = json_object();
        json_object_set_new(fields, name, below);
    }
    if (!before)
        json_object_set_new(below, ".", json_object());
    note(below, before, after);
    if (json_object_size(below) == 0 || (is_new && before && json_object_size(below) == 0))
        json_object_del(fields, name);
}

static void note_elements(json_t *fields, const json_t *before, const json_t *after)
{
    for (size_t i = 0; i < json_array_size(after); i++) {
        const json_t *element = json_array_get(after, i);
        char key[300];

        (void)snprintf(key, sizeof(key), "k:{\"name\":\"%s\"}",
                       json_string_value(json_object_get(element, "name")));
        note_below(fields, key, named(before, element), element);
    }
}

static void note_member(json_t *fields, const char *key, const json_t *was, const json_t *is)
{
    char name[300];

    (void)snprintf(name, sizeof(name), "f:%s", key);
    if (!is) {
        json_object_del(fields, name);
    } else if (json_is_object(is)) {
        note_below(fields, name, was, is);
    } else if (json_is_array(is) && is_merged_by_name(key)) {
        json_t *below = json_object_get(fields, name);

        if (!below) {
            below = json_object();
            json_object_set_new(fields, name, below);
        }
        note_elements(below, was, is);
        if (json_object_size(below) == 0)
            json_object_del(fields, name);
    } else if (!json_equal(was, is)) {
        json_object_set_new(fields, name, json_object());
    }
}

static void note(json_t *fields, const json_t *before, const json_t *after)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)after, key, value)
        note_member(fields, key, json_object_get(before, key), value);
    json_object_foreach((json_t *)(uintptr_t)before, key, value)
    {
        if (!json_object_get(after, key))
            note_member(fields, key, value, NULL);
    }
}

static json_t *entry_of(json_t *workload, const char *manager)
{
    json_t *meta = json_object_get(workload, "metadata");
    json_t *entries = json_object_get(meta, "managedFields");
    json_t *entry;

    if (!entries) {
        entries = json_array();
        json_object_set_new(meta, "managedFields", entries);
    }
    for (size_t i = 0; i < json_array_size(entries); i++) {
        entry = json_array_get(entries, i);
        if (strcmp(json_string_value(json_object_get(entry, "manager")), manager) == 0)
            return entry;
    }
    entry = json_pack("{s:s,s:s,s:{}}", "manager", manager, "operation", "Update", "fieldsV1");
    json_array_append_new(entries, entry);
    return entry;
}

static void count_generation(json_t *workload, const json_t *before)
{
    json_t *meta = json_object_get(workload, "metadata");

    if (!json_equal(json_object_get(workload, "spec"), json_object_get(before, "spec")))
        json_object_set_new(meta, "generation",
                            json_integer(json_integer_value(json_object_get(meta, "generation")) +
                                         1));
}

void strategic_apply(json_t *workload, const json_t *patch, const char *manager)
{
    json_t *before = json_deep_copy(workload), *after, *entry;

    merge(workload, patch);
    after = json_deep_copy(workload);
    json_object_del(json_object_get(after, "metadata"), "managedFields");
    json_object_del(json_object_get(before, "metadata"), "managedFields");
    entry = entry_of(workload, manager);
    note(json_object_get(entry, "fieldsV1"), before, after);
    if (json_object_size(json_object_get(entry, "fieldsV1")) == 0) {
        json_t *entries = json_object_get(json_object_get(workload, "metadata"), "managedFields");

        for (size_t i = 0; i < json_array_size(entries); i++) {
            if (json_array_get(entries, i) == entry)
                json_array_remove(entries, i--);
        }
        if (json_array_size(entries) == 0)
            json_object_del(json_object_get(workload, "metadata"), "managedFields");
    }
    count_generation(workload, before);
    json_decref(after);
    json_decref(before);
}

void strategic_replace(json_t *workload, const json_t *template, const char *manager,
                       const char *time)
{
    json_t *before = json_deep_copy(workload);
    json_t *entries = json_object_get(json_object_get(workload, "metadata"), "managedFields");
    json_t *entry;

    json_object_set_new(strategic_parent(workload), "template", json_deep_copy(template));
    for (size_t i = 0; i < json_array_size(entries); i++)
        json_object_del(json_object_get(json_array_get(entries, i), "fieldsV1"), "f:spec");
    entry = entry_of(workload, manager);
    json_object_set_new(entry, "time", json_string(time));
    json_object_set_new(json_object_get(entry, "fieldsV1"), "f:spec",
                        json_object_get(json_object_get(workload, "spec"), "jobTemplate")
                            ? json_pack("{s:{s:{s:{s:{}}}}}", "f:jobTemplate", "f:spec",
                                        "f:template", "f:metadata")
                            : json_pack("{s:{s:{}}}", "f:template", "f:metadata"));
    count_generation(workload, before);
    json_decref(before);
}

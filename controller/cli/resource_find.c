#include "rampart/cli/resource_find.h"

#include <stdio.h>
#include <string.h>

#include "rampart/cli/api_read.h"
#include "rampart/json/get.h"
#include "rampart/kube/path.h"
#include "rampart/kube/rbac_rule.h"

#define GROUPS_MAX 1024 /* of one API server */
#define CORE_PATH "/api/v1"

/* What one version of a group has: asked side by side, so the first of @places wins. */
struct place {
    const char *group;
    const char *path;
    const struct resource_name *wanted;
    struct arena *arena;
    struct found_resource found; /* is_known: it is here */
    struct err failed;           /* why the API server cannot tell; ERR_NONE: it did */
};

struct discovery {
    const struct resource_name *wanted;
    struct arena *arena;
    struct place *places; /* room for GROUPS_MAX */
    size_t count;
};

static bool has_text(const json_t *texts, const char *text)
{
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *one = json_string_value(json_array_get(texts, i));

        if (one && strcmp(one, text) == 0)
            return true;
    }
    return false;
}

static bool is_text(const json_t *obj, const char *name, const char *text)
{
    const char *is = json_string_value(json_member(obj, name));

    return is && strcmp(is, text) == 0;
}

static int take_resources(void *ctx, const json_t *list, struct err *err)
{
    struct place *p = ctx;
    const json_t *resources;

    if (json_get_arr(list, "resources", SIZE_MAX, &resources, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(resources); i++) {
        const json_t *one = json_array_get(resources, i);
        const char *plural = json_string_value(json_member(one, "name"));

        if (!plural || strchr(plural, '/') ||
            (strcmp(plural, p->wanted->resource) != 0 &&
             !is_text(one, "singularName", p->wanted->resource) &&
             !has_text(json_member(one, "shortNames"), p->wanted->resource)))
            continue;
        p->found = (struct found_resource){
            .plural = arena_strdup(p->arena, plural),
            .group = p->group,
            .is_namespaced = json_is_true(json_member(one, "namespaced")),
            .is_known = true,
        };
        return p->found.plural ? 0 : err_nomem(err);
    }
    return 0;
}

static int place_add(struct discovery *d, const char *group, const char *version, struct err *err)
{
    struct place *p = &d->places[d->count];
    AUTO_STRBUF path;

    if (d->count == GROUPS_MAX)
        return err_set(err, ERR_LIMIT, "the API server has more than %d groups", GROUPS_MAX);
    strbuf_init(&path, PATH_LEN_MAX);
    strbuf_adds(&path, "/apis/");
    path_escape(&path, group);
    strbuf_addc(&path, '/');
    path_escape(&path, version);
    if (strbuf_check(&path, "path", err) < 0)
        return -1;
    *p = (struct place){.wanted = d->wanted, .arena = d->arena};
    p->group = arena_strdup(d->arena, group);
    p->path = arena_strdup(d->arena, path.text);
    if (!p->group || !p->path)
        return err_nomem(err);
    d->count++;
    return 0;
}

static int take_groups(void *ctx, const json_t *list, struct err *err)
{
    struct discovery *d = ctx;
    const json_t *groups;

    if (json_get_arr(list, "groups", SIZE_MAX, &groups, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *group = json_array_get(groups, i);
        const char *name = json_string_value(json_member(group, "name"));
        const char *version =
            json_string_value(json_member(json_member(group, "preferredVersion"), "version"));

        if (!name || !version || (d->wanted->group && strcmp(d->wanted->group, name) != 0))
            continue;
        if (place_add(d, name, version, err) < 0)
            return -1;
    }
    return 0;
}

static int ask_places(struct discovery *d, const struct client_config *config, struct log *log,
                      struct found_resource *found, struct err *err)
{
    struct api_reading *readings = arena_calloc(d->arena, d->count + 1, sizeof(*readings));

    if (!readings)
        return err_nomem(err);
    for (size_t i = 0; i < d->count; i++)
        readings[i] = (struct api_reading){.path = d->places[i].path,
                                           .what = "look up which resources there are",
                                           .is_document = true,
                                           .on_value = take_resources,
                                           .ctx = &d->places[i],
                                           .ret_failed = &d->places[i].failed};
    if (api_read(config, log, readings, d->count, err) < 0)
        return -1;
    for (size_t i = 0; i < d->count && !found->is_known; i++)
        *found = d->places[i].found;
    for (size_t i = 0; i < d->count && !found->is_known && !d->wanted->group; i++) {
        if (d->places[i].failed.code != ERR_NONE)
            return err_set(err, d->places[i].failed.code,
                           "the API server knows no resource \"%.64s\", but cannot tell what group "
                           "%.64s has (%.200s); write it with its group: %.64s.GROUP",
                           d->wanted->resource, d->places[i].group, d->places[i].failed.msg,
                           d->wanted->resource);
    }
    return 0;
}

static int discover(const struct resource_name *name, const struct client_config *config,
                    struct log *log, struct arena *a, struct found_resource *found, struct err *err)
{
    struct discovery d = {.wanted = name, .arena = a};
    struct api_reading groups = {.path = "/apis",
                                 .what = "look up which groups of resources there are",
                                 .is_document = true,
                                 .on_value = take_groups,
                                 .ctx = &d};

    d.places = arena_calloc(a, GROUPS_MAX, sizeof(*d.places));
    if (!d.places)
        return err_nomem(err);
    if (!name->group || *name->group == '\0')
        d.places[d.count++] =
            (struct place){.group = "", .path = CORE_PATH, .wanted = name, .arena = a};
    if (api_read(config, log, &groups, 1, err) < 0)
        return -1;
    return d.count > 0 ? ask_places(&d, config, log, found, err) : 0;
}

int resource_find(const struct resource_name *name, const struct client_config *config,
                  struct log *log, struct arena *a, struct found_resource *ret_found,
                  struct err *err)
{
    const struct known_resource *known = known_resource_find(name->resource, name->group);
    struct found_resource found = {0};

    if (known)
        found = (struct found_resource){known->plural, known->group, known->is_namespaced, true};
    else if (strcmp(name->resource, RBAC_ALL) == 0)
        found = (struct found_resource){RBAC_ALL, name->group ? name->group : RBAC_ALL, true, true};
    else if (config && discover(name, config, log, a, &found, err) < 0)
        return -1;
    if (!found.is_known && !name->group)
        return err_set(err, ERR_NOT_FOUND,
                       "%s no resource \"%.64s\"; write it with its group: %.64s.GROUP",
                       config ? "the API server has" : "Kubernetes itself has", name->resource,
                       name->resource);
    if (!found.is_known)
        found = (struct found_resource){name->resource, name->group, true, false};
    *ret_found = found;
    return 0;
}

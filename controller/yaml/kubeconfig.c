#include "rampart/yaml/kubeconfig.h"

#include <string.h>

#include "kubeconfig_entry.h"
#include "rampart/json/get.h"
#include "rampart/yaml/yaml.h"

#define ENTRIES_MAX 1000 /* clusters, users or contexts of one file */

/* One file as it was read. */
struct parsed {
    const struct kubeconfig_file *file; /* borrowed */
    json_t *root;                       /* owned; NULL for an empty file */
};

/* All files, in the order of their precedence. */
struct merged {
    struct parsed *parsed; /* owned */
    size_t count;
};

/* The three lists of a kubeconfig. */
struct list {
    const char *plural; /* "clusters" */
    const char *single; /* "cluster": the member of an entry that holds its body */
};

static const struct list clusters = {"clusters", "cluster"};
static const struct list users = {"users", "user"};
static const struct list contexts = {"contexts", "context"};

static int take_document(void *ctx, const json_t *document, size_t line, struct err *err)
{
    struct parsed *parsed = ctx;

    if (parsed->root)
        return err_set(err, ERR_INVALID, "line %zu: a second document; a kubeconfig has one", line);
    if (!json_is_object(document))
        return err_set(err, ERR_INVALID, "line %zu: expected a map (apiVersion, clusters, ...)",
                       line);
    parsed->root = json_incref((json_t *)(uintptr_t)document);
    return 0;
}

/* Finds @name in the list of one file: 1 found, 0 not there, -1 error. A name that is there twice
 * is one. */
static int find_in_file(const struct parsed *p, const struct list *list, const char *name,
                        struct kubeconfig_entry *ret_entry, struct err *err)
{
    const json_t *entries, *body;
    struct kubeconfig_entry found = {0};
    bool is_found = false;
    size_t i;
    json_t *item;

    if (json_get_arr(p->root, list->plural, ENTRIES_MAX, &entries, err) < 0)
        return err_wrap(err, "%s", p->file->path);
    json_array_foreach(entries, i, item)
    {
        const char *item_name = json_string_value(json_object_get(item, "name"));

        if (!item_name)
            return err_set(err, ERR_INVALID, "%s: %s[%zu].name: expected a string", p->file->path,
                           list->plural, i);
        if (strcmp(item_name, name) != 0)
            continue;
        if (is_found)
            return err_set(err, ERR_INVALID, "%s: %s: the name \"%s\" is there twice",
                           p->file->path, list->plural, name);
        if (json_get_obj(item, list->single, &body, err) < 0)
            return err_wrap(err, "%s: %s[%zu]", p->file->path, list->plural, i);
        found = (struct kubeconfig_entry){.body = body,
                                          .kind = list->single,
                                          .name = name,
                                          .path = p->file->path};
        is_found = true;
    }
    if (is_found)
        *ret_entry = found;
    return is_found ? 1 : 0;
}

/* The first file that names it wins with its whole entry, as in client-go. */
static int find_entry(const struct merged *m, const struct list *list, const char *name,
                      const char *wanted_by, struct kubeconfig_entry *ret_entry, struct err *err)
{
    for (size_t i = 0; i < m->count; i++) {
        int r = find_in_file(&m->parsed[i], list, name, ret_entry, err);

        if (r != 0)
            return r < 0 ? -1 : 0;
    }
    return err_set(err, ERR_INVALID, "%s: there is no %s \"%s\"", wanted_by, list->single, name);
}

/* The first file that states a current context decides. */
static int current_context(const struct merged *m, struct arena *a, const char **ret_name,
                           struct err *err)
{
    for (size_t i = 0; i < m->count; i++) {
        const char *name;

        if (json_get_str(m->parsed[i].root, "current-context", KUBECONFIG_TEXT_MAX, a, &name, err) <
            0)
            return err_wrap(err, "%s", m->parsed[i].file->path);
        if (name && *name) {
            *ret_name = name;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "%s: no current-context is set; choose one with --context",
                   m->count > 0 ? m->parsed[0].file->path : "kubeconfig");
}

static int resolve(const struct merged *m, const char *context, struct arena *a,
                   struct client_config *c, struct err *err)
{
    struct kubeconfig_entry e, cluster, user;
    const char *cluster_name, *user_name, *wanted_by;

    if (!context && current_context(m, a, &context, err) < 0)
        return -1;
    if (find_entry(m, &contexts, context, m->count > 0 ? m->parsed[0].file->path : "kubeconfig", &e,
                   err) < 0 ||
        entry_text(&e, "cluster", a, &cluster_name, err) < 0 ||
        entry_text(&e, "user", a, &user_name, err) < 0 ||
        entry_text(&e, "namespace", a, &c->ns, err) < 0)
        return -1;
    if (!cluster_name)
        return entry_complain(&e, err, "cluster is missing");
    wanted_by = arena_printf(a, "%s: context \"%s\"", e.path, context);
    c->source = arena_printf(a, "context \"%s\" of %s", context, e.path);
    if (!wanted_by || !c->source)
        return err_nomem(err);
    if (find_entry(m, &clusters, cluster_name, wanted_by, &cluster, err) < 0 ||
        kubeconfig_cluster(&cluster, a, c, err) < 0)
        return -1;
    if (!user_name)
        return 0; /* nobody in particular: client-go allows it too */
    if (find_entry(m, &users, user_name, wanted_by, &user, err) < 0 ||
        kubeconfig_user(&user, &cluster, a, c, err) < 0)
        return -1;
    return 0;
}

int kubeconfig_resolve(const struct kubeconfig_file *files, size_t files_count, const char *context,
                       struct arena *a, struct client_config *ret_config, struct err *err)
{
    struct client_config config = {0};
    struct merged m = {0};
    int r = 0;

    if (files_count > KUBECONFIG_FILES_MAX)
        return err_set(err, ERR_LIMIT, "kubeconfig: more than %d files", KUBECONFIG_FILES_MAX);
    m.parsed = mem_calloc(files_count, sizeof(*m.parsed));
    if (!m.parsed)
        return err_nomem(err);
    while (r == 0 && m.count < files_count) {
        struct parsed *p = &m.parsed[m.count];

        p->file = &files[m.count++];
        r = yaml_decode(p->file->text, p->file->len, take_document, p, err);
        if (r < 0)
            err_wrap(err, "%s", p->file->path);
    }
    if (r == 0)
        r = resolve(&m, context, a, &config, err);
    for (size_t i = 0; i < m.count; i++)
        json_decref(m.parsed[i].root);
    mem_free(m.parsed);
    if (r == 0)
        *ret_config = config;
    return r;
}

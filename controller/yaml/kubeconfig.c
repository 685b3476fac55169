#include "rampart/yaml/kubeconfig.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/yaml/base64.h"
#include "rampart/yaml/yaml.h"

#define TEXT_MAX (1024u * 1024) /* one string: a file's own ceiling */
#define ENTRIES_MAX 1000        /* clusters, users or contexts of one file */

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

/* An entry of "clusters", "users" or "contexts", and where it stands. */
struct entry {
    const json_t *body; /* borrowed; NULL: the entry is there and says nothing */
    const char *name;   /* borrowed */
    const char *path;   /* of its file, borrowed */
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
                        struct entry *ret_entry, struct err *err)
{
    const json_t *entries, *body;
    struct entry found = {0};
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
        found = (struct entry){.body = body, .name = name, .path = p->file->path};
        is_found = true;
    }
    if (is_found)
        *ret_entry = found;
    return is_found ? 1 : 0;
}

/* The first file that names it wins with its whole entry, as in client-go. */
static int find_entry(const struct merged *m, const struct list *list, const char *name,
                      const char *wanted_by, struct entry *ret_entry, struct err *err)
{
    for (size_t i = 0; i < m->count; i++) {
        int r = find_in_file(&m->parsed[i], list, name, ret_entry, err);

        if (r != 0)
            return r < 0 ? -1 : 0;
    }
    return err_set(err, ERR_INVALID, "%s: there is no %s \"%s\"", wanted_by, list->single, name);
}

static int get_text(const struct entry *e, const struct list *list, const char *name,
                    struct arena *a, const char **ret_text, struct err *err)
{
    const char *text;

    if (json_get_str(e->body, name, TEXT_MAX, a, &text, err) < 0)
        return err_wrap(err, "%s: %s \"%s\"", e->path, list->single, e->name);
    *ret_text = text && *text ? text : NULL;
    return 0;
}

static int complain(const struct entry *e, const struct list *list, struct err *err,
                    const char *what)
{
    return err_set(err, ERR_INVALID, "%s: %s \"%s\": %s", e->path, list->single, e->name, what);
}

/* A path is relative to the file that names it. */
static int get_path(const struct entry *e, const struct list *list, const char *name,
                    struct arena *a, const char **ret_path, struct err *err)
{
    const char *slash = strrchr(e->path, '/');
    int folder_len = slash ? (int)(slash - e->path) : 0;
    const char *path;

    if (get_text(e, list, name, a, &path, err) < 0)
        return -1;
    if (path && *path != '/') {
        path = arena_printf(a, "%.*s/%s", folder_len, e->path, path);
        if (!path)
            return err_nomem(err);
    }
    *ret_path = path;
    return 0;
}

static int get_data(const struct entry *e, const struct list *list, const char *name,
                    struct arena *a, const char **ret_data, struct err *err)
{
    const char *text;
    char *data;
    size_t len;

    if (get_text(e, list, name, a, &text, err) < 0)
        return -1;
    if (!text) {
        *ret_data = NULL;
        return 0;
    }
    data = base64_decode(text, a, &len, err);
    if (data && (len == 0 || memchr(data, '\0', len))) {
        err_set(err, ERR_INVALID, "base64 of something that is no PEM text");
        data = NULL;
    }
    if (!data)
        return err_wrap(err, "%s: %s \"%s\": %s", e->path, list->single, e->name, name);
    *ret_data = data;
    return 0;
}

/* The edge takes the URL apart; what is refused here is what could send a credential astray. */
static int check_server(const struct entry *e, const char *server, struct err *err)
{
    if (!server)
        return complain(e, &clusters, err, "server is missing");
    if (strncasecmp(server, "http://", 7) == 0)
        return complain(e, &clusters, err,
                        "server: http is refused, a token would travel in the clear; use https");
    if (strncasecmp(server, "https://", 8) != 0)
        return complain(e, &clusters, err, "server: expected https://host:port");
    if (strpbrk(server, "@?#\\\"<> \t\r\n"))
        return complain(e, &clusters, err,
                        "server: expected https://host:port without a user, query or spaces");
    return 0;
}

static int resolve_cluster(const struct entry *e, struct arena *a, struct client_config *c,
                           struct err *err)
{
    const char *proxy;

    if (get_text(e, &clusters, "server", a, &c->server, err) < 0 ||
        get_text(e, &clusters, "tls-server-name", a, &c->tls_server_name, err) < 0 ||
        get_text(e, &clusters, "proxy-url", a, &proxy, err) < 0 ||
        get_path(e, &clusters, "certificate-authority", a, &c->ca_file, err) < 0 ||
        get_data(e, &clusters, "certificate-authority-data", a, &c->ca_data, err) < 0)
        return -1;
    if (json_get_bool(e->body, "insecure-skip-tls-verify", false, &c->skips_tls_verify, err) < 0)
        return err_wrap(err, "%s: cluster \"%s\"", e->path, e->name);
    if (proxy)
        return complain(e, &clusters, err, "proxy-url is not supported yet");
    if (c->skips_tls_verify && (c->ca_file || c->ca_data))
        return complain(e, &clusters, err,
                        "insecure-skip-tls-verify contradicts certificate-authority; remove one");
    return check_server(e, c->server, err);
}

/* What would silently act as somebody else if we did not know it. */
static int refuse_unsupported(const struct entry *e, struct err *err)
{
    static const struct {
        const char *field, *why;
    } unsupported[] = {
        {"exec",
         "exec plugins are not supported yet; use a token, tokenFile or client certificate"},
        {"auth-provider", "auth-provider is not supported; use a token or a client certificate"},
        {"username", "username and password are not supported; Kubernetes removed them in 1.19"},
        {"password", "username and password are not supported; Kubernetes removed them in 1.19"},
        {"as", "impersonation (as) is not supported"},
        {"as-uid", "impersonation (as-uid) is not supported"},
        {"as-groups", "impersonation (as-groups) is not supported"},
        {"as-user-extra", "impersonation (as-user-extra) is not supported"},
    };

    for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
        const json_t *value = json_object_get(e->body, unsupported[i].field);

        if (value && !json_is_null(value))
            return complain(e, &users, err, unsupported[i].why);
    }
    return 0;
}

static int resolve_user(const struct entry *e, struct arena *a, struct client_config *c,
                        struct err *err)
{
    if (refuse_unsupported(e, err) < 0 || get_text(e, &users, "token", a, &c->token, err) < 0 ||
        get_path(e, &users, "tokenFile", a, &c->token_file, err) < 0 ||
        get_path(e, &users, "client-certificate", a, &c->cert_file, err) < 0 ||
        get_data(e, &users, "client-certificate-data", a, &c->cert_data, err) < 0 ||
        get_path(e, &users, "client-key", a, &c->key_file, err) < 0 ||
        get_data(e, &users, "client-key-data", a, &c->key_data, err) < 0)
        return -1;
    if ((c->cert_file || c->cert_data) && !(c->key_file || c->key_data))
        return complain(e, &users, err, "client-certificate has no client-key");
    if ((c->key_file || c->key_data) && !(c->cert_file || c->cert_data))
        return complain(e, &users, err, "client-key has no client-certificate");
    return 0;
}

/* The first file that states a current context decides. */
static int current_context(const struct merged *m, struct arena *a, const char **ret_name,
                           struct err *err)
{
    for (size_t i = 0; i < m->count; i++) {
        const char *name;

        if (json_get_str(m->parsed[i].root, "current-context", TEXT_MAX, a, &name, err) < 0)
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
    struct entry e, cluster, user;
    const char *cluster_name, *user_name, *wanted_by;

    if (!context && current_context(m, a, &context, err) < 0)
        return -1;
    if (find_entry(m, &contexts, context, m->count > 0 ? m->parsed[0].file->path : "kubeconfig", &e,
                   err) < 0 ||
        get_text(&e, &contexts, "cluster", a, &cluster_name, err) < 0 ||
        get_text(&e, &contexts, "user", a, &user_name, err) < 0)
        return -1;
    if (!cluster_name)
        return complain(&e, &contexts, err, "cluster is missing");
    wanted_by = arena_printf(a, "%s: context \"%s\"", e.path, context);
    c->source = arena_printf(a, "context \"%s\" of %s", context, e.path);
    if (!wanted_by || !c->source)
        return err_nomem(err);
    if (find_entry(m, &clusters, cluster_name, wanted_by, &cluster, err) < 0 ||
        resolve_cluster(&cluster, a, c, err) < 0)
        return -1;
    if (!user_name)
        return 0; /* nobody in particular: client-go allows it too */
    if (find_entry(m, &users, user_name, wanted_by, &user, err) < 0)
        return -1;
    return resolve_user(&user, a, c, err);
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

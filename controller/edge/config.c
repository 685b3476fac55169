#include "rampart/edge/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "rampart/base/strbuf.h"

#define READ_CHUNK 4096
#define NAMESPACE_LEN_MAX 63 /* a DNS label */

/* The texts of several files, freed together. */
struct texts {
    struct kubeconfig_file files[KUBECONFIG_FILES_MAX]; /* path in the arena, text owned */
    size_t count;
};

static int read_all(int fd, struct strbuf *b)
{
    for (;;) {
        char chunk[READ_CHUNK];
        ssize_t got = read(fd, chunk, sizeof(chunk));

        if (got < 0 && errno == EINTR)
            continue;
        if (got > 0)
            strbuf_add(b, chunk, (size_t)got);
        explicit_bzero(chunk, sizeof(chunk)); /* tokens and keys pass through here */
        if (got <= 0 || !strbuf_is_ok(b))
            return got < 0 ? -1 : 0;
    }
}

char *file_read(const char *path, size_t len_max, size_t *ret_len, struct err *err)
{
    AUTO_STRBUF b;
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int r;

    strbuf_init(&b, len_max);
    if (fd < 0) {
        err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "read %s: %s", path,
                strerror(errno));
        return NULL;
    }
    r = read_all(fd, &b);
    if (r < 0)
        err_set(err, ERR_IO, "read %s: %s", path, strerror(errno));
    close(fd);
    if (r == 0 && b.broke == ERR_LIMIT)
        err_set(err, ERR_LIMIT, "read %s: longer than %zu bytes", path, len_max);
    else if (r == 0 && strbuf_check(&b, path, err) == 0) {
        text = strbuf_take(&b, ret_len);
        if (!text)
            err_nomem(err);
    }
    return text;
}

static void texts_done(struct texts *t)
{
    for (size_t i = 0; i < t->count; i++) {
        explicit_bzero((char *)(uintptr_t)t->files[i].text, t->files[i].len);
        mem_free((char *)(uintptr_t)t->files[i].text);
    }
}

/* client-go takes relative paths from the working folder; symbolic links are not followed. */
static const char *absolute(const char *path, struct arena *a, struct err *err)
{
    char folder[PATH_MAX];
    const char *whole;

    if (*path == '/')
        whole = arena_strdup(a, path);
    else if (!getcwd(folder, sizeof(folder))) {
        err_set(err, ERR_IO, "%s: the working folder is gone; give an absolute path", path);
        return NULL;
    } else
        whole = arena_printf(a, "%s/%s", folder, path);
    if (!whole)
        err_nomem(err);
    return whole;
}

static int texts_add(struct texts *t, const char *path, struct arena *a, struct err *err)
{
    const char *whole = absolute(path, a, err);
    size_t len;
    char *text;

    if (!whole)
        return -1;
    if (t->count == KUBECONFIG_FILES_MAX)
        return err_set(err, ERR_LIMIT, "KUBECONFIG names more than %d files", KUBECONFIG_FILES_MAX);
    text = file_read(whole, CONFIG_FILE_MAX, &len, err);
    if (!text)
        return err_wrap(err, "kubeconfig");
    t->files[t->count++] = (struct kubeconfig_file){.path = whole, .text = text, .len = len};
    return 0;
}

static int load_one(const char *path, const char *context, struct arena *a,
                    struct client_config *ret_config, struct err *err)
{
    struct texts texts = {.count = 0};
    int r = texts_add(&texts, path, a, err);

    if (r == 0)
        r = kubeconfig_resolve(texts.files, texts.count, context, a, ret_config, err);
    texts_done(&texts);
    return r;
}

static int read_each(struct texts *t, const char *list, struct arena *a, struct err *err)
{
    while (*list) {
        size_t len = strcspn(list, ":");
        const char *path = arena_strndup(a, list, len);
        struct err why = {0};

        if (!path)
            return err_nomem(err);
        if (len > 0 && texts_add(t, path, a, &why) < 0 && why.code != ERR_NOT_FOUND)
            return err_set(err, why.code, "%s", why.msg);
        list += len + (list[len] == ':');
    }
    return 0;
}

static int load_list(const char *list, const char *context, struct arena *a,
                     struct client_config *ret_config, struct err *err)
{
    struct texts texts = {.count = 0};
    int r = read_each(&texts, list, a, err);

    if (r == 0 && texts.count == 0)
        r = err_set(err, ERR_INVALID, "KUBECONFIG=%s: no such file", list);
    if (r == 0)
        r = kubeconfig_resolve(texts.files, texts.count, context, a, ret_config, err);
    texts_done(&texts);
    return r;
}

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

int config_in_cluster(const char *folder, struct arena *a, struct client_config *ret_config,
                      struct err *err)
{
    const char *host = env("KUBERNETES_SERVICE_HOST");
    const char *port = env("KUBERNETES_SERVICE_PORT");
    struct client_config config = {.source = "in-cluster"};

    if (!host || !port)
        return err_set(err, ERR_INVALID, "not in a cluster: KUBERNETES_SERVICE_HOST is not set");
    config.server =
        arena_printf(a, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
    config.token_file = arena_printf(a, "%s/token", folder);
    config.ca_file = arena_printf(a, "%s/ca.crt", folder);
    if (!config.server || !config.token_file || !config.ca_file)
        return err_nomem(err);
    *ret_config = config;
    return 0;
}

int config_load(const char *path, const char *context, struct arena *a,
                struct client_config *ret_config, struct err *err)
{
    const char *home = env("HOME");
    const char *chosen = context && *context ? context : NULL;

    if (path && *path)
        return load_one(path, chosen, a, ret_config, err);
    if (env("KUBECONFIG"))
        return load_list(env("KUBECONFIG"), chosen, a, ret_config, err);
    if (env("KUBERNETES_SERVICE_HOST") && env("KUBERNETES_SERVICE_PORT")) {
        if (chosen)
            return err_set(
                err, ERR_INVALID,
                "--context %s: in a cluster there are no contexts; give --kubeconfig too", chosen);
        return config_in_cluster(SERVICE_ACCOUNT_DIR, a, ret_config, err);
    }
    if (home) {
        const char *usual = arena_printf(a, "%s/.kube/config", home);

        if (!usual)
            return err_nomem(err);
        if (access(usual, F_OK) == 0)
            return load_one(usual, chosen, a, ret_config, err);
    }
    return err_set(err, ERR_INVALID,
                   "no API server is configured: give --kubeconfig, set KUBECONFIG or run in a "
                   "cluster");
}

const char *config_own_namespace(struct arena *a)
{
    const char *fallback = "rampart-system";
    const char *stated = env("POD_NAMESPACE");
    AUTO_MEM char *text = NULL;
    size_t len = 0;

    if (!stated) {
        text = file_read(SERVICE_ACCOUNT_DIR "/namespace", NAMESPACE_LEN_MAX + 1, &len, NULL);
        if (text)
            text[strcspn(text, " \t\r\n")] = '\0';
        stated = text && *text ? text : fallback;
    }
    stated = arena_strdup(a, stated);
    return stated ? stated : fallback;
}

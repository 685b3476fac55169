/* One entry of a kubeconfig and how its fields are read; the parts of kubeconfig.c share it. */
#ifndef RAMPART_YAML_KUBECONFIG_ENTRY_H
#define RAMPART_YAML_KUBECONFIG_ENTRY_H

#include <jansson.h>

#include "rampart/yaml/kubeconfig.h"

#define KUBECONFIG_TEXT_MAX (1024u * 1024) /* one string: a file's own ceiling */

/* An entry of "clusters", "users" or "contexts", and where it stands. */
struct kubeconfig_entry {
    const json_t *body; /* borrowed; NULL: the entry is there and says nothing */
    const char *kind;   /* "cluster", "user", "context": the member that holds the body */
    const char *name;   /* borrowed */
    const char *path;   /* of its file, borrowed */
};

/* All of these name file, entry and field in their errors. "" counts as not stated: NULL. */
MUST_CHECK int entry_text(const struct kubeconfig_entry *e, const char *name, struct arena *a,
                          const char **ret_text, struct err *err);
/* A path is relative to the file that names it. */
MUST_CHECK int entry_path(const struct kubeconfig_entry *e, const char *name, struct arena *a,
                          const char **ret_path, struct err *err);
/* Base64 of PEM text. */
MUST_CHECK int entry_data(const struct kubeconfig_entry *e, const char *name, struct arena *a,
                          const char **ret_data, struct err *err);
MUST_CHECK int entry_flag(const struct kubeconfig_entry *e, const char *name, bool *ret_flag,
                          struct err *err);
/* Sets ERR_INVALID "FILE: user "u": ..."; returns -1. */
int entry_complain(const struct kubeconfig_entry *e, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int entry_wrap(const struct kubeconfig_entry *e, struct err *err); /* the same for an error there */

#ifdef __clang_analyzer__ /* see base/err.h */
#define entry_complain(...) ((void)entry_complain(__VA_ARGS__), -1)
#define entry_wrap(...) ((void)entry_wrap(__VA_ARGS__), -1)
#endif

/* @path as seen from the file of @e, without "." and ".." as Go's filepath.Join() has it. NULL:
 * ERR_NOMEM. */
MUST_CHECK const char *entry_resolve(const struct kubeconfig_entry *e, const char *path,
                                     struct arena *a, struct err *err);

MUST_CHECK int kubeconfig_cluster(const struct kubeconfig_entry *e, struct arena *a,
                                  struct client_config *c, struct err *err);
/* @cluster may have something to tell a plugin of the user @e. */
MUST_CHECK int kubeconfig_user(const struct kubeconfig_entry *e,
                               const struct kubeconfig_entry *cluster, struct arena *a,
                               struct client_config *c, struct err *err);
/* Fills c->exec if there is a plugin and nothing that wins over it. */
MUST_CHECK int kubeconfig_exec(const struct kubeconfig_entry *e,
                               const struct kubeconfig_entry *cluster, struct arena *a,
                               struct client_config *c, struct err *err);
MUST_CHECK int kubeconfig_impersonation(const struct kubeconfig_entry *e, struct arena *a,
                                        struct client_config *c, struct err *err);

#endif

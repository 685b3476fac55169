#include "rampart/kube/exception.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/decode.h"
#include "rampart/kube/pss.h"
#include "rampart/kube/timestamp.h"

#define CONTAINER_NAME_MAX 63 /* a DNS label */

/* A list of names that is not empty where it is @needed; none of them is "". Sorted, no doubles. */
static int names_decode(const json_t *spec, const char *name, size_t count_max, size_t len_max,
                        struct arena *a, const char ***ret_names, size_t *ret_count,
                        struct err *err)
{
    const char **names;
    size_t count;

    if (json_get_strs(spec, name, count_max, len_max, a, &names, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (*names[i] == '\0')
            return err_set(err, ERR_INVALID, "%s[%zu]: is empty; write a name or remove it", name,
                           i);
        if (strchr(names[i], '*'))
            return err_set(err, ERR_INVALID,
                           "%s[%zu]: \"%s\": patterns are not known here; write each name out",
                           name, i, names[i]);
    }
    *ret_names = names;
    *ret_count = texts_sort(names, count);
    return 0;
}

/* An empty list is one that somebody emptied: it must not turn into "all". */
static int empty_list_check(const json_t *spec, const char *name, const char *meaning,
                            struct err *err)
{
    const json_t *arr = json_member(spec, name);

    if (!arr || json_array_size(arr) > 0)
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s: is empty; name at least one, or leave %s out, which is %s", name, name,
                   meaning);
}

static int rules_decode(const json_t *spec, struct arena *a, struct exception *e, struct err *err)
{
    if (names_decode(spec, "rules", EXCEPTION_RULES_MAX, RULE_ID_LEN_MAX, a, &e->rules,
                     &e->rules_count, err) < 0)
        return -1;
    if (e->rules_count == 0)
        return err_set(err, ERR_INVALID,
                       "rules: names none; write the ids of the rules that need not hold");
    return 0;
}

static int workloads_decode(const json_t *spec, struct arena *a, struct exception *e,
                            struct err *err)
{
    const json_t *stated;
    const char *contradiction;

    if (json_get_obj(spec, "selector", &stated, err) < 0 ||
        names_decode(spec, "names", EXCEPTION_NAMES_MAX, NAME_LEN_MAX, a, &e->names,
                     &e->names_count, err) < 0 ||
        empty_list_check(spec, "names", "every name", err) < 0)
        return -1;
    if (!stated && e->names_count == 0)
        return err_set(err, ERR_INVALID,
                       "selector: is missing, and so is names; state one of them (selector: {} is "
                       "every workload of the namespace, on purpose)");
    if (!stated)
        return 0;
    if (selector_decode(stated, a, &e->selector, err) < 0)
        return json_path_wrap(err, "selector");
    contradiction = selector_contradiction(&e->selector, a);
    if (contradiction)
        return err_set(err, ERR_INVALID, "selector: %s can never match; change one of the terms",
                       contradiction);
    e->has_selector = true;
    return 0;
}

static int containers_decode(const json_t *spec, struct arena *a, struct exception *e,
                             struct err *err)
{
    if (names_decode(spec, "containers", EXCEPTION_CONTAINERS_MAX, CONTAINER_NAME_MAX, a,
                     &e->containers, &e->containers_count, err) < 0)
        return -1;
    return empty_list_check(spec, "containers", "all of them and the pod itself", err);
}

static int text_decode(const json_t *spec, const char *name, size_t len_max, const char *remedy,
                       struct arena *a, const char **ret_text, struct err *err)
{
    if (json_get_str(spec, name, len_max, a, ret_text, err) < 0)
        return -1;
    if (!*ret_text || (*ret_text)[strspn(*ret_text, " \t\r\n")] == '\0')
        return err_set(err, ERR_INVALID, "%s: is missing; %s", name, remedy);
    return 0;
}

/* Parts of a second are dropped: it ends early rather than late. */
static int expiry_decode(const json_t *spec, struct exception *e, struct err *err)
{
    const char *text;
    int64_t wall_ms;

    if (member_text(spec, "expiresAt", &text, err) < 0)
        return -1;
    e->expires_s = INT64_MAX;
    if (!text)
        return 0;
    if (timestamp_parse(text, &wall_ms, err) < 0)
        return err_wrap(err, "expiresAt");
    e->expires_s = wall_ms / 1000;
    return 0;
}

static int spec_decode(const json_t *root, struct arena *a, struct exception *e, struct err *err)
{
    const json_t *spec;

    if (json_get_obj(root, "spec", &spec, err) < 0)
        return -1;
    if (!spec)
        return err_set(err, ERR_INVALID,
                       "spec: is missing; state rules, selector or names, reason and author");
    if (rules_decode(spec, a, e, err) < 0 || workloads_decode(spec, a, e, err) < 0 ||
        containers_decode(spec, a, e, err) < 0 ||
        text_decode(spec, "reason", EXCEPTION_REASON_MAX, "say why the rules need not hold", a,
                    &e->reason, err) < 0 ||
        text_decode(spec, "author", EXCEPTION_AUTHOR_MAX, "say who answers for it", a, &e->author,
                    err) < 0 ||
        expiry_decode(spec, e, err) < 0)
        return json_path_wrap(err, "spec");
    return 0;
}

int exception_decode(const json_t *root, struct arena *a, struct object **ret_object,
                     struct err *err)
{
    struct exception *e = arena_alloc(a, sizeof(*e));
    struct err why = {0};

    if (!e)
        return err_nomem(err);
    if (meta_decode(KIND_EXCEPTION, root, a, &e->object, err) < 0)
        return -1;
    if (spec_decode(root, a, e, &why) < 0) {
        if (why.code != ERR_INVALID)
            return err_set(err, why.code, "%s", why.msg);
        e->invalid = arena_strdup(a, why.msg);
        if (!e->invalid)
            return err_nomem(err);
    }
    *ret_object = &e->object;
    return 0;
}

#include <stdio.h>

#include "learn_print_parts.h"
#include "rampart/kube/timestamp.h"

static void write_json_time(struct json_build *j, const char *name, int64_t ms)
{
    char text[TIMESTAMP_LEN];

    if (ms == AUDIT_TIME_UNSAID)
        return;
    timestamp_micros(ms, text);
    json_add_str(j, name, text);
}

static void write_json_rules(struct json_build *j, const char *member,
                             const struct rbac_rules *rules)
{
    json_open_arr(j, member);
    for (size_t i = 0; i < rules->count; i++)
        rbac_rule_build(&rules->rules[i], NULL, j);
    json_close_arr(j);
}

static void write_json_roles(struct json_build *j, const struct learn_account *account,
                             const struct learn_roles *roles)
{
    char name[sizeof(LEARN_ROLE_PREFIX) + 2 * LEARN_TEXT_LEN_MAX];

    (void)snprintf(name, sizeof(name), LEARN_ROLE_PREFIX "%s", account->id);
    json_open_arr(j, "roles");
    for (size_t i = 0; i < roles->count; i++) {
        const struct learn_role *role = &roles->roles[i];

        json_open_obj(j, NULL);
        json_add_str(j, "kind", learn_role_kind(role));
        if (*role->ns != '\0')
            json_add_str(j, "namespace", role->ns);
        json_add_str(j, "name", name);
        write_json_rules(j, "rules", &role->rules);
        json_close_obj(j);
    }
    json_close_arr(j);
}

static void write_json_used(struct json_build *j, const struct learn_account *account)
{
    json_open_arr(j, "used");
    for (const struct learn_right *right = account->rights; right; right = right->next) {
        json_open_obj(j, NULL);
        json_add_str(j, "verb", right->verb);
        if (right->path) {
            json_add_str(j, "path", right->path);
        } else {
            json_add_str(j, "apiGroup", right->group);
            json_add_str(j, "resource", right->resource);
        }
        json_add_int(j, "requests", (int64_t)learn_requests(right->requests));
        write_json_time(j, "last", right->last_ms);
        json_close_obj(j);
    }
    json_close_arr(j);
}

static void write_json_left_out(struct json_build *j, const struct learn_account *account)
{
    json_add_bool(j, "complete", account->left_out == 0);
    json_open_obj(j, "leftOut");
    json_add_int(j, "denied", (int64_t)learn_turned_away(account, LEARN_DENIED));
    json_add_int(j, "impersonated", (int64_t)learn_turned_away(account, LEARN_IMPERSONATED));
    json_add_int(j, "everyones", (int64_t)learn_turned_away(account, LEARN_EVERYONES));
    json_add_int(j, "odd", (int64_t)learn_turned_away(account, LEARN_ODD));
    json_add_int(j, "noRoom", (int64_t)account->left_out);
    json_close_obj(j);
}

static void write_json_ref(struct json_build *j, const char *member, const char *kind,
                           const char *ns, const char *name)
{
    json_open_obj(j, member);
    json_add_str(j, "kind", kind);
    if (*ns != '\0')
        json_add_str(j, "namespace", ns);
    json_add_str(j, "name", name);
    json_close_obj(j);
}

static void write_json_unused(struct json_build *j, const struct learn_unused *unused)
{
    json_open_arr(j, "unused");
    for (size_t i = 0; i < unused->count; i++) {
        const struct learn_grant *grant = &unused->grants[i];
        const struct access_binding *binding = grant->binding;

        json_open_obj(j, NULL);
        write_json_ref(j, "binding", learn_binding_kind(binding), binding->ns, binding->name);
        write_json_ref(j, "role", learn_bound_kind(binding), binding->role_ns, binding->role_name);
        write_json_rules(j, "rules", &grant->unused);
        write_json_rules(j, "wide", &grant->wide);
        json_add_bool(j, "cut", grant->is_cut);
        json_close_obj(j);
    }
    json_close_arr(j);
}

void learn_print_json(struct learn_printer *p, const struct learn_account *account,
                      const struct learn_roles *roles, const struct learn_unused *unused)
{
    struct json_build *j = &p->json;
    struct learn_notes notes = {.json = j};
    char ns[LEARN_TEXT_LEN_MAX + 1];

    (void)snprintf(ns, sizeof(ns), "%.*s", learn_ns_len_of(account), account->id);
    json_open_obj(j, NULL);
    json_add_str(j, "namespace", ns);
    json_add_str(j, "name", learn_name_of(account));
    json_add_int(j, "requests", (int64_t)learn_requests_of(account));
    write_json_time(j, "first", account->first_ms);
    write_json_time(j, "last", account->last_ms);
    write_json_left_out(j, account);
    write_json_roles(j, account, roles);
    write_json_used(j, account);
    json_open_arr(j, "notes");
    learn_notes(&notes, account, &p->bounds);
    json_close_arr(j);
    if (unused)
        write_json_unused(j, unused);
    json_close_obj(j);
}

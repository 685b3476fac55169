/* What the tests about learned rights share: events that are short to write, and tables of them. */
#ifndef TESTS_UNIT_RECONCILERS_LEARN_H
#define TESTS_UNIT_RECONCILERS_LEARN_H

#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/reconcilers/learn_roles.h"
#include "rampart/reconcilers/learn_table.h"

#pragma GCC diagnostic ignored "-Woverride-init" /* what a test says of an event wins */

#define WEB "system:serviceaccount:shop:web"

/* A request of WEB for a resource of the core group that was allowed and has ended; without a URL,
 * as where the namespace and the name are what the event says. */
#define ASKED(verb_, resource_, ns_, name_, ...)            \
    ((struct audit_event){.stage = AUDIT_RESPONSE_COMPLETE, \
                          .decision = AUDIT_ALLOWED,        \
                          .code = 200,                      \
                          .received_ms = 1000,              \
                          .user = WEB,                      \
                          .verb = (verb_),                  \
                          .uri = "",                        \
                          .is_for_resource = true,          \
                          .group = "",                      \
                          .resource = (resource_),          \
                          .subresource = "",                \
                          .ns = (ns_),                      \
                          .name = (name_),                  \
                          __VA_ARGS__})

static inline const struct learn_filter *everything(void)
{
    static const struct learn_filter filter = {.since_ms = AUDIT_TIME_UNSAID};

    return &filter;
}

static inline struct learn_table *learn_table_with(size_t names_max, size_t namespaces_max)
{
    const struct learn_bounds bounds = {.names_max = names_max, .namespaces_max = namespaces_max};
    struct err err = {0};
    struct learn_table *t = learn_table_new(&bounds, &err);

    assert_non_null(t);
    return t;
}

static inline void note(struct learn_table *t, const struct audit_event *event)
{
    struct err err = {0};

    assert_int_equal(learn_table_add(t, event, everything(), &err), 0);
}

/* The account "NAMESPACE:NAME"; the test fails when it is not there. */
static inline const struct learn_account *account_in(struct learn_table *t, const char *id)
{
    const struct learn_account *const *accounts;
    struct err err = {0};
    size_t count;

    assert_int_equal(learn_table_accounts(t, &accounts, &count, &err), 0);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(accounts[i]->id, id) == 0)
            return accounts[i];
    }
    fail_msg("there is no %s", id);
    return NULL;
}

/* The rules of shop:web, one line each: "ClusterRole {...}" or "shop {...}". */
static inline void write_roles(struct learn_table *t, struct strbuf *out)
{
    struct learn_roles roles;
    struct err err = {0};
    AUTO_ARENA a;

    arena_init(&a, LEARN_ROLES_BYTES_MAX);
    assert_int_equal(learn_roles_of(account_in(t, "shop:web"), &a, &roles, &err), 0);
    strbuf_init(out, 1u << 22);
    for (size_t i = 0; i < roles.count; i++) {
        for (size_t k = 0; k < roles.roles[i].rules.count; k++) {
            strbuf_addf(out, "%s ", *roles.roles[i].ns ? roles.roles[i].ns : "ClusterRole");
            rbac_rule_print(&roles.roles[i].rules.rules[k], SIZE_MAX, out);
            strbuf_addc(out, '\n');
        }
    }
    assert_true(strbuf_is_ok(out));
}

/* Notes the events and asserts the rules that come of them; frees the table. */
static inline void assert_roles(struct learn_table *t, const struct audit_event *events,
                                size_t count, const char *expected)
{
    AUTO_STRBUF got;

    for (size_t i = 0; i < count; i++)
        note(t, &events[i]);
    write_roles(t, &got);
    if (strcmp(got.text, expected) != 0)
        fail_msg("got\n%s\nand not\n%s", got.text, expected);
    learn_table_free(t);
}

#define ASSERT_ROLES(t_, expected_, ...)                                                         \
    assert_roles((t_), (const struct audit_event[]){__VA_ARGS__},                                \
                 sizeof((const struct audit_event[]){__VA_ARGS__}) / sizeof(struct audit_event), \
                 (expected_))

#endif

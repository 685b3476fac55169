/*
 * An audit log as whoever writes to it, or to the API server, could make it, through the reader and
 * the table into roles. First byte: how the bytes are cut. The log is read at once and in pieces,
 * which must agree; no rule has a star that is one, and none is wider than RBAC would take.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/rng.h"
#include "rampart/kube/audit_log.h"
#include "rampart/reconcilers/learn_roles.h"

#define CHECK(claim)                                                    \
    do {                                                                \
        if (!(claim)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                    \
        }                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct learn_table *table;
    struct strbuf trace; /* lines that could not be read, and the rules in the end */
};

static int take_event(void *ctx, const struct audit_event *event, struct err *err)
{
    static const struct learn_filter filter = {.since_ms = AUDIT_TIME_UNSAID};
    struct reading *r = ctx;

    CHECK(event->user && event->verb && event->uri && event->group && event->resource);
    return learn_table_add(r->table, event, &filter, err);
}

static int take_unreadable(void *ctx, uint64_t line, const struct err *why, struct err *err)
{
    struct reading *r = ctx;

    (void)err;
    CHECK(line > 0 && (why->code == ERR_INVALID || why->code == ERR_LIMIT));
    strbuf_addf(&r->trace, "%u %s\n", (unsigned)line, why->msg);
    return 0;
}

static void check_rule(const struct rbac_rule *rule, bool is_namespaced)
{
    struct err err = {0};

    CHECK(rbac_rule_check(rule, is_namespaced, &err) == 0);
    CHECK(!rbac_list_has(&rule->verbs, "*") && !rbac_list_has(&rule->api_groups, "*"));
    for (size_t i = 0; i < rule->resources.count; i++)
        CHECK(!strchr(rule->resources.texts[i], '*'));
    for (size_t i = 0; i < rule->non_resource_urls.count; i++)
        CHECK(!strchr(rule->non_resource_urls.texts[i], '*'));
}

static void write_roles(struct reading *r)
{
    const struct learn_account *const *accounts;
    struct err err = {0};
    size_t count;
    struct arena a;

    arena_init(&a, LEARN_ROLES_BYTES_MAX);
    CHECK(learn_table_accounts(r->table, &accounts, &count, &err) == 0);
    for (size_t i = 0; i < count; i++) {
        struct learn_roles roles;

        arena_reset(&a);
        CHECK(learn_roles_of(accounts[i], &a, &roles, &err) == 0);
        for (size_t k = 0; k < roles.count; k++) {
            const struct learn_role *role = &roles.roles[k];

            strbuf_addf(&r->trace, "%s \"%s\"\n", accounts[i]->id, role->ns);
            CHECK(role->rules.count > 0);
            for (size_t j = 0; j < role->rules.count; j++) {
                check_rule(&role->rules.rules[j], *role->ns != '\0');
                rbac_rule_print(&role->rules.rules[j], SIZE_MAX, &r->trace);
            }
        }
    }
    arena_done(&a);
}

/* @cuts NULL: at once. */
static void read_all(struct reading *r, const char *text, size_t len, struct rng *cuts)
{
    const struct audit_reader reader = {.take_event = take_event,
                                        .take_unreadable = take_unreadable,
                                        .ctx = r};
    const struct learn_bounds bounds = {.names_max = 2, .namespaces_max = 2};
    struct err err = {0};
    struct audit_log *log;

    r->table = learn_table_new(&bounds, &err);
    log = audit_log_new(&reader, &err);
    CHECK(r->table && log);
    strbuf_init(&r->trace, 64u << 20);
    for (size_t at = 0, next; at < len; at += next) {
        char *piece;

        next = cuts ? (size_t)rng_range(cuts, 1, 40) : len;
        next = next < len - at ? next : len - at;
        piece = malloc(next); /* of its own, so that each byte too far is seen */
        CHECK(piece);
        memcpy(piece, text + at, next);
        CHECK(audit_log_feed(log, piece, next, &err) == 0);
        free(piece);
    }
    CHECK(audit_log_end(log, &err) == 0);
    write_roles(r);
    audit_log_free(log);
    learn_table_free(r->table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading whole, split;
    struct rng cuts;

    if (size < 1)
        return 0;
    rng_init(&cuts, data[0]);
    read_all(&whole, (const char *)data + 1, size - 1, NULL);
    read_all(&split, (const char *)data + 1, size - 1, &cuts);
    CHECK(strcmp(whole.trace.text, split.trace.text) == 0);
    strbuf_done(&whole.trace);
    strbuf_done(&split.trace);
    return 0;
}

#include "rampart/cli/learn_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "learn_print_parts.h"
#include "rampart/kube/timestamp.h"

#define TEXTS_SHOWN_MAX LEARN_NAMES_MAX /* of a list of a rule, for people */

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- notes ---- */

static void add_note(struct learn_notes *n, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void add_note(struct learn_notes *n, const char *fmt, ...)
{
    char note[2048]; /* the texts in a note are of LEARN_PATH_LEN_MAX at most */
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(note, sizeof(note), fmt, args);
    va_end(args);
    if (n->json)
        json_add_str(n->json, NULL, note);
    else
        strbuf_addf(n->out, "%s%s\n", n->prefix, note);
}

static void note_left_out(struct learn_notes *n, const struct learn_account *account)
{
    static const char *const what[LEARN_VERDICT_COUNT] = {
        [LEARN_DENIED] = "denied",
        [LEARN_IMPERSONATED] =
            "made in somebody else's name; the right to impersonate is not in the rules",
        [LEARN_EVERYONES] = "for what Kubernetes grants everyone",
        [LEARN_ODD] = "with a text that no rule can name",
    };

    if (account->left_out > 0)
        add_note(n,
                 "INCOMPLETE: there was no room for %" PRIu64
                 " request%s; ask for fewer ServiceAccounts at a time with --service-account",
                 account->left_out, plural(account->left_out));
    for (unsigned i = 0; i < LEARN_VERDICT_COUNT; i++) {
        uint64_t count = what[i] ? learn_turned_away(account, (enum learn_verdict)i) : 0;

        if (count > 0)
            add_note(n, "left out: %" PRIu64 " request%s %s", count, plural(count), what[i]);
    }
}

static const char *dot(const char *group)
{
    return *group == '\0' ? "" : ".";
}

static void note_widened(struct learn_notes *n, const struct learn_right *right,
                         const struct learn_bounds *bounds)
{
    if (right->is_spread)
        add_note(n,
                 "widened: %s %s%s%s: all namespaces, for it was used in more than %zu "
                 "(--namespaces-max)",
                 right->verb, right->resource, dot(right->group), right->group,
                 bounds->namespaces_max);
    for (size_t i = 0; i < right->count; i++) {
        const struct learn_place *place = &right->places[i];

        if (place->is_widened)
            add_note(n,
                     "widened: %s %s%s%s%s%s: any name, for there were more than %zu (--names-max)",
                     right->verb, right->resource, dot(right->group), right->group,
                     *place->ns == '\0' ? "" : " in ", place->ns, bounds->names_max);
    }
}

void learn_notes(struct learn_notes *n, const struct learn_account *account,
                 const struct learn_bounds *bounds)
{
    note_left_out(n, account);
    for (const struct learn_right *right = account->rights; right; right = right->next)
        note_widened(n, right, bounds);
    for (const struct learn_right *right = account->rights; right; right = right->next) {
        const char *beyond = learn_beyond_log(right);

        if (beyond)
            add_note(n, "not in any audit log: %s %s may also take %s", right->verb,
                     right->resource, beyond);
    }
}

static void write_head(struct strbuf *out, const char *prefix, const struct learn_account *account)
{
    uint64_t requests = learn_requests_of(account);
    char first[TIMESTAMP_LEN], last[TIMESTAMP_LEN];

    strbuf_addf(out, "%sServiceAccount %.*s/%s: %" PRIu64 " request%s", prefix,
                learn_ns_len_of(account), account->id, learn_name_of(account), requests,
                plural(requests));
    if (account->last_ms != AUDIT_TIME_UNSAID) {
        timestamp_seconds(account->first_ms, first);
        timestamp_seconds(account->last_ms, last);
        strbuf_addf(out, ", from %s to %s", first, last);
    }
    strbuf_addc(out, '\n');
}

/* ---- what was never used ---- */

/* Who may write roles chooses names and rules: what is not plain must end no line, and no comment.
 */
static void add_plain(struct strbuf *out, const struct strbuf *line)
{
    for (size_t i = 0; i < line->len; i++) {
        unsigned char c = (unsigned char)line->text[i];

        strbuf_addc(out, c >= ' ' && c < 0x7f ? (char)c : '?');
    }
    strbuf_addc(out, '\n');
    if (!strbuf_is_ok(line))
        out->broke = line->broke;
}

static void write_rules(struct strbuf *out, const char *prefix, const struct rbac_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        AUTO_STRBUF line;

        strbuf_init(&line, LEARN_PRINT_LEN_MAX);
        strbuf_addf(&line, "%s  ", prefix);
        rbac_rule_print(&rules->rules[i], TEXTS_SHOWN_MAX, &line);
        add_plain(out, &line);
    }
}

static void write_grant(struct strbuf *out, const char *prefix, const struct learn_grant *grant,
                        const char *what, const struct rbac_rules *rules)
{
    const struct access_binding *binding = grant->binding;
    AUTO_STRBUF line;

    if (rules->count == 0 && !(grant->is_cut && rules == &grant->unused))
        return;
    strbuf_init(&line, LEARN_PRINT_LEN_MAX);
    strbuf_addf(&line, "%s%s: %s %s%s%s by %s %s%s%s%s", prefix, what, learn_bound_kind(binding),
                binding->role_ns, *binding->role_ns ? "/" : "", binding->role_name,
                learn_binding_kind(binding), binding->ns, *binding->ns ? "/" : "", binding->name,
                grant->is_cut ? ", as far as it was looked at" : "");
    add_plain(out, &line);
    write_rules(out, prefix, rules);
}

static void write_unused(struct strbuf *out, const char *prefix, const struct learn_unused *unused)
{
    for (size_t i = 0; unused && i < unused->count; i++) {
        const struct learn_grant *grant = &unused->grants[i];

        write_grant(out, prefix, grant, "never used", &grant->unused);
        write_grant(out, prefix, grant, "used, and wider than what was seen", &grant->wide);
    }
}

/* ---- YAML ---- */

static void add_quoted(struct strbuf *out, const char *text)
{
    struct json_build j;

    json_build_init(&j, out);
    json_add_str(&j, NULL, text);
    strbuf_addc(out, '\n');
}

/* JSON is YAML: a list is one flow sequence. */
static void write_yaml_list(struct strbuf *out, const char *name, const struct rbac_list *list,
                            bool is_first)
{
    struct json_build j;

    if (list->count == 0)
        return;
    strbuf_addf(out, "%s%s: ", is_first ? "  - " : "    ", name);
    json_build_init(&j, out);
    json_open_arr(&j, NULL);
    for (size_t i = 0; i < list->count; i++)
        json_add_str(&j, NULL, list->texts[i]);
    json_close_arr(&j);
    strbuf_addc(out, '\n');
}

static void write_yaml_rule(struct strbuf *out, const struct rbac_rule *rule)
{
    write_yaml_list(out, "apiGroups", &rule->api_groups, true);
    write_yaml_list(out, "resources", &rule->resources, false);
    write_yaml_list(out, "resourceNames", &rule->resource_names, false);
    write_yaml_list(out, "nonResourceURLs", &rule->non_resource_urls, true);
    write_yaml_list(out, "verbs", &rule->verbs, false);
}

static void write_yaml_metadata(struct strbuf *out, const char *kind, const char *binding,
                                const struct learn_account *account, const char *ns)
{
    strbuf_addf(out,
                "---\napiVersion: " RBAC_GROUP "/v1\nkind: %s%s\nmetadata:\n"
                "  name: \"" LEARN_ROLE_PREFIX "%s\"\n",
                kind, binding, account->id);
    if (*ns == '\0')
        return;
    strbuf_adds(out, "  namespace: ");
    add_quoted(out, ns);
}

static void write_yaml_role(struct strbuf *out, const struct learn_account *account,
                            const struct learn_role *role)
{
    const char *kind = learn_role_kind(role);

    write_yaml_metadata(out, kind, "", account, role->ns);
    strbuf_adds(out, "rules:\n");
    for (size_t i = 0; i < role->rules.count; i++)
        write_yaml_rule(out, &role->rules.rules[i]);
    write_yaml_metadata(out, kind, "Binding", account, role->ns);
    strbuf_addf(out,
                "roleRef:\n  apiGroup: " RBAC_GROUP "\n  kind: %s\n  name: \"" LEARN_ROLE_PREFIX
                "%s\"\nsubjects:\n  - kind: ServiceAccount\n    name: ",
                kind, account->id);
    add_quoted(out, learn_name_of(account));
    strbuf_addf(out, "    namespace: \"%.*s\"\n", learn_ns_len_of(account), account->id);
}

static void write_yaml(struct learn_printer *p, const struct learn_account *account,
                       const struct learn_roles *roles, const struct learn_unused *unused)
{
    struct learn_notes notes = {.out = &p->text, .prefix = "#   "};

    write_head(&p->text, "# ", account);
    learn_notes(&notes, account, &p->bounds);
    write_unused(&p->text, "#   ", unused);
    if (roles->count == 0)
        strbuf_adds(&p->text, "#   nothing to grant\n");
    for (size_t i = 0; i < roles->count; i++)
        write_yaml_role(&p->text, account, &roles->roles[i]);
}

/* ---- text ---- */

static void write_text(struct learn_printer *p, const struct learn_account *account,
                       const struct learn_roles *roles, const struct learn_unused *unused)
{
    struct learn_notes notes = {.out = &p->text, .prefix = "  "};

    write_head(&p->text, "", account);
    for (size_t i = 0; i < roles->count; i++) {
        const struct learn_role *role = &roles->roles[i];

        strbuf_addf(&p->text, "  %s%s%s:\n", learn_role_kind(role), *role->ns == '\0' ? "" : " in ",
                    role->ns);
        for (size_t k = 0; k < role->rules.count; k++) {
            strbuf_adds(&p->text, "    ");
            rbac_rule_print(&role->rules.rules[k], TEXTS_SHOWN_MAX, &p->text);
            strbuf_addc(&p->text, '\n');
        }
    }
    if (roles->count == 0)
        strbuf_adds(&p->text, "  nothing to grant\n");
    learn_notes(&notes, account, &p->bounds);
    write_unused(&p->text, "  ", unused);
}

/* ---- all together ---- */

void learn_print_begin(struct learn_printer *p, FILE *out, enum learn_format format,
                       const struct learn_bounds *bounds)
{
    *p = (struct learn_printer){.out = out, .format = format, .bounds = *bounds};
    strbuf_init(&p->text, LEARN_PRINT_LEN_MAX);
    json_build_init(&p->json, &p->text);
    if (format != LEARN_JSON)
        return;
    json_open_obj(&p->json, NULL);
    json_open_arr(&p->json, "serviceAccounts");
}

static int hand_out(struct learn_printer *p, struct err *err)
{
    if (strbuf_check(&p->text, "what is said of one ServiceAccount", err) < 0)
        return -1;
    if (fwrite(p->text.text, 1, p->text.len, p->out) != p->text.len)
        return err_set(err, ERR_IO, "standard output: %s", strerror(errno));
    strbuf_clear(&p->text);
    return 0;
}

int learn_print_account(struct learn_printer *p, const struct learn_account *account,
                        const struct learn_roles *roles, const struct learn_unused *unused,
                        struct err *err)
{
    static void (*const writers[])(struct learn_printer * p, const struct learn_account *account,
                                   const struct learn_roles *roles,
                                   const struct learn_unused *unused) = {
        [LEARN_YAML] = write_yaml,
        [LEARN_TEXT] = write_text,
        [LEARN_JSON] = learn_print_json,
    };

    p->incomplete += account->left_out > 0;
    writers[p->format](p, account, roles, unused);
    return hand_out(p, err);
}

static void end_json(struct learn_printer *p, const struct learn_table *t,
                     const struct learn_tally *tally)
{
    json_close_arr(&p->json);
    json_add_int(&p->json, "events", (int64_t)tally->events);
    json_add_int(&p->json, "eventsOfOthers", (int64_t)learn_table_verdicts(t, LEARN_OTHER_USER));
    json_add_int(&p->json, "eventsTooOld", (int64_t)learn_table_verdicts(t, LEARN_TOO_OLD));
    json_add_int(&p->json, "leftOutLines", (int64_t)tally->lines_left_out);
    json_add_int(&p->json, "leftOutAccounts", (int64_t)learn_table_without_account(t));
    json_close_obj(&p->json);
    strbuf_addc(&p->text, '\n');
}

int learn_print_end(struct learn_printer *p, const struct learn_table *t,
                    const struct learn_tally *tally, struct err *err)
{
    size_t count = learn_table_count(t);

    if (p->format == LEARN_JSON)
        end_json(p, t, tally);
    if (p->format == LEARN_TEXT)
        strbuf_addf(&p->text, "%zu ServiceAccount%s in %" PRIu64 " event%s\n", count, plural(count),
                    tally->events, plural(tally->events));
    if (hand_out(p, err) < 0)
        return -1;
    if (fflush(p->out) != 0)
        return err_set(err, ERR_IO, "standard output: %s", strerror(errno));
    return 0;
}

void learn_print_done(struct learn_printer *p)
{
    strbuf_done(&p->text);
}

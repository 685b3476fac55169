#include "support/fill_case.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

struct workloads_section fill_case_section(const char *words, struct arena *a)
{
    struct workloads_section section = {.is_stated = true, .mode = MODE_ENFORCE};
    char *text = arena_strdup(a, words);

    section.fill.run_as_non_root = section.fill.seccomp = true;
    section.fill.allow_privilege_escalation = section.fill.drop_all = true;
    for (char *rest, *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');

        if (value)
            *value++ = '\0';
        if (strcmp(word, "nothing") == 0)
            section.fill.run_as_non_root = section.fill.seccomp =
                section.fill.allow_privilege_escalation = section.fill.drop_all = false;
        else if (strcmp(word, "non-root") == 0)
            section.fill.run_as_non_root = true;
        else if (strcmp(word, "seccomp") == 0)
            section.fill.seccomp = true;
        else if (strcmp(word, "escalation") == 0)
            section.fill.allow_privilege_escalation = true;
        else if (strcmp(word, "drop") == 0)
            section.fill.drop_all = true;
        else if (strcmp(word, "read-only") == 0)
            section.fill.read_only_root = true;
        else if (strcmp(word, "pin") == 0)
            section.fill.pins_observed_user = true;
        else if (strcmp(word, "try") == 0)
            section.on_unknown = ON_UNKNOWN_TRY;
        else if (strcmp(word, "cpu-request") == 0)
            section.fill.cpu_request = value;
        else if (strcmp(word, "memory-request") == 0)
            section.fill.memory_request = value;
        else if (strcmp(word, "cpu-limit") == 0)
            section.fill.cpu_limit = value;
        else if (strcmp(word, "memory-limit") == 0)
            section.fill.memory_limit = value;
        else
            fail_msg("no such word: %s", word);
    }
    return section;
}

struct fill_evidence_list fill_case_evidence(const char *words, struct arena *a)
{
    struct fill_evidence_list list = {.count = 0};
    char *text = arena_strdup(a, words);

    for (char *rest, *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *user = strchr(word, '=');
        struct container_evidence *evidence = &list.items[list.count++];

        assert_true(user && list.count <= FILL_CASE_EVIDENCE_MAX);
        *user++ = '\0';
        *evidence =
            (struct container_evidence){.container = word, .user = USER_NON_ROOT, .uid = -1};
        if (strcmp(user, "root") == 0)
            evidence->user = USER_ROOT;
        else if (strcmp(user, "unknown") == 0)
            evidence->user = USER_UNKNOWN;
        else if (strcmp(user, "non-root") != 0)
            evidence->uid = atoll(user);
    }
    return list;
}

json_t *fill_case_json(const char *text)
{
    char *copy = strdup(text);
    json_error_t why;
    json_t *value;

    for (char *c = copy; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    value = json_loads(copy, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!value)
        fail_msg("%s: %s", why.text, copy);
    free(copy);
    return value;
}

/* "name: word word; ", nothing without words. */
static void add_group(struct strbuf *out, const char *name, const struct strbuf *group)
{
    if (group->len == 0)
        return;
    if (out->len > 0)
        strbuf_adds(out, "; ");
    strbuf_adds(out, name);
    strbuf_addc(out, ':');
    strbuf_add(out, group->text, group->len);
}

static void add_word(struct strbuf *group, bool is_there, const char *word)
{
    if (is_there)
        strbuf_addf(group, " %s", word);
}

static void add_fields(struct strbuf *out, const char *name, uint64_t bits)
{
    AUTO_STRBUF group;

    strbuf_init(&group, 1024);
    add_word(&group, bits & (1u << FILL_RUN_AS_NON_ROOT), "non-root");
    add_word(&group, bits & ~(UINT64_C(1) << FILL_RUN_AS_NON_ROOT), "something-else");
    add_group(out, name, &group);
}

static void add_container(struct strbuf *out, const char *name, const struct fill_container *c)
{
    AUTO_STRBUF group;

    strbuf_init(&group, 1024);
    add_word(&group, c->run_as_non_root, "non-root");
    if (c->pinned_uid >= 0)
        strbuf_addf(&group, " uid=%lld", (long long)c->pinned_uid);
    add_word(&group, c->seccomp, "seccomp");
    add_word(&group, c->allow_privilege_escalation, "escalation");
    add_word(&group, c->drop_all, "drop");
    add_word(&group, c->read_only_root, "read-only");
    add_word(&group, c->resources & HAS_CPU_REQUEST, "cpu-request");
    add_word(&group, c->resources & HAS_MEMORY_REQUEST, "memory-request");
    add_word(&group, c->resources & HAS_CPU_LIMIT, "cpu-limit");
    add_word(&group, c->resources & HAS_MEMORY_LIMIT, "memory-limit");
    add_group(out, name, &group);
}

const char *fill_case_text(const struct pod_template *pod, const struct fill *fill, struct arena *a)
{
    AUTO_STRBUF out, group;

    strbuf_init(&out, 64 * 1024);
    strbuf_init(&group, 1024);
    add_word(&group, fill->pod_run_as_non_root, "non-root");
    add_word(&group, fill->pod_seccomp, "seccomp");
    add_group(&out, "pod", &group);
    for (size_t i = 0; fill->containers && i < pod->containers_count; i++)
        add_container(&out, pod->containers[i].name, &fill->containers[i]);
    add_fields(&out, "skipped", fill->skipped);
    add_fields(&out, "would-break", fill->would_break);
    return arena_strndup(a, out.text, out.len);
}

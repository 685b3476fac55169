/*
 * Asks the graph of rights for e2e/access: one question as JSON on standard input, the answer as
 * JSON on standard output.
 *
 *   {"objects": [Role, ClusterRole, RoleBinding, ClusterRoleBinding, ...],
 *    "questions": [{"user": "jane", "groups": [..], "namespace": "", "verb": "get", "path": "/x"}
 *                  or, in place of path: "group", "resource", "subresource", "name"]}
 *
 * The answer: {"allowed": [true, ...]}, one for each question.
 *
 *   {"cases": [{"held": [rule, ...], "wanted": [rule, ...]}, ...]}
 *
 * The answer: {"missing": [[rule, ...], ...]}, one for each case.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rampart/base/strbuf.h"
#include "rampart/json/decode.h"
#include "rampart/json/get.h"
#include "rampart/kube/rbac_cover.h"
#include "rampart/reconcilers/access_graph.h"

#define INPUT_LEN_MAX (256u * 1024 * 1024)

static const char *text_of(const json_t *question, const char *name)
{
    const char *text = json_string_value(json_member(question, name));

    return text ? text : "";
}

static int ask(const struct access *g, const json_t *question, struct json_build *j,
               struct arena *a, struct err *err)
{
    const char **groups;
    struct access_user user = {.name = text_of(question, "user")};
    struct rbac_request request = {
        .verb = text_of(question, "verb"),
        .path = json_string_value(json_member(question, "path")),
        .group = text_of(question, "group"),
        .resource = text_of(question, "resource"),
        .subresource = text_of(question, "subresource"),
        .name = text_of(question, "name"),
    };

    if (json_get_strs(question, "groups", 100, 1000, a, &groups, &user.groups_count, err) < 0)
        return -1;
    user.groups = groups;
    json_add_bool(j, NULL, access_allows(g, &user, text_of(question, "namespace"), &request, NULL));
    return 0;
}

static int ask_all(const json_t *input, struct json_build *j, struct arena *a, struct err *err)
{
    const json_t *objects = json_member(input, "objects");
    const json_t *questions = json_member(input, "questions");
    struct access g;
    int r = 0;

    access_init(&g, INPUT_LEN_MAX);
    for (size_t i = 0; r == 0 && i < json_array_size(objects); i++) {
        const json_t *object = json_array_get(objects, i);

        r = access_add(&g, (enum access_kind)access_kind_of(object), object, "default", err);
    }
    if (r == 0)
        r = access_link(&g, err);
    json_open_arr(j, "allowed");
    for (size_t i = 0; r == 0 && i < json_array_size(questions); i++)
        r = ask(&g, json_array_get(questions, i), j, a, err);
    json_close_arr(j);
    access_done(&g);
    return r;
}

static int cover(const json_t *question, struct json_build *j, struct arena *a, struct err *err)
{
    struct rbac_rules held, wanted, missing;

    if (rbac_rules_decode(question, "held", &rbac_limits_server, a, &held, err) < 0 ||
        rbac_rules_decode(question, "wanted", &rbac_limits_server, a, &wanted, err) < 0 ||
        rbac_cover(&held, &wanted, a, &missing, err) < 0)
        return -1;
    json_open_arr(j, NULL);
    for (size_t i = 0; i < missing.count; i++)
        rbac_rule_build(&missing.rules[i], NULL, j);
    json_close_arr(j);
    return 0;
}

static int cover_all(const json_t *cases, struct json_build *j, struct arena *a, struct err *err)
{
    json_open_arr(j, "missing");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        arena_reset(a);
        if (cover(json_array_get(cases, i), j, a, err) < 0)
            return err_wrap(err, "case %zu", i);
    }
    json_close_arr(j);
    return 0;
}

int main(void)
{
    AUTO_ARENA a;
    AUTO_STRBUF out;
    struct json_build j;
    struct err err = {0};
    json_auto_t *input = NULL;
    char *text = malloc(INPUT_LEN_MAX);
    size_t len = fread(text, 1, INPUT_LEN_MAX, stdin);
    const json_t *cases;
    int r = -1;

    arena_init(&a, INPUT_LEN_MAX);
    strbuf_init(&out, INPUT_LEN_MAX);
    json_build_init(&j, &out);
    input = json_decode(text, len, &err);
    free(text);
    if (input) {
        cases = json_member(input, "cases");
        json_open_obj(&j, NULL);
        r = cases ? cover_all(cases, &j, &a, &err) : ask_all(input, &j, &a, &err);
    }
    if (r < 0) {
        (void)fprintf(stderr, "%s\n", err.msg);
        return 2;
    }
    json_close_obj(&j);
    (void)fputs(out.text, stdout);
    return strbuf_is_ok(&out) ? 0 : 2;
}

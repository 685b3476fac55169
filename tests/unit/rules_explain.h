/* What people are told of a rule that fails. */
#ifndef RAMPART_TESTS_RULES_EXPLAIN_H
#define RAMPART_TESTS_RULES_EXPLAIN_H

#include "rules_pod.h"

/* Asserts that the explanation begins with @fault, and that the remedy follows. */
static inline void assert_explained(const char *id, const struct rule_input *in, const char *fault)
{
    const struct rule *rule = rule_named(id);
    struct rule_answer answer = rule_ask(rule, in);
    AUTO_STRBUF text;

    strbuf_init(&text, 65536);
    assert_int_equal(answer.outcome, RULE_FAIL);
    rule_explain(rule, in, &answer, &text);
    assert_true(strbuf_is_ok(&text));
    if (strncmp(text.text, fault, strlen(fault)) != 0 || !strstr(text.text, rule->remedy))
        fail_msg("%s: \"%s\", not \"%s\"", id, text.text, fault);
    for (const char *c = text.text; *c; c++) {
        if ((unsigned char)*c < 0x20)
            fail_msg("%s: a control character in \"%s\"", id, text.text);
    }
}

static inline void assert_pod_explained(const char *id, const struct pod_template *pod,
                                        const char *fault)
{
    const struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST, .is_sensitive = true};
    const struct rule_input in = {.settings = &settings, .pod = pod};

    assert_explained(id, &in, fault);
}

#define ASSERT_POD_EXPLAINED(id, fault, ...) \
    assert_pod_explained(id, &(const struct pod_template){__VA_ARGS__}, fault)

#endif

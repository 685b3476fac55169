#include "grant_rule.h"

/* That such a Secret is there is all there is to it. */
static enum rule_outcome check(const struct access_rule_input *in)
{
    (void)in;
    return RULE_FAIL;
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "holds a token of ServiceAccount ");
    access_add_text(text, *in->secret->account ? in->secret->account : "(none named)");
    strbuf_adds(text, " that never expires, ");
    if (*in->secret->last_used) {
        strbuf_adds(text, "last used ");
        access_add_text(text, in->secret->last_used);
    } else {
        strbuf_adds(text, "of whose use nothing is recorded");
    }
}

const struct access_rule access_rule_rbac_long_lived_tokens = {
    .id = "rbac-long-lived-tokens",
    .title = "No Secret holds a token that never expires",
    .standards = "Kubernetes security checklist: secrets; RBAC good practices: least privilege; "
                 "CIS 5.1.6",
    .remedy = "Ask for tokens that expire (kubectl create token, a projected volume), then delete "
              "the Secret: that revokes its token.",
    .about = ABOUT_SECRET,
    .severity = SEVERITY_HIGH,
    .check = check,
    .describe = describe,
};

/*
 * {"ns": "shop", "objects": [..]}: objects as a server or a manifest could state them. Whatever
 * they are, what is found about them names an object and a rule, in one line without control
 * characters.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/reconcilers/access_evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_finding(void *ctx, const struct access_finding *f, struct err *err)
{
    (void)ctx;
    (void)err;
    assert(f->outcome == RULE_FAIL || f->outcome == RULE_ERROR);
    assert(f->rules_count == 1 || (f->outcome == RULE_ERROR && f->rules_count > 1));
    assert(*f->kind && f->ns && f->name);
    assert(*f->text && strlen(f->text) < ACCESS_EXPLANATION_MAX);
    for (const char *c = f->text; *c; c++)
        assert((unsigned char)*c >= 0x20 && *c != 0x7f);
    return 0;
}

static void ask(const json_t *root, enum access_read read, bool asks_components)
{
    const char *ns = json_string_value(json_member(root, "ns"));
    const json_t *objects = json_member(root, "objects");
    struct access_asked asked;
    struct access_evidence e;

    access_evidence_init(&e, 64u << 20);
    for (size_t i = 0; i < json_array_size(objects); i++) {
        const json_t *object = json_array_get(objects, i);
        int kind = access_evidence_kind_of(object);

        if (kind >= 0)
            (void)!access_evidence_add(&e, (enum access_evidence_kind)kind, object, "default",
                                       NULL);
    }
    for (int kind = 0; kind < EVIDENCE_KIND_COUNT; kind++)
        e.read[kind] = read;
    (void)!access_evidence_findings(&e, ns, asks_components, on_finding, NULL, &asked, NULL);
    access_evidence_done(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_auto_t *root = json_decode((const char *)data, size, NULL);

    if (root) {
        ask(root, ACCESS_READ_ALL, true);
        ask(root, ACCESS_READ_SOME, false);
    }
    return 0;
}

/* The section, levels and versions, whose labels are, and what Warning headers say. */
#include "kube_fixture.h"

#include "rampart/kube/pod_security_owners.h"
#include "rampart/kube/pod_security_section.h"
#include "rampart/kube/warning.h"
#include "support/sweep.h"
#include "support/text.h"

/* ---- The section ---- */

static int decode(const char *members, struct pod_security_section *section, struct err *err)
{
    char text[1024];
    json_t *root;
    int r;

    (void)snprintf(text, sizeof(text), "{'podSecurityAdmission':{%s}}", members);
    root = json_of(text);
    r = pod_security_section_decode(root, MODE_ENFORCE, section, err);
    json_decref(root);
    return r;
}

static void test_a_section_that_is_not_there_states_nothing(void **state)
{
    struct pod_security_section section;
    json_t *root = json_of("{}");
    struct err err = {0};

    (void)state;
    assert_int_equal(pod_security_section_decode(root, MODE_ENFORCE, &section, &err), 0);
    assert_false(section.is_stated);
    assert_false(pod_security_section_fills_in(&section));
    json_decref(root);
}

static void test_what_a_section_leaves_out(void **state)
{
    struct pod_security_section section;
    struct err err = {0};

    (void)state;
    assert_int_equal(decode("'warn':'restricted'", &section, &err), 0);
    assert_true(section.is_stated);
    assert_int_equal(section.mode, MODE_ENFORCE);
    assert_false(section.has_level[PSA_ENFORCE]);
    assert_true(section.has_level[PSA_WARN]);
    assert_int_equal(section.levels[PSA_WARN], LEVEL_RESTRICTED);
    assert_int_equal(section.pss_minor, PSS_MINOR_LATEST);
    assert_int_equal(section.on_violation, ON_VIOLATION_WAIT);
    assert_true(pod_security_section_fills_in(&section));
}

static void test_what_a_section_states(void **state)
{
    struct pod_security_section section;
    struct err err = {0};

    (void)state;
    assert_int_equal(decode("'mode':'Audit','enforce':'privileged','warn':'baseline','audit':"
                            "'restricted','version':'v1.25','onViolation':'Enforce'",
                            &section, &err),
                     0);
    assert_int_equal(section.mode, MODE_AUDIT);
    assert_int_equal(section.levels[PSA_ENFORCE], LEVEL_PRIVILEGED);
    assert_int_equal(section.levels[PSA_WARN], LEVEL_BASELINE);
    assert_int_equal(section.levels[PSA_AUDIT], LEVEL_RESTRICTED);
    assert_int_equal(section.pss_minor, 25);
    assert_int_equal(section.on_violation, ON_VIOLATION_ENFORCE);
    assert_false(pod_security_section_fills_in(&section));
    assert_int_equal(decode("'warn':'baseline','version':'latest','onViolation':'Wait'", &section,
                            &err),
                     0);
    assert_int_equal(section.pss_minor, PSS_MINOR_LATEST);
    assert_int_equal(section.on_violation, ON_VIOLATION_WAIT);
}

static void test_a_wrong_section_names_its_field(void **state)
{
    static const struct {
        const char *members, *says;
    } rows[] = {
        {"", "podSecurityAdmission: states no level; name at least one"},
        {"'enforce':'hardened'", "podSecurityAdmission.enforce: \"hardened\" is unknown"},
        {"'warn':''", "podSecurityAdmission.warn: \"\" is unknown"},
        {"'audit':5", "podSecurityAdmission.audit: "},
        {"'mode':'on','warn':'baseline'", "podSecurityAdmission.mode: "},
        {"'version':'v1.24','warn':'baseline'", "podSecurityAdmission.version: \"v1.24\""},
        {"'version':'v1.38','warn':'baseline'", "expected latest, or v1.25 to v1.37"},
        {"'version':'v1.030','warn':'baseline'", "podSecurityAdmission.version: \"v1.030\""},
        {"'version':'1.30','warn':'baseline'", "podSecurityAdmission.version: \"1.30\""},
        {"'version':5,'warn':'baseline'", "podSecurityAdmission.version: "},
        {"'onViolation':'Ignore','warn':'baseline'", "expected Wait or Enforce"},
        {"'onViolation':5,'warn':'baseline'", "podSecurityAdmission.onViolation: "},
    };
    struct pod_security_section section;
    json_t *root = json_of("{'podSecurityAdmission':5}");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};

        assert_int_equal(decode(rows[i].members, &section, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, rows[i].says);
    }
    assert_int_equal(pod_security_section_decode(root, MODE_ENFORCE, &section, NULL), -1);
    json_decref(root);
}

/* ---- Levels and versions, as the API server reads them ---- */

static void test_levels_are_read_as_the_api_server_reads_them(void **state)
{
    (void)state;
    assert_int_equal(psa_level_of(PSA_ENFORCE, "baseline"), LEVEL_BASELINE);
    assert_int_equal(psa_level_of(PSA_AUDIT, "restricted"), LEVEL_RESTRICTED);
    assert_int_equal(psa_level_of(PSA_ENFORCE, "Baseline"), LEVEL_RESTRICTED);
    assert_int_equal(psa_level_of(PSA_WARN, "Baseline"), LEVEL_PRIVILEGED);
    assert_int_equal(psa_level_of(PSA_AUDIT, ""), LEVEL_PRIVILEGED);
    assert_int_equal(psa_level_of(PSA_ENFORCE, NULL), LEVEL_PRIVILEGED);
    assert_string_equal(psa_level_name(LEVEL_PRIVILEGED), "privileged");
}

static void test_versions_are_read_as_the_api_server_reads_them(void **state)
{
    static const struct {
        const char *text;
        unsigned minor;
    } rows[] = {
        {"v1.30", 30},    {"v1.100", 100},    {"v1.0", PSS_MINOR_MIN}, {"v1.9", 25},
        {"latest", 9999}, {NULL, 9999},       {"v1.", 9999},           {"v2.30", 9999},
        {"v1.3x", 9999},  {"v1.99999", 9999},
    };
    char text[PSA_VERSION_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(psa_version_of(rows[i].text), rows[i].minor);
    psa_version_text(31, text);
    assert_string_equal(text, "v1.31");
    psa_version_text(PSS_MINOR_LATEST, text);
    assert_string_equal(text, "latest");
}

/* ---- Whose the labels are ---- */

#define ENFORCE_BITS (1u << PSA_LEVEL_LABEL(PSA_ENFORCE))
#define WARN_BIT (1u << PSA_LEVEL_LABEL(PSA_WARN))
#define FIELDS(label_) \
    "'fieldsV1':{'f:metadata':{'f:labels':{'f:pod-security.kubernetes.io/" label_ "':{}}}}"
#define NAMESPACE(rest_)                                                             \
    "{'kind':'Namespace','metadata':{'name':'shop','uid':'u','resourceVersion':'7'," \
    "'labels':{'pod-security.kubernetes.io/enforce':'baseline',"                     \
    "'pod-security.kubernetes.io/warn':'baseline','team':'shop'}" rest_ "}}"
#define OURS "{'manager':'rampart','operation':'Update'," FIELDS("enforce") "}"

static int owners_of(const char *json, struct pod_security_owners *owners, struct err *err)
{
    char text[8192];

    (void)snprintf(text, sizeof(text), "%s", json);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return pod_security_owners_decode(text, strlen(text), "shop", owners, err);
}

static void test_a_label_is_ours_when_nobody_else_states_it(void **state)
{
    static const struct {
        const char *json;
        uint8_t ours;
    } rows[] = {
        {NAMESPACE(""), 0},
        {NAMESPACE(",'managedFields':[" OURS "]"), ENFORCE_BITS},
        {NAMESPACE(",'managedFields':[" OURS
                   ",{'manager':'git','operation':'Apply'," FIELDS("warn") "}]"),
         ENFORCE_BITS},
        {NAMESPACE(",'managedFields':[" OURS
                   ",{'manager':'git','operation':'Apply'," FIELDS("enforce") "}]"),
         0},
        {NAMESPACE(",'managedFields':[" OURS
                   ",{'manager':'rampart','operation':'Apply'," FIELDS("enforce") "}]"),
         0},
        {NAMESPACE(",'managedFields':[{'manager':'rampart','operation':'Update','subresource':"
                   "'status'," FIELDS("enforce") "}]"),
         0},
        {NAMESPACE(",'managedFields':[{'manager':'rampart','operation':'Update','subresource':"
                   "''," FIELDS("enforce") "}]"),
         ENFORCE_BITS},
        {NAMESPACE(",'managedFields':[{'manager':'ancient-changes','operation':'Update'," FIELDS(
             "enforce") "}]"),
         0},
        /* Not there any more. */
        {NAMESPACE(
             ",'managedFields':[{'manager':'rampart','operation':'Update'," FIELDS("audit") "}]"),
         0},
        {NAMESPACE(",'managedFields':[5,{'manager':5},{'manager':'rampart'}]"), 0},
        {NAMESPACE(",'managedFields':{}"), 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pod_security_owners owners;
        struct err err = {0};

        if (owners_of(rows[i].json, &owners, &err) < 0)
            fail_msg("%s: %s", rows[i].json, err.msg);
        assert_int_equal(owners.ours, rows[i].ours);
        assert_string_equal(owners.uid, "u");
        assert_string_equal(owners.rv, "7");
    }
}

static void test_what_last_applied_states_is_not_ours(void **state)
{
    static const struct {
        const char *applied; /* the annotation's value, as JSON text with " for \" */
        uint8_t ours;
    } rows[] = {
        {"\\\"x\\\"", ENFORCE_BITS},
        {"{\\\"metadata\\\":{\\\"labels\\\":{\\\"pod-security.kubernetes.io/warn\\\":\\\"x\\\"}}}",
         ENFORCE_BITS},
        {"{\\\"metadata\\\":{\\\"labels\\\":{\\\"pod-security.kubernetes.io/enforce\\\":\\\"x\\\"}}"
         "}",
         0},
        {"no JSON", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pod_security_owners owners;
        struct err err = {0};
        char text[2048];

        (void)snprintf(text, sizeof(text),
                       NAMESPACE(",'managedFields':[" OURS "],'annotations':{"
                                 "'kubectl.kubernetes.io/last-applied-configuration':'%s'}"),
                       rows[i].applied);
        assert_int_equal(owners_of(text, &owners, &err), 0);
        assert_int_equal(owners.ours, rows[i].ours);
    }
    {
        struct pod_security_owners owners;

        assert_int_equal(owners_of(NAMESPACE(",'managedFields':[" OURS "],'annotations':{"
                                             "'kubectl.kubernetes.io/last-applied-"
                                             "configuration':5}"),
                                   &owners, NULL),
                         0);
        assert_int_equal(owners.ours, 0);
    }
}

static void test_of_a_namespace_that_is_too_large_nothing_is_ours(void **state)
{
    char *filler = text_repeat("x", 300 * 1024);
    size_t len_max = strlen(filler) + 4096;
    char *text = malloc(len_max);
    struct pod_security_owners owners = {.ours = 1};
    struct err err = {0};

    (void)state;
    assert_non_null(text);
    (void)snprintf(text, len_max,
                   "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\",\"uid\":\"u\","
                   "\"resourceVersion\":\"7\",\"labels\":{\"pod-security.kubernetes.io/enforce\":"
                   "\"baseline\"},\"annotations\":{\"kubectl.kubernetes.io/"
                   "last-applied-configuration\":\"%s\"},\"managedFields\":[{\"manager\":"
                   "\"rampart\",\"operation\":\"Update\",\"fieldsV1\":{\"f:metadata\":{"
                   "\"f:labels\":{\"f:pod-security.kubernetes.io/enforce\":{}}}}}]}}",
                   filler);
    assert_int_equal(pod_security_owners_decode(text, strlen(text), "shop", &owners, &err), 0);
    assert_int_equal(owners.ours, 0);
    assert_string_equal(owners.rv, "7");
    free(text);
    free(filler);
}

static void test_an_answer_that_is_not_the_namespace_is_an_error(void **state)
{
    char *uid = text_repeat("u", UID_LEN_MAX + 1);
    static const char *const rows[] = {
        "",
        "{",
        "[]",
        "{'kind':'Status'}",
        "{'kind':'Namespace'}",
        "{'kind':'Namespace','metadata':{'name':'other','uid':'u','resourceVersion':'7'}}",
        "{'kind':'Namespace','metadata':{'name':'shop','uid':'u'}}",
        "{'kind':'Namespace','metadata':{'name':'shop','resourceVersion':'7'}}",
        "{'kind':'Namespace','metadata':{'name':'shop','uid':5,'resourceVersion':'7'}}",
        "{'kind':'Namespace','metadata':{}} {}",
    };
    struct pod_security_owners owners = {.ours = 9};
    char text[1024];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};

        assert_int_equal(owners_of(rows[i], &owners, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
    }
    (void)snprintf(text, sizeof(text),
                   "{'kind':'Namespace','metadata':{'name':'shop','uid':'%s','resourceVersion':"
                   "'7'}}",
                   uid);
    assert_int_equal(owners_of(text, &owners, NULL), -1);
    (void)snprintf(text, sizeof(text),
                   "{'kind':'Namespace','metadata':{'name':'shop','uid':'u','resourceVersion':"
                   "'%s'}}",
                   uid);
    assert_int_equal(owners_of(text, &owners, NULL), -1);
    assert_int_equal(owners.ours, 9); /* untouched */
    free(uid);
}

static int read_owners(void *ctx, struct err *err)
{
    struct pod_security_owners owners = {.ours = 9};
    int result = owners_of(ctx, &owners, err);

    assert_int_equal(owners.ours, result < 0 ? 9 : 0);
    return result;
}

static void test_owners_survive_a_lack_of_memory(void **state)
{
    char text[2048];

    (void)state;
    (void)snprintf(text, sizeof(text),
                   NAMESPACE(",'managedFields':[" OURS "],'annotations':{"
                             "'kubectl.kubernetes.io/last-applied-configuration':'%s'}"),
                   "{\\\"metadata\\\":{\\\"labels\\\":{\\\"pod-security.kubernetes.io/enforce"
                   "\\\":\\\"x\\\"}}}");
    assert_true(sweep(read_owners, text) > 0);
}

/* ---- Warnings ---- */

static void test_the_texts_of_warnings(void **state)
{
    static const struct {
        const char *values, *texts;
    } rows[] = {
        {"", ""},
        {"299 - \"one\"", "one"},
        {"299 - \"one\"\n299 - \"two\"", "one; two"},
        {"299 - \"one\", 299 - \"two\"", "one; two"},
        {"299 - \"with \\\"quotes\\\" and \\\\\"", "with \"quotes\" and \\"},
        {"299 - \"dated\" \"Mon, 01 Jan\", 299 - \"two\"", "dated; two"},
        {"299 - without quotes", "299 - without quotes"},
        {"299 - \"never ends", "never ends"},
        {"299 - \"ends in a \\", "ends in a \\"},
        {"299 - \"ends in a \\\n299 - \"two\"", "ends in a \\; two"},
        {"299 - \"tab\tand \x7f\"", "tab and  "},
        {", \n ,", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_STRBUF text;

        strbuf_init(&text, 256);
        warning_texts(rows[i].values, &text);
        assert_string_equal(text.text, rows[i].texts);
    }
}

static void test_what_does_not_fit_of_warnings_is_left_out(void **state)
{
    AUTO_STRBUF text;

    (void)state;
    strbuf_init(&text, 5);
    warning_texts("299 - \"one\"\n299 - \"two\"", &text);
    assert_true(strbuf_is_ok(&text));
    assert_string_equal(text.text, "one; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_section_that_is_not_there_states_nothing),
        cmocka_unit_test(test_what_a_section_leaves_out),
        cmocka_unit_test(test_what_a_section_states),
        cmocka_unit_test(test_a_wrong_section_names_its_field),
        cmocka_unit_test(test_levels_are_read_as_the_api_server_reads_them),
        cmocka_unit_test(test_versions_are_read_as_the_api_server_reads_them),
        cmocka_unit_test(test_a_label_is_ours_when_nobody_else_states_it),
        cmocka_unit_test(test_what_last_applied_states_is_not_ours),
        cmocka_unit_test(test_of_a_namespace_that_is_too_large_nothing_is_ours),
        cmocka_unit_test(test_an_answer_that_is_not_the_namespace_is_an_error),
        cmocka_unit_test(test_owners_survive_a_lack_of_memory),
        cmocka_unit_test(test_the_texts_of_warnings),
        cmocka_unit_test(test_what_does_not_fit_of_warnings_is_left_out),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

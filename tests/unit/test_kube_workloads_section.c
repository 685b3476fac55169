#include "kube_fixture.h"

#include "rampart/kube/workloads_section.h"

/* @workloads are the members of spec.workloads, with ' for ". */
static int decode(struct arena *a, const char *workloads, struct workloads_section *section,
                  struct err *err)
{
    char text[4096];
    json_t *root;
    int r;

    (void)snprintf(text, sizeof(text), "{'workloads':{%s}}", workloads);
    root = json_of(text);
    r = workloads_section_decode(root, MODE_ENFORCE, a, section, err);
    json_decref(root);
    return r;
}

static struct workloads_section section_of(struct arena *a, const char *workloads)
{
    struct workloads_section section;
    struct err err = {0};

    if (decode(a, workloads, &section, &err) < 0)
        fail_msg("%s: %s", workloads, err.msg);
    return section;
}

static void test_section_of_the_fixture(void **state)
{
    json_t *root = fixture_json("profile_workloads.json");
    const struct object *object = decode_ok(KIND_PROFILE, root, *state);
    const struct profile *p = OBJECT_AS(profile, object);
    const struct workloads_section *w = &p->workloads;

    json_decref(root);
    assert_null(p->invalid);
    assert_true(w->is_stated);
    assert_int_equal(w->mode, MODE_AUDIT);
    assert_int_equal(w->level, LEVEL_BASELINE);
    assert_int_equal(w->pss_minor, 30);
    assert_true(w->has_sensitive);
    assert_int_equal(w->sensitive.terms_count, 1);
    assert_false(w->fill.run_as_non_root);
    assert_false(w->fill.seccomp);
    assert_false(w->fill.allow_privilege_escalation);
    assert_false(w->fill.drop_all);
    assert_true(w->fill.read_only_root);
    assert_true(w->fill.pins_observed_user);
    assert_string_equal(w->fill.cpu_request, "100m");
    assert_string_equal(w->fill.memory_request, "128Mi");
    assert_string_equal(w->fill.cpu_limit, "1");
    assert_string_equal(w->fill.memory_limit, "256Mi");
    assert_int_equal(w->when, ROLLOUT_NOW);
    assert_int_equal(w->on_failure, ON_FAILURE_KEEP);
    assert_int_equal(w->on_unknown, ON_UNKNOWN_TRY);
    assert_int_equal(w->concurrent_max, 9);
    assert_int_equal(w->deadline_s, 600);
    assert_int_equal(w->failures_percent_max, 50);
}

static void test_rules_are_sorted_and_say_what_becomes_of_each(void **state)
{
    static const struct rule_choice expected[] = {
        {"host-ports", RULE_MODE_OFF, true},
        {"image-digest", RULE_MODE_REQUIRE, true},
        {"privileged", RULE_MODE_DEFAULT, false},
        {"probes", RULE_MODE_REPORT, true},
    };
    json_t *root = fixture_json("profile_workloads.json");
    const struct object *object = decode_ok(KIND_PROFILE, root, *state);
    const struct workloads_section *w = &OBJECT_AS(profile, object)->workloads;

    json_decref(root);
    assert_int_equal(w->rules_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_string_equal(w->rules[i].id, expected[i].id);
        assert_int_equal(w->rules[i].mode, expected[i].mode);
        assert_int_equal(w->rules[i].is_exemptible, expected[i].is_exemptible);
    }
}

static void test_section_that_is_absent_is_not_stated(void **state)
{
    static const char *const texts[] = {"{}", "{'workloads':null}"};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_t *root = json_of(texts[i]);
        struct workloads_section w;

        assert_int_equal(workloads_section_decode(root, MODE_ENFORCE, *state, &w, NULL), 0);
        assert_false(w.is_stated);
        assert_false(w.fill.run_as_non_root);
        json_decref(root);
    }
}

static void assert_defaults(const struct workloads_section *w)
{
    assert_true(w->is_stated);
    assert_int_equal(w->mode, MODE_ENFORCE);
    assert_int_equal(w->level, LEVEL_RESTRICTED);
    assert_int_equal(w->pss_minor, PSS_MINOR_LATEST);
    assert_int_equal(w->rules_count, 0);
    assert_false(w->has_sensitive);
    assert_true(w->fill.run_as_non_root);
    assert_true(w->fill.seccomp);
    assert_true(w->fill.allow_privilege_escalation);
    assert_true(w->fill.drop_all);
    assert_false(w->fill.read_only_root);
    assert_false(w->fill.pins_observed_user);
    assert_null(w->fill.cpu_request);
    assert_null(w->fill.memory_request);
    assert_null(w->fill.cpu_limit);
    assert_null(w->fill.memory_limit);
    assert_int_equal(w->when, ROLLOUT_NEXT_CHANGE);
    assert_int_equal(w->on_failure, ON_FAILURE_REVERT);
    assert_int_equal(w->on_unknown, ON_UNKNOWN_SKIP);
    assert_int_equal(w->concurrent_max, 5);
    assert_int_equal(w->deadline_s, 300);
    assert_int_equal(w->failures_percent_max, 20);
}

/* The second and third are the defaults written out: the second as null and empty objects, the
 * third word for word. */
static void test_section_defaults(void **state)
{
    static const char *const texts[] = {
        "",
        "'level':null,'rules':[],'sensitive':null,'fill':{'resources':{'limits':{}}},'rollout':{}",
        "'mode':'Enforce','level':'restricted','version':'latest','fill':{'runAsNonRoot':true,"
        "'seccompProfile':'RuntimeDefault','allowPrivilegeEscalation':false,"
        "'dropCapabilities':['ALL'],'readOnlyRootFilesystem':false,'pinObservedUser':false},"
        "'rollout':{'when':'NextChange','maxConcurrent':5,'progressDeadlineSeconds':300,"
        "'onFailure':'Revert','onUnknown':'Skip','pauseAtFailuresPercent':20}",
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct workloads_section w = section_of(*state, texts[i]);

        assert_defaults(&w);
    }
}

static void test_an_empty_selector_marks_every_workload_as_sensitive(void **state)
{
    struct workloads_section w = section_of(*state, "'sensitive':{}");
    struct labels none = {0};

    assert_true(w.has_sensitive);
    assert_true(selector_matches(&w.sensitive, &none));
}

static void test_levels(void **state)
{
    static const struct {
        const char *text;
        unsigned level;
    } rows[] = {
        {"privileged", LEVEL_PRIVILEGED},
        {"baseline", LEVEL_BASELINE},
        {"restricted", LEVEL_RESTRICTED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "'level':'%s'", rows[i].text);
        assert_int_equal(section_of(*state, text).level, rows[i].level);
    }
}

static void test_every_version_that_the_rules_know_can_be_stated(void **state)
{
    for (unsigned minor = 0; minor <= 100; minor++) {
        bool is_known = minor >= PSS_MINOR_MIN && minor <= PSS_MINOR_MAX;
        struct workloads_section w = {0};
        struct err err = {0};
        char text[64];

        (void)snprintf(text, sizeof(text), "'version':'v1.%u'", minor);
        assert_int_equal(decode(*state, text, &w, &err), is_known ? 0 : -1);
        assert_int_equal(w.pss_minor, is_known ? minor : 0);
    }
}

static void test_quantities_are_those_that_kubernetes_writes_itself(void **state)
{
    static const struct {
        const char *resource;
        const char *text;
        bool is_valid;
    } rows[] = {
        {"cpu", "1", true},
        {"cpu", "100m", true},
        {"cpu", "999999999999m", true},
        {"cpu", "", false},
        {"cpu", "m", false},
        {"cpu", "0", false},
        {"cpu", "0.5", false},
        {"cpu", "01", false},
        {"cpu", "1Ki", false},
        {"cpu", "-1", false},
        {"cpu", "1 ", false},
        {"cpu", "1mm", false},
        {"cpu", "1e3", false},
        {"cpu", "9999999999999", false},
        {"memory", "1", true},
        {"memory", "1k", true},
        {"memory", "1M", true},
        {"memory", "1G", true},
        {"memory", "1T", true},
        {"memory", "1Ki", true},
        {"memory", "128Mi", true},
        {"memory", "1Gi", true},
        {"memory", "1Ti", true},
        {"memory", "128m", false},
        {"memory", "128mi", false},
        {"memory", "1.5Gi", false},
        {"memory", "0", false},
        {"memory", "1Pi", false},
        {"memory", "1K", false},
        {"memory", "Mi", false},
        {"memory", "1e9", false},
        {"memory", "0x10", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct workloads_section w;
        struct err err = {0};
        char text[128];

        (void)snprintf(text, sizeof(text), "'fill':{'resources':{'limits':{'%s':'%s'}}}",
                       rows[i].resource, rows[i].text);
        if (decode(*state, text, &w, &err) != (rows[i].is_valid ? 0 : -1))
            fail_msg("%s %s", rows[i].resource, rows[i].text);
    }
}

static void test_a_request_is_not_over_its_limit(void **state)
{
    static const struct {
        const char *resource;
        const char *request;
        const char *limit;
        bool is_valid;
    } rows[] = {
        {"cpu", "1", "1000m", true},
        {"cpu", "1000m", "1", true},
        {"cpu", "1001m", "1", false},
        {"cpu", "1", "999m", false},
        {"memory", "1Ki", "1024", true},
        {"memory", "1025", "1Ki", false},
        {"memory", "1000", "1k", true},
        {"memory", "1Ki", "1k", false},
        {"memory", "1Mi", "1024Ki", true},
        {"memory", "1Mi", "1M", false},
        {"memory", "1024Mi", "1Gi", true},
        {"memory", "1Gi", "1G", false},
        {"memory", "1000G", "1T", true},
        {"memory", "1025Gi", "1Ti", false},
        {"memory", "999999999999Ti", "999999999998Ti", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct workloads_section w;
        struct err err = {0};
        char text[256];

        (void)snprintf(text, sizeof(text),
                       "'fill':{'resources':{'requests':{'%s':'%s'},'limits':{'%s':'%s'}}}",
                       rows[i].resource, rows[i].request, rows[i].resource, rows[i].limit);
        if (decode(*state, text, &w, &err) != (rows[i].is_valid ? 0 : -1))
            fail_msg("%s %s of %s", rows[i].resource, rows[i].request, rows[i].limit);
    }
}

static void test_a_request_needs_no_limit(void **state)
{
    struct workloads_section w =
        section_of(*state, "'fill':{'resources':{'requests':{'cpu':'2','memory':'1Gi'}}}");

    assert_string_equal(w.fill.cpu_request, "2");
    assert_null(w.fill.cpu_limit);
}

static void test_bounds_of_the_rollout_can_be_reached_and_not_passed(void **state)
{
    static const struct {
        const char *name;
        int min;
        int max;
    } rows[] = {
        {"maxConcurrent", 1, 100},
        {"progressDeadlineSeconds", 30, 3600},
        {"pauseAtFailuresPercent", 1, 100},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int tries[] = {rows[i].min - 1, rows[i].min, rows[i].max, rows[i].max + 1};

        for (size_t k = 0; k < COUNT_OF(tries); k++) {
            struct workloads_section w;
            struct err err = {0};
            char text[128];

            (void)snprintf(text, sizeof(text), "'rollout':{'%s':%d}", rows[i].name, tries[k]);
            assert_int_equal(decode(*state, text, &w, &err), k == 1 || k == 2 ? 0 : -1);
        }
    }
}

static void test_errors_name_the_path_and_the_remedy(void **state)
{
    static const struct {
        const char *workloads;
        const char *msg;
    } rows[] = {
        {"'mode':'Warn'", "workloads.mode: \"Warn\" is unknown; expected Audit, Enforce or Off"},
        {"'level':'hardened'",
         "workloads.level: \"hardened\" is unknown; expected restricted, baseline or privileged"},
        {"'version':'1.30'",
         "workloads.version: \"1.30\" is unknown; expected latest, or v1.25 to v1.37"},
        {"'version':'v1.3'",
         "workloads.version: \"v1.3\" is unknown; expected latest, or v1.25 to v1.37"},
        {"'version':'v1.3x'",
         "workloads.version: \"v1.3x\" is unknown; expected latest, or v1.25 to v1.37"},
        {"'rules':['privileged']", "workloads.rules[0]: expected an object"},
        {"'rules':[{'mode':'Off'}]", "workloads.rules[0].id: expected a string, got nothing"},
        {"'rules':[{'id':'a'},{'id':'Host Ports'}]",
         "workloads.rules[1].id: \"Host Ports\" is no rule id; write lower-case letters, digits "
         "and '-', as in status.rules"},
        {"'rules':[{'id':'-a'}]",
         "workloads.rules[0].id: \"-a\" is no rule id; write lower-case letters, digits and '-', "
         "as in status.rules"},
        {"'rules':[{'id':'a-'}]",
         "workloads.rules[0].id: \"a-\" is no rule id; write lower-case letters, digits and '-', "
         "as in status.rules"},
        {"'rules':[{'id':'a','mode':'Enforce'}]",
         "workloads.rules[0].mode: \"Enforce\" is unknown; expected Off, Report or Require"},
        {"'rules':[{'id':'a','exemptible':'no'}]",
         "workloads.rules[0].exemptible: expected true or false, got a string"},
        {"'rules':[{'id':'b'},{'id':'a'},{'id':'b','mode':'Off'}]",
         "workloads.rules: has \"b\" more than once; make one entry of them"},
        {"'sensitive':{'matchLabels':{'tier':'a'},'matchExpressions':[{'key':'tier','operator':"
         "'NotIn','values':['a']}]}",
         "workloads.sensitive: tier: In [a] and NotIn [a] can never match; mend it or remove "
         "sensitive"},
        {"'fill':{'runAsNonRoot':'yes'}",
         "workloads.fill.runAsNonRoot: expected true or false, got a string"},
        {"'fill':{'seccompProfile':'Localhost'}",
         "workloads.fill.seccompProfile: \"Localhost\" is unknown; expected RuntimeDefault, or "
         "\"\" for none"},
        {"'fill':{'dropCapabilities':['ALL','NET_RAW']}",
         "workloads.fill.dropCapabilities[1]: expected ALL; to leave capabilities alone, write []"},
        {"'fill':{'dropCapabilities':[1]}",
         "workloads.fill.dropCapabilities[0]: expected ALL; to leave capabilities alone, write []"},
        {"'fill':{'resources':{'requests':{'cpu':'0.5'}}}",
         "workloads.fill.resources.requests.cpu: \"0.5\" is no amount of CPU; write whole cores "
         "or millicores, \"1\" or \"100m\""},
        {"'fill':{'resources':{'limits':{'memory':'128m'}}}",
         "workloads.fill.resources.limits.memory: \"128m\" is no amount of memory; write whole "
         "bytes or a multiple, \"128Mi\" or \"1Gi\""},
        {"'fill':{'resources':{'limits':{'cpu':'1'},'requests':{'cpu':'2'}}}",
         "workloads.fill.resources.requests.cpu: is over resources.limits.cpu; lower it or raise "
         "the limit"},
        {"'fill':{'resources':{'limits':{'memory':'1Mi'},'requests':{'memory':'2Mi'}}}",
         "workloads.fill.resources.requests.memory: is over resources.limits.memory; lower it or "
         "raise the limit"},
        {"'rollout':{'when':'Later'}",
         "workloads.rollout.when: \"Later\" is unknown; expected NextChange or Now"},
        {"'rollout':{'onFailure':'Pause'}",
         "workloads.rollout.onFailure: \"Pause\" is unknown; expected Revert or Keep"},
        {"'rollout':{'onUnknown':'Guess'}",
         "workloads.rollout.onUnknown: \"Guess\" is unknown; expected Skip or Try"},
        {"'rollout':{'maxConcurrent':0}",
         "workloads.rollout.maxConcurrent: expected an integer 1..100, got 0"},
        {"'rollout':{'progressDeadlineSeconds':10}",
         "workloads.rollout.progressDeadlineSeconds: expected an integer 30..3600, got 10"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct workloads_section w = {.deadline_s = 77};
        struct err err = {0};

        assert_int_equal(decode(*state, rows[i].workloads, &w, &err), -1);
        assert_string_equal(err.msg, rows[i].msg);
        assert_int_equal(err.code, ERR_INVALID);
        assert_int_equal(w.deadline_s, 77);
    }
}

static void test_rules_end_at_their_ceiling(void **state)
{
    for (size_t count = PROFILE_RULE_CHOICES_MAX; count <= PROFILE_RULE_CHOICES_MAX + 1; count++) {
        json_t *rules = json_array();
        json_t *spec = json_pack("{s:{s:o}}", "workloads", "rules", rules);
        struct workloads_section w;
        struct err err = {0};

        for (size_t i = 0; i < count; i++) {
            char id[32];

            (void)snprintf(id, sizeof(id), "rule-%zu", i);
            json_array_append_new(rules, json_pack("{s:s}", "id", id));
        }
        assert_int_equal(workloads_section_decode(spec, MODE_AUDIT, *state, &w, &err),
                         count > PROFILE_RULE_CHOICES_MAX ? -1 : 0);
        json_decref(spec);
    }
}

static void test_an_id_ends_at_its_ceiling(void **state)
{
    for (int len = RULE_ID_LEN_MAX; len <= RULE_ID_LEN_MAX + 1; len++) {
        struct workloads_section w;
        struct err err = {0};
        char text[256];

        (void)snprintf(text, sizeof(text), "'rules':[{'id':'%0*d'}]", len, 1);
        assert_int_equal(decode(*state, text, &w, &err), len > RULE_ID_LEN_MAX ? -1 : 0);
    }
}

static void test_a_section_fills_in_when_it_enforces_and_asks_for_a_field(void **state)
{
    static const char *const fields[] = {
        "'runAsNonRoot':true",
        "'seccompProfile':'RuntimeDefault'",
        "'allowPrivilegeEscalation':false",
        "'dropCapabilities':['ALL']",
        "'readOnlyRootFilesystem':true",
        "'pinObservedUser':true",
        "'resources':{'requests':{'cpu':'1'}}",
        "'resources':{'requests':{'memory':'1Mi'}}",
        "'resources':{'limits':{'cpu':'1'}}",
        "'resources':{'limits':{'memory':'1Mi'}}",
    };
    struct workloads_section section = section_of(*state, "");
    char text[512];

    assert_true(workloads_section_fills_in(&section)); /* by default */
    section.fill = (__typeof__(section.fill)){0};
    assert_false(workloads_section_fills_in(&section));
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        struct workloads_section one;

        (void)snprintf(text, sizeof(text), "'fill':{%s}", fields[i]);
        one = section_of(*state, text);
        section.fill = (__typeof__(section.fill)){
            .run_as_non_root = i == 0 && one.fill.run_as_non_root,
            .seccomp = i == 1 && one.fill.seccomp,
            .allow_privilege_escalation = i == 2 && one.fill.allow_privilege_escalation,
            .drop_all = i == 3 && one.fill.drop_all,
            .read_only_root = one.fill.read_only_root,
            .pins_observed_user = one.fill.pins_observed_user,
            .cpu_request = one.fill.cpu_request,
            .memory_request = one.fill.memory_request,
            .cpu_limit = one.fill.cpu_limit,
            .memory_limit = one.fill.memory_limit,
        };
        assert_true(workloads_section_fills_in(&section));
    }
    section.mode = MODE_AUDIT;
    assert_false(workloads_section_fills_in(&section));
    section = (struct workloads_section){.mode = MODE_ENFORCE};
    section.fill.drop_all = true;
    assert_false(workloads_section_fills_in(&section)); /* it is not stated */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_section_of_the_fixture),
        ARENA_TEST(test_rules_are_sorted_and_say_what_becomes_of_each),
        ARENA_TEST(test_section_that_is_absent_is_not_stated),
        ARENA_TEST(test_section_defaults),
        ARENA_TEST(test_an_empty_selector_marks_every_workload_as_sensitive),
        ARENA_TEST(test_levels),
        ARENA_TEST(test_every_version_that_the_rules_know_can_be_stated),
        ARENA_TEST(test_quantities_are_those_that_kubernetes_writes_itself),
        ARENA_TEST(test_a_request_is_not_over_its_limit),
        ARENA_TEST(test_a_request_needs_no_limit),
        ARENA_TEST(test_bounds_of_the_rollout_can_be_reached_and_not_passed),
        ARENA_TEST(test_errors_name_the_path_and_the_remedy),
        ARENA_TEST(test_rules_end_at_their_ceiling),
        ARENA_TEST(test_a_section_fills_in_when_it_enforces_and_asks_for_a_field),
        ARENA_TEST(test_an_id_ends_at_its_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

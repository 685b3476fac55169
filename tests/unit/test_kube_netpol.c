#include "kube_fixture.h"

static const struct netpol_facts *policy(struct arena *a, const json_t *root)
{
    return OBJECT_AS(netpol_facts, decode_ok(KIND_NETWORK_POLICY, root, a));
}

/* @meta and @spec are the members between the braces, with ' for ". */
static const struct netpol_facts *policy_of(struct arena *a, const char *name, const char *meta,
                                            const char *spec)
{
    char text[16384];
    json_t *root;
    const struct netpol_facts *np;

    (void)snprintf(text, sizeof(text),
                   "{'metadata':{'name':'%s','namespace':'shop','uid':'u','resourceVersion':'1'%s},"
                   "'spec':{%s}}",
                   name, meta, spec);
    root = json_of(text);
    np = policy(a, root);
    json_decref(root);
    return np;
}

static void test_our_policy_keeps_its_marks_and_its_spec(void **state)
{
    json_t *root = fixture_json("netpol_ours.json");
    const struct netpol_facts *np = policy(*state, root);

    json_decref(root);
    assert_string_equal(np->object.name, "rampart-default-deny");
    assert_true(np->has_our_label);
    assert_true(np->has_our_entry);
    assert_string_equal(np->profile, "restricted");
    assert_string_equal(np->spec_hash, "6f1ed002ab5595859014ebf0951522d9");
    assert_string_equal(np->owner_uid, "dc5b9955-cb5e-404e-a393-76f7fd0e6778");
    assert_int_equal(np->owners_count, 1);
    assert_string_equal(np->spec, "{\"podSelector\":{},\"policyTypes\":[\"Ingress\",\"Egress\"]}");
    for (int i = 0; i < NETPOL_FIELD_COUNT; i++)
        assert_null(np->rivals[i].manager);
}

static void test_rival_of_each_field_is_named_with_its_time(void **state)
{
    json_t *root = fixture_json("netpol_ours_edited.json");
    const struct netpol_facts *np = policy(*state, root);

    json_decref(root);
    assert_string_equal(np->rivals[NETPOL_POD_SELECTOR].manager, "kubectl-edit");
    assert_string_equal(np->rivals[NETPOL_POD_SELECTOR].time, "2026-11-23T23:55:46Z");
    assert_ptr_equal(np->rivals[NETPOL_INGRESS].manager, np->rivals[NETPOL_POD_SELECTOR].manager);
    assert_null(np->rivals[NETPOL_POLICY_TYPES].manager);
    assert_null(np->rivals[NETPOL_EGRESS].manager);
    assert_string_equal(np->spec,
                        "{\"ingress\":[{}],\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}},"
                        "\"policyTypes\":[\"Ingress\",\"Egress\"]}");
}

#define OUR_LABEL ",'labels':{'app.kubernetes.io/managed-by':'rampart'}"
#define ENTRY(manager_, time_) \
    "{'manager':'" manager_ "','time':'" time_ "','fieldsV1':{'f:spec':{'f:ingress':{}}}}"

/* Nearly all policies have none, and there may be a hundred thousand of them. */
static void test_policies_without_a_rival_share_what_says_so(void **state)
{
    const struct netpol_facts *one = policy_of(*state, "rampart-x", OUR_LABEL, "");
    const struct netpol_facts *other = policy_of(*state, "rampart-y", OUR_LABEL, "");

    assert_ptr_equal(one->rivals, other->rivals);
    assert_null(one->rivals[NETPOL_INGRESS].manager);
}

static void test_latest_rival_wins_whatever_the_order(void **state)
{
    static const struct {
        const char *entries;
        const char *manager;
    } rows[] = {
        {ENTRY("old", "2026-01-01T00:00:00Z") "," ENTRY("new", "2026-01-02T00:00:00Z"), "new"},
        {ENTRY("new", "2026-01-02T00:00:00Z") "," ENTRY("old", "2026-01-01T00:00:00Z"), "new"},
        {ENTRY("west", "2026-01-01T23:00:00-05:00") "," ENTRY("utc", "2026-01-02T03:00:00Z"),
         "west"},
        {ENTRY("timed", "2026-01-01T00:00:00Z") "," ENTRY("garbled", "yesterday"), "timed"},
        {ENTRY("garbled", "yesterday") "," ENTRY("timed", "2026-01-01T00:00:00Z"), "timed"},
        {ENTRY("one", "2026-01-01T00:00:00Z") "," ENTRY("two", "2026-01-01T00:00:00Z"), "two"},
        {ENTRY("rampart", "2026-01-03T00:00:00Z") "," ENTRY("two", "2026-01-01T00:00:00Z"), "two"},
        {"{'fieldsV1':{'f:spec':{'f:ingress':{}}}}", "unknown"},
        {"{'manager':'a','fieldsV1':{'f:metadata':{}}},{'manager':'b'}", NULL},
        {"{'manager':'a','fieldsV1':{'f:spec':{}}}", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char meta[1024];
        const struct netpol_facts *np;

        (void)snprintf(meta, sizeof(meta), OUR_LABEL ",'managedFields':[%s]", rows[i].entries);
        np = policy_of(*state, "rampart-x", meta, "");
        if (rows[i].manager)
            assert_string_equal(np->rivals[NETPOL_INGRESS].manager, rows[i].manager);
        else
            assert_null(np->rivals[NETPOL_INGRESS].manager);
    }
}

#define OUR_ENTRY ",'managedFields':[{'manager':'rampart','operation':'Update'}]"

static void test_policy_is_ours_by_name_and_a_mark(void **state)
{
    static const struct {
        const char *name;
        const char *meta;
        bool has_label;
        bool has_entry;
        bool is_ours;
    } rows[] = {
        {"web", "", false, false, false},
        {"rampart", OUR_LABEL, true, false, false},
        {"rampart-x", "", false, false, false},
        {"rampart-x", OUR_LABEL, true, false, true},
        {"rampart-x", OUR_ENTRY, false, true, true},
        {"rampart-x", ",'labels':{'app.kubernetes.io/managed-by':'Helm'}", false, false, false},
        {"rampart-x", ",'labels':{'rampart.dev/profile':'p'}", false, false, false},
        {"rampart-x", ",'managedFields':[{'manager':'rampart2'}]", false, false, false},
        /* A copy of one of ours, labels and all, is its maker's. */
        {"web", OUR_LABEL OUR_ENTRY, true, true, false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct netpol_facts *np = policy_of(*state, rows[i].name, rows[i].meta, "");

        assert_int_equal(np->has_our_label, rows[i].has_label);
        assert_int_equal(np->has_our_entry, rows[i].has_entry);
        assert_int_equal(np->object.is_ours, rows[i].is_ours);
        if (rows[i].is_ours) /* what nobody asks for is not kept */
            assert_string_equal(np->spec, "{}");
        else
            assert_null(np->spec);
    }
}

static void test_owner_is_the_only_one_and_a_namespace(void **state)
{
    static const struct {
        const char *meta;
        const char *uid;
        size_t count;
    } rows[] = {
        {"", NULL, 0},
        {",'ownerReferences':[]", NULL, 0},
        {",'ownerReferences':[{'apiVersion':'v1','kind':'Namespace','name':'shop','uid':'n'}]", "n",
         1},
        {",'ownerReferences':[{'apiVersion':'apps/v1','kind':'Deployment','name':'x','uid':'d'}]",
         NULL, 1},
        {",'ownerReferences':[{'apiVersion':'x/v1','kind':'Namespace','name':'x','uid':'d'}]", NULL,
         1},
        {",'ownerReferences':[{'apiVersion':'v1','kind':'Namespace','name':'shop','uid':'n'},"
         "{'apiVersion':'v1','kind':'Pod','name':'p','uid':'p'}]",
         NULL, 2},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct netpol_facts *np = policy_of(*state, "web", rows[i].meta, "");

        assert_int_equal(np->owners_count, rows[i].count);
        if (rows[i].uid)
            assert_string_equal(np->owner_uid, rows[i].uid);
        else
            assert_null(np->owner_uid);
    }
}

static void test_foreign_policy_that_allows_everything_is_seen(void **state)
{
    json_t *root = fixture_json("netpol_foreign_allow_all.json");
    const struct netpol_facts *np = policy(*state, root);

    json_decref(root);
    assert_true(np->allows_all_ingress);
    assert_true(np->allows_all_egress);
    assert_true(np->selects_all_pods);
    assert_null(np->spec);
    assert_null(np->rivals[NETPOL_INGRESS].manager);
}

static void test_allow_all_is_a_rule_without_peers_and_ports_in_a_stated_direction(void **state)
{
    static const struct {
        const char *spec;
        bool ingress;
        bool egress;
        bool all_pods;
    } rows[] = {
        {"", false, false, true},
        {"'podSelector':{}", false, false, true},
        {"'podSelector':{'matchLabels':{},'matchExpressions':[]}", false, false, true},
        {"'podSelector':{'matchLabels':{'a':'b'}}", false, false, false},
        {"'podSelector':{'matchExpressions':[{'key':'a','operator':'Exists'}]}", false, false,
         false},
        {"'ingress':[]", false, false, true},
        {"'ingress':[{}]", true, false, true},
        {"'ingress':[{'from':[],'ports':[]}]", true, false, true},
        {"'ingress':[{'from':null,'ports':null}]", true, false, true},
        {"'ingress':[{'from':[{'podSelector':{}}]}]", false, false, true},
        {"'ingress':[{'ports':[{'port':80}]}]", false, false, true},
        {"'ingress':[{'ports':[{'port':80}]},{}]", true, false, true},
        {"'egress':[{}]", false, true, true},
        {"'egress':[{'to':[{'ipBlock':{'cidr':'0.0.0.0/0'}}]}]", false, false, true},
        {"'ingress':[{}],'egress':[{}],'policyTypes':['Ingress','Egress']", true, true, true},
        {"'ingress':[{}],'egress':[{}],'policyTypes':['Egress']", false, true, true},
        {"'ingress':[{}],'egress':[{}],'policyTypes':['Ingress']", true, false, true},
        {"'ingress':[{}],'policyTypes':[]", true, false, true},
        {"'ingress':[{}],'egress':[{}],'policyTypes':[]", true, true, true},
        {"'ingress':[{}],'egress':[{}],'policyTypes':null", true, true, true},
        {"'ingress':null,'egress':null,'podSelector':null", false, false, true},
        {"'podSelector':{'matchLabels':null,'matchExpressions':null}", false, false, true},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct netpol_facts *np = policy_of(*state, "web", "", rows[i].spec);

        if (np->allows_all_ingress != rows[i].ingress || np->allows_all_egress != rows[i].egress ||
            np->selects_all_pods != rows[i].all_pods)
            fail_msg("%s", rows[i].spec);
    }
}

static void test_canonical_spec_drops_null_and_keeps_empty(void **state)
{
    const struct netpol_facts *np =
        policy_of(*state, "rampart-x", OUR_LABEL,
                  "'podSelector':{},'ingress':null,'egress':[],'policyTypes':['Egress']");

    assert_string_equal(np->spec,
                        "{\"egress\":[],\"podSelector\":{},\"policyTypes\":[\"Egress\"]}");
}

#define META_OPEN \
    "{'metadata':{'name':'rampart-x','namespace':'shop','uid':'u','resourceVersion':'1'"

/* Whoever made a policy undecodable would make the cache keep the one before. */
static void test_no_mark_that_a_tenant_writes_makes_a_policy_undecodable(void **state)
{
    static const char *const rows[] = {
        META_OPEN ",'labels':5}}",
        META_OPEN ",'labels':{'app.kubernetes.io/managed-by':5,'rampart.dev/profile':[]}}}",
        META_OPEN ",'labels':{'rampart.dev/profile':"
                  "'0123456789012345678901234567890123456789012345678901234567890123'}}}",
        META_OPEN ",'annotations':[]}}",
        META_OPEN ",'annotations':{'rampart.dev/spec-hash':7}}}",
        META_OPEN ",'ownerReferences':{}}}",
        META_OPEN ",'ownerReferences':[5]}}",
        META_OPEN ",'ownerReferences':[{'kind':5}]}}",
        META_OPEN ",'ownerReferences':[{'apiVersion':'v1','kind':'Namespace'}]}}",
        META_OPEN ",'managedFields':'x'}}",
        META_OPEN ",'managedFields':[[],{'manager':5},{'time':5},{'fieldsV1':5},"
                  "{'fieldsV1':{'f:spec':[]}}]}}",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *root = json_of(rows[i]);
        const struct netpol_facts *np = policy(*state, root);

        json_decref(root);
        assert_false(np->object.is_ours);
        assert_null(np->profile);
        assert_null(np->spec_hash);
        assert_null(np->owner_uid);
        assert_null(np->rivals[NETPOL_INGRESS].manager);
    }
}

static void test_how_far_a_deny_is_counts_on_policies_of_ours_alone(void **state)
{
    static char mark[DENY_MARK_LEN_MAX + 2], meta[DENY_MARK_LEN_MAX + 256];
    const struct netpol_facts *np;

    memset(mark, 'a', sizeof(mark) - 1);
    (void)snprintf(meta, sizeof(meta), OUR_LABEL ",'annotations':{'rampart.dev/rollout':'%s'}",
                   mark);
    assert_null(policy_of(*state, "rampart-x", meta, "")->rollout);
    (void)snprintf(meta, sizeof(meta), OUR_LABEL ",'annotations':{'rampart.dev/rollout':'%s'}",
                   mark + 1);
    assert_string_equal(policy_of(*state, "rampart-x", meta, "")->rollout, mark + 1);
    np = policy_of(*state, "mine", ",'annotations':{'rampart.dev/rollout':'a'},'generation':7", "");
    assert_null(np->rollout);
    assert_int_equal(np->generation, 7);
    assert_int_equal(policy_of(*state, "mine", ",'generation':'7'", "")->generation, 0);
}

static void test_marks_over_their_ceilings_are_absent(void **state)
{
    char hash[HASH_LEN_MAX + 2], meta[1024];
    const struct netpol_facts *np;

    memset(hash, 'a', sizeof(hash) - 1);
    hash[sizeof(hash) - 1] = '\0';
    (void)snprintf(meta, sizeof(meta), OUR_LABEL ",'annotations':{'rampart.dev/spec-hash':'%s'}",
                   hash);
    np = policy_of(*state, "rampart-x", meta, "");
    assert_true(np->object.is_ours);
    assert_null(np->spec_hash);
    (void)snprintf(meta, sizeof(meta), OUR_LABEL ",'annotations':{'rampart.dev/spec-hash':'%s'}",
                   hash + 1);
    assert_string_equal(policy_of(*state, "rampart-x", meta, "")->spec_hash, hash + 1);
}

static json_t *repeated(const char *element, size_t count)
{
    json_t *arr = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(arr, json_of(element));
    return arr;
}

static void test_any_number_of_owners_and_managers_is_read(void **state)
{
    json_t *root = json_of(META_OPEN "}}");
    json_t *meta = json_object_get(root, "metadata");
    json_t *managers = repeated("{'manager':'a','fieldsV1':{'f:spec':{'f:ingress':{}}}}", 1000);
    const struct netpol_facts *np;

    json_array_append_new(managers, json_of("{'manager':'rampart'}"));
    json_object_set_new(meta, "managedFields", managers);
    json_object_set_new(meta, "ownerReferences",
                        repeated("{'apiVersion':'v1','kind':'Namespace','name':'n','uid':'n'}",
                                 1000));
    np = policy(*state, root);
    json_decref(root);
    assert_true(np->object.is_ours);
    assert_int_equal(np->owners_count, 1000);
    assert_null(np->owner_uid);
    assert_string_equal(np->rivals[NETPOL_INGRESS].manager, "a");
}

static void test_spec_that_is_none_is_null_and_the_policy_still_ours(void **state)
{
    static const char *const specs[] = {"[]", "7", "'x'", "false"};

    for (size_t i = 0; i < COUNT_OF(specs); i++) {
        char text[512];
        json_t *root;
        const struct netpol_facts *np;

        (void)snprintf(text, sizeof(text), META_OPEN OUR_LABEL "},'spec':%s}", specs[i]);
        root = json_of(text);
        np = policy(*state, root);
        json_decref(root);
        assert_true(np->object.is_ours);
        assert_null(np->spec);
    }
}

/* Sooner one finding too many than an opening that nobody is told of. */
static void test_rules_that_cannot_be_judged_allow_everything(void **state)
{
    static const struct {
        const char *spec;
        bool ingress;
        bool egress;
        bool all_pods;
    } rows[] = {
        {"'ingress':{}", true, false, true},
        {"'ingress':[5]", true, false, true},
        {"'ingress':[null]", true, false, true},
        {"'ingress':[{'from':5,'ports':{}}]", true, false, true},
        {"'egress':[{'to':{}}]", false, true, true},
        {"'egress':{},'policyTypes':['Egress']", false, true, true},
        {"'ingress':[{}],'egress':[{}],'policyTypes':'x'", true, true, true},
        {"'ingress':[{}],'egress':[{}],'policyTypes':[1]", true, true, true},
        {"'podSelector':[]", false, false, false},
        {"'podSelector':{'matchLabels':[]}", false, false, false},
        {"'podSelector':{'matchExpressions':{}}", false, false, false},
        {"'podSelector':'x'", false, false, false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct netpol_facts *np = policy_of(*state, "web", "", rows[i].spec);

        if (np->allows_all_ingress != rows[i].ingress || np->allows_all_egress != rows[i].egress ||
            np->selects_all_pods != rows[i].all_pods)
            fail_msg("%s", rows[i].spec);
    }
}

static void test_an_opening_behind_any_number_of_rules_is_seen(void **state)
{
    json_t *root = json_of(META_OPEN "},'spec':{}}");
    json_t *rules = repeated("{'ports':[{'port':80}]}", 5000);

    json_array_append_new(rules, json_object());
    json_object_set_new(json_object_get(root, "spec"), "ingress", rules);
    assert_true(policy(*state, root)->allows_all_ingress);
    json_decref(root);
}

static void test_only_labels_that_claim_a_policy_of_ours_are_kept(void **state)
{
    static const char labels[] =
        ",'labels':{'app.kubernetes.io/managed-by':'rampart','team':'a',"
        "'kustomize.toolkit.fluxcd.io/name':'x','app.kubernetes.io/instance':'y'}";
    const struct netpol_facts *np = policy_of(*state, "rampart-x", labels, "");

    assert_int_equal(np->foreign_labels_count, 2);
    assert_string_equal(np->foreign_labels[0], "app.kubernetes.io/instance");
    assert_string_equal(np->foreign_labels[1], "kustomize.toolkit.fluxcd.io/name");
    assert_int_equal(policy_of(*state, "web", labels, "")->foreign_labels_count, 0);
}

static void test_a_spec_over_its_ceiling_is_not_kept(void **state)
{
    /* {"note":"..."} around the text */
    static const size_t around = sizeof("{\"note\":\"\"}") - 1;

    for (size_t over = 0; over < 2; over++) {
        json_t *root = json_of(META_OPEN OUR_LABEL "},'spec':{}}");
        char *note = text_repeat("x", NETPOL_SPEC_LEN_MAX - around + over);
        const struct netpol_facts *np;

        json_object_set_new(json_object_get(root, "spec"), "note", json_string(note));
        np = policy(*state, root);
        assert_true(np->object.is_ours);
        if (over)
            assert_null(np->spec);
        else
            assert_int_equal(strlen(np->spec), NETPOL_SPEC_LEN_MAX);
        json_decref(root);
        free(note);
    }
}

static void test_claims_end_at_their_ceiling_and_are_sorted(void **state)
{
    json_t *root = json_of(META_OPEN OUR_LABEL "}}");
    json_t *labels = json_object_get(json_object_get(root, "metadata"), "labels");
    char key[400];
    const struct netpol_facts *np;

    (void)snprintf(key, sizeof(key), "argocd.argoproj.io/%0*d", LABEL_KEY_MAX, 0);
    json_object_set_new(labels, key, json_string("longer than a key can be"));
    assert_int_equal(policy(*state, root)->foreign_labels_count, 0);
    for (int i = NETPOL_FOREIGN_LABELS_MAX; i >= 0; i--) {
        (void)snprintf(key, sizeof(key), "argocd.argoproj.io/%03d", i);
        json_object_set_new(labels, key, json_string(""));
    }
    np = policy(*state, root);
    assert_int_equal(np->foreign_labels_count, NETPOL_FOREIGN_LABELS_MAX);
    for (size_t i = 1; i < np->foreign_labels_count; i++)
        assert_true(strcmp(np->foreign_labels[i - 1], np->foreign_labels[i]) < 0);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_our_policy_keeps_its_marks_and_its_spec),
        ARENA_TEST(test_rival_of_each_field_is_named_with_its_time),
        ARENA_TEST(test_policies_without_a_rival_share_what_says_so),
        ARENA_TEST(test_latest_rival_wins_whatever_the_order),
        ARENA_TEST(test_policy_is_ours_by_name_and_a_mark),
        ARENA_TEST(test_owner_is_the_only_one_and_a_namespace),
        ARENA_TEST(test_foreign_policy_that_allows_everything_is_seen),
        ARENA_TEST(test_allow_all_is_a_rule_without_peers_and_ports_in_a_stated_direction),
        ARENA_TEST(test_canonical_spec_drops_null_and_keeps_empty),
        ARENA_TEST(test_no_mark_that_a_tenant_writes_makes_a_policy_undecodable),
        ARENA_TEST(test_how_far_a_deny_is_counts_on_policies_of_ours_alone),
        ARENA_TEST(test_marks_over_their_ceilings_are_absent),
        ARENA_TEST(test_any_number_of_owners_and_managers_is_read),
        ARENA_TEST(test_spec_that_is_none_is_null_and_the_policy_still_ours),
        ARENA_TEST(test_a_spec_over_its_ceiling_is_not_kept),
        ARENA_TEST(test_rules_that_cannot_be_judged_allow_everything),
        ARENA_TEST(test_an_opening_behind_any_number_of_rules_is_seen),
        ARENA_TEST(test_only_labels_that_claim_a_policy_of_ours_are_kept),
        ARENA_TEST(test_claims_end_at_their_ceiling_and_are_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

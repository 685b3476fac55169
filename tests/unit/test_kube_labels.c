#include "kube_fixture.h"

#include "rampart/kube/labels.h"

#define LETTERS_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static int decode(struct arena *a, const char *text, struct labels *labels, struct err *err)
{
    json_t *root = json_of(text);
    int r = labels_decode(root, "labels", a, labels, err);

    json_decref(root);
    return r;
}

static void test_labels_are_sorted_by_key(void **state)
{
    struct labels labels;

    assert_int_equal(decode(*state, "{'labels':{'b':'2','a':'1','a.b/c':'3','B':''}}", &labels,
                            NULL),
                     0);
    assert_int_equal(labels.count, 4);
    assert_string_equal(labels.items[0].key, "B");
    assert_string_equal(labels.items[1].key, "a");
    assert_string_equal(labels.items[2].key, "a.b/c");
    assert_string_equal(labels.items[3].key, "b");
    assert_string_equal(labels_get(&labels, "a.b/c"), "3");
    assert_string_equal(labels_get(&labels, "B"), "");
    assert_null(labels_get(&labels, "c"));
}

static void test_labels_that_are_absent_are_none(void **state)
{
    static const char *const texts[] = {"{}", "{'labels':null}", "{'labels':{}}"};

    for (size_t i = 0; i < 3; i++) {
        struct labels labels = {.count = 9};

        assert_int_equal(decode(*state, texts[i], &labels, NULL), 0);
        assert_int_equal(labels.count, 0);
        assert_null(labels_get(&labels, "a"));
    }
}

static void test_label_values_end_at_63_bytes(void **state)
{
    struct labels labels;

    assert_int_equal(decode(*state, "{'labels':{'a':'" LETTERS_63 "'}}", &labels, NULL), 0);
    assert_string_equal(labels_get(&labels, "a"), LETTERS_63);
    assert_int_equal(decode(*state, "{'labels':{'a':'" LETTERS_63 "l'}}", &labels, NULL), -1);
}

static void test_labels_of_a_wrong_type_are_refused_with_the_path(void **state)
{
    static const struct {
        const char *text;
        const char *msg;
    } rows[] = {
        {"{'labels':[]}", "labels: expected an object, got an array"},
        {"{'labels':'a=b'}", "labels: expected an object, got a string"},
        {"{'labels':{'a':1}}", "labels.a: expected a string"},
        {"{'labels':{'ok':'x','a':null}}", "labels.a: expected a string"},
        {"{'labels':{'a':{}}}", "labels.a: expected a string"},
        {"{'labels':{'':'x'}}", "labels: a key of 0 bytes, expected 1..317"},
        {"{'labels':{'a':'" LETTERS_63 "l'}}",
         "labels.a: a value of 64 bytes, expected at most 63"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct labels labels = {.count = 9};
        struct err err = {0};

        assert_int_equal(decode(*state, rows[i].text, &labels, &err), -1);
        assert_string_equal(err.msg, rows[i].msg);
        assert_int_equal(err.code, ERR_INVALID);
        assert_int_equal(labels.count, 9);
    }
}

static void test_label_keys_end_at_their_ceiling(void **state)
{
    for (size_t over = 0; over < 2; over++) {
        json_t *map = json_object();
        json_t *root = json_object();
        char *key = text_repeat("k", LABEL_KEY_MAX + over);
        struct labels labels = {.count = 9};
        struct err err = {0};

        json_object_set_new(map, key, json_string("v"));
        json_object_set_new(root, "labels", map);
        assert_int_equal(labels_decode(root, "labels", *state, &labels, &err), over ? -1 : 0);
        assert_int_equal(labels.count, over ? 9 : 1);
        if (over)
            assert_string_equal(err.msg, "labels: a key of 318 bytes, expected 1..317");
        json_decref(root);
        free(key);
    }
}

static json_t *many_labels(int count)
{
    json_t *map = json_object();
    json_t *root = json_object();

    for (int i = 0; i < count; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "k%d", i);
        json_object_set_new(map, key, json_string("v"));
    }
    json_object_set_new(root, "labels", map);
    return root;
}

static void test_labels_end_at_their_ceiling(void **state)
{
    struct labels labels;
    struct err err = {0};
    json_t *most = many_labels(LABELS_MAX);
    json_t *more = many_labels(LABELS_MAX + 1);

    assert_int_equal(labels_decode(most, "labels", *state, &labels, &err), 0);
    assert_int_equal(labels.count, LABELS_MAX);
    assert_string_equal(labels_get(&labels, "k1023"), "v");
    assert_int_equal(labels_decode(more, "labels", *state, &labels, &err), -1);
    assert_string_equal(err.msg, "labels: 1025 entries, expected at most 1024");
    json_decref(most);
    json_decref(more);
}

static void test_labels_are_equal_when_keys_and_values_are(void **state)
{
    static const struct {
        const char *one;
        const char *other;
        bool are_equal;
    } rows[] = {
        {"{'labels':{}}", "{}", true},
        {"{'labels':{'a':'1','b':'2'}}", "{'labels':{'b':'2','a':'1'}}", true},
        {"{'labels':{'a':'1'}}", "{'labels':{'a':'2'}}", false},
        {"{'labels':{'a':'1'}}", "{'labels':{'b':'1'}}", false},
        {"{'labels':{'a':'1'}}", "{'labels':{'a':'1','b':'1'}}", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct labels one;
        struct labels other;

        assert_int_equal(decode(*state, rows[i].one, &one, NULL), 0);
        assert_int_equal(decode(*state, rows[i].other, &other, NULL), 0);
        assert_int_equal(labels_equal(&one, &other), rows[i].are_equal);
        assert_int_equal(labels_equal(&other, &one), rows[i].are_equal);
    }
}

static void test_label_keys_are_checked_as_the_api_server_does(void **state)
{
    static const struct {
        const char *key;
        bool is_valid;
    } rows[] = {
        {"a", true},
        {"A.b_c-9", true},
        {"azAZ09", true},
        {"z", true},
        {"Z", true},
        {"0", true},
        {"9", true},
        {"`", false},
        {"{", false},
        {"@", false},
        {"[", false},
        {":", false},
        {LETTERS_63, true},
        {"rampart.dev/profile", true},
        {"a-b.c0/X", true},
        {"", false},
        {LETTERS_63 "x", false},
        {"-a", false},
        {"a-", false},
        {"a b", false},
        {"a~b", false},
        {"a@b", false},
        {"/a", false},
        {"a/", false},
        {"a/b/c", false},
        {"Upper.dev/a", false},
        {"a..b/c", false},
        {".a/c", false},
        {"a./c", false},
        {"a-.b/c", false},
        {"a.-b/c", false},
        {"-a/c", false},
        {"a_b/c", false},
        {"\xc3\xa4", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (label_key_is_valid(rows[i].key) != rows[i].is_valid)
            fail_msg("%s", rows[i].key);
    }
}

static void test_label_values_are_checked_as_the_api_server_does(void **state)
{
    static const struct {
        const char *value;
        bool is_valid;
    } rows[] = {
        {"", true},
        {"a", true},
        {"v1.2_x-y", true},
        {LETTERS_63, true},
        {LETTERS_63 "x", false},
        {"-a", false},
        {"a.", false},
        {"a/b", false},
        {" ", false},
        {"a\n", false},
        {"a\\", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (label_value_is_valid(rows[i].value) != rows[i].is_valid)
            fail_msg("%s", rows[i].value);
    }
}

static void test_label_prefixes_end_at_253_bytes(void **state)
{
    char key[320];

    (void)state;
    memset(key, 'a', 253);
    memcpy(key + 253, "/b", 3);
    assert_true(label_key_is_valid(key));
    memset(key, 'a', 254);
    memcpy(key + 254, "/b", 3);
    assert_false(label_key_is_valid(key));
}

static void test_labels_write_a_sorted_object(void **state)
{
    struct labels labels;
    struct json_build j;
    AUTO_STRBUF out;

    strbuf_init(&out, 1000);
    json_build_init(&j, &out);
    assert_int_equal(decode(*state, "{'labels':{'b':'2','a':'1'}}", &labels, NULL), 0);
    json_open_obj(&j, NULL);
    labels_write(&j, "matchLabels", &labels);
    labels_write(&j, "none", &(struct labels){0});
    json_close_obj(&j);
    assert_string_equal(out.text, "{\"matchLabels\":{\"a\":\"1\",\"b\":\"2\"},\"none\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_labels_are_sorted_by_key),
        ARENA_TEST(test_labels_that_are_absent_are_none),
        ARENA_TEST(test_label_values_end_at_63_bytes),
        ARENA_TEST(test_labels_of_a_wrong_type_are_refused_with_the_path),
        ARENA_TEST(test_label_keys_end_at_their_ceiling),
        ARENA_TEST(test_labels_end_at_their_ceiling),
        ARENA_TEST(test_labels_are_equal_when_keys_and_values_are),
        ARENA_TEST(test_label_keys_are_checked_as_the_api_server_does),
        ARENA_TEST(test_label_values_are_checked_as_the_api_server_does),
        ARENA_TEST(test_label_prefixes_end_at_253_bytes),
        ARENA_TEST(test_labels_write_a_sorted_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

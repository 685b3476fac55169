#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/credentials.h"
#include "support/sweep.h"

static int find(const char *text, struct arena *a, struct credentials *ret_found, struct err *err)
{
    json_t *data = json_loads(text, JSON_DECODE_ANY, NULL);
    int result;

    assert_non_null(data);
    result = credentials_find(data, a, ret_found, err);
    json_decref(data);
    return result;
}

/* What is found under the one key @key with the text @value; "" for nothing. */
static void expect(const char *key, const char *value, const char *wanted)
{
    struct credentials found = {0};
    struct err err = {0};
    json_t *data = json_object();
    AUTO_ARENA a;

    arena_init(&a, 1u << 20);
    assert_int_equal(json_object_set_new(data, key, json_string(value)), 0);
    assert_int_equal(credentials_find(data, &a, &found, &err), 0);
    if (strcmp(found.what ? found.what : "", wanted) != 0)
        fail_msg("%s: %s: \"%s\", not \"%s\"", key, value, found.what ? found.what : "", wanted);
    assert_int_equal(found.keys_count, *wanted != '\0');
    if (found.key)
        assert_string_equal(found.key, key);
    json_decref(data);
}

static void test_credential_is_told_by_what_stands_around_it(void **state)
{
    static const struct {
        const char *key, *value, *what;
    } rows[] = {
        {"tls.key", "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n",
         "a private key"},
        {"id", "-----BEGIN PRIVATE KEY-----", "a private key"},
        {"bundle", "a\nb\n-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"},
        {"DATABASE_URL", "postgres://shop:hunter2@db:5432/shop", "a password in a URL"},
        {"config.yaml", "x: 1\nurl: amqp://u:1234@mq\n", "a password in a URL"},
        {"DB_PASSWORD", "hunter2", "a value by its name"},
        {"token", "abc\n", "a value by its name"},
        {"apiKey", "0123456789abcdef0123", "a value by its name"},
        {"app.properties", "a=b\r\ndb.password = hunter2\r\n", "a value of db.password"},
        {"app.yaml", "db:\n  password: \"hunter2\"\n", "a value of password"},
        {"app.yaml", "users:\n- token: abc\n", "a value of token"},
        {"app.json", "{\n  \"apiKey\": \"abcdef\"\n}", "a value of apiKey"},
        {"app.json", "{\"clientSecret\": \"abcdef\"}", "a value of clientSecret"},
        {".env", "export X=1\nAWS_SECRET_ACCESS_KEY=abcdef", "a value of AWS_SECRET_ACCESS_KEY"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect(rows[i].key, rows[i].value, rows[i].what);
}

static void test_text_that_only_speaks_of_a_credential_is_none(void **state)
{
    static const struct {
        const char *key, *value;
    } rows[] = {
        {"ca.crt", "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"},
        {"notes", "-----BEGIN something"},
        {"log_level", "debug"},
        {"DB_PASSWORD", ""},
        {"DB_PASSWORD", "  "},
        {"DB_PASSWORD", "${DB_PASSWORD}"},
        {"DB_PASSWORD", "pre-${DB_PASSWORD}"},
        {"DB_PASSWORD", "pre-$(DB_PASSWORD)"},
        {"DB_PASSWORD", "{{ .Values.password }}"},
        {"DB_PASSWORD", "x{{ .Values.password }}"},
        {"DB_PASSWORD", "<your password>"},
        {"DB_PASSWORD", "/run/secrets/db"},
        {"DB_PASSWORD_FILE", "db.txt"},
        {"tokenUrl", "https://login.example.com/token"},
        {"secretName", "db"},
        {"passwordPolicy", "strong"},
        {"token_ttl", "many"},
        {"tokenAudience", "vault"},
        {"token_endpoint_auth_method", "client_secret_basic"},
        {"existingSecretPasswordKey", "postgres-password"},
        {"useSecrets", "yes"},
        {"tokens", "3600"},
        {"tokens", "1.5h"},
        {"use_token", "true"},
        {"use_token", "FALSE"},
        {"token", "null"},
        {"x.yaml", "password:\n  from: file\n"},
        {"x.yaml", "password: |\n"},
        {"x.yaml", "password: ~\n# password: hunter2\n; token = a\n// token: a\n"},
        {"x.yaml", "password is what you know\n\n"},
        {"x.yaml", "passwordpasswordpasswordpasswordpasswordpasswordpasswordpassword1: hunter2\n"
                   "b: c\n"},
        {"x.yaml", "a: https://example.com:8443/x@y\nb: http://user@example.com\n"},
        {"x.yaml", "a: http://:x@example.com b: ftp://u:@h c: s3://u:${PW}@h\nd: e://"},
        {"x.yaml", "a: http://${U}:x@example.com\nb: http://u:pw\n"},
        {"x.yaml", "=\n:\n\n- \n=abc\npassword: \"\"\na: http://user"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect(rows[i].key, rows[i].value, "");
}

static void test_first_key_by_name_is_told_and_all_are_counted(void **state)
{
    struct credentials found = {0};
    struct err err = {0};
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 20);
    assert_int_equal(find("{\"z\":\"x\",\"token\":\"abc\",\"api_key\":\"abc\",\"b\":\"http://"
                          "u:p@h\"}",
                          &a, &found, &err),
                     0);
    assert_int_equal(found.keys_count, 3);
    assert_string_equal(found.key, "api_key");
    assert_string_equal(found.what, "a value by its name");
}

static void test_data_that_is_none_is_told_as_such(void **state)
{
    struct credentials found = {.keys_count = 7};
    struct err err = {0};
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 20);
    assert_int_equal(find("[]", &a, &found, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.msg, "data: expected an object");
    assert_int_equal(find("{\"a\":1}", &a, &found, &err), -1);
    assert_string_equal(err.msg, "data: expected strings");
    assert_int_equal(found.keys_count, 7);
    assert_int_equal(credentials_find(NULL, &a, &found, &err), 0);
    assert_int_equal(found.keys_count, 0);
    assert_int_equal(find("{}", &a, &found, &err), 0);
    assert_null(found.key);
}

static int find_swept(void *ctx, struct err *err)
{
    struct credentials found = {.keys_count = 7};
    AUTO_ARENA a;
    int result;

    arena_init(&a, 1u << 20);
    result = credentials_find(ctx, &a, &found, err);
    if (result < 0)
        assert_int_equal(found.keys_count, 7);
    else
        assert_string_equal(found.what, "a value of password");
    return result;
}

static void test_credentials_survive_each_failing_allocation(void **state)
{
    json_t *data = json_loads("{\"a.yaml\":\"password: x\\ny: z\"}", 0, NULL);

    (void)state;
    assert_non_null(data);
    assert_true(sweep(find_swept, data) > 0);
    json_decref(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credential_is_told_by_what_stands_around_it),
        cmocka_unit_test(test_text_that_only_speaks_of_a_credential_is_none),
        cmocka_unit_test(test_first_key_by_name_is_told_and_all_are_counted),
        cmocka_unit_test(test_data_that_is_none_is_told_as_such),
        cmocka_unit_test(test_credentials_survive_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

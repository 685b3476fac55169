/* The libraries take their memory from base/alloc.h and give it back. */
#include <curl/curl.h>
#include <openssl/crypto.h>

#include "rampart/edge/allocators.h"
#include "rampart/json/get.h"
#include "wire/support/wire.h"

static void exercise(void)
{
    struct wire w;
    json_t *value;

    wire_open(&w, wire_echo);
    wire_watch(&w, "/watch");
    wire_until_done(wire_get(&w, "/get"));
    wire_close(&w);
    value = json_decode("{\"a\":[1,2,3]}", 13, NULL);
    assert_non_null(value);
    json_decref(value);
}

static void test_allocators_serve_all_libraries(void **state)
{
    json_t *value;
    void *block;
    size_t live = mem_live();
    uv_loop_t loop;

    (void)state;
    value = json_object();
    assert_true(mem_live() > live);
    json_decref(value);
    assert_int_equal(mem_live(), live);
    block = OPENSSL_malloc(1);
    assert_int_equal(mem_live(), live + 1);
    OPENSSL_free(block);
    block = curl_easy_escape(NULL, "x", 1);
    assert_true(mem_live() > live);
    curl_free(block);
    live = mem_live();
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_true(mem_live() > live);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_openssl_sees_the_reallocation_that_it_expects(void **state)
{
    size_t live = mem_live();
    void *block = OPENSSL_realloc(NULL, 3);

    (void)state;
    assert_int_equal(mem_live(), live + 1);
    block = OPENSSL_realloc(block, 300);
    assert_int_equal(mem_live(), live + 1);
    assert_null(OPENSSL_realloc(block, 0));
    assert_int_equal(mem_live(), live);
    assert_null(OPENSSL_malloc(0));
}

static void test_client_and_server_give_back_all_memory(void **state)
{
    size_t live;

    (void)state;
    exercise();
    live = mem_live();
    for (int i = 0; i < 10; i++)
        exercise();
    assert_int_equal(mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocators_serve_all_libraries),
        cmocka_unit_test(test_openssl_sees_the_reallocation_that_it_expects),
        cmocka_unit_test(test_client_and_server_give_back_all_memory),
    };
    struct err err = {0};
    int failed;

    if (allocators_install(&err) < 0) {
        print_error("%s\n", err.msg);
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    allocators_done();
    if (mem_live() != 0) {
        print_error("%zu blocks are left at the end\n", mem_live());
        return 1;
    }
    return failed;
}

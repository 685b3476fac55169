#include <string.h>

#include "rampart/base/utf8.h"
#include "support/unit.h"

static void test_every_code_comes_back_as_it_was_written(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        uint32_t again = 0;
        char text[4];
        size_t size;

        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        size = utf8_put(text, code);
        assert_int_equal(size, 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000));
        assert_int_equal(utf8_char(text, size, &again), size);
        assert_int_equal(again, code);
        assert_true(utf8_is_valid(text, size));
        for (size_t len = 1; len < size; len++) { /* cut off */
            assert_int_equal(utf8_char(text, len, &again), 0);
            assert_int_equal(again, UTF8_REPLACEMENT);
        }
    }
}

static void test_what_is_no_utf8_gives_the_replacement(void **state)
{
    static const char *const bad[] = {
        "\x80", /* goes on without a start */
        "\xBF",
        "\xC0\x80", /* overlong NUL */
        "\xC1\xBF",
        "\xE0\x9F\xBF",     /* overlong in three */
        "\xF0\x8F\xBF\xBF", /* overlong in four */
        "\xED\xA0\x80",     /* surrogate */
        "\xED\xBF\xBF",
        "\xF4\x90\x80\x80", /* beyond U+10FFFF */
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xC3(",
        "\xE2\x82(",
        "\xE2(\xAC",
        "\xF0\x9F\x94(",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint32_t code = 0;
        char padded[32];

        assert_int_equal(utf8_char(bad[i], strlen(bad[i]), &code), 0);
        assert_int_equal(code, UTF8_REPLACEMENT);
        for (size_t before = 0; before < 20; before++) { /* wherever the fast way ends */
            memset(padded, 'a', sizeof(padded));
            memcpy(padded + before, bad[i], strlen(bad[i]));
            assert_false(utf8_is_valid(padded, sizeof(padded)));
        }
    }
}

static void test_ascii_and_nothing_are_valid(void **state)
{
    (void)state;
    assert_true(utf8_is_valid("", 0));
    assert_true(utf8_is_valid("0123456789abcdef", 16));
    assert_true(utf8_is_valid("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_comes_back_as_it_was_written),
        cmocka_unit_test(test_what_is_no_utf8_gives_the_replacement),
        cmocka_unit_test(test_ascii_and_nothing_are_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

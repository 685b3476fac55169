#include "kube_fixture.h"

#include "rampart/kube/timestamp.h"

static void test_timestamps_are_written_as_the_api_server_writes_them(void **state)
{
    static const struct {
        int64_t wall_ms;
        const char *seconds;
        const char *micros;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
        {1795478133123, "2026-11-23T23:55:33Z", "2026-11-23T23:55:33.123000Z"},
        {951782400000, "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000Z"},
        {951868799999, "2000-02-29T23:59:59Z", "2000-02-29T23:59:59.999000Z"},
        {4107542400000, "2100-03-01T00:00:00Z", "2100-03-01T00:00:00.000000Z"},
        {1767225599000, "2025-12-31T23:59:59Z", "2025-12-31T23:59:59.000000Z"},
        {-1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999000Z"},
        {253402300799999, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999000Z"},
        {INT64_MAX, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999000Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[TIMESTAMP_LEN];

        timestamp_seconds(rows[i].wall_ms, text);
        assert_string_equal(text, rows[i].seconds);
        timestamp_micros(rows[i].wall_ms, text);
        assert_string_equal(text, rows[i].micros);
    }
}

static void test_timestamp_parse_takes_any_offset_and_fraction(void **state)
{
    static const struct {
        const char *text;
        int64_t wall_ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T23:55:33Z", 1795478133000},
        {"2026-11-23t23:55:33z", 1795478133000},
        {"2026-11-23T23:55:33.1Z", 1795478133100},
        {"2026-11-23T23:55:33.123456789Z", 1795478133123},
        {"2026-11-24T01:55:33+02:00", 1795478133000},
        {"2026-11-23T18:25:33-05:30", 1795478133000},
        {"2000-02-29T00:00:00+00:00", 951782400000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"0000-01-01T00:00:00Z", -62167219200000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t wall_ms = -7;

        assert_int_equal(timestamp_parse(rows[i].text, &wall_ms, NULL), 0);
        assert_int_equal(wall_ms, rows[i].wall_ms);
    }
}

static void test_timestamp_parse_refuses_what_is_no_time(void **state)
{
    static const char *const texts[] = {
        "",
        "now",
        "2026",
        "2026-11-23",
        "2026-11-23T23:55:33",
        "2026-11-23 23:55:33Z",
        "2026-11-23T23:55:33Z ",
        "2026-11-23T23:55:33ZZ",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00+2:00",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60",
        "2026-01-01T00:00:00+0000",
        "26-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        /* Characters beside the digits: taken for -1 and 10 they would stay within the ranges. */
        "202:-01-01T00:00:00Z",
        "202/-01-01T00:00:00Z",
        "2026-1/-01T00:00:00Z",
        "2026-0:-01T00:00:00Z",
        "2026-01-1/T00:00:00Z",
        "2026-01-0:T00:00:00Z",
        "2026-01-01T1/:00:00Z",
        "2026-01-01T0::00:00Z",
        "2026-01-01T00:1/:00Z",
        "2026-01-01T00:00:0:Z",
        "2026-01-01T00:00:00+1/:00",
        "2026-01-01T00:00:00+00:0:",
        "2026/01-01T00:00:00Z",
        "2026-01/01T00:00:00Z",
        "2026-x1-01T00:00:00Z",
        "2026-01-x1T00:00:00Z",
        "2026-01-01Tx0:00:00Z",
        "2026-01-01T00-00:00Z",
        "2026-01-01T00:x0:00Z",
        "2026-01-01T00:00-00Z",
        "2026-01-01T00:00:x0Z",
        "2026-01-01T00:00:00+x2:00",
        "2026-01-01T00:00:00+02:x0",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        int64_t wall_ms = -7;
        struct err err = {0};

        if (timestamp_parse(texts[i], &wall_ms, &err) != -1)
            fail_msg("%s", texts[i]);
        assert_int_equal(err.code, ERR_INVALID);
        assert_int_equal(wall_ms, -7);
    }
}

static void test_timestamps_come_back_as_they_went(void **state)
{
    (void)state;
    /* Steps of a prime number of hours walk through every day of the calendar in the end. */
    for (int64_t wall_ms = -62167219200000; wall_ms <= 253402300799999;
         wall_ms += 3600007 * 997LL) {
        char text[TIMESTAMP_LEN];
        int64_t back;

        timestamp_micros(wall_ms, text);
        assert_int_equal(timestamp_parse(text, &back, NULL), 0);
        assert_int_equal(back, wall_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timestamps_are_written_as_the_api_server_writes_them),
        cmocka_unit_test(test_timestamp_parse_takes_any_offset_and_fraction),
        cmocka_unit_test(test_timestamp_parse_refuses_what_is_no_time),
        cmocka_unit_test(test_timestamps_come_back_as_they_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

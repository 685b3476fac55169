#include "rampart/kube/timestamp.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MS_PER_DAY 86400000
#define WALL_MS_MIN INT64_C(-62167219200000) /* 0000-01-01T00:00:00Z */
#define WALL_MS_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

struct civil {
    int64_t year;   /* 0..9999 */
    unsigned month; /* 1..12 */
    unsigned day;   /* 1..31 */
};

/* Days since 1970-01-01 of the proleptic Gregorian calendar; years start in March, so that the leap
 * day is last. */
static int64_t days_of(struct civil date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month = (date.month + 9) % 12;
    int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static struct civil civil_of(int64_t days)
{
    int64_t since = days + 719468;
    int64_t era = (since >= 0 ? since : since - 146096) / 146097;
    int64_t day_of_era = since - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct civil date = {
        .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1),
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
    };

    date.year = year_of_era + era * 400 + (date.month <= 2);
    return date;
}

static void write_time(int64_t wall_ms, bool has_micros, char ret_text[TIMESTAMP_LEN])
{
    int64_t days;
    int64_t in_day;
    struct civil date;
    unsigned second_of_day;
    char micros[16] = "";
    char text[64] = ""; /* the compiler does not know the ranges */

    if (wall_ms < WALL_MS_MIN)
        wall_ms = WALL_MS_MIN;
    if (wall_ms > WALL_MS_MAX)
        wall_ms = WALL_MS_MAX;
    days = wall_ms / MS_PER_DAY - (wall_ms % MS_PER_DAY < 0);
    in_day = wall_ms - days * MS_PER_DAY;
    date = civil_of(days);
    second_of_day = (unsigned)(in_day / 1000);
    if (has_micros)
        (void)snprintf(micros, sizeof(micros), ".%03u000", (unsigned)(in_day % 1000));
    (void)snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02u%sZ", (unsigned)date.year,
                   date.month, date.day, second_of_day / 3600, second_of_day / 60 % 60,
                   second_of_day % 60, micros);
    memcpy(ret_text, text, TIMESTAMP_LEN);
}

/* Reads exactly @digits digits and steps over them; -1 when there are fewer. */
static int take_number(const char **text, unsigned digits, unsigned *ret_number)
{
    unsigned number = 0;

    for (unsigned i = 0; i < digits; i++) {
        char c = (*text)[i];

        if (c < '0' || c > '9')
            return -1;
        number = number * 10 + (unsigned)(c - '0');
    }
    *text += digits;
    *ret_number = number;
    return 0;
}

static int take_char(const char **text, const char *either)
{
    if (**text == '\0' || !strchr(either, **text))
        return -1;
    (*text)++;
    return 0;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap);
}

static int take_date(const char **text, int64_t *ret_days)
{
    unsigned year;
    unsigned month;
    unsigned day;

    if (take_number(text, 4, &year) < 0 || take_char(text, "-") < 0 ||
        take_number(text, 2, &month) < 0 || take_char(text, "-") < 0 ||
        take_number(text, 2, &day) < 0)
        return -1;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return -1;
    *ret_days = days_of((struct civil){.year = year, .month = month, .day = day});
    return 0;
}

/* Milliseconds of the day; any number of digits after the point, those beyond milliseconds are
 * dropped. */
static int take_time(const char **text, int64_t *ret_ms)
{
    unsigned hour;
    unsigned minute;
    unsigned second;
    int64_t ms = 0;

    if (take_number(text, 2, &hour) < 0 || take_char(text, ":") < 0 ||
        take_number(text, 2, &minute) < 0 || take_char(text, ":") < 0 ||
        take_number(text, 2, &second) < 0)
        return -1;
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
        return -1;
    if (**text == '.') {
        size_t digits = strspn(++*text, "0123456789");

        if (digits == 0)
            return -1;
        for (size_t i = 0; i < 3; i++)
            ms = ms * 10 + (i < digits ? (*text)[i] - '0' : 0);
        *text += digits;
    }
    *ret_ms = ((int64_t)hour * 60 + minute) * 60000 + (int64_t)second * 1000 + ms;
    return 0;
}

static int take_offset(const char **text, int64_t *ret_ms)
{
    unsigned hour;
    unsigned minute;
    bool is_west = **text == '-';

    if (take_char(text, "Zz") == 0) {
        *ret_ms = 0;
        return 0;
    }
    if (take_char(text, "+-") < 0 || take_number(text, 2, &hour) < 0 || take_char(text, ":") < 0 ||
        take_number(text, 2, &minute) < 0 || hour > 23 || minute > 59)
        return -1;
    *ret_ms = ((int64_t)hour * 60 + minute) * 60000 * (is_west ? -1 : 1);
    return 0;
}

void timestamp_seconds(int64_t wall_ms, char ret_text[TIMESTAMP_LEN])
{
    write_time(wall_ms, false, ret_text);
}

void timestamp_micros(int64_t wall_ms, char ret_text[TIMESTAMP_LEN])
{
    write_time(wall_ms, true, ret_text);
}

int timestamp_parse(const char *text, int64_t *ret_wall_ms, struct err *err)
{
    const char *rest = text;
    int64_t days;
    int64_t in_day;
    int64_t offset;

    if (take_date(&rest, &days) < 0 || take_char(&rest, "Tt") < 0 ||
        take_time(&rest, &in_day) < 0 || take_offset(&rest, &offset) < 0 || *rest != '\0')
        return err_set(err, ERR_INVALID,
                       "\"%.40s\" is no RFC 3339 time; expected 2026-01-31T23:59:59Z", text);
    *ret_wall_ms = days * MS_PER_DAY + in_day - offset;
    return 0;
}

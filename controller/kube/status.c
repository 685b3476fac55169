#include "rampart/kube/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "rampart/base/utf8.h"
#include "rampart/json/get.h"

#define WORDS_MAX 160 /* bytes quoted from a body that is no Status */
#define RETRY_AFTER_S_MAX ((ERR_RETRY_AFTER_MAX_MS - 1) / 1000)
#define CAUSES_MAX 256 /* looked at; a Status that names more is not ours to understand */

static const char *text_of(const json_t *obj, const char *name)
{
    const char *text = json_string_value(json_object_get(obj, name));

    return text ? text : "";
}

static bool is_reason(const json_t *status, const char *reason)
{
    return strcmp(text_of(status, "reason"), reason) == 0;
}

/* Whether details.causes[] has an element whose @member is @wanted. */
static bool has_cause(const json_t *status, const char *member, const char *wanted)
{
    const json_t *causes = json_object_get(json_object_get(status, "details"), "causes");

    for (size_t i = 0; i < json_array_size(causes) && i < CAUSES_MAX; i++) {
        if (strcmp(text_of(json_array_get(causes, i), member), wanted) == 0)
            return true;
    }
    return false;
}

/* @status may be NULL: the answer was no Status. */
static enum err_code code_of(int http_status, const json_t *status)
{
    if (has_cause(status, "reason", "ResourceVersionTooLarge"))
        return ERR_RV_TOO_LARGE;
    switch (http_status) {
    case 401:
        return ERR_UNAUTHORIZED;
    case 403:
        return has_cause(status, "reason", "NamespaceTerminating") ? ERR_TERMINATING
                                                                   : ERR_FORBIDDEN;
    case 404:
        return ERR_NOT_FOUND;
    case 408:
    case 504:
        return ERR_TIMEOUT;
    case 409:
        return is_reason(status, "AlreadyExists") ? ERR_EXISTS : ERR_CONFLICT;
    case 410:
        return ERR_EXPIRED;
    case 422:
        /* A patch that states another uid is a change of an immutable field, not a failed
         * precondition. */
        return has_cause(status, "field", "metadata.uid") ? ERR_CONFLICT : ERR_REFUSED;
    case 429:
        return ERR_THROTTLED;
    default:
        return http_status >= 400 && http_status < 500 ? ERR_REFUSED : ERR_UNAVAILABLE;
    }
}

/* A number of seconds; a date or garbage is 0. */
static uint32_t seconds_to_ms(const char *text)
{
    uint64_t ms = 0;

    if (!text)
        return 0;
    text += strspn(text, " \t");
    if (text[strspn(text, "0123456789")] != '\0')
        return 0;
    for (; *text != '\0' && ms < RETRY_AFTER_S_MAX * 1000; text++)
        ms = ms * 10 + (uint64_t)(*text - '0') * 1000;
    return ms > RETRY_AFTER_S_MAX * 1000 ? RETRY_AFTER_S_MAX * 1000 : (uint32_t)ms;
}

/* A millisecond more than asked for: clocks here count whole ones, and what has begun counts as
 * gone, so that a wait of exactly so many would end too early by a part of one. */
static uint32_t retry_after_ms(const char *header, const json_t *status)
{
    const json_t *seconds =
        json_object_get(json_object_get(status, "details"), "retryAfterSeconds");
    uint32_t ms = seconds_to_ms(header);

    if (ms == 0 && json_is_integer(seconds) && json_integer_value(seconds) > 0)
        ms = json_integer_value(seconds) >= RETRY_AFTER_S_MAX
                 ? RETRY_AFTER_S_MAX * 1000
                 : (uint32_t)json_integer_value(seconds) * 1000;
    return ms > 0 ? ms + 1 : 0;
}

/* End of the HTML tag that starts at @at, or @at when it is none ("a < b"). */
static size_t skip_tag(const char *body, size_t len, size_t at)
{
    char next = at + 1 < len ? body[at + 1] : ' ';

    if (body[at] != '<' || !((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
                             next == '/' || next == '!'))
        return at;
    while (at < len && body[at] != '>')
        at++;
    return at < len ? at + 1 : len;
}

/* The first words of any bytes: no tags, no control characters, no half characters, one space
 * between words. */
static void words_of(const char *body, size_t len, char ret_words[WORDS_MAX + 1])
{
    size_t used = 0;
    bool is_space_due = false;

    for (size_t at = 0; at < len && used + 5 <= WORDS_MAX;) {
        uint32_t code;
        size_t past_tag = skip_tag(body, len, at);
        size_t size;

        if (past_tag != at) {
            is_space_due = true;
            at = past_tag;
            continue;
        }
        size = utf8_char(body + at, len - at, &code);
        if (size == 0 || code <= 0x20 || code == 0x7f) {
            is_space_due = true;
            at += size > 0 ? size : 1;
            continue;
        }
        if (is_space_due && used > 0)
            ret_words[used++] = ' ';
        is_space_due = false;
        memcpy(ret_words + used, body + at, size);
        used += size;
        at += size;
    }
    ret_words[used] = '\0';
}

static int set(int http_status, const char *retry_after, const json_t *status, const char *words,
               struct err *err)
{
    enum err_code code = code_of(http_status, status);
    const char *reason = text_of(status, "reason");

    err_set(err, code, "%d %s%s%s", http_status, *reason ? reason : err_code_name(code),
            *words ? ": " : "", words);
    if (err) {
        err->http_status = http_status;
        err->retry_after_ms = retry_after_ms(retry_after, status);
    }
    return -1;
}

int status_to_err(int http_status, const char *retry_after, const char *body, size_t body_len,
                  struct err *err)
{
    struct err ignored = {0};
    json_auto_t *status = body_len > 0 ? json_decode(body, body_len, &ignored) : NULL;
    char words[WORDS_MAX + 1] = "";

    if (strcmp(text_of(status, "kind"), "Status") == 0)
        return set(http_status, retry_after, status, text_of(status, "message"), err);
    if (body_len > 0)
        words_of(body, body_len, words);
    return set(http_status, retry_after, NULL, words, err);
}

int status_event_to_err(const char *object_json, size_t len, struct err *err)
{
    struct err why = {0};
    json_auto_t *status = json_decode(object_json, len, &why);
    json_int_t code = json_integer_value(json_object_get(status, "code"));
    char words[WORDS_MAX + 1] = "";

    if (why.code == ERR_NOMEM) /* a 410 must not pass for a server that trips */
        return err_nomem(err);
    if (code < 400 || code > 599)
        code = is_reason(status, "Expired") || is_reason(status, "Gone") ? 410 : 500;
    if (*text_of(status, "message"))
        return set((int)code, NULL, status, text_of(status, "message"), err);
    words_of(object_json, len, words);
    return set((int)code, NULL, status, words, err);
}

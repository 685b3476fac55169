#include "support/fake_transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

/* The test's own memory is malloc()'s, so that a sweep over allocations counts the product's alone.
 */
static char *copy(const char *text)
{
    char *result = text ? strdup(text) : NULL;

    assert_true(!text || result);
    return result;
}

static char *copy_bytes(const char *bytes, size_t len)
{
    char *result = calloc(1, len + 1);

    assert_non_null(result);
    if (len > 0)
        memcpy(result, bytes, len);
    return result;
}

static struct fake_transport *fake_of(struct transport *t)
{
    return (struct fake_transport *)(void *)((char *)t -
                                             offsetof(struct fake_transport, transport));
}

static struct fake_exchange *add(struct fake_transport *t)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->exchanges = realloc(t->exchanges, t->cap * sizeof(*t->exchanges));
        assert_non_null(t->exchanges);
    }
    return &t->exchanges[t->count++];
}

static int start(struct transport *transport, const struct http_request *request,
                 struct exchange *x, struct err *err)
{
    struct fake_transport *t = fake_of(transport);
    struct fake_exchange *e;

    if (t->start_fails != ERR_NONE) {
        t->starts_failed++;
        return err_set(err, t->start_fails, "the fake transport starts nothing");
    }
    if (x->handle)
        fail_msg("%s: the exchange is already running", request->path);
    assert_non_null(x->on_done);
    assert_true(!request->is_stream || x->on_data);
    assert_int_equal(request->path[0], '/');
    e = add(t);
    *e = (struct fake_exchange){.x = x, .request = *request, .started_ms = t->now_ms};
    e->request.path = copy(request->path);
    e->request.content_type = copy(request->content_type);
    e->request.body = copy_bytes(request->body, request->body_len);
    x->handle = t;
    return 0;
}

static void cancel(struct transport *transport, struct exchange *x)
{
    struct fake_transport *t = fake_of(transport);

    for (size_t i = 0; i < t->count; i++) {
        if (t->exchanges[i].x == x && t->exchanges[i].state == FAKE_RUNNING)
            t->exchanges[i].state = FAKE_CANCELED;
    }
}

void fake_init(struct fake_transport *t)
{
    static const struct transport_ops ops = {.start = start, .cancel = cancel};

    *t = (struct fake_transport){.transport.ops = &ops};
}

void fake_done(struct fake_transport *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->exchanges[i].state != FAKE_DONE)
            fail_msg("exchange %zu has not ended: %s", i, t->exchanges[i].request.path);
        free((char *)t->exchanges[i].request.path);
        free((char *)t->exchanges[i].request.content_type);
        free((char *)t->exchanges[i].request.body);
    }
    free(t->exchanges);
    t->exchanges = NULL;
    t->count = t->cap = 0;
}

struct fake_exchange *fake_get(struct fake_transport *t, size_t number)
{
    if (number == FAKE_LAST)
        number = t->count - 1;
    if (number >= t->count)
        fail_msg("no exchange %zu: %zu were started", number, t->count);
    return &t->exchanges[number];
}

const char *fake_path(struct fake_transport *t, size_t number)
{
    return fake_get(t, number)->request.path;
}

size_t fake_running(const struct fake_transport *t)
{
    size_t running = 0;

    for (size_t i = 0; i < t->count; i++)
        running += t->exchanges[i].state == FAKE_RUNNING;
    return running;
}

size_t fake_find(const struct fake_transport *t, const char *part)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->exchanges[i].state == FAKE_RUNNING && strstr(t->exchanges[i].request.path, part))
            return i;
    }
    return FAKE_LAST;
}

bool fake_data(struct fake_transport *t, size_t number, const char *bytes, size_t len)
{
    struct fake_exchange *e = fake_get(t, number);
    struct exchange *x = e->x;
    char *exact;
    int r;

    assert_true(e->request.is_stream && e->state != FAKE_DONE);
    if (e->state == FAKE_CANCELED)
        return false;
    exact = copy_bytes(bytes, len); /* so that a sanitizer sees a read past the end */
    r = x->on_data(x, exact, len, t->now_ms);
    free(exact);
    e = fake_get(t, number); /* on_data may have started another */
    if (r < 0)
        e->state = FAKE_CANCELED;
    return e->state == FAKE_RUNNING;
}

bool fake_text(struct fake_transport *t, size_t number, const char *text)
{
    return fake_data(t, number, text, strlen(text));
}

static void end(struct fake_transport *t, struct fake_exchange *e,
                const struct http_response *response, const struct err *err)
{
    struct exchange *x = e->x;

    assert_int_not_equal(e->state, FAKE_DONE);
    e->state = FAKE_DONE;
    e->x = NULL;
    x->handle = NULL;
    x->on_done(x, response, err, t->now_ms);
}

static void end_canceled(struct fake_transport *t, struct fake_exchange *e)
{
    const struct http_response none = {.body = ""};
    struct err err;

    err_set(&err, ERR_CANCELED, "canceled");
    end(t, e, &none, &err);
}

void fake_end(struct fake_transport *t, size_t number)
{
    const struct http_response ok = {.status = 200, .body = ""};
    struct fake_exchange *e = fake_get(t, number);

    if (e->state == FAKE_CANCELED)
        end_canceled(t, e);
    else
        end(t, e, &ok, NULL);
}

void fake_answer(struct fake_transport *t, size_t number, int status, const char *retry_after,
                 const char *body)
{
    struct http_response response = {.status = status,
                                     .retry_after = retry_after,
                                     .warnings = t->warnings,
                                     .body = ""};
    struct fake_exchange *e = fake_get(t, number);

    number = (size_t)(e - t->exchanges);
    if (e->request.is_stream && status >= 200 && status < 300) {
        if (body)
            (void)fake_text(t, number, body);
        e = fake_get(t, number);
    } else if (body) {
        response.body = body;
        response.body_len = strlen(body);
    }
    if (e->state == FAKE_CANCELED)
        end_canceled(t, e);
    else
        end(t, e, &response, NULL);
}

void fake_fail(struct fake_transport *t, size_t number, enum err_code code, const char *msg)
{
    const struct http_response none = {.body = ""};
    struct err err;

    err_set(&err, code, "%s", msg);
    end(t, fake_get(t, number), &none, &err);
}

size_t fake_settle(struct fake_transport *t)
{
    size_t settled = 0;

    for (size_t i = 0; i < t->count; i++) { /* callbacks may add to it */
        if (t->exchanges[i].state != FAKE_CANCELED)
            continue;
        end_canceled(t, &t->exchanges[i]);
        settled++;
    }
    return settled;
}

const char *fake_status(int code, const char *reason, const char *cause, const char *message)
{
    static char text[2048];
    char causes[256] = "";

    if (cause)
        (void)snprintf(causes, sizeof(causes), "\"causes\":[{\"reason\":\"%s\"}]", cause);
    (void)snprintf(text, sizeof(text),
                   "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                   "\"status\":\"Failure\",\"message\":\"%s\",\"reason\":\"%s\","
                   "\"details\":{%s},\"code\":%d}",
                   message, reason, causes, code);
    return text;
}

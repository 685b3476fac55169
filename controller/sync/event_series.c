#include "rampart/sync/event_series.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rampart/kube/path.h"

#define TEXTS_LEN_MAX 16384 /* of one series: its key and its Event's texts */
#define NOTE_KEPT_MAX \
    (EVENT_NOTE_MAX + 8) /* so that event_write() still sees that it is too long */

static bool copy_text(struct arena *a, const char **text)
{
    *text = arena_strndup(a, *text, strnlen(*text, NOTE_KEPT_MAX));
    return *text;
}

static bool copy_ref(struct arena *a, struct object_ref *ref)
{
    return (!ref->ns || copy_text(a, &ref->ns)) && copy_text(a, &ref->name) &&
           (!ref->uid || copy_text(a, &ref->uid));
}

static bool copy_texts(struct arena *a, struct event *event, const char **key)
{
    *key = arena_strdup(a, *key);
    return *key && copy_text(a, &event->action) && copy_text(a, &event->note) &&
           copy_ref(a, &event->regarding) && (!event->related.name || copy_ref(a, &event->related));
}

static void add_key_ref(struct strbuf *out, const struct object_ref *ref)
{
    strbuf_addf(out, "%u\x1f%s\x1f%s\x1f%s\x1f", (unsigned)ref->kind, ref->ns ? ref->ns : "",
                ref->name, ref->uid ? ref->uid : "");
}

/* Events of events.k8s.io want a DNS subdomain as their name; the objects of some kinds have other
 * names. */
static void write_name(const struct event_series *s, char ret_name[NAME_LEN_MAX + 1])
{
    const char *name = s->event.regarding.name;
    size_t len = strnlen(name, NAME_LEN_MAX - EVENT_SUFFIX_LEN - 1);

    while (len > 0 && strchr(".-", name[len - 1]))
        len--;
    if (len == 0 || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-")] != '\0') {
        name = "rampart";
        len = strlen(name);
    }
    (void)snprintf(ret_name, NAME_LEN_MAX + 1, "%.*s.%s", (int)len, name, s->suffix);
}

const char *event_series_key(struct strbuf *out, const struct event *event)
{
    strbuf_clear(out);
    strbuf_addf(out, "%d\x1f%s\x1f%s\x1f", event->is_warning, event->reason, event->action);
    add_key_ref(out, &event->regarding);
    if (event->related.name)
        add_key_ref(out, &event->related);
    strbuf_add(out, event->note, strcspn(event->note, "\r\n"));
    return strbuf_is_ok(out) ? out->text : NULL;
}

struct event_series *event_series_new(const struct event *event, const char *key, struct rng *rng)
{
    struct event measured_event = *event;
    const char *measured_key = key;
    struct event_series *s;
    AUTO_ARENA scratch;
    struct arena memory;
    bool is_copied;

    arena_init(&scratch, TEXTS_LEN_MAX);
    if (!copy_texts(&scratch, &measured_event, &measured_key))
        return NULL;
    s = mem_calloc(1, sizeof(*s) + scratch.used);
    if (!s)
        return NULL;
    arena_init_fixed(&memory, s->memory, scratch.used);
    s->event = *event;
    s->key = key;
    is_copied = copy_texts(&memory, &s->event, &s->key);
    assert(is_copied); /* it was measured */
    (void)is_copied;
    s->event.ns = event_namespace(&s->event.regarding);
    s->event.once = NULL;
    s->is_once = event->once;
    if (s->is_once)
        (void)snprintf(s->suffix, sizeof(s->suffix), "%s", event->once);
    else
        event_series_rename(s, rng);
    return s;
}

void event_series_rename(struct event_series *s, struct rng *rng)
{
    assert(!s->is_once);
    (void)snprintf(s->suffix, sizeof(s->suffix), "%016" PRIx64, rng_next(rng));
    s->may_exist = false;
}

bool event_series_is_dirty(const struct event_series *s)
{
    return !s->is_created || s->count > s->count_sent;
}

int event_series_request(struct event_series *s, struct strbuf *path, struct strbuf *body,
                         struct http_request *ret_request, struct err *err)
{
    bool is_created = s->is_created;
    struct event event = s->event;
    char name[NAME_LEN_MAX + 1];

    assert(!is_created || s->count >= 2);
    write_name(s, name);
    event.name = name;
    path_build(path, KIND_EVENT, event.ns, is_created ? name : NULL, NULL, NULL);
    if (is_created)
        event_write_series(body, s->count, s->seen_wall_ms);
    else
        event_write(body, &event);
    if (strbuf_check(path, "path", err) < 0 || strbuf_check(body, "Event", err) < 0)
        return -1;
    *ret_request = (struct http_request){
        .method = is_created ? HTTP_PATCH : HTTP_POST,
        .path = path->text,
        .content_type = is_created ? "application/merge-patch+json" : "application/json",
        .body = body->text,
        .body_len = body->len,
        .timeout_ms = EVENT_REQUEST_TIMEOUT_MS,
    };
    return 0;
}

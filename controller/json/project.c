#include <stdio.h>
#include <string.h>

#include "escape.h"
#include "slice_state.h"

#define KEPT_IDLE_MAX (256u * 1024u) /* bytes; a larger buffer is not held on to between values */
#define ITEMS "items"                /* the member of a list whose elements come out one by one */

/* What a list is made of, or the Status that came instead of it. */
static const struct projection envelope_keep[] = {
    {"apiVersion", NULL}, {"kind", NULL}, {"metadata", NULL}, {ITEMS, NULL},     {"status", NULL},
    {"reason", NULL},     {"code", NULL}, {"message", NULL},  {"details", NULL}, {NULL, NULL},
};

static void start_copy(struct slice *s, const char *p)
{
    s->is_copying = true;
    s->run = p;
}

/*
 * The value is too large: what was whole is closed, and nothing more is added to it. The levels of
 * @whole_depth are still open, for the end of any of them is looked at before the next one begins.
 */
static void cut(struct slice *s)
{
    if (s->out != &s->kept || s->is_cut || s->kept.broke == ERR_NOMEM)
        return;
    strbuf_cut(&s->kept, s->whole_len);
    s->kept.broke = ERR_NONE;
    for (unsigned level = s->whole_depth; level > s->unit_depth; level--)
        strbuf_addc(&s->kept, slice_is_object(s, level - 1) ? '}' : ']');
    if (s->kept.len == 0)
        strbuf_adds(&s->kept, "null");
    if (s->kept.broke == ERR_NONE)
        s->kept.broke = ERR_LIMIT; /* which makes it deaf */
    s->is_cut = true;
}

static void cut_if_outgrown(struct slice *s)
{
    if (s->kept.broke == ERR_LIMIT || s->kept.len > s->kept_max)
        cut(s);
}

/* All that was begun in the open containers is whole. */
static void note_whole(struct slice *s)
{
    if (s->out != &s->kept || s->is_cut || s->kept.broke || s->kept.len > s->kept_max)
        return;
    s->whole_len = s->kept.len;
    s->whole_depth = s->depth;
}

static void end_copy(struct slice *s, const char *p)
{
    if (s->is_copying)
        strbuf_add(s->out, s->run, (size_t)(p - s->run));
    s->is_copying = false;
    cut_if_outgrown(s);
}

static void add_comma(struct slice *s, struct filter *f)
{
    if (f->has_member)
        strbuf_addc(s->out, ',');
    f->has_member = true;
}

/* FNV-1a; see http://www.isthe.com/chongo/tech/comp/fnv/ */
#define DIGEST_START UINT64_C(0xcbf29ce484222325)
#define DIGEST_PRIME UINT64_C(0x100000001b3)

static bool is_digest_name(const char *name)
{
    size_t len = strlen(name);
    size_t end_len = strlen(SLICE_DIGEST);

    return len > end_len && strcmp(name + len - end_len, SLICE_DIGEST) == 0;
}

/* The node after @node when it asks for a digest of that member. */
static const struct projection *digest_of(const struct projection *node)
{
    const char *next = node[1].name;
    size_t len = strlen(node->name);

    return next && strncmp(next, node->name, len) == 0 && strcmp(next + len, SLICE_DIGEST) == 0
               ? node + 1
               : NULL;
}

static void digest_add(struct slice *s, const char *p)
{
    uint64_t digest = s->digest;

    if (!s->digest_node)
        return;
    for (const char *c = s->digest_run; c < p; c++)
        digest = (digest ^ (unsigned char)*c) * DIGEST_PRIME;
    s->digest = digest;
    s->digest_run = p;
}

static void digest_start(struct slice *s, const char *p)
{
    s->digest_node = s->next_digest;
    s->next_digest = NULL;
    s->digest_depth = s->depth;
    s->digest = DIGEST_START;
    s->digest_run = p;
    s->left_out_count = 0;
}

/* ---- What does not count in a digest ---- */

/* Whether the innermost open container is an object in which something may not count. */
static struct left_out *left_out_top(struct slice *s)
{
    return s->digest_node && s->left_out_count && s->depth == s->digest_depth + s->left_out_count
               ? &s->left_out[s->left_out_count - 1]
               : NULL;
}

/* The object that was opened at @p lies on the way. */
static void left_out_push(struct slice *s, const char *p)
{
    unsigned count = s->left_out_count;
    const struct projection *node;

    if (!s->digest_node || s->depth != s->digest_depth + count + 1 ||
        count == SLICE_LEFT_OUT_LEVELS_MAX)
        return;
    node = count ? s->left_out[count - 1].node : s->digest_node;
    if (!node || !node->children)
        return;
    digest_add(s, p + 1);
    s->left_out[s->left_out_count++] =
        (struct left_out){.nodes = node->children, .counted = s->digest};
}

static void left_out_pop(struct slice *s)
{
    const struct left_out *top = left_out_top(s);

    if (!top)
        return;
    s->is_left_out = !top->has_counted;
    s->left_out_count--;
}

static void digest_back(struct slice *s, uint64_t digest, const char *p)
{
    s->digest = digest;
    s->digest_run = p;
}

/* Before the first member that counts no comma does. */
static void left_out_start_name(struct slice *s, const char *p)
{
    const struct left_out *top = left_out_top(s);

    if (top && !top->has_counted)
        digest_back(s, top->counted, p);
}

static void left_out_end_name(struct slice *s, const char *text, size_t len)
{
    struct left_out *top = left_out_top(s);

    if (!top)
        return;
    top->node = text ? name_find_plain(text, len, top->nodes) : name_find(&s->name, top->nodes);
    s->is_left_out = top->node && !top->node->children;
}

static void left_out_end_value(struct slice *s, const char *p)
{
    struct left_out *top = left_out_top(s);

    if (!top)
        return;
    if (s->is_left_out) {
        digest_back(s, top->counted, p);
        return;
    }
    digest_add(s, p);
    top->counted = s->digest;
    top->has_counted = true;
}

static struct filter *filter_top(struct slice *s)
{
    return &s->filters[s->depth - 1];
}

/* The value that ended before @p is followed by its digest when one was asked for. */
static void digest_end(struct slice *s, const char *p)
{
    char text[17];

    if (!s->digest_node || s->depth != s->digest_depth)
        return;
    digest_add(s, p);
    (void)snprintf(text, sizeof(text), "%016llx", (unsigned long long)s->digest);
    add_comma(s, filter_top(s));
    json_escape(s->out, s->digest_node->name, strlen(s->digest_node->name));
    strbuf_addc(s->out, ':');
    json_escape(s->out, text, strlen(text));
    s->digest_node = NULL;
    cut_if_outgrown(s);
}

int project_push(struct slice *s, bool is_object, struct err *err)
{
    uint64_t bit = (uint64_t)1 << s->depth % 64;

    if (s->depth == SLICE_LEVELS_MAX)
        return err_set(err, ERR_LIMIT, "JSON is nested deeper than %d levels", SLICE_LEVELS_MAX);
    if (s->depth >= SLICE_DEPTH_MAX && s->is_copying)
        cut(s);
    if (is_object)
        s->objects[s->depth / 64] |= bit;
    else
        s->objects[s->depth / 64] &= ~bit;
    s->depth++;
    return 0;
}

static int push_filter(struct slice *s, const char *p, const struct projection *nodes,
                       struct err *err)
{
    bool is_object = *p == '{';
    struct filter *f;

    if (project_push(s, is_object, err) < 0)
        return -1;
    f = filter_top(s);
    *f = (struct filter){.nodes = nodes};
    for (; nodes && nodes->name && !f->has_any; nodes++)
        f->has_any = name_is_any(nodes);
    if (is_object)
        left_out_push(s, p);
    note_whole(s);
    return 0;
}

int project_check(const struct slice *s, uint64_t at, struct err *err)
{
    uint64_t len = s->out == &s->envelope ? at - s->items_len : at - s->unit_at;

    if ((s->out == &s->envelope || s->out->broke == ERR_NOMEM) &&
        strbuf_check(s->out, "a projected value", err) < 0)
        return -1;
    if (len > SLICE_RAW_MAX)
        return err_set(err, ERR_LIMIT, "a JSON value is longer than %u bytes", SLICE_RAW_MAX);
    return 0;
}

static int hand_out(struct slice *s, enum slice_kind kind, struct strbuf *text, struct err *err)
{
    if (s->is_cut && kind == SLICE_VALUE)
        kind = SLICE_CUT;
    s->is_cut = false;
    s->values += kind != SLICE_ENVELOPE;
    if (s->fn(s->ctx, kind, text->text, text->len, err) < 0)
        return -1;
    strbuf_clear(text);
    if (text->cap > KEPT_IDLE_MAX)
        strbuf_done(text);
    return 0;
}

int project_end_value(struct slice *s, const char *p, struct err *err)
{
    end_copy(s, p);
    left_out_end_value(s, p);
    digest_end(s, p);
    if (s->depth > 0 && !filter_top(s)->is_items) {
        note_whole(s);
        return 0;
    }
    if (project_check(s, slice_offset(s, p), err) < 0)
        return -1;
    if (s->depth == 0)
        return s->mode == SLICE_LIST ? hand_out(s, SLICE_ENVELOPE, &s->envelope, err)
                                     : hand_out(s, SLICE_VALUE, &s->kept, err);
    s->items_len += slice_offset(s, p) - s->unit_at;
    s->out = &s->envelope;
    return hand_out(s, SLICE_VALUE, &s->kept, err);
}

void project_start_name(struct slice *s, const char *p)
{
    struct filter *f = filter_top(s);

    if (f->has_any) { /* all names stay: copy this one as it is written */
        add_comma(s, f);
        start_copy(s, p);
    }
    left_out_start_name(s, p);
    name_clear(&s->name);
}

int project_end_name(struct slice *s, const char *text, size_t len, const char *p, struct err *err)
{
    bool is_envelope = s->mode == SLICE_LIST && s->depth == 1;
    struct filter *f = filter_top(s);
    const struct projection *node;

    end_copy(s, p);
    left_out_end_name(s, text, len);
    node = text ? name_find_plain(text, len, f->nodes) : name_find(&s->name, f->nodes);
    if (node && !f->has_any && is_digest_name(node->name))
        node = NULL; /* made here, and never taken from what is read */
    s->next_digest = node && !f->has_any && !s->digest_node ? digest_of(node) : NULL;
    s->fate = !node ? FATE_DROP : node->children ? FATE_FILTER : FATE_KEEP;
    s->fate_nodes = node ? node->children : NULL;
    if (is_envelope && node && strcmp(node->name, ITEMS) == 0) {
        if (s->has_items)
            return err_set(err, ERR_INVALID, "a list has \"" ITEMS "\" twice");
        s->has_items = true;
        s->fate = FATE_ITEMS;
        return 0;
    }
    if (node && !f->has_any) {
        add_comma(s, f);
        json_escape(s->out, node->name, strlen(node->name));
    }
    return 0;
}

static void begin_unit(struct slice *s, const char *p)
{
    s->unit_at = slice_offset(s, p);
    s->unit_depth = s->whole_depth = s->depth;
    s->whole_len = 0;
}

/* The fate of a value that is no member: the top, an item of a list, or an element of an array. */
static void choose_fate(struct slice *s, const char *p)
{
    struct filter *f;

    s->fate = s->keep ? FATE_FILTER : FATE_KEEP;
    s->fate_nodes = s->keep;
    if (s->depth == 0) {
        begin_unit(s, p);
        if (s->mode == SLICE_LIST) {
            s->fate = FATE_FILTER;
            s->fate_nodes = s->around ? s->around : envelope_keep;
        }
        return;
    }
    f = filter_top(s);
    if (f->is_items) {
        begin_unit(s, p);
        s->out = &s->kept;
        return;
    }
    add_comma(s, f);
    s->fate = FATE_FILTER;
    s->fate_nodes = f->nodes;
}

static bool is_kept(const struct slice *s)
{
    return s->fate == FATE_KEEP || s->fate == FATE_FILTER;
}

void project_colon(struct slice *s)
{
    if (is_kept(s))
        strbuf_addc(s->out, ':');
}

int project_start_value(struct slice *s, const char *p, bool is_member, struct err *err)
{
    bool is_container = *p == '{' || *p == '[';

    if (!is_member)
        choose_fate(s, p);
    else if (s->next_digest)
        digest_start(s, p);
    if (s->mode == SLICE_LIST && s->depth == 0 && *p != '{')
        return err_set(err, ERR_INVALID, "expected a list, got something that is no object");
    if (s->fate == FATE_ITEMS && *p != '[' && *p != 'n')
        return err_set(err, ERR_INVALID, "expected \"" ITEMS "\" to be an array or null");
    if (!is_container && is_kept(s))
        start_copy(s, p);
    return 0;
}

int project_open(struct slice *s, const char *p, struct err *err)
{
    bool is_object = *p == '{';
    bool is_items = s->fate == FATE_ITEMS;

    if (is_items || (s->fate == FATE_FILTER && s->depth < SLICE_DEPTH_MAX)) {
        if (!is_items)
            strbuf_addc(s->out, *p);
        if (push_filter(s, p, s->fate_nodes, err) < 0)
            return -1;
        filter_top(s)->is_items = is_items;
        return 0;
    }
    if (s->fate == FATE_FILTER)
        cut(s);
    else if (s->fate == FATE_KEEP)
        start_copy(s, p);
    s->is_raw = true;
    s->raw_depth = s->depth;
    return project_push(s, is_object, err);
}

void project_close(struct slice *s, const char *p)
{
    if (!filter_top(s)->is_items)
        strbuf_addc(s->out, *p);
    left_out_pop(s);
    s->depth--;
}

void project_pause(struct slice *s, const char *p)
{
    if (s->is_copying)
        strbuf_add(s->out, s->run, (size_t)(p - s->run));
    digest_add(s, p);
    cut_if_outgrown(s);
}

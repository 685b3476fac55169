#include "rampart/reconcilers/learn_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "learn_places.h"
#include "rampart/base/map.h"
#include "rampart/base/strbuf.h"

#define ENTRY_BYTES 160 /* what the map takes for a key besides its text, and malloc for both */
#define KEY_LEN_MAX (4 * (LEARN_PATH_LEN_MAX + 1))
#define RIGHTS_OF_ALL_MAX (LEARN_BYTES_MAX / ENTRY_BYTES) /* the bytes end before */

struct learn_table {
    struct learn_bounds bounds;
    struct map accounts; /* by id: struct learn_account, owned */
    struct map rights;   /* by account and right: struct learn_right, owned by the account */
    struct strbuf key;   /* of the right that is looked for */
    size_t bytes;        /* that all takes */
    uint64_t verdicts[LEARN_VERDICT_COUNT];
    uint64_t without_account;
    const struct learn_account **sorted; /* owned; see learn_table_accounts() */
};

uint64_t learn_requests(const uint64_t by_stage[LEARN_STAGE_COUNT])
{
    return by_stage[LEARN_STARTED] > by_stage[LEARN_ENDED] ? by_stage[LEARN_STARTED]
                                                           : by_stage[LEARN_ENDED];
}

struct learn_table *learn_table_new(const struct learn_bounds *bounds, struct err *err)
{
    struct learn_table *t = mem_calloc(1, sizeof(*t));

    assert(bounds->names_max <= LEARN_NAMES_MAX);
    assert(bounds->namespaces_max <= LEARN_NAMESPACES_MAX);
    if (!t) {
        err_nomem(err);
        return NULL;
    }
    t->bounds = *bounds;
    map_init(&t->accounts, LEARN_ACCOUNTS_MAX);
    map_init(&t->rights, RIGHTS_OF_ALL_MAX);
    strbuf_init(&t->key, KEY_LEN_MAX);
    return t;
}

static void account_free(struct learn_account *account)
{
    for (struct learn_right *right = account->rights, *next; right; right = next) {
        next = right->next;
        learn_places_done(right);
        mem_free(right);
    }
    mem_free(account->id);
    mem_free(account);
}

void learn_table_free(struct learn_table *t)
{
    if (!t)
        return;
    for (struct map_entry *e = map_first(&t->accounts); e; e = map_next(e))
        account_free(map_entry_value(e));
    map_done(&t->accounts);
    map_done(&t->rights);
    strbuf_done(&t->key);
    mem_free((void *)t->sorted);
    mem_free(t);
}

static bool has_room(const struct learn_table *t, const struct learn_account *account, size_t bytes)
{
    return t->bytes + bytes <= LEARN_BYTES_MAX &&
           (!account || account->bytes + bytes <= LEARN_ACCOUNT_BYTES_MAX);
}

/* *ret_account is NULL where there is no room for another one. */
static int find_account(struct learn_table *t, const char *id, struct learn_account **ret_account,
                        struct err *err)
{
    struct learn_account *account = map_get(&t->accounts, id);
    size_t bytes = sizeof(*account) + 2 * strlen(id) + ENTRY_BYTES;

    *ret_account = account;
    if (account || map_count(&t->accounts) == LEARN_ACCOUNTS_MAX || !has_room(t, NULL, bytes))
        return 0;
    account = mem_calloc(1, sizeof(*account));
    if (!account)
        return err_nomem(err);
    account->first_ms = account->last_ms = AUDIT_TIME_UNSAID;
    account->id = mem_strdup(id);
    if (!account->id || map_put(&t->accounts, id, account, NULL, err) < 0) {
        account_free(account);
        return err_nomem(err);
    }
    t->bytes += bytes;
    *ret_account = account;
    return 0;
}

/* The texts of @r one after the other, each with its NUL. */
static size_t write_texts(const struct learn_request *r, const char *verb, char *at,
                          struct learn_right *right)
{
    const char *sub = r->is_for_resource ? r->subresource : "";
    const char *parts[] = {verb, r->group, r->is_for_resource ? r->resource : r->path,
                           *sub == '\0' ? "" : "/", sub};
    size_t len = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t part_len = strlen(parts[i]);
        bool is_end = i < 2 || i == 4;

        if (at) {
            memcpy(at + len, parts[i], part_len);
            at[len + part_len] = '\0';
        }
        if (at && i == 0)
            right->verb = at;
        else if (at && i == 1)
            right->group = at + len;
        else if (at && i == 2 && r->is_for_resource)
            right->resource = at + len;
        else if (at && i == 2)
            right->path = at + len;
        len += part_len + is_end;
    }
    return len;
}

static struct learn_right *right_new(const struct learn_request *r, const char *verb)
{
    size_t len = write_texts(r, verb, NULL, NULL);
    struct learn_right *right = mem_calloc(1, sizeof(*right) + len);

    if (!right)
        return NULL;
    (void)write_texts(r, verb, right->text, right);
    right->last_ms = AUDIT_TIME_UNSAID;
    return right;
}

static int write_key(struct learn_table *t, const struct learn_request *r, const char *verb,
                     struct err *err)
{
    strbuf_clear(&t->key);
    /* No text has a space in it. */
    strbuf_addf(&t->key, "%s %s ", r->account, verb);
    if (r->is_for_resource)
        strbuf_addf(&t->key, "%s %s/%s", r->group, r->resource, r->subresource);
    else
        strbuf_adds(&t->key, r->path);
    return strbuf_check(&t->key, "a right", err);
}

/* *ret_right is NULL where there is no room for another one. */
static int find_right(struct learn_table *t, struct learn_account *account,
                      const struct learn_request *r, const char *verb,
                      struct learn_right **ret_right, struct err *err)
{
    struct learn_right *right;
    size_t bytes;

    if (write_key(t, r, verb, err) < 0)
        return -1;
    *ret_right = right = map_get(&t->rights, t->key.text);
    bytes = sizeof(*right) + 2 * t->key.len + ENTRY_BYTES;
    if (right || account->rights_count == LEARN_RIGHTS_MAX || !has_room(t, account, bytes))
        return 0;
    right = right_new(r, verb);
    if (!right || map_put(&t->rights, t->key.text, right, NULL, err) < 0) {
        mem_free(right);
        return err_nomem(err);
    }
    right->next = account->rights;
    account->rights = right;
    account->rights_count++;
    account->bytes += bytes;
    t->bytes += bytes;
    *ret_right = right;
    return 0;
}

static void note_time(int64_t ms, int64_t *first_ms, int64_t *last_ms)
{
    if (ms == AUDIT_TIME_UNSAID)
        return;
    if (first_ms && (*first_ms == AUDIT_TIME_UNSAID || ms < *first_ms))
        *first_ms = ms;
    if (ms > *last_ms) /* unsaid is before all times */
        *last_ms = ms;
}

/* @verb is the request's own, or "create" where it made the object. */
static int add_right(struct learn_table *t, struct learn_account *account,
                     const struct learn_request *r, const char *verb, struct err *err)
{
    struct learn_room room = {.left = LEARN_BYTES_MAX - t->bytes};
    struct learn_right *right;
    int result = 0;

    if (room.left > LEARN_ACCOUNT_BYTES_MAX - account->bytes)
        room.left = LEARN_ACCOUNT_BYTES_MAX - account->bytes;
    if (find_right(t, account, r, verb, &right, err) < 0)
        return -1;
    if (right && r->is_for_resource) {
        result = learn_places_add(right, &t->bounds, r->ns, r->name, &room);
        account->bytes = account->bytes + room.taken - room.given;
        t->bytes = t->bytes + room.taken - room.given;
    }
    if (result < 0)
        return err_nomem(err);
    if (!right || room.is_out) {
        account->left_out++;
        return 0;
    }
    right->requests[r->stage]++;
    note_time(r->received_ms, NULL, &right->last_ms);
    return 0;
}

int learn_table_add(struct learn_table *t, const struct audit_event *event,
                    const struct learn_filter *filter, struct err *err)
{
    struct learn_request r;
    enum learn_verdict verdict = learn_request_of(event, filter, &r);
    struct learn_account *account;

    t->verdicts[verdict]++;
    if (verdict != LEARN_NEEDED && verdict < LEARN_IMPERSONATED)
        return 0;
    if (find_account(t, r.account, &account, err) < 0)
        return -1;
    if (!account) {
        t->without_account++;
        return 0;
    }
    if (verdict != LEARN_NEEDED) {
        account->turned_away[verdict][r.stage]++;
        return 0;
    }
    note_time(r.received_ms, &account->first_ms, &account->last_ms);
    if (add_right(t, account, &r, r.verb, err) < 0)
        return -1;
    return r.has_created ? add_right(t, account, &r, "create", err) : 0;
}

int learn_table_know(struct learn_table *t, const char *user, const struct learn_filter *filter,
                     struct err *err)
{
    const char *id = learn_account_of(user, filter);
    struct learn_account *account;

    if (!id)
        return 0;
    if (find_account(t, id, &account, err) < 0)
        return -1;
    t->without_account += account == NULL;
    return 0;
}

uint64_t learn_table_verdicts(const struct learn_table *t, enum learn_verdict verdict)
{
    return t->verdicts[verdict];
}

uint64_t learn_table_without_account(const struct learn_table *t)
{
    return t->without_account;
}

size_t learn_table_count(const struct learn_table *t)
{
    return map_count(&t->accounts);
}

/* ---- sorted ---- */

static int compare_accounts(const void *one, const void *other)
{
    const struct learn_account *a = *(const struct learn_account *const *)one;
    const struct learn_account *b = *(const struct learn_account *const *)other;
    size_t a_len = strcspn(a->id, ":"), b_len = strcspn(b->id, ":");
    int order = memcmp(a->id, b->id, a_len < b_len ? a_len : b_len);

    if (order == 0)
        order = (a_len > b_len) - (a_len < b_len);
    return order ? order : strcmp(a->id + a_len, b->id + b_len);
}

static int compare_texts(const char *one, const char *other)
{
    return strcmp(one ? one : "", other ? other : "");
}

static int compare_rights(const void *one, const void *other)
{
    const struct learn_right *a = *(struct learn_right *const *)one;
    const struct learn_right *b = *(struct learn_right *const *)other;
    int order = compare_texts(a->path, b->path);

    order = order ? order : strcmp(a->group, b->group);
    order = order ? order : compare_texts(a->resource, b->resource);
    return order ? order : strcmp(a->verb, b->verb);
}

static int sort_rights(struct learn_account *account, struct err *err)
{
    size_t count = account->rights_count;
    struct learn_right **rights, **end;

    if (count == 0)
        return 0;
    rights = mem_resize(NULL, count, sizeof(*rights));
    if (!rights)
        return err_nomem(err);
    end = rights;
    for (struct learn_right *right = account->rights; right; right = right->next)
        *end++ = right;
    qsort(rights, count, sizeof(*rights), compare_rights);
    account->rights = rights[0];
    for (size_t i = 0; i < count; i++)
        rights[i]->next = i + 1 < count ? rights[i + 1] : NULL;
    mem_free((void *)rights);
    return 0;
}

int learn_table_accounts(struct learn_table *t, const struct learn_account *const **ret_accounts,
                         size_t *ret_count, struct err *err)
{
    size_t count = 0;
    const struct learn_account **sorted =
        mem_calloc(map_count(&t->accounts) + 1, sizeof(const struct learn_account *));

    if (!sorted)
        return err_nomem(err);
    mem_free((void *)t->sorted);
    t->sorted = sorted;
    for (struct map_entry *e = map_first(&t->accounts); e; e = map_next(e)) {
        struct learn_account *account = map_entry_value(e);

        if (sort_rights(account, err) < 0)
            return -1;
        sorted[count++] = account;
    }
    qsort((void *)sorted, count, sizeof(*sorted), compare_accounts);
    *ret_accounts = sorted;
    *ret_count = count;
    return 0;
}

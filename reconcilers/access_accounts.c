#include "rampart/reconcilers/access_accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/kube/object.h"

#define KEY_LEN_MAX (2 * NAME_LEN_MAX + 1) /* a longer name is nobody's */

/* False: no ServiceAccount can have that name. */
static bool key_write(char key[KEY_LEN_MAX + 1], const char *ns, const char *name)
{
    return (size_t)snprintf(key, KEY_LEN_MAX + 1, "%s/%s", ns, name) <= KEY_LEN_MAX;
}

static int entry_order(const void *one_ptr, const void *other_ptr)
{
    const struct access_account_entry *one = *(const struct access_account_entry *const *)one_ptr;
    const struct access_account_entry *other =
        *(const struct access_account_entry *const *)other_ptr;
    int order = strcmp(one->ns, other->ns);

    return order != 0 ? order : strcmp(one->name, other->name);
}

static int bytes_end(const struct access_accounts *accounts, uint64_t failures, struct err *err)
{
    if (mem_failures() != failures)
        return err_nomem(err);
    return err_set(err, ERR_LIMIT, "the ServiceAccounts take more than %zu bytes",
                   accounts->arena.used_max);
}

/* NULL with @err. */
static struct access_account_entry *entry_need(struct access_accounts *accounts, const char *ns,
                                               const char *name, struct err *err)
{
    uint64_t failures = mem_failures();
    struct access_account_entry *entry;
    char key[KEY_LEN_MAX + 1];

    if (!key_write(key, ns, name)) {
        err_set(err, ERR_INVALID, "ServiceAccount %.64s/%.64s: the name is too long", ns, name);
        return NULL;
    }
    entry = map_get(&accounts->entries, key);
    if (entry)
        return entry;
    entry = arena_alloc(&accounts->arena, sizeof(*entry));
    if (entry) {
        entry->ns = arena_strdup(&accounts->arena, ns);
        entry->name = arena_strdup(&accounts->arena, name);
    }
    if (!entry || !entry->ns || !entry->name) {
        bytes_end(accounts, failures, err);
        return NULL;
    }
    entry->index = map_count(&accounts->entries);
    return map_put(&accounts->entries, key, entry, NULL, err) == 0 ? entry : NULL;
}

void access_accounts_init(struct access_accounts *accounts, size_t bytes_max)
{
    map_init(&accounts->entries, ACCESS_ACCOUNTS_MAX);
    arena_init(&accounts->arena, bytes_max);
}

void access_accounts_done(struct access_accounts *accounts)
{
    map_done(&accounts->entries);
    arena_done(&accounts->arena);
}

int access_accounts_add(struct access_accounts *accounts, const char *ns, const char *name,
                        struct err *err)
{
    struct access_account_entry *entry = entry_need(accounts, ns, name, err);

    if (!entry)
        return -1;
    entry->is_there = true;
    return 0;
}

int access_accounts_use(struct access_accounts *accounts, const char *ns, const char *name,
                        struct err *err)
{
    struct access_account_entry *entry = entry_need(accounts, ns, name, err);

    if (!entry)
        return -1;
    entry->is_used = true;
    return 0;
}

const struct access_account_entry *access_accounts_find(const struct access_accounts *accounts,
                                                        const char *ns, const char *name)
{
    char key[KEY_LEN_MAX + 1];

    return key_write(key, ns, name) ? map_get(&accounts->entries, key) : NULL;
}

int access_accounts_list(const struct access_accounts *accounts, struct arena *a,
                         const struct access_account_entry *const **ret_entries, size_t *ret_count,
                         struct err *err)
{
    size_t count = map_count(&accounts->entries);
    const struct access_account_entry **entries = arena_calloc(a, count + 1, sizeof(*entries));
    size_t i = 0;

    if (!entries)
        return err_nomem(err);
    for (struct map_entry *e = map_first(&accounts->entries); e; e = map_next(e))
        entries[i++] = map_entry_value(e);
    qsort(entries, count, sizeof(*entries), entry_order);
    *ret_entries = entries;
    *ret_count = count;
    return 0;
}

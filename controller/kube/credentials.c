#include "rampart/kube/credentials.h"

#include <string.h>
#include <strings.h>

#include "rampart/json/get.h"
#include "rampart/kube/secret_name.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* Ends of names that say something about a secret: where it is, how long it holds, what kind it is
 * of. */
static const char *const about_ends[] = {
    "account", "algorithm", "audience", "backend",  "class",    "dir",       "enabled",
    "encoder", "endpoint",  "expiry",   "file",     "format",   "header",    "issuer",
    "kind",    "manager",   "method",   "mode",     "name",     "namespace", "passwordkey",
    "path",    "policy",    "prefix",   "provider", "ref",      "required",  "scope",
    "scopes",  "service",   "store",    "timeout",  "tokenkey", "ttl",       "type",
    "uri",     "url",
};

/* Part of a text. */
struct span {
    const char *at;
    size_t len;
};

static bool ends_in(struct span name, const char *end)
{
    size_t len = strlen(end);

    return name.len >= len && strncasecmp(name.at + name.len - len, end, len) == 0;
}

static struct span trim(struct span s, const char *chars)
{
    while (s.len > 0 && strchr(chars, s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && strchr(chars, s.at[s.len - 1]))
        s.len--;
    return s;
}

static bool is_word(struct span s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}

/* 3600, 1.5, 30s: settings of a secret, and no secret. */
static bool is_number(struct span s)
{
    size_t digits = 0;

    while (digits < s.len && strchr("0123456789.", s.at[digits]))
        digits++;
    return digits > 0 && s.len - digits <= 2;
}

static bool has(struct span s, const char *needle)
{
    return memmem(s.at, s.len, needle, strlen(needle)) != NULL;
}

static bool is_literal(struct span value)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null",
                                        "none", "~",     "|",   ">",  "|-", ">-"};

    value = trim(value, " \t\r\"',;");
    if (value.len == 0 || strchr("/$<*&[{", value.at[0]) || is_number(value))
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_word(value, words[i]))
            return false;
    }
    return !has(value, "${") && !has(value, "$(") && !has(value, "{{");
}

static bool is_secret_name(struct span name)
{
    char text[CREDENTIAL_NAME_MAX + 1];

    if (name.len == 0 || name.len > CREDENTIAL_NAME_MAX)
        return false;
    for (size_t i = 0; i < sizeof(about_ends) / sizeof(about_ends[0]); i++) {
        if (ends_in(name, about_ends[i]))
            return false;
    }
    memcpy(text, name.at, name.len);
    text[name.len] = '\0';
    return secret_name_is(text);
}

/* user:password@ behind "://". */
static bool has_password(struct span line)
{
    const char *end = line.at + line.len;
    const char *at = line.at;

    while ((at = memmem(at, (size_t)(end - at), "://", 3))) {
        struct span user, password;

        user.at = at = at + 3;
        while (at < end && !strchr(":/@ \t\"'", *at))
            at++;
        user.len = (size_t)(at - user.at);
        if (user.len == 0 || at == end || *at != ':')
            continue;
        password.at = ++at;
        while (at < end && !strchr("/@ \t\"'", *at))
            at++;
        password.len = (size_t)(at - password.at);
        if (at < end && *at == '@' && password.len > 0 && is_literal(user) &&
            (is_literal(password) || is_number(password)))
            return true;
    }
    return false;
}

/* The name in "name = value", "name: value", "- name: value", "\"name\": value" when it says that
 * the value is secret, and the value is one; else nothing. */
static struct span named_in(struct span line)
{
    static const struct span nothing = {"", 0};
    struct span name, rest;

    line = trim(line, " \t\r");
    if (line.len > 0 && strchr("#;/", line.at[0]))
        return nothing; /* a comment */
    line = trim(line, "-\"'{ \t");
    name = line;
    name.len = 0;
    while (name.len < line.len && strchr(NAME_CHARS, line.at[name.len]))
        name.len++;
    rest = trim((struct span){line.at + name.len, line.len - name.len}, "\"' \t");
    if (rest.len < 2 || !strchr("=:", rest.at[0]) || !is_secret_name(name))
        return nothing;
    rest.at++;
    rest.len--;
    return is_literal(rest) ? name : nothing;
}

static bool is_private_key(struct span line)
{
    return has(line, "-----BEGIN ") && has(line, "PRIVATE KEY-----");
}

/* "": nothing is found. */
static int look_at_line(struct span line, struct arena *a, const char **ret_what, struct err *err)
{
    struct span name;

    *ret_what = "";
    if (is_private_key(line)) {
        *ret_what = "a private key";
    } else if (has_password(line)) {
        *ret_what = "a password in a URL";
    } else if ((name = named_in(line)).len > 0) {
        *ret_what = arena_printf(a, "a value of %.*s", (int)name.len, name.at);
        if (!*ret_what)
            return err_nomem(err);
    }
    return 0;
}

static int look_at(const char *key, struct span text, struct arena *a, const char **ret_what,
                   struct err *err)
{
    bool has_lines = memchr(trim(text, "\r\n").at, '\n', trim(text, "\r\n").len) != NULL;
    const char *what = "";

    while (text.len > 0 && !*what) {
        const char *newline = memchr(text.at, '\n', text.len);
        struct span line = {text.at, newline ? (size_t)(newline - text.at) : text.len};

        if (look_at_line(line, a, &what, err) < 0)
            return -1;
        if (!*what && !has_lines && is_secret_name((struct span){key, strlen(key)}) &&
            is_literal(line))
            what = "a value by its name";
        text.at += line.len + (newline ? 1 : 0);
        text.len -= line.len + (newline ? 1 : 0);
    }
    *ret_what = what;
    return 0;
}

int credentials_find(const json_t *data, struct arena *a, struct credentials *ret_found,
                     struct err *err)
{
    struct credentials found = {0};
    const char *first = "";
    void *at;

    if (data && json_typeof(data) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "data: expected an object");
    for (at = json_object_iter((json_t *)data); at;
         at = json_object_iter_next((json_t *)data, at)) {
        const char *key = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        const char *what;

        if (json_typeof(value) != JSON_STRING)
            return err_set(err, ERR_INVALID, "data: expected strings");
        if (look_at(key, (struct span){json_string_value(value), json_string_length(value)}, a,
                    &what, err) < 0)
            return -1;
        if (!*what)
            continue;
        if (found.keys_count++ == 0 || strcmp(key, first) < 0) {
            first = key;
            found.what = what;
        }
    }
    if (found.keys_count > 0 && !(found.key = arena_strdup(a, first)))
        return err_nomem(err);
    *ret_found = found;
    return 0;
}

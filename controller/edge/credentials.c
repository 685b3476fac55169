#include "rampart/edge/credentials.h"

#include <stdbool.h>
#include <string.h>

#include "rampart/edge/config.h"
#include "rampart/yaml/base64.h"

#define BEARER "Authorization: Bearer "
#define BASIC "Authorization: Basic "
#define PASSWORD_BYTES_MAX (4u * 1024 * 1024) /* user and password, with their base64 */

struct credentials {
    char *token_file;    /* owned; NULL: the token never changes */
    char *header;        /* owned, secret; NULL: no token yet */
    size_t header_len;   /* bytes to wipe */
    uint64_t read_at_ms; /* monotonic: when the file is read again */
    bool is_due;         /* read again whatever the time is */
};

static void wipe(char *text, size_t len)
{
    if (text)
        explicit_bzero(text, len);
    mem_free(text);
}

/* White space around it goes, as in client-go; anything that could end the header line is refused.
 */
static int token_trim(const char *text, size_t len, const char **ret_token, size_t *ret_len,
                      struct err *err)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    while (len > 0 && strchr(" \t\r\n", *text)) {
        text++;
        len--;
    }
    if (len == 0)
        return err_set(err, ERR_UNAUTHORIZED, "the token is empty");
    if (len > TOKEN_LEN_MAX)
        return err_set(err, ERR_UNAUTHORIZED, "the token is longer than %d bytes", TOKEN_LEN_MAX);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f)
            return err_set(err, ERR_UNAUTHORIZED,
                           "the token holds a space or a character that no token has");
    }
    *ret_token = text;
    *ret_len = len;
    return 0;
}

static int use_header(struct credentials *c, const char *start, const char *text, size_t len,
                      struct err *err)
{
    const size_t start_len = strlen(start);
    char *header = mem_alloc(start_len + len + 1);

    if (!header)
        return err_nomem(err);
    memcpy(header, start, start_len);
    memcpy(header + start_len, text, len);
    header[start_len + len] = '\0';
    wipe(c->header, c->header_len);
    c->header = header;
    c->header_len = start_len + len;
    return 0;
}

static int use_token(struct credentials *c, const char *text, size_t len, struct err *err)
{
    if (token_trim(text, len, &text, &len, err) < 0)
        return -1;
    return use_header(c, BEARER, text, len, err);
}

/* RFC 7617; in base64 nothing can end the header line. */
static int use_password(struct credentials *c, const char *username, const char *password,
                        struct err *err)
{
    char *pair, *text;
    AUTO_ARENA a;
    int r;

    arena_init(&a, PASSWORD_BYTES_MAX);
    pair = arena_printf(&a, "%s:%s", username, password);
    if (!pair)
        return err_nomem(err);
    text = base64_encode(pair, strlen(pair), &a, err);
    r = text ? use_header(c, BASIC, text, strlen(text), err) : -1;
    explicit_bzero(pair, strlen(pair));
    if (text)
        explicit_bzero(text, strlen(text));
    return r;
}

static int read_token(struct credentials *c, struct err *err)
{
    size_t len = 0;
    char *text = file_read(c->token_file, TOKEN_LEN_MAX, &len, err);
    int r;

    if (!text) {
        if (err && err->code != ERR_NOMEM)
            err->code = ERR_UNAUTHORIZED;
        return err_wrap(err, "tokenFile");
    }
    r = use_token(c, text, len, err);
    wipe(text, len);
    return r < 0 ? err_wrap(err, "tokenFile: read %s", c->token_file) : 0;
}

struct credentials *credentials_new(const struct client_config *config, struct err *err)
{
    struct credentials *c = mem_calloc(1, sizeof(*c));

    if (!c) {
        err_nomem(err);
        return NULL;
    }
    if (config->token_file) {
        c->token_file = mem_strdup(config->token_file);
        c->is_due = true;
        if (!c->token_file) {
            credentials_free(c);
            err_nomem(err);
            return NULL;
        }
    }
    if (config->token && use_token(c, config->token, strlen(config->token), err) < 0) {
        if (err && err->code == ERR_UNAUTHORIZED)
            err->code = ERR_INVALID;
        err_wrap(err, "%s", config->source ? config->source : "configuration");
        credentials_free(c);
        return NULL;
    }
    if (config->username && use_password(c, config->username, config->password, err) < 0) {
        credentials_free(c);
        return NULL;
    }
    return c;
}

void credentials_free(struct credentials *c)
{
    if (!c)
        return;
    wipe(c->header, c->header_len);
    mem_free(c->token_file);
    mem_free(c);
}

int credentials_header(struct credentials *c, uint64_t now_ms, const char **ret_header,
                       struct err *err)
{
    struct err why = {0};

    if (c->token_file && (c->is_due || !c->header || now_ms >= c->read_at_ms)) {
        bool is_read = read_token(c, &why) == 0;

        c->is_due = false;
        c->read_at_ms = now_ms + (is_read ? TOKEN_READ_EVERY_MS : TOKEN_RETRY_MS);
    }
    if (c->token_file && !c->header)
        return err_set(err, why.code, "%s", why.msg);
    *ret_header = c->header;
    return 0;
}

int credentials_replace(struct credentials *c, const char *token, struct err *err)
{
    if (token)
        return use_token(c, token, strlen(token), err);
    wipe(c->header, c->header_len);
    c->header = NULL;
    c->header_len = 0;
    return 0;
}

void credentials_reject(struct credentials *c)
{
    c->is_due = c->token_file != NULL;
}

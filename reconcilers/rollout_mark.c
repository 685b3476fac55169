#include "rampart/reconcilers/rollout_mark.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/kube/profile.h"
#include "rampart/reconcilers/pods_evidence.h"

#define DIGEST_LEN_MAX 64
#define UNSET_MAX (16 * POD_CONTAINERS_MAX) /* leaves of a fill */
#define LEFT_LEN_MAX 32                     /* of a reason */
#define RIVAL_LEN_MAX 128                   /* the API's own limit of a field manager */

static const char *const phase_names[ROLLOUT_PHASE_COUNT] = {
    [ROLLOUT_NONE] = "None",
    [ROLLOUT_PROVING] = "Proving",
    [ROLLOUT_PENDING] = "Pending",
    [ROLLOUT_PROVEN] = "Proven",
    [ROLLOUT_REVERTED] = "Reverted",
    [ROLLOUT_KEPT] = "Kept",
    [ROLLOUT_STOOD_DOWN] = "StoodDown",
    [ROLLOUT_CONTESTED] = "Contested",
    [ROLLOUT_LEFT] = "Left",
    [ROLLOUT_TAKEN_BACK] = "TakenBack",
};

const char *rollout_phase_name(enum rollout_phase phase)
{
    return phase_names[phase];
}

static int read_phase(const json_t *root, struct arena *a, enum rollout_phase *ret_phase,
                      struct err *err)
{
    const char *text;

    if (json_need_str(root, "phase", DIGEST_LEN_MAX, a, &text, err) < 0)
        return -1;
    for (int i = ROLLOUT_NONE + 1; i < ROLLOUT_PHASE_COUNT; i++) {
        if (strcmp(text, phase_names[i]) == 0) {
            *ret_phase = (enum rollout_phase)i;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "phase: \"%s\" is none that Rampart knows", text);
}

static int read_text(const json_t *root, const char *name, size_t len_max, struct arena *a,
                     const char **ret_text, struct err *err)
{
    if (json_get_str(root, name, len_max, a, ret_text, err) < 0)
        return -1;
    if (!*ret_text)
        *ret_text = "";
    return 0;
}

/* Left out where it is what the key begins with, as fill_key() makes it. */
static int read_digest(const json_t *root, const char *key, struct arena *a,
                       const char **ret_digest, struct err *err)
{
    size_t len = strcspn(key, ".");

    if (key[len] == '\0' || len > DIGEST_LEN_MAX || json_member(root, "digest"))
        return json_need_str(root, "digest", DIGEST_LEN_MAX, a, ret_digest, err);
    *ret_digest = arena_strndup(a, key, len);
    return *ret_digest ? 0 : err_nomem(err);
}

static int read_numbers(const json_t *root, struct rollout_mark *mark, struct err *err)
{
    int64_t troubles, lost, containers, unset;

    if (json_get_int(root, "troubles", 0, 15, 0, &troubles, err) < 0 ||
        json_get_int(root, "lost", 0, ROLLOUT_LOST_MAX, 0, &lost, err) < 0 ||
        json_get_int(root, "containers", 0, POD_CONTAINERS_MAX, 0, &containers, err) < 0 ||
        json_get_int(root, "unset", 0, UNSET_MAX, 0, &unset, err) < 0 ||
        json_get_int(root, "started", 0, INT64_MAX, 0, &mark->started_s, err) < 0 ||
        json_get_int(root, "generation", 0, INT64_MAX, 0, &mark->generation, err) < 0 ||
        json_get_bool(root, "resources", false, &mark->has_resources, err) < 0)
        return -1;
    mark->troubles = (uint8_t)troubles;
    mark->lost = (uint32_t)lost;
    mark->containers = (uint32_t)containers;
    mark->unset = (uint32_t)unset;
    return 0;
}

int rollout_mark_read(const char *text, struct arena *a, struct rollout_mark *ret_mark,
                      struct err *err)
{
    size_t len = strnlen(text, ROLLOUT_MARK_LEN_MAX + 1);
    struct rollout_mark mark = {0};

    if (len > ROLLOUT_MARK_LEN_MAX)
        return err_set(err, ERR_INVALID, "%s: longer than %d bytes", ANNOTATION_ROLLOUT,
                       ROLLOUT_MARK_LEN_MAX);
    json_auto_t *root = json_decode(text, len, err);
    if (!root) {
        if (err && err->code == ERR_LIMIT)
            err->code = ERR_INVALID; /* too deep: not one of ours */
        return err_wrap(err, ANNOTATION_ROLLOUT);
    }
    if (!json_is_object(root))
        return err_set(err, ERR_INVALID, "%s: expected an object", ANNOTATION_ROLLOUT);
    if (read_phase(root, a, &mark.phase, err) < 0 || read_numbers(root, &mark, err) < 0 ||
        json_need_str(root, "key", FILL_KEY_LEN_MAX, a, &mark.key, err) < 0 ||
        read_digest(root, mark.key, a, &mark.digest, err) < 0 ||
        read_text(root, "wanted", DIGEST_LEN_MAX, a, &mark.wanted, err) < 0 ||
        read_text(root, "left", LEFT_LEN_MAX, a, &mark.left, err) < 0 ||
        read_text(root, "profile", PROFILE_NAME_MAX, a, &mark.profile, err) < 0 ||
        read_text(root, "rival", RIVAL_LEN_MAX, a, &mark.rival, err) < 0 ||
        read_text(root, "message", ROLLOUT_MESSAGE_MAX, a, &mark.message, err) < 0)
        return err_wrap(err, ANNOTATION_ROLLOUT);
    *ret_mark = mark;
    return 0;
}

bool rollout_mark_holds(const char *text, const char *profile)
{
    char member[sizeof("\"profile\":\"\"") + PROFILE_NAME_MAX];

    if (snprintf(member, sizeof(member), "\"profile\":\"%s\"", profile) >= (int)sizeof(member))
        return false; /* no profile has such a name */
    return strstr(text, member) && !strstr(text, "\"phase\":\"Left\"");
}

/* At most @len_max bytes of it, and no half of a character. */
static const char *cut(const char *text, size_t len_max, struct arena *a)
{
    size_t len = strlen(text);

    if (len <= len_max)
        return text;
    for (len = len_max; len && ((unsigned char)text[len] & 0xC0) == 0x80;)
        len--;
    return arena_strndup(a, text, len);
}

/* What is read as the same where it is left out: a mark is kept with each workload. */
static void add_text(struct json_build *j, const char *name, const char *text)
{
    if (text && *text)
        json_add_str(j, name, text);
}

static void add_number(struct json_build *j, const char *name, int64_t number)
{
    if (number != 0)
        json_add_int(j, name, number);
}

static bool begins_key(const char *digest, const char *key)
{
    size_t len = strcspn(key, ".");

    return key[len] == '.' && strlen(digest) == len && memcmp(digest, key, len) == 0;
}

int rollout_mark_write(const struct rollout_mark *mark, struct arena *a, const char **ret_text,
                       struct err *err)
{
    const char *rival = cut(mark->rival, RIVAL_LEN_MAX, a);
    /* Control characters and quotes grow when they are escaped: the ceiling has room for a message
     * of plain text, and one that is not is cut further. */
    size_t message_len_max = ROLLOUT_MESSAGE_MAX;

    if (!rival)
        return err_nomem(err);
    for (;; message_len_max /= 2) {
        const char *message = cut(mark->message, message_len_max, a);
        struct json_build j;
        AUTO_STRBUF out;

        strbuf_init(&out, ROLLOUT_MARK_LEN_MAX);
        if (!message)
            return err_nomem(err);
        json_build_init(&j, &out);
        json_open_obj(&j, NULL);
        json_add_str(&j, "phase", phase_names[mark->phase]);
        json_add_str(&j, "key", mark->key);
        if (!begins_key(mark->digest, mark->key))
            json_add_str(&j, "digest", mark->digest);
        add_text(&j, "wanted", mark->wanted);
        add_text(&j, "left", mark->left);
        add_text(&j, "profile", mark->profile);
        add_number(&j, "generation", mark->generation);
        add_number(&j, "started", mark->started_s);
        add_number(&j, "containers", mark->containers);
        add_number(&j, "unset", mark->unset);
        add_number(&j, "troubles", mark->troubles);
        add_number(&j, "lost", mark->lost);
        if (mark->has_resources)
            json_add_bool(&j, "resources", true);
        add_text(&j, "rival", rival);
        add_text(&j, "message", message);
        json_close_obj(&j);
        if (out.broke == ERR_LIMIT && message_len_max)
            continue;
        if (strbuf_check(&out, ANNOTATION_ROLLOUT, err) < 0)
            return -1;
        *ret_text = arena_strdup(a, out.text);
        return *ret_text ? 0 : err_nomem(err);
    }
}

#include "rampart/kube/workloads_section.h"

#include <stdlib.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/decode.h"

#define CONCURRENT_MAX 100
#define CONCURRENT_DEFAULT 5
#define DEADLINE_S_MIN 30
#define DEADLINE_S_MAX 3600
#define DEADLINE_S_DEFAULT 300
#define PERCENT_MAX 100
#define PERCENT_DEFAULT 20
#define DROP_MAX 8        /* one value; a few more are read to be named in the message */
#define DIGITS_MAX 12     /* of a quantity: exact in a double, as bytes up to a terabyte */
#define VERSION_LEN_MAX 5 /* "v1.37" */

/* ---- words ---- */

struct word {
    const char *text;
    unsigned value;
};

/* Member @name, one of @words; *ret_value stays when it is absent. @expected lists them for people.
 */
static int word_decode(const json_t *obj, const char *name, const struct word *words, size_t count,
                       const char *expected, unsigned *ret_value, struct err *err)
{
    const char *text;

    if (member_text(obj, name, &text, err) < 0)
        return -1;
    if (!text)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i].text) == 0) {
            *ret_value = words[i].value;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "%s: \"%.32s\" is unknown; expected %s", name, text, expected);
}

#define WORDS(words_) (words_), sizeof(words_) / sizeof((words_)[0])

/* ---- level, version, rules ---- */

static const struct word levels[] = {
    {"restricted", LEVEL_RESTRICTED},
    {"baseline", LEVEL_BASELINE},
    {"privileged", LEVEL_PRIVILEGED},
};

static int level_decode(const json_t *obj, uint8_t *ret_level, struct err *err)
{
    unsigned level = LEVEL_RESTRICTED;

    if (word_decode(obj, "level", WORDS(levels), "restricted, baseline or privileged", &level,
                    err) < 0)
        return -1;
    *ret_level = (uint8_t)level;
    return 0;
}

/* "v1.NN" of two digits; 0 for any other text. */
static unsigned minor_of(const char *text)
{
    const char *digits = text + strlen("v1.");

    if (strncmp(text, "v1.", strlen("v1.")) != 0 || strlen(text) != VERSION_LEN_MAX ||
        strspn(digits, "0123456789") != strlen(digits))
        return 0;
    return (unsigned)(digits[0] - '0') * 10 + (unsigned)(digits[1] - '0');
}

static int version_decode(const json_t *obj, uint16_t *ret_minor, struct err *err)
{
    const char *text;
    unsigned minor = PSS_MINOR_LATEST;

    if (member_text(obj, "version", &text, err) < 0)
        return -1;
    if (text && strcmp(text, "latest") != 0) {
        minor = minor_of(text);
        if (minor < PSS_MINOR_MIN || minor > PSS_MINOR_MAX)
            return err_set(err, ERR_INVALID,
                           "version: \"%.32s\" is unknown; expected latest, or v1.%d to v1.%d",
                           text, PSS_MINOR_MIN, PSS_MINOR_MAX);
    }
    *ret_minor = (uint16_t)minor;
    return 0;
}

static int id_check(const char *id, struct err *err)
{
    size_t len = strlen(id);

    if (id[0] == '-' || id[len - 1] == '-' ||
        strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return err_set(err, ERR_INVALID,
                       "id: \"%s\" is no rule id; write lower-case letters, digits and '-', as in "
                       "status.rules",
                       id);
    return 0;
}

static int choice_decode(const json_t *obj, struct arena *a, struct rule_choice *ret_choice,
                         struct err *err)
{
    static const struct word modes[] = {
        {"Off", RULE_MODE_OFF},
        {"Report", RULE_MODE_REPORT},
        {"Require", RULE_MODE_REQUIRE},
    };
    struct rule_choice choice = {0};
    unsigned mode = RULE_MODE_DEFAULT;

    if (json_need_str(obj, "id", RULE_ID_LEN_MAX, a, &choice.id, err) < 0 ||
        id_check(choice.id, err) < 0 ||
        word_decode(obj, "mode", WORDS(modes), "Off, Report or Require", &mode, err) < 0 ||
        json_get_bool(obj, "exemptible", true, &choice.is_exemptible, err) < 0)
        return -1;
    choice.mode = (enum rule_mode)mode;
    *ret_choice = choice;
    return 0;
}

static int choice_order(const void *one, const void *other)
{
    const struct rule_choice *x = one;
    const struct rule_choice *y = other;

    return strcmp(x->id, y->id);
}

static int choices_decode(const json_t *obj, struct arena *a, struct workloads_section *w,
                          struct err *err)
{
    const json_t *arr;
    struct rule_choice *choices;
    size_t count;

    if (json_get_arr(obj, "rules", PROFILE_RULE_CHOICES_MAX, &arr, err) < 0)
        return -1;
    count = json_array_size(arr);
    if (count == 0)
        return 0;
    choices = arena_calloc(a, count, sizeof(*choices));
    if (!choices)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const json_t *choice;

        if (element_obj(arr, i, "rules", &choice, err) < 0)
            return -1;
        if (choice_decode(choice, a, &choices[i], err) < 0)
            return json_path_wrap_index(err, "rules", i);
    }
    qsort(choices, count, sizeof(*choices), choice_order);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(choices[i - 1].id, choices[i].id) == 0)
            return err_set(err, ERR_INVALID,
                           "rules: has \"%s\" more than once; make one entry of them",
                           choices[i].id);
    }
    w->rules = choices;
    w->rules_count = count;
    return 0;
}

/* ---- sensitive ---- */

static int sensitive_decode(const json_t *obj, struct arena *a, struct workloads_section *w,
                            struct err *err)
{
    const json_t *stated;
    const char *contradiction;

    if (json_get_obj(obj, "sensitive", &stated, err) < 0)
        return -1;
    if (!stated)
        return 0;
    if (selector_decode(stated, a, &w->sensitive, err) < 0)
        return json_path_wrap(err, "sensitive");
    contradiction = selector_contradiction(&w->sensitive, a);
    if (contradiction)
        return err_set(err, ERR_INVALID,
                       "sensitive: %s can never match; mend it or remove sensitive", contradiction);
    w->has_sensitive = true;
    return 0;
}

/* ---- fill ---- */

static const struct word suffixes[] = {
    /* of memory, as powers of 1000 and, from 10 on, of 1024 */
    {"", 0}, {"k", 1}, {"M", 2}, {"G", 3}, {"T", 4}, {"Ki", 11}, {"Mi", 12}, {"Gi", 13}, {"Ti", 14},
};

/*
 * The leading number of a quantity, and its suffix; -1 for a text that has none. Of the forms that
 * Kubernetes knows these are the ones that it writes itself: "0.5" comes back as "500m".
 */
static double number_of(const char *text, const char **ret_suffix)
{
    size_t digits = strspn(text, "0123456789");

    *ret_suffix = text + digits;
    return digits == 0 || digits > DIGITS_MAX || text[0] == '0' ? -1 : strtod(text, NULL);
}

static double cpu_of(const char *text)
{
    const char *suffix;
    double number = number_of(text, &suffix);

    if (number > 0 && *suffix == '\0')
        return number * 1000;
    return number > 0 && strcmp(suffix, "m") == 0 ? number : -1;
}

static double memory_of(const char *text)
{
    const char *suffix;
    double number = number_of(text, &suffix);

    for (size_t i = 0; number > 0 && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (strcmp(suffix, suffixes[i].text) != 0)
            continue;
        for (unsigned power = suffixes[i].value % 10; power > 0; power--)
            number *= suffixes[i].value > 10 ? 1024 : 1000;
        return number;
    }
    return -1;
}

/* @amounts: of CPU and memory, 0 where they are not stated. */
static int quantities_decode(const json_t *resources, const char *name, struct arena *a,
                             const char **ret_cpu, const char **ret_memory, double amounts[2],
                             struct err *err)
{
    const json_t *obj;

    if (json_get_obj(resources, name, &obj, err) < 0)
        return -1;
    if (json_get_str(obj, "cpu", PROFILE_RESOURCE_LEN_MAX, a, ret_cpu, err) < 0 ||
        json_get_str(obj, "memory", PROFILE_RESOURCE_LEN_MAX, a, ret_memory, err) < 0)
        return json_path_wrap(err, name);
    amounts[0] = *ret_cpu ? cpu_of(*ret_cpu) : 0;
    amounts[1] = *ret_memory ? memory_of(*ret_memory) : 0;
    if (amounts[0] < 0)
        return err_set(err, ERR_INVALID,
                       "%s.cpu: \"%s\" is no amount of CPU; write whole cores or millicores, "
                       "\"1\" or \"100m\"",
                       name, *ret_cpu);
    if (amounts[1] < 0)
        return err_set(err, ERR_INVALID,
                       "%s.memory: \"%s\" is no amount of memory; write whole bytes or a "
                       "multiple, \"128Mi\" or \"1Gi\"",
                       name, *ret_memory);
    return 0;
}

static int resources_decode(const json_t *fill, struct arena *a, struct workloads_section *w,
                            struct err *err)
{
    const json_t *resources;
    double requests[2];
    double limits[2];

    if (json_get_obj(fill, "resources", &resources, err) < 0)
        return -1;
    if (quantities_decode(resources, "requests", a, &w->fill.cpu_request, &w->fill.memory_request,
                          requests, err) < 0 ||
        quantities_decode(resources, "limits", a, &w->fill.cpu_limit, &w->fill.memory_limit, limits,
                          err) < 0)
        return json_path_wrap(err, "resources");
    for (int i = 0; i < 2; i++) {
        if (limits[i] > 0 && requests[i] > limits[i])
            return err_set(err, ERR_INVALID,
                           "resources.requests.%s: is over resources.limits.%s; lower it or raise "
                           "the limit",
                           i == 0 ? "cpu" : "memory", i == 0 ? "cpu" : "memory");
    }
    return 0;
}

static int drop_decode(const json_t *fill, bool *ret_drops_all, struct err *err)
{
    const json_t *arr;

    if (json_get_arr(fill, "dropCapabilities", DROP_MAX, &arr, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(arr); i++) {
        const char *name = json_string_value(json_array_get(arr, i));

        if (!name || strcmp(name, "ALL") != 0)
            return err_set(err, ERR_INVALID,
                           "dropCapabilities[%zu]: expected ALL; to leave capabilities alone, "
                           "write []",
                           i);
    }
    *ret_drops_all = !arr || json_array_size(arr) > 0;
    return 0;
}

static int fill_decode(const json_t *workloads, struct arena *a, struct workloads_section *w,
                       struct err *err)
{
    static const struct word seccomp[] = {{"RuntimeDefault", true}, {"", false}};
    const json_t *fill;
    unsigned has_seccomp = true;
    bool may_escalate;

    if (json_get_obj(workloads, "fill", &fill, err) < 0)
        return -1;
    if (json_get_bool(fill, "runAsNonRoot", true, &w->fill.run_as_non_root, err) < 0 ||
        word_decode(fill, "seccompProfile", WORDS(seccomp), "RuntimeDefault, or \"\" for none",
                    &has_seccomp, err) < 0 ||
        json_get_bool(fill, "allowPrivilegeEscalation", false, &may_escalate, err) < 0 ||
        drop_decode(fill, &w->fill.drop_all, err) < 0 ||
        json_get_bool(fill, "readOnlyRootFilesystem", false, &w->fill.read_only_root, err) < 0 ||
        json_get_bool(fill, "pinObservedUser", false, &w->fill.pins_observed_user, err) < 0 ||
        resources_decode(fill, a, w, err) < 0)
        return json_path_wrap(err, "fill");
    w->fill.seccomp = has_seccomp;
    w->fill.allow_privilege_escalation = !may_escalate;
    return 0;
}

/* ---- rollout ---- */

static int rollout_decode(const json_t *workloads, struct workloads_section *w, struct err *err)
{
    static const struct word whens[] = {{"NextChange", ROLLOUT_NEXT_CHANGE}, {"Now", ROLLOUT_NOW}};
    static const struct word failures[] = {{"Revert", ON_FAILURE_REVERT},
                                           {"Keep", ON_FAILURE_KEEP}};
    static const struct word unknowns[] = {{"Skip", ON_UNKNOWN_SKIP}, {"Try", ON_UNKNOWN_TRY}};
    const json_t *rollout;
    unsigned when = ROLLOUT_NEXT_CHANGE;
    unsigned on_failure = ON_FAILURE_REVERT;
    unsigned on_unknown = ON_UNKNOWN_SKIP;
    int64_t concurrent;
    int64_t deadline_s;
    int64_t percent;

    if (json_get_obj(workloads, "rollout", &rollout, err) < 0)
        return -1;
    if (word_decode(rollout, "when", WORDS(whens), "NextChange or Now", &when, err) < 0 ||
        json_get_int(rollout, "maxConcurrent", 1, CONCURRENT_MAX, CONCURRENT_DEFAULT, &concurrent,
                     err) < 0 ||
        json_get_int(rollout, "progressDeadlineSeconds", DEADLINE_S_MIN, DEADLINE_S_MAX,
                     DEADLINE_S_DEFAULT, &deadline_s, err) < 0 ||
        word_decode(rollout, "onFailure", WORDS(failures), "Revert or Keep", &on_failure, err) <
            0 ||
        word_decode(rollout, "onUnknown", WORDS(unknowns), "Skip or Try", &on_unknown, err) < 0 ||
        json_get_int(rollout, "pauseAtFailuresPercent", 1, PERCENT_MAX, PERCENT_DEFAULT, &percent,
                     err) < 0)
        return json_path_wrap(err, "rollout");
    w->when = (enum rollout_when)when;
    w->on_failure = (enum on_failure)on_failure;
    w->on_unknown = (enum on_unknown)on_unknown;
    w->concurrent_max = (uint32_t)concurrent;
    w->deadline_s = (uint32_t)deadline_s;
    w->failures_percent_max = (uint32_t)percent;
    return 0;
}

/* ---- public ---- */

int workloads_section_decode(const json_t *spec, enum mode mode, struct arena *a,
                             struct workloads_section *ret_section, struct err *err)
{
    struct workloads_section w = {.mode = mode};
    const json_t *workloads;

    if (json_get_obj(spec, "workloads", &workloads, err) < 0)
        return -1;
    if (workloads) {
        w.is_stated = true;
        if (mode_decode(workloads, mode, &w.mode, err) < 0 ||
            level_decode(workloads, &w.level, err) < 0 ||
            version_decode(workloads, &w.pss_minor, err) < 0 ||
            choices_decode(workloads, a, &w, err) < 0 ||
            sensitive_decode(workloads, a, &w, err) < 0 || fill_decode(workloads, a, &w, err) < 0 ||
            rollout_decode(workloads, &w, err) < 0)
            return json_path_wrap(err, "workloads");
    }
    *ret_section = w;
    return 0;
}

bool workloads_section_fills_in(const struct workloads_section *s)
{
    return s->is_stated && s->mode == MODE_ENFORCE &&
           (s->fill.run_as_non_root || s->fill.seccomp || s->fill.allow_privilege_escalation ||
            s->fill.drop_all || s->fill.read_only_root || s->fill.pins_observed_user ||
            s->fill.cpu_request || s->fill.memory_request || s->fill.cpu_limit ||
            s->fill.memory_limit);
}

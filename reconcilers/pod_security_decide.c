/* What becomes of each label. */
#include <string.h>

#include "pod_security_pass.h"

/*
 * plan.in_place: by mode whether both labels stood and were ours (3 bits), how often they were
 * taken away (2 bits each), and whether somebody else states them (3 bits); above them 16 bits that
 * tell the profile's spec, for with another one all begins anew.
 */
#define NOTE_STOOD(mode_) (UINT32_C(1) << (mode_))
#define NOTE_ROUNDS_AT(mode_) (PSA_COUNT + 2 * (unsigned)(mode_))
#define NOTE_ROUNDS_MAX 3u
#define NOTE_GIVEN_UP(mode_) (UINT32_C(1) << (3 * PSA_COUNT + (unsigned)(mode_)))
#define NOTE_SPEC_AT 16

static uint32_t spec_bits(const struct profile *profile)
{
    uint32_t hash = (uint32_t)profile->generation;

    for (const char *c = profile->object.uid; *c != '\0'; c++)
        hash = hash * 31 + (unsigned char)*c;
    return (hash ^ (hash >> NOTE_SPEC_AT)) << NOTE_SPEC_AT;
}

static uint32_t note_before(const struct pod_security_pass *p)
{
    const struct verdict *before = view_pod_security(p->view, p->ns->object.name);
    uint32_t bits = spec_bits(p->profile);
    bool is_same = before && before->profile &&
                   strcmp(before->profile, p->profile->object.name) == 0 &&
                   before->in_place >> NOTE_SPEC_AT == bits >> NOTE_SPEC_AT;

    return is_same ? before->in_place : bits;
}

static unsigned rounds(const struct pod_security_pass *p, enum psa_mode mode)
{
    return (p->note >> NOTE_ROUNDS_AT(mode)) & NOTE_ROUNDS_MAX;
}

static void set(struct pod_security_pass *p, size_t label, const char *value)
{
    p->changes[label] = (struct label_change){.act = LABEL_SET, .value = value};
}

static void clear(struct pod_security_pass *p, size_t label)
{
    p->changes[label] = (struct label_change){.act = LABEL_REMOVED};
}

/* One of ours was taken away: whether that was the last time. */
static bool lose(struct pod_security_pass *p, enum psa_mode mode)
{
    unsigned count = rounds(p, mode);

    if (p->note & NOTE_STOOD(mode)) {
        p->note &= ~NOTE_STOOD(mode);
        count += count < NOTE_ROUNDS_MAX;
        p->note &= ~(NOTE_ROUNDS_MAX << NOTE_ROUNDS_AT(mode));
        p->note |= count << NOTE_ROUNDS_AT(mode);
    }
    return count >= POD_SECURITY_ROUNDS;
}

static int say_contested(struct pod_security_pass *p, size_t label, struct err *err)
{
    return pod_security_say(
        p, REASON_CONTESTED, p->profile->object.name,
        arena_printf(p->arena,
                     "namespace %s: label %s was taken away twice, by an unrecorded manager (look "
                     "in the API server's audit log); it is left to whoever does that, until "
                     "SecurityProfile %s changes or Rampart is restarted",
                     p->ns->object.name, psa_labels[label], p->profile->object.name),
        err);
}

/* The label is not there and is wanted. */
static int fill(struct pod_security_pass *p, enum psa_mode mode, size_t label, const char *value,
                struct err *err)
{
    bool stood = p->note & NOTE_STOOD(mode);

    if (lose(p, mode))
        return say_contested(p, label, err);
    set(p, label, value);
    if (stood)
        p->removed |= (uint8_t)(1u << label);
    return 0;
}

static bool is_given_up(const struct pod_security_pass *p, enum psa_mode mode)
{
    return p->note & NOTE_GIVEN_UP(mode);
}

/* Somebody else states it: it is compared with what is wanted, and stays. */
static int leave(struct pod_security_pass *p, enum psa_mode mode, struct err *err)
{
    const struct pod_security_section *s = &p->profile->pod_security;
    const char *level = p->labels[PSA_LEVEL_LABEL(mode)];
    const char *version = p->labels[PSA_VERSION_LABEL(mode)];
    uint8_t stated = psa_level_of(mode, level);
    bool is_less = stated < s->levels[mode] ||
                   (stated == s->levels[mode] && psa_version_of(version) < s->pss_minor);

    p->note &= ~NOTE_STOOD(mode);
    if (p->ns->pod_security && !p->asks_owners)
        p->note |= NOTE_GIVEN_UP(mode);
    if (!is_less)
        return 0;
    return pod_security_say(
        p, REASON_LABEL_STATED, p->profile->object.name,
        arena_printf(p->arena,
                     "namespace %s states %s=%.63s%s%.63s, less than the %s:%s that "
                     "SecurityProfile %s asks for; what is stated is never changed: change the "
                     "label, or the profile",
                     p->ns->object.name, psa_labels[PSA_LEVEL_LABEL(mode)], level,
                     version ? ":" : "", version ? version : "", psa_level_name(s->levels[mode]),
                     p->version, p->profile->object.name),
        err);
}

/* The level is there, and the version another one. */
static int other_version(struct pod_security_pass *p, enum psa_mode mode, struct err *err)
{
    size_t label = PSA_VERSION_LABEL(mode);

    if (!p->labels[label])
        return p->note & NOTE_STOOD(mode) ? fill(p, mode, label, p->version, err) : 0;
    if (is_given_up(p, mode) || !pod_security_is_ours(p, label))
        return leave(p, mode, err);
    set(p, label, p->version);
    return 0;
}

static int other_level(struct pod_security_pass *p, enum psa_mode mode, const char *level,
                       struct err *err)
{
    size_t label = PSA_LEVEL_LABEL(mode), beside = PSA_VERSION_LABEL(mode);
    const char *version = p->labels[beside];

    if (is_given_up(p, mode) || !pod_security_is_ours(p, label))
        return leave(p, mode, err);
    set(p, label, level);
    if (!version || (strcmp(version, p->version) != 0 && pod_security_is_ours(p, beside)))
        set(p, beside, p->version);
    return 0;
}

/* Once filled in, and no longer wanted. */
static void unwanted(struct pod_security_pass *p, enum psa_mode mode)
{
    const size_t both[] = {PSA_LEVEL_LABEL(mode), PSA_VERSION_LABEL(mode)};
    bool is_kept = false;

    for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
        if (!p->labels[both[i]] || is_given_up(p, mode))
            continue;
        if (pod_security_is_ours(p, both[i]))
            clear(p, both[i]);
        else
            is_kept = true;
    }
    if (is_kept && p->ns->pod_security && !p->asks_owners)
        p->note |= NOTE_GIVEN_UP(mode);
}

static int decide_mode(struct pod_security_pass *p, enum psa_mode mode, struct err *err)
{
    const struct pod_security_section *s = &p->profile->pod_security;
    const char *level = p->labels[PSA_LEVEL_LABEL(mode)];
    const char *version = p->labels[PSA_VERSION_LABEL(mode)];
    const char *wanted;

    if (!s->has_level[mode]) {
        unwanted(p, mode);
        return 0;
    }
    wanted = psa_level_name(s->levels[mode]);
    if (!level) {
        if (fill(p, mode, PSA_LEVEL_LABEL(mode), wanted, err) < 0)
            return -1;
        if (!version && p->changes[PSA_LEVEL_LABEL(mode)].act == LABEL_SET)
            set(p, PSA_VERSION_LABEL(mode), p->version);
        return 0;
    }
    if (strcmp(level, wanted) != 0)
        return other_level(p, mode, wanted, err);
    if (!version || strcmp(version, p->version) != 0)
        return other_version(p, mode, err);
    p->note &= ~NOTE_GIVEN_UP(mode);
    if (p->ns->pod_security)
        p->note |= NOTE_STOOD(mode);
    return 0;
}

int pod_security_decide(struct pod_security_pass *p, struct err *err)
{
    p->note = note_before(p);
    psa_version_text(p->profile->pod_security.pss_minor, p->version);
    for (unsigned mode = 0; mode < PSA_COUNT; mode++) {
        if (decide_mode(p, (enum psa_mode)mode, err) < 0)
            return -1;
    }
    p->plan->in_place = p->note;
    return 0;
}

#include "rampart/kube/pod_security_section.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/decode.h"
#include "rampart/kube/pod_security.h"

static const char *const fields[PSA_COUNT] = {
    [PSA_ENFORCE] = "enforce",
    [PSA_WARN] = "warn",
    [PSA_AUDIT] = "audit",
};

static int level_decode(const json_t *obj, enum psa_mode mode, struct pod_security_section *s,
                        struct err *err)
{
    const char *text;

    if (member_text(obj, fields[mode], &text, err) < 0)
        return -1;
    if (!text)
        return 0;
    for (unsigned level = LEVEL_PRIVILEGED; level <= LEVEL_RESTRICTED; level++) {
        if (strcmp(text, psa_level_name((uint8_t)level)) == 0) {
            s->has_level[mode] = true;
            s->levels[mode] = (uint8_t)level;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID,
                   "%s: \"%.32s\" is unknown; expected privileged, baseline or restricted",
                   fields[mode], text);
}

static int version_decode(const json_t *obj, struct pod_security_section *s, struct err *err)
{
    char known[PSA_VERSION_TEXT_MAX];
    const char *text;

    s->pss_minor = PSS_MINOR_LATEST;
    if (member_text(obj, "version", &text, err) < 0)
        return -1;
    if (!text || strcmp(text, "latest") == 0)
        return 0;
    s->pss_minor = psa_version_of(text);
    psa_version_text(s->pss_minor, known);
    if (strcmp(text, known) != 0 || s->pss_minor > PSS_MINOR_MAX)
        return err_set(err, ERR_INVALID,
                       "version: \"%.32s\" is unknown; expected latest, or v1.%d to v1.%d", text,
                       PSS_MINOR_MIN, PSS_MINOR_MAX);
    return 0;
}

static int on_violation_decode(const json_t *obj, struct pod_security_section *s, struct err *err)
{
    const char *text;

    if (member_text(obj, "onViolation", &text, err) < 0)
        return -1;
    if (text && strcmp(text, "Wait") != 0 && strcmp(text, "Enforce") != 0)
        return err_set(err, ERR_INVALID,
                       "onViolation: \"%.32s\" is unknown; expected Wait or Enforce", text);
    s->on_violation =
        text && strcmp(text, "Enforce") == 0 ? ON_VIOLATION_ENFORCE : ON_VIOLATION_WAIT;
    return 0;
}

int pod_security_section_decode(const json_t *spec, enum mode mode,
                                struct pod_security_section *ret_section, struct err *err)
{
    struct pod_security_section s = {.mode = mode};
    const json_t *obj;

    if (json_get_obj(spec, "podSecurityAdmission", &obj, err) < 0)
        return -1;
    if (obj) {
        s.is_stated = true;
        if (mode_decode(obj, mode, &s.mode, err) < 0 ||
            level_decode(obj, PSA_ENFORCE, &s, err) < 0 ||
            level_decode(obj, PSA_WARN, &s, err) < 0 || level_decode(obj, PSA_AUDIT, &s, err) < 0 ||
            version_decode(obj, &s, err) < 0 || on_violation_decode(obj, &s, err) < 0)
            return json_path_wrap(err, "podSecurityAdmission");
        if (!s.has_level[PSA_ENFORCE] && !s.has_level[PSA_WARN] && !s.has_level[PSA_AUDIT])
            return err_set(err, ERR_INVALID,
                           "podSecurityAdmission: states no level; name at least one of enforce, "
                           "warn and audit");
    }
    *ret_section = s;
    return 0;
}

bool pod_security_section_fills_in(const struct pod_security_section *s)
{
    return s->is_stated && s->mode == MODE_ENFORCE;
}

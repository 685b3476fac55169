#include "rampart/kube/pod_security.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rampart/kube/pss.h"

#define VERSION_PREFIX "v1."
#define VERSION_DIGITS_MAX 4

const char *const psa_labels[PSA_LABELS_COUNT] = {
    "pod-security.kubernetes.io/enforce", "pod-security.kubernetes.io/enforce-version",
    "pod-security.kubernetes.io/warn",    "pod-security.kubernetes.io/warn-version",
    "pod-security.kubernetes.io/audit",   "pod-security.kubernetes.io/audit-version",
};

static const char *const level_names[] = {
    [LEVEL_PRIVILEGED] = "privileged",
    [LEVEL_BASELINE] = "baseline",
    [LEVEL_RESTRICTED] = "restricted",
};

const char *psa_level_name(uint8_t level)
{
    assert(level <= LEVEL_RESTRICTED);
    return level_names[level];
}

uint8_t psa_level_of(enum psa_mode mode, const char *value)
{
    for (unsigned i = 0; value && i <= LEVEL_RESTRICTED; i++) {
        if (strcmp(value, level_names[i]) == 0)
            return (uint8_t)i;
    }
    return value && mode == PSA_ENFORCE ? LEVEL_RESTRICTED : LEVEL_PRIVILEGED;
}

void psa_version_text(uint16_t minor, char ret_text[PSA_VERSION_TEXT_MAX])
{
    if (minor == PSS_MINOR_LATEST)
        (void)snprintf(ret_text, PSA_VERSION_TEXT_MAX, "latest");
    else
        (void)snprintf(ret_text, PSA_VERSION_TEXT_MAX, VERSION_PREFIX "%u", minor);
}

uint16_t psa_version_of(const char *value)
{
    const size_t prefix_len = strlen(VERSION_PREFIX);
    const char *digits = value ? value + prefix_len : NULL;
    unsigned minor = 0;

    if (!value || strncmp(value, VERSION_PREFIX, prefix_len) != 0 || *digits == '\0' ||
        strlen(digits) > VERSION_DIGITS_MAX || strspn(digits, "0123456789") != strlen(digits))
        return PSS_MINOR_LATEST;
    for (; *digits != '\0'; digits++)
        minor = minor * 10 + (unsigned)(*digits - '0');
    return minor < PSS_MINOR_MIN ? PSS_MINOR_MIN : (uint16_t)minor;
}

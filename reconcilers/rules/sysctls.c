/* Kernel parameters are set only where they are the pod's own and harm nobody else; the list grows
 * with the versions. */
#include "pod_rule.h"

#include <string.h>

static bool is_safe(const char *name, unsigned minor)
{
    static const struct {
        unsigned since_minor;
        const char *name;
    } safe[] = {
        {0, "kernel.shm_rmid_forced"},
        {0, "net.ipv4.ip_local_port_range"},
        {0, "net.ipv4.ip_unprivileged_port_start"},
        {0, "net.ipv4.ping_group_range"},
        {0, "net.ipv4.tcp_syncookies"},
        {27, "net.ipv4.ip_local_reserved_ports"},
        {29, "net.ipv4.tcp_fin_timeout"},
        {29, "net.ipv4.tcp_keepalive_intvl"},
        {29, "net.ipv4.tcp_keepalive_probes"},
        {29, "net.ipv4.tcp_keepalive_time"},
        {32, "net.ipv4.tcp_rmem"},
        {32, "net.ipv4.tcp_wmem"},
        {37, "net.ipv4.tcp_notsent_lowat"},
        {37, "net.ipv4.tcp_slow_start_after_idle"},
    };

    for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
        if (strcmp(name, safe[i].name) == 0)
            return safe[i].since_minor <= minor;
    return false;
}

static struct rule_answer check(const struct rule_input *in)
{
    for (size_t i = 0; i < in->pod->sysctls_count; i++)
        if (!is_safe(in->pod->sysctls[i], in->settings->pss_minor))
            return pod_rule_answer(in, true, NULL);
    return pod_rule_answer(in, false, NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    struct pod_rule_list list = {.text = text};

    (void)i;
    strbuf_adds(text, "securityContext.sysctls has ");
    for (size_t n = 0; n < in->pod->sysctls_count; n++)
        if (!is_safe(in->pod->sysctls[n], in->settings->pss_minor))
            pod_rule_list_add(&list, in->pod->sysctls[n]);
    pod_rule_list_end(&list);
}

const struct rule rule_sysctls = {
    .id = "sysctls",
    .title = "Only safe kernel parameters are set",
    .standards = "PSS baseline",
    .remedy =
        "Remove from securityContext.sysctls of the pod what the standard does not list as safe.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_BASELINE,
    .check = check,
    .describe = describe,
};

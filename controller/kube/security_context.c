#include "rampart/kube/security_context.h"

#include <assert.h>
#include <string.h>

#include "rampart/json/get.h"

static_assert(sizeof(struct security_context) <= 48, "as the header says");

int stated_decode(const json_t *obj, const char *name, uint8_t *ret_stated, struct err *err)
{
    bool flag;

    if (json_get_bool(obj, name, false, &flag, err) < 0)
        return -1;
    if (!json_member(obj, name))
        *ret_stated = UNSET;
    else
        *ret_stated = flag ? STATED_TRUE : STATED_FALSE;
    return 0;
}

static int ids_decode(const json_t *obj, struct security_context *c, struct err *err)
{
    c->has_run_as_user = json_member(obj, "runAsUser");
    c->has_run_as_group = json_member(obj, "runAsGroup");
    if (json_get_int(obj, "runAsUser", INT64_MIN, INT64_MAX, 0, &c->run_as_user, err) < 0)
        return -1;
    return json_get_int(obj, "runAsGroup", INT64_MIN, INT64_MAX, 0, &c->run_as_group, err);
}

/* A profile that is stated without a type counts as one with a type that nobody knows. */
static int confinement_decode(const json_t *obj, const char *name, uint8_t *ret_confinement,
                              struct err *err)
{
    const json_t *profile;
    const json_t *type;
    const char *text;

    if (json_get_obj(obj, name, &profile, err) < 0)
        return -1;
    *ret_confinement = CONFINEMENT_UNSET;
    if (!profile)
        return 0;
    type = json_member(profile, "type");
    if (type && !json_is_string(type)) {
        err_set(err, ERR_INVALID, "type: expected a string");
        return json_path_wrap(err, name);
    }
    text = type ? json_string_value(type) : "";
    *ret_confinement = strcmp(text, "RuntimeDefault") == 0 ? CONFINEMENT_RUNTIME_DEFAULT
                       : strcmp(text, "Localhost") == 0    ? CONFINEMENT_LOCALHOST
                       : strcmp(text, "Unconfined") == 0   ? CONFINEMENT_UNCONFINED
                                                           : CONFINEMENT_OTHER;
    return 0;
}

static int proc_mount_decode(const json_t *obj, uint8_t *ret_mount, struct err *err)
{
    const json_t *mount = json_member(obj, "procMount");
    const char *text = json_string_value(mount);

    if (mount && !text)
        return err_set(err, ERR_INVALID, "procMount: expected a string");
    *ret_mount = !mount                          ? PROC_MOUNT_UNSET
                 : strcmp(text, "Default") == 0  ? PROC_MOUNT_DEFAULT
                 : strcmp(text, "Unmasked") == 0 ? PROC_MOUNT_UNMASKED
                                                 : PROC_MOUNT_OTHER;
    return 0;
}

static int se_linux_text(const json_t *options, const char *name, struct arena *a,
                         const char **ret_text, struct err *err)
{
    if (json_get_str(options, name, POD_TEXT_MAX, a, ret_text, err) < 0)
        return -1;
    if (*ret_text && **ret_text == '\0')
        *ret_text = NULL;
    return 0;
}

static int se_linux_decode(const json_t *obj, struct arena *a, const struct se_linux **ret_options,
                           struct err *err)
{
    struct se_linux found = {0};
    const json_t *options;
    struct se_linux *kept;

    *ret_options = NULL;
    if (json_get_obj(obj, "seLinuxOptions", &options, err) < 0)
        return -1;
    if (!options)
        return 0;
    if (se_linux_text(options, "type", a, &found.type, err) < 0 ||
        se_linux_text(options, "user", a, &found.user, err) < 0 ||
        se_linux_text(options, "role", a, &found.role, err) < 0)
        return json_path_wrap(err, "seLinuxOptions");
    if (!found.type && !found.user && !found.role)
        return 0;
    kept = arena_alloc(a, sizeof(*kept));
    if (!kept)
        return err_nomem(err);
    *kept = found;
    *ret_options = kept;
    return 0;
}

static int drop_decode(const json_t *capabilities, struct security_context *c, struct err *err)
{
    const json_t *drop;

    if (json_get_arr(capabilities, "drop", CAPABILITIES_MAX, &drop, err) < 0)
        return -1;
    c->states_drop = drop;
    c->has_drop = json_array_size(drop) > 0;
    for (size_t i = 0; i < json_array_size(drop); i++) {
        const char *name = json_string_value(json_array_get(drop, i));

        if (!name) {
            err_set(err, ERR_INVALID, ": expected a string");
            return json_path_wrap_index(err, "drop", i);
        }
        if (strcmp(name, "ALL") == 0)
            c->drops_all = true;
        if (strcmp(name, "ALL") == 0 || strcmp(name, "NET_RAW") == 0)
            c->drops_net_raw = true;
    }
    return 0;
}

static int capabilities_decode(const json_t *obj, struct arena *a, struct security_context *c,
                               struct err *err)
{
    const json_t *capabilities;
    size_t add_count;

    if (json_get_obj(obj, "capabilities", &capabilities, err) < 0)
        return -1;
    c->has_capabilities = capabilities != NULL;
    if (json_get_strs(capabilities, "add", CAPABILITIES_MAX, POD_TEXT_MAX, a, &c->add, &add_count,
                      err) < 0 ||
        drop_decode(capabilities, c, err) < 0)
        return json_path_wrap(err, "capabilities");
    c->add_count = (uint16_t)add_count; /* CAPABILITIES_MAX at most */
    return 0;
}

static int host_process_decode(const json_t *obj, uint8_t *ret_stated, struct err *err)
{
    const json_t *options;

    if (json_get_obj(obj, "windowsOptions", &options, err) < 0)
        return -1;
    if (stated_decode(options, "hostProcess", ret_stated, err) < 0)
        return json_path_wrap(err, "windowsOptions");
    return 0;
}

static int members_decode(const json_t *obj, struct arena *a, struct security_context *c,
                          struct err *err)
{
    if (stated_decode(obj, "runAsNonRoot", &c->run_as_non_root, err) < 0 ||
        stated_decode(obj, "privileged", &c->privileged, err) < 0 ||
        stated_decode(obj, "allowPrivilegeEscalation", &c->allow_privilege_escalation, err) < 0 ||
        stated_decode(obj, "readOnlyRootFilesystem", &c->read_only_root_filesystem, err) < 0 ||
        host_process_decode(obj, &c->host_process, err) < 0 ||
        confinement_decode(obj, "seccompProfile", &c->seccomp, err) < 0 ||
        confinement_decode(obj, "appArmorProfile", &c->app_armor, err) < 0 ||
        proc_mount_decode(obj, &c->proc_mount, err) < 0 || ids_decode(obj, c, err) < 0 ||
        se_linux_decode(obj, a, &c->se_linux, err) < 0)
        return -1;
    return capabilities_decode(obj, a, c, err);
}

int security_context_decode(const json_t *obj, struct arena *a,
                            struct security_context *ret_context, struct err *err)
{
    struct security_context c = {0};
    const json_t *stated;

    if (json_get_obj(obj, "securityContext", &stated, err) < 0)
        return -1;
    c.is_stated = stated != NULL;
    if (members_decode(stated, a, &c, err) < 0)
        return json_path_wrap(err, "securityContext");
    *ret_context = c;
    return 0;
}

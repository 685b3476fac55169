#include "rampart/kube/decode.h"

#include <assert.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/network_plugin.h"

#define HOOK_PORT_DEFAULT 443 /* admissionregistration, apiregistration and apiextensions alike */

/* @config is a clientConfig, or the spec of an APIService. Counts one up when it names a Service.
 */
static int ref_decode(const json_t *config, const char *hook, struct arena *a,
                      struct hook_ref *refs, size_t *count, struct err *err)
{
    const json_t *service;
    struct hook_ref ref = {.hook = hook};
    int64_t port;

    if (json_get_obj(config, "service", &service, err) < 0)
        return -1;
    if (!service) /* a URL, or the API server itself */
        return 0;
    if (json_need_str(service, "namespace", NAME_LEN_MAX, a, &ref.ns, err) < 0 ||
        json_need_str(service, "name", NAME_LEN_MAX, a, &ref.service, err) < 0 ||
        json_get_int(service, "port", 1, UINT16_MAX, HOOK_PORT_DEFAULT, &port, err) < 0)
        return json_path_wrap(err, "service");
    ref.port = (uint16_t)port;
    refs[(*count)++] = ref;
    return 0;
}

static int webhook_decode(const json_t *webhook, struct arena *a, struct hook_ref *refs,
                          size_t *count, struct err *err)
{
    const json_t *config;
    const char *name;

    if (json_get_str(webhook, "name", NAME_LEN_MAX, a, &name, err) < 0 ||
        json_get_obj(webhook, "clientConfig", &config, err) < 0)
        return -1;
    if (ref_decode(config, name ? name : "", a, refs, count, err) < 0)
        return json_path_wrap(err, "clientConfig");
    return 0;
}

static int webhooks_decode(const json_t *root, struct arena *a, struct hook_facts *facts,
                           struct err *err)
{
    const json_t *webhooks;
    struct hook_ref *refs;

    if (json_get_arr(root, "webhooks", HOOK_REFS_MAX, &webhooks, err) < 0)
        return -1;
    if (json_array_size(webhooks) == 0)
        return 0;
    refs = arena_calloc(a, json_array_size(webhooks), sizeof(*refs));
    if (!refs)
        return err_nomem(err);
    for (size_t i = 0; i < json_array_size(webhooks); i++) {
        const json_t *webhook;

        if (element_obj(webhooks, i, "webhooks", &webhook, err) < 0)
            return -1;
        if (webhook_decode(webhook, a, refs, &facts->refs_count, err) < 0)
            return json_path_wrap_index(err, "webhooks", i);
    }
    facts->refs = refs;
    return 0;
}

static int api_service_decode(const json_t *root, struct arena *a, struct hook_facts *facts,
                              struct err *err)
{
    struct hook_ref *ref = arena_alloc(a, sizeof(*ref));
    const json_t *spec;

    if (!ref)
        return err_nomem(err);
    if (json_get_obj(root, "spec", &spec, err) < 0)
        return -1;
    if (ref_decode(spec, "", a, ref, &facts->refs_count, err) < 0)
        return json_path_wrap(err, "spec");
    facts->refs = ref;
    return 0;
}

static int conversion_decode(const json_t *conversion, struct arena *a, struct hook_facts *facts,
                             struct hook_ref *ref, struct err *err)
{
    const json_t *webhook;
    const json_t *config;
    const char *strategy;

    if (member_text(conversion, "strategy", &strategy, err) < 0 ||
        json_get_obj(conversion, "webhook", &webhook, err) < 0)
        return -1;
    if (!strategy || strcmp(strategy, "Webhook") != 0)
        return 0;
    if (json_get_obj(webhook, "clientConfig", &config, err) < 0)
        return json_path_wrap(err, "webhook");
    if (ref_decode(config, "", a, ref, &facts->refs_count, err) < 0)
        return json_path_wrap(err, "webhook.clientConfig");
    return 0;
}

static int crd_decode(const json_t *root, struct arena *a, struct hook_facts *facts,
                      struct err *err)
{
    struct hook_ref *ref = arena_alloc(a, sizeof(*ref));
    const json_t *spec;
    const json_t *conversion;

    if (!ref)
        return err_nomem(err);
    if (json_get_obj(root, "spec", &spec, err) < 0)
        return -1;
    if (json_get_obj(spec, "conversion", &conversion, err) < 0)
        return json_path_wrap(err, "spec");
    if (conversion_decode(conversion, a, facts, ref, err) < 0)
        return json_path_wrap(err, "spec.conversion");
    facts->refs = ref;
    return 0;
}

static int refs_decode(enum kind kind, const json_t *root, struct arena *a,
                       struct hook_facts *facts, struct err *err)
{
    if (kind == KIND_API_SERVICE)
        return api_service_decode(root, a, facts, err);
    if (kind == KIND_CRD)
        return crd_decode(root, a, facts, err);
    assert(kind == KIND_VALIDATING_WEBHOOK || kind == KIND_MUTATING_WEBHOOK);
    return webhooks_decode(root, a, facts, err);
}

int hook_decode(enum kind kind, const json_t *root, struct arena *a, enum decode_result *ret_result,
                struct object **ret_object, struct err *err)
{
    struct hook_facts *facts = arena_alloc(a, sizeof(*facts));

    if (!facts)
        return err_nomem(err);
    if (meta_decode(kind, root, a, &facts->object, err) < 0 ||
        refs_decode(kind, root, a, facts, err) < 0)
        return -1;
    if (facts->refs_count > 0 || (kind == KIND_CRD && network_plugin_of(facts->object.name))) {
        *ret_result = DECODE_KEEP;
        *ret_object = &facts->object;
    } else {
        *ret_result = DECODE_SKIP;
        *ret_object = NULL;
    }
    return 0;
}

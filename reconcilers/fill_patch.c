#include "fill_parts.h"
#include "rampart/reconcilers/policy_spec.h"

int fill_key(const struct workload_facts *w, const struct fill *fill, struct arena *a,
             const char **ret_key, struct err *err)
{
    AUTO_STRBUF text;
    struct json_build j;
    const char *key;
    char hash[17];

    strbuf_init(&text, FILL_TEXT_LEN_MAX);
    json_build_init(&j, &text);
    json_open_obj(&j, NULL);
    if (fill->leaves_count > 0)
        fill_parts_write(&j, w, fill, NULL, false);
    json_close_obj(&j);
    if (strbuf_check(&text, "fill", err) < 0)
        return -1;
    policy_spec_hash(text.text, hash);
    key = arena_printf(a, "%.*s.%s", FILL_KEY_LEN_MAX - 17, w->template_digest, hash);
    if (!key)
        return err_nomem(err);
    *ret_key = key;
    return 0;
}

int fill_patch(const struct workload_facts *w, const struct fill *fill, const char *key,
               const char *mark, struct arena *a, const char **ret_patch, struct err *err)
{
    AUTO_STRBUF text;
    struct json_build j;

    strbuf_init(&text, FILL_TEXT_LEN_MAX);
    json_build_init(&j, &text);
    json_open_obj(&j, NULL);
    json_open_obj(&j, "metadata");
    json_add_str(&j, "uid", w->object.uid);
    json_add_str(&j, "resourceVersion", w->object.rv);
    json_open_obj(&j, "annotations");
    json_add_str(&j, ANNOTATION_ROLLOUT, mark);
    json_close_obj(&j);
    json_close_obj(&j);
    if (fill->leaves_count > 0)
        fill_parts_write(&j, w, fill, key, true);
    json_close_obj(&j);
    return fill_text_keep(&text, "patch", a, ret_patch, err);
}

#include "rampart/kube/path.h"

#include <assert.h>
#include <string.h>

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/*
 * An empty segment would turn the deletion of one object into that of its collection, and dots walk
 * up. Decoded names are neither (kube/decode.h): such a segment here is a mistake of ours.
 */
static void add_segment(struct strbuf *out, const char *text)
{
    assert(*text != '\0' && strcmp(text, ".") != 0 && strcmp(text, "..") != 0);
    strbuf_addc(out, '/');
    path_escape(out, text);
}

static void add_param(struct strbuf *out, char *separator, const char *name, const char *value)
{
    if (!value)
        return;
    strbuf_addc(out, *separator);
    strbuf_adds(out, name);
    strbuf_addc(out, '=');
    path_escape(out, value);
    *separator = '&';
}

static void add_number(struct strbuf *out, char *separator, const char *name, uint32_t number)
{
    if (number == 0)
        return;
    strbuf_addf(out, "%c%s=%u", *separator, name, (unsigned)number);
    *separator = '&';
}

static void add_query(struct strbuf *out, const struct path_query *query)
{
    char separator = '?';

    add_param(out, &separator, "watch", query->is_watch ? "true" : NULL);
    add_param(out, &separator, "allowWatchBookmarks", query->has_bookmarks ? "true" : NULL);
    add_param(out, &separator, "sendInitialEvents", query->sends_initial_events ? "true" : NULL);
    add_param(out, &separator, "resourceVersionMatch", query->resource_version_match);
    add_param(out, &separator, "resourceVersion", query->resource_version);
    add_number(out, &separator, "timeoutSeconds", query->timeout_s);
    add_number(out, &separator, "limit", query->limit);
    add_param(out, &separator, "continue", query->continue_token);
    add_param(out, &separator, "fieldManager", query->field_manager);
    add_param(out, &separator, "dryRun", query->is_dry_run ? "All" : NULL);
    add_param(out, &separator, "labelSelector", query->label_selector);
}

void path_build(struct strbuf *out, enum kind kind, const char *ns, const char *name,
                const char *subresource, const struct path_query *query)
{
    const struct resource *resource = resource_of(kind);

    assert(!subresource || name);
    assert(!name || !resource->is_namespaced || ns); /* one object of a namespaced kind has one */
    if (*resource->group == '\0')
        strbuf_addf(out, "/api/%s", resource->version);
    else
        strbuf_addf(out, "/apis/%s/%s", resource->group, resource->version);
    if (resource->is_namespaced && ns) {
        strbuf_adds(out, "/namespaces");
        add_segment(out, ns);
    }
    add_segment(out, resource->plural);
    if (name)
        add_segment(out, name);
    if (subresource)
        add_segment(out, subresource);
    if (query)
        add_query(out, query);
}

void path_escape(struct strbuf *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;

        if (is_unreserved(*text)) {
            strbuf_addc(out, *text);
        } else {
            strbuf_addc(out, '%');
            strbuf_addc(out, hex[byte >> 4]);
            strbuf_addc(out, hex[byte & 15]);
        }
    }
}

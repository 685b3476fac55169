#include "support/api_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

const char *api_text(const char *fmt, ...)
{
    static char *kept[API_TEXTS_KEPT];
    static unsigned next;
    va_list args;
    char *text;
    int len;

    va_start(args, fmt);
    len = vasprintf(&text, fmt, args);
    va_end(args);
    assert_true(len >= 0);
    next = (next + 1) % API_TEXTS_KEPT;
    free(kept[next]);
    kept[next] = text;
    return text;
}

const char *api_item(const char *ns, const char *name, unsigned rv)
{
    return api_text("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"u-%s\","
                    "\"resourceVersion\":\"%u\",\"labels\":{\"quoted\":\"a \\\"}\\\" b\"}},"
                    "\"spec\":{\"podSelector\":{}}}",
                    name, ns, name, rv);
}

const char *api_event(const char *type, const char *ns, const char *name, unsigned rv)
{
    return api_text("{\"type\":\"%s\",\"object\":{\"kind\":\"NetworkPolicy\","
                    "\"apiVersion\":\"networking.k8s.io/v1\",%s}\n",
                    type, api_item(ns, name, rv) + 1);
}

const char *api_bookmark(unsigned rv, const char *annotations)
{
    return api_text("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"NetworkPolicy\","
                    "\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":{"
                    "\"resourceVersion\":\"%u\",\"creationTimestamp\":null%s%s},"
                    "\"spec\":{\"podSelector\":{}}}}\n",
                    rv, annotations ? ",\"annotations\":" : "", annotations ? annotations : "");
}

const char *api_initial_end(unsigned rv)
{
    return api_bookmark(rv, "{\"k8s.io/initial-events-end\":\"true\"}");
}

const char *api_error(const char *status)
{
    return api_text("{\"type\":\"ERROR\",\"object\":%s}\n", status);
}

const char *api_list(const char *items, unsigned rv, const char *token)
{
    return api_text("{\"kind\":\"NetworkPolicyList\",\"apiVersion\":\"networking.k8s.io/v1\","
                    "\"metadata\":{\"resourceVersion\":\"%u\"%s%s%s},\"items\":[%s]}\n",
                    rv, token ? ",\"continue\":\"" : "", token ? token : "", token ? "\"" : "",
                    items);
}

#include "rampart/kube/secret_name.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *const words[] = {
    "PASSWORD", "PASSWD",     "SECRET",      "TOKEN",      "API_KEY",
    "APIKEY",   "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL",
};

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcasecmp(text + len - end_len, end) == 0;
}

/* DB_PASSWORD holds a password, DB_PASSWORD_FILE says where one is. */
bool secret_name_is(const char *name)
{
    if (ends_in(name, "_FILE") || ends_in(name, "_PATH") || ends_in(name, "_DIR"))
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcasestr(name, words[i]))
            return true;
    }
    return false;
}

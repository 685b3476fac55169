/*
 * Credentials in a ConfigMap, told by what stands around them: a private key by its first line, a
 * password in a URL by its place, everything else by the name of the key or, within a file, by the
 * name before "=" or ":". Values are looked at and never kept.
 *
 * Pure. A secret under a harmless name is not found, nor one in binaryData.
 */
#ifndef RAMPART_KUBE_CREDENTIALS_H
#define RAMPART_KUBE_CREDENTIALS_H

#include <jansson.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"

#define CREDENTIAL_NAME_MAX 64 /* bytes of a name within a file; a longer one is none */

struct credentials {
    size_t keys_count; /* of data, under which one stands */
    const char *key;   /* the first of them; arena; NULL: none */
    /* "a private key", "a password in a URL", "a value by its name", "a value of db.password". */
    const char *what;
};

/*
 * @data: member data of a ConfigMap, NULL when absent. A text is taken for no credential when it is
 * empty, a number, true or false, a path or a placeholder (${X}, $(X), {{ x }}, <x>), and a name
 * for none when it says where one is (tokenUrl, secretName, password_file). Time is linear in the
 * bytes. Errors: ERR_INVALID (no object of strings), ERR_NOMEM.
 */
MUST_CHECK int credentials_find(const json_t *data, struct arena *a, struct credentials *ret_found,
                                struct err *err);

#endif

/* SecurityProfiles of a YAML or JSON file, as `rampart plan -f` wants them. */
#ifndef RAMPART_CLI_PROFILE_FILE_H
#define RAMPART_CLI_PROFILE_FILE_H

#include <stddef.h>

#include "rampart/kube/profile.h"

#define PROFILE_FILE_PROFILES_MAX 256 /* of all files together */

struct profile_list {
    const struct profile *items[PROFILE_FILE_PROFILES_MAX]; /* in the arena of the call */
    size_t count;
};

/*
 * Adds the profiles of @path ("-": standard input) to @list. Documents of other kinds are skipped
 * with a note on stderr. Each that is not valid is named on stderr with file, line and field.
 * Errors: ERR_INVALID (no YAML, an invalid profile, two of one name, none at all), ERR_NOT_FOUND,
 * ERR_IO, ERR_LIMIT, ERR_NOMEM.
 */
MUST_CHECK int profile_file_read(const char *path, struct arena *a, struct profile_list *list,
                                 struct err *err);

#endif

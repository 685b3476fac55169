/*
 * Whether a name says that what it stands for is secret: "DB_PASSWORD", "apiKey", "token". Case
 * does not count. Pure.
 */
#ifndef RAMPART_KUBE_SECRET_NAME_H
#define RAMPART_KUBE_SECRET_NAME_H

#include <stdbool.h>

/* Not of "DB_PASSWORD_FILE", "_PATH" and "_DIR", which say where one is. */
bool secret_name_is(const char *name);

#endif

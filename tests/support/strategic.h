/*
 * What the API server makes of a strategic merge patch of a workload, as far as Rampart's own go:
 * lists of containers are merged by name in the order that the patch states, null removes, and
 * managedFields tell whose is what. e2e/fills holds the same patches against a real one.
 */
#ifndef TESTS_SUPPORT_STRATEGIC_H
#define TESTS_SUPPORT_STRATEGIC_H

#include <jansson.h>
#include <stdint.h>

/* @workload is changed in place: with its template, metadata.generation goes up. */
void strategic_apply(json_t *workload, const json_t *patch, const char *manager);
/* Somebody else replaces the template (and takes its fields over), at @time. Borrows @template. */
void strategic_replace(json_t *workload, const json_t *template, const char *manager,
                       const char *time);
/* Spec that has the member "template"; borrowed. */
json_t *strategic_parent(const json_t *workload);

#endif

/*
 * What an API server would send of NetworkPolicies, as text. Borrowed: the last API_TEXTS_KEPT
 * results stand, older ones are gone.
 */
#ifndef TESTS_SUPPORT_API_TEXT_H
#define TESTS_SUPPORT_API_TEXT_H

#define API_TEXTS_KEPT 16

/* Any text that is kept like the others. */
const char *api_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An element of a list: built-in kinds do not state their kind there. uid is "u-<name>". */
const char *api_item(const char *ns, const char *name, unsigned rv);
/* A watch event with its newline. */
const char *api_event(const char *type, const char *ns, const char *name, unsigned rv);
/* @annotations: a JSON object, or NULL for none. */
const char *api_bookmark(unsigned rv, const char *annotations);
const char *api_initial_end(unsigned rv);
/* An ERROR event; @status as fake_status() writes it. */
const char *api_error(const char *status);
/* @items: elements separated by commas; @token NULL: the last page. */
const char *api_list(const char *items, unsigned rv, const char *token);

#endif

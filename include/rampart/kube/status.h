/* metav1.Status and HTTP status lines as errors. Pure. */
#ifndef RAMPART_KUBE_STATUS_H
#define RAMPART_KUBE_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "rampart/base/err.h"

/*
 * Turns an answer that is not 2xx into an err: the code from status, reason and causes (a 504 with
 * cause ResourceVersionTooLarge, a 403 with cause NamespaceTerminating, a 409 AlreadyExists against
 * a Conflict, a 422 whose cause is the uid precondition), the message from the Status, or a few
 * clean words of a body that is no Status (an HTML page of a proxy). @retry_after: the header's
 * value or NULL; a number of seconds or garbage (ignored); capped. Returns -1 always, like
 * err_set().
 */
int status_to_err(int http_status, const char *retry_after, const char *body, size_t body_len,
                  struct err *err);

/* The same for the object of a watch event of type ERROR; its code stands for the HTTP status. Out
 * of memory is ERR_NOMEM: nothing else would say what the server said. */
int status_event_to_err(const char *object_json, size_t len, struct err *err);

#endif

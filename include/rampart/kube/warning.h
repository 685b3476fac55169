/* The Warning headers with which the API server tells what it would not refuse (KEP-1693). Pure. */
#ifndef RAMPART_KUBE_WARNING_H
#define RAMPART_KUBE_WARNING_H

#include "rampart/base/strbuf.h"

/*
 * Adds the texts of header values, one a line, to @out: `299 - "one", 299 - "two"` gives
 * "one; two". What cannot be read is added as it is, for a warning is never lost; control
 * characters become spaces. What does not fit into @out->len_max is left out.
 */
void warning_texts(const char *values, struct strbuf *out);

#endif

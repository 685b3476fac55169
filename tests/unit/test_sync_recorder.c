/* Events: equal findings become one, everything is bounded, and what the server says is taken at its word. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/sync/recorder.h"
#include "support/fake_transport.h"
#include "support/sweep.h"
#include "support/text.h"

#define WALL_MS INT64_C(1795475820000) /* 2026-11-23T23:17:00Z at monotonic 0 */
#define MINUTE_MS (60 * 1000)

static const struct object_ref policy = {
    .kind = KIND_NETWORK_POLICY, .ns = "shop", .name = "rampart-deny", .uid = "u-1"};
static const struct object_ref profile = {
    .kind = KIND_PROFILE, .ns = "", .name = "restricted", .uid = "u-2"};

static const struct finding edited = {.reason = REASON_POLICY_EDITED,
                                      .message = "the policy was edited by kubectl"};

struct fixture {
    struct fake_transport *fake;
    struct recorder *recorder;
    struct log log;
    char logged[16384];
};

static void keep_line(void *ctx, const char *line, size_t len)
{
    struct fixture *f = ctx;
    size_t used = strlen(f->logged);

    assert_true(used + len < sizeof(f->logged));
    memcpy(f->logged + used, line, len);
    f->logged[used + len] = '\0';
}

static int64_t no_clock(void *ctx)
{
    (void)ctx;
    return WALL_MS;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->log = (struct log){.sink = keep_line, .clock = no_clock, .ctx = f};
    f->fake = fake_transport_new();
    f->recorder = recorder_new(fake_transport_of(f->fake), &f->log, "rampart-0", 7, NULL);
    assert_non_null(f->recorder);
    *state = f;
    return 0;
}

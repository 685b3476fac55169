/*
 * Hardening of one workload: what is filled into its pod template, how that is proven, and how it
 * is taken back when its profile goes. Pure; the answers to harden_ops (kube/harden.h), but for the
 * evidence.
 *
 * - A profile fills in where its workloads section decides for the namespace and is in Enforce.
 *   With onDelete: Remove it begins once its finalizer is on, which keeps the promise to take back.
 * - What a SecurityException exempts a workload from is not filled in while it holds. A rule that
 *   the profile switches off changes nothing: spec.workloads.fill alone says what is filled in.
 * - In Audit and Off, and where no profile decides, what is filled in stays. What has begun comes
 *   to its end all the same: a proof, and the taking back of a fill that did not come back.
 * - A profile that says onDelete: Remove and is being deleted, or is in Enforce and no longer
 *   selects the namespace, takes back what carries its name, in turns, for that restarts pods.
 *   Where another profile in Enforce decides meanwhile, the fill stays: it is that profile's from
 *   then on. Marks that only say why nothing was filled in go as well.
 * - What cannot be taken back, since managedFields no longer tell it apart, is marked as such and
 *   said; it holds no profile up.
 */
#ifndef RAMPART_RECONCILERS_HARDEN_H
#define RAMPART_RECONCILERS_HARDEN_H

#include "rampart/kube/reconciler.h"

#define HARDEN_RULE "hardening" /* of its findings */
#define HARDEN_BEHIND_LOOK_S 2  /* the live object is not the one of the caches: asked again */
/* A mark that is older was said by the process that wrote it, or by one that began soon after. Of a
 * younger one its Event is sent again, under its name: the API server knows whether it was told. */
#define HARDEN_SAID_S 600

/* See struct harden_ops. */
MUST_CHECK int harden_step(const struct view *v, const struct harden_input *in, struct plan *plan,
                           struct harden_step *ret_step, struct err *err);
MUST_CHECK int harden_turns(const struct view *v, const char *profile, bool was_paused,
                            struct harden_item *items, size_t count, struct arena *a,
                            struct harden_turns *ret_turns, struct err *err);
/* See reconciler_ops.map. A change of a workload that no step would ask for marks nothing. */
void harden_map(const struct view *v, const struct object *before, const struct object *after,
                const struct dirty *dirty);

#endif

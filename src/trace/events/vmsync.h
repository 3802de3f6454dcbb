/* SPDX-License-Identifier: MIT */
/*
 * trace/events/vmsync.h: hypercalls by which clocks are compared; see trace/events.h for what the columns mean.
 *
 * They come from modules that are loaded into the guest and its host for that purpose. gh_guest is recorded before the hypercall, gh_host when the host gets it;
 * hg_host before the host goes back to the guest, hg_guest in the guest thereafter. `cnt` is the same in both, `vm_uid` is the guest's.
 */
#ifndef STRATA_TRACE_EVENTS_VMSYNC_H
#define STRATA_TRACE_EVENTS_VMSYNC_H

/* clang-format off */
#define TRACE_EVENTS_VMSYNC(E, F) \
	E(VMSYNC_GH_GUEST, "vmsync", "vmsync_gh_guest") \
	F(VMSYNC_GH_GUEST, COUNT, 0, "cnt") \
	F(VMSYNC_GH_GUEST, UID,   1, "vm_uid") \
	E(VMSYNC_GH_HOST, "vmsync", "vmsync_gh_host") \
	F(VMSYNC_GH_HOST, COUNT, 0, "cnt") \
	F(VMSYNC_GH_HOST, UID,   1, "vm_uid") \
	E(VMSYNC_HG_HOST, "vmsync", "vmsync_hg_host") \
	F(VMSYNC_HG_HOST, COUNT, 0, "cnt") \
	F(VMSYNC_HG_HOST, UID,   1, "vm_uid") \
	E(VMSYNC_HG_GUEST, "vmsync", "vmsync_hg_guest") \
	F(VMSYNC_HG_GUEST, COUNT, 0, "cnt") \
	F(VMSYNC_HG_GUEST, UID,   1, "vm_uid")
/* clang-format on */

#endif

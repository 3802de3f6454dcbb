/* SPDX-License-Identifier: MIT */
/* analysis/packets.h: packets from one machine to another, or to itself (loopback), as what leads from a thread to a processor. */
#ifndef STRATA_ANALYSIS_PACKETS_H
#define STRATA_ANALYSIS_PACKETS_H

#include "analysis/query.h"
#include "kernel/net.h"

typedef struct {
	const AnalysisStoreTrace *from, *to;
	guint32 thread;      /* serial of who sent it, or the data that the kernel sent again; G_MAXUINT32: nobody (an acknowledgement), or not known */
	guint32 from_row;    /* that thread's, else that of the processor from which it was sent; HISTORY_NO_ROW: it has none */
	guint32 to_row;      /* of the processor on which it arrived */
	gint64 sent_ns;      /* in the clock of `from` */
	gint64 given_ns;     /* likewise: when the thread gave the kernel data of that connection last; sent_ns if it was sent right then */
	gint64 came_ns;      /* in the clock of `to` */
	gint32 sent_cpu;     /* of `from` */
	const KernelPacket *is; /* as it arrived */
	guint64 flow;        /* kernel_packet_flow() */
} AnalysisPacket;

typedef struct AnalysisPackets AnalysisPackets;

/* Those whose sender was traced too. */
AnalysisPackets *analysis_packets_new(const AnalysisStore *s);
void analysis_packets_free(AnalysisPackets *p); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisPackets, analysis_packets_free)

/* By machine, then processor, then time of arrival. */
guint analysis_packets_len(const AnalysisPackets *p);
const AnalysisPacket *analysis_packets_get(const AnalysisPackets *p, guint i);

/* The last one that arrived on a processor (its row) of a machine from `begin_ns` to `end_ns`, both included; NULL: none. */
const AnalysisPacket *analysis_packets_last(const AnalysisPackets *p, const AnalysisStoreTrace *to, guint32 row, gint64 begin_ns, gint64 end_ns);

/* The packet where a machine handed it on to its way's last interface: a host to the guest's. NULL: that was not seen. */
const KernelPacket *analysis_packets_on(const AnalysisPackets *p, const AnalysisPacket *packet, const AnalysisStoreTrace *machine);

#endif

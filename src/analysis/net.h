/* SPDX-License-Identifier: MIT */
/* analysis/net.h: what the views of the network share. */
#ifndef STRATA_ANALYSIS_NET_H
#define STRATA_ANALYSIS_NET_H

#include "analysis/query.h"
#include "kernel/net.h"

typedef struct {
	const AnalysisQuery *q;
	const AnalysisStoreTrace *t;
	AnalysisFilter *filter; /* to be freed by who called analysis_net_scan() */
	guint interfaces, packets, connections, drops;
} AnalysisNetScan;

/* FALSE: nothing is asked of this trace, or it has nothing. */
gboolean analysis_net_scan(AnalysisNetScan *s, const AnalysisQuery *q, const AnalysisStoreTrace *t);

/* NULL: none. */
const KernelConnection *analysis_net_connection(const AnalysisNetScan *s, guint32 i);

/* An interface's name; "?" if it isn't known. */
const char *analysis_net_interface(const AnalysisNetScan *s, guint16 i);

/* TRUE if it is asked for what happened to the packet at that time. Its thread is who sent it, or else whose its connection is. */
gboolean analysis_net_fits(const AnalysisNetScan *s, const KernelPacket *p, gint64 time);

/* "10.0.0.1:80", "[fe80::1]:80", "10.0.0.1". The caller frees. */
char *analysis_net_endpoint(const KernelConnection *k, guint side);

/* Packets, those whose round trips took longest first. */
View *analysis_net_log(const AnalysisStore *store, const AnalysisQuery *q);
/* The first data of servers after their clients' data, the slowest first. */
View *analysis_connections_log(const AnalysisStore *store, const AnalysisQuery *q);

/* Interfaces with their services; connections. */
View *analysis_net(const AnalysisStore *store, const AnalysisQuery *q, GError **error);
View *analysis_connections(const AnalysisStore *store, const AnalysisQuery *q, GError **error);

#endif

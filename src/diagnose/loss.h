/* SPDX-License-Identifier: MIT */
/* diagnose/loss.h: what is in a DiagnoseLoss; for finding.c. */
#ifndef STRATA_DIAGNOSE_LOSS_H
#define STRATA_DIAGNOSE_LOSS_H

#include "diagnose/private.h"

typedef struct {
	gint64 begin, end;
	guint32 row;
	const char *state;
} DiagnoseWorst;

struct DiagnoseLoss {
	const AnalysisStoreTrace *trace;
	gint64 ns, begin, width;
	gint64 *bins;     /* lost within equal parts of the trace's time; NULL: nothing was */
	GArray *worst;    /* DiagnoseWorst: the longest ones */
};

/* Lost in the part of that length (ns) that lost most (at least a 2048th of the trace), as a share of it. */
double diagnose_loss_peak(const DiagnoseLoss *l, gint64 ns);

/* DiagnoseRange and DiagnoseEvidence, in the root's clock. */
GArray *diagnose_loss_ranges(const DiagnoseLoss *l);
GArray *diagnose_loss_evidence(const DiagnoseLoss *l);

#endif

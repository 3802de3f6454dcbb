/* SPDX-License-Identifier: MIT */
/* analysis/critical_device.h: what people call the devices that segments of a path waited for. */
#ifndef STRATA_ANALYSIS_CRITICAL_DEVICE_H
#define STRATA_ANALYSIS_CRITICAL_DEVICE_H

#include "analysis/query.h"
#include "graph/graph.h"

/* "vdc, which fio 204 keeps busy", "queue of tap11", "KVM exit MSR": of a segment with a device. The caller frees. */
char *critical_device_text(const AnalysisStoreTrace *t, const GraphSegment *s);

#endif

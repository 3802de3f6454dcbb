/* SPDX-License-Identifier: MIT */
/*
 * export/export.h: what was found out, in the formats of other programs.
 *
 *   perfetto  one file for ui.perfetto.dev and trace_processor: a Perfetto trace (protobuf), made of tracks. Rows of histories are tracks of slices, in groups: machine > VM > vCPU,
 *             machine > processors, machine > processes > threads, machine > disks, ...; what leads from one row to another is a flow between two instants; requests are
 *             slices on lanes of their service; disks and services have a counter of what is open; findings are slices on tracks of their own.
 *   csv       a directory with a file for each table, states.csv with all intervals among them.
 *
 * Both are written as they are found: memory does not grow with the number of intervals. Times are ns in the root's clock, exactly as `strata states` has them.
 */
#ifndef STRATA_EXPORT_EXPORT_H
#define STRATA_EXPORT_EXPORT_H

#include "diagnose/diagnose.h"

/* Hard maxima. What is beyond them is left out, and counted as `left_out`. */
#define EXPORT_NAMES_MAX    (1u << 18) /* names that are kept to be written once; others are written each time */
#define EXPORT_LANES_MAX    256        /* requests of a service that are open at a time */
#define EXPORT_REQUESTS_MAX (1u << 22) /* requests of a machine */
#define EXPORT_CHANGES_MAX  (1u << 23) /* changes of one counter */

/* From this size on a browser may not have the memory to open it. */
#define EXPORT_LARGE_BYTES (300ull << 20)

typedef struct {
	guint64 bytes, tracks, slices, edges, requests, counts, markers, left_out;
} ExportSummary;

/*
 * `d` is of the same store and range as `q`; `q` filters machines, rows, threads and processors as it does for `strata states`. What leads to or from a row that is left out is left out, too. Errors:
 * ST_ERROR_IO; if it is a regular file it is removed then.
 */
gboolean export_perfetto(const AnalysisStore *s, const AnalysisQuery *q, const Diagnose *d, const char *path, ExportSummary *out, GError **error);

#define EXPORT_NOT_COUNTED G_MAXUINT64

typedef void (*ExportWrittenFunc)(gpointer user, const char *path, guint64 bytes, guint64 rows);

/*
 * All tables that need no further question (analysis/registry.h), findings.csv, vms.csv, vcpus.csv, levels.csv of `a`, and states.csv, into a directory that is made if need be; files of these names are replaced. `written` is told of each. Errors:
 * ST_ERROR_IO, and what the tables complain of.
 */
gboolean export_csv(const AnalysisStore *s, const AnalysisQuery *q, const Analysis *a, const Diagnose *d, const char *path, ExportWrittenFunc written,
		    gpointer user, GError **error);

#endif

/* SPDX-License-Identifier: MIT */
/* analysis/files.h: questions about system calls, files and futexes (kernel/syscalls.h, files.h, futex.h). */
#ifndef STRATA_ANALYSIS_FILES_H
#define STRATA_ANALYSIS_FILES_H

#include "analysis/query.h"

/* System calls by name: how many, how long, which errors. Log: the slowest ones, with their arguments. */
View *analysis_syscalls(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Files, sockets, pipes: what was read from them and written to them, by whom, how long that took. Log: the slowest operations. */
View *analysis_files(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Futexes by process and address: who waited how long for them, and who woke. Log: the longest waits. */
View *analysis_futexes(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

#endif

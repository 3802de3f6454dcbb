/* SPDX-License-Identifier: MIT */
/* analysis/commands.h: the questions to a store, each a command of its own; see analysis/query.h. */
#ifndef STRATA_ANALYSIS_COMMANDS_H
#define STRATA_ANALYSIS_COMMANDS_H

#include "analysis/query.h"

/* Threads, and where their time went; --log: the longest waits of woken threads for a processor. */
View *analysis_threads(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* The same, added up for each process. */
View *analysis_processes(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Processors, and what they did; --log: the longest times for which they did one thing. */
View *analysis_cpus(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Levels: who really ran on the physical processors (query->by: machine, cpu), and what became of threads (thread, process, container). */
View *analysis_layers(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* How the machines' clocks were aligned, and who runs in whom. */
gboolean analysis_sync(const AnalysisStore *s, const AnalysisQuery *q, ViewFormat format, FILE *out, GError **error);

/* Waits: why vCPUs were asleep; log: the longest ones, and the evidence. */
View *analysis_waits(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* The critical path of a thread (query->threads), through all that it waited for: what it is made of; log: piece by piece. */
View *analysis_critical_path(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Edges: wakeups within machines, interrupts and disk requests from one level to another. */
View *analysis_edges(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* The intervals of rows, written as they are found. */
gboolean analysis_states(const AnalysisStore *s, const AnalysisQuery *q, ViewFormat format, FILE *out, GError **error);

/* Events of user space traces by thread; memory and mutexes of the wrappers' events. */
View *analysis_user(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Spans: pieces of work from one event to another, and what the kernel's trace says of the time in them. */
View *analysis_spans(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Containers: processor time, waits for a processor, throttling, blocked time by reason. */
View *analysis_containers(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Block devices: their requests, whose they were, and who was blocked by them. */
View *analysis_disk(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* System calls by name: how many, how long, which errors. Log: the slowest ones, with their arguments. */
View *analysis_syscalls(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Files, sockets, pipes: what was read from them and written to them, by whom, how long that took. Log: the slowest operations. */
View *analysis_files(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Futexes by process and address: who waited how long for them, and who woke. Log: the longest waits. */
View *analysis_futexes(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Page faults of each process, and what memory it got and gave back. */
View *analysis_memory(const AnalysisStore *s, const AnalysisQuery *q, GError **error);
/* Hardware counters by thread, process, processor, VM, container or state (query->by), and their ratios. */
View *analysis_counters(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* Processes of VMs without a trace, told apart by their page tables (query->by: process, vcpu). */
View *analysis_guests(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* What VMs asked of their host: calls of their user parts on disk images, block requests, packets of taps. Log: the longest ones. */
View *analysis_vmio(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* VM exits by reason, by what they were for, by the guest's mode or code, or by vCPU (query->by). Log: the longest ones. */
View *analysis_exits_by(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* What was taken from each vCPU, by whom, and what its guest can't see of it (query->by). Log: the longest waits for a processor. */
View *analysis_steal(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* VMs in VMs: the time of vCPUs and of what they run for nested VMs, by level, and which level kept those from running (query->by). */
View *analysis_nested(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

#endif

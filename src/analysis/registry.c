/* SPDX-License-Identifier: MIT */
/* All questions to the histories, in the order of `strata --help`: a new one is a line here. */
#include "analysis/registry.h"

#include <string.h>

#include "analysis/commands.h"
#include "analysis/irqs.h"
#include "analysis/net.h"
#include "analysis/requests.h"

/* clang-format off */
static const AnalysisQuestion questions[] = {
	{"exits", "VM exits by vCPU, level and reason: how many, how long, and what that time was; what they were for", ANALYSIS_NO_LAYERS | ANALYSIS_TAKES_SORT | ANALYSIS_TAKES_EVERY | ANALYSIS_TAKES_HISTOGRAM | ANALYSIS_TAKES_LOG | ANALYSIS_TAKES_BY, analysis_exits_by, NULL},
	{"vmio", "What each VM asked of the host: disk and network requests, with their latency", ANALYSIS_NO_LAYERS | (ANALYSIS_TAKES_ALL & ~ANALYSIS_TAKES_CPU), analysis_vmio, NULL},
	{"guests", "Processes of VMs without a trace, told apart by their page tables", ANALYSIS_NO_LAYERS | ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_SORT | ANALYSIS_TAKES_EVERY | ANALYSIS_TAKES_BY, analysis_guests, NULL},
	{"steal", "Time that was taken from each vCPU, by whom, and what its guest can't see of it", (ANALYSIS_TAKES_ALL & ~ANALYSIS_TAKES_CPU) | ANALYSIS_TAKES_BY, analysis_steal, NULL},
	{"nested", "Nested VMs: time in each level, and which level starved them", ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_SORT | ANALYSIS_TAKES_EVERY | ANALYSIS_TAKES_BY, analysis_nested, NULL},
	{"threads", "Threads: where their time went, and how long they waited for a processor", ANALYSIS_ONLY_THREAD_ROWS | ANALYSIS_TAKES_ALL, analysis_threads, NULL},
	{"processes", "The same for processes", ANALYSIS_ONLY_THREAD_ROWS | (ANALYSIS_TAKES_ALL & ~(ANALYSIS_TAKES_CPU | ANALYSIS_TAKES_LOG)), analysis_processes, NULL},
	{"cpus", "Processors: what they did", ANALYSIS_ONLY_CPU_ROWS | (ANALYSIS_TAKES_ALL & ~(ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_HISTOGRAM)), analysis_cpus, NULL},
	{"layers", "Levels: who really ran on the physical processors, and what became of guests' threads", ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_SORT | ANALYSIS_TAKES_CPU | ANALYSIS_TAKES_EVERY | ANALYSIS_TAKES_BY, analysis_layers, NULL},
	{"waits", "Why vCPUs were asleep: timer, disk, network, another vCPU, ..., from the host alone", ANALYSIS_NO_LAYERS | (ANALYSIS_TAKES_ALL & ~ANALYSIS_TAKES_CPU), analysis_waits, NULL},
	{"sync", "Clocks: which machine runs in which VM, and how far their clocks are apart, with error bounds", ANALYSIS_NO_LAYERS, NULL, analysis_sync},
	{"critical-path", "What made a thread's time as long as it was: the chain of work and waits", ANALYSIS_ONLY_THREAD_ROWS | ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_SORT | ANALYSIS_TAKES_LOG | ANALYSIS_TAKES_BY | ANALYSIS_NEEDS_THREAD, analysis_critical_path, NULL},
	{"syscalls", "System calls: how many, how long, which errors; the slowest", ANALYSIS_NO_LAYERS | ANALYSIS_TAKES_ALL, analysis_syscalls, NULL},
	{"files", "Files, sockets and pipes: what was read and written, by whom, how long it took", ANALYSIS_NO_LAYERS | ANALYSIS_TAKES_ALL, analysis_files, NULL},
	{"futexes", "Locks in user space: who waited how long, and for whom", ANALYSIS_NO_LAYERS | ANALYSIS_TAKES_ALL, analysis_futexes, NULL},
	{"disk", "Block devices: requests, their time in queue and driver, whose they were, who waited", ANALYSIS_NO_LAYERS | (ANALYSIS_TAKES_ALL & ~ANALYSIS_TAKES_CPU), analysis_disk, NULL},
	{"net", "Network interfaces and the services over them: traffic, drops, retransmissions, round trips", ANALYSIS_NO_LAYERS | (ANALYSIS_TAKES_ALL & ~ANALYSIS_TAKES_HISTOGRAM), analysis_net, NULL},
	{"connections", "Connections: traffic each way, retransmissions, round trips, answers", ANALYSIS_NO_LAYERS | (ANALYSIS_TAKES_ALL & ~ANALYSIS_TAKES_HISTOGRAM), analysis_connections, NULL},
	{"irqs", "Interrupts, softirqs, timers and work items: how often, how long, and who was interrupted", ANALYSIS_NO_LAYERS | ANALYSIS_TAKES_ALL, analysis_irqs, NULL},
	{"memory", "Page faults of processes, and memory that they got and gave back", ANALYSIS_NO_LAYERS | (ANALYSIS_TAKES_ALL & ~(ANALYSIS_TAKES_CPU | ANALYSIS_TAKES_HISTOGRAM)), analysis_memory, NULL},
	{"containers", "Containers: processor time, throttling, waits", ANALYSIS_ONLY_THREAD_ROWS | ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_SORT | ANALYSIS_TAKES_EVERY, analysis_containers, NULL},
	{"counters", "Hardware counters: cycles, instructions, cache misses", ANALYSIS_NO_LAYERS | ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_SORT | ANALYSIS_TAKES_CPU | ANALYSIS_TAKES_EVERY | ANALYSIS_TAKES_BY, analysis_counters, NULL},
	{"requests", "Requests to servers and their answers: how many, how long, and what makes slow ones slow", ANALYSIS_ONLY_THREAD_ROWS | ANALYSIS_ONLY_CPU_ROWS | (ANALYSIS_TAKES_ALL & ~ANALYSIS_TAKES_CPU) | ANALYSIS_TAKES_BY | ANALYSIS_TAKES_SPAN | ANALYSIS_TAKES_SIDE, analysis_requests, NULL},
	{"user", "User space traces: events by thread, memory, mutexes", ANALYSIS_ONLY_THREAD_ROWS | ANALYSIS_TAKES_EVENT | (ANALYSIS_TAKES_ALL & ~ANALYSIS_TAKES_HISTOGRAM), analysis_user, NULL},
	{"spans", "Pieces of work from one event to another, and what their time was", ANALYSIS_ONLY_THREAD_ROWS | (ANALYSIS_TAKES_ALL & ~ANALYSIS_TAKES_CPU) | ANALYSIS_TAKES_SPAN, analysis_spans, NULL},
	{"edges", "What leads from one row to another: interrupts and disk requests between levels, wakeups", ANALYSIS_TAKES_SORT | ANALYSIS_TAKES_BY, analysis_edges, NULL},
	{"states", "The history of every row: its states, one interval after the other", ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_CPU | ANALYSIS_TAKES_ROW | ANALYSIS_TAKES_SPAN, NULL, analysis_states},
};
/* clang-format on */

guint analysis_n_questions(void)
{
	return G_N_ELEMENTS(questions);
}

const AnalysisQuestion *analysis_question(guint i)
{
	return &questions[i];
}

const AnalysisQuestion *analysis_find_question(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(questions); i++)
		if (strcmp(questions[i].name, name) == 0)
			return &questions[i];
	return NULL;
}

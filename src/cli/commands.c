/* SPDX-License-Identifier: MIT */
/* commands.c: all commands, in the order of `strata --help`. */
#include <string.h>

#include "analysis/commands.h"
#include "analysis/irqs.h"
#include "analysis/net.h"
#include "analysis/requests.h"
#include "cli/cli.h"
#include "cli/tables.h"

/* Those that are more than a table: what stands before the tables, and what behind them. */
static const CliCommand *const first[] = {&cli_report, &cli_vms, &cli_vcpus};
static const CliCommand *const last[] = {&cli_info, &cli_events};

/* Questions to the histories: a new one is a line here. */
static const CliTable tables[] = {
	{"exits", "VM exits by vCPU, level and reason: how many, how long, and what that time was; what they were for", CLI_TABLE_NO_LAYERS | CLI_TABLE_SORTS | CLI_TABLE_EVERY | CLI_TABLE_HISTOGRAM | CLI_TABLE_LOG | CLI_TABLE_BY, analysis_exits_by, NULL, cli_exits_plain},
	{"vmio", "What each VM asked of the host: disk and network requests, with their latency", CLI_TABLE_NO_LAYERS | (CLI_TABLE_ALL & ~CLI_TABLE_CPU), analysis_vmio, NULL},
	{"guests", "Processes of VMs without a trace, told apart by their page tables", CLI_TABLE_NO_LAYERS | CLI_TABLE_THREADS | CLI_TABLE_SORTS | CLI_TABLE_EVERY | CLI_TABLE_BY, analysis_guests, NULL},
	{"steal", "Time that was taken from each vCPU, by whom, and what its guest can't see of it", (CLI_TABLE_ALL & ~CLI_TABLE_CPU) | CLI_TABLE_BY, analysis_steal, NULL},
	{"nested", "Nested VMs: time in each level, and which level starved them", CLI_TABLE_THREADS | CLI_TABLE_SORTS | CLI_TABLE_EVERY | CLI_TABLE_BY, analysis_nested, NULL},
	{"threads", "Threads: where their time went, and how long they waited for a processor", CLI_TABLE_THREAD_ROWS | CLI_TABLE_ALL, analysis_threads, NULL},
	{"processes", "The same for processes", CLI_TABLE_THREAD_ROWS | (CLI_TABLE_ALL & ~(CLI_TABLE_CPU | CLI_TABLE_LOG)), analysis_processes, NULL},
	{"cpus", "Processors: what they did", CLI_TABLE_CPU_ROWS | (CLI_TABLE_ALL & ~(CLI_TABLE_THREADS | CLI_TABLE_HISTOGRAM)), analysis_cpus, NULL},
	{"layers", "Levels: who really ran on the physical processors, and what became of guests' threads", CLI_TABLE_THREADS | CLI_TABLE_SORTS | CLI_TABLE_CPU | CLI_TABLE_EVERY | CLI_TABLE_BY, analysis_layers, NULL},
	{"waits", "Why vCPUs were asleep: timer, disk, network, another vCPU, ..., from the host alone", CLI_TABLE_NO_LAYERS | (CLI_TABLE_ALL & ~CLI_TABLE_CPU), analysis_waits, NULL},
	{"sync", "Clocks: which machine runs in which VM, and how far their clocks are apart, with error bounds", CLI_TABLE_NO_LAYERS, NULL, analysis_sync},
	{"critical-path", "What made a thread's time as long as it was: the chain of work and waits", CLI_TABLE_THREAD_ROWS | CLI_TABLE_THREADS | CLI_TABLE_SORTS | CLI_TABLE_LOG | CLI_TABLE_BY, analysis_critical_path, NULL},
	{"syscalls", "System calls: how many, how long, which errors; the slowest", CLI_TABLE_NO_LAYERS | CLI_TABLE_ALL, analysis_syscalls, NULL},
	{"files", "Files, sockets and pipes: what was read and written, by whom, how long it took", CLI_TABLE_NO_LAYERS | CLI_TABLE_ALL, analysis_files, NULL},
	{"futexes", "Locks in user space: who waited how long, and for whom", CLI_TABLE_NO_LAYERS | CLI_TABLE_ALL, analysis_futexes, NULL},
	{"disk", "Block devices: requests, their time in queue and driver, whose they were, who waited", CLI_TABLE_NO_LAYERS | (CLI_TABLE_ALL & ~CLI_TABLE_CPU), analysis_disk, NULL},
	{"net", "Network interfaces and the services over them: traffic, drops, retransmissions, round trips", CLI_TABLE_NO_LAYERS | (CLI_TABLE_ALL & ~CLI_TABLE_HISTOGRAM), analysis_net, NULL},
	{"connections", "Connections: traffic each way, retransmissions, round trips, answers", CLI_TABLE_NO_LAYERS | (CLI_TABLE_ALL & ~CLI_TABLE_HISTOGRAM), analysis_connections, NULL},
	{"irqs", "Interrupts, softirqs, timers and work items: how often, how long, and who was interrupted", CLI_TABLE_NO_LAYERS | CLI_TABLE_ALL, analysis_irqs, NULL},
	{"memory", "Page faults of processes, and memory that they got and gave back", CLI_TABLE_NO_LAYERS | (CLI_TABLE_ALL & ~(CLI_TABLE_CPU | CLI_TABLE_HISTOGRAM)), analysis_memory, NULL},
	{"containers", "Containers: processor time, throttling, waits", CLI_TABLE_THREAD_ROWS | CLI_TABLE_THREADS | CLI_TABLE_SORTS | CLI_TABLE_EVERY, analysis_containers, NULL},
	{"counters", "Hardware counters: cycles, instructions, cache misses", CLI_TABLE_NO_LAYERS | CLI_TABLE_THREADS | CLI_TABLE_SORTS | CLI_TABLE_CPU | CLI_TABLE_EVERY | CLI_TABLE_BY, analysis_counters, NULL},
	{"requests", "Requests to servers and their answers: how many, how long, and what makes slow ones slow", CLI_TABLE_THREAD_ROWS | CLI_TABLE_CPU_ROWS | (CLI_TABLE_ALL & ~CLI_TABLE_CPU) | CLI_TABLE_BY | CLI_TABLE_SPAN | CLI_TABLE_SIDE, analysis_requests, NULL},
	{"user", "User space traces: events by thread, memory, mutexes", CLI_TABLE_THREAD_ROWS | CLI_TABLE_EVENT | (CLI_TABLE_ALL & ~CLI_TABLE_HISTOGRAM), analysis_user, NULL},
	{"spans", "Pieces of work from one event to another, and what their time was", CLI_TABLE_THREAD_ROWS | (CLI_TABLE_ALL & ~CLI_TABLE_CPU) | CLI_TABLE_SPAN, analysis_spans, NULL},
	{"edges", "What leads from one row to another: interrupts and disk requests between levels, wakeups", CLI_TABLE_SORTS | CLI_TABLE_BY, analysis_edges, NULL},
	{"states", "The history of every row: its states, one interval after the other", CLI_TABLE_THREADS | CLI_TABLE_CPU | CLI_TABLE_ROW | CLI_TABLE_SPAN, NULL, analysis_states},
	{NULL, NULL, 0, NULL, NULL},
};

#define N_FIRST  G_N_ELEMENTS(first)
#define N_TABLES (G_N_ELEMENTS(tables) - 1)
#define N_LAST   G_N_ELEMENTS(last)

static int run_table(const char *const *paths)
{
	for (const CliTable *t = tables; t->name; t++)
		if (strcmp(t->name, cli_command()->name) == 0)
			return cli_run_table(t, paths);
	g_assert_not_reached();
}

static CliCommand table_command(guint i)
{
	static const GOptionEntry *options[G_N_ELEMENTS(tables)]; /* made once each */
	const CliTable *t = &tables[i];

	if (!options[i])
		options[i] = cli_table_options(t->flags);
	return (CliCommand){.name = t->name, .arguments = "TRACE..", .summary = t->summary, .options = options[i], .run = run_table};
}

guint cli_n_commands(void)
{
	return N_FIRST + N_TABLES + N_LAST;
}

CliCommand cli_command_at(guint i)
{
	if (i < N_FIRST)
		return *first[i];
	return i < N_FIRST + N_TABLES ? table_command(i - N_FIRST) : *last[i - N_FIRST - N_TABLES];
}

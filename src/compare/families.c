/* SPDX-License-Identifier: MIT */
/* families.c: what is compared: tables, which of their columns say what a row is about, and which are compared. */
#include "compare/private.h"

/* clang-format off */
const CompareFamily compare_families[] = {
	{"requests", "requests", NULL, NULL, {"side", "process", "port", "protocol"}, "count",
	 {{"count", "rate", COMPARE_PER_SECOND}, {"p50_ns", "p50", COMPARE_DURATION}, {"p99_ns", "p99", COMPARE_DURATION}}},
	{"exits", "exits", "reason", NULL, {"vm_pid", "level", "reason"}, "count",
	 {{"count", "rate, of guest time", COMPARE_PER_GUEST_SECOND}, {"on_cpu_ns", "processor time", COMPARE_SHARE}, {"p50_ns", "p50", COMPARE_DURATION}}},
	{"waits", "waits", NULL, NULL, {"vm", "vcpu", "reason"}, "count",
	 {{"total_ns", "time", COMPARE_SHARE}, {"count", "rate", COMPARE_PER_SECOND}}},
	{"vcpus", "steal", NULL, "guest_ns", {"vm_pid", "vcpu"}, NULL,
	 {{"steal_ns", "stolen", COMPARE_SHARE}, {"guest_ns", "in the guest", COMPARE_SHARE}, {"exit_ns", "in exits", COMPARE_SHARE}, {"halted_ns", "halted", COMPARE_SHARE}}},
	{"threads", "threads", NULL, NULL, {"process", "name"}, NULL,
	 {{"cpu_ns", "on a processor", COMPARE_SHARE}, {"preempted_ns", "preempted", COMPARE_SHARE}, {"wait_cpu_ns", "woken, waiting", COMPARE_SHARE},
	  {"throttled_ns", "throttled", COMPARE_SHARE}, {"steal_ns", "stolen", COMPARE_SHARE}, {"exit_ns", "in exits", COMPARE_SHARE},
	  {"blocked_disk_ns", "waits for disk", COMPARE_SHARE}, {"blocked_network_ns", "waits for network", COMPARE_SHARE}, {"blocked_futex_ns", "waits for locks", COMPARE_SHARE},
	  {"blocked_kernel_ns", "waits in the kernel", COMPARE_SHARE}}},
	{"disks", "disk", NULL, "!process", {"device"}, "count",
	 {{"count", "rate", COMPARE_PER_SECOND}, {"p50_ns", "p50", COMPARE_DURATION}, {"p99_ns", "p99", COMPARE_DURATION}, {"queue_p99_ns", "p99 in the queue", COMPARE_DURATION},
	  {"utilization", "busy", COMPARE_RATIO}}},
	{"network", "net", NULL, "!service", {"interface"}, NULL,
	 {{"in_bytes", "received", COMPARE_BYTES}, {"out_bytes", "sent", COMPARE_BYTES}, {"retransmissions", "retransmissions", COMPARE_PER_SECOND}, {"drops", "drops", COMPARE_PER_SECOND}}},
	{"processors", "cpus", NULL, NULL, {"cpu"}, NULL, {{"busy", "busy", COMPARE_RATIO}}},
	{NULL},
};
/* clang-format on */

/* SPDX-License-Identifier: MIT */
/* trace/events/statedump.h: what was there when recording began; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_STATEDUMP_H
#define STRATA_TRACE_EVENTS_STATEDUMP_H

/* clang-format off */
#define TRACE_EVENTS_STATEDUMP(E, F) \
	E(STATEDUMP_PROCESS, "lttng", "lttng_statedump_process_state") \
	F(STATEDUMP_PROCESS, TID,    0, "tid") \
	F(STATEDUMP_PROCESS, PID,    1, "pid") \
	F(STATEDUMP_PROCESS, PPID,   2, "ppid") \
	F(STATEDUMP_PROCESS, NAME,   3, "name") \
	F(STATEDUMP_PROCESS, TYPE,   4, "type") \
	F(STATEDUMP_PROCESS, STATUS, 5, "status") \
	F(STATEDUMP_PROCESS, CPU,    6, "cpu") \
	F(STATEDUMP_PROCESS, FILE_TABLE, 7, "file_table_address file_table") \
	E(STATEDUMP_PID_NS, "lttng", "lttng_statedump_process_pid_ns") \
	F(STATEDUMP_PID_NS, TID, 0, "tid") \
	F(STATEDUMP_PID_NS, VTID, 1, "vtid") \
	F(STATEDUMP_PID_NS, VPID, 2, "vpid") \
	F(STATEDUMP_PID_NS, NS_LEVEL, 3, "ns_level") \
	F(STATEDUMP_PID_NS, NS_INUM, 4, "ns_inum") \
	E(STATEDUMP_CGROUP_NS, "lttng", "lttng_statedump_process_cgroup_ns") \
	F(STATEDUMP_CGROUP_NS, TID, 0, "tid") \
	F(STATEDUMP_CGROUP_NS, NS_INUM, 1, "ns_inum") \
	E(STATEDUMP_MNT_NS, "lttng", "lttng_statedump_process_mnt_ns") \
	F(STATEDUMP_MNT_NS, TID, 0, "tid") \
	F(STATEDUMP_MNT_NS, NS_INUM, 1, "ns_inum") \
	E(STATEDUMP_NET_NS, "lttng", "lttng_statedump_process_net_ns") \
	F(STATEDUMP_NET_NS, TID, 0, "tid") \
	F(STATEDUMP_NET_NS, NS_INUM, 1, "ns_inum") \
	E(STATEDUMP_UTS_NS, "lttng", "lttng_statedump_process_uts_ns") \
	F(STATEDUMP_UTS_NS, TID, 0, "tid") \
	F(STATEDUMP_UTS_NS, NS_INUM, 1, "ns_inum") \
	E(STATEDUMP_IPC_NS, "lttng", "lttng_statedump_process_ipc_ns") \
	F(STATEDUMP_IPC_NS, TID, 0, "tid") \
	F(STATEDUMP_IPC_NS, NS_INUM, 1, "ns_inum") \
	E(STATEDUMP_USER_NS, "lttng", "lttng_statedump_process_user_ns") \
	F(STATEDUMP_USER_NS, TID, 0, "tid") \
	F(STATEDUMP_USER_NS, NS_INUM, 1, "ns_inum") \
	E(STATEDUMP_TIME_NS, "lttng", "lttng_statedump_process_time_ns") \
	F(STATEDUMP_TIME_NS, TID, 0, "tid") \
	F(STATEDUMP_TIME_NS, NS_INUM, 1, "ns_inum") \
	E(STATEDUMP_FD, "lttng", "lttng_statedump_file_descriptor") \
	F(STATEDUMP_FD, FD, 0, "fd") \
	F(STATEDUMP_FD, FILENAME, 1, "filename") \
	F(STATEDUMP_FD, FILE_TABLE, 2, "file_table_address file_table") \
	F(STATEDUMP_FD, PID, 3, "pid") \
	F(STATEDUMP_FD, FLAGS, 4, "flags") \
	E(STATEDUMP_IRQ, "lttng", "lttng_statedump_interrupt") \
	F(STATEDUMP_IRQ, IRQ, 0, "irq") \
	F(STATEDUMP_IRQ, NAME, 1, "name") \
	F(STATEDUMP_IRQ, ACTION, 2, "action") \
	E(STATEDUMP_BLOCK, "lttng", "lttng_statedump_block_device") \
	F(STATEDUMP_BLOCK, DEV, 0, "dev") \
	F(STATEDUMP_BLOCK, NAME, 1, "diskname") \
	E(STATEDUMP_NET, "lttng", "lttng_statedump_network_interface") \
	F(STATEDUMP_NET, NAME, 0, "name") \
	F(STATEDUMP_NET, IPV4, 1, "address_ipv4") \
	E(STATEDUMP_CPU, "lttng", "lttng_statedump_cpu_topology") \
	F(STATEDUMP_CPU, CPU, 0, "cpu_id") \
	F(STATEDUMP_CPU, PHYSICAL, 1, "physical_id") \
	F(STATEDUMP_CPU, CORE, 2, "core_id") \
	F(STATEDUMP_CPU, MODEL_NAME, 3, "model_name") \
	E(STATEDUMP_END, "lttng", "lttng_statedump_end")
/* clang-format on */

#endif

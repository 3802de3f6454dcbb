/* SPDX-License-Identifier: MIT */
/* trace/events/sched.h: the scheduler, and the lives of threads; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_SCHED_H
#define STRATA_TRACE_EVENTS_SCHED_H

/* clang-format off */
#define TRACE_EVENTS_SCHED(E, F) \
	E(SCHED_SWITCH, "sched", "sched_switch") \
	F(SCHED_SWITCH, PREV_TID,   0, "prev_tid prev_pid") \
	F(SCHED_SWITCH, PREV_STATE, 1, "prev_state") \
	F(SCHED_SWITCH, NEXT_TID,   2, "next_tid next_pid") \
	F(SCHED_SWITCH, PREV_COMM,  3, "prev_comm") \
	F(SCHED_SWITCH, NEXT_COMM,  4, "next_comm") \
	F(SCHED_SWITCH, PREV_PRIO,  5, "prev_prio") \
	F(SCHED_SWITCH, NEXT_PRIO,  6, "next_prio") \
	E(SCHED_WAKING, "sched", "sched_waking") \
	F(SCHED_WAKING, TID,        0, "tid pid") \
	F(SCHED_WAKING, TARGET_CPU, 1, "target_cpu") \
	F(SCHED_WAKING, COMM,       2, "comm") \
	F(SCHED_WAKING, PRIO,       3, "prio") \
	E(SCHED_WAKEUP, "sched", "sched_wakeup") \
	F(SCHED_WAKEUP, TID,        0, "tid pid") \
	F(SCHED_WAKEUP, TARGET_CPU, 1, "target_cpu") \
	F(SCHED_WAKEUP, COMM,       2, "comm") \
	F(SCHED_WAKEUP, PRIO,       3, "prio") \
	E(SCHED_WAKEUP_NEW, "sched", "sched_wakeup_new") \
	F(SCHED_WAKEUP_NEW, TID,        0, "tid pid") \
	F(SCHED_WAKEUP_NEW, TARGET_CPU, 1, "target_cpu") \
	F(SCHED_WAKEUP_NEW, COMM,       2, "comm") \
	F(SCHED_WAKEUP_NEW, PRIO,       3, "prio") \
	E(SCHED_MIGRATE, "sched", "sched_migrate_task") \
	F(SCHED_MIGRATE, TID,      0, "tid pid") \
	F(SCHED_MIGRATE, DEST_CPU, 1, "dest_cpu") \
	E(PROCESS_FORK, "sched", "sched_process_fork") \
	F(PROCESS_FORK, CHILD_TID,  0, "child_tid child_pid") \
	F(PROCESS_FORK, CHILD_PID,  1, "child_pid?child_tid") \
	F(PROCESS_FORK, PARENT_TID, 2, "parent_tid parent_pid") \
	F(PROCESS_FORK, PARENT_PID, 3, "parent_pid?parent_tid") \
	F(PROCESS_FORK, CHILD_COMM, 4, "child_comm") \
	F(PROCESS_FORK, CHILD_NS,   5, "child_ns_inum") \
	F(PROCESS_FORK, PARENT_NS,  6, "parent_ns_inum") \
	E(PROCESS_EXEC, "sched", "sched_process_exec") \
	F(PROCESS_EXEC, TID,      0, "tid pid") \
	F(PROCESS_EXEC, OLD_TID,  1, "old_tid old_pid") \
	F(PROCESS_EXEC, FILENAME, 2, "filename") \
	E(PROCESS_EXIT, "sched", "sched_process_exit") \
	F(PROCESS_EXIT, TID,  0, "tid pid") \
	E(PROCESS_FREE, "sched", "sched_process_free") \
	F(PROCESS_FREE, TID,  0, "tid pid") \
	E(PI_SETPRIO, "sched", "sched_pi_setprio") \
	F(PI_SETPRIO, TID, 0, "tid pid") \
	F(PI_SETPRIO, OLD_PRIO, 1, "oldprio") \
	F(PI_SETPRIO, NEW_PRIO, 2, "newprio") \
	E(SCHED_STAT_RUNTIME, "sched", "sched_stat_runtime") \
	F(SCHED_STAT_RUNTIME, TID, 0, "tid pid") \
	F(SCHED_STAT_RUNTIME, RUNTIME, 1, "runtime")
/* clang-format on */

#endif

/* SPDX-License-Identifier: MIT */
/* trace/events/syscall.h: system calls: their fields are those of trace/syscalls.h; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_SYSCALL_H
#define STRATA_TRACE_EVENTS_SYSCALL_H

/* clang-format off */
#define TRACE_EVENTS_SYSCALL(E, F) \
	E(SYSCALL_ENTRY, "syscalls", "syscall_entry_* compat_syscall_entry_* sys_enter_* compat_sys_* sys_*") \
	E(SYSCALL_EXIT, "syscalls", "syscall_exit_* compat_syscall_exit_* sys_exit_* exit_syscall")
/* clang-format on */

#endif

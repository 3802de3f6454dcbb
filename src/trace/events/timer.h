/* SPDX-License-Identifier: MIT */
/* trace/events/timer.h: timers, work queues, power; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_TIMER_H
#define STRATA_TRACE_EVENTS_TIMER_H

/* clang-format off */
#define TRACE_EVENTS_TIMER(E, F) \
	E(HRTIMER_START, "timer", "timer_hrtimer_start hrtimer_start") \
	F(HRTIMER_START, TIMER, 0, "hrtimer") \
	F(HRTIMER_START, FUNCTION, 1, "function") \
	F(HRTIMER_START, EXPIRES, 2, "expires") \
	E(HRTIMER_CANCEL, "timer", "timer_hrtimer_cancel hrtimer_cancel") \
	F(HRTIMER_CANCEL, TIMER, 0, "hrtimer") \
	E(HRTIMER_EXPIRE_ENTRY, "timer", "timer_hrtimer_expire_entry hrtimer_expire_entry") \
	F(HRTIMER_EXPIRE_ENTRY, TIMER, 0, "hrtimer") \
	F(HRTIMER_EXPIRE_ENTRY, FUNCTION, 1, "function") \
	F(HRTIMER_EXPIRE_ENTRY, NOW, 2, "now") \
	E(HRTIMER_EXPIRE_EXIT, "timer", "timer_hrtimer_expire_exit hrtimer_expire_exit") \
	F(HRTIMER_EXPIRE_EXIT, TIMER, 0, "hrtimer") \
	E(TIMER_START, "timer", "timer_start") \
	F(TIMER_START, TIMER, 0, "timer") \
	F(TIMER_START, FUNCTION, 1, "function") \
	F(TIMER_START, EXPIRES, 2, "expires") \
	F(TIMER_START, NOW, 3, "now") \
	E(TIMER_CANCEL, "timer", "timer_cancel") \
	F(TIMER_CANCEL, TIMER, 0, "timer") \
	E(TIMER_EXPIRE_ENTRY, "timer", "timer_expire_entry") \
	F(TIMER_EXPIRE_ENTRY, TIMER, 0, "timer") \
	F(TIMER_EXPIRE_ENTRY, FUNCTION, 1, "function") \
	F(TIMER_EXPIRE_ENTRY, NOW, 2, "now") \
	E(TIMER_EXPIRE_EXIT, "timer", "timer_expire_exit") \
	F(TIMER_EXPIRE_EXIT, TIMER, 0, "timer") \
	E(ITIMER_EXPIRE, "timer", "timer_itimer_expire itimer_expire") \
	F(ITIMER_EXPIRE, WHICH, 0, "which") \
	F(ITIMER_EXPIRE, PID, 1, "pid") \
	E(WORK_QUEUE, "workqueue", "workqueue_queue_work") \
	F(WORK_QUEUE, WORK, 0, "work") \
	F(WORK_QUEUE, FUNCTION, 1, "function") \
	F(WORK_QUEUE, REQ_CPU, 2, "req_cpu cpu") \
	E(WORK_START, "workqueue", "workqueue_execute_start") \
	F(WORK_START, WORK, 0, "work") \
	F(WORK_START, FUNCTION, 1, "function") \
	E(WORK_END, "workqueue", "workqueue_execute_end") \
	F(WORK_END, WORK, 0, "work") \
	E(CPU_IDLE, "power", "power_cpu_idle cpu_idle") \
	F(CPU_IDLE, STATE, 0, "state") \
	F(CPU_IDLE, CPU, 1, "cpu_id") \
	E(CPU_FREQUENCY, "power", "power_cpu_frequency cpu_frequency") \
	F(CPU_FREQUENCY, STATE, 0, "state") \
	F(CPU_FREQUENCY, CPU, 1, "cpu_id")
/* clang-format on */

#endif

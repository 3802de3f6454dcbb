/* SPDX-License-Identifier: MIT */
/*
 * tests/hosttrace.h: writes traces of a KVM host's kernel event by event, in the way of any of the tracers that people
 * record them with. The events and their arguments are the same for all; names and layouts are each tracer's own:
 *
 *	HT_LTTNG	LTTng 2.13 on Linux 6.1: kvm_x86_*, large event headers, packetized metadata
 *	HT_LTTNG_OLD	LTTng 2.7 on Linux 4.4: kvm_entry and kvm_exit, whose exit has no vCPU id
 *	HT_PERF		perf data convert --to-ctf of perf 6.1 on Linux 6.18: kvm:kvm_entry, with perf_tid and perf_pid
 *
 * Each processor is a stream, with a time and a current task of its own; ht_emit() moves the time on a little.
 */
#ifndef STRATA_TESTS_HOSTTRACE_H
#define STRATA_TESTS_HOSTTRACE_H

#include <stdbool.h>

#include "ctfwriter.h"

typedef enum { HT_LTTNG, HT_LTTNG_OLD, HT_PERF, HT_N_DIALECTS } HtDialect;

/* What is recorded; its arguments. */
typedef enum {
	HT_STATEDUMP_START,
	HT_STATEDUMP_PROCESS, /* tid, pid, ppid, comm, type, cpu */
	HT_STATEDUMP_END,
	HT_SWITCH,         /* prev comm, tid, state; next comm, tid */
	HT_WAKING,         /* comm, tid, cpu */
	HT_WAKEUP,         /* the same */
	HT_ENTRY,          /* vCPU id */
	HT_ENTER_GUEST,    /* vCPU id, CR3: by a probe of the tester's own */
	HT_EXIT,           /* reason, rip, info1, intr_info, vCPU id */
	HT_INJ_VIRQ,       /* vector */
	HT_NESTED_VMENTER, /* rip, VMCS of the guest's guest, its rip */
	HT_NESTED_VMEXIT,  /* rip, reason, info1, vCPU id or garbage, isa */
	HT_NESTED_INJECT,  /* reason, interrupt */
	HT_MSR,            /* write, number */
	HT_USERSPACE_EXIT, /* reason */
	HT_IOCTL_ENTRY,    /* fd */
	HT_IOCTL_EXIT,     /* ret */
	HT_TIMER_ENTRY,
	HT_TIMER_EXIT,
	HT_HRTIMER_ENTRY, /* timer, now */
	HT_HRTIMER_EXIT,  /* timer */
	HT_N_EVENTS
} HtEvent;

/* An argument of an event. */
typedef struct {
	guint64 u;
	const char *s;
} HtValue;

#define HT_U(x)                                                                                                        \
	{                                                                                                              \
		.u = (guint64)(x)                                                                                      \
	}
#define HT_S(x)                                                                                                        \
	{                                                                                                              \
		.s = (x)                                                                                               \
	}

typedef struct {
	gint32 tid, pid;
	const char *comm;
} HtTask;

typedef struct {
	guint id;
	guint64 now, rng;
	const HtTask *cur;
	CtfWriter *w;
	guint events, packets; /* events: of the open packet */
	guint64 end_at;        /* where timestamp_end goes */
} HtCpu;

/* Chooses the tracer, for the whole program. `contexts`: vpid and vtid with each event (LTTng's). */
void ht_init(HtDialect dialect, bool contexts);
void ht_cpu_init(HtCpu *cpu, guint id, guint64 now, const HtTask *cur);
/* A number below `n`: the same ones in each run. */
guint64 ht_chance(HtCpu *cpu, guint64 n);

#define HT_EMIT(cpu, event, ...) ht_emit((cpu), (event), (const HtValue[]){__VA_ARGS__})
/* Records an event, if this tracer knows it. */
void ht_emit(HtCpu *cpu, HtEvent event, const HtValue *args);

/* How many events have been written: by event, and by name. */
guint64 ht_count(HtEvent event);
const char *ht_name(HtEvent event);

/* Ends the stream and writes its file. */
void ht_cpu_close(HtCpu *cpu, const char *dir);
void ht_write_metadata(const char *dir);

#endif

/* SPDX-License-Identifier: MIT */
/* diagnose/private.h: what rules need; each section is one file's. */
#ifndef STRATA_DIAGNOSE_PRIVATE_H
#define STRATA_DIAGNOSE_PRIVATE_H

#include "base/json.h"
#include "diagnose/diagnose.h"

/* ---- Rules --------------------------------------------------------------------------------------------------------- */

/* R(NAME): a function diagnose_rule_NAME() that adds its findings about one kernel; for each of them it is called. */
#define DIAGNOSE_RULES(R) \
	R(preempted) \
	R(throttled) \
	R(disks) \
	R(queues) \
	R(slow_disk) \
	R(exits) \
	R(nested) \
	R(saturated) \
	R(interrupts) \
	R(locks) \
	R(served) \
	R(loss_net) \
	R(memory) \
	R(memory_limit) \
	R(pinning) \
	R(unfit) \
	R(flushes) \
	R(thefts) \
	R(latency) \
	R(blocked) \
	R(polling) \
	R(io_busy) \
	R(frequency)

#define DIAGNOSE_R(name) void diagnose_rule_##name(Diagnose *d, const AnalysisStoreTrace *t);
DIAGNOSE_RULES(DIAGNOSE_R)
#undef DIAGNOSE_R

/* The cause of that id, which must be in the table. */
const DiagnoseCause *diagnose_cause_of(const char *id);

/* What is looked at of a trace, in its own clock: [begin, end). */
gint64 diagnose_begin(const Diagnose *d, const AnalysisStoreTrace *t);
gint64 diagnose_end(const Diagnose *d, const AnalysisStoreTrace *t);

/* ---- report.c, head.c: the report --------------------------------------------------------------------------------- */

/* The trace of a VM, if it has one; NULL: none. */
const ExperimentMember *diagnose_guest_of(const Diagnose *d, const AnalysisMachine *m, gint32 pid);
/* The machine that it is a VM of; NULL: none, or not known. */
const char *diagnose_parent_of(const Diagnose *d, const AnalysisMachine *m);
/* By which device it is known to be a VM whose host's trace is not given; NULL: it isn't. */
const char *diagnose_orphan_by(const Diagnose *d, const AnalysisMachine *m);
guint diagnose_cpu_count(const Kernel *k);
/* "VM 183 of host", as far as it is known. The caller frees. */
char *diagnose_place_of(const Diagnose *d, const AnalysisMachine *m);

/* At most five lines: what is wrong, what else, who was looked at, where the time went, what is not known. */
GPtrArray *diagnose_summary(const Diagnose *d, const Analysis *a); /* of char * */
void diagnose_say_summary(const Diagnose *d, const Analysis *a, ViewDoc *doc);
void diagnose_say_topology(const Diagnose *d, const Analysis *a, ViewDoc *doc);
void diagnose_say_levels(const Analysis *a, ViewDoc *doc);

/* The findings of a report, as members of its JSON object; and for people. */
void diagnose_json(const Diagnose *d, StJson *j);
void diagnose_say(const Diagnose *d, ViewDoc *doc);

/* ---- loss.c: time that somebody lost, and when ------------------------------------------------------------------------ */

/*
 * A sum of lost time of one cause, with its course over the trace and its longest intervals. All times are in the clock of the trace that it is made for.
 */
typedef struct DiagnoseLoss DiagnoseLoss;

DiagnoseLoss *diagnose_loss_new(const AnalysisStoreTrace *t);
void diagnose_loss_free(DiagnoseLoss *l); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiagnoseLoss, diagnose_loss_free)

/* It lost [begin, end), which the row of that number in the trace's history shows as `state` (lives for ever). */
void diagnose_loss_add(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, guint32 row, const char *state);

/* It lost [begin, end); the proof is what that row of the trace (HISTORY_NO_ROW: there is none) shows in the middle of it. */
void diagnose_loss_add_in_row(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, guint32 row);

/* It lost `ns` somewhere in [begin, end): there is no single piece that proves it. */
void diagnose_loss_add_part(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, gint64 ns);

/* The row shows that state there, which proves something of what was counted otherwise. */
void diagnose_loss_show(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, guint32 row, const char *state);

/* The same; the state is what the row (HISTORY_NO_ROW: there is none) shows in the middle. */
void diagnose_loss_show_in_row(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, guint32 row);

gint64 diagnose_loss_ns(const DiagnoseLoss *l);

/* ---- finding.c -------------------------------------------------------------------------------------------------------- */

/* fold.c: findings that are symptoms of others become theirs. */
void diagnose_fold(Diagnose *d);

/* heavy.c: TRUE if it is of weight, FALSE if it is a note. */
gboolean diagnose_is_heavy(const Diagnose *d, const DiagnoseFinding *f);

/* A finding with the loss's time, ranges and evidence; the caller fills in the rest, then gives it to diagnose_add(). */
DiagnoseFinding *diagnose_finding_new(const Diagnose *d, const char *id, const DiagnoseLoss *loss, gint64 demand_ns);
void diagnose_finding_free(gpointer finding);
void diagnose_who(DiagnoseWho *who, const char *kind, const char *name, const char *machine, gint32 pid, gint32 tid); /* copies */
void diagnose_add(Diagnose *d, DiagnoseFinding *f); /* takes it */

/* TRUE if a loss is worth a finding: lost.ms, lost.time, and that share of the demand. */
gboolean diagnose_matters(const Diagnose *d, const DiagnoseLoss *loss, gint64 demand_ns, DiagnoseThreshold share);

/* The same without lost.time: of what was found to be heavy while it lasted, however short that was. */
gboolean diagnose_matters_while(const Diagnose *d, const DiagnoseLoss *loss, gint64 demand_ns, DiagnoseThreshold share);

/* "0, 1": bits of processors, up to 63. The caller frees. */
char *diagnose_processors(guint64 cpus);

/* A process's name: that of its main thread. The caller frees. */
char *diagnose_process_name(const AnalysisStoreTrace *t, gint32 pid);

/* The VM (item of "vms") of that process; EXPERIMENT_NONE: it is none. */
guint32 diagnose_vm_of_pid(const AnalysisStoreTrace *t, gint32 pid);

/* The member that is that VM (item of "vms"); EXPERIMENT_NONE: it has no trace. */
guint diagnose_member_of_vm(const Diagnose *d, const AnalysisStoreTrace *host, guint32 vm);

/* The same of the VM that is that process; the machine itself if it is none. */
guint diagnose_member_of_pid(const Diagnose *d, const AnalysisStoreTrace *t, gint32 pid);

/* A VM (item of "vms") is who suffers. */
void diagnose_suffers_vm(const Diagnose *d, DiagnoseFinding *f, const AnalysisStoreTrace *host, guint32 vm);

/* For how long a thread (its row) ran within [begin, end). */
gint64 diagnose_run_ns(const AnalysisStoreTrace *t, guint32 row, gint64 begin_ns, gint64 end_ns);

/* For how long a vCPU (its row) wanted to run: all but what it was halted, did not exist, or isn't known. */
gint64 diagnose_wanted_ns(const AnalysisStoreTrace *host, guint32 row, gint64 begin_ns, gint64 end_ns);

/* The process for which a kernel thread called "vhost-PID" works; -1: it isn't called so. */
gint32 diagnose_vhost_pid(const char *name);

/* "VM b" of the machine's name if it has a trace; else "VM 198". The caller frees. */
char *diagnose_vm_name(const Diagnose *d, const AnalysisStoreTrace *host, guint32 vm);

/* ---- guest.c ------------------------------------------------------------------------------------------------------------ */

/* The kernel's trace of that member; NULL: there is none. */
const AnalysisStoreTrace *diagnose_trace_of(const Diagnose *d, guint member);

/* By processor: its row of that kind ("cpu/N/..."); HISTORY_NO_ROW. The caller frees. */
GArray *diagnose_rows_of_cpus(const AnalysisStoreTrace *t, const char *row_kind);

/* The row that tells which thread had a processor (kernel/flow.h: KERNEL_OCCUPANT_ROW_KIND); HISTORY_NO_ROW. */
guint32 diagnose_occupant_row(Diagnose *d, const AnalysisStoreTrace *t, gint32 cpu);

/* The thread (serial in the guest) that had the processor that is that vCPU of the host, at a time of the host's clock; G_MAXUINT32: idle, not known, or the guest has no trace. */
guint32 diagnose_guest_thread_at(Diagnose *d, const AnalysisStoreTrace *host, guint32 vcpu, gint64 time);

#endif

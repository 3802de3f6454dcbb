/* SPDX-License-Identifier: MIT */
/* analysis/rows.h: names of things as rows and columns have them. Private to analysis/. */
#ifndef STRATA_ANALYSIS_ROWS_H
#define STRATA_ANALYSIS_ROWS_H

#include "analysis/analysis.h"

/* "HOST/vm/PID", "HOST/vm/PID/l2/N", "HOST/vm/PID/vcpu/N": the paths that rows have everywhere. The caller frees. */
char *analysis_vm_path(const AnalysisMachine *m, const KvmVm *vm);
char *analysis_l2_path(const AnalysisMachine *m, const KvmVm *vm, const KvmL2 *l2);
char *analysis_vcpu_path(const AnalysisMachine *m, const KvmVcpu *v);

/* Time of all vCPUs of a VM in a state. */
gint64 analysis_vm_ns(const KvmVm *vm, KvmState state);

/* All handling time of an exit reason, whatever the vCPU was doing meanwhile. */
gint64 analysis_exit_ns(const KvmExit *e);

/* "L1"; "+1" where the traced machine's own level is not known: so many above it. */
void analysis_set_level(View *v, guint column, const AnalysisMachine *m, guint above);

/* What a thread is, for people: "qemu-system-x86 183", "CPU 0/KVM 219, vCPU 0 of VM 198". The caller frees. */
char *analysis_thread_label(const AnalysisMachine *m, const KernelThread *t);

/* A name that none of the n names is: the hostname ("host" if there is none), or with a number behind it. The caller frees. */
char *analysis_unique_name(const char *hostname, const char *const *names, guint n);

/* How deep virtual machines were seen from a machine: 0, 1, or 2 for those in VMs. */
guint analysis_depth(const Kvm *kvm);

/* Without aligned clocks: the only machine that saw the deepest level is the host of the others. -1: none, or several. */
gint analysis_guess_host(const guint *depths, guint n);

#endif

/* SPDX-License-Identifier: MIT */
#include "analysis/rows.h"

#include <string.h>

char *analysis_vm_path(const AnalysisMachine *m, const KvmVm *vm)
{
	return g_strdup_printf("%s/vm/%d", m->name, vm->pid);
}

char *analysis_l2_path(const AnalysisMachine *m, const KvmVm *vm, const KvmL2 *l2)
{
	return g_strdup_printf("%s/vm/%d/l2/%u", m->name, vm->pid, l2->index);
}

char *analysis_vcpu_path(const AnalysisMachine *m, const KvmVcpu *v)
{
	return g_strdup_printf("%s/vm/%d/vcpu/%d", m->name, v->vm->pid, v->id);
}

gint64 analysis_vm_ns(const KvmVm *vm, KvmState state)
{
	gint64 ns = 0;
	for (guint i = 0; i < vm->vcpus->len; i++)
		ns += ((const KvmVcpu *)g_ptr_array_index(vm->vcpus, i))->ns[state];
	return ns;
}

gint64 analysis_exit_ns(const KvmExit *e)
{
	gint64 ns = 0;
	for (guint s = 0; s < KVM_STATE_COUNT; s++)
		ns += e->ns[s];
	return ns;
}

void analysis_set_level(View *v, guint column, const AnalysisMachine *m, guint above)
{
	view_set_textf(v, column, "%s%u", m->level >= 0 ? "L" : "+", (guint)MAX(m->level, 0) + above);
}

char *analysis_thread_label(const AnalysisMachine *m, const KernelThread *t)
{
	KvmRole role;
	if (!t)
		return g_strdup("other threads");
	const KvmVm *vm = kvm_thread_vm(m->kvm, t, &role);
	if (vm && role == KVM_ROLE_VCPU && t->vcpu)
		return g_strdup_printf("vCPU %d of VM %d (%s)", ((const KvmVcpu *)t->vcpu)->id, vm->pid, t->name);
	if (vm)
		return g_strdup_printf("%s of VM %d (%s)", kvm_role_name(role), vm->pid, t->name);
	return g_strdup(t->name);
}

static gboolean is_among(const char *name, const char *const *names, guint n)
{
	for (guint i = 0; i < n; i++)
		if (names[i] && strcmp(names[i], name) == 0)
			return TRUE;
	return FALSE;
}

char *analysis_unique_name(const char *hostname, const char *const *names, guint n)
{
	const char *base = hostname && *hostname ? hostname : "host";
	char *name = g_strdup(base);
	for (guint i = 2; is_among(name, names, n); i++) {
		g_free(name);
		name = g_strdup_printf("%s-%u", base, i);
	}
	return name;
}

guint analysis_depth(const Kvm *kvm)
{
	guint depth = 0;
	for (guint i = 0; i < kvm->vms->len; i++)
		depth = MAX(depth, ((const KvmVm *)g_ptr_array_index(kvm->vms, i))->l2s->len ? 2 : 1);
	return depth;
}

gint analysis_guess_host(const guint *depths, guint n)
{
	gint deepest = -1;
	guint same = 0;
	for (guint i = 0; i < n; i++) {
		if (deepest < 0 || depths[i] > depths[deepest]) {
			deepest = (gint)i;
			same = 0;
		}
		same += depths[i] == depths[deepest];
	}
	return same == 1 ? deepest : -1;
}

/* SPDX-License-Identifier: MIT */
/* /api/v1/experiment: how far the analysis is, which machines there are and who runs in whom. */
#include "kvm/rows.h"
#include "server/page.h"

static const char *const phases[] = {[SERVER_ANALYSING] = "analysing", [SERVER_READY] = "ready", [SERVER_FAILED] = "failed"};

static void put_place(const Page *page, StJson *j, const AnalysisStoreTrace *t)
{
	const ExperimentMember *m = t->member == EXPERIMENT_NONE ? NULL : experiment_member(page->store->experiment, t->member);

	st_json_member_int(j, "parent", !m ? -1 : t->is_kernel ? m->parent == EXPERIMENT_NONE ? -1 : page_trace_of(page, m->parent) : page_trace_of(page, t->member));
	st_json_member_int(j, "vm", m && t->is_kernel ? m->vm_pid : -1);
	if (m && m->problem)
		st_json_member_string(j, "problem", m->problem);
	if (!m || !experiment_is_aligned(page->store->experiment, t->member))
		return;
	st_json_member_int(j, "clock_bound", experiment_bound(page->store->experiment, t->member));
}

static void put_machine(const Page *page, StJson *j, const AnalysisStoreTrace *t)
{
	st_json_begin_inline_object(j);
	st_json_member_string(j, "name", t->name);
	st_json_member_string(j, "kind", t->is_kernel ? "kernel" : "user");
	st_json_member_int(j, "level", t->level);
	st_json_member_string(j, "trace", t->trace->path);
	st_json_member_int(j, "begin", page_time(page, t, t->begin_ns));
	st_json_member_int(j, "end", page_time(page, t, t->end_ns));
	st_json_member_uint(j, "lost_events", t->lost_events);
	st_json_member_uint(j, "lost_packets", t->lost_packets);
	put_place(page, j, t);
	st_json_end(j);
}

/* ---- VMs ---------------------------------------------------------------------------------------------------------------- */

/* One machine's tables of VMs. */
typedef struct {
	const Page *page;
	const AnalysisStoreTrace *trace;
	gint index;
	guint32 first; /* row */
	guint vms, vcpus, l2s, l2_vcpus;
} Vms;

static gboolean vms_open(Vms *v, const Page *page, gint index)
{
	const AnalysisStoreTrace *t = g_ptr_array_index(page->store->traces, (guint)index);

	*v = (Vms){.page = page, .trace = t, .index = index, .first = page_first_row(page, t)};
	return t->is_kernel && history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &v->vms) &&
	       history_find_table(t->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &v->vcpus) &&
	       history_find_table(t->history, KVM_L2S_TABLE, sizeof(KvmL2Item), &v->l2s) &&
	       history_find_table(t->history, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem), &v->l2_vcpus);
}

static void put_l2s(const Vms *v, StJson *j, const KvmVmItem *vm)
{
	st_json_key(j, "nested");
	st_json_begin_array(j);
	for (guint i = 0; i < vm->n_l2s; i++) {
		const KvmL2Item *l2 = history_table_get(v->trace->history, v->l2s, vm->first_l2 + i);

		st_json_begin_object(j);
		st_json_member_uint(j, "index", l2->index);
		st_json_key(j, "vcpus");
		st_json_begin_array(j);
		for (guint k = 0; k < l2->n_vcpus; k++) {
			const KvmL2VcpuItem *vcpu = history_table_get(v->trace->history, v->l2_vcpus, l2->first_vcpu + k);

			st_json_uint(j, v->first + vcpu->row);
		}
		st_json_end(j);
		st_json_end(j);
	}
	st_json_end(j);
}

/* The machine that the VM is; -1: it has no trace. */
static gint guest_of(const Vms *v, gint32 pid)
{
	const Experiment *e = v->page->store->experiment;

	for (guint i = 0; i < e->members->len; i++) {
		const ExperimentMember *m = experiment_member(e, i);

		if (m->parent == v->trace->member && m->vm_pid == pid && m->l2 == EXPERIMENT_NONE)
			return page_trace_of(v->page, i);
	}
	return -1;
}

static void put_vm(const Vms *v, StJson *j, const KvmVmItem *vm)
{
	st_json_begin_inline_object(j);
	st_json_member_int(j, "machine", v->index);
	st_json_member_int(j, "pid", vm->pid);
	st_json_member_string(j, "name", history_text_get(v->trace->history, vm->name));
	st_json_member_int(j, "guest", guest_of(v, vm->pid));
	st_json_key(j, "vcpus");
	st_json_begin_array(j);
	for (guint i = 0; i < vm->n_vcpus; i++) {
		const KvmVcpuItem *vcpu = history_table_get(v->trace->history, v->vcpus, vm->first_vcpu + i);

		st_json_uint(j, v->first + vcpu->row);
	}
	st_json_end(j);
	put_l2s(v, j, vm);
	st_json_end(j);
}

static void put_vms(const Page *page, StJson *j)
{
	st_json_key(j, "vms");
	st_json_begin_array(j);
	for (guint i = 0; i < page->store->traces->len; i++) {
		Vms v;

		for (guint64 k = 0; vms_open(&v, page, (gint)i) && k < history_table_len(v.trace->history, v.vms); k++)
			put_vm(&v, j, history_table_get(v.trace->history, v.vms, k));
	}
	st_json_end(j);
}

/* ---- The whole ------------------------------------------------------------------------------------------------------------ */

static void put_store(const Page *page, StJson *j)
{
	g_autofree char *begin = g_strdup_printf("%" G_GINT64_FORMAT, page->store->begin_ns);

	st_json_member_string(j, "begin", begin);
	st_json_member_int(j, "length", MAX(page->store->end_ns - page->store->begin_ns, 1));
	st_json_key(j, "machines");
	st_json_begin_array(j);
	for (guint i = 0; i < page->store->traces->len; i++)
		put_machine(page, j, g_ptr_array_index(page->store->traces, i));
	st_json_end(j);
	put_vms(page, j);
}

gboolean page_get_experiment(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_argument(request, "experiment"), reply);

	(void)error;
	if (!e)
		return FALSE;
	StJson *j = server_reply_json(reply);
	g_autofree char *failure = server_failure(e);
	g_auto(GStrv) warnings = server_warnings(e);
	Page page = {.experiment = e, .store = server_store(e)};
	st_json_begin_object(j);
	st_json_member_string(j, "name", server_experiment_name(e));
	st_json_member_string(j, "uuid", server_experiment_uuid(e));
	st_json_member_string(j, "phase", phases[server_phase(e)]);
	st_json_member_double(j, "progress", server_progress(e));
	st_json_member_bool(j, "findings", server_findings(e) != NULL);
	st_json_member_string(j, "failure", failure);
	st_json_key(j, "warnings");
	st_json_begin_array(j);
	for (char **w = warnings; w && *w; w++)
		st_json_string(j, *w);
	st_json_end(j);
	if (page.store)
		put_store(&page, j);
	st_json_end(j);
	return TRUE;
}

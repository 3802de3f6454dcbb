/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's rows over real traces: the samples, and with STRATA_TRACES=DIR all of its scenarios. What is kept must be what the report says.
 */
#include "analysis/analysis.h"
#include "analysis/store.h"
#include "kvm/rows.h"

static GPtrArray *open_traces(const char *path)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *traces = g_ptr_array_new_with_free_func((GDestroyNotify)ctf_trace_free);
	CtfTrace *t = ctf_trace_open(path, NULL, &error);

	g_assert_no_error(error);
	g_ptr_array_add(traces, t);
	return traces;
}

static gconstpointer item(const History *h, const char *name, gsize size, guint64 i)
{
	guint table;

	g_assert_true(history_find_table(h, name, size, &table));
	g_assert_cmpuint(i, <, history_table_len(h, table));
	return history_table_get(h, table, i);
}

/* What only a thread that is known to be a vCPU can do. */
static gboolean only_known(guint s)
{
	return s == KVM_STATE_GUEST_L1 || s == KVM_STATE_GUEST_L2 || s == KVM_STATE_EXIT || s == KVM_STATE_HALT_POLL || s == KVM_STATE_HALTED ||
	       s == KVM_STATE_THROTTLED;
}

/* Both, of the same vCPU. Time before it was known to be one may be left as unknown in the row. */
static void check_vcpu(const History *h, const KvmVcpu *v, const KvmVcpuItem *kept)
{
	gint64 ns[HISTORY_STATES_MAX], total = 0, less = 0;
	g_autofree char *path = g_strdup_printf("vm/%d/vcpu/%d", v->vm->pid, v->id);

	g_assert_cmpstr(history_row_path(h, kept->row), ==, path);
	g_assert_cmpint(kept->id, ==, v->id);
	g_assert_cmpuint(kept->exits, ==, v->exits_seen);
	g_assert_cmpint(history_row_begin(h, kept->row), ==, history_begin(h));
	g_assert_cmpint(history_row_end(h, kept->row), ==, history_end(h));
	history_sums(h, kept->row, history_begin(h), history_end(h), ns);
	for (guint s = 0; s < KVM_STATE_COUNT; s++) {
		total += ns[s];
		if (s == KVM_STATE_UNKNOWN)
			continue;
		g_assert_cmpint(ns[s], <=, v->ns[s]);
		less += v->ns[s] - ns[s];
		if (only_known(s))
			g_assert_cmpint(ns[s], ==, v->ns[s]);
	}
	g_assert_cmpint(ns[KVM_STATE_UNKNOWN] - v->ns[KVM_STATE_UNKNOWN], ==, less);
	g_assert_cmpint(total, ==, history_end(h) - history_begin(h));
	if (less)
		g_test_message("%s: %" G_GINT64_FORMAT " ns of its time before it was a vCPU's are unknown", path, less);
}

static gint64 nested_ns(const KvmVm *vm, const KvmL2 *l2)
{
	gint64 ns = 0;

	for (guint i = 0; i < vm->vcpus->len; i++) {
		const KvmVcpu *v = g_ptr_array_index(vm->vcpus, i);

		for (guint j = 0; j < v->nested->len; j++) {
			const KvmNested *n = g_ptr_array_index(v->nested, j);

			ns += n->l2 == l2 ? n->guest_ns : 0;
		}
	}
	return ns;
}

static void check_l2(const History *h, const KvmVm *vm, const KvmL2 *l2, const KvmL2Item *kept)
{
	gint64 ns[HISTORY_STATES_MAX], guest = 0;

	g_assert_cmpuint(kept->index, ==, l2->index);
	g_assert_cmpint(kept->guest_ns, ==, l2->guest_ns);
	for (guint i = 0; i < kept->n_vcpus; i++) {
		const KvmL2VcpuItem *v = item(h, KVM_L2_VCPUS_TABLE, sizeof(*v), kept->first_vcpu + i);

		history_sums(h, v->row, history_begin(h), history_end(h), ns);
		guest += ns[KVM_L2_STATE_GUEST];
	}
	g_assert_cmpint(guest, ==, nested_ns(vm, l2));
}

static void check_vm(const History *h, const KvmVm *vm, const KvmVmItem *kept)
{
	g_assert_cmpint(kept->pid, ==, vm->pid);
	g_assert_cmpstr(history_text_get(h, kept->name), ==, vm->name);
	g_assert_cmpuint(kept->n_vcpus, ==, vm->vcpus->len);
	g_assert_cmpuint(kept->n_l2s, ==, vm->l2s->len);
	for (guint i = 0; i < vm->vcpus->len; i++)
		check_vcpu(h, g_ptr_array_index(vm->vcpus, i), item(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), kept->first_vcpu + i));
	for (guint i = 0; i < vm->l2s->len; i++)
		check_l2(h, vm, g_ptr_array_index(vm->l2s, i), item(h, KVM_L2S_TABLE, sizeof(KvmL2Item), kept->first_l2 + i));
}

static void test_trace(gconstpointer path)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) traces = open_traces(path), again = open_traces(path);
	AnalysisOptions report = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .threads = 1};
	AnalysisStoreOptions keep = {.threads = 1, .no_cache = TRUE};
	g_autoptr(Analysis) a = analysis_run(traces, &report, &error);

	g_assert_no_error(error);
	g_autoptr(AnalysisStore) s = analysis_store_open(again, &keep, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(a->machines->len, <=, s->traces->len); /* a user space trace has a history, too */
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		const History *h = ((const AnalysisStoreTrace *)g_ptr_array_index(s->traces, i))->history;

		for (guint j = 0; j < m->kvm->vms->len; j++)
			check_vm(h, g_ptr_array_index(m->kvm->vms, j), item(h, KVM_VMS_TABLE, sizeof(KvmVmItem), j));
	}
}

static void add_traces(const char *folder, guint depth)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	g_autofree char *metadata = g_build_filename(folder, "metadata", NULL);
	const char *name;

	if (dir && g_file_test(metadata, G_FILE_TEST_EXISTS)) {
		g_autofree char *test = g_strdup_printf("/kvm/rows/%s", strchr(folder + 1, '/') + 1);

		g_test_add_data_func_full(test, g_strdup(folder), test_trace, g_free);
		return;
	}
	while (dir && depth && (name = g_dir_read_name(dir))) {
		g_autofree char *below = g_build_filename(folder, name, NULL);

		add_traces(below, depth - 1);
	}
}

int main(int argc, char **argv)
{
	const char *variables[] = {"STRATA_SAMPLES", "STRATA_TRACES"};

	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(variables); i++)
		if (g_getenv(variables[i]))
			add_traces(g_getenv(variables[i]), 4);
	return g_test_run();
}

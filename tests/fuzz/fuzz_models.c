/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the input is a trace's events, in any order and with any values, as the models get them. Whatever they say, states exclude each other and add up:
 * every vCPU's and processor's to the time analysed, no time is negative, and exits have no more time than their vCPU. Rows of the history have no gaps, those of
 * threads and processors cover their lives.
 *
 * An event is 8 bytes: what, where, how much later, contexts, four small values, which are spread to what makes a difference.
 */
#include <string.h>

#include "kernel/containers.h"
#include "kernel/counters.h"
#include "kernel/flow.h"
#include "kvm/kvm.h"
#include "kvm/rows.h"
#include "kvm/set.h"
#include "kvm/waits.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

enum { EVENT_BYTES = 8, BEGIN = 1000, N_WHATS = TRACE_EVENT_COUNT + 2 };

typedef struct {
	Kernel *kernel;
	Kvm *kvm;
	History *history;
	KernelSet *set;
	KvmSet *kvm_set;
	TraceModel models[6 + KVM_PART_COUNT]; /* of the kernel's parts those that ask for nothing but an event's fields */
	gint64 now;
	gboolean lossy[4];
} World;

static const char names[] = "CPU 0/KVM\0CPU 1/KVM\0qemu\0vhost-2";

/* A value of a field: mostly thread numbers, exit reasons and states that occur; some nonsense. */
static guint64 spread(guint8 byte)
{
	static const guint64 odd[] = {0x80, 0x78, 0x60, 0x83, 12, 20, 24, 0x100, 0x400, 0xae80, G_MAXUINT64, 1ull << 32,
				      0xffffffff81000000, 0xffffffff81200000, 1u << 22, 0x1000};

	return byte < 240 ? byte % 12 : odd[byte - 240];
}

static gboolean is_text(guint id, guint field)
{
	const char *n = trace_field_names((TraceEventId)id, field);

	return n && (strstr(n, "comm") || strcmp(n, "name") == 0 || strcmp(n, "filename") == 0 || strcmp(n, "action") == 0);
}

static void feed_event(World *w, guint id, const guint8 *in)
{
	guint64 v[TRACE_FIELDS_MAX], ctx[TRACE_CTX_COUNT], counters[] = {(guint64)in[4] << 60 | in[5], spread(in[6])};
	guint n = trace_event_n_fields((TraceEventId)id);
	TraceEvent ev = {.time = w->now, .cpu = (in[1] & 7) - 1, .id = (guint16)id, .v = v, .ctx = ctx, .base = (const guint8 *)names};

	ev.present = in[1] & 8 ? (guint16)((1u << n) - 1) : (guint16)(in[3] & ((1u << n) - 1));
	ev.ctx_present = (guint16)(in[3] >> 4 | (in[3] & 0x1f) << TRACE_CTX_PID_NS);
	ev.counters = counters;
	ev.counters_present = in[7] & 3;
	for (guint i = 0; i < TRACE_FIELDS_MAX; i++)
		v[i] = is_text(id, i) ? CTF_TEXT(in[4 + i % 4] % 3 * 10, 9) : spread(in[4 + i % 4]);
	for (guint i = 0; i < TRACE_CTX_COUNT; i++)
		ctx[i] = spread(in[4 + i % 4]);
	for (guint m = 0; m < G_N_ELEMENTS(w->models); m++)
		for (gsize i = 0; i < w->models[m].n_needs; i++)
			if (w->models[m].needs[i].event == id) {
				w->models[m].event(w->models[m].self, &ev);
				break;
			}
}

/* Ranges of one processor don't overlap. */
static void feed_loss(World *w, guint cpu, gboolean begin)
{
	cpu %= G_N_ELEMENTS(w->lossy);
	if (w->lossy[cpu] == begin)
		return;
	w->lossy[cpu] = begin;
	for (guint m = 0; m < G_N_ELEMENTS(w->models); m++)
		if (w->models[m].loss)
			w->models[m].loss(w->models[m].self, (gint32)cpu - 1, w->now, begin ? TRACE_LOSS_BEGIN : TRACE_LOSS_END);
}

static void check(gboolean ok, const char *law)
{
	if (!ok)
		g_error("broken: %s", law);
}

static gint64 check_exits(const GPtrArray *exits)
{
	gint64 total = 0;

	for (guint i = 0; i < exits->len; i++) {
		const KvmExit *e = g_ptr_array_index(exits, i);

		check(e->count > 0 && e->hist.count <= e->count, "an exit is counted before its handling is");
		check(e->reflected <= e->count && e->full.count <= e->reflected, "reflected exits are exits");
		for (guint s = 0; s < KVM_STATE_COUNT; s++) {
			check(e->ns[s] >= 0, "time is not negative");
			total += e->ns[s];
		}
	}
	return total;
}

static void check_vcpu(const World *w, const KvmVcpu *v)
{
	gint64 sum = 0, handled = check_exits(v->exits), guest = 0;

	for (guint s = 0; s < KVM_STATE_COUNT; s++) {
		check(v->ns[s] >= 0, "time in a state is not negative");
		sum += v->ns[s];
	}
	check(sum == w->kernel->end_ns - w->kernel->begin_ns, "a vCPU's states add up to the time analysed");
	for (guint i = 0; i < v->nested->len; i++) {
		const KvmNested *n = g_ptr_array_index(v->nested, i);

		handled += check_exits(n->exits);
		guest += n->guest_ns;
		check(n->guest_ns >= 0, "time of a nested VM is not negative");
	}
	check(handled <= sum, "exits have no more time than there is");
	check(guest <= v->ns[KVM_STATE_GUEST_L2] + v->ns[KVM_STATE_UNKNOWN] + v->ns[KVM_STATE_GUEST_L1], "nested VMs ran within the VM");
	check(v->id >= 0 && v->vm && v->thread->vcpu == v, "a vCPU has an id, a VM and a thread");
}

static void check_kernel(const World *w)
{
	gint64 duration = w->kernel->end_ns - w->kernel->begin_ns;

	for (guint i = 0; i < w->kernel->cpus->len; i++) {
		const KernelCpu *c = g_ptr_array_index(w->kernel->cpus, i);

		check(!c || c->ns[0] + c->ns[1] + c->ns[2] == duration, "a processor's states add up");
	}
	for (guint i = 0; i < w->kernel->threads->len; i++) {
		const KernelThread *t = g_ptr_array_index(w->kernel->threads, i);

		for (guint s = 0; s < KERNEL_STATE_COUNT; s++)
			check(t->ns[s] >= 0 && t->ns[s] <= duration, "a thread's time is within the trace's");
	}
}

static void check_row(const World *w, guint32 row, gint64 begin_ns, gint64 end_ns)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, w->history, row, G_MININT64, G_MAXINT64);
	while (history_walk_next(&walk, &i)) {
		check(i.begin_ns == begin_ns && i.end_ns > i.begin_ns, "a row's intervals follow one another");
		begin_ns = i.end_ns;
	}
	check(begin_ns == end_ns, "a row's states add up to its life");
}

static void check_history(const World *w)
{
	guint threads, cpus;

	check(history_find_table(w->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &threads), "there is a table of threads");
	check(history_find_table(w->history, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &cpus), "there is a table of processors");
	for (guint32 r = 0; r < history_n_rows(w->history); r++)
		check_row(w, r, history_row_begin(w->history, r), history_row_end(w->history, r));
	for (guint64 i = 0; i < history_table_len(w->history, cpus); i++)
		check_row(w, ((const KernelCpuItem *)history_table_get(w->history, cpus, i))->row, w->kernel->begin_ns, w->kernel->end_ns);
	for (guint64 i = 0; i < history_table_len(w->history, threads); i++) {
		const KernelThreadItem *item = history_table_get(w->history, threads, i);

		if (item->row != KERNEL_NO_ROW && item->same_as == i)
			check_row(w, item->row, item->begin_ns, item->end_ns);
	}
}

/* A vCPU's row says what its sums say; what it did before it was known to be one may be unknown in both. */
static void check_vcpu_row(const World *w, const KvmVcpuItem *item, const KvmVcpu *v)
{
	gint64 ns[HISTORY_STATES_MAX];

	history_sums(w->history, item->row, w->kernel->begin_ns, w->kernel->end_ns, ns);
	for (guint s = 0; s < KVM_STATE_COUNT; s++)
		check(ns[s] == v->ns[s], "a vCPU's row has its times");
}

static void check_vcpu_rows(const World *w)
{
	guint table;
	guint64 n = 0;

	check(history_find_table(w->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table), "there is a table of vCPUs");
	for (guint i = 0; i < w->kvm->vms->len; i++) {
		const KvmVm *vm = g_ptr_array_index(w->kvm->vms, i);

		for (guint j = 0; j < vm->vcpus->len; j++)
			check_vcpu_row(w, history_table_get(w->history, table, n++), g_ptr_array_index(vm->vcpus, j));
	}
	check(n == history_table_len(w->history, table), "each vCPU is in it once");
}

static void check_counters(const World *w)
{
	guint table;

	check(history_find_table(w->history, KERNEL_COUNTER_SUMS_TABLE, sizeof(KernelCounterSum), &table), "there is a table of counters");
	for (guint64 i = 0; i < history_table_len(w->history, table); i++) {
		const KernelCounterSum *sum = history_table_get(w->history, table, i);

		check(sum->ns >= 0 && sum->ns <= w->kernel->end_ns - w->kernel->begin_ns, "counters count within the trace");
		check(sum->thread < w->kernel->n_serials || sum->thread == G_MAXUINT32, "counters are of a thread");
		check(sum->state < KERNEL_CS_COUNT, "counters are of a state");
	}
}

static void check_containers(const World *w)
{
	guint32 n = kernel_n_containers(w->history);

	for (guint32 i = 0; i < n; i++)
		check(kernel_container(w->history, i)->parent < n, "a container is in another one, or in the machine");
	for (guint32 i = 0; i < w->kernel->n_serials; i++) {
		guint32 c = kernel_container_of(w->history, i);

		check(c < n || c == KERNEL_NO_CONTAINER, "a thread is in a container that there is");
	}
}

static guint n_vcpus(const Kvm *kvm)
{
	guint n = 0;

	for (guint i = 0; i < kvm->vms->len; i++)
		n += ((const KvmVm *)g_ptr_array_index(kvm->vms, i))->vcpus->len;
	return n;
}

/* A wait has its order of times, a vCPU and a reason; those of a vCPU don't overlap. */
static void check_waits(const World *w)
{
	gint64 last[64] = {0};
	guint table;

	check(history_find_table(w->history, KVM_WAITS_TABLE, sizeof(KvmWaitItem), &table), "there is a table of waits");
	for (guint64 i = 0; i < history_table_len(w->history, table); i++) {
		const KvmWaitItem *item = history_table_get(w->history, table, i);

		check(item->begin_ns <= item->woken_ns && item->woken_ns <= item->run_ns, "a vCPU sleeps, is woken, runs");
		check(item->enter_ns == G_MININT64 || item->enter_ns >= item->run_ns, "it enters its guest when it runs");
		check(item->vcpu < n_vcpus(w->kvm), "a wait is some vCPU's");
		check(item->reason < KVM_WAIT_COUNT && item->confidence < 100, "its reason is one of the table");
		check(item->vcpu >= G_N_ELEMENTS(last) || item->begin_ns >= last[item->vcpu], "waits of a vCPU don't overlap");
		if (item->vcpu < G_N_ELEMENTS(last))
			last[item->vcpu] = item->run_ns;
	}
}

static void finish(World *w)
{
	g_autoptr(GArray) gaps = NULL;

	kernel_finish(w->kernel);
	kvm_finish(w->kvm);
	kernel_set_finish(w->set);
	kvm_set_finish(w->kvm_set);
	check(history_finish(w->history, NULL), "the history is whole");
	check_kernel(w);
	check_history(w);
	check_vcpu_rows(w);
	check_counters(w);
	check_containers(w);
	check_waits(w);
	for (guint i = 0; i < w->kvm->vms->len; i++) {
		const KvmVm *vm = g_ptr_array_index(w->kvm->vms, i);

		check(vm->vcpus->len > 0, "a VM has vCPUs");
		for (guint j = 0; j < vm->vcpus->len; j++)
			check_vcpu(w, g_ptr_array_index(vm->vcpus, j));
	}
	gaps = kvm_gaps(w->kvm);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	TraceFacts facts = {.is_kernel = TRUE, .kernel_release = "6.1.0"};
	gint64 end = BEGIN;
	World w = {.now = BEGIN};

	if (size < 2)
		return 0;
	facts.n_counters = 2;
	facts.counters[0] = (TraceCounter){.name = "cycles", .bits = 64};
	facts.counters[1] = (TraceCounter){.name = "instructions", .bits = 12, .of_thread = TRUE};
	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		facts.declared[i] = (data[0] >> i % 8 & 1) || (data[1] & 1);
	for (guint i = 0; i < TRACE_SYSCALL_COUNT; i++)
		facts.declared_syscalls[i] = data[1] >> 1 & 1;
	for (gsize i = 2; i + EVENT_BYTES <= size; i += EVENT_BYTES)
		end += data[i + 2];
	w.kernel = kernel_new(&facts, BEGIN, end);
	w.kvm = kvm_new(w.kernel, &facts);
	w.history = history_new(BEGIN, end, NULL);
	w.set = kernel_set_new(w.kernel, w.history, &facts);
	w.kvm_set = kvm_set_new(w.kvm, w.set);
	kvm_keep(w.kvm, w.set);
	w.models[0] = kernel_model(w.kernel);
	w.models[1] = kvm_model(w.kvm);
	w.models[2] = kernel_part_irq.model(w.set->parts[KERNEL_PART_IRQ]);
	w.models[3] = kernel_part_containers.model(w.set->parts[KERNEL_PART_CONTAINERS]);
	w.models[4] = kernel_part_flow.model(w.set->parts[KERNEL_PART_FLOW]);
	w.models[5] = kernel_part_counters.model(w.set->parts[KERNEL_PART_COUNTERS]);
	kvm_set_models(w.kvm_set, w.models + 6);
	for (gsize i = 2; i + EVENT_BYTES <= size; i += EVENT_BYTES) {
		guint what = data[i] % N_WHATS;

		w.now += data[i + 2];
		if (what < TRACE_EVENT_COUNT)
			feed_event(&w, what, data + i);
		else
			feed_loss(&w, data[i + 1], what == TRACE_EVENT_COUNT);
	}
	finish(&w);
	kvm_set_free(w.kvm_set);
	kernel_set_free(w.set);
	kvm_free(w.kvm);
	history_free(w.history);
	kernel_free(w.kernel);
	return 0;
}

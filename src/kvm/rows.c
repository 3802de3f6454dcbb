/* SPDX-License-Identifier: MIT */
/*
 * rows.c: vCPUs' states become rows.
 *
 * What time was may turn out later: which level ran shows when the exit has been handled, and that an exit was handled on the fast path when the next one comes. So
 * the last pieces of a vCPU's time wait until nothing can change them any more. That is the case at each entry.
 */
#include "kernel/flow.h"
#include "kvm/private.h"
#include "kvm/rows.h"

#include <string.h>

#define PIECES_MAX 4096 /* of one vCPU that wait; those before are then taken for what they are */

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

/* The number of a reason's name; each is made once, but for the few that no table names. */
static guint32 reason_text(Kvm *kvm, KvmIsa isa, guint64 code)
{
	struct KvmState_ *s = kvm->s;
	gint slot = kvm_exits_slot(code);

	if (slot >= 0 && isa <= KVM_ISA_SVM && s->reason_texts[isa][slot])
		return s->reason_texts[isa][slot];
	const KvmReason *reason = kvm_reason(isa, code);
	char number[24];
	if (!reason && s->unnamed_texts++ >= KVM_CODES_MAX)
		g_strlcpy(number, "(other)", sizeof(number));
	else
		g_snprintf(number, sizeof(number), "0x%" G_GINT64_MODIFIER "x", code);
	guint32 text = history_text(s->history, reason ? reason->name : number, -1);
	if (slot >= 0 && isa <= KVM_ISA_SVM)
		s->reason_texts[isa][slot] = text;
	return text;
}

static guint32 episode_text(const KvmVcpu *v)
{
	const KvmEpisode *ep = &v->s->ep;

	return ep->open && ep->known ? reason_text(v->s->kvm, (KvmIsa)ep->isa, ep->code) : 0;
}

guint32 kvm_row_thread(Kvm *kvm, const KernelThread *t)
{
	GArray *all = kvm->s->thread_texts;
	char name[KERNEL_NAME_LEN + 16];

	if (!t || !kvm->s->history || kernel_is_idle(t))
		return 0;
	if (t->serial >= all->len)
		g_array_set_size(all, t->serial + 1);
	guint32 *text = &g_array_index(all, guint32, t->serial);
	if (*text)
		return *text;
	g_snprintf(name, sizeof(name), "%s %d", t->name[0] ? t->name : "?", t->tid);
	guint32 made = history_text(kvm->s->history, name, -1);
	if (t->name[0])
		*text = made;
	return made;
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

static gboolean handles(KvmState state)
{
	return state == KVM_STATE_EXIT || state == KVM_STATE_EMULATION;
}

static guint32 detail_of(const KvmVcpu *v, KvmState state)
{
	if (handles(state))
		return episode_text(v);
	return state == KVM_STATE_PREEMPTED ? v->s->preempted_by : 0;
}

/* Write the first `n` pieces. */
static void write_pieces(KvmVcpu *v, guint n)
{
	struct KvmVcpuState *s = v->s;

	for (guint i = 0; i < n; i++) {
		const KvmPiece *p = &g_array_index(s->pieces, KvmPiece, i);

		history_append(s->kvm->s->history, s->row, p->end, p->state, p->detail);
		s->written = p->end;
	}
	if (n)
		g_array_remove_range(s->pieces, 0, n);
}

void kvm_row_pass(KvmVcpu *v, KvmState state, gint64 end)
{
	struct KvmVcpuState *s = v->s;

	if (!s->pieces)
		return;
	KvmPiece p = {.end = end, .state = (guint8)state, .in_episode = s->ep.open, .detail = detail_of(v, state)};
	KvmPiece *last = s->pieces->len ? &g_array_index(s->pieces, KvmPiece, s->pieces->len - 1) : NULL;
	if (last && last->state == p.state && last->detail == p.detail && last->in_episode == p.in_episode) {
		last->end = end;
		return;
	}
	if (s->pieces->len >= PIECES_MAX)
		write_pieces(v, PIECES_MAX / 2);
	g_array_append_val(s->pieces, p);
}

static gint64 piece_begin(const struct KvmVcpuState *s, guint i)
{
	return i ? g_array_index(s->pieces, KvmPiece, i - 1).end : s->written;
}

/* Make two of the piece that `time` lies in. Returns the number of the second, or of the one that begins there. */
static guint cut(struct KvmVcpuState *s, gint64 time)
{
	guint i = 0;

	while (i < s->pieces->len && g_array_index(s->pieces, KvmPiece, i).end <= time)
		i++;
	if (i == s->pieces->len || piece_begin(s, i) >= time)
		return i;
	KvmPiece first = g_array_index(s->pieces, KvmPiece, i);
	first.end = time;
	g_array_insert_val(s->pieces, i, first);
	return i + 1;
}

gint64 kvm_row_recount(KvmVcpu *v, KvmState from, KvmState to, gint64 ns)
{
	struct KvmVcpuState *s = v->s;
	gint64 left = ns;

	if (!s->pieces)
		return ns;
	for (guint i = s->pieces->len; i-- > 0 && left > 0;) {
		KvmPiece *p = &g_array_index(s->pieces, KvmPiece, i);
		gint64 have = p->end - piece_begin(s, i);

		if (p->state != from)
			continue;
		if (have > left)
			p = &g_array_index(s->pieces, KvmPiece, cut(s, p->end - left));
		p->state = (guint8)to;
		p->detail = detail_of(v, to);
		left -= MIN(have, left);
	}
	return ns - left;
}

void kvm_row_reason(KvmVcpu *v)
{
	struct KvmVcpuState *s = v->s;

	for (guint i = s->pieces ? s->pieces->len : 0; i-- > 0;) {
		KvmPiece *p = &g_array_index(s->pieces, KvmPiece, i);

		if (!p->in_episode)
			break;
		if (handles((KvmState)p->state) && !p->detail)
			p->detail = episode_text(v);
	}
}

void kvm_row_woken(KvmVcpu *v)
{
	struct KvmVcpuState *s = v->s;
	guint32 by = !s->pieces ? 0 : s->wait_text ? s->wait_text : kernel_flow_waker(s->kvm->s->set, v->thread);

	s->wait_text = 0;
	for (guint i = by ? s->pieces->len : 0; i-- > 0;) {
		KvmPiece *p = &g_array_index(s->pieces, KvmPiece, i);

		if (p->state == KVM_STATE_HALTED || p->state == KVM_STATE_BLOCKED)
			p->detail = by;
		else if (p->state != KVM_STATE_WAIT_CPU && p->state != KVM_STATE_THROTTLED)
			break;
	}
}

void kvm_row_settle(KvmVcpu *v, gint64 until)
{
	struct KvmVcpuState *s = v->s;

	if (!s->pieces || !s->pieces->len)
		return;
	if (g_array_index(s->pieces, KvmPiece, s->pieces->len - 1).end <= until)
		write_pieces(v, s->pieces->len);
	else if (until > s->written)
		write_pieces(v, cut(s, until));
}

/* ---- Processors -------------------------------------------------------------------------------------------------- */

/* Its number is only certain at the end; this is what is likely. */
static guint32 guest_text(KvmVcpu *v)
{
	struct KvmVcpuState *s = v->s;
	gint32 id = s->exit_id >= 0 ? s->exit_id : kvm_id_by_name(v->thread->name);
	char text[64];

	if (s->guest_text && s->guest_pid == v->vm->pid && s->guest_id == id)
		return s->guest_text;
	if (id >= 0)
		g_snprintf(text, sizeof(text), "VM %d vCPU %d", v->vm->pid, id);
	else
		g_snprintf(text, sizeof(text), "VM %d thread %d", v->vm->pid, v->thread->tid);
	s->guest_pid = v->vm->pid;
	s->guest_id = id;
	return s->guest_text = history_text(s->kvm->s->history, text, -1);
}

void kvm_row_enter(KvmVcpu *v, gint64 time)
{
	if (v->s->kvm->s->set)
		kernel_flow_guest_enter(v->s->kvm->s->set, v->thread->cpu, v->thread, time, guest_text(v));
}

void kvm_row_leave(const KvmVcpu *v, gint64 time)
{
	if (v->s->kvm->s->set)
		kernel_flow_guest_leave(v->s->kvm->s->set, v->thread->cpu, v->thread, time);
}

/* ---- What a thread did before ------------------------------------------------------------------------------------ */

/* TRUE if times in the kernel's states tell their order too. */
static gboolean unambiguous(const KernelThread *t, const gint64 *ns, gint64 first_ns)
{
	if (ns[KERNEL_PREEMPTED])
		return FALSE;
	if (!ns[KERNEL_RUNNING])
		return TRUE;
	if (t->switches == 0)
		return !ns[KERNEL_BLOCKED] && !ns[KERNEL_WAIT_CPU];
	/* One that ran already when the trace began has run twice. */
	return t->switches == 1 && (t->born || t->begin_ns + ns[KERNEL_UNKNOWN] > first_ns);
}

void kvm_row_import(KvmVcpu *v, const gint64 *ns, gint64 time)
{
	static const KvmState order[] = {KVM_STATE_OFF,       KVM_STATE_UNKNOWN,  KVM_STATE_BLOCKED,  KVM_STATE_HALTED,
					 KVM_STATE_PREEMPTED, KVM_STATE_WAIT_CPU, KVM_STATE_RUNNING, KVM_STATE_EMULATION};
	struct KvmVcpuState *s = v->s;
	History *h = s->kvm->s->history;
	gint64 ended = ns[KERNEL_ENDED], end = MIN(time, s->kvm->kernel->end_ns) - ended;

	if (!h)
		return;
	if (!unambiguous(v->thread, ns, s->kvm->kernel->first_ns))
		for (guint i = 0; i < KVM_STATE_COUNT; i++)
			if (i != KVM_STATE_UNKNOWN && i != KVM_STATE_OFF) {
				v->ns[KVM_STATE_UNKNOWN] += v->ns[i];
				v->ns[i] = 0;
			}
	s->row = history_row(h, s->kvm->s->kind, "vm/?/vcpu/?", history_begin(h));
	s->awaited_row = history_row(h, s->kvm->s->awaited_kind, "vm/?/vcpu/?/awaited", history_begin(h));
	s->written = history_begin(h);
	s->pieces = g_array_new(FALSE, FALSE, sizeof(KvmPiece));
	gint64 at = s->kvm->kernel->begin_ns;
	for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
		at += v->ns[order[i]] - (order[i] == KVM_STATE_OFF ? ended : 0);
		kvm_row_pass(v, order[i], MIN(at, end));
		kvm_row_settle(v, at);
	}
	if (ended)
		kvm_row_pass(v, KVM_STATE_OFF, end + ended);
	kvm_row_settle(v, G_MAXINT64);
}

/* ---- Processors that are waited for -------------------------------------------------------------------------------- */

void kvm_row_awaited(const KvmVcpu *v, gint64 time)
{
	const struct KvmVcpuState *s = v->s;
	gboolean some = s->wait_cpu >= 0;
	guint state = !some ? KVM_AWAITED_NONE : s->wait_woken ? KVM_AWAITED_WOKEN : KVM_AWAITED_QUEUED;

	if (s->kvm->s->history)
		history_append(s->kvm->s->history, s->awaited_row, time, state, some ? (guint32)s->wait_cpu : 0);
}

/* ---- Nested VMs -------------------------------------------------------------------------------------------------- */

/* A run of level 2, in the table "l2-runs" until it is known for sure whose it was. */
typedef struct {
	gint64 begin, end;
	guint64 code;
	guint32 vcpu;      /* index in kvm->s->vcpus */
	guint32 l2;        /* KvmL2.index before kvm_l2_number(); G_MAXUINT32: not known */
	guint8 isa, has_exit, reflected, whole, away;
} L2Run;

void kvm_row_l2(const KvmVcpu *v, const KvmRun *run, const KvmL2 *l2)
{
	const struct KvmState_ *s = v->s->kvm->s;

	if (!s->history || !l2)
		return;
	L2Run *r = history_table_add(s->history, s->runs);
	*r = (L2Run){.begin = run->end - run->guest_ns, .end = run->end, .code = run->code, .vcpu = v->s->index, .l2 = l2->index, .isa = run->isa,
		     .has_exit = (guint8)run->has_exit, .reflected = (guint8)run->reflected, .whole = run->reflected ? run->full_ns >= 0 : (guint8)run->whole,
		     .away = (guint8)kvm_nested_away(v->s, run)};
}

/* What a nested VM is said to do on one vCPU. */
typedef struct {
	guint32 row;
	const KvmVcpu *vcpu;
	const KvmL2 *l2;
	guint32 detail;
	guint8 after;               /* KvmL2State since its last run */
} L2Row;

static guint position(const GPtrArray *all, gconstpointer what)
{
	guint i = 0;

	while (i < all->len && g_ptr_array_index(all, i) != what)
		i++;
	return i;
}

static guint l2_row_hash(gconstpointer key)
{
	const L2Row *r = key;

	return g_direct_hash(r->vcpu) * 31 + g_direct_hash(r->l2);
}

static gboolean l2_row_equal(gconstpointer a, gconstpointer b)
{
	const L2Row *x = a, *y = b;

	return x->vcpu == y->vcpu && x->l2 == y->l2;
}

static L2Row *l2_row(Kvm *kvm, GHashTable *rows, const KvmVcpu *v, const KvmL2 *l2, gint64 begin)
{
	L2Row key = {.vcpu = v, .l2 = l2}, *r = g_hash_table_lookup(rows, &key);

	if (r)
		return r;
	g_autofree char *path = g_strdup_printf("vm/%d/l2/%u/vcpu/%d", v->vm->pid, position(v->vm->l2s, l2), v->id);
	r = g_new0(L2Row, 1);
	*r = (L2Row){.vcpu = v, .l2 = l2, .row = history_row(kvm->s->history, kvm->s->l2_kind, path, begin)};
	g_hash_table_add(rows, r);
	return r;
}

static KvmL2State state_after(const L2Run *run)
{
	const KvmReason *reason = kvm_reason((KvmIsa)run->isa, run->code);

	if (!run->has_exit || !run->whole)
		return KVM_L2_STATE_UNKNOWN;
	if (reason && reason->klass == KVM_CLASS_HLT)
		return KVM_L2_STATE_HALTED;
	if (run->away)
		return KVM_L2_STATE_AWAY;
	return run->reflected ? KVM_L2_STATE_REFLECTED : KVM_L2_STATE_EXIT;
}

static void write_run(Kvm *kvm, GHashTable *rows, const L2Run *run)
{
	const KvmVcpu *v = g_ptr_array_index(kvm->s->vcpus, run->vcpu);
	const KvmL2 *l2 = kvm_l2_numbered(v->vm, run->l2);

	if (!l2 || run->begin < v->s->runs_since)
		return;
	L2Row *r = l2_row(kvm, rows, v, l2, run->begin);
	history_append(kvm->s->history, r->row, run->begin, r->after, r->detail);
	history_append(kvm->s->history, r->row, run->end, KVM_L2_STATE_GUEST, 0);
	r->after = (guint8)state_after(run);
	r->detail = r->after == KVM_L2_STATE_EXIT || r->after == KVM_L2_STATE_REFLECTED || r->after == KVM_L2_STATE_AWAY ? reason_text(kvm, (KvmIsa)run->isa, run->code) : 0;
}

static GHashTable *write_runs(Kvm *kvm)
{
	const History *h = kvm->s->history;
	GHashTable *rows = g_hash_table_new_full(l2_row_hash, l2_row_equal, g_free, NULL);
	guint64 n = history_table_len(h, kvm->s->runs);

	for (guint64 i = 0; i < n; i++)
		write_run(kvm, rows, history_table_get(h, kvm->s->runs, i));
	return rows;
}

/* ---- Tables ------------------------------------------------------------------------------------------------------ */

static void write_vcpu(Kvm *kvm, const KvmVcpu *v, guint32 vm)
{
	KvmVcpuItem *item = history_table_add(kvm->s->history, kvm->s->vcpu_table);
	g_autofree char *path = g_strdup_printf("vm/%d/vcpu/%d", v->vm->pid, v->id), *awaited = g_strconcat(path, "/awaited", NULL);

	*item = (KvmVcpuItem){.vm = vm, .id = v->id, .thread = v->thread->serial, .row = v->s->row, .id_source = (guint8)v->id_source,
			      .entries = v->entries, .exits = v->exits_seen, .awaited = v->s->awaited_row};
	history_row_rename(kvm->s->history, v->s->awaited_row, awaited);
	kvm_row_awaited(v, history_end(kvm->s->history));
	history_row_rename(kvm->s->history, v->s->row, path);
}

static void write_threads(Kvm *kvm, const KvmVm *vm, guint32 number)
{
	for (guint i = 0; i < vm->threads->len; i++) {
		const KvmThread *t = &g_array_index(vm->threads, KvmThread, i);
		KvmVmThreadItem *item = history_table_add(kvm->s->history, kvm->s->thread_table);

		*item = (KvmVmThreadItem){.thread = t->thread->serial, .vm = number, .role = (guint8)t->role};
	}
}

static guint32 write_l2_vcpus(Kvm *kvm, GHashTable *rows, const KvmVm *vm, const KvmL2 *l2, guint32 l2_item, guint32 first_vcpu)
{
	guint32 n = 0;

	for (guint i = 0; i < vm->vcpus->len; i++) {
		L2Row key = {.vcpu = g_ptr_array_index(vm->vcpus, i), .l2 = l2};
		const L2Row *r = g_hash_table_lookup(rows, &key);

		if (!r)
			continue;
		KvmL2VcpuItem *item = history_table_add(kvm->s->history, kvm->s->l2_vcpu_table);
		*item = (KvmL2VcpuItem){.l2 = l2_item, .vcpu = first_vcpu + i, .row = r->row};
		n++;
	}
	return n;
}

static void write_l2(Kvm *kvm, GHashTable *rows, const KvmVm *vm, guint index, guint32 vm_item, guint32 first_vcpu)
{
	const KvmL2 *l2 = g_ptr_array_index(vm->l2s, index);
	History *h = kvm->s->history;
	guint32 number = (guint32)history_table_len(h, kvm->s->l2_table);
	KvmL2Item *item = history_table_add(h, kvm->s->l2_table);

	*item = (KvmL2Item){.vm = vm_item, .index = index, .evidence = (guint8)l2->evidence, .is_hypervisor = (guint8)l2->is_hypervisor,
			    .vcpus_exact = (guint8)l2->vcpus_exact, .vcpus = l2->vcpus, .first_ns = l2->first_ns, .last_ns = l2->last_ns,
			    .guest_ns = l2->guest_ns, .runs = l2->runs, .first_vcpu = (guint32)history_table_len(h, kvm->s->l2_vcpu_table)};
	item->n_vcpus = write_l2_vcpus(kvm, rows, vm, l2, number, first_vcpu);
}

static void write_vm(Kvm *kvm, GHashTable *rows, const KvmVm *vm)
{
	History *h = kvm->s->history;
	guint32 number = (guint32)history_table_len(h, kvm->s->vm_table);
	KvmVmItem *item = history_table_add(h, kvm->s->vm_table);

	*item = (KvmVmItem){.pid = vm->pid, .name = history_text(h, vm->name, -1), .n_vcpus = vm->vcpus->len, .n_l2s = vm->l2s->len,
			    .first_vcpu = (guint32)history_table_len(h, kvm->s->vcpu_table),
			    .first_l2 = (guint32)history_table_len(h, kvm->s->l2_table)};
	for (guint i = 0; i < vm->vcpus->len; i++)
		write_vcpu(kvm, g_ptr_array_index(vm->vcpus, i), number);
	write_threads(kvm, vm, number);
	for (guint i = 0; i < vm->l2s->len; i++)
		write_l2(kvm, rows, vm, i, number, item->first_vcpu);
}

void kvm_rows_finish(Kvm *kvm)
{
	if (!kvm->s->history)
		return;
	g_autoptr(GHashTable) rows = write_runs(kvm);
	for (guint i = 0; i < kvm->vms->len; i++)
		write_vm(kvm, rows, g_ptr_array_index(kvm->vms, i));
}

void kvm_keep(Kvm *kvm, KernelSet *set)
{
	static const char *const l2_states[] = {
#define KVM_X(id, name, description) [KVM_L2_STATE_##id] = (name),
		KVM_L2_STATES(KVM_X)
#undef KVM_X
	};
	static const char *const awaited_states[] = {[KVM_AWAITED_NONE] = "none", [KVM_AWAITED_WOKEN] = "woken", [KVM_AWAITED_QUEUED] = "queued"};
	const char *states[KVM_STATE_COUNT];
	struct KvmState_ *s = kvm->s;

	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		states[i] = kvm_state_name((KvmState)i);
	s->set = set;
	s->history = set->history;
	s->kind = history_kind(s->history, KVM_ROW_KIND, states, KVM_STATE_COUNT);
	s->l2_kind = history_kind(s->history, KVM_L2_ROW_KIND, l2_states, KVM_L2_STATE_COUNT);
	s->awaited_kind = history_kind(s->history, KVM_AWAITED_ROW_KIND, awaited_states, KVM_AWAITED_STATE_COUNT);
	s->runs = history_table(s->history, "l2-runs", sizeof(L2Run));
	s->vm_table = history_table(s->history, KVM_VMS_TABLE, sizeof(KvmVmItem));
	s->vcpu_table = history_table(s->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem));
	s->thread_table = history_table(s->history, KVM_VM_THREADS_TABLE, sizeof(KvmVmThreadItem));
	s->l2_table = history_table(s->history, KVM_L2S_TABLE, sizeof(KvmL2Item));
	s->l2_vcpu_table = history_table(s->history, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem));
}

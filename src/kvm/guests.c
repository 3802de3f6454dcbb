/* SPDX-License-Identifier: MIT */
/* guests.c: processes of guests, by their page tables: switches while events flow, rows when all is known of vCPUs. */
#include "kvm/guests.h"

#include "kvm/private.h"

typedef struct {
	KvmSet *set;
	guint switches, processes; /* tables */
	guint kind;
	GHashTable *rows;          /* Process * (itself) */
} Guests;

/* A process on a vCPU. */
typedef struct {
	guint64 cr3;
	guint32 vcpu, level;
	guint64 item;
} Process;

/* ---- While events flow ----------------------------------------------------------------------------------------------- */

static void on_cr3(gpointer self, KvmVcpu *v, gint64 time, guint64 cr3)
{
	const Guests *g = self;
	struct KvmVcpuState *s = v->s;
	guint32 level = s->entering ? 2 : s->level;

	cr3 &= KVM_CR3_MASK;
	if (!s->cr3_known || s->cr3 != cr3 || s->cr3_level != level) {
		KvmGuestSwitchItem *item = history_table_add(g->set->history, g->switches);

		*item = (KvmGuestSwitchItem){.cr3 = cr3, .told_ns = s->cr3_known ? s->cr3_told : G_MININT64, .vcpu = s->index, .level = level,
					     .begin_ns = s->ep.open ? MAX(s->ep.begin, s->cr3_told) : time};
	}
	s->cr3_known = TRUE;
	s->cr3 = cr3;
	s->cr3_level = (guint8)level;
	s->cr3_told = time;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------------- */

static guint hash(gconstpointer key)
{
	const Process *p = key;
	guint64 h = (p->cr3 ^ ((guint64)p->vcpu << 40) ^ p->level) * 0x9e3779b97f4a7c15u;

	return (guint)(h >> 32);
}

static gboolean equal(gconstpointer a, gconstpointer b)
{
	const Process *x = a, *y = b;

	return x->cr3 == y->cr3 && x->vcpu == y->vcpu && x->level == y->level;
}

static char *path_of(const KvmVcpu *v, const Process *p)
{
	const char *kind = p->level == 2 ? "l2-process" : "process";

	if (p->cr3 == KVM_OTHER_PROCESSES)
		return g_strdup_printf("vm/%d/%s/other/vcpu/%d", v->vm->pid, kind, v->id);
	return g_strdup_printf("vm/%d/%s/0x%" G_GINT64_MODIFIER "x/vcpu/%d", v->vm->pid, kind, p->cr3, v->id);
}

static KvmGuestProcessItem *process_of(Guests *g, const KvmVcpu *v, guint32 vcpu_item, const KvmGuestSwitchItem *s)
{
	History *h = g->set->history;
	Process key = {.cr3 = s->cr3, .vcpu = vcpu_item, .level = s->level};
	const Process *known = g_hash_table_lookup(g->rows, &key);

	if (!known && g_hash_table_size(g->rows) >= KVM_GUEST_PROCESSES_MAX) {
		key.cr3 = KVM_OTHER_PROCESSES;
		known = g_hash_table_lookup(g->rows, &key);
	}
	if (known)
		return history_table_item(h, g->processes, known->item);
	g_autofree char *path = path_of(v, &key);
	key.item = history_table_len(h, g->processes);
	KvmGuestProcessItem *item = history_table_add(h, g->processes);
	*item = (KvmGuestProcessItem){.cr3 = key.cr3, .vcpu = vcpu_item, .level = s->level, .row = history_row(h, g->kind, path, s->begin_ns)};
	g_hash_table_add(g->rows, g_memdup2(&key, sizeof(key)));
	return item;
}

static KvmGuestState state_of(KvmState state)
{
	switch (state) {
	case KVM_STATE_GUEST_L1:
	case KVM_STATE_GUEST_L2:
	case KVM_STATE_RUNNING:
		return KVM_GUEST_RUNNING;
	case KVM_STATE_EXIT:
	case KVM_STATE_EMULATION:
		return KVM_GUEST_EXIT;
	case KVM_STATE_HALT_POLL:
	case KVM_STATE_HALTED:
		return KVM_GUEST_HALTED;
	case KVM_STATE_BLOCKED:
		return KVM_GUEST_BLOCKED;
	case KVM_STATE_PREEMPTED:
		return KVM_GUEST_PREEMPTED;
	case KVM_STATE_THROTTLED:
		return KVM_GUEST_THROTTLED;
	case KVM_STATE_WAIT_CPU:
		return KVM_GUEST_WAIT_CPU;
	default:
		return KVM_GUEST_UNKNOWN;
	}
}

/* The intervals of a vCPU's row from then on. They are copied: a walk must not go on while another row grows. */
static GArray *intervals_of(const History *h, guint32 row, gint64 begin)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(HistoryInterval));
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, h, row, begin, history_end(h));
	while (history_walk_next(&walk, &i))
		g_array_append_val(all, i);
	return all;
}

/* The row of a process goes through what its vCPU did in [begin, end); code that ran from `told` on may have been another's. */
static void append(History *h, guint32 row, const GArray *intervals, guint *at, gint64 begin, gint64 end, gint64 told)
{
	history_append(h, row, begin, KVM_GUEST_ELSEWHERE, 0);
	for (; *at < intervals->len; (*at)++) {
		const HistoryInterval *i = &g_array_index(intervals, HistoryInterval, *at);
		KvmGuestState state = state_of((KvmState)i->state);

		if (i->begin_ns >= end)
			return;
		if (i->end_ns <= begin)
			continue;
		gint64 from = MAX(i->begin_ns, begin), to = MIN(i->end_ns, end);
		if (state == KVM_GUEST_RUNNING && to > told) {
			history_append(h, row, CLAMP(told, from, to), state, 0);
			state = KVM_GUEST_UNCERTAIN;
		}
		history_append(h, row, to, state, state == KVM_GUEST_RUNNING || state == KVM_GUEST_UNCERTAIN ? 0 : i->detail);
		if (i->end_ns > end)
			return;
	}
}

static const KvmGuestSwitchItem *switch_at(History *h, guint table, const GArray *switches, guint i)
{
	return history_table_item(h, table, g_array_index(switches, guint64, i));
}

/*
 * By switch: the page tables were still the same when the vCPU left them at its end. If it left for the other level, that is told when it comes back to this one; what
 * is never seen again is taken to have stayed.
 */
static gboolean *find_stayed(History *h, guint table, const GArray *switches)
{
	gboolean *stayed = g_new(gboolean, switches->len + 1);
	guint64 next[3] = {KVM_OTHER_PROCESSES, KVM_OTHER_PROCESSES, KVM_OTHER_PROCESSES}; /* by level: the page tables of the next switch of it */

	for (guint i = switches->len; i-- > 0;) {
		const KvmGuestSwitchItem *s = switch_at(h, table, switches, i);
		guint64 *n = &next[MIN(s->level, 2)];

		stayed[i] = *n == KVM_OTHER_PROCESSES || *n == s->cr3;
		*n = s->cr3;
	}
	return stayed;
}

/* All switches of one vCPU, in order. */
static void write_vcpu(Guests *g, const KvmVcpu *v, guint32 vcpu_item, const GArray *switches)
{
	History *h = g->set->history;
	g_autoptr(GArray) intervals = intervals_of(h, v->s->row, switch_at(h, g->switches, switches, 0)->begin_ns);
	g_autofree gboolean *stayed = find_stayed(h, g->switches, switches);
	guint at = 0;

	for (guint i = 0; i < switches->len; i++) {
		const KvmGuestSwitchItem s = *switch_at(h, g->switches, switches, i);
		const KvmGuestSwitchItem *next = i + 1 < switches->len ? switch_at(h, g->switches, switches, i + 1) : NULL;
		gint64 end = next ? next->begin_ns : history_end(h), told = next && !stayed[i] ? next->told_ns : G_MAXINT64;

		append(h, process_of(g, v, vcpu_item, &s)->row, intervals, &at, s.begin_ns, end, told);
	}
}

static void free_array(gpointer array)
{
	if (array)
		g_array_unref(array);
}

static void guests_finish(gpointer self)
{
	static const char *const states[] = {
#define KVM_X(id, name, description) [KVM_GUEST_##id] = (name),
		KVM_GUEST_STATES(KVM_X)
#undef KVM_X
	};
	Guests *g = self;
	History *h = g->set->history;
	const GPtrArray *vcpus = g->set->kvm->s->vcpus;
	guint64 n = history_table_len(h, g->switches);

	g->set->kvm->s->on_cr3 = NULL;
	if (n == 0)
		return;
	g_autofree guint32 *items = kvm_set_vcpu_items(g->set);
	g_autoptr(GPtrArray) by_vcpu = g_ptr_array_new_with_free_func(free_array); /* GArray of items of the table */
	g->kind = history_kind(h, KVM_GUEST_ROW_KIND, states, KVM_GUEST_STATE_COUNT);
	g->rows = g_hash_table_new_full(hash, equal, g_free, NULL);
	g_ptr_array_set_size(by_vcpu, (gint)vcpus->len);
	for (guint64 i = 0; i < n; i++) {
		KvmGuestSwitchItem *s = history_table_item(h, g->switches, i);
		GArray **list = (GArray **)&by_vcpu->pdata[s->vcpu];

		if (!*list)
			*list = g_array_new(FALSE, FALSE, sizeof(guint64));
		g_array_append_val(*list, i);
		s->vcpu = items[s->vcpu];
	}
	for (guint i = 0; i < vcpus->len; i++)
		if (by_vcpu->pdata[i] && items[i] != KVM_NO_ROW)
			write_vcpu(g, g_ptr_array_index(vcpus, i), items[i], by_vcpu->pdata[i]);
}

/* ---- The part ------------------------------------------------------------------------------------------------------------ */

static gpointer guests_create(KvmSet *set)
{
	Guests *g = g_new0(Guests, 1);

	g->set = set;
	g->switches = history_table(set->history, KVM_GUEST_SWITCHES_TABLE, sizeof(KvmGuestSwitchItem));
	g->processes = history_table(set->history, KVM_GUEST_PROCESSES_TABLE, sizeof(KvmGuestProcessItem));
	set->kvm->s->on_cr3 = on_cr3;
	set->kvm->s->on_cr3_user = g;
	return g;
}

/* The vCPUs' own model hears of entries, and tells. */
static void guests_event(gpointer self, const TraceEvent *ev)
{
	(void)self;
	(void)ev;
}

static TraceModel guests_model(gpointer self)
{
	return (TraceModel){.event = guests_event, .self = self};
}

static void guests_free(gpointer self)
{
	Guests *g = self;

	if (g->rows)
		g_hash_table_unref(g->rows);
	g_free(g);
}

const KvmPart kvm_part_guests = {.create = guests_create, .model = guests_model, .finish = guests_finish, .free = guests_free};

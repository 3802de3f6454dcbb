/* SPDX-License-Identifier: MIT */
/*
 * steal.c: who had the processor that a vCPU wanted.
 *
 * Everything is asked of finished rows: the vCPU's own (what it was doing), which processor it waited for, which thread had that one, and the row of the vCPU's
 * thread, which knows of interrupts. Each is exact, so parts add up to what they are parts of.
 */
#include "analysis/steal.h"

#include <stdio.h>

#include "kernel/containers.h"

/* Of a thread. */
typedef struct {
	guint32 vm, vcpu; /* items; KVM_NO_ROW: none */
} Owner;

struct AnalysisSteal {
	const History *h;
	guint vm_table, vcpu_table, thread_table;
	guint64 n_threads;
	guint32 n_vcpus;
	Owner *owners;         /* by serial */
	GHashTable *occupants; /* processor -> its row of kind ".occupant", plus 1 */
	GHashTable *cpus;      /* processor -> its own row, plus 1 */
	guint32 *thread_rows;  /* by vCPU: its thread's; HISTORY_NO_ROW: none */
};

/* ---- Making -------------------------------------------------------------------------------------------------------- */

static guint32 same_as(const AnalysisSteal *s, guint32 serial)
{
	if (serial >= s->n_threads)
		return serial;
	guint32 same = ((const KernelThreadItem *)history_table_get(s->h, s->thread_table, serial))->same_as;
	return same < s->n_threads ? same : serial;
}

static const KernelThreadItem *thread_item(const AnalysisSteal *s, guint32 serial)
{
	return serial < s->n_threads ? history_table_get(s->h, s->thread_table, serial) : NULL;
}

static void find_rows(AnalysisSteal *s)
{
	guint occupant, cpu_kind;
	gboolean has_occupant = history_find_kind(s->h, KERNEL_OCCUPANT_ROW_KIND, &occupant);
	gboolean has_cpu = history_find_kind(s->h, KERNEL_CPU_ROW_KIND, &cpu_kind);
	gint32 cpu;

	s->occupants = g_hash_table_new(NULL, NULL);
	s->cpus = g_hash_table_new(NULL, NULL);
	for (guint32 r = 0; r < history_n_rows(s->h); r++) {
		guint kind = history_row_kind(s->h, r);
		GHashTable *to = has_occupant && kind == occupant ? s->occupants : has_cpu && kind == cpu_kind ? s->cpus : NULL;

		if (to && sscanf(history_row_path(s->h, r), "cpu/%d", &cpu) == 1)
			g_hash_table_insert(to, GINT_TO_POINTER(cpu), GUINT_TO_POINTER(r + 1));
	}
}

static guint32 row_of(GHashTable *rows, gint32 cpu)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(rows, GINT_TO_POINTER(cpu))) - 1; /* HISTORY_NO_ROW where there is none */
}

static void own(AnalysisSteal *s, guint32 serial, guint32 vm, guint32 vcpu)
{
	serial = same_as(s, serial);
	if (serial < s->n_threads)
		s->owners[serial] = (Owner){vm, vcpu};
}

static void find_owners(AnalysisSteal *s)
{
	guint table;

	s->owners = g_new(Owner, s->n_threads + 1);
	for (guint64 i = 0; i < s->n_threads; i++)
		s->owners[i] = (Owner){KVM_NO_ROW, KVM_NO_ROW};
	if (history_find_table(s->h, KVM_VM_THREADS_TABLE, sizeof(KvmVmThreadItem), &table))
		for (guint64 i = 0; i < history_table_len(s->h, table); i++) {
			const KvmVmThreadItem *t = history_table_get(s->h, table, i);

			own(s, t->thread, t->vm, KVM_NO_ROW);
		}
	s->thread_rows = g_new(guint32, (gsize)s->n_vcpus + 1);
	for (guint32 i = 0; i < s->n_vcpus; i++) {
		const KvmVcpuItem *v = analysis_steal_vcpu(s, i);
		const KernelThreadItem *t = thread_item(s, same_as(s, v->thread));

		own(s, v->thread, v->vm, i);
		s->thread_rows[i] = t ? t->row : HISTORY_NO_ROW;
	}
}

AnalysisSteal *analysis_steal_new(const History *h)
{
	guint vms, vcpus;

	if (!history_find_table(h, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms) || !history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus) ||
	    history_table_len(h, vcpus) == 0)
		return NULL;
	AnalysisSteal *s = g_new0(AnalysisSteal, 1);
	*s = (AnalysisSteal){.h = h, .vm_table = vms, .vcpu_table = vcpus, .n_vcpus = (guint32)history_table_len(h, vcpus)};
	if (history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &s->thread_table))
		s->n_threads = history_table_len(h, s->thread_table);
	find_rows(s);
	find_owners(s);
	return s;
}

void analysis_steal_free(AnalysisSteal *s)
{
	if (!s)
		return;
	g_hash_table_unref(s->occupants);
	g_hash_table_unref(s->cpus);
	g_free(s->owners);
	g_free(s->thread_rows);
	g_free(s);
}

guint32 analysis_steal_n_vcpus(const AnalysisSteal *s)
{
	return s->n_vcpus;
}

const KvmVcpuItem *analysis_steal_vcpu(const AnalysisSteal *s, guint32 vcpu)
{
	return history_table_get(s->h, s->vcpu_table, vcpu);
}

guint32 analysis_steal_thread_row(const AnalysisSteal *s, guint32 vcpu)
{
	return s->thread_rows[vcpu];
}

const KvmVmItem *analysis_steal_vm(const AnalysisSteal *s, guint32 vm)
{
	return history_table_get(s->h, s->vm_table, vm);
}

/* ---- Culprits ------------------------------------------------------------------------------------------------------ */

const char *analysis_culprit_kind_name(AnalysisCulpritKind kind)
{
	static const char *const names[] = {
#define ANALYSIS_K(id, name, meaning) [ANALYSIS_BY_##id] = (name),
		ANALYSIS_CULPRITS(ANALYSIS_K)
#undef ANALYSIS_K
	};

	return kind < ANALYSIS_BY_COUNT ? names[kind] : "";
}

AnalysisCulprit analysis_culprit_of(const AnalysisSteal *s, guint32 vm, guint32 thread)
{
	guint32 serial = same_as(s, thread);
	const KernelThreadItem *t = thread_item(s, serial);

	if (!t)
		return (AnalysisCulprit){ANALYSIS_BY_UNKNOWN, 0};
	if (t->tid == 0)
		return (AnalysisCulprit){ANALYSIS_BY_IDLE, 0};
	const Owner *owner = &s->owners[serial];
	if (owner->vm == KVM_NO_ROW)
		return (AnalysisCulprit){t->is_kthread ? ANALYSIS_BY_KERNEL : ANALYSIS_BY_PROCESS, serial};
	if (owner->vcpu != KVM_NO_ROW)
		return (AnalysisCulprit){owner->vm == vm ? ANALYSIS_BY_VCPU_SAME : ANALYSIS_BY_VCPU_OTHER, serial};
	return (AnalysisCulprit){owner->vm == vm ? ANALYSIS_BY_VM_SAME : ANALYSIS_BY_VM_OTHER, serial};
}

static char *thread_name(const AnalysisSteal *s, guint32 serial)
{
	const KernelThreadItem *t = thread_item(s, serial);
	const char *name = t ? history_text_get(s->h, t->name) : "";
	const Owner *owner = t ? &s->owners[serial] : NULL;

	if (!t)
		return NULL;
	if (owner->vcpu != KVM_NO_ROW)
		return g_strdup_printf("vCPU %d of VM %d", analysis_steal_vcpu(s, owner->vcpu)->id, analysis_steal_vm(s, owner->vm)->pid);
	if (owner->vm != KVM_NO_ROW)
		return g_strdup_printf("%s %d of VM %d", *name ? name : "?", t->tid, analysis_steal_vm(s, owner->vm)->pid);
	return g_strdup_printf("%s %d", *name ? name : "?", t->tid);
}

/* Whose quota it may have been. */
static char *limit_name(const AnalysisSteal *s, guint32 serial)
{
	const KernelContainerItem *c = kernel_container(s->h, kernel_container_of(s->h, serial));

	if (!c || c->level == 0)
		return g_strdup("quota of its cgroup");
	return g_strdup_printf("quota of container %s", history_text_get(s->h, c->name));
}

char *analysis_culprit_name(const AnalysisSteal *s, AnalysisCulprit by)
{
	if (analysis_culprit_is_thread(by.kind))
		return thread_name(s, by.id);
	if (by.kind == ANALYSIS_BY_INTERRUPT)
		return g_strdup(history_text_get(s->h, by.id));
	return by.kind == ANALYSIS_BY_LIMIT ? limit_name(s, by.id) : NULL;
}

/* ---- The account ---------------------------------------------------------------------------------------------------- */

/* States in which its thread has a processor, for the vCPU's sake. */
static gboolean can_be_stolen(guint state)
{
	return state == KVM_STATE_GUEST_L1 || state == KVM_STATE_GUEST_L2 || state == KVM_STATE_EXIT || state == KVM_STATE_EMULATION ||
	       state == KVM_STATE_RUNNING;
}

void analysis_steal_interrupts(const AnalysisSteal *s, guint32 vcpu, gint64 begin_ns, gint64 end_ns,
			       void (*found)(gpointer user, const AnalysisTheft *theft), gpointer user)
{
	guint32 row = analysis_steal_vcpu(s, vcpu)->row;
	HistoryInterval does;
	HistoryWalk of_thread, of_vcpu;
	HistoryInterval i;

	if (s->thread_rows[vcpu] == HISTORY_NO_ROW)
		return;
	history_walk(&of_thread, s->h, s->thread_rows[vcpu], begin_ns, end_ns);
	history_walk(&of_vcpu, s->h, row, begin_ns, end_ns);
	gboolean has = history_walk_next(&of_vcpu, &does);
	while (has && history_walk_next(&of_thread, &i)) {
		gint64 at = MAX(i.begin_ns, begin_ns), end = MIN(i.end_ns, end_ns);

		if (i.state != KERNEL_TS_IRQ && i.state != KERNEL_TS_SOFTIRQ)
			continue;
		while (has && at < end) {
			AnalysisTheft theft = {MAX(at, does.begin_ns), MIN(end, does.end_ns), does.state, i.state == KERNEL_TS_SOFTIRQ,
					       {ANALYSIS_BY_INTERRUPT, i.detail}};

			if (theft.begin_ns < theft.end_ns && can_be_stolen(does.state))
				found(user, &theft);
			if (does.end_ns > end)
				break;
			at = MAX(at, does.end_ns);
			has = history_walk_next(&of_vcpu, &does);
		}
	}
}

static void count_theft(gpointer user, const AnalysisTheft *theft)
{
	AnalysisStealAccount *a = user;
	gint64 ns = theft->end_ns - theft->begin_ns;

	a->ns[theft->state] -= ns;
	*(theft->softirq ? &a->softirq_ns : &a->irq_ns) += ns;
}

void analysis_steal_account(const AnalysisSteal *s, guint32 vcpu, gint64 begin_ns, gint64 end_ns, AnalysisStealAccount *out)
{
	guint32 row = analysis_steal_vcpu(s, vcpu)->row;
	gint64 ns[HISTORY_STATES_MAX] = {0}, awaited[HISTORY_STATES_MAX] = {0};

	*out = (AnalysisStealAccount){0};
	if (row == KVM_NO_ROW || begin_ns >= end_ns)
		return;
	history_sums(s->h, row, begin_ns, end_ns, ns);
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		out->range_ns += out->ns[i] = ns[i];
	if (analysis_steal_vcpu(s, vcpu)->awaited != KVM_NO_ROW)
		history_sums(s->h, analysis_steal_vcpu(s, vcpu)->awaited, begin_ns, end_ns, awaited);
	out->woken_ns = MIN(awaited[KVM_AWAITED_WOKEN], out->ns[KVM_STATE_WAIT_CPU]);
	out->ns[KVM_STATE_WAIT_CPU] -= out->woken_ns;
	analysis_steal_interrupts(s, vcpu, begin_ns, end_ns, count_theft, out);
}

void analysis_steal_account_add(AnalysisStealAccount *to, const AnalysisStealAccount *from)
{
	to->range_ns += from->range_ns;
	to->irq_ns += from->irq_ns;
	to->softirq_ns += from->softirq_ns;
	to->woken_ns += from->woken_ns;
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		to->ns[i] += from->ns[i];
}

gboolean analysis_steal_is_wait(guint state)
{
	return state == KVM_STATE_PREEMPTED || state == KVM_STATE_WAIT_CPU || state == KVM_STATE_THROTTLED;
}

gint64 analysis_steal_ns(const AnalysisStealAccount *a)
{
	return a->ns[KVM_STATE_PREEMPTED] + a->ns[KVM_STATE_WAIT_CPU] + a->ns[KVM_STATE_THROTTLED];
}

gint64 analysis_steal_hidden_ns(const AnalysisStealAccount *a)
{
	return a->ns[KVM_STATE_EXIT] + a->ns[KVM_STATE_EMULATION] + a->ns[KVM_STATE_BLOCKED] + a->irq_ns + a->softirq_ns +
	       a->woken_ns;
}

gint64 analysis_steal_demand_ns(const AnalysisStealAccount *a)
{
	return a->range_ns - a->ns[KVM_STATE_HALTED] - a->ns[KVM_STATE_HALT_POLL] - a->ns[KVM_STATE_OFF] - a->ns[KVM_STATE_UNKNOWN];
}

/* ---- Waits ---------------------------------------------------------------------------------------------------------- */

typedef struct {
	const AnalysisSteal *s;
	const KvmVcpuItem *v;
	GArray *parts;      /* AnalysisWaitPart */
	GHashTable *places; /* HistoryPlace, by row: waits go up in time, and so do places */
} Search;

static HistoryPlace *place_in(const Search *w, guint32 row)
{
	HistoryPlace *p = g_hash_table_lookup(w->places, GUINT_TO_POINTER(row));

	if (p)
		return p;
	p = g_new(HistoryPlace, 1);
	history_place(p, w->s->h, row);
	g_hash_table_insert(w->places, GUINT_TO_POINTER(row), p);
	return p;
}

/* What a row was doing from a part's begin on, at most until `end`: the part is cut to that. FALSE: it doesn't reach there. */
static gboolean cut(const Search *w, guint32 row, gint64 end, AnalysisWaitPart *part, HistoryInterval *out)
{
	gint64 begin = row == HISTORY_NO_ROW ? end : history_row_begin(w->s->h, row);
	gboolean reaches = row != HISTORY_NO_ROW && history_place_at(place_in(w, row), part->begin_ns, out);

	part->end_ns = MIN(end, reaches ? out->end_ns : begin > part->begin_ns ? begin : end);
	return reaches;
}

static void add_part(Search *w, const AnalysisWaitPart *part)
{
	AnalysisWaitPart *last = w->parts->len ? &g_array_index(w->parts, AnalysisWaitPart, w->parts->len - 1) : NULL;

	if (part->begin_ns >= part->end_ns)
		return;
	if (last && last->end_ns == part->begin_ns && last->state == part->state && last->woken == part->woken && last->cpu == part->cpu && last->by.kind == part->by.kind &&
	    last->by.id == part->by.id)
		last->end_ns = part->end_ns;
	else
		g_array_append_vals(w->parts, part, 1);
}

/* The processor had nothing but interrupts to do. */
static void add_idle(Search *w, AnalysisWaitPart part)
{
	gint64 end = part.end_ns;
	guint32 row = row_of(w->s->cpus, part.cpu);

	for (; part.begin_ns < end; part.begin_ns = part.end_ns) {
		HistoryInterval i;
		gboolean interrupt = cut(w, row, end, &part, &i) && (i.state == KERNEL_CS_IRQ || i.state == KERNEL_CS_SOFTIRQ);

		part.by = interrupt ? (AnalysisCulprit){ANALYSIS_BY_INTERRUPT, i.detail} : (AnalysisCulprit){ANALYSIS_BY_IDLE, 0};
		add_part(w, &part);
	}
}

static AnalysisCulprit occupant(const Search *w, const HistoryInterval *i)
{
	if (i->state == KERNEL_OCCUPANT_IDLE)
		return (AnalysisCulprit){ANALYSIS_BY_IDLE, 0};
	if (i->state != KERNEL_OCCUPANT_THREAD || same_as(w->s, i->detail) == same_as(w->s, w->v->thread))
		return (AnalysisCulprit){ANALYSIS_BY_UNKNOWN, 0};
	return analysis_culprit_of(w->s, w->v->vm, i->detail);
}

/* For some time it waited for one processor. */
static void add_on_cpu(Search *w, AnalysisWaitPart part)
{
	gint64 end = part.end_ns;
	guint32 row = row_of(w->s->occupants, part.cpu);

	for (; part.begin_ns < end; part.begin_ns = part.end_ns) {
		HistoryInterval i;

		part.by = cut(w, row, end, &part, &i) ? occupant(w, &i) : (AnalysisCulprit){ANALYSIS_BY_UNKNOWN, 0};
		if (part.by.kind == ANALYSIS_BY_IDLE)
			add_idle(w, part);
		else
			add_part(w, &part);
	}
}

static void add_state(Search *w, const HistoryInterval *does)
{
	AnalysisWaitPart part = {.begin_ns = does->begin_ns, .state = does->state};

	for (; part.begin_ns < does->end_ns; part.begin_ns = part.end_ns) {
		HistoryInterval i;
		gboolean reaches = cut(w, w->v->awaited, does->end_ns, &part, &i);
		gboolean known = reaches && (i.state == KVM_AWAITED_QUEUED || i.state == KVM_AWAITED_WOKEN);

		part.woken = reaches && i.state == KVM_AWAITED_WOKEN;
		part.cpu = known ? (gint32)i.detail : -1;
		if (known)
			add_on_cpu(w, part);
		else
			add_part(w, &part);
	}
}

/*
 * It left the processor because its quota was used up, if that was then given to nothing; until then whoever had the processor was not what kept the vCPU from it. What it still
 * waited for afterwards, it waited for others.
 */
static void settle_limit(Search *w)
{
	guint n = w->parts->len;

	while (n > 0 && g_array_index(w->parts, AnalysisWaitPart, n - 1).state != KVM_STATE_THROTTLED)
		n--;
	for (guint i = 0; i < n; i++)
		g_array_index(w->parts, AnalysisWaitPart, i).by = (AnalysisCulprit){ANALYSIS_BY_LIMIT, same_as(w->s, w->v->thread)};
}

/* When the wait began that goes on at a time; the time itself if none does. */
static gint64 wait_begin(const Search *w, gint64 time)
{
	HistoryInterval i;

	while (history_at(w->s->h, w->v->row, time, &i) && analysis_steal_is_wait(i.state)) {
		time = i.begin_ns;
		if (time <= history_begin(w->s->h) || !history_at(w->s->h, w->v->row, time - 1, &i) || !analysis_steal_is_wait(i.state))
			break;
		time--;
	}
	return time;
}

static gboolean known_at(const Search *w, gint64 time)
{
	HistoryInterval i;

	return time >= history_begin(w->s->h) && time < history_end(w->s->h) && history_place_at(place_in(w, w->v->row), time, &i) &&
	       i.state != KVM_STATE_UNKNOWN;
}

/* The wait that begins with an interval; leaves the one behind it in `i`. FALSE: there is none behind it. */
static gboolean find_wait(Search *w, HistoryWalk *walk, HistoryInterval *i, AnalysisWait *wait)
{
	gboolean more = TRUE;

	*wait = (AnalysisWait){.begin_ns = i->begin_ns};
	g_array_set_size(w->parts, 0);
	for (; more && analysis_steal_is_wait(i->state); more = history_walk_next(walk, i)) {
		add_state(w, i);
		wait->end_ns = i->end_ns;
	}
	settle_limit(w);
	wait->whole = known_at(w, wait->begin_ns - 1) && known_at(w, wait->end_ns);
	wait->n_parts = w->parts->len;
	wait->parts = (const AnalysisWaitPart *)(gpointer)w->parts->data;
	return more;
}

void analysis_steal_waits(const AnalysisSteal *s, guint32 vcpu, gint64 begin_ns, gint64 end_ns, void (*found)(gpointer user, const AnalysisWait *wait),
			  gpointer user)
{
	Search w = {.s = s, .v = analysis_steal_vcpu(s, vcpu)};
	HistoryWalk walk;
	HistoryInterval i;
	AnalysisWait wait;

	if (w.v->row == KVM_NO_ROW || begin_ns >= end_ns)
		return;
	g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(AnalysisWaitPart));
	g_autoptr(GHashTable) places = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	w.parts = parts;
	w.places = places;
	history_walk(&walk, s->h, w.v->row, wait_begin(&w, begin_ns), G_MAXINT64);
	gboolean more = history_walk_next(&walk, &i);
	while (more && i.begin_ns < end_ns) {
		if (!analysis_steal_is_wait(i.state)) {
			more = history_walk_next(&walk, &i);
			continue;
		}
		more = find_wait(&w, &walk, &i, &wait);
		found(user, &wait);
	}
}

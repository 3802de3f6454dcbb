/* SPDX-License-Identifier: MIT */
/*
 * preempted.c: a VM's vCPUs wanted a processor, and something else had it.
 *
 * Decided at the level whose scheduler gave the processor away: each machine that runs VMs is looked at by itself. Who had the processor is known exactly; waits are charged to
 * whoever had it at each instant, so several culprits of one wait share it as they did. What others took from the VM's helpers (helpers.h) is told apart. Processes that one script started are one culprit (family.h).
 */
#include <string.h>

#include "base/format.h"
#include "diagnose/family.h"
#include "diagnose/helpers.h"
#include "kernel/irq.h"
#include "layers/layers.h"

#define DEEP      2  /* idle states from that number on are deep: 0 polls, or is the only one; 1 is left in about a microsecond */
#define PARTS_MAX 64 /* names in a family that are told apart */

/* What had the processor, and what to call that. */
typedef enum { BY_VM, BY_SIBLING, BY_OWN_VMM, BY_TASK, BY_KERNEL, BY_WAKING, BY_DEEP, BY_COUNT } By;

static const struct {
	const char *id, *kind;
	DiagnoseThreshold share;
	const char *says;   /* between the VM and the culprit */
	const char *advice;
} causes[BY_COUNT] = {
	[BY_VM] = {"preempted-by-vm", "vm", DIAGNOSE_LOST_SHARE, "loses its processor to",
		   "Give the two VMs processors of their own, or more weight (cpu.weight, CPU shares) to the one that matters."},
	[BY_SIBLING] = {"preempted-by-sibling", "vm", DIAGNOSE_LOST_SHARE, "loses its processors to its own other vCPUs, those of",
			"It has more busy vCPUs than processors that it may use: give it fewer vCPUs, or more processors."},
	[BY_OWN_VMM] = {"preempted-by-own-vmm", "process", DIAGNOSE_LOST_SHARE, "loses its processor to its own hypervisor process,",
			"Pin its emulator and I/O threads (or vhost workers) to other processors than its vCPUs."},
	[BY_TASK] = {"preempted-by-task", "process", DIAGNOSE_LOST_SHARE, "loses its processor to the process",
		     "Move that process to other processors, or give it less weight (nice, cpu.weight) or a quota."},
	[BY_KERNEL] = {"preempted-by-kernel", "kernel", DIAGNOSE_KERNEL_SHARE, "loses its processor to the kernel's own threads,",
		       "See what makes them work (strata irqs, strata disk); keep interrupts and unbound work off the processors of vCPUs."},
	[BY_WAKING] = {"slow-wakeup", "kernel", DIAGNOSE_WAKING_SHARE, "waits for processors that are slow to wake up:",
		       "The processor sleeps too deeply, or the thread was woken from elsewhere: limit idle states, or let the VM poll before it halts."},
	[BY_DEEP] = {"deep-idle", "kernel", DIAGNOSE_WAKING_SHARE, "waits for processors that must first leave a deep idle state:",
		     "Keep its processors out of deep idle states (a latency profile of tuned, /dev/cpu_dma_latency, intel_idle.max_cstate), or let it poll before it halts (halt_poll_ns)."},
};

/* Somebody who had the processor of one VM. */
typedef struct {
	By by;
	char *name;
	gint32 pid, tid;    /* -1: several */
	guint32 vm;         /* BY_VM: which */
	DiagnoseLoss *loss;
	guint64 cpus;       /* bits: which processors, up to 63 */
	GArray *parts;      /* Part; BY_TASK: the greatest gives it its name. Else NULL */
} Culprit;

/* Processes of one name in a family. */
typedef struct {
	guint32 name;       /* text */
	gint64 ns;
} Part;

/* Two VMs that take a processor from one another: one cause, and the one that runs more then than at other times is who came to disturb. */
typedef struct {
	DiagnoseFinding *finding;
	guint32 vm, other;
	double rise;          /* of what vm ran, in processors */
} Rivalry;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *host;
	GArray *rivalries;    /* Rivalry */
	guint32 vm, vcpu, row;
	const KvmVmItem *item;
	GHashTable *culprits; /* "by name" -> Culprit */
	GPtrArray *order;     /* the same, as they were met */
	GHashTable *of;       /* serial + 1 -> Culprit */
	const DiagnoseFamilies *families;
	const GArray *idle_rows; /* by processor */
	gint64 demand;
} Scan;

static void culprit_free(gpointer data)
{
	Culprit *c = data;

	diagnose_loss_free(c->loss);
	g_clear_pointer(&c->parts, g_array_unref);
	g_free(c->name);
	g_free(c);
}

/* ---- Who had it ------------------------------------------------------------------------------------------------------------ */

/* "kworker/0:1H" -> "kworker": those of a kind are one. */
static char *kernel_kind(const char *name)
{
	gsize len = strcspn(name, "/:");

	return g_strndup(name, len);
}

static guint32 vm_of(const AnalysisStoreTrace *t, guint32 vcpu)
{
	guint table;

	return history_find_table(t->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table) ?
		       ((const KvmVcpuItem *)history_table_get(t->history, table, vcpu))->vm : EXPERIMENT_NONE;
}

static By classify(const Scan *s, guint32 serial, char **name_out, gint32 *pid_out)
{
	guint32 vcpu = layers_vcpu_of(s->d->layers, s->host->member, serial);
	const KernelThreadItem *item = kernel_find_thread(s->host->history, serial);
	const char *name = item ? history_text_get(s->host->history, item->name) : "";

	*pid_out = item ? item->pid : -1;
	if (vcpu != EXPERIMENT_NONE) {
		guint32 vm = vm_of(s->host, vcpu);

		*name_out = diagnose_vm_name(s->d, s->host, vm);
		return vm == s->vm ? BY_SIBLING : BY_VM;
	}
	if (item && ((item->pid >= 0 && item->pid == s->item->pid) || (s->item->pid >= 0 && diagnose_vhost_pid(name) == s->item->pid))) {
		*name_out = g_strdup(history_text_get(s->host->history, s->item->name));
		*pid_out = s->item->pid;
		return BY_OWN_VMM;
	}
	if (item && item->is_kthread) {
		*name_out = kernel_kind(name);
		return BY_KERNEL;
	}
	*name_out = g_strdup(*name ? name : "?");
	return BY_TASK;
}

static Culprit *culprit_get(Scan *s, By by, const char *key_name, const char *name, gint32 pid, gint32 tid)
{
	g_autofree char *key = g_strdup_printf("%d %s", by, key_name);
	Culprit *c = g_hash_table_lookup(s->culprits, key);

	if (!c) {
		c = g_new0(Culprit, 1);
		*c = (Culprit){by, g_strdup(name), pid, tid, EXPERIMENT_NONE, diagnose_loss_new(s->host), 0, by == BY_TASK ? g_array_new(FALSE, FALSE, sizeof(Part)) : NULL};
		g_hash_table_insert(s->culprits, g_steal_pointer(&key), c);
		g_ptr_array_add(s->order, c);
	}
	if (c->pid != pid)
		c->pid = -1;
	if (c->tid != tid)
		c->tid = -1;
	return c;
}

static Culprit *culprit_of(Scan *s, guint32 serial)
{
	Culprit *c = g_hash_table_lookup(s->of, GUINT_TO_POINTER(serial + 1));
	const KernelThreadItem *item = kernel_find_thread(s->host->history, serial);
	g_autofree char *name = NULL;
	gint32 pid;

	if (c)
		return c;
	By by = classify(s, serial, &name, &pid);
	g_autofree char *family = by == BY_TASK ? g_strdup_printf("%" G_GUINT64_FORMAT, diagnose_family_of(s->families, serial)) : NULL;
	c = culprit_get(s, by, family ? family : name, name, pid, item ? item->tid : -1);
	if (by == BY_VM)
		c->vm = vm_of(s->host, layers_vcpu_of(s->d->layers, s->host->member, serial));
	g_hash_table_insert(s->of, GUINT_TO_POINTER(serial + 1), c);
	return c;
}

static void add_part(const Scan *s, Culprit *c, guint32 serial, gint64 ns)
{
	const KernelThreadItem *item = kernel_find_thread(s->host->history, serial);
	Part part = {item ? item->name : 0, ns};

	for (guint i = 0; i < c->parts->len; i++) {
		Part *p = &g_array_index(c->parts, Part, i);

		if (p->name == part.name) {
			p->ns += ns;
			return;
		}
	}
	if (c->parts->len < PARTS_MAX)
		g_array_append_val(c->parts, part);
}

static void charge(const Scan *s, Culprit *c, guint32 occupant, gint32 cpu, gint64 ns)
{
	if (c->parts)
		add_part(s, c, occupant, ns);
	if (cpu >= 0 && cpu < 64)
		c->cpus |= 1ull << cpu;
}

/* An idle processor, that was on its way to a vCPU which had been woken, or wasn't even told. */
static Culprit *waking(Scan *s, gint32 cpu, gint64 time)
{
	guint32 row = cpu >= 0 && (guint)cpu < s->idle_rows->len ? g_array_index(s->idle_rows, guint32, cpu) : HISTORY_NO_ROW;
	HistoryInterval i;

	if (row == HISTORY_NO_ROW || !history_at(s->host->history, row, time, &i) || i.state < KERNEL_IDLE_FIRST + DEEP)
		return culprit_get(s, BY_WAKING, "idle", "idle", -1, -1);
	g_autofree char *name = g_strdup_printf("idle state %u", i.state - (guint)KERNEL_IDLE_FIRST);
	return culprit_get(s, BY_DEEP, "deep", name, -1, -1);
}

static gboolean add_wait(gpointer user, const LayersWait *wait)
{
	Scan *s = user;
	Culprit *c;

	if (wait->state == KVM_STATE_THROTTLED)
		return TRUE; /* the quota's: another rule */
	if (wait->occupant != G_MAXUINT32)
		c = culprit_of(s, wait->occupant);
	else if (wait->idle && wait->state == KVM_STATE_WAIT_CPU) /* what was running, and could go on, doesn't have to be woken: it is not allowed to */
		c = waking(s, wait->cpu, wait->begin_ns);
	else
		return TRUE;
	charge(s, c, wait->occupant, wait->cpu, wait->end_ns - wait->begin_ns);
	diagnose_loss_add(c->loss, wait->begin_ns, wait->end_ns, s->row, kvm_state_name((KvmState)wait->state));
	return TRUE;
}

/* That a VM's own threads take turns is not what starves them. */
static void add_helper_wait(gpointer user, const DiagnoseHelperWait *wait)
{
	Scan *s = user;
	Culprit *c = wait->occupant == G_MAXUINT32 ? NULL : culprit_of(s, wait->occupant);

	if (!c || c->by == BY_SIBLING || c->by == BY_OWN_VMM)
		return;
	charge(s, c, wait->occupant, wait->cpu, wait->end_ns - wait->begin_ns);
	diagnose_loss_add(c->loss, wait->begin_ns, wait->end_ns, wait->row, wait->state == KERNEL_TS_PREEMPTED ? "preempted" : "wait-cpu");
}

/* ---- Findings ----------------------------------------------------------------------------------------------------------------- */

/* For how long a VM's vCPUs ran within [begin, end) of the root's clock. */
static gint64 run_ns(const Scan *s, gint64 begin, gint64 end)
{
	gint64 ns[HISTORY_STATES_MAX], sum = 0;
	guint vcpus;

	if (!history_find_table(s->host->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus))
		return 0;
	for (guint32 v = 0; v < s->item->n_vcpus; v++) {
		const KvmVcpuItem *item = history_table_get(s->host->history, vcpus, s->item->first_vcpu + v);

		history_sums(s->host->history, item->row, analysis_own_time(s->host, begin), analysis_own_time(s->host, end), ns);
		for (guint i = KVM_STATE_GUEST_L1; i <= KVM_STATE_RUNNING; i++)
			sum += ns[i];
	}
	return sum;
}

/* How much more a VM ran while a finding mattered than else: processors' worth. */
static double rise(const Scan *s, const DiagnoseFinding *f)
{
	gint64 begin = analysis_time(s->host, diagnose_begin(s->d, s->host)), end = analysis_time(s->host, diagnose_end(s->d, s->host));
	gint64 within = 0, ran = 0, all = run_ns(s, begin, end);

	for (guint i = 0; i < f->ranges->len; i++) {
		const DiagnoseRange *r = &g_array_index(f->ranges, DiagnoseRange, i);

		within += r->end_ns - r->begin_ns;
		ran += run_ns(s, r->begin_ns, r->end_ns);
	}
	double inside = within > 0 ? (double)ran / (double)within : 0;
	double outside = end - begin > within ? (double)(all - ran) / (double)(end - begin - within) : 0;
	return inside - outside;
}

static gint most_first(gconstpointer a, gconstpointer b)
{
	const Part *x = a, *y = b;

	return x->ns != y->ns ? (x->ns < y->ns) - (x->ns > y->ns) : (x->name > y->name) - (x->name < y->name);
}

/* The greatest of a family names it, the others are told with it. " and 3 others of its family": the caller frees. */
static char *name_family(const Scan *s, Culprit *c, DiagnoseFinding *f)
{
	if (!c->parts)
		return g_strdup("");
	g_array_sort(c->parts, most_first);
	for (guint i = 0; i < c->parts->len; i++) {
		const Part *p = &g_array_index(c->parts, Part, i);
		const char *name = history_text_get(s->host->history, p->name);

		if (!i) {
			g_free(c->name);
			c->name = g_strdup(*name ? name : "?");
			continue;
		}
		DiagnoseFolded part = {causes[BY_TASK].id, g_strdup_printf("%s, of the same family of processes", name), p->ns, g_strdup(name)};
		g_array_append_val(f->folded, part);
	}
	return c->parts->len > 1 ? g_strdup_printf(" and %u other%s of its family", c->parts->len - 1, c->parts->len > 2 ? "s" : "") : g_strdup("");
}

static void add_finding(const Scan *s, Culprit *c)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, causes[c->by].id, c->loss, s->demand);
	g_autofree char *vm = diagnose_vm_name(s->d, s->host, s->vm), *cpus = diagnose_processors(c->cpus), *others = name_family(s, c, f);

	f->title = g_strdup_printf("%s %s %s%s on processor%s %s of %s", vm, causes[c->by].says, c->name, others, strchr(cpus, ',') ? "s" : "", *cpus ? cpus : "?",
				   s->host->name);
	f->advice = g_strdup(causes[c->by].advice);
	diagnose_suffers_vm(s->d, f, s->host, s->vm);
	diagnose_who(&f->culprit, causes[c->by].kind, c->name, s->host->name, c->pid, c->by == BY_TASK ? c->tid : -1);
	if (c->by == BY_VM) {
		Rivalry r = {f, s->vm, c->vm, rise(s, f)};
		g_array_append_val(s->rivalries, r);
	} else {
		diagnose_add(s->d, f);
	}
}

/* Of its helpers: whoever it is. */
static void add_helper_finding(const Scan *s, Culprit *c)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "io-threads-starved", c->loss, s->demand);
	g_autofree char *vm = diagnose_vm_name(s->d, s->host, s->vm), *cpus = diagnose_processors(c->cpus), *others = name_family(s, c, f);

	f->title = g_strdup_printf("The I/O threads of %s, which work for its devices, wait for a processor that %s%s had: processor%s %s of %s", vm, c->name, others,
				   strchr(cpus, ',') ? "s" : "", *cpus ? cpus : "?", s->host->name);
	f->advice = g_strdup("Its guest sees slow devices. Let its hypervisor process (emulatorpin, iothreadpin) and vhost workers run on processors that nobody else keeps busy, or give them more weight.");
	diagnose_suffers_vm(s->d, f, s->host, s->vm);
	diagnose_who(&f->culprit, causes[c->by].kind, c->name, s->host->name, c->pid, c->by == BY_TASK ? c->tid : -1);
	diagnose_add(s->d, f);
}

/* ---- Rivals ------------------------------------------------------------------------------------------------------------------------ */

static Rivalry *opposite(GArray *all, const Rivalry *r)
{
	for (guint i = 0; i < all->len; i++) {
		Rivalry *o = &g_array_index(all, Rivalry, i);

		if (o->finding && o->vm == r->other && o->other == r->vm)
			return o;
	}
	return NULL;
}

/* Both lose much the same, but one of them did so before the other one came. */
static void fold(Rivalry *r, Rivalry *o)
{
	char lost[ST_FORMAT_MAX];
	g_autofree char *advice = r->finding->advice;

	r->finding->advice = g_strdup_printf("%s (%s lost %s to it in turn.)", advice, o->finding->sufferer.name,
					     st_format_duration(lost, o->finding->lost_ns));
	diagnose_finding_free(o->finding);
	o->finding = NULL;
}

static void settle_rivalries(Diagnose *d, GArray *all)
{
	for (guint i = 0; i < all->len; i++) {
		Rivalry *r = &g_array_index(all, Rivalry, i), *o = r->finding ? opposite(all, r) : NULL;

		if (o && o != r)
			fold(r->rise <= o->rise ? r : o, r->rise <= o->rise ? o : r);
	}
	for (guint i = 0; i < all->len; i++)
		if (g_array_index(all, Rivalry, i).finding)
			diagnose_add(d, g_array_index(all, Rivalry, i).finding);
}

/* A scan with nobody to blame yet. */
static void scan_init(Scan *s)
{
	s->culprits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, culprit_free);
	s->of = g_hash_table_new(NULL, NULL);
	s->order = g_ptr_array_new();
	s->demand = 0;
}

static void scan_clear(Scan *s)
{
	g_ptr_array_unref(s->order);
	g_hash_table_unref(s->of);
	g_hash_table_unref(s->culprits);
}

static void scan_vcpus(Scan *s, guint vcpus, gint64 begin, gint64 end)
{
	scan_init(s);
	for (guint32 i = 0; i < s->item->n_vcpus; i++) {
		s->vcpu = s->item->first_vcpu + i;
		s->row = ((const KvmVcpuItem *)history_table_get(s->host->history, vcpus, s->vcpu))->row;
		s->demand += diagnose_wanted_ns(s->host, s->row, begin, end);
		layers_waits(s->d->layers, s->host->member, s->vcpu, begin, end, add_wait, s);
	}
	for (guint i = 0; i < s->order->len; i++) {
		Culprit *c = g_ptr_array_index(s->order, i);

		if (diagnose_matters(s->d, c->loss, s->demand, causes[c->by].share))
			add_finding(s, c);
	}
	scan_clear(s);
}

static void scan_helpers(Scan *s, gint64 begin, gint64 end)
{
	double least = MAX(s->d->thresholds[DIAGNOSE_LOST_MS] * 1e6, s->d->thresholds[DIAGNOSE_LOST_TIME] * (double)(end - begin));

	scan_init(s);
	s->demand = diagnose_helper_waits(s->d, s->host, s->item, (gint64)least, add_helper_wait, s);
	for (guint i = 0; i < s->order->len; i++) {
		Culprit *c = g_ptr_array_index(s->order, i);

		if (diagnose_matters(s->d, c->loss, s->demand, causes[c->by].share))
			add_helper_finding(s, c);
	}
	scan_clear(s);
}

void diagnose_rule_preempted(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GArray) rivalries = g_array_new(FALSE, FALSE, sizeof(Rivalry));
	guint vms, vcpus;

	if (!history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms) ||
	    !history_find_table(t->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus))
		return;
	g_autoptr(DiagnoseFamilies) families = diagnose_families_new(t);
	g_autoptr(GArray) idle_rows = diagnose_rows_of_cpus(t, KERNEL_IDLE_ROW_KIND);
	for (guint64 v = 0; v < history_table_len(t->history, vms); v++) {
		Scan s = {.d = d, .host = t, .rivalries = rivalries, .vm = (guint32)v, .item = history_table_get(t->history, vms, v), .families = families, .idle_rows = idle_rows};

		scan_vcpus(&s, vcpus, diagnose_begin(d, t), diagnose_end(d, t));
		scan_helpers(&s, diagnose_begin(d, t), diagnose_end(d, t));
	}
	settle_rivalries(d, rivalries);
}

/* SPDX-License-Identifier: MIT */
/*
 * exits.c: storms of exits: a VM leaves its guest so often for one purpose that it costs a good part of the time for which it wants to run.
 *
 * Time is cut into windows. A window belongs to a storm if there were more than `storm.rate` exits of one kind a second, and handling them took more than `storm.share` of the time for which the VM's
 * vCPUs wanted to run. Only what they cost in such windows is lost. Exits of nested VMs are another matter, that of the rule "nested".
 */
#include <string.h>

#include "diagnose/private.h"
#include "kvm/sites.h"

#define WINDOW_NS   G_GINT64_CONSTANT(100000000) /* shorter ones tell no rate */
#define WINDOWS_MAX 4096
#define ALL         0.995 /* a greater share is all of it */
#define SAMPLES_MAX 1024 /* exits of a storm of which it is looked up which thread of the guest made them */

typedef enum { PIO, MMIO, MSR, TIMER, IPI, CPUID, PAUSE, HALT, MEMORY, KINDS } Kind;

static const struct {
	const char *id, *what, *advice;
} kinds[KINDS] = {
	[PIO] = {"exit-storm-pio", "port I/O", "Find out which driver uses that port; give the VM a paravirtual device in place of the emulated one, or take the device away."},
	[MMIO] = {"exit-storm-mmio", "accesses to a device's memory",
		  "Have the guest notify its devices less often (larger or more requests at a time, event index), or give it devices with fewer registers to touch (virtio, vhost, passthrough)."},
	[MSR] = {"exit-storm-msr", "accesses to model specific registers",
		 "See which register it is, and what in the guest uses it; for those of the APIC use a processor's APIC virtualization (APICv, AVIC)."},
	[TIMER] = {"exit-storm-timer", "timers", "Let the guest's programs sleep longer or coalesce their timers; use a tickless kernel, a lower HZ, paravirtual spinning less."},
	[IPI] = {"exit-storm-ipi", "interrupts from one vCPU to another",
		 "Its threads wake each other over vCPUs, or flush each other's TLBs: keep those that talk on one vCPU, use fewer vCPUs, IPI virtualization, paravirtual TLB flushes."},
	[CPUID] = {"exit-storm-cpuid", "the instruction CPUID", "CPUID always exits: have the program that uses it (as a barrier, for measuring, in a loop) ask once and keep the answer."},
	[PAUSE] = {"exit-storm-pause", "spinning",
		   "vCPUs spin for locks: give the VM as many processors as it has vCPUs, or fewer vCPUs, and use paravirtual spinlocks."},
	[HALT] = {"exit-storm-halt", "going idle for moments", "Its threads hand work to one another in tiny pieces: let the guest poll before it halts (haltpoll), or raise halt_poll_ns."},
	[MEMORY] = {"exit-storm-memory", "pages of its memory that the host has not mapped",
		    "Use huge pages and allocate the VM's memory before it starts (hugetlbfs, mem-prealloc); see whether the host is short of memory."},
};

#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC_ICR   0x830
#define MSR_X2APIC_TMICT 0x838
#define APIC_ICR         0x300
#define APIC_TMICT       0x380

/* What exits were for, of all vCPUs. */
typedef struct {
	gint64 cost;
	guint32 site;       /* one of them */
} SiteSum;

typedef struct {
	guint32 *count;     /* by window */
	gint64 *cost;
	gboolean *is_storm;
	DiagnoseLoss *loss;
	GHashTable *sites;  /* site_key() -> SiteSum *: what it cost in the storm */
	guint64 exits, user, kernel;
	GHashTable *threads; /* serial in the guest + 1 -> how many of the samples */
	guint64 samples;
	gint64 storm_ns;    /* length of the windows */
} Storm;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint exits, sites, vcpus;
	gint64 begin, end, width;
	guint n_windows, n_vms;
	Storm *storms;      /* by VM and kind */
} Scan;

/* ---- Kinds ------------------------------------------------------------------------------------------------------------------- */

static Kind kind_of_msr(guint64 address)
{
	return address == MSR_TSC_DEADLINE || address == MSR_X2APIC_TMICT ? TIMER : address == MSR_X2APIC_ICR ? IPI : MSR;
}

static Kind kind_of_apic(const KvmSiteItem *site)
{
	return site->kind == KVM_WHAT_APIC_WRITE && site->address == APIC_TMICT ? TIMER : site->kind == KVM_WHAT_APIC_WRITE && site->address == APIC_ICR ? IPI : MSR;
}

/* KINDS: of no kind that can be a storm. */
static Kind kind_of(const KvmSiteItem *site)
{
	const KvmReason *reason = kvm_reason((KvmIsa)site->isa, site->code);

	switch (reason ? reason->klass : KVM_CLASS_OTHER) {
	case KVM_CLASS_IO: return PIO;
	case KVM_CLASS_MEMORY:
		return site->kind == KVM_WHAT_MEMORY || site->kind == KVM_WHAT_NONE ? MEMORY : site->kind == KVM_WHAT_APIC_WRITE || site->kind == KVM_WHAT_APIC_READ ?
			       kind_of_apic(site) : MMIO;
	case KVM_CLASS_MSR: return kind_of_msr(site->address);
	case KVM_CLASS_APIC: return kind_of_apic(site);
	case KVM_CLASS_TIMER: return TIMER;
	case KVM_CLASS_CPUID: return CPUID;
	case KVM_CLASS_PAUSE: return PAUSE;
	case KVM_CLASS_HLT: return HALT;
	default: return KINDS;
	}
}

/* The storm that an exit may belong to; NULL: none. */
static Storm *storm_of(const Scan *s, const KvmExitItem *e, guint *window_out)
{
	const KvmSiteItem *site = history_table_get(s->t->history, s->sites, e->site);
	Kind kind = site->vcpu == KVM_NO_ROW || site->level != 1 ? KINDS : kind_of(site);

	if (kind == KINDS || e->torn || e->end_ns < s->begin || e->end_ns >= s->end)
		return NULL;
	guint32 vm = ((const KvmVcpuItem *)history_table_get(s->t->history, s->vcpus, site->vcpu))->vm;
	*window_out = (guint)MIN((e->end_ns - s->begin) / s->width, s->n_windows - 1);
	return vm < s->n_vms ? &s->storms[vm * KINDS + kind] : NULL;
}

typedef void (*Visit)(const Scan *s, Storm *storm, guint window, const KvmExitItem *e);

static void each_exit(const Scan *s, Visit visit)
{
	guint64 n = 0;
	guint window;

	for (guint64 i = 0;; i += n) {
		const KvmExitItem *run = history_table_run(s->t->history, s->exits, i, &n);

		if (!run)
			return;
		for (guint64 k = 0; k < n; k++) {
			Storm *storm = storm_of(s, &run[k], &window);

			if (storm)
				visit(s, storm, window, &run[k]);
		}
	}
}

static void count(const Scan *s, Storm *storm, guint window, const KvmExitItem *e)
{
	if (!storm->count) {
		storm->count = g_new0(guint32, s->n_windows);
		storm->cost = g_new0(gint64, s->n_windows);
		storm->is_storm = g_new0(gboolean, s->n_windows);
	}
	storm->count[window]++;
	storm->cost[window] += (gint64)e->cpu_ns;
}

/* ---- Which windows -------------------------------------------------------------------------------------------------------------- */

static gint64 wanted(const Scan *s, const KvmVmItem *vm, gint64 begin, gint64 end)
{
	gint64 sum = 0;

	for (guint32 i = 0; i < vm->n_vcpus; i++)
		sum += diagnose_wanted_ns(s->t, ((const KvmVcpuItem *)history_table_get(s->t->history, s->vcpus, vm->first_vcpu + i))->row, begin, end);
	return sum;
}

static gboolean find_windows(const Scan *s, Storm *storm, const KvmVmItem *vm)
{
	double least = s->d->thresholds[DIAGNOSE_STORM_RATE] * (double)s->width / 1e9;

	for (guint i = 0; storm->count && i < s->n_windows; i++) {
		gint64 begin = s->begin + i * s->width;

		if (storm->count[i] < least || (double)storm->cost[i] < s->d->thresholds[DIAGNOSE_STORM_SHARE] * (double)wanted(s, vm, begin, begin + s->width))
			continue;
		storm->is_storm[i] = TRUE;
		storm->storm_ns += s->width;
	}
	return storm->storm_ns > 0;
}

/* ---- Where from ------------------------------------------------------------------------------------------------------------------- */

static gpointer site_key(const KvmSiteItem *site)
{
	return GSIZE_TO_POINTER((site->address * 31 + site->code) * 31 + site->kind);
}

static void add_site(const Scan *s, Storm *storm, guint32 number, gint64 cost)
{
	gpointer key = site_key(history_table_get(s->t->history, s->sites, number));
	SiteSum *sum = g_hash_table_lookup(storm->sites, key);

	if (!sum) {
		sum = g_new0(SiteSum, 1);
		sum->site = number;
		g_hash_table_insert(storm->sites, key, sum);
	}
	sum->cost += cost;
}

static const SiteSum *greatest_site(GHashTable *sites)
{
	GHashTableIter iter;
	gpointer value;
	const SiteSum *most = NULL;

	g_hash_table_iter_init(&iter, sites);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const SiteSum *sum = value;

		if (!most || sum->cost > most->cost || (sum->cost == most->cost && sum->site < most->site))
			most = sum;
	}
	return most;
}

/* The thread with most samples; G_MAXUINT32: there is none. */
static guint32 greatest_thread(GHashTable *threads, guint *samples_out)
{
	GHashTableIter iter;
	gpointer key, value;
	guint32 most = G_MAXUINT32;

	*samples_out = 0;
	g_hash_table_iter_init(&iter, threads);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		guint32 serial = GPOINTER_TO_UINT(key) - 1;
		guint samples = GPOINTER_TO_UINT(value);

		if (samples > *samples_out || (samples == *samples_out && serial < most)) {
			most = serial;
			*samples_out = samples;
		}
	}
	return most;
}

/* Of some of them: which thread the guest's processor had, if the guest has a trace. */
static void sample(const Scan *s, Storm *storm, const KvmSiteItem *site, gint64 time)
{
	guint32 serial = diagnose_guest_thread_at(s->d, s->t, site->vcpu, time);

	if (serial == G_MAXUINT32)
		return;
	gpointer key = GUINT_TO_POINTER(serial + 1);
	storm->samples++;
	g_hash_table_insert(storm->threads, key, GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(storm->threads, key)) + 1));
}

static void lose(const Scan *s, Storm *storm, guint window, const KvmExitItem *e)
{
	const KvmSiteItem *site = history_table_get(s->t->history, s->sites, e->site);

	if (!storm->is_storm[window])
		return;
	if (!storm->loss) {
		storm->loss = diagnose_loss_new(s->t);
		storm->sites = g_hash_table_new_full(NULL, NULL, NULL, g_free);
		storm->threads = g_hash_table_new(NULL, NULL);
	}
	diagnose_loss_add_in_row(storm->loss, e->end_ns - (gint64)e->cpu_ns, e->end_ns,
				 ((const KvmVcpuItem *)history_table_get(s->t->history, s->vcpus, site->vcpu))->row);
	add_site(s, storm, e->site, (gint64)e->cpu_ns);
	storm->user += kvm_mode(e->rip) == KVM_MODE_USER;
	storm->kernel += kvm_mode(e->rip) == KVM_MODE_KERNEL;
	if (storm->exits++ % 16 == 0 && storm->samples < SAMPLES_MAX)
		sample(s, storm, site, e->end_ns - (gint64)e->ns);
}

static void clear(Storm *storm)
{
	g_free(storm->count);
	g_free(storm->cost);
	g_free(storm->is_storm);
	diagnose_loss_free(storm->loss);
	g_clear_pointer(&storm->sites, g_hash_table_unref);
	g_clear_pointer(&storm->threads, g_hash_table_unref);
}

/* ---- Findings ------------------------------------------------------------------------------------------------------------------------ */

/* "CPUID leaf 0x0 vendor", "write MSR 0x6e0 TSC deadline": what most of the time was for; the caller frees. */
static char *origin(const Scan *s, const Storm *storm, double *share_out)
{
	const SiteSum *most = greatest_site(storm->sites);
	const KvmSiteItem *site = history_table_get(s->t->history, s->sites, most->site);
	g_autofree char *reason = kvm_site_reason(site), *what = kvm_what_text(site);

	*share_out = (double)most->cost / (double)MAX(diagnose_loss_ns(storm->loss), 1);
	return *what && site->kind != KVM_WHAT_CPUID ? g_steal_pointer(&what) : g_strconcat(reason, *what ? " " : "", what, NULL);
}

/* ", by exits 212 of a"; or the mode of its code; the caller frees. */
static char *by_whom(const Scan *s, DiagnoseFinding *f, const Storm *storm, guint32 vcpu)
{
	const AnalysisStoreTrace *guest = diagnose_trace_of(s->d, layers_guest_of(s->d->layers, s->t->member, vcpu));
	guint most;
	guint32 serial = greatest_thread(storm->threads, &most);
	const KernelThreadItem *item = guest && serial != G_MAXUINT32 ? kernel_find_thread(guest->history, serial) : NULL;

	if (item && item->tid > 0 && 2 * most >= storm->samples) {
		const char *name = history_text_get(guest->history, item->name);

		diagnose_who(&f->culprit, "process", name, guest->name, item->pid, item->tid);
		return g_strdup_printf(", mostly by %s %d of %s", name, item->tid, guest->name);
	}
	return g_strdup(storm->user > 2 * storm->kernel ? ", by its programs" : storm->kernel > 2 * storm->user ? ", by its kernel" : "");
}

static void add_finding(const Scan *s, const Storm *storm, Kind kind, guint32 vm, const KvmVmItem *item, gint64 demand)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, kinds[kind].id, storm->loss, demand);
	double share;
	g_autofree char *from = origin(s, storm, &share);

	diagnose_suffers_vm(s->d, f, s->t, vm);
	diagnose_who(&f->culprit, "exit", from, s->t->name, item->pid, -1);
	g_autofree char *by = by_whom(s, f, storm, item->first_vcpu);
	g_autofree char *part = share < ALL ? g_strdup_printf("%.0f %% of that is ", share * 100) : g_strdup("");
	f->title = g_strdup_printf("%s exits %.0f times a second for %s: %s%s%s", f->sufferer.name, (double)storm->exits * 1e9 / (double)storm->storm_ns,
				   kinds[kind].what, part, from, by);
	f->advice = g_strdup(kinds[kind].advice);
	f->offender = f->victim;
	/* `storm.share` has been asked of each of its windows; but one that is over in a moment is none of weight. */
	f->is_heavy = f->of_second >= s->d->thresholds[DIAGNOSE_STORM_SECOND];
	diagnose_add(s->d, f);
}

static void judge(Scan *s, guint vms)
{
	gint64 demand;
	gboolean any = FALSE;

	for (guint i = 0; i < s->n_vms * KINDS; i++)
		any |= find_windows(s, &s->storms[i], history_table_get(s->t->history, vms, i / KINDS));
	if (any)
		each_exit(s, lose);
	for (guint i = 0; i < s->n_vms * KINDS; i++) {
		const KvmVmItem *vm = history_table_get(s->t->history, vms, i / KINDS);

		if (!s->storms[i].loss)
			continue;
		demand = wanted(s, vm, s->begin, s->end);
		if (diagnose_matters_while(s->d, s->storms[i].loss, demand, DIAGNOSE_LOST_SHARE))
			add_finding(s, &s->storms[i], (Kind)(i % KINDS), i / KINDS, vm, demand);
	}
}

void diagnose_rule_exits(Diagnose *d, const AnalysisStoreTrace *t)
{
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t)};
	guint vms;

	if (s.end <= s.begin || !history_find_table(t->history, KVM_EXITS_TABLE, sizeof(KvmExitItem), &s.exits) ||
	    !history_find_table(t->history, KVM_EXIT_SITES_TABLE, sizeof(KvmSiteItem), &s.sites) ||
	    !history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms) ||
	    !history_find_table(t->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &s.vcpus))
		return;
	s.width = MAX(WINDOW_NS, (s.end - s.begin) / WINDOWS_MAX + 1);
	s.n_windows = (guint)((s.end - s.begin) / s.width + 1);
	s.n_vms = (guint)MIN(history_table_len(t->history, vms), KVM_VCPUS_MAX);
	s.storms = g_new0(Storm, (gsize)s.n_vms * KINDS + 1);
	each_exit(&s, count);
	judge(&s, vms);
	for (guint i = 0; i < s.n_vms * KINDS; i++)
		clear(&s.storms[i]);
	g_free(s.storms);
}

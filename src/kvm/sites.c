/* SPDX-License-Identifier: MIT */
/* sites.c: what exits were for, while events flow: each exit becomes an item of 32 bytes. */
#include "kvm/sites.h"

#include <string.h>

#include "kvm/private.h"

typedef struct {
	guint64 who; /* vCPU, level, isa, kind, size */
	guint64 code, address;
} Key;

typedef struct {
	KvmSet *set;
	guint exits, sites; /* tables */
	GArray *keys;       /* Key, by site */
	guint32 *slots;     /* site plus one; open addressing */
	guint n_slots;      /* a power of two */
	gboolean has_mmio;  /* accesses to devices are told apart by kvm_mmio */
} Sites;

#define SLOTS_MIN 1024u
#define NO_VCPU   0xffffffu

/* ---- Sites --------------------------------------------------------------------------------------------------------- */

static guint hash(const Key *k)
{
	guint64 h =
	        (k->who * 0x9e3779b97f4a7c15u) ^ (k->code * 0xc2b2ae3d27d4eb4fu) ^ (k->address * 0x165667b19e3779f9u);

	return (guint)(h >> 32) ^ (guint)(h >> 12);
}

static gboolean equal(const Key *a, const Key *b)
{
	return a->who == b->who && a->code == b->code && a->address == b->address;
}

static void place(Sites *p, guint32 site)
{
	guint i = hash(&g_array_index(p->keys, Key, site));

	while (p->slots[i & (p->n_slots - 1)])
		i++;
	p->slots[i & (p->n_slots - 1)] = site + 1;
}

static void grow(Sites *p)
{
	g_free(p->slots);
	p->n_slots = p->n_slots ? p->n_slots * 2 : SLOTS_MIN;
	p->slots = g_new0(guint32, p->n_slots);
	for (guint32 i = 0; i < p->keys->len; i++)
		place(p, i);
}

static guint32 add_site(Sites *p, const Key *k)
{
	KvmSiteItem *item = history_table_add(p->set->history, p->sites);

	*item = (KvmSiteItem){.code = k->code,
	                      .address = k->address,
	                      .vcpu = (guint32)(k->who & NO_VCPU),
	                      .level = (guint8)(k->who >> 24),
	                      .isa = (guint8)(k->who >> 32),
	                      .kind = (guint8)(k->who >> 40),
	                      .size = (guint8)(k->who >> 48)};
	g_array_append_val(p->keys, *k);
	if (p->keys->len * 2 > p->n_slots)
		grow(p);
	else
		place(p, p->keys->len - 1);
	return p->keys->len - 1;
}

static gboolean look_up(const Sites *p, const Key *k, guint32 *site_out)
{
	guint32 slot;

	for (guint i = hash(k); (slot = p->slots[i & (p->n_slots - 1)]); i++)
		if (equal(&g_array_index(p->keys, Key, slot - 1), k)) {
			*site_out = slot - 1;
			return TRUE;
		}
	return FALSE;
}

static guint64 who(guint32 vcpu, guint level, guint isa, guint kind, guint size)
{
	return (vcpu & NO_VCPU) | (guint64)level << 24 | (guint64)isa << 32 | (guint64)kind << 40 | (guint64)size << 48;
}

static guint32 site_of(Sites *p, const KvmVcpu *v, const KvmTold *what)
{
	const KvmEpisode *ep = &v->s->ep;
	Key k = {who(v->s->index, ep->level, ep->isa, what->kind, what->size), ep->code, what->address};
	guint32 site;

	if (look_up(p, &k, &site))
		return site;
	if (p->keys->len < KVM_EXIT_SITES_MAX)
		return add_site(p, &k);
	k = (Key){who(v->s->index, ep->level, ep->isa, KVM_WHAT_OTHER, 0), ep->code, KVM_NO_ADDRESS};
	if (look_up(p, &k, &site))
		return site;
	if (p->keys->len < 2 * KVM_EXIT_SITES_MAX)
		return add_site(p, &k);
	k = (Key){who(NO_VCPU, 1, KVM_ISA_UNKNOWN, KVM_WHAT_OTHER, 0), 0, KVM_NO_ADDRESS};
	return look_up(p, &k, &site) ? site : add_site(p, &k);
}

/* ---- What the exit itself tells ------------------------------------------------------------------------------------ */

static KvmTold what_at(KvmWhat kind, guint64 address)
{
	return (KvmTold){.kind = (guint8)kind, .address = address};
}

static KvmTold what_untold(KvmWhat kind)
{
	return what_at(kind, KVM_NO_ADDRESS);
}

static gboolean is_svm(const KvmEpisode *ep)
{
	return ep->isa == KVM_ISA_SVM;
}

/* Intel: size - 1 in bits 0-2, 3 in; AMD: 0 in, size in bits 4-6; both: port in the upper half. */
static KvmTold port(const KvmEpisode *ep, guint64 info)
{
	gboolean in = is_svm(ep) ? info & 1 : info & 8;
	KvmTold p = what_at(in ? KVM_WHAT_PORT_IN : KVM_WHAT_PORT_OUT, info >> 16 & 0xffff);

	p.size = (guint8)(is_svm(ep) ? info >> 4 & 7 : (info & 7) + 1);
	return p;
}

/* Intel's reasons name the direction, AMD's info does. */
static KvmTold msr(const KvmEpisode *ep, guint64 info)
{
	gboolean write = is_svm(ep) ? info & 1 : ep->code == 32 || ep->code == 85;

	return what_untold(write ? KVM_WHAT_MSR_WRITE : KVM_WHAT_MSR_READ);
}

static gboolean is_device(guint64 gpa)
{
	return (gpa >= 0xfec00000 && gpa <= 0xfeefffff) || (gpa >= 0xa0000 && gpa <= 0xbffff);
}

/* Of memory only AMD's info has the address. A device's has a reserved bit set where it was seen before. */
static KvmTold memory(const Sites *p, const KvmEpisode *ep, guint64 info1, guint64 info2)
{
	if (!is_svm(ep))
		return what_untold(ep->code == 49 ? KVM_WHAT_MMIO : KVM_WHAT_MEMORY);
	if (!p->has_mmio && (is_device(info2) || (info1 & 8)))
		return what_at(info1 & 2 ? KVM_WHAT_MMIO_WRITE : KVM_WHAT_MMIO_READ, info2);
	return what_untold(KVM_WHAT_MEMORY);
}

/* Intel only: AMD has a reason for each. */
static KvmTold control(const KvmEpisode *ep, guint64 info)
{
	if (ep->isa == KVM_ISA_VMX && ep->code == 28)
		return what_at((info >> 4 & 3) == 1 ? KVM_WHAT_CR_READ : KVM_WHAT_CR_WRITE,
		               (info >> 4 & 2) ? 0 : info & 15);
	if (ep->isa == KVM_ISA_VMX && ep->code == 29)
		return what_at(info & 16 ? KVM_WHAT_DR_READ : KVM_WHAT_DR_WRITE, info & 7);
	return what_untold(KVM_WHAT_NONE);
}

static KvmTold apic(const KvmEpisode *ep, guint64 info)
{
	if (is_svm(ep))
		return ep->code == 0x402
		               ? what_at(info >> 32 & 1 ? KVM_WHAT_APIC_WRITE : KVM_WHAT_APIC_READ, info & 0xff0)
		               : what_at(KVM_WHAT_APIC_WRITE, 0x300);
	switch (ep->code) {
	case 44:
		return what_at((info >> 12 & 15) == 1 ? KVM_WHAT_APIC_WRITE : KVM_WHAT_APIC_READ, info & 0xfff);
	case 45:
		return what_at(KVM_WHAT_EOI, info & 0xff);
	case 56:
		return what_at(KVM_WHAT_APIC_WRITE, info & 0xfff);
	default:
		return what_untold(KVM_WHAT_NONE);
	}
}

/* Intel tells the vector of the interrupt or exception, if it is valid (bit 31). */
static KvmTold vector(const KvmEpisode *ep, KvmWhat kind, guint64 intr_info)
{
	if (ep->isa != KVM_ISA_VMX || !(intr_info >> 31 & 1))
		return what_untold(KVM_WHAT_NONE);
	return what_at(kind, intr_info & 0xff);
}

static KvmTold from_exit(const Sites *p, const KvmEpisode *ep)
{
	switch (ep->reason ? (KvmClass)ep->reason->klass : KVM_CLASS_OTHER) {
	case KVM_CLASS_IO:
		return ep->has_info ? port(ep, ep->info1) : what_untold(KVM_WHAT_NONE);
	case KVM_CLASS_MSR:
		return msr(ep, ep->info1);
	case KVM_CLASS_MEMORY:
		return memory(p, ep, ep->info1, ep->info2);
	case KVM_CLASS_CPUID:
		return what_untold(KVM_WHAT_CPUID);
	case KVM_CLASS_HYPERCALL:
		return what_untold(KVM_WHAT_HYPERCALL);
	case KVM_CLASS_REGISTER:
		return ep->has_info ? control(ep, ep->info1) : what_untold(KVM_WHAT_NONE);
	case KVM_CLASS_APIC:
		return ep->has_info ? apic(ep, ep->info1) : what_untold(KVM_WHAT_NONE);
	case KVM_CLASS_INTERRUPT:
		return vector(ep, KVM_WHAT_VECTOR, ep->intr_info);
	case KVM_CLASS_EXCEPTION:
		return vector(ep, KVM_WHAT_EXCEPTION, ep->intr_info);
	default:
		return what_untold(KVM_WHAT_NONE);
	}
}

/* ---- What the events in its handling tell -------------------------------------------------------------------------- */

static guint64 field(const TraceEvent *ev, guint index, guint64 otherwise)
{
	return trace_has(ev, index) ? ev->v[index] : otherwise;
}

/* Leaves are those of processors, hypervisors and of their makers. */
static gboolean plausible_leaf(guint64 leaf)
{
	return leaf <= 0xffff || (leaf >> 16) == 0x4000 || (leaf >> 16) == 0x8000 || leaf == 0x8fffffff ||
	       (leaf >> 16) == 0xc000;
}

/* TRUE: the event tells what an exit of this class was for. */
static gboolean from_event(const TraceEvent *ev, KvmTold *what, KvmClass *class_out)
{
	guint64 type;

	switch ((TraceEventId)ev->id) {
	case TRACE_KVM_PIO:
		*class_out = KVM_CLASS_IO;
		*what = what_at(field(ev, TRACE_KVM_PIO_OUT, 0) ? KVM_WHAT_PORT_OUT : KVM_WHAT_PORT_IN,
		                field(ev, TRACE_KVM_PIO_PORT, 0) & 0xffff);
		what->size = (guint8)field(ev, TRACE_KVM_PIO_SIZE, 0);
		return TRUE;
	case TRACE_KVM_MSR:
		*class_out = KVM_CLASS_MSR;
		*what = what_at(field(ev, TRACE_KVM_MSR_WRITE, 0) ? KVM_WHAT_MSR_WRITE : KVM_WHAT_MSR_READ,
		                field(ev, TRACE_KVM_MSR_ECX, 0) & 0xffffffffu);
		return TRUE;
	case TRACE_KVM_MMIO:
		type = field(ev, TRACE_KVM_MMIO_TYPE, 0);
		*class_out = KVM_CLASS_MEMORY;
		*what = what_at(type == 2 ? KVM_WHAT_MMIO_WRITE : KVM_WHAT_MMIO_READ,
		                field(ev, TRACE_KVM_MMIO_GPA, KVM_NO_ADDRESS));
		return type <= 2;
	case TRACE_KVM_FAST_MMIO:
		*class_out = KVM_CLASS_MEMORY;
		*what = what_at(KVM_WHAT_MMIO_WRITE, field(ev, TRACE_KVM_FAST_MMIO_GPA, KVM_NO_ADDRESS));
		return TRUE;
	case TRACE_KVM_CPUID:
		*class_out = KVM_CLASS_CPUID;
		*what = what_at(KVM_WHAT_CPUID, field(ev, TRACE_KVM_CPUID_LEAF, KVM_NO_ADDRESS) & 0xffffffffu);
		return plausible_leaf(what->address);
	default:
		*class_out = KVM_CLASS_HYPERCALL;
		*what = what_at(KVM_WHAT_HYPERCALL, field(ev, 0, KVM_NO_ADDRESS));
		return TRUE;
	}
}

/* Of several events in one exit's handling the first counts: that is the guest's instruction. */
static void sites_event(gpointer self, const TraceEvent *ev)
{
	const Sites *p = self;
	const KernelThread *t = kernel_current(p->set->kvm->kernel, ev);
	struct KvmVcpuState *s = t && t->vcpu ? ((const KvmVcpu *)t->vcpu)->s : NULL;
	KvmTold what;
	KvmClass class;

	if (!s || !from_event(ev, &what, &class))
		return;
	if (s->ep.open && s->ep.known && s->phase != KVM_PHASE_GUEST) {
		if (s->told.kind == KVM_WHAT_NONE && s->ep.reason && s->ep.reason->klass == class)
			s->told = what;
	} else if (s->phase == KVM_PHASE_GUEST && class == KVM_CLASS_MSR) {
		s->early = what;
	}
}

/* ---- The end of an exit's handling ----------------------------------------------------------------------------------- */

#define NS_MAX ((G_GINT64_CONSTANT(1) << 44) - 1)

static KvmTold what_of(const Sites *p, struct KvmVcpuState *s)
{
	KvmTold told = s->told, early = s->early;

	s->told.kind = s->early.kind = KVM_WHAT_NONE;
	if (told.kind != KVM_WHAT_NONE)
		return told;
	told = from_exit(p, &s->ep);
	return early.kind != KVM_WHAT_NONE && early.kind == told.kind ? early : told;
}

static void keep_exit(gpointer self, KvmVcpu *v, gint64 time, gboolean whole)
{
	Sites *p = self;
	const KvmEpisode *ep = &v->s->ep;
	const KvmTold what = what_of(p, v->s);
	KvmExitItem *item = history_table_add(p->set->history, p->exits);

	item->end_ns = time;
	item->rip = ep->rip;
	item->ns = (guint64)CLAMP(time - ep->begin, 0, NS_MAX);
	item->cpu_ns = (guint64)CLAMP(ep->ns[KVM_STATE_EXIT] + ep->ns[KVM_STATE_EMULATION] +
	                                      ep->ns[KVM_STATE_HALT_POLL] + ep->ns[KVM_STATE_RUNNING],
	                              0, NS_MAX);
	item->to_user = ep->to_user;
	item->torn = !whole;
	item->site = site_of(p, v, &what);
}

/* ---- The part -------------------------------------------------------------------------------------------------------- */

static gpointer sites_create(KvmSet *set)
{
	Sites *p = g_new0(Sites, 1);

	p->set = set;
	p->has_mmio = set->facts->declared[TRACE_KVM_MMIO];
	p->exits = history_table(set->history, KVM_EXITS_TABLE, sizeof(KvmExitItem));
	p->sites = history_table(set->history, KVM_EXIT_SITES_TABLE, sizeof(KvmSiteItem));
	p->keys = g_array_new(FALSE, FALSE, sizeof(Key));
	grow(p);
	set->kvm->s->on_exit = keep_exit;
	set->kvm->s->on_exit_user = p;
	return p;
}

static TraceModel sites_model(gpointer self)
{
	static const TraceNeed needs[] = {
	        {TRACE_KVM_PIO, 0x7, KERNEL_ALL_CTX},          {TRACE_KVM_MSR, 0x3, KERNEL_ALL_CTX},
	        {TRACE_KVM_MMIO, 0x3, KERNEL_ALL_CTX},         {TRACE_KVM_FAST_MMIO, 0x1, KERNEL_ALL_CTX},
	        {TRACE_KVM_CPUID, 0x1, KERNEL_ALL_CTX},        {TRACE_KVM_HYPERCALL, 0x1, KERNEL_ALL_CTX},
	        {TRACE_KVM_HV_HYPERCALL, 0x1, KERNEL_ALL_CTX},
	};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = sites_event, .self = self};
}

/* Sites know vCPUs by the order in which they were met; now by their items. */
static void sites_finish(gpointer self)
{
	Sites *p = self;
	History *h = p->set->history;
	g_autofree guint32 *items = kvm_set_vcpu_items(p->set);

	for (guint64 i = 0; i < history_table_len(h, p->sites); i++) {
		KvmSiteItem *site = history_table_item(h, p->sites, i);

		site->vcpu = site->vcpu < p->set->kvm->s->vcpus->len ? items[site->vcpu] : KVM_NO_ROW;
	}
	p->set->kvm->s->on_exit = NULL;
}

static void sites_free(gpointer self)
{
	Sites *p = self;

	g_array_unref(p->keys);
	g_free(p->slots);
	g_free(p);
}

const KvmPart kvm_part_sites = {
        .create = sites_create, .model = sites_model, .finish = sites_finish, .free = sites_free};

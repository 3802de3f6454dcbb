/* SPDX-License-Identifier: MIT */
/*
 * l2.c: telling apart the VMs that are nested in one VM, from outside.
 *
 * Where kvm_nested_vmrun was recorded, the control block's address says which vCPU of which nested VM is entered; control blocks under which the same instruction exits
 * belong to one VM.
 *
 * Otherwise kernels give themselves away: each puts its code at a random place when it boots (KASLR), a multiple of 2 MiB, so that an instruction keeps the low 21 bits
 * of its address. An instruction that exits by itself (HLT, WRMSR, CPUID, ...) is at few places of a kernel, so if one exits for the same reason at two
 * addresses that are equal in those bits, there are two kernels; their distance is the same for all such instructions. (One such pair may be chance, two at the
 * same distance are not.) Other kernel code, where a nested VM was interrupted, tells whose it is once it is known whose code is there. Kernels built differently,
 * or without KASLR, can't be told apart so; then there are more VMs than are found.
 */
#include "kvm/private.h"

#include <string.h>

#define KASLR_BITS  21
#define PAGE_BITS   12
#define SITE_PLACES 16
#define FEW_L2S     8  /* up to so many are compared with each other */
#define VMCBS_MAX   4096

/* An l2, and where its kernel is, relative to that of the first one. */
typedef struct {
	KvmL2 l2;
	gint64 offset;
	KvmL2 *real;  /* itself, or the one that it turned out to be */
	KvmL2 *from;  /* the one whose code showed that there is another kernel; NULL: that is not how it was found */
	guint sites;  /* instructions that showed it, at this distance */
} L2Place;

/* Where instructions that exit for the same reason, with the same low bits of the address, were met. */
typedef struct {
	guint64 key;
	guint n;
	struct {
		guint64 rip;
		KvmL2 *l2;
	} at[SITE_PLACES];
} Site;

/* Code at an address. */
typedef struct {
	guint64 rip;
	KvmL2 *l2; /* NULL: it was seen in several */
} Code;

struct KvmVmState *kvm_vm_state_new(Kvm *kvm)
{
	struct KvmVmState *s = g_new0(struct KvmVmState, 1);

	s->n_sites = &kvm->s->n_sites;
	s->n_code = &kvm->s->n_code;
	s->sites = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	s->code = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	s->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	s->l2s = g_ptr_array_new_with_free_func(g_free);
	s->vmcbs = g_ptr_array_new_with_free_func(g_free);
	return s;
}

void kvm_vm_state_free(struct KvmVmState *s)
{
	g_hash_table_unref(s->sites);
	g_hash_table_unref(s->code);
	g_hash_table_unref(s->pages);
	g_ptr_array_unref(s->l2s);
	g_ptr_array_unref(s->vmcbs);
	g_free(s);
}

/* ---- Nested VMs ------------------------------------------------------------------------------------------------ */

static L2Place *place(const KvmVm *vm, const KvmL2 *l2)
{
	return g_ptr_array_index(vm->s->l2s, l2->index);
}

KvmL2 *kvm_l2_real(const KvmVm *vm, KvmL2 *l2)
{
	while (l2) {
		KvmL2 *real = place(vm, l2)->real;

		if (real == l2)
			break;
		l2 = real;
	}
	return l2;
}

KvmL2 *kvm_l2_numbered(const KvmVm *vm, guint index)
{
	return index < vm->s->l2s->len ? kvm_l2_real(vm, &((L2Place *)g_ptr_array_index(vm->s->l2s, index))->l2) : NULL;
}

static KvmL2 *l2_new(KvmVm *vm, KvmL2Evidence evidence, gint64 offset)
{
	GPtrArray *all = vm->s->l2s;

	if (all->len >= KVM_L2_MAX)
		return NULL;
	L2Place *p = g_new0(L2Place, 1);
	p->l2.index = all->len;
	p->l2.evidence = evidence;
	p->l2.first_ns = G_MAXINT64;
	p->l2.last_ns = G_MININT64;
	p->offset = offset;
	p->real = &p->l2;
	g_ptr_array_add(all, p);
	return &p->l2;
}

/* The only real one; NULL: there is none, or several. `n_out`: how many. */
static KvmL2 *only_one(const KvmVm *vm, guint *n_out)
{
	KvmL2 *only = NULL;

	*n_out = 0;
	for (guint i = 0; i < vm->s->l2s->len; i++) {
		L2Place *p = g_ptr_array_index(vm->s->l2s, i);

		if (p->real != &p->l2)
			continue;
		only = &p->l2;
		++*n_out;
	}
	return *n_out == 1 ? only : NULL;
}

KvmL2 *kvm_l2_assume(KvmVm *vm)
{
	guint n;
	KvmL2 *only = only_one(vm, &n);

	return n ? only : l2_new(vm, KVM_L2_ASSUMED, 0);
}

/* ---- Control blocks -------------------------------------------------------------------------------------------- */

KvmVmcb *kvm_l2_vmcb(KvmVm *vm, guint64 gpa, guint64 pgd)
{
	GPtrArray *all = vm->s->vmcbs;
	KvmVmcb *b = NULL;

	for (guint i = 0; i < all->len && !b; i++) {
		KvmVmcb *known = g_ptr_array_index(all, i);

		if (known->gpa == gpa)
			b = known;
	}
	if (!b && all->len >= VMCBS_MAX)
		return NULL;
	if (!b) {
		b = g_new0(KvmVmcb, 1);
		b->gpa = gpa;
		g_ptr_array_add(all, b);
	}
	if (pgd)
		b->pgd = pgd;
	return b;
}

/* Page tables of both are known, and are not the same: then neither is their VM, whatever their code. */
static gboolean apart(const KvmVm *vm, const KvmVmcb *b, const KvmL2 *l2)
{
	gboolean some = FALSE;

	for (guint i = 0; b->pgd && i < vm->s->vmcbs->len; i++) {
		const KvmVmcb *other = g_ptr_array_index(vm->s->vmcbs, i);

		if (other == b || !other->pgd || kvm_l2_real(vm, other->l2) != l2)
			continue;
		if (other->pgd == b->pgd)
			return FALSE;
		some = TRUE;
	}
	return some;
}

/* The control block's VM is this one. */
static KvmL2 *bind_vmcb(const KvmVm *vm, KvmVmcb *b, KvmL2 *l2)
{
	KvmL2 *before = kvm_l2_real(vm, b->l2);

	if (before == l2)
		return l2;
	if (apart(vm, b, l2))
		return before;
	if (before)
		place(vm, before)->real = l2;
	b->l2 = l2;
	return l2;
}

/* ---- Sites ------------------------------------------------------------------------------------------------------ */

static Site *site_get(KvmVm *vm, const KvmReason *reason, guint64 rip)
{
	guint64 key = (reason->code << KASLR_BITS) | (rip & ((1u << KASLR_BITS) - 1));
	Site *site = g_hash_table_lookup(vm->s->sites, &key);

	if (site || *vm->s->n_sites >= KVM_SITES_MAX)
		return site;
	++*vm->s->n_sites;
	site = g_new0(Site, 1);
	site->key = key;
	g_hash_table_insert(vm->s->sites, &site->key, site);
	return site;
}

static KvmL2 *site_find(const KvmVm *vm, const Site *site, guint64 rip)
{
	for (guint i = 0; i < site->n; i++)
		if (site->at[i].rip == rip)
			return kvm_l2_real(vm, site->at[i].l2);
	return NULL;
}

static KvmL2 *site_add(Site *site, guint64 rip, KvmL2 *l2)
{
	if (l2 && site->n < SITE_PLACES) {
		site->at[site->n].rip = rip;
		site->at[site->n++].l2 = l2;
	}
	return l2;
}

/* The real l2 whose kernel is that far from another's; NULL: none. */
static KvmL2 *at_distance(const KvmVm *vm, const KvmL2 *from, gint64 distance)
{
	for (guint i = 0; i < vm->s->l2s->len; i++) {
		L2Place *p = g_ptr_array_index(vm->s->l2s, i);

		if (p->real == &p->l2 && p->offset - place(vm, from)->offset == distance)
			return &p->l2;
	}
	return NULL;
}

/* A kernel that is so far from a known one's. */
static KvmL2 *another_kernel(KvmVm *vm, KvmL2 *known, gint64 distance)
{
	if (!known)
		return NULL;
	KvmL2 *l2 = l2_new(vm, KVM_L2_KERNEL, place(vm, known)->offset + distance);
	if (!l2)
		return NULL;
	place(vm, l2)->from = known;
	place(vm, l2)->sites = 1;
	return l2;
}

/* One more instruction that is in both kernels. Returns the second. */
static KvmL2 *confirm(const KvmVm *vm, const KvmL2 *one, KvmL2 *other)
{
	place(vm, one)->sites++;
	place(vm, other)->sites++;
	return other;
}

/*
 * The instruction was met elsewhere, never here, so this is another kernel. If one at that distance is known it is that one. If one at the opposite distance is
 * known, the other place was taken for the wrong kernel's, when there was nothing to compare with.
 */
static KvmL2 *by_distance(KvmVm *vm, Site *site, guint64 rip)
{
	for (guint i = 0; i < site->n; i++) {
		KvmL2 *there = kvm_l2_real(vm, site->at[i].l2);
		gint64 distance = (gint64)(rip - site->at[i].rip);

		if (!there)
			continue;
		KvmL2 *here = at_distance(vm, there, distance);
		if (here)
			return confirm(vm, there, here);
		KvmL2 *opposite = at_distance(vm, there, -distance);
		if (!opposite)
			continue;
		site->at[i].l2 = opposite;
		return confirm(vm, opposite, there);
	}
	return another_kernel(vm, kvm_l2_real(vm, site->at[0].l2), (gint64)(rip - site->at[0].rip));
}

/* ---- Code ------------------------------------------------------------------------------------------------------ */

/* User programs are anywhere, in any VM. */
static gboolean is_kernel(guint64 rip)
{
	return rip >> 63;
}

static KvmL2 *code_find(const KvmVm *vm, guint64 rip)
{
	const Code *code = g_hash_table_lookup(vm->s->code, &rip);

	return code ? kvm_l2_real(vm, code->l2) : NULL;
}

/* The code of one nested VM is that of another at the distance of their kernels. */
static KvmL2 *code_at_distance(const KvmVm *vm, guint64 rip)
{
	const GPtrArray *all = vm->s->l2s;

	if (all->len > FEW_L2S)
		return NULL;
	for (guint i = 0; i < all->len; i++) {
		L2Place *here = g_ptr_array_index(all, i);

		for (guint j = 0; j < all->len && here->real == &here->l2; j++) {
			L2Place *there = g_ptr_array_index(all, j);
			gint64 distance = here->offset - there->offset;

			if (distance && code_find(vm, rip - (guint64)distance) == &there->l2)
				return &here->l2;
		}
	}
	return NULL;
}

static void learn(const KvmVm *vm, GHashTable *all, guint64 key, KvmL2 *l2)
{
	Code *code = g_hash_table_lookup(all, &key);

	if (!code) {
		code = g_new(Code, 1);
		*code = (Code){key, l2};
		g_hash_table_insert(all, &code->rip, code);
	} else if (kvm_l2_real(vm, code->l2) != l2) {
		code->l2 = NULL;
	}
}

/* Programs come and go: where there are too many pages, those seen lately count. */
void kvm_l2_learn(KvmVm *vm, guint64 rip, KvmL2 *l2)
{
	struct KvmVmState *s = vm->s;

	if (!is_kernel(rip)) {
		if (g_hash_table_size(s->pages) >= KVM_PAGES_MAX)
			g_hash_table_remove_all(s->pages);
		learn(vm, s->pages, rip >> PAGE_BITS, l2);
		return;
	}
	if (*s->n_code >= KVM_SITES_MAX && !g_hash_table_contains(s->code, &rip))
		return;
	guint before = g_hash_table_size(s->code);
	learn(vm, s->code, rip, l2);
	*s->n_code += g_hash_table_size(s->code) - before;
}

KvmL2 *kvm_l2_hint(const KvmVm *vm, guint64 rip)
{
	guint64 key = rip >> PAGE_BITS;
	const Code *code = g_hash_table_lookup(is_kernel(rip) ? vm->s->code : vm->s->pages, is_kernel(rip) ? &rip : &key);

	return code ? kvm_l2_real(vm, code->l2) : NULL;
}

guint kvm_l2_all(const KvmVm *vm, KvmL2 **out, guint max)
{
	guint n = 0;

	for (guint i = 0; i < vm->s->l2s->len && n < max; i++) {
		L2Place *p = g_ptr_array_index(vm->s->l2s, i);

		if (p->real == &p->l2)
			out[n++] = &p->l2;
	}
	return n;
}

/* ---- Identification ---------------------------------------------------------------------------------------------- */

static KvmL2 *identify_by_vmcb(KvmVm *vm, KvmVmcb *b, Site *site, guint64 rip)
{
	KvmL2 *known = site ? site_find(vm, site, rip) : NULL;

	if (known)
		return bind_vmcb(vm, b, known);
	if (!b->l2)
		b->l2 = l2_new(vm, KVM_L2_VMCB, 0);
	KvmL2 *l2 = kvm_l2_real(vm, b->l2);
	return site ? site_add(site, rip, l2) : l2;
}

static KvmL2 *identify_by_site(KvmVm *vm, Site *site, guint64 rip)
{
	KvmL2 *l2 = site_find(vm, site, rip);
	guint n;

	if (l2)
		return l2;
	if (site->n)
		return site_add(site, rip, by_distance(vm, site, rip));
	l2 = only_one(vm, &n);
	return site_add(site, rip, n ? l2 : l2_new(vm, KVM_L2_ASSUMED, 0));
}

KvmL2 *kvm_l2_identify(KvmVm *vm, KvmVmcb *vmcb, const KvmReason *reason, guint64 rip)
{
	Site *site = reason && reason->instruction && is_kernel(rip) ? site_get(vm, reason, rip) : NULL;

	if (vmcb)
		return site || vmcb->l2 ? identify_by_vmcb(vm, vmcb, site, rip) : NULL;
	KvmL2 *l2 = site ? identify_by_site(vm, site, rip) : NULL;
	if (l2 || !is_kernel(rip))
		return l2;
	l2 = code_find(vm, rip);
	return l2 ? l2 : code_at_distance(vm, rip);
}

/* ---- Results ---------------------------------------------------------------------------------------------------- */

static void absorb(KvmL2 *to, const KvmL2 *from)
{
	to->guest_ns += from->guest_ns;
	to->runs += from->runs;
	to->first_ns = MIN(to->first_ns, from->first_ns);
	to->last_ns = MAX(to->last_ns, from->last_ns);
	to->vcpus = MAX(to->vcpus, from->vcpus);
	to->is_hypervisor |= from->is_hypervisor;
	to->evidence = MAX(to->evidence, from->evidence);
}

/* Every control block is a vCPU; those that never told more are the only VM's there is, or one's of their own. */
static void count_vmcbs(KvmVm *vm)
{
	for (guint i = 0; i < vm->s->vmcbs->len; i++) {
		KvmVmcb *b = g_ptr_array_index(vm->s->vmcbs, i);

		if (!b->l2)
			b->l2 = kvm_l2_assume(vm);
		KvmL2 *l2 = kvm_l2_real(vm, b->l2);
		if (!l2)
			continue;
		l2->vcpus = l2->vcpus_exact ? l2->vcpus + 1 : 1;
		l2->vcpus_exact = TRUE;
		l2->evidence = KVM_L2_VMCB;
	}
}

/* One instruction is not enough for another kernel. */
static void drop_doubtful(const KvmVm *vm)
{
	for (guint i = 0; i < vm->s->l2s->len; i++) {
		L2Place *p = g_ptr_array_index(vm->s->l2s, i);
		KvmL2 *from = kvm_l2_real(vm, p->from);

		if (p->real != &p->l2 || !from || from == &p->l2 || p->sites >= 2)
			continue;
		p->real = from;
		p->l2.evidence = KVM_L2_ASSUMED;
	}
}

/* Kernels tell VMs apart if there are several. */
static void set_evidence(const KvmVm *vm)
{
	guint n;

	only_one(vm, &n);
	for (guint i = 0; i < vm->s->l2s->len; i++) {
		L2Place *p = g_ptr_array_index(vm->s->l2s, i);

		if (p->l2.evidence != KVM_L2_VMCB)
			p->l2.evidence = n > 1 ? KVM_L2_KERNEL : KVM_L2_ASSUMED;
	}
}

void kvm_l2_finish(KvmVm *vm)
{
	GPtrArray *all = vm->s->l2s;

	drop_doubtful(vm);
	set_evidence(vm);
	for (guint i = 0; i < all->len; i++) {
		L2Place *p = g_ptr_array_index(all, i);

		KvmL2 *real = kvm_l2_real(vm, &p->l2);

		if (real && real != &p->l2)
			absorb(real, &p->l2);
	}
	count_vmcbs(vm);
	for (guint i = 0; i < all->len; i++) {
		L2Place *p = g_ptr_array_index(all, i);

		if (p->real == &p->l2)
			g_ptr_array_add(vm->l2s, &p->l2);
	}
	for (guint i = 0; i < vm->l2s->len; i++) {
		KvmL2 *l2 = g_ptr_array_index(vm->l2s, i);

		l2->vcpus = MAX(l2->vcpus, 1);
	}
}

void kvm_l2_number(KvmVm *vm)
{
	for (guint i = 0; i < vm->l2s->len; i++)
		((KvmL2 *)g_ptr_array_index(vm->l2s, i))->index = i;
}

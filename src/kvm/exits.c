/* SPDX-License-Identifier: MIT */
/* exits.c: exits by reason. */
#include "kvm/private.h"

#include <string.h>

static void exit_free(gpointer data)
{
	KvmExit *e = data;

	st_hist_clear(&e->hist);
	st_hist_clear(&e->full);
	g_free(e);
}

void kvm_exits_init(KvmExitTable *table)
{
	memset(table, 0, sizeof(*table));
	table->all = g_ptr_array_new_with_free_func(exit_free);
}

void kvm_exits_clear(KvmExitTable *table)
{
	g_clear_pointer(&table->all, g_ptr_array_unref);
}

static KvmExit *add(KvmExitTable *table, KvmIsa isa, guint64 code)
{
	KvmExit *e = g_new0(KvmExit, 1);

	e->isa = (guint8)isa;
	e->code = code;
	e->reason = kvm_reason(isa, code);
	if (e->reason)
		g_strlcpy(e->name, e->reason->name, sizeof(e->name));
	else
		g_snprintf(e->name, sizeof(e->name), "0x%" G_GINT64_MODIFIER "x", code);
	g_ptr_array_add(table->all, e);
	return e;
}

gint kvm_exits_slot(guint64 code)
{
	if (code < 0x100)
		return (gint)code;
	return code >= 0x400 && code < 0x410 ? (gint)(code - 0x300) : -1;
}

/* Codes without a slot are few, or garbage. */
static KvmExit *search(KvmExitTable *table, KvmIsa isa, guint64 code)
{
	for (guint i = 0; i < table->all->len; i++) {
		KvmExit *e = g_ptr_array_index(table->all, i);

		if (e->code == code && e->isa == isa)
			return e;
	}
	if (!kvm_reason(isa, code) && table->unnamed++ >= KVM_CODES_MAX) {
		KvmExit *other = search(table, KVM_ISA_UNKNOWN, G_MAXUINT64);

		g_strlcpy(other->name, "(other)", sizeof(other->name));
		return other;
	}
	return add(table, isa, code);
}

KvmExit *kvm_exits_get(KvmExitTable *table, KvmIsa isa, guint64 code)
{
	gint slot = kvm_exits_slot(code);

	if (slot < 0)
		return search(table, isa, code);
	if (G_UNLIKELY(!table->slots[slot] || table->slots[slot]->isa != isa))
		table->slots[slot] = search(table, isa, code);
	return table->slots[slot];
}

static void merge(KvmExit *to, const KvmExit *from)
{
	to->count += from->count;
	to->to_user += from->to_user;
	to->reflected += from->reflected;
	to->full_exits += from->full_exits;
	st_hist_merge(&to->hist, &from->hist);
	st_hist_merge(&to->full, &from->full);
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		to->ns[i] += from->ns[i];
}

void kvm_exits_merge(KvmExitTable *table, const KvmExitTable *other)
{
	for (guint i = 0; i < other->all->len; i++) {
		const KvmExit *e = g_ptr_array_index(other->all, i);

		merge(kvm_exits_get(table, e->isa, e->code), e);
	}
}

static gint64 sum(const KvmExit *e)
{
	gint64 total = 0;

	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		total += e->ns[i];
	return total;
}

static gint compare(gconstpointer a, gconstpointer b)
{
	const KvmExit *x = *(KvmExit *const *)a, *y = *(KvmExit *const *)b;
	gint64 xs = sum(x), ys = sum(y);

	if (xs != ys)
		return xs > ys ? -1 : 1;
	if (x->isa != y->isa)
		return (gint)x->isa - (gint)y->isa;
	return (x->code > y->code) - (x->code < y->code);
}

void kvm_exits_sort(GPtrArray *exits)
{
	g_ptr_array_sort(exits, compare);
}

gint64 kvm_exit_on_cpu(const KvmExit *e)
{
	return e->ns[KVM_STATE_EXIT] + e->ns[KVM_STATE_EMULATION] + e->ns[KVM_STATE_HALT_POLL] + e->ns[KVM_STATE_RUNNING];
}

gint64 kvm_exit_blocked(const KvmExit *e)
{
	return e->ns[KVM_STATE_HALTED] + e->ns[KVM_STATE_BLOCKED];
}

/* SPDX-License-Identifier: MIT */
/* what.c: what exits were for, in words. */
#include "kvm/names_io.h"
#include "kvm/sites.h"

typedef struct {
	guint64 first, last;
	const char *name;
} Range;

#define KVM_N(first, last, name) {first, last, name},
static const Range ports[] = {KVM_PORTS(KVM_N) {0}};
static const Range msrs[] = {KVM_MSRS(KVM_N) {0}};
static const Range mmio[] = {KVM_MMIO_RANGES(KVM_N) {0}};
static const Range apic[] = {KVM_APIC_REGISTERS(KVM_N) {0}};
static const Range leaves[] = {KVM_LEAVES(KVM_N) {0}};
static const Range hypercalls[] = {KVM_HYPERCALLS(KVM_N) {0}};
static const Range exceptions[] = {KVM_EXCEPTIONS(KVM_N) {0}};
#undef KVM_N

#define X2APIC_FIRST 0x800u
#define X2APIC_LAST  0x8ffu

/* How each kind is told: a verb, and what is at an address. */
static const struct {
	const char *name, *verb;
	const Range *ranges; /* NULL: addresses have no names */
	const char *prefix;  /* of an address; NULL: it is no number to tell */
	gboolean decimal;
} kinds[KVM_WHAT_COUNT] = {
#define KVM_K(id, text) [KVM_WHAT_##id].name = (text),
	KVM_WHATS(KVM_K)
#undef KVM_K
#define TELL(id, v, r, p, d) \
	[KVM_WHAT_##id].verb = (v), [KVM_WHAT_##id].ranges = (r), [KVM_WHAT_##id].prefix = (p), [KVM_WHAT_##id].decimal = (d)
	TELL(PORT_IN, "in", ports, "0x", FALSE),
	TELL(PORT_OUT, "out", ports, "0x", FALSE),
	TELL(MSR_READ, "read MSR", msrs, "0x", FALSE),
	TELL(MSR_WRITE, "write MSR", msrs, "0x", FALSE),
	TELL(MMIO_READ, "read", mmio, "0x", FALSE),
	TELL(MMIO_WRITE, "write", mmio, "0x", FALSE),
	TELL(MMIO, "access", mmio, "0x", FALSE),
	TELL(MEMORY, "memory", NULL, NULL, FALSE),
	TELL(APIC_READ, "read APIC", apic, "0x", FALSE),
	TELL(APIC_WRITE, "write APIC", apic, "0x", FALSE),
	TELL(CPUID, "leaf", leaves, "0x", FALSE),
	TELL(HYPERCALL, "hypercall", hypercalls, "", TRUE),
	TELL(CR_READ, "read", NULL, "CR", TRUE),
	TELL(CR_WRITE, "write", NULL, "CR", TRUE),
	TELL(DR_READ, "read", NULL, "DR", TRUE),
	TELL(DR_WRITE, "write", NULL, "DR", TRUE),
	TELL(VECTOR, "vector", NULL, "0x", FALSE),
	TELL(EXCEPTION, "exception", exceptions, "", TRUE),
	TELL(EOI, "end of vector", NULL, "0x", FALSE),
	TELL(OTHER, "(other)", NULL, NULL, FALSE),
#undef TELL
};

const char *kvm_what_kind(guint kind)
{
	return kind < KVM_WHAT_COUNT ? kinds[kind].name : "";
}

static const Range *find(const Range *r, guint64 address)
{
	while (r && r->name && (address < r->first || address > r->last))
		r++;
	return r && r->name ? r : NULL;
}

/* What is there; "" if that isn't known. */
static char *place(const KvmSiteItem *site)
{
	gboolean is_msr = site->kind == KVM_WHAT_MSR_READ || site->kind == KVM_WHAT_MSR_WRITE;

	if (is_msr && site->address >= X2APIC_FIRST && site->address <= X2APIC_LAST) {
		const Range *reg = find(apic, (site->address - X2APIC_FIRST) << 4);

		return g_strconcat(" x2APIC: ", reg ? reg->name : "?", NULL);
	}
	const Range *r = find(kinds[site->kind].ranges, site->address);
	if (!r)
		return g_strdup("");
	if (kinds[site->kind].ranges == mmio && r->first == 0xfee00000) {
		const Range *reg = find(apic, site->address & 0xfff);

		return g_strconcat(" ", r->name, reg ? ": " : "", reg ? reg->name : "", NULL);
	}
	return g_strconcat(" ", r->name, NULL);
}

char *kvm_what_text(const KvmSiteItem *site)
{
	if (site->kind >= KVM_WHAT_COUNT || !kinds[site->kind].verb)
		return g_strdup("");
	const char *verb = kinds[site->kind].verb;
	if (!kinds[site->kind].prefix)
		return g_strdup(verb);
	if (site->address == KVM_NO_ADDRESS)
		return g_strconcat(verb, " ?", NULL);
	g_autofree char *where = place(site);
	const char *prefix = kinds[site->kind].prefix;
	if (kinds[site->kind].decimal)
		return g_strdup_printf("%s %s%" G_GUINT64_FORMAT "%s", verb, prefix, site->address, where);
	g_autofree char *size = site->size ? g_strdup_printf(", %u byte%s", site->size, site->size > 1 ? "s" : "") : NULL;
	return g_strdup_printf("%s %s%" G_GINT64_MODIFIER "x%s%s", verb, prefix, site->address, where, size ? size : "");
}

char *kvm_site_reason(const KvmSiteItem *site)
{
	const KvmReason *reason = kvm_reason((KvmIsa)site->isa, site->code);

	return reason ? g_strdup(reason->name) : g_strdup_printf("0x%" G_GINT64_MODIFIER "x", site->code);
}

const char *kvm_mode_name(KvmMode mode)
{
	static const char *const names[] = {[KVM_MODE_UNKNOWN] = "unknown", [KVM_MODE_USER] = "user", [KVM_MODE_KERNEL] = "kernel"};

	return names[mode];
}

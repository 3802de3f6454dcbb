/* SPDX-License-Identifier: MIT */
/*
 * kvm/sites.h: what exits were for: which port, MSR, address, leaf, and from where in the guest's code. A part of KvmSet (kvm/set.h).
 *
 * Each exit whose reason is known is an item of the table "exits", in the order in which their handling ended. What it has in common with others is an item of the table
 * "exit_sites": the vCPU, level, reason, and what it was for. That is told by the exit's own information (ports, EPT and NPF addresses, control registers, vectors),
 * or by the event that follows it in its handling (kvm_msr, kvm_mmio, kvm_pio, kvm_cpuid, kvm_hypercall). On some kernels the fast path tells of an MSR before
 * kvm_exit is recorded: then it is the next exit's, if that is one for an MSR.
 *
 * kvm_cpuid's leaf is believed if it is in a range that processors and hypervisors have; the guest physical address of a nested page fault is kept only where a device
 * is, because each page of memory would be one of its own.
 */
#ifndef STRATA_KVM_SITES_H
#define STRATA_KVM_SITES_H

#include "kvm/rows.h"
#include "kvm/set.h"

#define KVM_EXIT_SITES_MAX (1u << 16) /* sites that are told apart; exits of more are of kind OTHER, by vCPU and reason; of more than twice as many, of no vCPU */

/* K(ID, NAME): what an exit was for. */
/* clang-format off */
#define KVM_WHATS(K) \
	K(NONE,       "") \
	K(PORT_IN,    "port-in")    /* address: the port; size in bytes */ \
	K(PORT_OUT,   "port-out") \
	K(MSR_READ,   "msr-read")   /* its number */ \
	K(MSR_WRITE,  "msr-write") \
	K(MMIO_READ,  "mmio-read")  /* guest physical address */ \
	K(MMIO_WRITE, "mmio-write") \
	K(MMIO,       "mmio")       /* whether read or written was not told */ \
	K(MEMORY,     "memory")     /* a page of the guest's memory was not mapped, or protected */ \
	K(APIC_READ,  "apic-read")  /* offset in the local APIC's page */ \
	K(APIC_WRITE, "apic-write") \
	K(CPUID,      "cpuid")      /* leaf */ \
	K(HYPERCALL,  "hypercall")  /* number */ \
	K(CR_READ,    "cr-read")    /* number of the control register */ \
	K(CR_WRITE,   "cr-write") \
	K(DR_READ,    "dr-read")    /* ... debug register */ \
	K(DR_WRITE,   "dr-write") \
	K(VECTOR,     "vector")     /* of the host's interrupt */ \
	K(EXCEPTION,  "exception")  /* of the guest's exception */ \
	K(EOI,        "eoi")        /* vector whose interrupt the guest has ended */ \
	K(OTHER,      "other")      /* there are too many sites */
/* clang-format on */

typedef enum {
#define KVM_K(id, name) KVM_WHAT_##id,
	KVM_WHATS(KVM_K)
#undef KVM_K
	KVM_WHAT_COUNT
} KvmWhat;

#define KVM_NO_ADDRESS G_MAXUINT64 /* of a kind that has one: it was not recorded */

/* The table "exit_sites". */
typedef struct {
	guint64 code;        /* exit code, flags removed */
	guint64 address;     /* port, MSR, ...: see KVM_WHATS; KVM_NO_ADDRESS: none, or not recorded */
	guint32 vcpu;        /* item of "vcpus"; KVM_NO_ROW: too many sites */
	guint8 level, isa;   /* isa: KvmIsa */
	guint8 kind;         /* KvmWhat */
	guint8 size;         /* of a port access: bytes; else 0 */
} KvmSiteItem;

#define KVM_EXIT_SITES_TABLE "exit_sites"

/* The table "exits". */
typedef struct {
	gint64 end_ns;         /* the next entry, or (torn) when its handling was lost sight of */
	guint64 rip;           /* where the guest's code was; 0: not told */
	guint64 ns : 44;       /* time of handling, from end_ns back; four hours, longer ones are cut */
	guint64 to_user : 1;   /* the hypervisor's user part was needed */
	guint64 torn : 1;      /* its handling was not seen whole: what `ns` says is no duration of one */
	guint64 reserved : 18;
	guint64 cpu_ns : 44;   /* of these, with a processor */
	guint64 site : 20;     /* item of "exit_sites" */
} KvmExitItem;

#define KVM_EXITS_TABLE "exits"

/* "port-out"; "" for NONE. */
const char *kvm_what_kind(guint kind);

/* For people: "out 0x3f8 COM1, 1 byte", "write MSR 0x6e0 TSC deadline", "read 0xfee00390 local APIC: timer now (TMCCT)"; "" where there is nothing to tell. The caller frees. */
char *kvm_what_text(const KvmSiteItem *site);

/* The reason's name, or its number in hexadecimal. The caller frees. */
char *kvm_site_reason(const KvmSiteItem *site);

/* The mode of the code at `rip`, by Linux's and Windows' layout of addresses: the upper half is the kernel's. */
typedef enum { KVM_MODE_UNKNOWN, KVM_MODE_USER, KVM_MODE_KERNEL } KvmMode;
const char *kvm_mode_name(KvmMode mode);

static inline KvmMode kvm_mode(guint64 rip)
{
	return rip == 0 ? KVM_MODE_UNKNOWN : rip >> 63 ? KVM_MODE_KERNEL : KVM_MODE_USER;
}

#endif

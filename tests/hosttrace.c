/* SPDX-License-Identifier: MIT */
#include "hosttrace.h"

#include <stdio.h>
#include <string.h>

enum { PACKET_EVENTS = 400, PAGE_BITS = 4096 * 8 };

static HtDialect dialect;
static bool contexts;

/* ---- How each tracer writes what is recorded ---- */

/* A layout: "type name value", separated by commas; a value is the number of an argument, or = and a constant. */
typedef struct {
	const char *name; /* NULL: this tracer does not record it */
	const char *fields;
} Layout;

#define SWITCH_FIELDS                                                                                                  \
	"comm prev_comm 0, i32 prev_tid 1, i32 prev_prio =20, i64 prev_state 2, comm next_comm 3, i32 next_tid 4, "    \
	"i32 next_prio =20"
#define WAKE_FIELDS      "comm comm 0, i32 tid 1, i32 prio =20, i32 target_cpu 2"
#define WAKE_FIELDS_PERF "str comm 0, i32 pid 1, i32 prio =120, i32 target_cpu 2"
#define VMEXIT_FIELDS                                                                                                  \
	"u64 rip 0, u32 exit_code 1, u64 exit_info1 2, u64 exit_info2 =0, u32 exit_int_info =0, "                      \
	"u32 exit_int_info_err 3, u32 isa 4"
#define INJECT_FIELDS                                                                                                  \
	"u32 exit_code 0, u64 exit_info1 =0, u64 exit_info2 =0, u32 exit_int_info 1, u32 exit_int_info_err =0, "       \
	"u32 isa =1"

static const Layout layouts[HT_N_EVENTS][HT_N_DIALECTS] = {
        [HT_STATEDUMP_START] = {{"lttng_statedump_start", ""}, {"lttng_statedump_start", ""}},
        [HT_STATEDUMP_PROCESS] =
                {{"lttng_statedump_process_state",
                  "i32 tid 0, i32 pid 1, i32 ppid 2, comm name 3, i32 type 4, i32 mode =5, "
                  "i32 submode =0, i32 status =5, u32 cpu 5, x64 file_table_address =4096"},
                 {"lttng_statedump_process_state",
                  "i32 tid 0, i32 vtid 0, i32 pid 1, i32 vpid 1, i32 ppid 2, i32 vppid 2, comm name 3, "
                  "i32 type 4, i32 mode =5, i32 submode =0, i32 status =5, i32 ns_level =0"}},
        [HT_STATEDUMP_END] = {{"lttng_statedump_end", ""}, {"lttng_statedump_end", ""}},
        [HT_SWITCH] = {{"sched_switch", SWITCH_FIELDS},
                       {"sched_switch", SWITCH_FIELDS},
                       {"sched:sched_switch", "str prev_comm 0, i32 prev_pid 1, i32 prev_prio =120, i64 prev_state 2, "
                                              "str next_comm 3, i32 next_pid 4, i32 next_prio =120"}},
        [HT_WAKING] = {{"sched_waking", WAKE_FIELDS}, {NULL}, {"sched:sched_waking", WAKE_FIELDS_PERF}},
        [HT_WAKEUP] = {{"sched_wakeup", WAKE_FIELDS},
                       {"sched_wakeup", WAKE_FIELDS},
                       {"sched:sched_wakeup", WAKE_FIELDS_PERF}},
        [HT_ENTRY] = {{"kvm_x86_entry", "u32 vcpu_id 0"},
                      {"kvm_entry", "u32 vcpu_id 0"},
                      {"kvm:kvm_entry", "u32 vcpu_id 0, x64 rip =0, u32 immediate_exit =0, u32 intr_info =0, "
                                        "u32 error_code =0"}},
        [HT_ENTER_GUEST] = {{"addons_vcpu_enter_guest", "u32 vcpuID 0, u64 cr3tmp 1, u64 sptmp =0, u64 iptmp =0"},
                            {"vcpu_enter_guest", "u64 guest_cr3 1"},
                            {"probe:vcpu_enter_guest", "x64 __probe_ip =0, u64 cr3 1"}},
        [HT_EXIT] = {{"kvm_x86_exit", "u32 exit_reason 0, u64 guest_rip 1, u32 isa =1, u64 info1 2, u64 info2 =0, "
                                      "u32 intr_info 3, u32 error_code =0, u32 vcpu_id 4"},
                     {"kvm_exit", "u32 exit_reason 0, u64 guest_rip 1, u32 isa =1, u64 info1 2, u64 info2 =0"},
                     {"kvm:kvm_exit", "u32 exit_reason 0, x64 guest_rip 1, u32 isa =1, u64 info1 2, u64 info2 =0, "
                                      "u32 intr_info 3, u32 error_code =0, u32 vcpu_id 4, u64 requests =0"}},
        [HT_INJ_VIRQ] = {{"kvm_x86_inj_virq", "u32 irq 0"},
                         {"kvm_inj_virq", "u32 irq 0"},
                         {"kvm:kvm_inj_virq", "u32 vector 0, u32 soft =0, u32 reinjected =0"}},
        [HT_NESTED_VMENTER] = {{NULL},
                               {NULL},
                               {"kvm:kvm_nested_vmenter",
                                "u64 rip 0, u64 vmcb 1, u64 nested_rip 2, u32 int_ctl =0, u32 event_inj =0, "
                                "u32 tdp_enabled =1, u64 guest_pgd =270544960, u32 isa =1"}},
        [HT_NESTED_VMEXIT] = {{"kvm_x86_nested_vmexit", VMEXIT_FIELDS},
                              {"kvm_nested_vmexit", VMEXIT_FIELDS},
                              {"kvm:kvm_nested_vmexit",
                               "u32 exit_reason 1, x64 guest_rip 0, u32 isa 4, u64 info1 2, u64 info2 =0, "
                               "u32 intr_info =0, u32 error_code =0, u32 vcpu_id 3, u64 requests =0"}},
        [HT_NESTED_INJECT] = {{"kvm_x86_nested_vmexit_inject", INJECT_FIELDS},
                              {"kvm_nested_vmexit_inject", INJECT_FIELDS},
                              {"kvm:kvm_nested_vmexit_inject", INJECT_FIELDS}},
        [HT_MSR] = {{"kvm_x86_msr", "u32 write 0, u32 ecx 1, u64 data =0, u8 exception =0"},
                    {"kvm_msr", "u32 write 0, u32 ecx 1, u64 data =0, u8 exception =0"},
                    {"kvm:kvm_msr", "u32 write 0, u32 ecx 1, u64 data =0, u32 exception =0"}},
        [HT_USERSPACE_EXIT] = {{"kvm_userspace_exit", "u32 reason 0, i32 errno =0"},
                               {"kvm_userspace_exit", "u32 reason 0, i32 errno =0"},
                               {"kvm:kvm_userspace_exit", "u32 reason 0, i32 errno =0"}},
        [HT_IOCTL_ENTRY] = {{"syscall_entry_ioctl", "u32 fd 0, u32 cmd =44672, u64 arg =0"},
                            {"syscall_entry_ioctl", "u32 fd 0, u32 cmd =44672, u64 arg =0"},
                            {"syscalls:sys_enter_ioctl", "i32 __syscall_nr =16, u64 fd 0, u64 cmd =44672, x64 arg =0"}},
        [HT_IOCTL_EXIT] = {{"syscall_exit_ioctl", "i64 ret 0, u64 arg =0"},
                           {"syscall_exit_ioctl", "i64 ret 0, u64 arg =0"},
                           {"syscalls:sys_exit_ioctl", "i32 __syscall_nr =16, i64 ret 0"}},
        [HT_TIMER_ENTRY] = {{"x86_irq_vectors_local_timer_entry", "i32 vector =236"},
                            {NULL},
                            {"irq_vectors:local_timer_entry", "i32 vector =236"}},
        [HT_TIMER_EXIT] = {{"x86_irq_vectors_local_timer_exit", "i32 vector =236"},
                           {NULL},
                           {"irq_vectors:local_timer_exit", "i32 vector =236"}},
        [HT_HRTIMER_ENTRY] = {{"timer_hrtimer_expire_entry", "x64 hrtimer 0, i64 now 1, x64 function =4294967296"},
                              {"hrtimer_expire_entry", "x64 hrtimer 0, i64 now 1, x64 function =4294967296"},
                              {"timer:hrtimer_expire_entry", "x64 hrtimer 0, i64 now 1, x64 function =4294967296"}},
        [HT_HRTIMER_EXIT] = {{"timer_hrtimer_expire_exit", "x64 hrtimer 0"},
                             {"hrtimer_expire_exit", "x64 hrtimer 0"},
                             {"timer:hrtimer_expire_exit", "x64 hrtimer 0"}},
};

typedef struct {
	char type[8], name[32];
	guint64 constant;
	int argument; /* -1: the constant */
} Field;

static Field *fields_of[HT_N_EVENTS];
static guint n_fields[HT_N_EVENTS];

static const struct {
	const char *name;
	guint bits;
	bool is_signed, is_hex;
} int_types[] = {{"u8", 8, false, false},  {"u32", 32, false, false}, {"u64", 64, false, false},
                 {"i32", 32, true, false}, {"i64", 64, true, false},  {"x64", 64, false, true}};

static guint int_type(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(int_types); i++)
		if (g_str_equal(name, int_types[i].name))
			return i;
	g_error("mk_intel: no type %s", name);
}

static void parse_layout(HtEvent kind)
{
	g_auto(GStrv) texts = g_strsplit(layouts[kind][dialect].fields, ", ", -1);
	fields_of[kind] = g_new0(Field, g_strv_length(texts) + 1);
	for (guint i = 0; texts[i]; i++) {
		Field *field = &fields_of[kind][n_fields[kind]++];
		char value[24];
		if (sscanf(texts[i], "%7s %31s %23s", field->type, field->name, value) != 3)
			g_error("mk_intel: cannot read '%s'", texts[i]);
		field->argument = value[0] == '=' ? -1 : value[0] - '0';
		field->constant = value[0] == '=' ? g_ascii_strtoull(value + 1, NULL, 10) : 0;
	}
}

/* ---- Metadata ---- */

#define UUID "ba55e77a-0000-4000-8000-00c0ffee0001"
static const guint8 uuid[16] = {0xba, 0x55, 0xe7, 0x7a, 0, 0, 0x40, 0, 0x80, 0, 0, 0xc0, 0xff, 0xee, 0, 1};

static const char lttng_head[] =
        "typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
        "typealias integer { size = 16; align = 8; signed = false; } := uint16_t;\n"
        "typealias integer { size = 32; align = 8; signed = false; } := uint32_t;\n"
        "typealias integer { size = 64; align = 8; signed = false; } := uint64_t;\n"
        "typealias integer { size = 64; align = 8; signed = false; } := unsigned long;\n\n"
        "trace {\n\tmajor = 1;\n\tminor = 8;\n\tuuid = \"" UUID "\";\n\tbyte_order = le;\n"
        "\tpacket.header := struct {\n\t\tuint32_t magic;\n\t\tuint8_t  uuid[16];\n\t\tuint32_t stream_id;\n"
        "\t\tuint64_t stream_instance_id;\n\t};\n};\n\n"
        "clock {\n\tname = \"monotonic\";\n\tuuid = \"c0ffee00-1271-4bb1-acdb-4afbd65b8740\";\n"
        "\tdescription = \"Monotonic Clock\";\n\tfreq = 1000000000; /* Frequency, in Hz */\n"
        "\toffset = 1767225600000000000;\n};\n\n"
        "typealias integer {\n\tsize = 32; align = 8; signed = false;\n\tmap = clock.monotonic.value;\n"
        "} := uint32_clock_monotonic_t;\n\n"
        "typealias integer {\n\tsize = 64; align = 8; signed = false;\n\tmap = clock.monotonic.value;\n"
        "} := uint64_clock_monotonic_t;\n\n"
        "struct packet_context {\n\tuint64_clock_monotonic_t timestamp_begin;\n"
        "\tuint64_clock_monotonic_t timestamp_end;\n\tuint64_t content_size;\n\tuint64_t packet_size;\n"
        "\tuint64_t packet_seq_num;\n\tunsigned long events_discarded;\n\tuint32_t cpu_id;\n};\n\n"
        "struct event_header_large {\n\tenum : uint16_t { compact = 0 ... 65534, extended = 65535 } id;\n"
        "\tvariant <id> {\n\t\tstruct {\n\t\t\tuint32_clock_monotonic_t timestamp;\n\t\t} compact;\n"
        "\t\tstruct {\n\t\t\tuint32_t id;\n\t\t\tuint64_clock_monotonic_t timestamp;\n\t\t} extended;\n"
        "\t} v;\n} align(8);\n\n";

#define PERF_U32 "integer { size = 32; align = 8; signed = false; encoding = none; base = decimal; byte_order = le; } "
#define PERF_U64 "integer { size = 64; align = 8; signed = false; encoding = none; base = decimal; byte_order = le; } "

static const char perf_head[] =
        "/* CTF 1.8 */\n\n"
        "trace {\n\tmajor = 1;\n\tminor = 8;\n\tuuid = \"" UUID "\";\n\tbyte_order = le;\n"
        "\tpacket.header := struct {\n\t\t" PERF_U32 "magic;\n"
        "\t\tinteger { size = 8; align = 8; signed = false; encoding = none; base = decimal; byte_order = le; } "
        "uuid[16];\n"
        "\t\t" PERF_U32 "stream_id;\n\t} align(8);\n};\n\n"
        "env {\n\thost = \"intel-host\";\n\tsysname = \"Linux\";\n\trelease = \"6.18.0\";\n\tversion = \"6.1.0\";\n"
        "\tmachine = \"x86_64\";\n\tdomain = \"kernel\";\n\ttracer_name = \"perf\";\n};\n\n"
        "clock {\n\tname = perf_clock;\n\tuuid = \"7b1a64f7-1f4e-4ca8-aefe-9d79e6b1d7f3\";\n"
        "\tdescription = \"perf clock\";\n\tfreq = 1000000000;\n\tprecision = 10;\n\toffset_s = 0;\n\toffset = 0;\n"
        "\tabsolute = FALSE;\n};\n\n"
        "stream {\n\tid = 0;\n\tevent.header := struct {\n\t\t" PERF_U32 "id;\n"
        "\t\tinteger { size = 64; align = 8; signed = false; encoding = none; base = decimal; byte_order = le; "
        "map = clock.perf_clock.value; } timestamp;\n\t} align(8);\n\n"
        "\tpacket.context := struct {\n\t\t" PERF_U64 "timestamp_begin;\n\t\t" PERF_U64 "timestamp_end;\n"
        "\t\t" PERF_U64 "content_size;\n\t\t" PERF_U64 "packet_size;\n\t\t" PERF_U64 "events_discarded;\n"
        "\t\tinteger { size = 32; align = 1; signed = false; encoding = none; base = decimal; byte_order = le; } "
        "cpu_id;\n"
        "\t} align(8);\n};\n\n";

/* What perf puts before the fields of each event. */
static const char perf_common[] = "x64 perf_ip, i32 perf_tid, i32 perf_pid, u64 perf_id, u64 perf_period, "
                                  "u32 common_type, u32 common_flags, u32 common_preempt_count, i32 common_pid";

static void declare_int(GString *md, const char *type, const char *name)
{
	const guint i = int_type(type);
	const bool is_hex = int_types[i].is_hex, is_signed = int_types[i].is_signed;
	if (dialect == HT_PERF)
		g_string_append_printf(md,
		                       "\t\tinteger { size = %u; align = 1; signed = %s; encoding = none; base = %s; "
		                       "byte_order = le; } %s;\n",
		                       int_types[i].bits, is_signed ? "true" : "false",
		                       is_hex ? "hexadecimal" : "decimal", name);
	else
		g_string_append_printf(
		        md, "\t\tinteger { size = %u; align = 8; signed = %u; encoding = none; base = %u; } _%s;\n",
		        int_types[i].bits, is_signed, is_hex ? 16 : 10, name);
}

static void declare_field(GString *md, const Field *field)
{
	if (g_str_equal(field->type, "str"))
		g_string_append_printf(md, "\t\tstring { encoding = UTF8; } %s;\n", field->name);
	else if (g_str_equal(field->type, "comm"))
		g_string_append_printf(
		        md, "\t\tinteger { size = 8; align = 8; signed = 1; encoding = UTF8; base = 10; } _%s[16];\n",
		        field->name);
	else
		declare_int(md, field->type, field->name);
}

static void declare_event(GString *md, HtEvent kind)
{
	g_string_append_printf(md, "event {\n\tname = \"%s\";\n\tid = %u;\n\tstream_id = 0;\n\tfields := struct {\n",
	                       layouts[kind][dialect].name, kind);
	if (dialect == HT_PERF) {
		g_auto(GStrv) common = g_strsplit(perf_common, ", ", -1);
		for (guint i = 0; common[i]; i++) {
			g_auto(GStrv) words = g_strsplit(common[i], " ", 2);
			declare_int(md, words[0], words[1]);
		}
	}
	for (guint i = 0; i < n_fields[kind]; i++)
		declare_field(md, &fields_of[kind][i]);
	g_string_append(md, dialect == HT_PERF ? "\t} align(1);\n};\n\n" : "\t};\n};\n\n");
}

static void lttng_stream(GString *md)
{
	const bool old = dialect == HT_LTTNG_OLD;
	g_string_append_printf(md,
	                       "env {\n\thostname = \"intel-host\";\n\tdomain = \"kernel\";\n\tsysname = \"Linux\";\n"
	                       "\tkernel_release = \"%s\";\n\ttracer_name = \"lttng-modules\";\n\ttracer_major = 2;\n"
	                       "\ttracer_minor = %u;\n\ttracer_patchlevel = 1;\n};\n\n",
	                       old ? "4.4.0" : "6.1.0-50-amd64", old ? 7 : 13);
	g_string_append(md, "stream {\n\tid = 0;\n\tevent.header := struct event_header_large;\n"
	                    "\tpacket.context := struct packet_context;\n");
	if (contexts) {
		g_string_append(md, "\tevent.context := struct {\n");
		declare_int(md, "i32", "vpid");
		declare_int(md, "i32", "vtid");
		g_string_append(md, "\t};\n");
	}
	g_string_append(md, "};\n\n");
}

void ht_write_metadata(const char *dir)
{
	g_autoptr(GString) md = g_string_new(dialect == HT_PERF ? perf_head : lttng_head);
	if (dialect != HT_PERF)
		lttng_stream(md);
	for (guint kind = 0; kind < HT_N_EVENTS; kind++)
		if (layouts[kind][dialect].name)
			declare_event(md, kind);
	CtfwMetadataFormat format = {G_LITTLE_ENDIAN, .packet_size = 4096, .major = 1, .minor = 8};
	memcpy(format.uuid, uuid, sizeof uuid);
	if (dialect == HT_PERF)
		ctfw_save_metadata(dir, md->str);
	else
		ctfw_save_metadata_packets(dir, md->str, &format);
}

/* ---- Streams ---- */

static guint64 counts[HT_N_EVENTS];

void ht_init(HtDialect which, bool with_contexts)
{
	dialect = which;
	contexts = with_contexts;
	for (guint kind = 0; kind < HT_N_EVENTS; kind++)
		if (layouts[kind][dialect].name)
			parse_layout(kind);
}

void ht_cpu_init(HtCpu *cpu, guint id, guint64 now, const HtTask *cur)
{
	*cpu = (HtCpu){.id = id, .now = now, .rng = id + 1, .cur = cur, .w = ctfw_new(G_LITTLE_ENDIAN)};
}

guint64 ht_chance(HtCpu *cpu, guint64 n)
{
	cpu->rng = cpu->rng * 6364136223846793005u + 1442695040888963407u;
	return (cpu->rng >> 33) % n;
}

static void packet_begin(HtCpu *cpu)
{
	CtfWriter *w = cpu->w;
	ctfw_packet_begin(w);
	ctfw_magic(w);
	ctfw_bytes(w, uuid, sizeof uuid);
	ctfw_uint(w, 0, 32); /* stream id */
	if (dialect != HT_PERF)
		ctfw_uint(w, cpu->id, 64); /* stream instance id */
	ctfw_uint(w, cpu->now, 64);
	cpu->end_at = ctfw_position(w);
	ctfw_uint(w, 0, 64);
	ctfw_content_size(w, 64);
	ctfw_packet_size(w, 64);
	if (dialect != HT_PERF)
		ctfw_uint(w, cpu->packets, 64);
	ctfw_uint(w, 0, 64); /* discarded events */
	ctfw_uint(w, cpu->id, 32);
	cpu->events = 0;
	cpu->packets++;
}

static void packet_end(HtCpu *cpu)
{
	const guint64 pages = (ctfw_packet_position(cpu->w) + PAGE_BITS - 1) / PAGE_BITS;
	ctfw_patch(cpu->w, cpu->end_at, cpu->now, 64);
	ctfw_packet_end(cpu->w, pages * PAGE_BITS);
}

static void write_header(HtCpu *cpu, HtEvent event)
{
	CtfWriter *w = cpu->w;
	if (dialect == HT_PERF) {
		ctfw_uint(w, event, 32);
		ctfw_uint(w, cpu->now, 64);
		return;
	}
	ctfw_uint(w, event, 16);
	ctfw_uint(w, cpu->now, 32);
	if (contexts) {
		ctfw_sint(w, cpu->cur->pid, 32);
		ctfw_sint(w, cpu->cur->tid, 32);
	}
}

static void write_perf_common(HtCpu *cpu, HtEvent event)
{
	CtfWriter *w = cpu->w;
	ctfw_uint(w, 0xffffffff81000000u + event * 64, 64);
	ctfw_sint(w, cpu->cur->tid, 32);
	ctfw_sint(w, cpu->cur->pid, 32);
	ctfw_uint(w, 80 + event * HT_N_DIALECTS + cpu->id, 64);
	ctfw_uint(w, 1, 64);
	ctfw_uint(w, 370 + event, 32);
	ctfw_uint(w, 1, 32);
	ctfw_uint(w, 1, 32);
	ctfw_sint(w, cpu->cur->tid, 32);
}

static void write_field(CtfWriter *w, const Field *field, const HtValue *args)
{
	const HtValue value = field->argument < 0 ? (HtValue)HT_U(field->constant) : args[field->argument];
	if (g_str_equal(field->type, "str"))
		ctfw_string(w, value.s);
	else if (g_str_equal(field->type, "comm"))
		ctfw_text(w, value.s, 16);
	else
		ctfw_uint(w, value.u, int_types[int_type(field->type)].bits);
}

void ht_emit(HtCpu *cpu, HtEvent event, const HtValue *args)
{
	cpu->now += 150 + ht_chance(cpu, 400);
	if (!layouts[event][dialect].name)
		return;
	if (cpu->packets > 0 && cpu->events == PACKET_EVENTS)
		packet_end(cpu);
	if (cpu->packets == 0 || cpu->events == PACKET_EVENTS)
		packet_begin(cpu);
	write_header(cpu, event);
	if (dialect == HT_PERF)
		write_perf_common(cpu, event);
	for (guint i = 0; i < n_fields[event]; i++)
		write_field(cpu->w, &fields_of[event][i], args);
	cpu->events++;
	counts[event]++;
}

guint64 ht_count(HtEvent event)
{
	return counts[event];
}

const char *ht_name(HtEvent event)
{
	return layouts[event][dialect].name;
}

void ht_cpu_close(HtCpu *cpu, const char *dir)
{
	g_autofree char *name = g_strdup_printf(dialect == HT_PERF ? "perf_stream_%u" : "ch_%u", cpu->id);
	if (cpu->packets > 0)
		packet_end(cpu);
	ctfw_save(cpu->w, dir, name);
	g_clear_pointer(&cpu->w, ctfw_free);
}

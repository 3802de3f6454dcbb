/* SPDX-License-Identifier: MIT */
/* syscalls.c: entries and exits become calls. */
#include "kernel/files.h"
#include "kernel/futex.h"
#include "kernel/requests.h"

#include <string.h>

/* What an event class tells of its calls. */
typedef struct {
	guint16 name;     /* item of "syscall_names"; 0: not yet known */
	gboolean compat;
} Class;

typedef struct {
	KernelSet *set;
	KernelSyscallTables tables;
	GPtrArray *threads;                 /* KernelCall *, by serial; NULL: no call of it was seen, or it has ended */
	guint16 names[TRACE_SYSCALLS_MAX];  /* items of "syscall_names"; 0: not yet asked for */
	GHashTable *unknown;                /* id -> item of "syscall_names" */
	GArray *classes;                    /* Class, by event class */
	GArray *cpu_losses;                 /* guint32, by processor */
	guint32 losses;
} Syscalls;

/* 0, which is "unknown", when there are too many. */
static guint16 name_add(Syscalls *s, const char *name)
{
	guint64 n = history_table_len(s->set->history, s->tables.names);

	if (n >= KERNEL_SYSCALL_NAMES_MAX)
		return 0;
	*(guint32 *)history_table_add(s->set->history, s->tables.names) = history_text(s->set->history, name, -1);
	return (guint16)n;
}

static gpointer syscalls_create(KernelSet *set)
{
	Syscalls *s = g_new0(Syscalls, 1);

	s->set = set;
	s->tables = kernel_syscall_tables_make(set->history);
	name_add(s, "unknown"); /* number 0 */
	s->threads = g_ptr_array_new_with_free_func(g_free);
	s->unknown = g_hash_table_new(NULL, NULL);
	s->classes = g_array_new(FALSE, TRUE, sizeof(Class));
	s->cpu_losses = g_array_new(FALSE, TRUE, sizeof(guint32));
	return s;
}

static void syscalls_free(gpointer self)
{
	Syscalls *s = self;

	g_ptr_array_unref(s->threads);
	g_hash_table_unref(s->unknown);
	g_array_unref(s->classes);
	g_array_unref(s->cpu_losses);
	g_free(s);
}

/* ---- What belongs to a thread, a class, a processor ------------------------------------------------------------- */

static KernelCall *call_of(const Syscalls *s, const KernelThread *t)
{
	return t->serial < s->threads->len ? g_ptr_array_index(s->threads, t->serial) : NULL;
}

static KernelCall *call_make(Syscalls *s, const KernelThread *t)
{
	KernelCall *c = call_of(s, t);

	if (G_LIKELY(c))
		return c;
	if (t->serial >= s->threads->len)
		g_ptr_array_set_size(s->threads, (gint)t->serial + 1);
	c = g_new0(KernelCall, 1);
	c->syscall = -1;
	g_ptr_array_index(s->threads, t->serial) = c;
	return c;
}

const KernelCall *kernel_syscalls_current(const KernelSet *set, const KernelThread *t)
{
	const KernelCall *c = t ? call_of(set->parts[KERNEL_PART_SYSCALLS], t) : NULL;

	return c && c->syscall >= 0 ? c : NULL;
}

/* Numbers of system calls for which LTTng's tables are too old. From 424 on they are the same on all architectures. */
static const char *late_name(guint number)
{
	static const char *const names[] = {
		"pidfd_send_signal", "io_uring_setup", "io_uring_enter", "io_uring_register", "open_tree", "move_mount", "fsopen", "fsconfig",
		"fsmount", "fspick", "pidfd_open", "clone3", "close_range", "openat2", "pidfd_getfd", "faccessat2", "process_madvise",
		"epoll_pwait2", "mount_setattr", "quotactl_fd", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
		"memfd_secret", "process_mrelease", "futex_waitv", "set_mempolicy_home_node", "cachestat", "fchmodat2",
	};

	return number >= 424 && number - 424 < G_N_ELEMENTS(names) ? names[number - 424] : NULL;
}

/* Those of x86-64 that LTTng 2.13 has no names for. */
static const char *x86_64_name(guint number)
{
	static const struct {
		guint16 number;
		const char *name;
	} names[] = {
		{15, "rt_sigreturn"}, {58, "vfork"}, {158, "arch_prctl"}, {172, "iopl"}, {318, "getrandom"}, {319, "memfd_create"},
		{320, "kexec_file_load"}, {321, "bpf"}, {322, "execveat"}, {323, "userfaultfd"}, {324, "membarrier"}, {325, "mlock2"},
		{326, "copy_file_range"}, {327, "preadv2"}, {328, "pwritev2"}, {329, "pkey_mprotect"}, {330, "pkey_alloc"},
		{331, "pkey_free"}, {332, "statx"}, {333, "io_pgetevents"}, {334, "rseq"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		if (names[i].number == number)
			return names[i].name;
	return NULL;
}

/* Interrupt vectors with x86's names are only recorded there. */
static gboolean is_x86_64(const Syscalls *s, const TraceEvent *ev)
{
	if (!s->set->facts->declared[TRACE_VECTOR_LOCAL_TIMER_ENTRY] || !ev->record)
		return FALSE;
	const CtfEnv *width = ctf_metadata_env(ev->stream->stream_class->metadata, "architecture_bit_width");
	return (!width || !width->is_int || width->i == 64) && !g_str_has_prefix(trace_event_class(ev)->name, "compat_");
}

/* A number that the tracer has no name for; it is in `field`. */
static guint16 unknown_name(Syscalls *s, const TraceEvent *ev, guint field)
{
	char name[32];

	if (!trace_has(ev, field) || ev->v[field] >= G_MAXINT)
		return 0;
	guint number = (guint)ev->v[field];
	gpointer key = GUINT_TO_POINTER(number + 1), known = g_hash_table_lookup(s->unknown, key);
	if (known)
		return (guint16)GPOINTER_TO_UINT(known);
	if (g_hash_table_size(s->unknown) >= KERNEL_UNKNOWN_NUMBERS_MAX)
		return 0;
	const char *late = late_name(number);
	if (!late && is_x86_64(s, ev))
		late = x86_64_name(number);
	g_snprintf(name, sizeof(name), "unknown %u", number);
	guint16 item = name_add(s, late ? late : name);
	g_hash_table_insert(s->unknown, key, GUINT_TO_POINTER(item));
	return item;
}

static guint16 name_of_number(Syscalls *s, gint syscall)
{
	if (syscall < 0 || syscall >= TRACE_SYSCALLS_MAX)
		syscall = TRACE_SYS_UNKNOWN;
	if (G_UNLIKELY(!s->names[syscall]))
		s->names[syscall] = name_add(s, trace_syscall_name((guint)syscall));
	return s->names[syscall];
}

static Class class_of(Syscalls *s, const TraceEvent *ev)
{
	if (G_UNLIKELY(!ev->record))
		return (Class){.name = name_of_number(s, ev->syscall)};
	guint index = ev->record->event;
	if (G_UNLIKELY(index >= s->classes->len))
		g_array_set_size(s->classes, index + 1);
	Class *c = &g_array_index(s->classes, Class, index);
	if (G_LIKELY(c->name))
		return *c;
	const char *event = trace_event_class(ev)->name, *name = trace_syscall_event_name(event);
	c->name = name ? name_add(s, name) : name_of_number(s, ev->syscall);
	c->compat = g_str_has_prefix(event, "compat_");
	return *c;
}

static guint32 cpu_losses(const Syscalls *s, gint32 cpu)
{
	return cpu >= 0 && (guint)cpu < s->cpu_losses->len ? g_array_index(s->cpu_losses, guint32, cpu) : 0;
}

/* Nothing was lost since the call began, or the thread never left its processor and nothing was lost there. */
static gboolean is_whole(const Syscalls *s, const KernelThread *t, const KernelCall *c, gint32 cpu)
{
	if (G_LIKELY(c->losses == s->losses))
		return TRUE;
	return c->switches == t->switches && c->cpu == cpu && c->cpu_losses == cpu_losses(s, cpu);
}

/* ---- Items -------------------------------------------------------------------------------------------------------- */

static void pick_args(KernelSyscall *call, const KernelCall *c, const KernelCallRule *rule)
{
	guint8 pick[2] = {rule->pick[0], rule->pick[1]};

	if (!pick[0] && !pick[1] && !rule->path)
		pick[0] = 1, pick[1] = 2;
	for (guint i = 0; i < 2; i++)
		if (pick[i] && ((c->args_present >> (pick[i] - 1)) & 1)) {
			call->args[i] = c->args[pick[i] - 1];
			call->present |= (guint8)(1 << i);
		}
	if (c->path) {
		call->args[1] = c->path;
		call->present |= 2;
		call->flags |= KERNEL_CALL_TEXT;
	}
}

static void add_item(Syscalls *s, gboolean partial, const KernelThread *t, const KernelCall *c, gint64 end_ns, gint64 ret, gint32 cpu_end,
		     guint8 flags)
{
	KernelSyscall call = {
		.begin_ns = c->begin_ns,
		.end_ns = end_ns,
		.ret = ret,
		.thread = t ? t->serial : G_MAXUINT32,
		.file = c->file,
		.file2 = c->file2,
		.cpu_begin = (gint16)c->cpu,
		.cpu_end = (gint16)cpu_end,
		.flags = c->flags | flags,
	};

	pick_args(&call, c, kernel_call_rule(c->syscall));
	kernel_syscall_add(s->set->history, &s->tables, partial, c->name, &call);
}

/* An exit whose entry isn't known. */
static void add_headless(Syscalls *s, const KernelThread *t, const TraceEvent *ev, guint8 flags)
{
	guint16 name = ev->syscall != TRACE_SYS_UNKNOWN ? class_of(s, ev).name : unknown_name(s, ev, TRACE_SYSCALL_RET + 1);
	KernelCall c = {.begin_ns = ev->time, .name = name, .file = KERNEL_NO_FILE, .file2 = KERNEL_NO_FILE,
			.cpu = -1, .syscall = ev->syscall};

	add_item(s, TRUE, t, &c, ev->time, trace_has(ev, TRACE_SYSCALL_RET) ? (gint64)ev->v[TRACE_SYSCALL_RET] : 0, ev->cpu,
		 flags | KERNEL_CALL_NO_BEGIN);
}

/* ---- Calls ---------------------------------------------------------------------------------------------------------- */

/* What is going on will have no exit, or none that is known to be its own. */
static void abandon(Syscalls *s, KernelThread *t, KernelCall *c, gint64 time, guint8 flags)
{
	if (kernel_call_rule(c->syscall)->subject & KERNEL_FOR_FUTEX)
		kernel_futex_exit(s->set->parts[KERNEL_PART_FUTEX], t, c, 0, time, FALSE);
	if (c->syscall != TRACE_SYS_EXIT && c->syscall != TRACE_SYS_EXIT_GROUP)
		add_item(s, TRUE, t, c, time, 0, -1, flags | KERNEL_CALL_NO_END);
	c->syscall = -1;
}

static void on_call(Syscalls *s, const TraceEvent *ev)
{
	KernelThread *t = kernel_current(s->set->kernel, ev);

	if (!t)
		return;
	KernelCall *c = call_make(s, t);
	if (G_UNLIKELY(c->syscall >= 0))
		abandon(s, t, c, ev->time, c->losses == s->losses ? 0 : KERNEL_CALL_TORN);
	const KernelCallRule *rule = kernel_call_rule(ev->syscall);
	c->begin_ns = ev->time;
	for (guint i = 0; i < G_N_ELEMENTS(c->args); i++)
		c->args[i] = trace_has(ev, i) ? ev->v[i] : 0;
	c->args_present = ev->present & 0x3f;
	c->switches = t->switches;
	c->losses = s->losses;
	c->cpu_losses = cpu_losses(s, ev->cpu);
	Class class = class_of(s, ev);
	c->name = G_LIKELY(ev->syscall != TRACE_SYS_UNKNOWN) ? class.name : unknown_name(s, ev, 0);
	c->path = 0;
	c->file = c->file2 = KERNEL_NO_FILE;
	c->cpu = ev->cpu;
	c->syscall = ev->syscall >= 0 ? ev->syscall : TRACE_SYS_UNKNOWN;
	c->flags = class.compat ? KERNEL_CALL_COMPAT : 0;
	c->had_any = TRUE;
	c->family = 0;
	if (rule->subject & KERNEL_FOR_FILES)
		kernel_files_entry(s->set->parts[KERNEL_PART_FILES], t, c, ev);
	else if (rule->subject & KERNEL_FOR_FUTEX)
		kernel_futex_entry(s->set->parts[KERNEL_PART_FUTEX], t, c);
}

static void complete(Syscalls *s, KernelThread *t, KernelCall *c, const TraceEvent *ev)
{
	const KernelCallRule *rule = kernel_call_rule(c->syscall);
	gint64 ret = trace_has(ev, TRACE_SYSCALL_RET) ? (gint64)ev->v[TRACE_SYSCALL_RET] : 0;

	if (rule->subject & KERNEL_FOR_FILES) {
		kernel_files_exit(s->set->parts[KERNEL_PART_FILES], t, c, ret, ev);
		if (c->file != KERNEL_NO_FILE)
			kernel_requests_call(s->set->parts[KERNEL_PART_REQUESTS], t, c, ret, ev->time);
	} else if (rule->subject & KERNEL_FOR_FUTEX)
		kernel_futex_exit(s->set->parts[KERNEL_PART_FUTEX], t, c, ret, ev->time, TRUE);
	add_item(s, FALSE, t, c, ev->time, ret, ev->cpu, 0);
	c->syscall = -1;
}

/* clone returns in the child too, which has called nothing. */
static gboolean is_childs_return(const KernelThread *t, const KernelCall *c, gint syscall)
{
	return t->born && !c->had_any &&
	       (syscall < 0 || syscall == TRACE_SYS_UNKNOWN || syscall == TRACE_SYS_CLONE || syscall == TRACE_SYS_CLONE3 || syscall == TRACE_SYS_FORK ||
		syscall == TRACE_SYS_VFORK);
}

static void on_return(Syscalls *s, const TraceEvent *ev)
{
	KernelThread *t = kernel_current(s->set->kernel, ev);

	if (!t) {
		add_headless(s, NULL, ev, 0);
		return;
	}
	KernelCall *c = call_make(s, t);
	gboolean ours = c->syscall >= 0 && (ev->syscall < 0 || ev->syscall == c->syscall);
	if (G_LIKELY(ours && is_whole(s, t, c, ev->cpu))) {
		complete(s, t, c, ev);
	} else if (c->syscall >= 0) {
		abandon(s, t, c, ev->time, KERNEL_CALL_TORN);
		add_headless(s, t, ev, KERNEL_CALL_TORN);
	} else if (!is_childs_return(t, c, ev->syscall)) {
		add_headless(s, t, ev, c->had_any ? KERNEL_CALL_TORN : 0);
	}
	c->had_any = TRUE;
}

/* A thread that ends is in exit, exit_group, or in whatever a fatal signal ended. */
static void on_thread_exit(Syscalls *s, const TraceEvent *ev)
{
	gint64 tid = trace_has(ev, TRACE_PROCESS_EXIT_TID) ? (gint64)ev->v[TRACE_PROCESS_EXIT_TID] : -1;
	KernelThread *t = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(s->set->kernel, (gint32)tid) : NULL;
	KernelCall *c = t ? call_of(s, t) : NULL;

	if (!c)
		return;
	if (c->syscall >= 0)
		abandon(s, t, c, ev->time, 0);
	g_free(c);
	g_ptr_array_index(s->threads, t->serial) = NULL;
}

/* ---- The part --------------------------------------------------------------------------------------------------------- */

static void syscalls_event(gpointer self, const TraceEvent *ev)
{
	switch ((TraceEventId)ev->id) {
	case TRACE_SYSCALL_ENTRY:
		on_call(self, ev);
		break;
	case TRACE_SYSCALL_EXIT:
		on_return(self, ev);
		break;
	case TRACE_PROCESS_EXIT:
		on_thread_exit(self, ev);
		break;
	default:
		break;
	}
}

static void syscalls_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Syscalls *s = self;

	(void)time;
	(void)edge;
	s->losses++;
	if (cpu < 0 || cpu >= KERNEL_CPU_MAX)
		return;
	if ((guint)cpu >= s->cpu_losses->len)
		g_array_set_size(s->cpu_losses, (guint)cpu + 1);
	g_array_index(s->cpu_losses, guint32, cpu)++;
}

static TraceModel syscalls_model(gpointer self)
{
	/* Where no switches were recorded, contexts tell whose call it is. */
	static const guint16 ctx = TRACE_BIT(TRACE_CTX_TID) | TRACE_BIT(TRACE_CTX_PID) | TRACE_BIT(TRACE_CTX_VTID) | TRACE_BIT(TRACE_CTX_VPID);
	static const TraceNeed needs[][3] = {
		{{TRACE_SYSCALL_ENTRY, 0x3f, 0, 0}, {TRACE_SYSCALL_EXIT, 0x3, 0, 0}, {TRACE_PROCESS_EXIT, 0x1, 0, 0}},
		{{TRACE_SYSCALL_ENTRY, 0x3f, ctx, 0}, {TRACE_SYSCALL_EXIT, 0x3, ctx, 0}, {TRACE_PROCESS_EXIT, 0x1, 0, 0}},
	};
	const Syscalls *s = self;

	return (TraceModel){.needs = needs[!s->set->kernel->has_switch], .n_needs = G_N_ELEMENTS(needs[0]), .event = syscalls_event, .loss = syscalls_loss,
			    .self = self};
}

/* What is open at the end; in order of serials, whose threads are found in the kernel's list. */
static void syscalls_finish(gpointer self)
{
	Syscalls *s = self;
	Kernel *k = s->set->kernel;
	g_autoptr(GPtrArray) by_serial = g_ptr_array_new();

	g_ptr_array_set_size(by_serial, (gint)s->threads->len);
	for (guint i = 0; i < k->threads->len; i++) {
		KernelThread *t = g_ptr_array_index(k->threads, i);

		if (t->serial < by_serial->len)
			g_ptr_array_index(by_serial, t->serial) = t;
	}
	for (guint i = 0; i < s->threads->len; i++) {
		KernelCall *c = g_ptr_array_index(s->threads, i);
		KernelThread *t = g_ptr_array_index(by_serial, i);

		if (c && t && c->syscall >= 0)
			abandon(s, t, c, k->end_ns, c->losses == s->losses ? 0 : KERNEL_CALL_TORN);
	}
}

const KernelPart kernel_part_syscalls = {.create = syscalls_create, .model = syscalls_model, .finish = syscalls_finish,
					 .free = syscalls_free};

/* SPDX-License-Identifier: MIT */
/* calls.c: system calls as people read them. */
#include "analysis/calls.h"

#include <errno.h>
#include <string.h>

#include "kernel/futex.h"

AnalysisCalls *analysis_calls_new(const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisCalls) c = g_new0(AnalysisCalls, 1);

	c->trace = t;
	c->numbers = g_hash_table_new(NULL, NULL);
	if (!kernel_syscall_tables_find(t->history, &c->tables) ||
	    !history_find_table(t->history, KERNEL_FILES_TABLE, sizeof(KernelFileItem), &c->files) ||
	    !history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &c->threads))
		return NULL;
	return g_steal_pointer(&c);
}

void analysis_calls_free(AnalysisCalls *c)
{
	if (!c)
		return;
	g_hash_table_unref(c->numbers);
	if (c->processes)
		g_hash_table_unref(c->processes);
	g_free(c);
}

gint analysis_calls_number(const AnalysisCalls *c, guint32 name)
{
	gpointer known = g_hash_table_lookup(c->numbers, GUINT_TO_POINTER(name + 1));

	if (known)
		return GPOINTER_TO_INT(known) - 1;
	const char *text = history_text_get(c->trace->history, name);
	g_autofree char *event = g_strconcat("syscall_entry_", g_str_has_prefix(text, "unknown") ? "unknown" : text, NULL);
	gint number = trace_syscall_by_event(event);
	g_hash_table_insert(c->numbers, GUINT_TO_POINTER(name + 1), GINT_TO_POINTER(number + 1));
	return number;
}

guint64 analysis_calls_len(const AnalysisCalls *c, gboolean partial)
{
	return history_table_len(c->trace->history, partial ? c->tables.partial : c->tables.calls);
}

void analysis_calls_get(const AnalysisCalls *c, gboolean partial, guint64 i, KernelSyscall *out)
{
	const History *h = c->trace->history;

	kernel_syscall_unpack(h, &c->tables, history_table_get(h, partial ? c->tables.partial : c->tables.calls, i), out);
}

gboolean analysis_calls_wanted(const AnalysisCalls *c, const AnalysisFilter *f, guint64 i)
{
	const KernelSyscallItem *item = history_table_get(c->trace->history, c->tables.calls, i);

	return analysis_in_range(f, item->end_ns) && analysis_filter_thread(f, item->thread) &&
	       analysis_filter_cpu(f, item->cpu_end == KERNEL_NO_CPU ? -1 : (gint32)item->cpu_end);
}

const KernelFileItem *analysis_calls_file(const AnalysisCalls *c, guint32 file)
{
	return file < history_table_len(c->trace->history, c->files) ? history_table_get(c->trace->history, c->files, file) : NULL;
}

static const KernelThreadItem *thread_of(const AnalysisCalls *c, guint32 thread)
{
	const History *h = c->trace->history;

	if (thread >= history_table_len(h, c->threads))
		return NULL;
	const KernelThreadItem *t = history_table_get(h, c->threads, thread);
	return t->same_as < history_table_len(h, c->threads) ? history_table_get(h, c->threads, t->same_as) : t;
}

gint32 analysis_calls_pid(const AnalysisCalls *c, guint32 thread)
{
	const KernelThreadItem *t = thread_of(c, thread);

	return t ? t->pid : -1;
}

/* The main thread's name; if that isn't known the first one's. */
static GHashTable *process_names(const AnalysisCalls *c)
{
	const History *h = c->trace->history;
	GHashTable *names = g_hash_table_new(NULL, NULL);

	for (guint64 i = 0; i < history_table_len(h, c->threads); i++) {
		const KernelThreadItem *t = history_table_get(h, c->threads, i);
		const char *name = history_text_get(h, t->name);

		if (t->pid >= 0 && *name && (t->tid == t->pid || !g_hash_table_contains(names, GINT_TO_POINTER(t->pid))))
			g_hash_table_insert(names, GINT_TO_POINTER(t->pid), (gpointer)name);
	}
	return names;
}

char *analysis_process_name(AnalysisCalls *c, gint32 pid)
{
	if (pid < 0)
		return g_strdup("?");
	if (!c->processes)
		c->processes = process_names(c);
	const char *name = g_hash_table_lookup(c->processes, GINT_TO_POINTER(pid));
	return name ? g_strdup_printf("%s %d", name, pid) : g_strdup_printf("%d", pid);
}

/* ---- Errors ---------------------------------------------------------------------------------------------------- */

const char *analysis_errno_name(gint64 error, char *buffer)
{
	/* What the kernel tells itself: the call is made again, or fails with EINTR. */
	static const char *const internal[] = {"ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ENOIOCTLCMD", "ERESTART_RESTARTBLOCK"};
	const char *name = error > 0 && error < 512 ? strerrorname_np((int)error) : NULL;

	if (error >= 512 && error < 512 + (gint64)G_N_ELEMENTS(internal))
		return internal[error - 512];
	if (name)
		return name;
	g_snprintf(buffer, 24, "errno %d", (int)error);
	return buffer;
}

/* ---- Arguments --------------------------------------------------------------------------------------------------- */

static void add_file(const AnalysisCalls *c, GString *s, guint32 file)
{
	const KernelFileItem *f = analysis_calls_file(c, file);

	if (f)
		g_string_append_printf(s, " %s", history_text_get(c->trace->history, f->name));
}

/* A number as is most readable: small ones and negative ones in decimal, addresses and flags in hexadecimal. */
static void add_number(GString *s, guint64 value)
{
	if (value < 1u << 30 || (gint64)value < 0)
		g_string_append_printf(s, "%" G_GINT64_FORMAT, (gint64)value);
	else
		g_string_append_printf(s, "0x%" G_GINT64_MODIFIER "x", value);
}

static void comma(GString *s)
{
	if (s->str[s->len - 1] != '(')
		g_string_append(s, ", ");
}

static void add_futex(GString *s, const KernelSyscall *item)
{
	g_string_append_printf(s, "0x%" G_GINT64_MODIFIER "x, %s", item->args[0], kernel_futex_op_name(item->args[1]));
}

static void add_path(const AnalysisCalls *c, GString *s, const KernelSyscall *item)
{
	g_string_append_printf(s, "\"%s\"", history_text_get(c->trace->history, (guint32)item->args[1]));
	if (item->present & 1)
		g_string_append_printf(s, ", 0x%" G_GINT64_MODIFIER "x", item->args[0]);
}

/* Which of args[0], args[1] a descriptor is; -1: neither. */
static gint picked(const KernelCallRule *rule, guint argument)
{
	if (!argument)
		return -1;
	if (!rule->pick[0] && !rule->pick[1])
		return argument <= 2 ? (gint)argument - 1 : -1;
	return rule->pick[0] == argument ? 0 : rule->pick[1] == argument ? 1 : -1;
}

static void add_args(const AnalysisCalls *c, GString *s, const KernelSyscall *item, gint number)
{
	const KernelCallRule *rule = kernel_call_rule(number);
	gint fd = picked(rule, rule->fd), fd2 = picked(rule, rule->fd2);

	for (gint i = 0; i < 2; i++) {
		if (!((item->present >> i) & 1))
			continue;
		comma(s);
		if (i == fd || i == fd2) {
			g_string_append_printf(s, "fd %d", (gint32)item->args[i]);
			add_file(c, s, i == fd ? item->file : item->file2);
		} else {
			add_number(s, item->args[i]);
		}
	}
	/* poll of one descriptor; the other side of a copy */
	if (fd < 0 && item->file != KERNEL_NO_FILE) {
		comma(s);
		g_string_append(s, "of");
		add_file(c, s, item->file);
	}
	if (rule->fd2 && fd2 < 0 && item->file2 != KERNEL_NO_FILE) {
		comma(s);
		g_string_append(s, "to");
		add_file(c, s, item->file2);
	}
}

static void add_result(GString *s, const KernelSyscall *item)
{
	char buffer[24];

	if (item->flags & KERNEL_CALL_NO_END)
		g_string_append(s, " = ?");
	else if (item->flags & KERNEL_CALL_ERROR)
		g_string_append_printf(s, " = -1 %s", analysis_errno_name(-item->ret, buffer));
	else {
		g_string_append(s, " = ");
		add_number(s, (guint64)item->ret);
	}
}

char *analysis_calls_text(const AnalysisCalls *c, const KernelSyscall *item)
{
	GString *s = g_string_new(history_text_get(c->trace->history, item->name));
	gint number = analysis_calls_number(c, item->name);

	g_string_append_c(s, '(');
	if (item->flags & KERNEL_CALL_TEXT)
		add_path(c, s, item);
	else if (number == TRACE_SYS_FUTEX && item->present == 3)
		add_futex(s, item);
	else
		add_args(c, s, item, number);
	g_string_append_c(s, ')');
	add_result(s, item);
	return g_string_free(s, FALSE);
}

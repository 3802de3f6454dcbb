/* SPDX-License-Identifier: MIT */
/* syscalls.c: numbers and names of system calls, and their fields. */
#include "trace/private.h"

#include <string.h>

typedef struct {
	const char *names, *entry, *exit;
} SyscallRow;

static const SyscallRow rows[TRACE_SYSCALL_COUNT] = {
#define TRACE_S(id, names, entry, exit) {names, entry, exit},
	TRACE_SYSCALLS(TRACE_S)
#undef TRACE_S
};

/* Names by number; what is there never changes. */
static struct {
	GMutex lock;
	GHashTable *numbers; /* name -> number + 1 */
	const char *names[TRACE_SYSCALLS_MAX];
	guint n;
} registry;

static gsize word_len(const char *s)
{
	return strcspn(s, " ");
}

static const char *next_word(const char *s)
{
	s += word_len(s);
	return s + strspn(s, " ");
}

/* ---- Numbers and names --------------------------------------------------------------------------------------- */

static void fill_registry(void)
{
	registry.numbers = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < TRACE_SYSCALL_COUNT; i++) {
		for (const char *w = rows[i].names; *w; w = next_word(w)) {
			char *name = g_strndup(w, word_len(w));
			g_hash_table_insert(registry.numbers, name, GUINT_TO_POINTER(i + 1));
			if (w == rows[i].names)
				registry.names[i] = name;
		}
	}
	g_atomic_int_set((gint *)&registry.n, TRACE_SYSCALL_COUNT);
}

static guint number_of(const char *name)
{
	g_mutex_lock(&registry.lock);
	if (!registry.numbers)
		fill_registry();
	guint number = GPOINTER_TO_UINT(g_hash_table_lookup(registry.numbers, name));
	if (!number && registry.n < TRACE_SYSCALLS_MAX) {
		char *kept = g_strdup(name);
		registry.names[registry.n] = kept;
		number = registry.n + 1;
		g_hash_table_insert(registry.numbers, kept, GUINT_TO_POINTER(number));
		g_atomic_int_inc((gint *)&registry.n);
	}
	g_mutex_unlock(&registry.lock);
	return number ? number - 1 : TRACE_SYS_UNKNOWN;
}

const char *trace_syscall_name(guint syscall)
{
	if (syscall < TRACE_SYSCALL_COUNT && !registry.names[syscall])
		number_of("unknown");
	return syscall < trace_syscall_numbers() ? registry.names[syscall] : "unknown";
}

guint trace_syscall_numbers(void)
{
	return MAX((guint)g_atomic_int_get((gint *)&registry.n), (guint)TRACE_SYSCALL_COUNT);
}

const char *trace_syscall_event_name(const char *event_name)
{
	const char *colon = strchr(event_name, ':');
	gint id = trace_event_by_name(event_name);

	if (id != TRACE_SYSCALL_ENTRY && id != TRACE_SYSCALL_EXIT)
		return NULL;
	return trace_wildcard_rest(trace_event_names((TraceEventId)id), colon ? colon + 1 : event_name);
}

gint trace_syscall_by_event(const char *event_name)
{
	const char *name = trace_syscall_event_name(event_name);

	return name ? (gint)number_of(name) : -1;
}

/* ---- Fields -------------------------------------------------------------------------------------------------- */

/* The names of a field, up to a blank; NULL: it has no such field. */
static const char *field_names(TraceEventId id, gint syscall, guint field)
{
	gboolean known = syscall >= 0 && syscall < TRACE_SYSCALL_COUNT;
	const char *w = !known ? "" : id == TRACE_SYSCALL_ENTRY ? rows[syscall].entry : rows[syscall].exit;

	if (id == TRACE_SYSCALL_EXIT && field-- == TRACE_SYSCALL_RET)
		return "ret";
	while (*w && field-- > 0)
		w = next_word(w);
	return *w ? w : NULL;
}

guint trace_syscall_n_fields(TraceEventId id, gint syscall)
{
	guint n = 0;

	while (n < TRACE_FIELDS_MAX && field_names(id, syscall, n))
		n++;
	return n;
}

const char *trace_syscall_field_resolve(TraceEventId id, gint syscall, guint field, const CtfFc *payload)
{
	g_autofree char *word = g_strndup(field_names(id, syscall, field), word_len(field_names(id, syscall, field)));
	g_auto(GStrv) names = g_strsplit(word, "|", -1);

	for (char **name = names; *name; name++)
		if (ctf_fc_member(payload, *name))
			return g_intern_string(*name);
	return NULL;
}

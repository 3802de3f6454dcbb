/* SPDX-License-Identifier: MIT */
/* events.c: the table of canonical events, and finding in it what a tracer wrote. */
#include "trace/private.h"

#include <string.h>

typedef struct {
	const char *system;
	const char *names;
	const char *fields[TRACE_FIELDS_MAX];
} TraceRow;

static const TraceRow rows[TRACE_EVENT_COUNT] = {
#define TRACE_E(id, sys, nam) [TRACE_##id].system = (sys), [TRACE_##id].names = (nam),
#define TRACE_F(id, field, index, nam) [TRACE_##id].fields[index] = (nam),
	TRACE_EVENTS(TRACE_E, TRACE_F)
#undef TRACE_E
#undef TRACE_F
};

/* The length of the word at `s`. */
static gsize word_len(const char *s)
{
	return strcspn(s, " ");
}

static const char *next_word(const char *s)
{
	s += word_len(s);
	return s + strspn(s, " ");
}

static char *first_word(const char *words)
{
	return g_strndup(words, word_len(words));
}

const char *trace_event_name(TraceEventId id)
{
	static char *names[TRACE_EVENT_COUNT];
	static gsize once;

	if (g_once_init_enter(&once)) {
		for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
			names[i] = first_word(rows[i].names);
		g_once_init_leave(&once, 1);
	}
	return names[id];
}

const char *trace_event_names(TraceEventId id)
{
	return rows[id].names;
}

const char *trace_event_system(TraceEventId id)
{
	return rows[id].system;
}

const char *trace_wildcard_rest(const char *words, const char *name)
{
	gsize longest = 0;

	for (const char *w = words; *w; w = next_word(w)) {
		gsize len = word_len(w);

		if (w[len - 1] == '*' && len > longest && strncmp(w, name, len - 1) == 0 && name[len - 1])
			longest = len;
	}
	return longest ? name + longest - 1 : NULL;
}

static gboolean of_system(guint id, const char *system, gsize len)
{
	return len == 0 || (strlen(rows[id].system) == len && memcmp(rows[id].system, system, len) == 0);
}

/* Of those whose "*" names fit, the one whose fits longest. */
static gint by_wildcard(const char *base, const char *system, gsize system_len)
{
	const char *best = NULL;
	gint id = -1;

	for (guint i = 0; i < TRACE_EVENT_COUNT; i++) {
		const char *rest = strchr(rows[i].names, '*') ? trace_wildcard_rest(rows[i].names, base) : NULL;

		if (!rest || !of_system(i, system, system_len) || (best && rest <= best))
			continue;
		best = rest;
		id = (gint)i;
	}
	return id;
}

/* Names that stand in the table in full, each with a list of the rows that have it, by number plus one. */
static GHashTable *exact_names(void)
{
	static GHashTable *names;

	if (g_once_init_enter(&names)) {
		GHashTable *made = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		for (gint i = TRACE_EVENT_COUNT - 1; i >= 0; i--)
			for (const char *w = rows[i].names; *w; w = next_word(w)) {
				char *name = g_strndup(w, word_len(w));
				GSList *list = g_hash_table_lookup(made, name);
				g_hash_table_replace(made, name, g_slist_prepend(list, GINT_TO_POINTER(i + 1)));
			}
		g_once_init_leave(&names, made);
	}
	return names;
}

gint trace_event_by_name(const char *name)
{
	const char *colon = strchr(name, ':');
	const char *base = colon ? colon + 1 : name;
	gsize system_len = colon ? (gsize)(colon - name) : 0;

	for (GSList *l = g_hash_table_lookup(exact_names(), base); l; l = l->next)
		if (of_system((guint)GPOINTER_TO_INT(l->data) - 1, name, system_len))
			return GPOINTER_TO_INT(l->data) - 1;
	return by_wildcard(base, name, system_len);
}

guint trace_event_n_fields(TraceEventId id)
{
	guint n = 0;

	while (n < TRACE_FIELDS_MAX && rows[id].fields[n])
		n++;
	return n;
}

const char *trace_field_names(TraceEventId id, guint field)
{
	return field < TRACE_FIELDS_MAX ? rows[id].fields[field] : NULL;
}

static gboolean has_member(const CtfFc *payload, const char *name, gsize len)
{
	char buf[64];

	if (len >= sizeof(buf))
		return FALSE;
	memcpy(buf, name, len);
	buf[len] = '\0';
	return ctf_fc_member(payload, buf) != NULL;
}

const char *trace_field_resolve(TraceEventId id, guint field, const CtfFc *payload)
{
	for (const char *w = rows[id].fields[field]; *w; w = next_word(w)) {
		gsize len = word_len(w);
		const char *condition = memchr(w, '?', len);
		gsize name_len = condition ? (gsize)(condition - w) : len;

		if (!has_member(payload, w, name_len))
			continue;
		if (condition && !has_member(payload, condition + 1, len - name_len - 1))
			continue;
		char *name = g_strndup(w, name_len);
		const char *kept = g_intern_string(name);
		g_free(name);
		return kept;
	}
	return NULL;
}

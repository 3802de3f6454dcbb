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

/* TRUE if `name`, of `len` bytes, is among the words of `words`. */
static gboolean among(const char *words, const char *name, gsize len)
{
	for (const char *w = words; *w; w = next_word(w))
		if (word_len(w) == len && memcmp(w, name, len) == 0)
			return TRUE;
	return FALSE;
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

const char *trace_event_system(TraceEventId id)
{
	return rows[id].system;
}

gint trace_event_by_name(const char *name)
{
	const char *colon = strchr(name, ':');
	const char *base = colon ? colon + 1 : name;
	gsize system_len = colon ? (gsize)(colon - name) : 0;

	for (guint i = 0; i < TRACE_EVENT_COUNT; i++) {
		if (!among(rows[i].names, base, strlen(base)))
			continue;
		if (!colon || (strlen(rows[i].system) == system_len && memcmp(rows[i].system, name, system_len) == 0))
			return (gint)i;
	}
	return -1;
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

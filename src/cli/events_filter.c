/* SPDX-License-Identifier: MIT */
#include "cli/events_filter.h"

#include <string.h>

/* CtfRecord.tag */
enum { PRINTED = 1, SWITCH = 2 };

/* CtfSubscription.wants, in this order. */
enum { WANT_TID, WANT_VTID, WANT_PREV, WANT_NEXT, N_WANTS };

#define CPUS_MAX 65536

struct CliEventFilter {
	char **names;
	GHashTable *cpus, *threads; /* gint64 *; NULL: all */
	gint64 begin_ns;
	gboolean tracks;  /* who runs where is needed */
	GArray **running; /* by trace index: gint64 by processor, -1: not known */
	guint n_running;
};

static GHashTable *numbers(char **texts, const char *option, GError **error)
{
	g_autoptr(GHashTable) set = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	for (char **t = texts; *t; t++) {
		g_auto(GStrv) words = g_strsplit(*t, ",", -1);
		for (char **w = words; *w; w++) {
			gint64 value;
			if (!g_ascii_string_to_signed(*w, 10, 0, G_MAXINT32, &value, NULL)) {
				g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "%s: '%s' is not a number", option, *w);
				return NULL;
			}
			g_hash_table_add(set, g_memdup2(&value, sizeof(value)));
		}
	}
	return g_steal_pointer(&set);
}

CliEventFilter *cli_event_filter_new(const CliEventFilterOptions *options, GPtrArray *traces, GError **error)
{
	g_autoptr(CliEventFilter) f = g_new0(CliEventFilter, 1);
	f->names = options->names;
	f->begin_ns = options->begin_ns;
	f->tracks = options->threads != NULL;
	if (options->cpus && !(f->cpus = numbers(options->cpus, "--cpu", error)))
		return NULL;
	if (options->threads && !(f->threads = numbers(options->threads, "--thread", error)))
		return NULL;
	for (guint i = 0; i < traces->len; i++)
		f->n_running = MAX(f->n_running, ((CtfTrace *)traces->pdata[i])->index + 1);
	f->running = g_new0(GArray *, f->n_running + 1);
	for (guint i = 0; i < f->n_running; i++)
		f->running[i] = g_array_new(FALSE, FALSE, sizeof(gint64));
	return g_steal_pointer(&f);
}

void cli_event_filter_free(CliEventFilter *f)
{
	if (!f)
		return;
	g_clear_pointer(&f->cpus, g_hash_table_unref);
	g_clear_pointer(&f->threads, g_hash_table_unref);
	for (guint i = 0; i < f->n_running; i++)
		g_array_unref(f->running[i]);
	g_free(f->running);
	g_free(f);
}

gboolean cli_event_filter_looks(const CliEventFilter *f)
{
	return f->cpus || f->threads;
}

static void want(CtfSubscription *sub, CtfScope scope, const char *name)
{
	sub->wants[sub->n_wants++] = (CtfWant){.scope = scope, .name = name};
}

void cli_event_filter_subscribe(CliEventFilter *f, const CtfEventClass *ec, CtfSubscription *sub)
{
	gboolean is_switch = f->tracks && !strcmp(ec->name, "sched_switch");
	gboolean printed = cli_any_glob(f->names, ec->name);
	sub->skip = !printed && !is_switch;
	sub->tag = (guint8)((printed ? PRINTED : 0) | (is_switch ? SWITCH : 0));
	if (!f->tracks || sub->skip)
		return;
	want(sub, CTF_SCOPE_COMMON_CONTEXT, "tid");
	want(sub, CTF_SCOPE_COMMON_CONTEXT, "vtid");
	if (!is_switch)
		return;
	want(sub, CTF_SCOPE_PAYLOAD, "prev_tid");
	want(sub, CTF_SCOPE_PAYLOAD, "next_tid");
}

gint64 cli_event_filter_begin(const CliEventFilter *f)
{
	return f->tracks ? G_MININT64 : f->begin_ns;
}

/* Where it is kept who runs on a processor; NULL: nowhere. */
static gint64 *running_on(CliEventFilter *f, const CtfStream *stream, gint32 cpu)
{
	if (cpu < 0 || cpu >= CPUS_MAX)
		return NULL;
	GArray *running = f->running[stream->trace->index];
	for (gint64 unknown = -1; running->len <= (guint)cpu;)
		g_array_append_val(running, unknown);
	return &g_array_index(running, gint64, cpu);
}

static gboolean has(const CtfRecord *record, guint want)
{
	return (record->present >> want) & 1;
}

static gboolean is_asked_for(CliEventFilter *f, gint64 tid)
{
	return g_hash_table_contains(f->threads, &tid);
}

static gboolean match_thread(CliEventFilter *f, const CtfStream *stream, const CtfRecord *record, gint32 cpu)
{
	gint64 *running = running_on(f, stream, cpu);
	if (record->tag & SWITCH) {
		gint64 prev = has(record, WANT_PREV) ? (gint64)record->v[WANT_PREV] : -1;
		gint64 next = has(record, WANT_NEXT) ? (gint64)record->v[WANT_NEXT] : -1;
		if (running)
			*running = next;
		return is_asked_for(f, prev) || is_asked_for(f, next);
	}
	if (has(record, WANT_TID))
		return is_asked_for(f, (gint64)record->v[WANT_TID]);
	if (running && *running >= 0)
		return is_asked_for(f, *running);
	return has(record, WANT_VTID) && is_asked_for(f, (gint64)record->v[WANT_VTID]);
}

gboolean cli_event_filter_match(CliEventFilter *f, const CtfStream *stream, const CtfRecord *record)
{
	gint32 cpu = g_array_index(stream->packets, CtfPacket, record->packet).cpu;
	gint64 number = cpu;
	if (f->threads && (!match_thread(f, stream, record, cpu) || record->time < f->begin_ns))
		return FALSE;
	if (f->cpus && !g_hash_table_contains(f->cpus, &number))
		return FALSE;
	return record->tag & PRINTED;
}

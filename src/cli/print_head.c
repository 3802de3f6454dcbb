/* SPDX-License-Identifier: MIT */
/* What stands before an event's fields: its time, its trace, its class. */
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/print_plan.h"

#define NS_PER_S 1000000000
#define UNKNOWN  G_MAXUINT64

void cli_clock_state_init(CliClockState *state)
{
	*state = (CliClockState){.last = UNKNOWN, .delta = UNKNOWN, .second = G_MININT64};
}

/* ---- Time ------------------------------------------------------------------------------------------------------ */

static char *put_text(char *p, const char *text)
{
	gsize len = strlen(text);
	memcpy(p, text, len);
	return p + len;
}

static void append_seconds(CliClockState *s, gint64 second, gboolean negative)
{
	s->text_len = (gsize)g_snprintf(s->text, sizeof(s->text), "%s%" G_GUINT64_FORMAT ".", negative ? "-" : "",
	                                (guint64)(negative ? -second : second));
}

/* "HH:MM:SS." of a second, with the date if that is asked for. FALSE: no calendar has it. */
static gboolean wall_text(CliClockState *s, const CliPrintOptions *options, gint64 second)
{
	struct tm tm;
	time_t t = (time_t)second;
	if (!(options->clock_gmt ? gmtime_r(&t, &tm) : localtime_r(&t, &tm)))
		return FALSE;
	gsize n = options->clock_date ? strftime(s->text, sizeof(s->text), "%Y-%m-%d ", &tm) : 0;
	n += (gsize)g_snprintf(s->text + n, sizeof(s->text) - n, "%02d:%02d:%02d.", tm.tm_hour, tm.tm_min, tm.tm_sec);
	s->text_len = n;
	return TRUE;
}

/* babeltrace2 shows the first time before the origin as seconds, and later ones as if they were after it. */
static void second_text(CliClockState *s, const CliPrintOptions *options, gint64 second, gboolean negative)
{
	gboolean seconds = options->clock_seconds;
	s->second = negative ? G_MININT64 : second;
	if (!seconds && negative && !s->warned) {
		fprintf(stderr, "[warning] Fallback to [sec.ns] to print negative time value. Use --clock-seconds.\n");
		s->warned = TRUE;
		seconds = TRUE;
	}
	if (seconds || !wall_text(s, options, negative ? -second : second))
		append_seconds(s, second, negative);
}

static char *put_ns_time(char *p, CliClockState *s, const CliPrintOptions *options, gint64 ns)
{
	gint64 second = ns / NS_PER_S, rest = ns % NS_PER_S;
	if (G_UNLIKELY(second != s->second || ns < 0))
		second_text(s, options, second, ns < 0);
	p = cli_put_literal(p, s->text, s->text_len);
	return cli_put_9_digits(p, (guint)(rest < 0 ? -rest : rest));
}

static char *put_zero_padded(char *p, guint64 v, guint width)
{
	char digits[24];
	guint n = (guint)(cli_put_u64(digits, v) - digits);
	for (guint i = n; i < width; i++)
		*p++ = '0';
	memcpy(p, digits, n);
	return p + n;
}

static void update(CliClockState *s, guint64 now)
{
	if (s->last != UNKNOWN)
		s->delta = now - s->last;
	s->last = now;
}

static char *put_delta(char *p, const CliClockState *s, const CliPrintOptions *options)
{
	*p++ = '+';
	if (options->clock_cycles)
		return s->delta == UNKNOWN ? put_text(p, "????????????") : put_zero_padded(p, s->delta, 12);
	if (s->delta == UNKNOWN)
		return put_text(p, "?.?????????");
	guint64 second = 0, rest = s->delta;
	if (G_UNLIKELY(rest >= NS_PER_S)) {
		second = rest / NS_PER_S;
		rest %= NS_PER_S;
	}
	p = cli_put_u64(p, second);
	*p++ = '.';
	return cli_put_9_digits(p, (guint)rest);
}

static char *put_named_head(char *p, CliClockState *state, const CliPrintOptions *options, gint64 ns, guint64 cycles)
{
	p = put_text(p, "timestamp = ");
	p = options->clock_cycles ? put_zero_padded(p, cycles, 20) : put_ns_time(p, state, options, ns);
	if (options->no_delta)
		return p;
	return put_delta(put_text(p, ", delta = "), state, options);
}

char *cli_put_head(char *p, CliClockState *state, const CliPrintOptions *options, gint64 ns, guint64 cycles)
{
	update(state, options->clock_cycles ? cycles : (guint64)ns);
	if (options->name_header)
		return put_named_head(p, state, options, ns, cycles);
	*p++ = '[';
	p = options->clock_cycles ? put_zero_padded(p, cycles, 20) : put_ns_time(p, state, options, ns);
	memcpy(p, "] (", 3);
	if (options->no_delta)
		return p + 2;
	p = put_delta(p + 3, state, options);
	memcpy(p, ") ", 2);
	return p + 2;
}

/* ---- Trace and event class ------------------------------------------------------------------------------------- */

typedef struct {
	GString *s;
	gboolean names;
	gboolean comma; /* in front of what follows */
	gboolean colon; /* some of the trace's fields are there */
} Head;

/* One of the fields with a colon between them, or with their names. */
static void append_field(Head *h, const char *name, const char *text)
{
	g_string_append(h->s, h->comma ? ", " : "");
	if (h->names)
		g_string_append_printf(h->s, "%s = ", name);
	else if (h->colon)
		g_string_append_c(h->s, ':');
	g_string_append(h->s, text);
	h->colon = TRUE;
}

static void append_trace(Head *h, const CtfTrace *trace)
{
	g_autofree char *name = cli_trace_name(trace);
	append_field(h, "trace", name);
	g_string_append(h->s, h->names ? ", " : "");
	h->colon = FALSE;
}

static void append_env(Head *h, gboolean wanted, const CtfMetadata *m, const char *name, const char *title)
{
	const char *text = wanted ? ctf_metadata_env_text(m, name) : NULL;
	if (text)
		append_field(h, title, text);
}

static void append_vpid(Head *h, const CtfMetadata *m)
{
	const CtfEnv *env = ctf_metadata_env(m, "vpid");
	if (!env || !env->is_int)
		return;
	g_autofree char *text = g_strdup_printf("(%" G_GINT64_FORMAT ")", env->i);
	append_field(h, "trace:vpid", text);
}

static void append_log_level(Head *h, const CtfEventClass *ec)
{
	static const char *const names[] = {
	        "EMERG",        "ALERT",      "CRIT",           "ERR",           "WARNING",
	        "NOTICE",       "INFO",       "DEBUG_SYSTEM",   "DEBUG_PROGRAM", "DEBUG_PROCESS",
	        "DEBUG_MODULE", "DEBUG_UNIT", "DEBUG_FUNCTION", "DEBUG_LINE",    "DEBUG",
	};
	if (!ec->has_log_level || ec->log_level < 0 || ec->log_level >= (gint64)G_N_ELEMENTS(names))
		return;
	g_autofree char *text = g_strdup_printf("TRACE_%s (%d)", names[ec->log_level], (int)ec->log_level);
	append_field(h, "loglevel", text);
}

void cli_append_head(GString *s, const CliPrintOptions *options, const CtfTrace *trace, const CtfEventClass *ec)
{
	const CtfMetadata *m = trace->metadata;
	Head h = {.s = s, .names = options->name_header, .comma = options->name_header && ec->stream_class->clock};
	if (options->field_trace)
		append_trace(&h, trace);
	append_env(&h, options->field_hostname, m, "hostname", "trace:hostname");
	append_env(&h, options->field_domain, m, "domain", "trace:domain");
	append_env(&h, options->field_procname, m, "procname", "trace:procname");
	if (options->field_vpid)
		append_vpid(&h, m);
	if (options->field_loglevel)
		append_log_level(&h, ec);
	if (options->field_emf && ec->emf_uri && *ec->emf_uri)
		append_field(&h, "model.emf.uri", ec->emf_uri);
	g_string_append(s, h.colon && !h.names ? " " : "");
	g_string_append(s, h.comma ? ", " : "");
	g_string_append(s, h.names ? "name = " : "");
	g_string_append(s, *ec->name ? ec->name : "<unknown>");
	g_string_append(s, h.names ? ", " : ": ");
}

/* ---- Cycles ---------------------------------------------------------------------------------------------------- */

/* A number of cycles near the record's time: conversion to ns loses what is less than one. */
static guint64 guess_cycles(const CtfClock *clock, gint64 ns)
{
	gint64 since = 0;
	if (__builtin_sub_overflow(ns, ctf_clock_ns(clock, 0), &since) || since < 0)
		return 0;
	if (clock->freq == NS_PER_S)
		return (guint64)since;
	return (guint64)((double)since * (double)clock->freq / 1e9);
}

/* The integer in an event header that is mapped to the clock, read by walking up to it; 0: none. */
static guint find_timestamp(CtfCursor *c, const CtfFc *fc, guint64 *value_out)
{
	guint found = 0;
	if (fc->type == CTF_FC_INT && fc->clock) {
		*value_out = ctf_cursor_int(c, fc);
		return fc->size;
	}
	if (fc->type == CTF_FC_VARIANT) {
		const CtfMember *option = ctf_cursor_option(c, fc);
		return option ? find_timestamp(c, option->fc, value_out) : 0;
	}
	if (fc->type != CTF_FC_STRUCT) {
		ctf_cursor_skip(c, fc);
		return 0;
	}
	ctf_cursor_align(c, fc->align);
	for (guint i = 0; i < fc->n_members && !c->failed; i++) {
		guint size = find_timestamp(c, fc->members[i].fc, value_out);
		found = size ? size : found;
	}
	return found;
}

/* The number nearest to the guess whose low bits are these. */
static guint64 nearest(guint64 guess, guint64 low, guint size)
{
	guint64 mask = size >= 64 ? G_MAXUINT64 : (1ull << size) - 1, half = (mask >> 1) + 1;
	guint64 value = (guess & ~mask) | (low & mask);
	if (size >= 64)
		return value;
	if (value + half < guess)
		return value + mask + 1;
	return value > guess + half && value > mask ? value - mask - 1 : value;
}

guint64 cli_record_cycles(const CtfStream *stream, const guint8 *base, const CtfRecord *record, guint64 *slots)
{
	const CtfStreamClass *sc = stream->stream_class;
	const CtfPacket *packet = &g_array_index(stream->packets, CtfPacket, record->packet);
	guint64 guess = guess_cycles(sc->clock, record->time), low = 0;
	if (sc->clock->freq == NS_PER_S)
		return guess;
	CtfCursor c;
	ctf_cursor_header(&c, stream, base, record, slots);
	guint size = sc->event_header ? find_timestamp(&c, sc->event_header, &low) : 0;
	if (size && !c.failed)
		return nearest(guess, low, size);
	/* Events without times have the packet's. */
	return packet->has_begin && ctf_clock_ns(sc->clock, packet->begin) == record->time ? packet->begin : guess;
}

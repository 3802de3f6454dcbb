/* SPDX-License-Identifier: MIT */
/* strata info: what is in these traces, told without decoding their events unless counts are asked for. */
#include <string.h>

#include "cli/cli.h"
#include "view/view.h"

static struct {
	char *format;
	gboolean streams, counts;
} opt;

static const GOptionEntry options[] = {
        {"format", 0, 0, G_OPTION_ARG_STRING, &opt.format, "text (default), json, csv or html", "FORMAT"},
        {"streams", 0, 0, G_OPTION_ARG_NONE, &opt.streams, "Each stream of each trace", NULL},
        {"counts", 0, 0, G_OPTION_ARG_NONE, &opt.counts, "How many events there are of each name: reads all of them",
         NULL},
        {"machine", 0, 0, G_OPTION_ARG_STRING_ARRAY, &cli_range.machines,
         "Only machines whose name matches GLOB; may be given several times", "GLOB"},
        {NULL},
};

/* ---- What is known of a trace ---------------------------------------------------------------------------------- */

typedef struct {
	const CtfTrace *trace;
	const char *machine;
	char *tracer;          /* "lttng-modules 2.13.9"; NULL: not said */
	const CtfClock *clock; /* NULL: none */
	gboolean has_span;
	StTimeRange span; /* of its events */
	guint64 packets, lost_events, lost_packets;
	gboolean lost_unknown; /* events went with packets that were lost, nobody knows how many */
} Facts;

static char *tracer_of(const CtfMetadata *m)
{
	const char *name = ctf_metadata_env_text(m, "tracer_name");
	const CtfEnv *major = ctf_metadata_env(m, "tracer_major"), *minor = ctf_metadata_env(m, "tracer_minor");
	const CtfEnv *patch = ctf_metadata_env(m, "tracer_patchlevel");
	if (!name)
		return NULL;
	GString *s = g_string_new(name);
	if (major && major->is_int)
		g_string_append_printf(s, " %" G_GINT64_FORMAT, major->i);
	if (major && major->is_int && minor && minor->is_int)
		g_string_append_printf(s, ".%" G_GINT64_FORMAT, minor->i);
	if (minor && patch && patch->is_int)
		g_string_append_printf(s, ".%" G_GINT64_FORMAT, patch->i);
	return g_string_free(s, FALSE);
}

static const CtfClock *clock_of(const CtfMetadata *m)
{
	for (guint i = 0; i < m->stream_classes->len; i++) {
		const CtfStreamClass *sc = g_ptr_array_index(m->stream_classes, i);
		if (sc->clock)
			return sc->clock;
	}
	return NULL;
}

static void add_losses(Facts *f, const CtfStream *stream)
{
	for (guint i = 0; i < stream->losses->len; i++) {
		const CtfLoss *loss = &g_array_index(stream->losses, CtfLoss, i);
		f->lost_events += loss->events;
		f->lost_packets += loss->packets;
		f->lost_unknown |= loss->packets && !loss->events;
	}
}

static Facts learn(CtfTrace *trace)
{
	Facts f = {.trace = trace, .machine = cli_machine_name(trace)};
	g_autoptr(GPtrArray) alone = g_ptr_array_new();
	g_ptr_array_add(alone, trace);
	f.tracer = tracer_of(trace->metadata);
	f.clock = clock_of(trace->metadata);
	f.has_span = f.clock && cli_time_span(alone, &f.span);
	for (guint i = 0; i < trace->streams->len; i++) {
		const CtfStream *stream = g_ptr_array_index(trace->streams, i);
		f.packets += stream->packets->len;
		add_losses(&f, stream);
	}
	return f;
}

static char *uuid_text(const CtfMetadata *m)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < sizeof(m->uuid); i++)
		g_string_append_printf(s, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", m->uuid[i]);
	return g_string_free(s, FALSE);
}

/* ---- Tables ---------------------------------------------------------------------------------------------------- */

enum {
	T_TRACE,
	T_MACHINE,
	T_DOMAIN,
	T_TRACER,
	T_CTF,
	T_UUID,
	T_CLOCK,
	T_FREQ,
	T_BEGIN,
	T_END,
	T_DURATION,
	T_STREAMS,
	T_PACKETS,
	T_BYTES,
	T_CLASSES,
	T_LOST_EVENTS,
	T_LOST_PACKETS,
	T_BAD_PACKETS
};

static View *new_trace_table(void)
{
	View *v = view_new("info", "Traces");
	view_add_column(v, "trace", "Trace", VIEW_TEXT);
	view_add_column(v, "machine", "Machine", VIEW_TEXT);
	view_add_column(v, "domain", "Domain", VIEW_TEXT);
	view_add_column(v, "tracer", "Tracer", VIEW_TEXT);
	view_add_column(v, "ctf_version", "CTF", VIEW_ID);
	view_add_column(v, "uuid", "UUID", VIEW_TEXT);
	view_add_column(v, "clock", "Clock", VIEW_TEXT);
	view_add_column(v, "clock_hz", "Frequency", VIEW_HZ);
	view_add_column(v, "begin_ns", "Begin", VIEW_TIME_NS);
	view_add_column(v, "end_ns", "End", VIEW_TIME_NS);
	view_add_column(v, "duration_ns", "Duration", VIEW_NS);
	view_add_column(v, "streams", "Streams", VIEW_COUNT);
	view_add_column(v, "packets", "Packets", VIEW_COUNT);
	view_add_column(v, "bytes", "Size", VIEW_BYTES);
	view_add_column(v, "event_classes", "Event classes", VIEW_COUNT);
	view_add_column(v, "lost_events", "Lost events", VIEW_COUNT);
	view_add_column(v, "lost_packets", "Lost packets", VIEW_COUNT);
	view_add_column(v, "bad_packets", "Damaged packets", VIEW_COUNT);
	return v;
}

static void add_trace_time(View *v, const Facts *f)
{
	if (f->clock) {
		view_set_text(v, T_CLOCK, f->clock->name);
		view_set_uint(v, T_FREQ, f->clock->freq);
	}
	if (!f->has_span)
		return;
	view_set_int(v, T_BEGIN, f->span.begin_ns);
	view_set_int(v, T_END, f->span.end_ns);
	view_set_int(v, T_DURATION, f->span.end_ns - f->span.begin_ns);
}

static void add_trace(View *v, const Facts *f)
{
	const CtfMetadata *m = f->trace->metadata;
	g_autofree char *uuid = m->has_uuid ? uuid_text(m) : NULL;
	view_begin_row(v);
	view_set_text(v, T_TRACE, f->trace->path);
	view_set_text(v, T_MACHINE, f->machine);
	view_set_text(v, T_DOMAIN, ctf_metadata_env_text(m, "domain"));
	view_set_text(v, T_TRACER, f->tracer);
	view_set_uint(v, T_CTF, m->version);
	view_set_text(v, T_UUID, uuid);
	add_trace_time(v, f);
	view_set_uint(v, T_STREAMS, f->trace->streams->len);
	view_set_uint(v, T_PACKETS, f->packets);
	view_set_uint(v, T_BYTES, f->trace->bytes);
	view_set_uint(v, T_CLASSES, m->events->len);
	if (!f->lost_unknown)
		view_set_uint(v, T_LOST_EVENTS, f->lost_events);
	view_set_uint(v, T_LOST_PACKETS, f->lost_packets);
	view_set_uint(v, T_BAD_PACKETS, f->trace->bad_packets);
}

enum { S_TRACE, S_MACHINE, S_CLASS, S_STREAM, S_CPU, S_FILE, S_FILES, S_PACKETS, S_BYTES, S_BEGIN, S_END, S_LOST };

static View *new_stream_table(void)
{
	View *v = view_new("info-streams", "Streams");
	view_hide_from_text(v, view_add_column(v, "trace", "Trace", VIEW_TEXT));
	view_hide_from_text(v, view_add_column(v, "machine", "Machine", VIEW_TEXT));
	view_add_column(v, "stream_class", "Class", VIEW_ID);
	view_add_column(v, "stream", "Stream", VIEW_ID);
	view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "file", "File", VIEW_TEXT);
	view_hide_from_text(v, view_add_column(v, "files", "Files", VIEW_COUNT));
	view_add_column(v, "packets", "Packets", VIEW_COUNT);
	view_add_column(v, "bytes", "Size", VIEW_BYTES);
	view_add_column(v, "first_packet_begin_ns", "First packet", VIEW_TIME_NS);
	view_add_column(v, "last_packet_end_ns", "Last packet's end", VIEW_TIME_NS);
	view_add_column(v, "lost_events", "Lost events", VIEW_COUNT);
	return v;
}

static void add_stream_packets(View *v, const CtfStream *stream)
{
	const CtfClock *clock = stream->stream_class->clock;
	guint n = stream->packets->len;
	view_set_uint(v, S_PACKETS, n);
	if (!n || !clock)
		return;
	const CtfPacket *first = &g_array_index(stream->packets, CtfPacket, 0);
	const CtfPacket *last = &g_array_index(stream->packets, CtfPacket, n - 1);
	if (first->has_begin)
		view_set_int(v, S_BEGIN, ctf_clock_ns(clock, first->begin));
	if (last->has_end)
		view_set_int(v, S_END, ctf_clock_ns(clock, last->end));
}

static void add_stream(View *v, const Facts *f, const CtfStream *stream)
{
	guint64 bytes = 0;
	Facts lost = {0};
	add_losses(&lost, stream);
	for (guint i = 0; i < stream->files->len; i++)
		bytes += g_array_index(stream->files, CtfFile, i).size;
	view_begin_row(v);
	view_set_text(v, S_TRACE, f->trace->path);
	view_set_text(v, S_MACHINE, f->machine);
	view_set_uint(v, S_CLASS, stream->stream_class->id);
	if (stream->has_id)
		view_set_uint(v, S_STREAM, stream->id);
	if (stream->cpu >= 0)
		view_set_int(v, S_CPU, stream->cpu);
	if (stream->files->len) {
		g_autofree char *name = g_path_get_basename(g_array_index(stream->files, CtfFile, 0).path);
		view_set_text(v, S_FILE, name);
	}
	view_set_uint(v, S_FILES, stream->files->len);
	view_set_uint(v, S_BYTES, bytes);
	add_stream_packets(v, stream);
	if (!lost.lost_unknown)
		view_set_uint(v, S_LOST, lost.lost_events);
}

static void add_streams(View *v, const Facts *f)
{
	for (guint i = 0; i < f->trace->streams->len; i++)
		add_stream(v, f, f->trace->streams->pdata[i]);
}

enum { C_TRACE, C_MACHINE, C_EVENT, C_COUNT, C_SHARE };

static View *new_count_table(void)
{
	View *v = view_new("info-events", "Events");
	view_hide_from_text(v, view_add_column(v, "trace", "Trace", VIEW_TEXT));
	view_hide_from_text(v, view_add_column(v, "machine", "Machine", VIEW_TEXT));
	view_add_column(v, "event", "Event", VIEW_TEXT);
	view_add_column(v, "count", "Count", VIEW_COUNT);
	view_add_column(v, "share", "Share", VIEW_RATIO);
	view_set_empty_text(v, "There are no events.");
	return v;
}

/* Classes of the same name, in different streams, are one row. */
static GHashTable *sum_by_name(const CtfTrace *trace, const guint64 *counts, guint64 *total_out)
{
	GHashTable *sums = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	*total_out = 0;
	for (guint i = 0; i < trace->metadata->events->len; i++) {
		const CtfEventClass *ec = g_ptr_array_index(trace->metadata->events, i);
		if (!counts[i])
			continue;
		guint64 *sum = g_hash_table_lookup(sums, ec->name);
		if (!sum) {
			sum = g_new0(guint64, 1);
			g_hash_table_insert(sums, (gpointer)(guintptr)ec->name, sum);
		}
		*sum += counts[i];
		*total_out += counts[i];
	}
	return sums;
}

static void add_counts(View *v, const Facts *f, const guint64 *counts)
{
	guint64 total;
	g_autoptr(GHashTable) sums = sum_by_name(f->trace, counts, &total);
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(sums), (GCompareFunc)strcmp);
	for (const GList *n = names; n; n = n->next) {
		guint64 count = *(const guint64 *)g_hash_table_lookup(sums, n->data);
		view_begin_row(v);
		view_set_text(v, C_TRACE, f->trace->path);
		view_set_text(v, C_MACHINE, f->machine);
		view_set_text(v, C_EVENT, n->data);
		view_set_uint(v, C_COUNT, count);
		view_set_double(v, C_SHARE, (double)count / (double)total);
	}
}

/* ---- Text ------------------------------------------------------------------------------------------------------ */

static void tell_clock(ViewDoc *doc, const Facts *f)
{
	char begin[ST_TIME_FORMAT_MAX], end[ST_TIME_FORMAT_MAX];
	if (!f->clock) {
		view_doc_pair(doc, "Clock", "none: its events have no times");
		return;
	}
	view_doc_pair(doc, "Clock", "%s, %" G_GUINT64_FORMAT " Hz%s", f->clock->name, f->clock->freq,
	              f->clock->absolute ? ", absolute" : "");
	if (!f->has_span) {
		view_doc_pair(doc, "Events", "none");
		return;
	}
	double seconds = (double)(f->span.end_ns - f->span.begin_ns) / (double)ST_NS_PER_S;
	view_doc_pair(doc, "First event", "%s", st_time_format_date(begin, f->span.begin_ns));
	view_doc_pair(doc, "Last event", "%s (%.9f s later)", st_time_format_date(end, f->span.end_ns), seconds);
}

static void tell_losses(ViewDoc *doc, const Facts *f)
{
	g_autofree char *packets =
	        f->lost_packets ? g_strdup_printf(", %" G_GUINT64_FORMAT " packets", f->lost_packets) : NULL;
	if (f->lost_events || f->lost_packets)
		view_doc_pair(doc, "Lost", "%s%" G_GUINT64_FORMAT " events%s", f->lost_unknown ? "at least " : "",
		              f->lost_events, packets ? packets : "");
	else
		view_doc_pair(doc, "Lost", "nothing");
	if (f->trace->bad_packets)
		view_doc_pair(doc, "Damaged", "%" G_GUINT64_FORMAT " packets, which are skipped",
		              f->trace->bad_packets);
}

static void tell_trace(ViewDoc *doc, const Facts *f, const guint64 *counts)
{
	const CtfMetadata *m = f->trace->metadata;
	const char *domain = ctf_metadata_env_text(m, "domain"), *release = ctf_metadata_env_text(m, "kernel_release");
	view_doc_heading(doc, f->trace->path);
	view_doc_pair(doc, "Machine", "%s%s%s%s", f->machine, domain ? " (" : "", domain ? domain : "",
	              domain ? ")" : "");
	if (release)
		view_doc_pair(doc, "Kernel", "%s", release);
	view_doc_pair(doc, "Tracer", "%s", f->tracer ? f->tracer : "not said");
	view_doc_pair(doc, "Format", "CTF %s, %u event classes", m->version == 2 ? "2" : "1.8", m->events->len);
	tell_clock(doc, f);
	view_doc_pair(doc, "Streams", "%u, with %" G_GUINT64_FORMAT " packets, %.1f MiB", f->trace->streams->len,
	              f->packets, (double)f->trace->bytes / (1 << 20));
	if (f->trace->chunk_paths->len > 1)
		view_doc_pair(doc, "Chunks", "%u, of a rotated recording", f->trace->chunk_paths->len);
	tell_losses(doc, f);
	if (opt.streams) {
		View *streams = new_stream_table();
		add_streams(streams, f);
		view_doc_table(doc, streams);
	}
	if (counts) {
		View *table = new_count_table();
		add_counts(table, f, counts);
		view_sort(table, C_COUNT, TRUE);
		view_doc_table(doc, table);
	}
}

/* ---- The command ----------------------------------------------------------------------------------------------- */

static gboolean count_events(GPtrArray *traces, StWarnings *warnings, CtfStats *stats, GError **error)
{
	CtfReader reader = {.begin_ns = G_MININT64,
	                    .end_ns = G_MAXINT64,
	                    .threads = g_get_num_processors(),
	                    .count_classes = TRUE,
	                    .warnings = warnings};
	return ctf_read((CtfTrace *const *)traces->pdata, traces->len, &reader, stats, error);
}

static const guint64 *counts_of(const CtfStats *stats, guint i)
{
	return stats->by_class ? g_ptr_array_index(stats->by_class, i) : NULL;
}

static gboolean write_doc(const Facts *facts, guint n, const CtfStats *stats, ViewFormat format, GError **error)
{
	g_autoptr(ViewDoc) doc = view_doc_new();
	for (guint i = 0; i < n; i++)
		tell_trace(doc, &facts[i], counts_of(stats, i));
	return view_doc_render(doc, format, "strata info", stdout, error);
}

/* For programs: one table, of traces, streams or counts. */
static gboolean write_table(const Facts *facts, guint n, const CtfStats *stats, ViewFormat format, GError **error)
{
	g_autoptr(View) view = opt.counts ? new_count_table() : opt.streams ? new_stream_table() : new_trace_table();
	for (guint i = 0; i < n; i++) {
		if (opt.counts)
			add_counts(view, &facts[i], counts_of(stats, i));
		else if (opt.streams)
			add_streams(view, &facts[i]);
		else
			add_trace(view, &facts[i]);
	}
	return view_render(view, format, stdout, error);
}

static gboolean write_info(GPtrArray *traces, ViewFormat format, StWarnings *warnings, GError **error)
{
	CtfStats stats = {0};
	g_autofree Facts *facts = g_new0(Facts, traces->len);
	gboolean done = !opt.counts || count_events(traces, warnings, &stats, error);
	for (guint i = 0; i < traces->len && done; i++)
		facts[i] = learn(traces->pdata[i]);
	if (done && view_is_for_people(format))
		done = write_doc(facts, traces->len, &stats, format, error);
	else if (done)
		done = write_table(facts, traces->len, &stats, format, error);
	for (guint i = 0; i < traces->len; i++)
		g_free(facts[i].tracer);
	ctf_stats_clear(&stats);
	return done;
}

static int run(const char *const *paths)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StWarnings) warnings = st_warnings_new();
	ViewFormat format = VIEW_FORMAT_TEXT;
	int status;
	if (opt.format && !view_format_parse(opt.format, &format, &error))
		return cli_usage_error("--format: %s", error->message);
	if (!view_is_for_people(format) && opt.streams && opt.counts)
		return cli_usage_error("--streams and --counts are two tables: ask for one of them, or for text");
	g_autoptr(GPtrArray) traces = cli_open(paths, warnings, &status);
	if (!traces)
		return status;
	gboolean done = write_info(traces, format, warnings, &error);
	cli_show_warnings(warnings);
	if (!done)
		cli_complain("%s", error->message);
	return done ? CLI_DONE : CLI_FAILED;
}

const CliCommand cli_info = {
        .name = "info",
        .arguments = "TRACE..",
        .summary = "Tell what is in traces: machines, tracers, times, losses",
        .options = options,
        .run = run,
};

/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include "cli/cli.h"
#include "cli/print_plan.h"

/* Room beside plans: the packet context's text and what a piece of a string needs. */
#define ROOM_APART (64u << 10)

typedef struct {
	guint32 packet; /* the one whose text is below; G_MAXUINT32: none */
	char *text;     /* of its packet context, readable up to a multiple of CLI_LITERAL_PAD */
	gsize text_len;
} Lane;

/* An event class: head, packet context, plan are what a line is made of. */
typedef struct {
	char *head; /* readable up to a multiple of CLI_LITERAL_PAD; NULL: not made yet */
	gsize head_len;
	CliPlan plan;
} Class;

typedef struct {
	const CtfTrace *trace;
	Lane *lanes;      /* by stream index */
	Class *classes;   /* by event class index */
	CliPlan *packets; /* of packet contexts, by stream class index; no ops: not made yet, or nothing is shown */
} Source;

struct CliPrinter {
	CliPrintOptions options;
	CliOut *out, memory; /* memory: where packet contexts are rendered */
	Source *sources;     /* by trace index */
	guint n_sources;
	CliClockState clock;
	CliStale *stale; /* NULL: strings are shown as they are */
	GPtrArray *owned, *enums;
	guint64 slots[CTF_SLOTS_MAX];
};

/* ---- Plans ----------------------------------------------------------------------------------------------------- */

static void begin_plan(CliPrinter *printer, CliBuilder *b)
{
	cli_builder_init(b, &printer->options, printer->owned, printer->enums);
}

static CliPlan end_plan(CliPrinter *printer, CliBuilder *b)
{
	CliPlan plan = cli_builder_end(b);
	cli_out_want(printer->out, 2 * b->total + ROOM_APART);
	cli_out_want(&printer->memory, 2 * b->total + ROOM_APART);
	return plan;
}

/* In text, a scope's values follow the one before after a comma. */
static void add_text_scope(CliBuilder *b, const CtfFc *fc, const char *name, gboolean names, gboolean *comma)
{
	if (!fc)
		return;
	if (!cli_is_shown(fc)) {
		cli_builder_skip(b, fc);
		return;
	}
	g_string_append(b->literal, *comma ? ", " : "");
	*comma = TRUE;
	if (b->options->name_scope)
		g_string_append_printf(b->literal, "%s = ", name);
	b->names = names;
	cli_builder_value(b, fc);
}

static CliPlan text_plan(CliPrinter *printer, const CtfEventClass *ec, gboolean comma)
{
	const CliPrintOptions *o = &printer->options;
	CliBuilder b;
	guint leaves = 0;
	begin_plan(printer, &b);
	b.leaves = &leaves;
	add_text_scope(&b, ec->stream_class->common_context, "stream.event.context", o->name_context, &comma);
	add_text_scope(&b, ec->spec_context, "event.context", o->name_context, &comma);
	add_text_scope(&b, ec->payload, "event.fields", o->name_payload, &comma);
	g_string_append_c(b.literal, '\n');
	return end_plan(printer, &b);
}

static void add_json_scope(CliBuilder *b, const CtfFc *fc, const char *name)
{
	if (!fc)
		return;
	if (!cli_is_shown(fc)) {
		cli_builder_skip(b, fc);
		return;
	}
	g_string_append_printf(b->literal, ",\"%s\":", name);
	cli_builder_value(b, fc);
}

static CliPlan json_plan(CliPrinter *printer, const CtfEventClass *ec)
{
	CliBuilder b;
	begin_plan(printer, &b);
	g_string_append(b.literal, ",\"name\":");
	cli_append_quoted(b.literal, ec->name, TRUE);
	add_json_scope(&b, ec->stream_class->common_context, "context");
	add_json_scope(&b, ec->spec_context, "event_context");
	add_json_scope(&b, ec->payload, "fields");
	g_string_append(b.literal, "}\n");
	return end_plan(printer, &b);
}

/* ---- Packet contexts ------------------------------------------------------------------------------------------- */

static gboolean shows_packet(const CliPrinter *printer, const CtfStreamClass *sc)
{
	return !printer->options.json && sc->packet_context && cli_is_shown(sc->packet_context);
}

static CliPlan *packet_plan(CliPrinter *printer, Source *source, const CtfStreamClass *sc)
{
	CliPlan *plan = &source->packets[sc->index];
	if (plan->ops)
		return plan;
	CliBuilder b;
	guint leaves = 0;
	begin_plan(printer, &b);
	b.leaves = &leaves;
	b.names = printer->options.name_context;
	g_string_append(b.literal, printer->options.name_scope ? "stream.packet.context = " : "");
	cli_builder_value(&b, sc->packet_context);
	*plan = end_plan(printer, &b);
	return plan;
}

static void set_text(CliPrinter *printer, Lane *lane, const char *text, gsize len)
{
	lane->text_len = len;
	lane->text = g_realloc(lane->text, len + CLI_LITERAL_PAD);
	memcpy(lane->text, text, len);
	memset(lane->text + len, 0, CLI_LITERAL_PAD);
	cli_out_want(printer->out, 2 * len + ROOM_APART);
}

/* Print a packet's context into the memory. */
static void print_packet(CliPrinter *printer, Source *source, const CtfStream *stream, guint32 packet,
                         const guint8 *base, CliStaleObject *stale)
{
	const CtfStreamClass *sc = stream->stream_class;
	const CliPlan *plan = packet_plan(printer, source, sc);
	CliOut *out = &printer->memory;
	CliRun run = {.out = out, .stale = stale};
	ctf_cursor_packet(&run.cursor, stream, base, &g_array_index(stream->packets, CtfPacket, packet),
	                  printer->slots);
	if (sc->metadata->packet_header)
		ctf_cursor_skip(&run.cursor, sc->metadata->packet_header);
	out->p = cli_run_plan(&run, plan, out->buf, 0);
}

static void render_packet(CliPrinter *printer, Source *source, const CtfStream *stream, Lane *lane, const guint8 *base)
{
	CliStaleObject *stale = printer->stale ? cli_stale_packet(printer->stale, stream) : NULL;
	const CliOut *out = &printer->memory;
	print_packet(printer, source, stream, lane->packet, base, stale);
	set_text(printer, lane, out->buf, (gsize)(out->p - out->buf));
}

/* Nobody sees it, but babeltrace2 remembers its strings. */
static void pass_empty_packet(const CtfStream *stream, guint32 packet, CliStaleObject *object, gpointer user)
{
	CliPrinter *printer = user;
	const CtfPacket *p = &g_array_index(stream->packets, CtfPacket, packet);
	const CtfFile *file = &g_array_index(stream->files, CtfFile, p->file);
	if (shows_packet(printer, stream->stream_class))
		print_packet(printer, &printer->sources[stream->trace->index], stream, packet, file->map + p->offset,
		             object);
}

/* JSON has the packet's processor only. */
static void render_cpu(CliPrinter *printer, Lane *lane, const CtfPacket *packet)
{
	char text[32] = "";
	if (packet->cpu >= 0)
		g_snprintf(text, sizeof(text), ",\"cpu\":%d", (int)packet->cpu);
	set_text(printer, lane, text, strlen(text));
}

static void enter_packet(CliPrinter *printer, Source *source, const CtfStream *stream, Lane *lane, const guint8 *base,
                         guint32 packet)
{
	lane->packet = packet;
	if (printer->options.json)
		render_cpu(printer, lane, &g_array_index(stream->packets, CtfPacket, packet));
	else if (shows_packet(printer, stream->stream_class))
		render_packet(printer, source, stream, lane, base);
}

/* ---- Events ---------------------------------------------------------------------------------------------------- */

static void append_json_head(GString *s, const CtfTrace *trace, const CtfEventClass *ec)
{
	g_string_append(s, ec->stream_class->clock ? ",\"machine\":" : "\"machine\":");
	cli_append_quoted(s, cli_machine_name(trace), TRUE);
}

/* A class is loaded by the time its first event is handed out. */
static void make_class(CliPrinter *printer, const CtfTrace *trace, Class *class, const CtfEventClass *ec)
{
	g_autoptr(GString) head = g_string_new(NULL);
	if (printer->options.json) {
		append_json_head(head, trace, ec);
		class->plan = json_plan(printer, ec);
	} else {
		cli_append_head(head, &printer->options, trace, ec);
		class->plan = text_plan(printer, ec, shows_packet(printer, ec->stream_class));
	}
	class->head_len = head->len;
	class->head = g_malloc0(head->len + CLI_LITERAL_PAD);
	memcpy(class->head, head->str, head->len);
	cli_out_want(printer->out, 2 * (class->plan.room + head->len) + ROOM_APART);
}

static char *put_time(CliPrinter *printer, const CtfStream *stream, const guint8 *base, const CtfRecord *record,
                      char *p)
{
	const CliPrintOptions *o = &printer->options;
	if (!stream->stream_class->clock)
		return o->json ? cli_put_literal(p, "{\0             ", 1) : p;
	if (o->json)
		return cli_put_i64(cli_put_literal(p, "{\"time\":\0      ", 8), record->time);
	guint64 cycles = o->clock_cycles ? cli_record_cycles(stream, base, record, printer->slots) : 0;
	return cli_put_head(p, &printer->clock, o, record->time, cycles);
}

/* Nothing is printed of an event whose packet changed under the reader's feet. */
void cli_printer_event(CliPrinter *printer, const CtfStream *stream, const guint8 *base, const CtfRecord *record)
{
	CliOut *out = printer->out;
	Source *source = &printer->sources[stream->trace->index];
	Lane *lane = &source->lanes[stream->index];
	Class *class = &source->classes[record->event];
	CliRun run = {.out = out, .json = printer->options.json};
	if (G_UNLIKELY(!class->head))
		make_class(printer, source->trace, class,
		           g_ptr_array_index(source->trace->metadata->events, record->event));
	if (printer->stale)
		run.stale = cli_stale_next(printer->stale, stream, record);
	if (G_UNLIKELY(lane->packet != record->packet))
		enter_packet(printer, source, stream, lane, base, record->packet);
	cli_out_reserve(out, CLI_HEAD_MAX + class->head_len + lane->text_len + class->plan.room);
	char *p = put_time(printer, stream, base, record, out->p);
	p = cli_put_literal(p, class->head, class->head_len);
	p = cli_put_literal(p, lane->text, lane->text_len);
	ctf_cursor_event(&run.cursor, stream, base, record, printer->slots);
	p = cli_run_plan(&run, &class->plan, p, 1);
	if (G_UNLIKELY(run.cursor.failed))
		*p++ = '\n';
	out->p = p;
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */

static void open_source(Source *source, const CtfTrace *trace)
{
	source->trace = trace;
	source->lanes = g_new0(Lane, trace->streams->len + 1);
	source->classes = g_new0(Class, trace->metadata->events->len + 1);
	source->packets = g_new0(CliPlan, trace->metadata->stream_classes->len + 1);
	for (guint i = 0; i < trace->streams->len; i++)
		source->lanes[i].packet = G_MAXUINT32;
}

static void close_source(Source *source)
{
	if (!source->trace)
		return;
	for (guint i = 0; i < source->trace->streams->len; i++)
		g_free(source->lanes[i].text);
	for (guint i = 0; i < source->trace->metadata->events->len; i++)
		g_free(source->classes[i].head);
	g_free(source->lanes);
	g_free(source->classes);
	g_free(source->packets);
}

CliPrinter *cli_printer_new(const CliPrintOptions *options, GPtrArray *traces, CliOut *out)
{
	CliPrinter *printer = g_new0(CliPrinter, 1);
	printer->options = *options;
	printer->out = out;
	cli_out_init(&printer->memory, -1);
	cli_clock_state_init(&printer->clock);
	printer->stale = options->stale_strings ? cli_stale_new(traces, pass_empty_packet, printer) : NULL;
	printer->owned = g_ptr_array_new_with_free_func(g_free);
	printer->enums = g_ptr_array_new_with_free_func(cli_enum_free);
	for (guint i = 0; i < traces->len; i++)
		printer->n_sources = MAX(printer->n_sources, ((CtfTrace *)traces->pdata[i])->index + 1);
	printer->sources = g_new0(Source, printer->n_sources + 1);
	for (guint i = 0; i < traces->len; i++)
		open_source(&printer->sources[((CtfTrace *)traces->pdata[i])->index], traces->pdata[i]);
	return printer;
}

void cli_printer_free(CliPrinter *printer)
{
	if (!printer)
		return;
	for (guint i = 0; i < printer->n_sources; i++)
		close_source(&printer->sources[i]);
	g_free(printer->sources);
	cli_stale_free(printer->stale);
	g_ptr_array_unref(printer->owned);
	g_ptr_array_unref(printer->enums);
	cli_out_finish(&printer->memory);
	g_free(printer);
}

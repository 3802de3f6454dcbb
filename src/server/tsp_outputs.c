/* SPDX-License-Identifier: MIT */
/* tsp_outputs.c: the table of outputs, and how they are asked. */
#include <string.h>

#include "kernel/flow.h"
#include "kernel/irq.h"
#include "kvm/guests.h"
#include "kvm/rows.h"
#include "server/tsp_table.h"

#define API "/tsp/api/experiments/*/outputs"

/* ---- The table ------------------------------------------------------------------------------------------------------------------- */

#define KINDS(...) (const char *const[]){__VA_ARGS__, NULL}

static gboolean has_rows(const ServerExperiment *e, const TspOutput *o)
{
	const AnalysisStore *s = server_store(e);

	for (guint i = 0; s && i < s->traces->len; i++) {
		const History *h = tsp_trace(s, i)->history;

		for (guint32 row = 0; row < history_n_rows(h); row++)
			if (g_strv_contains(o->kinds, history_kind_name(h, history_row_kind(h, row))))
				return TRUE;
	}
	return FALSE;
}

static gboolean has_findings(const ServerExperiment *e)
{
	return server_findings(e) != NULL;
}

static gboolean has_layers(const ServerExperiment *e, const TspOutput *o)
{
	const AnalysisStore *s = server_store(e);

	return s && s->layers;
}

/* clang-format off */
static const TspSeries
	disk_bytes = {"disk", NULL, KINDS("machine", "name"), KINDS("read_bytes", "written_bytes"), "process", TSP_PER_SECOND, "B/s"},
	net_bytes = {"net", NULL, KINDS("machine", "name"), KINDS("in_bytes", "out_bytes"), "service", TSP_PER_SECOND, "B/s"},
	exits = {"exits", "reason", KINDS("machine", "vm_pid", "level", "reason"), KINDS("count"), NULL, TSP_PER_SECOND, "1/s"},
	irqs = {"irqs", NULL, KINDS("machine", "kind", "name"), KINDS("total_ns"), NULL, TSP_PERCENT, "%"},
	waits = {"waits", NULL, KINDS("machine", "vm", "vcpu", "reason"), KINDS("total_ns"), NULL, TSP_PERCENT_ENDED, "%"},
	requests = {"requests", NULL, KINDS("machine", "side", "process", "port"), KINDS("mean_ns"), NULL, TSP_AS_IT_IS, "ns"},
	requests_many = {"requests", NULL, KINDS("machine", "side", "process", "port"), KINDS("count"), NULL, TSP_PER_SECOND, "1/s"};

#define TIME_GRAPH(id, name, description, ...) {id, name, description, "TIME_GRAPH", &tsp_rows_provider, KINDS(__VA_ARGS__), NULL, has_rows, NULL, NULL}
#define SHARE(id, name, description, kind, ...) {id, name, description, "TREE_TIME_XY", &tsp_share_provider, KINDS(kind), KINDS(__VA_ARGS__), has_rows, NULL, NULL}
#define SERIES(id, name, description, series) {id, name, description, "TREE_TIME_XY", &tsp_series_provider, NULL, series, NULL, NULL, NULL}
#define DENSITY(id, name, description, series) {id, name, description, "TREE_GENERIC_XY", &tsp_density_provider, NULL, series, NULL, NULL, NULL}

static const TspOutput outputs[] = {
	{"strata.findings", "Findings", "What made it slow: who suffered, from whom, and when", "TIME_GRAPH", &tsp_findings_provider, NULL, NULL, NULL, NULL, has_findings},
	TIME_GRAPH("strata.layers", "All levels", "Virtual processors, processors, threads, disks and interrupts of every machine",
		   KVM_ROW_KIND, KVM_L2_ROW_KIND, KERNEL_CPU_ROW_KIND, KERNEL_THREAD_ROW_KIND, "disk", KERNEL_IRQ_ROW_KIND),
	TIME_GRAPH("strata.vcpus", "Virtual processors", "What each vCPU did, by level", KVM_ROW_KIND, KVM_L2_ROW_KIND),
	TIME_GRAPH("strata.cpus", "Processors", "What each processor did; a guest's with what the levels below it took", KERNEL_CPU_ROW_KIND),
	TIME_GRAPH("strata.threads", "Threads", "What each thread really did, with what the levels below it took, and why it was blocked", KERNEL_THREAD_ROW_KIND),
	{"strata.threads.alone", "Threads, as their machine saw them", "The same without what levels below took", "TIME_GRAPH", &tsp_rows_provider, KINDS(KERNEL_THREAD_ROW_KIND), "alone", has_layers, NULL, NULL},
	TIME_GRAPH("strata.disks", "Disks", "How many requests each disk's driver had", "disk"),
	TIME_GRAPH("strata.irqs", "Interrupts", "When handlers of interrupts and softirqs ran", KERNEL_IRQ_ROW_KIND),
	TIME_GRAPH("strata.guests", "Processes in VMs without a trace", "Told apart by their page tables", KVM_GUEST_ROW_KIND),
	TIME_GRAPH("strata.power", "Power states", "Frequency and idle states of processors", KERNEL_FREQUENCY_ROW_KIND, KERNEL_IDLE_ROW_KIND),
	TIME_GRAPH("strata.spans", "Spans", "Pieces of work in user space", "span"),
	{"strata.critical-path", "Critical path", "What made a thread's time as long as it was; without a setting, of the busiest thread at the highest level", "TIME_GRAPH", &tsp_path_provider, NULL, NULL, NULL, "strata.thread", NULL},
	{"strata.critical-path.flame", "Critical path, added up", "The same as a flame graph: by thread, state and detail", "GANTT_CHART", &tsp_flame_provider, NULL, NULL, NULL, "strata.thread", NULL},
	/* By this name viewers know what to show above all charts. */
	{"org.eclipse.tracecompass.internal.tmf.core.histogram.HistogramDataProvider", "Histogram", "Events over time", "TREE_TIME_XY", &tsp_histogram_provider, NULL, NULL, NULL, NULL, tsp_has_events},
	SHARE("strata.cpus.busy", "Processor usage", "Share of time in which each processor did anything", KERNEL_CPU_ROW_KIND,
	      "running", "user", "syscall", "kthread", "irq", "softirq", "guest", "hypervisor"),
	SHARE("strata.vcpus.guest", "Virtual processor usage", "Share of time in which each vCPU ran its guest", KVM_ROW_KIND, "guest-l1", "guest-l2", "running"),
	SHARE("strata.vcpus.starved", "Virtual processors without a processor", "Share of time in which each vCPU wanted to run and could not", KVM_ROW_KIND, "preempted", "wait-cpu", "throttled", "steal"),
	SERIES("strata.exits.rate", "VM exits", "How many a second, by reason and level", &exits),
	SERIES("strata.waits.share", "Waits of virtual processors", "Share of time for which each vCPU slept, by reason", &waits),
	SERIES("strata.disks.bytes", "Disk traffic", "Bytes a second", &disk_bytes),
	SERIES("strata.net.bytes", "Network traffic", "Bytes a second", &net_bytes),
	SERIES("strata.irqs.share", "Time of interrupts", "Share of a processor, by handler", &irqs),
	SERIES("strata.requests.time", "Time of requests", "Mean time from a request to its answer", &requests),
	SERIES("strata.requests.rate", "Requests", "How many a second", &requests_many),
	DENSITY("strata.requests.density", "How long requests took", "How many took how long", &requests),
	DENSITY("strata.exits.density", "How long exits took", "How many took how long, by reason", &exits),
	DENSITY("strata.disks.density", "How long disk requests took", "How many took how long", &disk_bytes),
	{"strata.statistics", "Statistics", "Events by name", "DATA_TREE", &tsp_statistics_provider, NULL, NULL, NULL, NULL, NULL},
	{"strata.events", "Events", "All events of all machines, in order", "TABLE", &tsp_events_provider, NULL, NULL, NULL, NULL, tsp_has_events},
};
/* clang-format on */

/* Questions that need more than a range to be answered, or have an output of their own. */
static const char *const not_tables[] = {"critical-path", "spans", "states", NULL};

/* Every other question to the histories is a data tree. */
static GArray *all_outputs(void)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(TspOutput));

	g_array_append_vals(all, outputs, G_N_ELEMENTS(outputs));
	for (guint i = 0; i < analysis_n_questions(); i++) {
		const AnalysisQuestion *q = analysis_question(i);
		TspOutput o = {.description = q->summary, .type = "DATA_TREE", .provider = &tsp_data_provider, .detail = q};

		if (g_strv_contains(not_tables, q->name))
			continue;
		o.id = g_strconcat("strata.table.", q->name, NULL);
		o.name = g_strdup_printf("Table: %s", q->name);
		g_array_append_val(all, o);
	}
	return all;
}

/* Made once; it lives for ever. */
static const GArray *known_outputs(void)
{
	static GArray *known;

	if (g_once_init_enter(&known))
		g_once_init_leave(&known, all_outputs());
	return known;
}

guint tsp_n_outputs(void)
{
	return known_outputs()->len;
}

const TspOutput *tsp_output(guint i)
{
	return &g_array_index(known_outputs(), TspOutput, i);
}

const TspOutput *tsp_find_output(const char *id)
{
	for (guint i = 0; i < tsp_n_outputs(); i++)
		if (strcmp(tsp_output(i)->id, id) == 0)
			return tsp_output(i);
	return NULL;
}

/* ---- Descriptions ------------------------------------------------------------------------------------------------------------------ */

static void put_capabilities(StJson *json, gboolean creates, gboolean deletes)
{
	st_json_key(json, "capabilities");
	st_json_begin_object(json);
	st_json_member_bool(json, "canCreate", creates);
	st_json_member_bool(json, "canDelete", deletes);
	st_json_end(json);
}

static void put_output(StJson *json, const TspOutput *o)
{
	st_json_begin_object(json);
	st_json_member_string(json, "id", o->id);
	st_json_member_string(json, "name", o->name);
	st_json_member_string(json, "description", o->description);
	st_json_member_string(json, "type", o->type);
	put_capabilities(json, o->configuration != NULL, FALSE);
	st_json_end(json);
}

void tsp_put_derived(StJson *json, const TspDerived *d)
{
	st_json_begin_object(json);
	st_json_member_string(json, "id", d->id);
	st_json_member_string(json, "parentId", d->base->id);
	st_json_member_string(json, "name", d->name);
	st_json_member_string(json, "description", d->base->description);
	st_json_member_string(json, "type", d->base->type);
	st_json_key(json, "configuration");
	tsp_put_configuration(json, d);
	put_capabilities(json, FALSE, TRUE);
	st_json_end(json);
}

/* Before the analysis is done nobody knows what there will be: all of them are shown. */
static gboolean is_there(const ServerExperiment *e, const TspOutput *o)
{
	return !o->is_there || server_phase(e) == SERVER_ANALYSING || o->is_there(e, o);
}

static gboolean get_outputs(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);
	g_autoptr(GPtrArray) derived = e ? tsp_derived_all(e) : NULL;

	if (!e)
		return FALSE;
	StJson *json = server_reply_json(reply);
	st_json_begin_array(json);
	for (guint i = 0; i < tsp_n_outputs(); i++)
		if (is_there(e, tsp_output(i)))
			put_output(json, tsp_output(i));
	for (guint i = 0; i < derived->len; i++)
		tsp_put_derived(json, derived->pdata[i]);
	st_json_end(json);
	return TRUE;
}

static gboolean get_output(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);
	const char *id = server_part(request, 1);
	const TspOutput *o = tsp_find_output(id);
	g_autoptr(TspDerived) derived = e ? tsp_derived_find(e, id) : NULL;

	if (!e)
		return FALSE;
	if (!o && !derived)
		return tsp_no_such(reply, "output", id);
	if (o)
		put_output(server_reply_json(reply), o);
	else
		tsp_put_derived(server_reply_json(reply), derived);
	return TRUE;
}

/* ---- Questions ------------------------------------------------------------------------------------------------------------------------ */

/* What may be asked, by the parts of the path before and behind the output's id. */
typedef struct {
	gsize answer;          /* offset in TspProvider */
	const char *empty;     /* the model while the analysis runs */
	gboolean is_optional;  /* whoever has no answer has an empty one */
	gboolean needs_nothing; /* it can be answered before the analysis */
	gboolean is_fleeting;  /* it is asked wherever the mouse rests: never kept */
} Question;

static void end_answer(StJson *json, const char *status, const char *message)
{
	st_json_member_string(json, "status", status);
	st_json_member_string(json, "statusMessage", message);
	st_json_end(json);
}

/* Analysis runs, or failed: a tree is asked for again until it does not say RUNNING. */
static gboolean answer_unready(TspCall *call, const Question *question)
{
	gboolean failed = server_phase(call->experiment) == SERVER_FAILED;
	g_autofree char *failure = server_failure(call->experiment);
	GString *out = server_reply_bytes(call->reply, "application/json");

	g_string_append_printf(out, "{\"model\":%s,", question->empty);
	g_autoptr(GString) rest = g_string_new(NULL);
	g_autoptr(StJson) json = st_json_new_string(rest, ST_JSON_COMPACT);
	st_json_begin_object(json);
	end_answer(json, failed ? "FAILED" : "RUNNING", failed ? (failure ? failure : "The analysis failed") : "The traces are being analysed");
	g_string_append(out, rest->str + 1);
	return TRUE;
}

static gboolean answer_empty(TspCall *call, const Question *question)
{
	g_string_append_printf(server_reply_bytes(call->reply, "application/json"), "{\"model\":%s,\"status\":\"COMPLETED\",\"statusMessage\":\"Completed\"}", question->empty);
	return TRUE;
}

void tsp_stream(TspCall *call, ServerMore more, gpointer state, GDestroyNotify free_state)
{
	call->json = NULL;
	server_reply_stream(call->reply, "application/json", more, state, free_state);
}

static gboolean answer(TspCall *call, TspAnswer function, GError **error)
{
	StJson *json = call->json = server_reply_json(call->reply);

	st_json_begin_object(json);
	st_json_key(json, "model");
	if (!function(call, error))
		return FALSE;
	if (call->json)
		end_answer(json, "COMPLETED", "Completed");
	return TRUE;
}

/* An answer on its way into what is kept. */
typedef struct {
	TspCall *call;
	TspAnswer function;
} Making;

static gpointer make_answer(gpointer user, gsize *bytes_out, GError **error)
{
	Making *m = user;

	return answer(m->call, m->function, error) ? server_answer_new(m->call->reply, bytes_out) : NULL;
}

/* What an answer depends on, and nothing else. The caller frees. */
static char *key_of(const TspCall *call, const Question *question)
{
	char *parameters = call->query->parameters ? json_dumps(call->query->parameters, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
	char *key = g_strdup_printf("answer %" G_GSIZE_FORMAT "\n%s\n%s\n%s", question->answer, call->output->id, call->setting ? call->setting : "", parameters ? parameters : "");

	free(parameters);
	return key;
}

static gboolean answer_kept(TspCall *call, const Question *question, TspAnswer function, GError **error)
{
	Making making = {call, function};
	g_autofree char *key = key_of(call, question);
	g_autoptr(ServerKept) kept = server_keep_get(server_experiment_keep(call->experiment), key, make_answer, server_answer_free, &making, error);

	if (kept)
		server_reply_answer(call->reply, server_kept_value(kept));
	return kept != NULL;
}

static gboolean is_ready(const TspCall *call, const Question *question)
{
	if (question->needs_nothing)
		return TRUE;
	return call->output->ready ? call->output->ready(call->experiment) : call->store != NULL;
}

static gboolean ask(ServerRequest *request, ServerReply *reply, const Question *question, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);
	const char *id = server_part(request, 1);
	g_autoptr(TspDerived) derived = e ? tsp_derived_find(e, id) : NULL;
	TspCall call = {.request = request, .reply = reply, .experiment = e, .store = e ? server_store(e) : NULL};
	g_autoptr(TspQuery) query = e ? tsp_query_new(request, error) : NULL;

	if (!query)
		return FALSE;
	call.query = query;
	call.output = derived ? derived->base : tsp_find_output(id);
	call.setting = derived ? derived->setting : NULL;
	if (!call.output)
		return tsp_no_such(reply, "output", id);
	TspAnswer function = G_STRUCT_MEMBER(TspAnswer, call.output->provider, question->answer);
	if (!function && !question->is_optional)
		return server_refuse(reply, MHD_HTTP_NOT_FOUND, "Not of this output", "%s is of type %s: it has no answer to this", id, call.output->type);
	if (!function)
		return answer_empty(&call, question);
	if (!is_ready(&call, question))
		return answer_unready(&call, question);
	gboolean keeps = call.output->provider->keeps && !question->needs_nothing && !question->is_fleeting;
	return keeps ? answer_kept(&call, question, function, error) : answer(&call, function, error);
}

#define EMPTY_TREE "{\"entries\":[],\"headers\":[]}"
#define QUESTION(name, member, ...)                                                                                                        \
	static gboolean name(ServerRequest *request, ServerReply *reply, GError **error)                                                   \
	{                                                                                                                                  \
		static const Question question = {G_STRUCT_OFFSET(TspProvider, member), __VA_ARGS__};                                      \
		return ask(request, reply, &question, error);                                                                              \
	}

QUESTION(post_tree, tree, EMPTY_TREE, FALSE, FALSE)
QUESTION(post_states, states, "{\"rows\":[]}", FALSE, FALSE)
QUESTION(post_arrows, arrows, "[]", TRUE, FALSE)
QUESTION(post_tooltip, tooltip, "{}", TRUE, FALSE, TRUE)
QUESTION(post_xy, xy, "{\"title\":\"\",\"series\":[]}", FALSE, FALSE)
QUESTION(post_columns, columns, "[]", FALSE, TRUE)
QUESTION(post_lines, lines, "{\"size\":0,\"lowIndex\":0,\"columnIds\":[],\"lines\":[]}", FALSE, FALSE)
QUESTION(post_style, style, "{\"styles\":{}}", TRUE, TRUE)

const ServerRoute tsp_output_routes[] = {
	{"GET", API, get_outputs},
	{"GET", API "/markerSets", tsp_get_marker_sets},
	{"GET", API "/*", get_output},
	{"POST", API "/*/style", post_style},
	{"GET", API "/*/annotations", tsp_get_annotations},
	{"POST", API "/*/annotations", tsp_post_annotations},
	{"POST", API "/timeGraph/*/tree", post_tree},
	{"POST", API "/timeGraph/*/states", post_states},
	{"POST", API "/timeGraph/*/arrows", post_arrows},
	{"POST", API "/timeGraph/*/tooltip", post_tooltip},
	{"POST", API "/XY/*/tree", post_tree},
	{"POST", API "/XY/*/xy", post_xy},
	{"POST", API "/genericXY/*/tree", post_tree},
	{"POST", API "/genericXY/*/xy", post_xy},
	{"POST", API "/data/*/tree", post_tree},
	{"POST", API "/table/*/columns", post_columns},
	{"POST", API "/table/*/lines", post_lines},
	{NULL, NULL, NULL},
};

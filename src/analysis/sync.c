/* SPDX-License-Identifier: MIT */
/*
 * How the machines' clocks were aligned: for each machine in whose VM it runs, and for each stretch of its time the line that leads to the other clock, with its bound.
 *
 * Programs get "pairs" (a pair of clocks for a stretch of time; a machine that could not be placed is one without a parent) and "machines".
 */
#include "analysis/commands.h"

typedef struct {
	const AnalysisStore *store;
	const Experiment *experiment;
	const char **traces;  /* directory by member */
} Sync;

/* ---- What there is ---------------------------------------------------------------------------------------------------- */

static void find_traces(Sync *s)
{
	for (guint i = 0; i < s->store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->store->traces, i);

		if (t->is_kernel && t->member != EXPERIMENT_NONE)
			s->traces[t->member] = t->trace->path;
	}
}

/* The other machine of a pair: whose VM it is, or whose clock its own was compared with. */
static const char *name_of(const Sync *s, guint member)
{
	return member == EXPERIMENT_NONE ? NULL : experiment_member(s->experiment, member)->name;
}

/* "containment, packets". The caller frees. */
static char *methods_of(const ExperimentMember *m)
{
	g_autoptr(GString) all = g_string_new(NULL);

	for (guint i = 0; i < EXPERIMENT_METHOD_COUNT; i++)
		if (m->methods >> i & 1)
			g_string_append_printf(all, "%s%s", all->len ? ", " : "", experiment_method_name((ExperimentMethod)i));
	return all->len ? g_string_free(g_steal_pointer(&all), FALSE) : NULL;
}

/* How many lines a member has in the output: one for each clock, or one without. */
static guint lines_of(const ExperimentMember *m)
{
	return MAX(m->clocks->len, 1);
}

static const ExperimentClock *clock_of(const ExperimentMember *m, guint i)
{
	return i < m->clocks->len ? &g_array_index(m->clocks, ExperimentClock, i) : NULL;
}

/* From when a clock is valid: the first one from the trace's begin on. */
static gint64 from_of(const ExperimentMember *m, guint i)
{
	return i ? g_array_index(m->clocks, ExperimentClock, i).from_ns : history_begin(m->history);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */

static void json_vm(const Sync *s, StJson *json, const ExperimentMember *m)
{
	st_json_member_string(json, "parent", name_of(s, m->parent));
	if (m->parent != EXPERIMENT_NONE && m->vm_pid >= 0)
		st_json_member_int(json, "vm_pid", m->vm_pid);
	else
		st_json_member_null(json, "vm_pid");
	st_json_member_bool(json, "nested", m->l2 != EXPERIMENT_NONE);
	st_json_member_int(json, "level", m->level);
	st_json_member_string(json, "clock_of", name_of(s, m->clock_of));
}

static void json_clock(StJson *json, const ExperimentClock *c)
{
	st_json_member_int(json, "ref_ns", c->ref_ns);
	st_json_member_int(json, "offset_ns", c->offset_ns);
	st_json_member_double(json, "drift", c->drift);
	st_json_member_double(json, "drift_bound", c->drift_bound);
	st_json_member_int(json, "bound_ns", c->bound_ns);
	st_json_member_uint(json, "constraints", c->constraints);
	st_json_member_uint(json, "contradictions", c->contradictions);
}

static void json_no_clock(StJson *json)
{
	static const char *const names[] = {"ref_ns", "offset_ns", "drift", "drift_bound", "bound_ns", "constraints", "contradictions"};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		st_json_member_null(json, names[i]);
}

static void json_pair(const Sync *s, StJson *json, guint member, guint i)
{
	const ExperimentMember *m = experiment_member(s->experiment, member);
	g_autofree char *methods = methods_of(m);

	st_json_begin_inline_object(json);
	st_json_member_string(json, "trace", s->traces[member]);
	st_json_member_string(json, "machine", m->name);
	json_vm(s, json, m);
	st_json_member_int(json, "from_ns", from_of(m, i));
	if (clock_of(m, i))
		json_clock(json, clock_of(m, i));
	else
		json_no_clock(json);
	st_json_member_string(json, "method", methods);
	st_json_member_string(json, "problem", m->problem);
	st_json_end(json);
}

static void json_machine(const Sync *s, StJson *json, guint member)
{
	const ExperimentMember *m = experiment_member(s->experiment, member);

	st_json_begin_inline_object(json);
	st_json_member_string(json, "name", m->name);
	st_json_member_string(json, "trace", s->traces[member]);
	json_vm(s, json, m);
	st_json_member_bool(json, "aligned", experiment_is_aligned(s->experiment, member));
	st_json_member_int(json, "bound_to_root_ns", experiment_bound(s->experiment, member));
	st_json_member_string(json, "problem", m->problem);
	st_json_end(json);
}

/* A root without a problem is no pair. */
static gboolean is_pair(const ExperimentMember *m)
{
	return m->parent != EXPERIMENT_NONE || m->clocks->len || m->problem;
}

static gboolean write_json(const Sync *s, FILE *out, GError **error)
{
	g_autoptr(StJson) json = st_json_new_file(out, ST_JSON_INDENT);

	st_json_begin_object(json);
	st_json_member_string(json, "schema", "strata/sync/1");
	st_json_member_string(json, "root", s->experiment->members->len ? name_of(s, s->experiment->root) : NULL);
	st_json_key(json, "machines");
	st_json_begin_array(json);
	for (guint i = 0; i < s->experiment->members->len; i++)
		json_machine(s, json, i);
	st_json_end(json);
	st_json_key(json, "pairs");
	st_json_begin_array(json);
	for (guint i = 0; i < s->experiment->members->len; i++) {
		const ExperimentMember *m = experiment_member(s->experiment, i);

		for (guint k = 0; k < lines_of(m) && is_pair(m); k++)
			json_pair(s, json, i, k);
	}
	st_json_end(json);
	st_json_end(json);
	return st_json_finish(json, error);
}

/* ---- Text and CSV ------------------------------------------------------------------------------------------------------ */

typedef struct {
	View *view;
	guint trace, machine, level, parent, vm, from, ref, offset, drift, ppm, drift_bound, bound, constraints, contradictions, method, problem;
} Columns;

static guint hidden(View *v, guint column)
{
	view_hide_from_text(v, column);
	return column;
}

static void add_columns(Columns *c, gboolean pieces, gboolean problems)
{
	View *v = c->view;

	c->machine = view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	c->trace = hidden(v, view_add_column(v, "trace", "TRACE", VIEW_TEXT));
	c->level = view_add_column(v, "level", "LEVEL", VIEW_ID);
	c->parent = view_add_column(v, "parent", "PARENT", VIEW_TEXT);
	c->vm = view_add_column(v, "vm_pid", "VM", VIEW_ID);
	c->from = view_add_column(v, "from_ns", "FROM", VIEW_TIME_NS);
	if (!pieces)
		view_hide_from_text(v, c->from);
	c->ref = hidden(v, view_add_column(v, "ref_ns", "AT", VIEW_TIME_NS));
	c->offset = view_add_column(v, "offset_ns", "OFFSET", VIEW_NS);
	c->drift = hidden(v, view_add_column(v, "drift", "DRIFT", VIEW_NUMBER));
	c->ppm = view_add_column(v, "drift_ppm", "DRIFT PPM", VIEW_TEXT);
	view_set_align(v, c->ppm, VIEW_ALIGN_RIGHT);
	c->drift_bound = hidden(v, view_add_column(v, "drift_bound", "DRIFT BOUND", VIEW_NUMBER));
	c->bound = view_add_column(v, "bound_ns", "BOUND", VIEW_NS);
	c->constraints = view_add_column(v, "constraints", "EVENTS", VIEW_COUNT);
	c->contradictions = view_add_column(v, "contradictions", "AGAINST", VIEW_COUNT);
	c->method = view_add_column(v, "method", "METHOD", VIEW_TEXT);
	c->problem = view_add_column(v, "problem", "PROBLEM", VIEW_TEXT);
	if (!problems)
		view_hide_from_text(v, c->problem);
}

static void set_clock(const Columns *c, const ExperimentClock *clock)
{
	View *v = c->view;

	view_set_int(v, c->ref, clock->ref_ns);
	view_set_int(v, c->offset, clock->offset_ns);
	view_set_double(v, c->drift, clock->drift);
	view_set_textf(v, c->ppm, "%+.3f", clock->drift * 1e6);
	view_set_double(v, c->drift_bound, clock->drift_bound);
	view_set_int(v, c->bound, clock->bound_ns);
	view_set_uint(v, c->constraints, clock->constraints);
	view_set_uint(v, c->contradictions, clock->contradictions);
}

static void add_row(const Columns *c, const Sync *s, guint member, guint i)
{
	const ExperimentMember *m = experiment_member(s->experiment, member);
	g_autofree char *methods = methods_of(m);

	view_begin_row(c->view);
	view_set_text(c->view, c->trace, s->traces[member]);
	view_set_text(c->view, c->machine, m->name);
	if (m->level >= 0)
		view_set_int(c->view, c->level, m->level);
	view_set_text(c->view, c->parent, name_of(s, m->parent));
	if (m->parent != EXPERIMENT_NONE && m->vm_pid >= 0)
		view_set_int(c->view, c->vm, m->vm_pid);
	if (is_pair(m))
		view_set_int(c->view, c->from, from_of(m, i));
	if (clock_of(m, i))
		set_clock(c, clock_of(m, i));
	view_set_text(c->view, c->method, methods);
	view_set_text(c->view, c->problem, m->problem);
}

static void add_notes(const Columns *c, const Sync *s)
{
	const Experiment *e = s->experiment;

	if (e->members->len < 2)
		return;
	view_add_note(c->view, "A machine's time plus OFFSET is its PARENT's, right within BOUND. All commands show times in the clock of %s.", name_of(s, e->root));
	for (guint i = 0; i < e->members->len; i++) {
		const ExperimentMember *m = experiment_member(e, i);

		if (m->l2 != EXPERIMENT_NONE)
			view_add_note(c->view, "%s runs in a VM nested in VM %d of %s; that VM's own trace is not here.", m->name, m->vm_pid, name_of(s, m->parent));
		if (m->clock_of != m->parent && m->clock_of != EXPERIMENT_NONE)
			view_add_note(c->view, "The clock of %s was compared with that of %s: its OFFSET leads there.", m->name, name_of(s, m->clock_of));
		if (!experiment_is_aligned(e, i))
			view_add_note(c->view, "The clock of %s is not aligned with that of %s: its times are its own.", m->name, name_of(s, e->root));
	}
}

static gboolean write_view(const Sync *s, ViewFormat format, FILE *out, GError **error)
{
	g_autoptr(View) view = view_new("sync", "Clocks");
	Columns c = {.view = view};
	gboolean pieces = FALSE, problems = FALSE;

	for (guint i = 0; i < s->experiment->members->len; i++) {
		pieces |= experiment_member(s->experiment, i)->clocks->len > 1;
		problems |= experiment_member(s->experiment, i)->problem != NULL;
	}
	add_columns(&c, pieces, problems);
	for (guint i = 0; i < s->experiment->members->len; i++)
		for (guint k = 0; k < lines_of(experiment_member(s->experiment, i)); k++)
			add_row(&c, s, i, k);
	add_notes(&c, s);
	view_set_empty_text(view, "There is no kernel's trace.");
	return view_render(view, format, out, error);
}

gboolean analysis_sync(const AnalysisStore *store, const AnalysisQuery *q, ViewFormat format, FILE *out, GError **error)
{
	g_autofree const char **traces = g_new0(const char *, store->experiment->members->len + 1);
	Sync s = {store, store->experiment, traces};

	find_traces(&s);
	return format == VIEW_FORMAT_JSON ? write_json(&s, out, error) : write_view(&s, format, out, error);
}

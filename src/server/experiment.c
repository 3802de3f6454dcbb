/* SPDX-License-Identifier: MIT */
/* experiment.c: traces that are looked at together: analysed on a thread of its own, step by step, each step's result published when it is there. */
#include <string.h>

#include "server/events.h"
#include "server/experiment.h"
#include "server/http.h"

struct ServerExperiment {
	gint references;        /* atomic */
	const ServerOptions *options;
	ServerWork *work;
	char *name, *uuid;
	GPtrArray *traces;      /* ServerTrace */
	GPtrArray *opened;      /* CtfTrace; NULL: not yet */
	StWarnings *warnings;
	gint phase;             /* atomic: ServerPhase */
	gint permille;          /* atomic: progress */
	AnalysisStore *store;   /* atomic, as the next */
	Diagnose *findings;
	ServerEvents *events;
	ServerKeep *keep;
	GMutex lock;
	char *failure;          /* under the lock, as the next */
	GPtrArray *lists[SERVER_LISTS]; /* NULL: empty */
};

/* ---- Work ---------------------------------------------------------------------------------------------------------------------- */

void server_work_init(ServerWork *w)
{
	g_mutex_init(&w->lock);
	g_cond_init(&w->done);
}

void server_work_clear(ServerWork *w)
{
	g_cond_clear(&w->done);
	g_mutex_clear(&w->lock);
}

static void change(ServerWork *w, gint by)
{
	g_mutex_lock(&w->lock);
	w->running = (guint)((gint)w->running + by);
	g_cond_broadcast(&w->done);
	g_mutex_unlock(&w->lock);
}

gboolean server_work_busy(ServerWork *w)
{
	g_mutex_lock(&w->lock);
	gboolean busy = w->running;
	g_mutex_unlock(&w->lock);
	return busy;
}

void server_work_wait(ServerWork *w)
{
	g_mutex_lock(&w->lock);
	while (w->running)
		g_cond_wait(&w->done, &w->lock);
	g_mutex_unlock(&w->lock);
}

/* ---- The analysis --------------------------------------------------------------------------------------------------------------- */

static void on_progress(gpointer user, double done)
{
	ServerExperiment *e = user;

	g_atomic_int_set(&e->permille, (gint)(CLAMP(done, 0, 1) * 1000));
}

static void fail(ServerExperiment *e, const GError *error)
{
	g_mutex_lock(&e->lock);
	e->failure = g_strdup(error->message);
	g_mutex_unlock(&e->lock);
	g_atomic_int_set(&e->phase, SERVER_FAILED);
	g_autofree char *line = g_strdup_printf("%s: %s", e->name, error->message);
	e->options->tell(line);
}

static gboolean open_traces(ServerExperiment *e, GError **error)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new();

	for (guint i = 0; !e->opened && i < e->traces->len; i++)
		g_ptr_array_add(paths, ((ServerTrace *)e->traces->pdata[i])->path);
	if (!e->opened)
		e->opened = ctf_traces_open((const char *const *)paths->pdata, paths->len, e->warnings, error);
	return e->opened != NULL;
}

/* A trace is known by its directory. */
static void publish_counts(ServerExperiment *e, const ServerEvents *events)
{
	for (guint i = 0; i < e->store->traces->len; i++) {
		const AnalysisStoreTrace *t = e->store->traces->pdata[i];
		g_autofree char *path = g_canonicalize_filename(t->trace->path, NULL);

		for (guint j = 0; j < e->traces->len; j++) {
			ServerTrace *known = e->traces->pdata[j];

			if (strcmp(known->path, path) == 0)
				g_atomic_int_set(&known->n_events, (gint)MIN(server_events_count_of(events, i), G_MAXINT));
		}
	}
}

static gboolean analyse(ServerExperiment *e, GError **error)
{
	AnalysisStoreOptions o = e->options->store;
	DiagnoseOptions d = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64};

	o.warnings = e->warnings;
	o.progress = on_progress;
	o.progress_user = e;
	if (!open_traces(e, error))
		return FALSE;
	AnalysisStore *store = analysis_store_open(e->opened, &o, error);
	if (!store)
		return FALSE;
	g_atomic_pointer_set(&e->store, store);
	on_progress(e, 1);
	g_atomic_int_set(&e->phase, SERVER_READY);
	Diagnose *findings = diagnose_new(store, &d, error);
	g_atomic_pointer_set(&e->findings, findings);
	ServerEvents *events = findings ? server_events_new(store, error) : NULL;
	if (events)
		publish_counts(e, events);
	g_atomic_pointer_set(&e->events, events);
	return events != NULL;
}

static gpointer run(gpointer data)
{
	ServerExperiment *e = data;
	ServerWork *work = e->work;
	g_autoptr(GError) error = NULL;

	if (!analyse(e, &error))
		fail(e, error);
	for (guint i = 0; i < st_warnings_count(e->warnings); i++) {
		g_autofree char *line = g_strdup_printf("warning: %s", st_warnings_get(e->warnings, i));
		e->options->tell(line);
	}
	server_experiment_unref(e);
	change(work, -1);
	return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------------------------------------------ */

static char *uuid_of(const GPtrArray *traces)
{
	g_autoptr(GString) all = g_string_new("experiment");

	for (guint i = 0; i < traces->len; i++)
		g_string_append_printf(all, " %s", ((const ServerTrace *)traces->pdata[i])->uuid);
	return server_uuid_of(all->str);
}

ServerExperiment *server_experiment_new(ServerWork *work, const ServerOptions *options, const char *name, const GPtrArray *traces, GPtrArray *opened)
{
	ServerExperiment *e = g_new0(ServerExperiment, 1);

	e->references = 2; /* one is the thread's */
	e->options = options;
	e->work = work;
	e->name = g_strdup(name);
	e->uuid = uuid_of(traces);
	e->warnings = st_warnings_new();
	e->keep = server_keep_new(SERVER_KEEP_BYTES_MAX, SERVER_KEEP_MAX);
	e->traces = g_ptr_array_new_with_free_func(server_trace_unref);
	e->opened = opened ? g_ptr_array_ref(opened) : NULL;
	g_mutex_init(&e->lock);
	for (guint i = 0; i < traces->len; i++) {
		ServerTrace *t = traces->pdata[i];

		g_atomic_int_inc(&t->references);
		g_ptr_array_add(e->traces, t);
	}
	change(work, 1);
	g_thread_unref(g_thread_new("analysis", run, e));
	return e;
}

ServerExperiment *server_experiment_ref(ServerExperiment *e)
{
	g_atomic_int_inc(&e->references);
	return e;
}

void server_experiment_unref(ServerExperiment *e)
{
	if (!e || !g_atomic_int_dec_and_test(&e->references))
		return;
	server_keep_free(e->keep); /* before what values of it point into */
	server_events_free(e->events);
	diagnose_free(e->findings);
	analysis_store_free(e->store);
	if (e->opened)
		g_ptr_array_unref(e->opened);
	g_ptr_array_unref(e->traces);
	st_warnings_free(e->warnings);
	for (guint i = 0; i < SERVER_LISTS; i++)
		if (e->lists[i])
			g_ptr_array_unref(e->lists[i]);
	g_mutex_clear(&e->lock);
	g_free(e->failure);
	g_free(e->name);
	g_free(e->uuid);
	g_free(e);
}

/* ---- Asking ------------------------------------------------------------------------------------------------------------------------ */

ServerExperiment *server_experiment(const ServerRequest *request, const char *uuid, ServerReply *reply)
{
	ServerExperiment *e = server_model_experiment(server_model(request), uuid);

	if (!e)
		server_refuse(reply, MHD_HTTP_NOT_FOUND, "No such experiment", "There is no experiment %s", uuid ? uuid : "");
	return e;
}

ServerPhase server_phase(const ServerExperiment *e)
{
	return (ServerPhase)g_atomic_int_get(&e->phase);
}

double server_progress(const ServerExperiment *e)
{
	return g_atomic_int_get(&e->permille) / 1000.0;
}

char *server_failure(const ServerExperiment *e)
{
	GMutex *lock = (GMutex *)(gsize)&e->lock;

	g_mutex_lock(lock);
	char *failure = g_strdup(e->failure);
	g_mutex_unlock(lock);
	return failure;
}

GPtrArray *server_experiment_lock(ServerExperiment *e, ServerList list, GDestroyNotify free_element, gboolean *first_out)
{
	g_mutex_lock(&e->lock);
	if (first_out)
		*first_out = !e->lists[list];
	if (!e->lists[list])
		e->lists[list] = g_ptr_array_new_with_free_func(free_element);
	return e->lists[list];
}

void server_experiment_unlock(ServerExperiment *e)
{
	g_mutex_unlock(&e->lock);
}

const char *server_experiment_name(const ServerExperiment *e)
{
	return e->name;
}

const char *server_experiment_uuid(const ServerExperiment *e)
{
	return e->uuid;
}

gboolean server_experiment_is_cached(const ServerExperiment *e)
{
	return !e->options->store.no_cache;
}

ServerKeep *server_experiment_keep(ServerExperiment *e)
{
	return e->keep;
}

const GPtrArray *server_experiment_traces(const ServerExperiment *e)
{
	return e->traces;
}

const AnalysisStore *server_store(const ServerExperiment *e)
{
	return g_atomic_pointer_get((AnalysisStore **)(gsize)&e->store);
}

const Diagnose *server_findings(const ServerExperiment *e)
{
	return g_atomic_pointer_get((Diagnose **)(gsize)&e->findings);
}

const ServerEvents *server_events(const ServerExperiment *e)
{
	return g_atomic_pointer_get((ServerEvents **)(gsize)&e->events);
}

char **server_warnings(const ServerExperiment *e)
{
	g_autoptr(GStrvBuilder) all = g_strv_builder_new();

	for (guint i = 0; i < st_warnings_count(e->warnings); i++)
		g_strv_builder_add(all, st_warnings_get(e->warnings, i));
	return g_strv_builder_end(all);
}

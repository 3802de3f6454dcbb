/* SPDX-License-Identifier: MIT */
/* model.c: which traces and experiments there are. What becomes of an experiment: experiment.c. */
#include <string.h>

#include "server/experiment.h"
#include "server/http.h"

struct ServerModel {
	const ServerOptions *options;
	GMutex lock;
	GPtrArray *traces;      /* ServerTrace */
	GPtrArray *experiments; /* ServerExperiment */
	ServerExperiment *start; /* a reference: it stays when it is closed */
	ServerWork work;
};

/* ---- Traces ----------------------------------------------------------------------------------------------------------------- */

void server_trace_unref(gpointer data)
{
	ServerTrace *t = data;

	if (!g_atomic_int_dec_and_test(&t->references))
		return;
	g_free(t->uuid);
	g_free(t->path);
	g_free(t->name);
	g_free(t);
}

static ServerTrace *trace_ref(ServerTrace *t)
{
	g_atomic_int_inc(&t->references);
	return t;
}

static gpointer copy_trace(gconstpointer trace, gpointer unused)
{
	return trace_ref((ServerTrace *)(gsize)trace);
}

static gpointer copy_experiment(gconstpointer experiment, gpointer unused)
{
	return server_experiment_ref((ServerExperiment *)(gsize)experiment);
}

static void free_experiment(gpointer e)
{
	server_experiment_unref(e);
}

char *server_uuid_of(const char *text)
{
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA1, text, -1);

	/* RFC 4122, version 5: by name. */
	return g_strdup_printf("%.8s-%.4s-5%.3s-%c%.3s-%.12s", sum, sum + 8, sum + 13, "89ab"[g_ascii_xdigit_value(sum[16]) & 3], sum + 17, sum + 20);
}

/* The machine's name, made longer by the folder where several have it. */
static char *name_of(const GPtrArray *known, const CtfTrace *trace)
{
	const char *hostname = ctf_metadata_env_text(trace->metadata, "hostname"), *domain = ctf_metadata_env_text(trace->metadata, "domain");
	g_autofree char *base = g_path_get_basename(trace->path);
	g_autofree char *plain = hostname && *hostname ? g_strdup_printf("%s/%s", hostname, domain ? domain : base) : g_strdup(base);

	for (guint i = 0; i < known->len; i++)
		if (strcmp(((const ServerTrace *)known->pdata[i])->name, plain) == 0)
			return g_strdup_printf("%s (%s)", plain, trace->path);
	return g_steal_pointer(&plain);
}

static ServerTrace *find_trace(const GPtrArray *traces, const char *uuid)
{
	for (guint i = 0; i < traces->len; i++)
		if (strcmp(((const ServerTrace *)traces->pdata[i])->uuid, uuid) == 0)
			return traces->pdata[i];
	return NULL;
}

/* The model keeps the reference that comes back. */
static ServerTrace *add_trace(ServerModel *m, const CtfTrace *trace)
{
	g_autofree char *path = g_canonicalize_filename(trace->path, NULL), *uuid = server_uuid_of(path);
	ServerTrace *t = find_trace(m->traces, uuid);

	if (t)
		return t;
	t = g_new0(ServerTrace, 1);
	t->references = 1;
	t->name = name_of(m->traces, trace);
	t->uuid = g_steal_pointer(&uuid);
	t->path = g_steal_pointer(&path);
	if (trace->begin_ns <= trace->end_ns) {
		t->begin_ns = trace->begin_ns;
		t->end_ns = trace->end_ns;
	}
	g_ptr_array_add(m->traces, t);
	return t;
}

GPtrArray *server_model_traces(ServerModel *m)
{
	g_mutex_lock(&m->lock);
	GPtrArray *all = g_ptr_array_copy(m->traces, copy_trace, NULL);
	g_mutex_unlock(&m->lock);
	g_ptr_array_set_free_func(all, server_trace_unref);
	return all;
}

/* Links are followed first: what counts is where a path leads. */
static gboolean is_below(const char *path, const char *const *folders)
{
	g_autofree char *real = realpath(path, NULL);

	for (const char *const *f = folders; real && f && *f; f++) {
		g_autofree char *folder = realpath(*f, NULL);
		gsize len = folder ? strlen(folder) : 0;

		if (len && strncmp(real, folder, len) == 0 && (!real[len] || real[len] == '/' || folder[len - 1] == '/'))
			return TRUE;
	}
	return FALSE;
}

static ServerTrace *known_trace(ServerModel *m, const char *path)
{
	g_autofree char *canonical = g_canonicalize_filename(path, NULL), *real = realpath(canonical, NULL);
	ServerTrace *found = NULL;

	g_mutex_lock(&m->lock);
	for (guint i = 0; i < m->traces->len && !found; i++) {
		ServerTrace *t = m->traces->pdata[i];
		g_autofree char *other = realpath(t->path, NULL);

		if (strcmp(t->path, canonical) == 0 || (real && other && strcmp(real, other) == 0))
			found = trace_ref(t);
	}
	g_mutex_unlock(&m->lock);
	return found;
}

ServerTrace *server_model_open_trace(ServerModel *m, const char *path, GError **error)
{
	ServerTrace *t = known_trace(m, path);

	if (t)
		return t;
	if (!is_below(path, m->options->paths)) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "%s is not below the folders that this server was started with", path);
		return NULL;
	}
	g_autoptr(CtfTrace) trace = ctf_trace_open(path, NULL, error);
	if (!trace)
		return NULL;
	g_mutex_lock(&m->lock);
	if (m->traces->len < SERVER_TRACES_MAX)
		t = trace_ref(add_trace(m, trace));
	else
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "%d traces are known already", SERVER_TRACES_MAX);
	g_mutex_unlock(&m->lock);
	return t;
}

static gboolean is_used(const ServerModel *m, const ServerTrace *t)
{
	for (guint i = 0; i < m->experiments->len; i++)
		if (g_ptr_array_find((GPtrArray *)(gsize)server_experiment_traces(m->experiments->pdata[i]), t, NULL))
			return TRUE;
	return FALSE;
}

gboolean server_model_close_trace(ServerModel *m, const char *uuid, gboolean *used_out)
{
	g_mutex_lock(&m->lock);
	ServerTrace *t = find_trace(m->traces, uuid);
	*used_out = t && is_used(m, t);
	gboolean closes = t && !*used_out;
	if (closes)
		g_ptr_array_remove(m->traces, t);
	g_mutex_unlock(&m->lock);
	return closes;
}

/* ---- Experiments ------------------------------------------------------------------------------------------------------------- */

static ServerExperiment *find_experiment(const GPtrArray *experiments, const char *uuid)
{
	for (guint i = 0; i < experiments->len; i++)
		if (strcmp(server_experiment_uuid(experiments->pdata[i]), uuid) == 0)
			return experiments->pdata[i];
	return NULL;
}

ServerExperiment *server_model_experiment(ServerModel *m, const char *uuid)
{
	g_mutex_lock(&m->lock);
	ServerExperiment *e = uuid ? find_experiment(m->experiments, uuid) : m->start;
	if (e)
		server_experiment_ref(e);
	g_mutex_unlock(&m->lock);
	return e;
}

GPtrArray *server_model_experiments(ServerModel *m)
{
	g_mutex_lock(&m->lock);
	GPtrArray *all = g_ptr_array_copy(m->experiments, copy_experiment, NULL);
	g_mutex_unlock(&m->lock);
	g_ptr_array_set_free_func(all, free_experiment);
	return all;
}

static gboolean same_traces(const ServerExperiment *e, const GPtrArray *traces)
{
	const GPtrArray *own = server_experiment_traces(e);
	guint found = 0;

	for (guint i = 0; i < own->len; i++)
		found += g_ptr_array_find((GPtrArray *)(gsize)traces, own->pdata[i], NULL);
	return found == own->len && own->len == traces->len;
}

static ServerExperiment *find_name(const ServerModel *m, const char *name)
{
	for (guint i = 0; i < m->experiments->len; i++)
		if (strcmp(server_experiment_name(m->experiments->pdata[i]), name) == 0)
			return m->experiments->pdata[i];
	return NULL;
}

/* Under the lock. Whoever opens what is open already, under whatever name, gets that: it need not be analysed again. */
static ServerExperiment *open_experiment(ServerModel *m, const char *name, GPtrArray *traces, ServerExperiment **clash_out, GError **error)
{
	for (guint i = 0; i < m->experiments->len; i++)
		if (same_traces(m->experiments->pdata[i], traces))
			return m->experiments->pdata[i];
	ServerExperiment *e = find_name(m, name);
	if (e) {
		*clash_out = server_experiment_ref(e);
		return NULL;
	}
	if (m->experiments->len == SERVER_EXPERIMENTS_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "%d experiments are open already: close one", SERVER_EXPERIMENTS_MAX);
		return NULL;
	}
	e = same_traces(m->start, traces) ? server_experiment_ref(m->start) : server_experiment_new(&m->work, m->options, name, traces, NULL);
	g_ptr_array_add(m->experiments, e);
	return e;
}

ServerExperiment *server_model_open_experiment(ServerModel *m, const char *name, GPtrArray *traces, ServerExperiment **clash_out, GError **error)
{
	*clash_out = NULL;
	g_mutex_lock(&m->lock);
	ServerExperiment *e = open_experiment(m, name, traces, clash_out, error);
	if (e)
		server_experiment_ref(e);
	g_mutex_unlock(&m->lock);
	return e;
}

ServerExperiment *server_model_close_experiment(ServerModel *m, const char *uuid)
{
	g_mutex_lock(&m->lock);
	ServerExperiment *e = find_experiment(m->experiments, uuid);
	if (e) {
		server_experiment_ref(e);
		g_ptr_array_remove(m->experiments, e);
	}
	g_mutex_unlock(&m->lock);
	return e;
}

/* ---- All of it ------------------------------------------------------------------------------------------------------------------ */

static char *start_name(const ServerOptions *o)
{
	g_autofree char *path = o->paths && o->paths[0] ? g_canonicalize_filename(o->paths[0], NULL) : g_strdup("traces");

	return g_path_get_basename(path);
}

ServerModel *server_model_new(GPtrArray *traces, const ServerOptions *options)
{
	ServerModel *m = g_new0(ServerModel, 1);
	g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(server_trace_unref);
	g_autofree char *name = start_name(options);

	m->options = options;
	g_mutex_init(&m->lock);
	server_work_init(&m->work);
	m->traces = g_ptr_array_new_with_free_func(server_trace_unref);
	m->experiments = g_ptr_array_new_with_free_func(free_experiment);
	for (guint i = 0; i < traces->len && i < SERVER_TRACES_MAX; i++)
		g_ptr_array_add(known, trace_ref(add_trace(m, traces->pdata[i])));
	m->start = server_experiment_new(&m->work, options, name, known, traces);
	g_ptr_array_add(m->experiments, server_experiment_ref(m->start));
	return m;
}

gboolean server_model_busy(ServerModel *m)
{
	return server_work_busy(&m->work);
}

void server_model_free(ServerModel *m)
{
	if (!m)
		return;
	server_work_wait(&m->work);
	server_experiment_unref(m->start);
	g_ptr_array_unref(m->experiments);
	g_ptr_array_unref(m->traces);
	server_work_clear(&m->work);
	g_mutex_clear(&m->lock);
	g_free(m);
}

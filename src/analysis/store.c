/* SPDX-License-Identifier: MIT */
/*
 * store.c: traces become histories: from the cache, or in one pass each, side by side.
 *
 * What a pass found out besides the history (warnings, how deep VMs were seen) is kept as its meta values, so that a history from the cache says the
 * same as a new one.
 */
#include "analysis/store.h"

#include <string.h>
#include <sys/stat.h>

#include "analysis/keep.h"
#include "analysis/rows.h"
#include "kvm/kvm.h"
#include "kvm/rows.h"
#include "kvm/set.h"
#include "user/user.h"

#define META_WARNINGS "warnings"

/* A trace on its way into the store. */
typedef struct {
	AnalysisStoreTrace *trace;
	TraceFacts facts;
	const AnalysisStoreOptions *options;
	struct Progress *progress;
	char *path, *fingerprint; /* of the cache; NULL: none is used */
	guint threads;
	guint64 memory;
	StWarnings *warnings;
	GError *error;
	gint64 done_ns;           /* how far the pass has come */
} Job;

typedef struct Progress {
	GMutex lock;
	const AnalysisStoreOptions *options;
	double total, done;       /* ns of all traces that are being read */
} Progress;

static void trace_free(gpointer data)
{
	AnalysisStoreTrace *t = data;

	history_free(t->history);
	g_free(t->name);
	g_free(t);
}

void analysis_store_free(AnalysisStore *s)
{
	if (!s)
		return;
	layers_free(s->layers);
	experiment_free(s->experiment);
	g_ptr_array_unref(s->traces);
	g_free(s);
}

static void job_free(gpointer data)
{
	Job *job = data;

	st_warnings_free(job->warnings);
	g_clear_error(&job->error);
	g_free(job->path);
	g_free(job->fingerprint);
	g_free(job);
}

/* ---- The pass ---------------------------------------------------------------------------------------------------- */

static void on_progress(gpointer user, gint64 time)
{
	Job *job = user;
	Progress *p = job->progress;
	gint64 done = CLAMP(time, job->trace->begin_ns, job->trace->end_ns) - job->trace->begin_ns;

	if (!p->options->progress || done <= job->done_ns)
		return;
	g_mutex_lock(&p->lock);
	p->done += (double)(done - job->done_ns);
	double share = p->total > 0 ? MIN(p->done / p->total, 1) : 1;
	g_mutex_unlock(&p->lock);
	job->done_ns = done;
	p->options->progress(p->options->progress_user, share);
}

static gboolean read_kernel(Job *job, GError **error)
{
	AnalysisStoreTrace *t = job->trace;
	TraceOptions options = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .threads = job->threads, .warnings = job->warnings,
				.progress = on_progress, .progress_user = job};
	TraceModel models[2 + KERNEL_PART_COUNT + KVM_PART_COUNT];

	g_autoptr(Kernel) kernel = kernel_new(&job->facts, t->begin_ns, t->end_ns);
	g_autoptr(Kvm) kvm = kvm_new(kernel, &job->facts);
	g_autoptr(KernelSet) set = kernel_set_new(kernel, t->history, &job->facts);
	g_autoptr(KvmSet) kvm_set = kvm_set_new(kvm, set);
	kvm_keep(kvm, set);
	kvm->durations = FALSE;
	models[0] = kernel_model(kernel);
	models[1] = kvm_model(kvm);
	kernel_set_models(set, models + 2);
	kvm_set_models(kvm_set, models + 2 + KERNEL_PART_COUNT);
	if (!trace_run(t->trace, models, G_N_ELEMENTS(models), &options, &job->facts, NULL, error))
		return FALSE;
	kernel_finish(kernel);
	kvm_finish(kvm);
	kernel_set_finish(set);
	kvm_set_finish(kvm_set);
	return TRUE;
}

/* Of a kernel's trace only spans are asked for here. */
static gboolean read_user(Job *job, GError **error)
{
	g_autoptr(GArray) spans = user_span_rules(job->options->spans, error);
	UserOptions options = {.spans = spans, .spans_only = job->trace->is_kernel, .threads = job->threads, .warnings = job->warnings,
			       .progress = on_progress, .progress_user = job};

	return spans && user_pass(job->trace->trace, &options, job->trace->history, error);
}

static void keep_warnings(Job *job)
{
	g_autoptr(GString) all = g_string_new(NULL);

	for (guint i = 0; i < st_warnings_count(job->warnings); i++)
		g_string_append_printf(all, "%s%s", i ? "\n" : "", st_warnings_get(job->warnings, i));
	if (all->len)
		history_set_meta(job->trace->history, META_WARNINGS, all->str);
}

static gboolean run_pass(Job *job, GError **error)
{
	HistoryOptions memory = {.memory = job->memory, .behind = job->threads > 1};

	job->trace->history = history_new(job->trace->begin_ns, job->trace->end_ns, &memory);
	if (job->trace->is_kernel && !read_kernel(job, error))
		return FALSE;
	if ((!job->trace->is_kernel || (job->options->spans && *job->options->spans)) && !read_user(job, error))
		return FALSE;
	keep_warnings(job);
	return history_finish(job->trace->history, error);
}

/* ---- The cache --------------------------------------------------------------------------------------------------- */

/* What was done with a trace: by which program, and with which definitions of spans. */
static char *analysis_version(const AnalysisStoreOptions *o)
{
	GString *version = g_string_new("strata " STRATA_VERSION);
	struct stat st;

	if (stat("/proc/self/exe", &st) == 0)
		g_string_append_printf(version, " %lld %lld.%09ld", (long long)st.st_size, (long long)st.st_mtim.tv_sec,
				       st.st_mtim.tv_nsec);
	for (const char *const *span = o->spans; span && *span; span++)
		g_string_append_printf(version, "\n%s", *span);
	return g_string_free(version, FALSE);
}

/* One file for each trace and set of spans: what is stale is written over. */
static char *cache_path(const CtfTrace *trace, const AnalysisStoreOptions *o, GError **error)
{
	g_autofree char *dir = history_cache_dir(error);
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	if (!dir)
		return NULL;
	for (guint i = 0; i < trace->chunk_paths->len; i++) {
		g_autofree char *path = g_canonicalize_filename(g_ptr_array_index(trace->chunk_paths, i), NULL);
		g_checksum_update(sum, (const guchar *)path, (gssize)strlen(path) + 1);
	}
	for (const char *const *span = o->spans; span && *span; span++)
		g_checksum_update(sum, (const guchar *)*span, (gssize)strlen(*span) + 1);
	return g_strdup_printf("%s/%.32s.history", dir, g_checksum_get_string(sum));
}

static void find_cache(Job *job)
{
	const GPtrArray *paths = job->trace->trace->chunk_paths;
	g_autoptr(GError) error = NULL;
	g_autofree char *version = analysis_version(job->options);

	if (job->options->no_cache)
		return;
	job->path = cache_path(job->trace->trace, job->options, &error);
	if (job->path)
		job->fingerprint = history_fingerprint((const char *const *)paths->pdata, paths->len, version, &error);
	if (!job->fingerprint) {
		st_warn(job->options->warnings, "no cache: %s", error->message);
		g_clear_pointer(&job->path, g_free);
	}
}

/* A damaged or stale one counts for nothing: it is made anew. */
static gboolean open_cache(Job *job)
{
	if (!job->path)
		return FALSE;
	job->trace->history = history_open(job->path, job->fingerprint, NULL);
	if (!job->trace->history)
		return FALSE;
	job->trace->begin_ns = history_begin(job->trace->history);
	job->trace->end_ns = history_end(job->trace->history);
	const char *warnings = history_meta(job->trace->history, META_WARNINGS);
	g_auto(GStrv) lines = g_strsplit(warnings ? warnings : "", "\n", -1);
	for (char **line = lines; *line; line++)
		st_warn(job->warnings, "%s", *line);
	return TRUE;
}

static void make(gpointer data, gpointer unused)
{
	Job *job = data;
	g_autoptr(GError) error = NULL;

	if (!run_pass(job, &job->error))
		return;
	on_progress(job, job->trace->end_ns);
	if (job->path && !history_save(job->trace->history, job->path, job->fingerprint, &error))
		st_warn(job->warnings, "the cache could not be written: %s", error->message);
}

/* ---- All traces ---------------------------------------------------------------------------------------------------- */

static void count_losses(AnalysisStoreTrace *t)
{
	for (guint i = 0; i < t->trace->streams->len; i++) {
		const CtfStream *s = g_ptr_array_index(t->trace->streams, i);

		for (guint j = 0; j < s->losses->len; j++) {
			const CtfLoss *l = &g_array_index(s->losses, CtfLoss, j);

			t->lost_events += l->events;
			t->lost_packets += l->packets;
		}
	}
}

static void find_span(AnalysisStoreTrace *t)
{
	if (!ctf_trace_span(t->trace, &t->begin_ns, &t->end_ns))
		t->begin_ns = t->end_ns = 0;
}

static Job *job_new(CtfTrace *trace, const AnalysisStoreOptions *o)
{
	Job *job = g_new0(Job, 1);

	job->options = o;
	job->warnings = st_warnings_new();
	trace_facts(trace, &job->facts);
	job->trace = g_new0(AnalysisStoreTrace, 1);
	job->trace->trace = trace;
	job->trace->level = -1;
	job->trace->member = EXPERIMENT_NONE;
	job->trace->is_kernel = job->facts.is_kernel;
	count_losses(job->trace);
	return job;
}

/* Those that aren't in the cache, as many at a time as there are threads; each of them has its share of these, and of the memory. */
static void make_all(GPtrArray *jobs, Progress *progress)
{
	guint threads = MAX(progress->options->threads, 1), parallel = MIN(threads, MAX(jobs->len, 1));
	guint64 memory = progress->options->memory ? progress->options->memory : history_default_memory();
	GThreadPool *pool = g_thread_pool_new(make, NULL, (gint)parallel, TRUE, NULL);

	for (guint i = 0; i < jobs->len; i++) {
		Job *job = g_ptr_array_index(jobs, i);

		job->threads = MAX(threads / parallel, 1);
		job->memory = MAX(memory / jobs->len, 1);
		job->progress = progress;
		progress->total += (double)(job->trace->end_ns - job->trace->begin_ns);
	}
	for (guint i = 0; i < jobs->len; i++)
		g_thread_pool_push(pool, g_ptr_array_index(jobs, i), NULL);
	g_thread_pool_free(pool, FALSE, TRUE);
}

static const guint8 *clock_uuid(const CtfTrace *trace)
{
	for (guint i = 0; i < trace->metadata->clocks->len; i++) {
		const CtfClock *clock = g_ptr_array_index(trace->metadata->clocks, i);

		if (clock->has_uuid)
			return clock->uuid;
	}
	return NULL;
}

/* The kernel that a user space trace was recorded under: LTTng's clocks have the boot's id as their UUID. */
static const AnalysisStoreTrace *kernel_of(GPtrArray *jobs, const Job *user)
{
	const guint8 *uuid = clock_uuid(user->trace->trace);

	for (guint i = 0; i < jobs->len; i++) {
		const Job *job = g_ptr_array_index(jobs, i);
		const guint8 *other = clock_uuid(job->trace->trace);

		if (!job->trace->is_kernel)
			continue;
		if (uuid && other ? memcmp(uuid, other, 16) == 0 : g_strcmp0(job->facts.hostname, user->facts.hostname) == 0)
			return job->trace;
	}
	return NULL;
}

static void name_all(GPtrArray *jobs)
{
	g_autofree const char **names = g_new0(const char *, jobs->len + 1);

	for (guint i = 0; i < jobs->len; i++) {
		Job *job = g_ptr_array_index(jobs, i);

		if (job->trace->is_kernel)
			names[i] = job->trace->name = analysis_unique_name(job->facts.hostname, names, jobs->len);
	}
	for (guint i = 0; i < jobs->len; i++) {
		Job *job = g_ptr_array_index(jobs, i);
		const AnalysisStoreTrace *kernel = job->trace->is_kernel ? NULL : kernel_of(jobs, job);

		if (!job->trace->is_kernel)
			job->trace->name = kernel ? g_strdup(kernel->name) : analysis_unique_name(job->facts.hostname, names, jobs->len);
	}
}

/* ---- Machines and layers ------------------------------------------------------------------------------------------- */

static guint find_member(const AnalysisStoreTrace *t, GPtrArray *jobs)
{
	guint n = 0;

	for (guint i = 0; i < jobs->len; i++) {
		const Job *job = g_ptr_array_index(jobs, i);

		if (job->trace == t)
			return n;
		n += job->trace->is_kernel;
	}
	return EXPERIMENT_NONE;
}

static void join_members(AnalysisStore *s, GPtrArray *jobs)
{
	for (guint i = 0; i < jobs->len; i++) {
		Job *job = g_ptr_array_index(jobs, i);
		const AnalysisStoreTrace *kernel = job->trace->is_kernel ? job->trace : kernel_of(jobs, job);

		job->trace->experiment = s->experiment;
		job->trace->member = kernel ? find_member(kernel, jobs) : EXPERIMENT_NONE;
		if (kernel)
			job->trace->level = experiment_member(s->experiment, job->trace->member)->level;
	}
}

/* What the experiment is found from; NULL: some of it isn't in the cache, so the experiment need not be. */
static char *experiment_fingerprint(GPtrArray *jobs, const AnalysisStoreOptions *o)
{
	GString *all = g_string_new(NULL);

	for (guint i = 0; i < jobs->len; i++) {
		const Job *job = g_ptr_array_index(jobs, i);

		if (!job->fingerprint && job->trace->is_kernel) {
			g_string_free(all, TRUE);
			return NULL;
		}
		if (job->trace->is_kernel)
			g_string_append_printf(all, "%s\n", job->fingerprint);
	}
	for (const char *const *map = o->map; map && *map; map++)
		g_string_append_printf(all, "map %s\n", *map);
	return g_string_free(all, FALSE);
}

static Experiment *find_experiment(const ExperimentInput *inputs, guint n, const char *fingerprint, const AnalysisStoreOptions *o, GError **error)
{
	ExperimentOptions options = {.threads = o->threads, .warnings = o->warnings, .map = o->map};
	Experiment *e = fingerprint && n > 1 ? analysis_kept_experiment(fingerprint, inputs, n) : NULL;

	if (e)
		return e;
	e = experiment_new(inputs, n, &options, error);
	if (e && fingerprint && n > 1 && !analysis_keep_experiment(fingerprint, e, NULL))
		st_warn(o->warnings, "the cache could not be written");
	return e;
}

static const CtfClock *clock_of(const CtfTrace *trace)
{
	return trace->streams->len ? ((const CtfStream *)trace->streams->pdata[0])->stream_class->clock : NULL;
}

static void free_counters(gpointer tsc)
{
	experiment_tsc_free(tsc);
}

static gboolean align(AnalysisStore *s, GPtrArray *jobs, const AnalysisStoreOptions *o, GError **error)
{
	g_autofree ExperimentInput *inputs = g_new0(ExperimentInput, jobs->len + 1);
	g_autofree const char **aliases = g_new0(const char *, 2 * (gsize)jobs->len + 2);
	g_autofree char *fingerprint = experiment_fingerprint(jobs, o);
	g_autoptr(GPtrArray) counters = g_ptr_array_new_with_free_func(free_counters);
	guint n = 0;

	for (guint i = 0; i < jobs->len; i++) {
		const Job *job = g_ptr_array_index(jobs, i);

		if (!job->trace->is_kernel)
			continue;
		aliases[2 * n] = job->trace->trace->path;
		g_ptr_array_add(counters, experiment_tsc_read(job->trace->trace->path, clock_of(job->trace->trace), o->warnings));
		inputs[n] = (ExperimentInput){
			.name = job->trace->name, .history = job->trace->history, .aliases = &aliases[2 * n], .tsc = counters->pdata[n]};
		n++;
	}
	s->experiment = find_experiment(inputs, n, fingerprint, o, error);
	if (!s->experiment)
		return FALSE;
	join_members(s, jobs);
	return TRUE;
}

/* Put guests on top of their hosts, if there are any. */
static gboolean compose(AnalysisStore *s, const AnalysisStoreOptions *o, GError **error)
{
	LayersOptions options = {.rows = o->rows, .threads = o->threads, .memory = o->memory};
	gboolean any = FALSE;

	for (guint i = 0; i < s->experiment->members->len; i++)
		any |= experiment_member(s->experiment, i)->parent != EXPERIMENT_NONE;
	if (!any || o->alone)
		return TRUE;
	s->layers = layers_new(s->experiment, &options, error);
	for (guint i = 0; s->layers && i < s->traces->len; i++) {
		AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (t->is_kernel)
			t->rows = layers_rows(s->layers, t->member);
	}
	return s->layers != NULL;
}

static void find_range(AnalysisStore *s)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);
		gint64 begin = analysis_time(t, t->begin_ns), end = analysis_time(t, t->end_ns);

		s->begin_ns = i ? MIN(s->begin_ns, begin) : begin;
		s->end_ns = i ? MAX(s->end_ns, end) : end;
	}
}

static gboolean collect(AnalysisStore *s, GPtrArray *jobs, StWarnings *warnings, GError **error)
{
	for (guint i = 0; i < jobs->len; i++) {
		Job *job = g_ptr_array_index(jobs, i);

		for (guint w = 0; w < st_warnings_count(job->warnings); w++)
			st_warn(warnings, "%s", st_warnings_get(job->warnings, w));
		g_ptr_array_add(s->traces, job->trace);
		job->trace->rows = job->trace->history;
		if (job->error && !*error)
			g_propagate_error(error, g_steal_pointer(&job->error));
	}
	return !*error;
}

AnalysisStore *analysis_store_open(GPtrArray *traces, const AnalysisStoreOptions *options, GError **error)
{
	g_autoptr(AnalysisStore) s = g_new0(AnalysisStore, 1);
	g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func(job_free), to_make = g_ptr_array_new();
	Progress progress = {.options = options};
	g_autoptr(GArray) spans = user_span_rules(options->spans, error);
	GError *failed = NULL;

	if (!spans)
		return NULL;
	s->traces = g_ptr_array_new_with_free_func(trace_free);
	for (guint i = 0; i < traces->len; i++) {
		Job *job = job_new(g_ptr_array_index(traces, i), options);

		g_ptr_array_add(jobs, job);
		find_cache(job);
		if (open_cache(job))
			continue;
		find_span(job->trace);
		g_ptr_array_add(to_make, job);
	}
	name_all(jobs);
	g_mutex_init(&progress.lock);
	make_all(to_make, &progress);
	g_mutex_clear(&progress.lock);
	if (!collect(s, jobs, options->warnings, &failed)) {
		g_propagate_error(error, failed);
		return NULL;
	}
	if (!align(s, jobs, options, error) || !compose(s, options, error))
		return NULL;
	find_range(s);
	return g_steal_pointer(&s);
}

/* SPDX-License-Identifier: MIT */
/* mutexes.c: waits for mutexes, and who had these meanwhile. */
#include "analysis/mutexes.h"

/* Somebody had a mutex. */
typedef struct {
	guint64 mutex;
	gint32 vpid; /* whose address it is */
	guint32 thread;
	gint64 begin_ns, end_ns;
} Hold;

typedef struct {
	guint64 mutex;
	guint32 thread;
	guint32 holder; /* ANALYSIS_NO_THREAD: of the wait itself */
} Key;

typedef struct {
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	guint threads, locks;
	GArray *holds;    /* Hold, by mutex and time; none reaches into the next of its mutex */
	GHashTable *sums; /* Key -> gint64 *: index in `waits`; of holders: time */
	GArray *waits;
} Work;

static guint key_hash(gconstpointer key)
{
	const Key *k = key;
	guint64 h = (k->mutex ^ ((guint64)k->thread << 40)) * 0x9e3779b97f4a7c15u;

	return (guint)((h ^ ((guint64)k->holder << 32)) * 0xc2b2ae3d27d4eb4fu >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const Key *x = a, *y = b;

	return x->mutex == y->mutex && x->thread == y->thread && x->holder == y->holder;
}

static gint32 vpid_of(const Work *w, guint32 thread)
{
	return ((const UserThread *)history_table_get(w->trace->history, w->threads, thread))->vpid;
}

/* ---- Holds --------------------------------------------------------------------------------------------------------- */

static gint compare_mutex(const Hold *x, gint32 vpid, guint64 mutex)
{
	if (x->vpid != vpid)
		return x->vpid < vpid ? -1 : 1;
	return (x->mutex > mutex) - (x->mutex < mutex);
}

static gint by_mutex(gconstpointer a, gconstpointer b)
{
	const Hold *x = a, *y = b;
	gint d = compare_mutex(x, y->vpid, y->mutex);

	return d ? d : (x->begin_ns > y->begin_ns) - (x->begin_ns < y->begin_ns);
}

/* Of what was held when events were lost nobody knows for how long. */
static void find_holds(Work *w)
{
	const History *h = w->trace->history;

	for (guint64 i = 0; i < history_table_len(h, w->locks); i++) {
		const UserLock *lock = history_table_get(h, w->locks, i);
		Hold hold = {lock->mutex, vpid_of(w, lock->thread), lock->thread, lock->got_ns,
			     lock->end_ns ? lock->end_ns : lock->lost ? lock->got_ns : history_end(h)};

		if (lock->got_ns)
			g_array_append_val(w->holds, hold);
	}
	g_array_sort(w->holds, by_mutex);
	for (guint i = 0; i + 1 < w->holds->len; i++) {
		Hold *hold = &g_array_index(w->holds, Hold, i), *next = hold + 1;

		if (compare_mutex(hold, next->vpid, next->mutex) == 0)
			hold->end_ns = MIN(hold->end_ns, next->begin_ns);
	}
}

/* The first hold of a mutex that ends after a time, or of a later mutex. */
static guint hold_after(const Work *w, gint32 vpid, guint64 mutex, gint64 time)
{
	guint low = 0, high = w->holds->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		const Hold *hold = &g_array_index(w->holds, Hold, middle);
		gint d = compare_mutex(hold, vpid, mutex);

		if (d < 0 || (d == 0 && hold->end_ns <= time))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- Waits --------------------------------------------------------------------------------------------------------- */

static gint64 *sum_of(Work *w, const Key *key)
{
	gint64 *sum = g_hash_table_lookup(w->sums, key);

	if (!sum)
		g_hash_table_insert(w->sums, g_memdup2(key, sizeof(*key)), sum = g_new0(gint64, 1));
	return sum;
}

static AnalysisMutexWait *wait_of(Work *w, const UserLock *lock)
{
	const Key key = {lock->mutex, lock->thread, ANALYSIS_NO_THREAD};
	gint64 *place = sum_of(w, &key);

	if (*place == 0) {
		AnalysisMutexWait made = {.mutex = lock->mutex, .thread = lock->thread, .holder = ANALYSIS_NO_THREAD};

		g_array_append_val(w->waits, made);
		*place = w->waits->len;
	}
	return &g_array_index(w->waits, AnalysisMutexWait, *place - 1);
}

/* Whose holds the time from `begin` to `end` was. */
static void blame(Work *w, AnalysisMutexWait *wait, gint64 begin, gint64 end)
{
	gint32 vpid = vpid_of(w, wait->thread);

	for (guint i = hold_after(w, vpid, wait->mutex, begin); i < w->holds->len; i++) {
		const Hold *hold = &g_array_index(w->holds, Hold, i);
		const Key key = {wait->mutex, wait->thread, hold->thread};

		if (compare_mutex(hold, vpid, wait->mutex) != 0 || hold->begin_ns >= end)
			break;
		if (hold->thread == wait->thread)
			continue;
		gint64 *ns = sum_of(w, &key);
		*ns += MIN(end, hold->end_ns) - MAX(begin, hold->begin_ns);
		if (*ns > wait->holder_ns) {
			wait->holder_ns = *ns;
			wait->holder = hold->thread;
		}
	}
}

static void add_lock(Work *w, const UserLock *lock)
{
	gint64 end = lock->got_ns ? lock->got_ns : history_end(w->trace->history);

	if (lock->got_ns ? !analysis_in_range(w->filter, lock->got_ns) : lock->failed || lock->lost || !analysis_in_range(w->filter, end))
		return;
	AnalysisMutexWait *wait = wait_of(w, lock);
	wait->count += lock->got_ns != 0;
	wait->waiting += lock->got_ns == 0;
	wait->total_ns += end - lock->asked_ns;
	wait->max_ns = MAX(wait->max_ns, end - lock->asked_ns);
	if (lock->got_ns && lock->end_ns)
		wait->held_ns += lock->end_ns - lock->got_ns;
	blame(w, wait, lock->asked_ns, end);
}

GArray *analysis_mutex_waits(const AnalysisStoreTrace *t, const AnalysisFilter *f, AnalysisMutexFunc wanted, gpointer user)
{
	Work w = {.trace = t, .filter = f, .waits = g_array_new(FALSE, TRUE, sizeof(AnalysisMutexWait))};

	if (!history_find_table(t->history, USER_THREADS_TABLE, sizeof(UserThread), &w.threads) ||
	    !history_find_table(t->history, USER_LOCKS_TABLE, sizeof(UserLock), &w.locks))
		return w.waits;
	w.holds = g_array_new(FALSE, FALSE, sizeof(Hold));
	w.sums = g_hash_table_new_full(key_hash, key_equal, g_free, g_free);
	find_holds(&w);
	for (guint64 i = 0; i < history_table_len(t->history, w.locks); i++) {
		const UserLock *lock = history_table_get(t->history, w.locks, i);

		if (wanted(user, lock->thread))
			add_lock(&w, lock);
	}
	g_hash_table_unref(w.sums);
	g_array_unref(w.holds);
	return w.waits;
}

/* SPDX-License-Identifier: MIT */
/*
 * served.c: what a server's requests wait for, most of their time: another service, its own disk, or a timer.
 *
 * Nobody does anything to such a server; it is in the nature of its work, and told after all that somebody else does. Locks are the rule "locks"' matter. Requests are those that system calls tell of
 * (analysis/requests.h): without them nothing is found. A server that waits for a socket or a descriptor while it serves a request waits for whom it has asked itself meanwhile.
 */
#include <string.h>

#include "analysis/requests.h"
#include "diagnose/private.h"

#define REQUESTS_MIN 20     /* fewer are no pattern */
#define TRACER       "lttng-" /* its daemons serve the recording, and nobody else */

typedef enum { DOWNSTREAM, DISK, TIMER, CAUSES } Cause;

static const struct {
	const char *id, *says, *advice;
	guint64 states; /* bits: KernelThreadState */
} causes[CAUSES] = {
	[DOWNSTREAM] = {"waits-downstream", "for another service",
			"See why that service takes so long: record the machine on which it runs too; ask it less often, several things at a time, or keep its answers.",
			1ull << KERNEL_TS_B_NETWORK | 1ull << KERNEL_TS_B_SOCKET | 1ull << KERNEL_TS_B_POLL | 1ull << KERNEL_TS_B_PIPE},
	[DISK] = {"waits-disk", "for its disk", "Write less often to the medium (group commits, fewer fsync), keep more in memory, or give it a quicker disk.", 1ull << KERNEL_TS_B_DISK},
	[TIMER] = {"waits-timer", "for time to pass", "It sleeps, or lets timeouts run out, while somebody waits for its answer: see which (strata syscalls, strata critical-path).",
		   1ull << KERNEL_TS_B_TIMER},
};

/* A server: a process on a port. */
typedef struct {
	guint16 port;
	gint32 pid;
	const char *process;
	guint64 requests;
	gint64 ns, by_cause[CAUSES];
	DiagnoseLoss *losses[CAUSES];
} Server;

/* Whom a process asks. */
typedef struct {
	gint32 pid;
	guint16 port;
	const char *place;
	gint64 ns;
} Asked;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	GPtrArray *servers; /* Server * */
	GArray *asked;      /* Asked */
} Scan;

#define SERVERS_MAX 1024
#define ASKED_MAX   4096

static void server_free(gpointer data)
{
	Server *v = data;

	for (guint i = 0; i < CAUSES; i++)
		diagnose_loss_free(v->losses[i]);
	g_free(v);
}

static Server *server_of(Scan *s, const Request *r)
{
	for (guint i = 0; i < s->servers->len; i++) {
		Server *v = g_ptr_array_index(s->servers, i);

		if (v->port == r->port && !strcmp(v->process, r->process))
			return v;
	}
	if (s->servers->len >= SERVERS_MAX)
		return NULL;
	Server *v = g_new0(Server, 1);
	v->port = r->port;
	v->pid = r->pid;
	v->process = r->process;
	for (guint i = 0; i < CAUSES; i++)
		v->losses[i] = diagnose_loss_new(s->t);
	g_ptr_array_add(s->servers, v);
	return v;
}

static void note_asked(Scan *s, const Request *r)
{
	for (guint i = 0; i < s->asked->len; i++) {
		Asked *a = &g_array_index(s->asked, Asked, i);

		if (a->pid == r->pid && a->port == r->port) {
			a->ns += r->end_ns - r->begin_ns;
			return;
		}
	}
	Asked a = {r->pid, r->port, r->place, r->end_ns - r->begin_ns};
	if (s->asked->len < ASKED_MAX)
		g_array_append_val(s->asked, a);
}

/* ---- Requests ------------------------------------------------------------------------------------------------------------------ */

/* What the threads that served it show of that wait. */
static void lose(Server *v, Cause cause, const RequestScan *scan, const RequestPiece *piece)
{
	const KernelThreadItem *item = requests_thread(scan, piece->serial);
	HistoryWalk walk;
	HistoryInterval i;

	if (!item || item->row == KERNEL_NO_ROW)
		return;
	history_walk(&walk, scan->trace->history, item->row, piece->begin_ns, piece->end_ns);
	while (history_walk_next(&walk, &i))
		if (i.state < 64 && (causes[cause].states >> i.state) & 1)
			diagnose_loss_add(v->losses[cause], MAX(i.begin_ns, piece->begin_ns), MIN(i.end_ns, piece->end_ns), item->row, "blocked");
}

static void add_request(const RequestScan *scan, const Request *r, gpointer user)
{
	Scan *s = user;
	RequestPiece pieces[REQUEST_PIECES_MAX];

	if (r->flags & KERNEL_REQUEST_INCOMPLETE || r->place)
		return;
	if (r->side == REQUEST_CLIENT) {
		note_asked(s, r);
		return;
	}
	Server *v = r->side == REQUEST_SERVER && !g_str_has_prefix(r->process, TRACER) ? server_of(s, r) : NULL;
	if (!v)
		return;
	v->requests++;
	v->ns += r->end_ns - r->begin_ns;
	guint n = request_pieces(scan, r, FALSE, pieces);
	for (guint i = 0; i < n; i++)
		for (guint c = 0; c < CAUSES; c++)
			lose(v, (Cause)c, scan, &pieces[i]);
}

/* ---- Findings -------------------------------------------------------------------------------------------------------------------- */

/* The service that the process asked for longest; NULL: none was seen. */
static const Asked *asked_by(const Scan *s, gint32 pid)
{
	const Asked *most = NULL;

	for (guint i = 0; i < s->asked->len; i++) {
		const Asked *a = &g_array_index(s->asked, Asked, i);

		if (a->pid == pid && (!most || a->ns > most->ns))
			most = a;
	}
	return most;
}

static char *culprit_of(const Scan *s, const Server *v, Cause cause)
{
	const Asked *a = cause == DOWNSTREAM ? asked_by(s, v->pid) : NULL;

	if (cause != DOWNSTREAM)
		return g_strdup(cause == DISK ? "its disk" : "a timer");
	return a && a->port ? g_strdup_printf("the service on port %u", a->port) : g_strdup("the service that it asks");
}

static void add_finding(const Scan *s, const Server *v, Cause cause)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, causes[cause].id, v->losses[cause], v->ns);
	g_autofree char *culprit = culprit_of(s, v, cause), *port = v->port ? g_strdup_printf(" on port %u", v->port) : g_strdup("");

	f->victim = s->t->member;
	f->title = g_strdup_printf("%s%s of %s waits %s for %.0f %% of the time of its %" G_GUINT64_FORMAT " requests%s%s", v->process, port, s->t->name, causes[cause].says,
				   f->share * 100, v->requests, cause == DOWNSTREAM ? ": " : "", cause == DOWNSTREAM ? culprit : "");
	f->advice = g_strdup(causes[cause].advice);
	diagnose_who(&f->sufferer, "process", v->process, s->t->name, v->pid, -1);
	diagnose_who(&f->culprit, cause == DOWNSTREAM ? "service" : cause == DISK ? "disk" : "timer", culprit, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

void diagnose_rule_served(Diagnose *d, const AnalysisStoreTrace *t)
{
	static const char *const sides[] = {"server", "client", NULL};
	g_autoptr(GPtrArray) servers = g_ptr_array_new_with_free_func(server_free);
	g_autoptr(GArray) asked = g_array_new(FALSE, FALSE, sizeof(Asked));
	AnalysisQuery q = {.begin_ns = d->begin_ns, .end_ns = d->end_ns, .sides = sides};
	Scan s = {d, t, servers, asked};
	RequestScan scan;

	if (!requests_open(&scan, d->store, &q, t))
		return;
	requests_each(&scan, add_request, &s);
	for (guint i = 0; i < servers->len; i++) {
		const Server *v = g_ptr_array_index(servers, i);

		for (guint c = 0; v->requests >= REQUESTS_MIN && c < CAUSES; c++)
			if (diagnose_matters(d, v->losses[c], v->ns, DIAGNOSE_SERVED_SHARE))
				add_finding(&s, v, (Cause)c);
	}
	requests_close(&scan);
}

/* SPDX-License-Identifier: MIT */
/*
 * analysis/requests.h: what the views of requests share: requests of all kinds, one by one, and what their time was.
 *
 * A request is a piece of work that somebody waits for, in the clock of the machine on which it was seen:
 *
 *   server     read from a socket and answered (kernel/requests.h); or, where system calls don't tell (io_uring), come in and answered
 *   client     written to a socket, and the answer read
 *   vm         went into a VM through its network interface, and its answer came out: seen on the host alone
 *   vm-client  went out of a VM, and the answer came in
 *   span       from one event to another of a program, as --span says
 */
#ifndef STRATA_ANALYSIS_REQUESTS_H
#define STRATA_ANALYSIS_REQUESTS_H

#include "analysis/critical_world.h"
#include "kernel/flow.h"
#include "kernel/requests.h"

typedef enum {
	REQUEST_SERVER,
	REQUEST_CLIENT,
	REQUEST_VM,
	REQUEST_VM_CLIENT,
	REQUEST_SPAN,
	REQUEST_SIDE_COUNT,
} RequestSide;

const char *request_side_name(RequestSide side);

/* Times as in KernelRequest; KERNEL_REQUEST_NO_TIME where there is none. */
typedef struct {
	RequestSide side;
	guint8 flags;             /* KERNEL_REQUEST_...: KERNEL_REQUEST_INCOMPLETE ones have no length to count with */
	guint8 kind;              /* KernelFileKind of the socket; KERNEL_FILE_UNKNOWN: it has none */
	guint16 port;             /* the server's; 0: none, or not known */
	gint32 pid;               /* -1: not known */
	const char *process;      /* its name; "" if it isn't known. Of a span: the span's name */
	const char *place;        /* the interface on which its packets were seen; NULL: system calls told of it */
	guint32 connection;       /* of "request_connections", with a place of "connections"; G_MAXUINT32: none */
	gint64 begin_ns, turn_ns, end_ns, early_ns, late_ns;
	guint64 asked, answered;
	guint32 asker, answerer;  /* serials of `trace`; G_MAXUINT32 */
} Request;

/* From the first that is known of it to the last: with the time before it was read, or that it took to connect. */
static inline gint64 request_first(const Request *r)
{
	return r->early_ns != KERNEL_REQUEST_NO_TIME ? MIN(r->early_ns, r->begin_ns) : r->begin_ns;
}

static inline gint64 request_last(const Request *r)
{
	return r->late_ns != KERNEL_REQUEST_NO_TIME ? MAX(r->late_ns, r->end_ns) : r->end_ns;
}

/* requests_machines.c: all machines, over which critical paths go; guests' processors, and what the levels below made of them. */
typedef struct RequestMachines RequestMachines;

/* One machine's requests, as a query wants them. */
typedef struct {
	const AnalysisStore *store;
	const AnalysisQuery *query;
	const AnalysisStoreTrace *trace; /* the machine's kernel trace */
	AnalysisFilter *filter;
	GHashTable *names;               /* of processes */
	guint threads;                   /* table; G_MAXUINT: there is none */
	RequestMachines *machines;
	gboolean owns_machines;
} RequestScan;

/* FALSE: nothing is asked of this trace. To be closed if TRUE. */
gboolean requests_open(RequestScan *s, const AnalysisStore *store, const AnalysisQuery *q, const AnalysisStoreTrace *t);
void requests_close(RequestScan *s);

/* Calls `found` for each machine of which something is asked. */
typedef void (*RequestScanFunc)(const RequestScan *s, gpointer user);
void requests_each_machine(const AnalysisStore *store, const AnalysisQuery *q, RequestScanFunc found, gpointer user);

/* All of them that ended in the range, incomplete ones too. Of each connection in their order. */
typedef void (*RequestFunc)(const RequestScan *s, const Request *r, gpointer user);
void requests_each(const RequestScan *s, RequestFunc found, gpointer user);

/* requests_wire.c: those that packets show: of VMs, and of connections whose sockets' system calls don't tell. */
void requests_each_wire(const RequestScan *s, RequestFunc found, gpointer user);

/* TRUE if the query asks for it. */
gboolean requests_is_wanted(const RequestScan *s, const Request *r);
/* Whose it is is told by its threads. */
void requests_set_process(const RequestScan *s, Request *r);

/* The thread's item; NULL: there is none. */
const KernelThreadItem *requests_thread(const RequestScan *s, guint32 serial);
const char *requests_process_name(const RequestScan *s, gint32 pid);

/* Are requests of this side asked for? */
gboolean requests_wants(const AnalysisQuery *q, RequestSide side);

/* The two ends of its connection, "10.0.0.11:80 <- 10.0.0.12:34568"; NULL: they aren't known. The caller frees. */
char *requests_ends(const RequestScan *s, const Request *r);

/* ---- Services: what requests are grouped by ------------------------------------------------------------------------- */

typedef struct {
	RequestSide side;
	guint8 kind;
	guint16 port;
	const char *process, *place;
	gint32 pid;               /* -1: several, or not known */
	guint32 connection;       /* G_MAXUINT32: several */
} RequestService;

typedef struct RequestServices RequestServices;

/* What query->by says: "service" (processes of a name, and their port), "process" or "connection"; "cause": as service. */
RequestServices *request_services_new(const AnalysisQuery *q);
void request_services_free(RequestServices *s); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RequestServices, request_services_free)

/* The request's service, counted from 0; they are found in the order in which they were first met. */
guint request_services_of(RequestServices *s, const Request *r);
const RequestService *request_services_get(const RequestServices *s, guint i);
guint request_services_len(const RequestServices *s);

/* Columns machine, side, process, pid, port, protocol, connection; returns the first one's number. */
guint request_add_service_columns(View *v, const AnalysisStore *s, const AnalysisQuery *q);
void request_set_service(View *v, guint first, const RequestScan *s, const RequestService *service);

/* ---- What its time was ----------------------------------------------------------------------------------------------- */

/* A thread's part in a request. */
typedef struct {
	guint32 serial;
	gint64 begin_ns, end_ns;
	gboolean before;   /* the request had come, and wasn't read yet; or the client was still connecting */
	gboolean after;    /* the client had the answer, and waited for the stream's end */
} RequestPiece;

#define REQUEST_PIECES_MAX 4

/*
 * Who served it, from when to when: the thread that read it until all of it was read (and the one that answers is there: it may have been created for that), then the
 * one that answered. Returns how many.
 */
guint request_pieces(const RequestScan *s, const Request *r, gboolean whole, RequestPiece out[REQUEST_PIECES_MAX]);

/* The states of those threads, from begin_ns to end_ns, are added; ns has KERNEL_TS_COUNT places. FALSE: there are none. */
gboolean request_add_states(const RequestScan *s, const Request *r, gint64 *ns);

/* Time by cause: what threads were doing and with what. */
typedef struct RequestCauses RequestCauses;

RequestCauses *request_causes_new(void);
void request_causes_free(RequestCauses *c); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RequestCauses, request_causes_free)

/*
 * The whole request, from request_first() to request_last(), is added: what the critical path of the threads that served it was. What no thread is known for is the cause
 * "unknown".
 */
void request_causes_add(RequestCauses *c, const RequestScan *s, const Request *r);

/* Time of one cause: of a state on a machine, and of a detail of it. */
typedef struct {
	guint64 state;       /* which state, and of which part of a request */
	guint machine;       /* as critical_world.h counts them */
	guint32 detail, device, filler; /* as GraphSegment has them */
	gint64 ns;
} RequestCause;

/* In order of state and machine, then of the detail. */
gint request_cause_compare(const RequestCause *a, const RequestCause *b);
static inline gboolean request_cause_same(const RequestCause *a, const RequestCause *b) /* but for the detail */
{
	return a->state == b->state && a->machine == b->machine;
}

/* RequestCause, in order. Free it with g_array_unref(). */
GArray *request_causes_list(const RequestCauses *c);

/* "disk", "preempted", "not yet read: wait-cpu", "db-host: disk"; and what of it: "vdc, which fio 204 keeps busy", "" if there is nothing to say. The caller frees. */
char *request_cause_name(const RequestScan *s, RequestSide side, const RequestCause *c);
char *request_cause_detail(const RequestScan *s, const RequestCause *c);

/* The store must outlive it. */
RequestMachines *request_machines_new(const AnalysisStore *s);
void request_machines_free(RequestMachines *m); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RequestMachines, request_machines_free)
const CriticalWorld *request_machines_world(const RequestMachines *m);

/* The detail of a segment as causes have it: one for all connections of a service, whose clients' ports say nothing. */
guint32 request_machines_detail(RequestMachines *m, const GraphSegment *s);
char *request_machines_text(const RequestMachines *m, const GraphSegment *s); /* the caller frees */

/*
 * A thread of a machine waited for a processor, PREEMPTED or in WAIT_CPU, from begin_ns to end_ns. Of what the processor that it got in the end was stolen meanwhile, or handling exits, `found` is told state,
 * detail and time. Nothing where no level below is known.
 */
typedef void (*RequestStolenFunc)(gpointer user, KernelThreadState state, guint32 detail, gint64 ns);
void request_waits_stolen(RequestMachines *m, guint machine, guint32 serial, gint64 begin_ns, gint64 end_ns, RequestStolenFunc found, gpointer user);

/* Columns of time by state; the first one's number. */
guint request_add_state_columns(View *v);
void request_set_states(View *v, guint first, const gint64 *ns);

/* The state that most of it was, as a word: "disk", "on cpu"; NULL: none. */
const char *request_mostly(const gint64 *ns, double *share_out);

/* ---- The forms -------------------------------------------------------------------------------------------------------- */

View *requests_log(const AnalysisStore *store, const AnalysisQuery *q);
View *requests_by_cause(const AnalysisStore *store, const AnalysisQuery *q);

/* Requests by server and port: how many, how long; --log: one by one, the slowest first; --by cause: what makes slow ones slow. */
View *analysis_requests(const AnalysisStore *store, const AnalysisQuery *q, GError **error);

#endif

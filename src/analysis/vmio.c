/* SPDX-License-Identifier: MIT */
/*
 * vmio.c: what VMs asked of their host, seen from there: system calls of their user parts on disk images, block requests on their behalf, packets of their taps.
 *
 * A thread is a VM's if it is of the process that runs its vCPUs, or a vhost worker of that. One guest request may be a call, and one or several block requests below it: each is
 * told as what it is, and they are not added up.
 */
#include "analysis/calls.h"
#include "analysis/commands.h"
#include "analysis/disk_sums.h"
#include "kernel/net.h"
#include "kvm/rows.h"

typedef enum { IO_CALL, IO_DISK, IO_NET, N_KINDS } Kind;
typedef enum { OP_READ, OP_WRITE, OP_SYNC, OP_SUBMIT, OP_DISCARD, OP_OTHER, OP_TO_VM, OP_FROM_VM, N_OPS } Op;

static const char *const kind_names[N_KINDS] = {[IO_CALL] = "call", [IO_DISK] = "disk", [IO_NET] = "net"};
static const char *const op_names[N_OPS] = {[OP_READ] = "read", [OP_WRITE] = "write", [OP_SYNC] = "sync", [OP_SUBMIT] = "submit", [OP_DISCARD] = "discard",
					    [OP_OTHER] = "other", [OP_TO_VM] = "to-vm", [OP_FROM_VM] = "from-vm"};

#define NO_VM        KVM_NO_ROW
#define NO_TARGET    G_MAXUINT32
#define NO_LATENCY   (-1)
#define NOTHING_TEXT "No disk or network request of a VM is in these traces."

/* Something that a VM asked for. */
typedef struct {
	guint32 vm, target, thread;   /* item of "vms"; file, disk or interface; serial */
	Kind kind;
	Op op;
	gint64 begin_ns, end_ns;
	gint64 ns;                    /* NO_LATENCY: not known */
	gint64 bytes, requests;       /* requests: of a submission how many it was of; else 1 */
	gboolean failed;
	gint64 own, others;           /* in the disk's queue or driver when it came: requests of the same VM, of anybody else; -1: not known */
} Request;

typedef struct {
	const AnalysisStoreTrace *trace;
	const History *h;
	AnalysisCalls *calls;         /* NULL: there are none; the tables below likewise */
	guint vms, disks, disk_requests, interfaces, packets;
	gboolean has_disk, has_net;
	guint32 *vm_of;               /* by serial */
	guint64 n_threads;
	guint32 *interface_vm;
	guint64 n_interfaces;
	guint32 *own, *others;        /* by disk request */
} Io;

/* ---- Whose ----------------------------------------------------------------------------------------------------------- */

static guint32 vm_of(const Io *x, guint32 thread)
{
	return thread < x->n_threads ? x->vm_of[thread] : NO_VM;
}

static void find_threads(Io *x)
{
	guint threads, of_vms;

	if (!history_find_table(x->h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &threads) ||
	    !history_find_table(x->h, KVM_VM_THREADS_TABLE, sizeof(KvmVmThreadItem), &of_vms))
		return;
	x->n_threads = history_table_len(x->h, threads);
	x->vm_of = g_new(guint32, x->n_threads + 1);
	for (guint64 i = 0; i < x->n_threads; i++)
		x->vm_of[i] = NO_VM;
	for (guint64 i = 0; i < history_table_len(x->h, of_vms); i++) {
		const KvmVmThreadItem *t = history_table_get(x->h, of_vms, i);

		if (t->thread < x->n_threads)
			x->vm_of[t->thread] = t->vm;
	}
	/* Serials that turned out to be another's. */
	for (guint64 i = 0; i < x->n_threads; i++) {
		guint32 same = ((const KernelThreadItem *)history_table_get(x->h, threads, i))->same_as;

		if (x->vm_of[i] == NO_VM && same < x->n_threads)
			x->vm_of[i] = x->vm_of[same];
		else if (same < x->n_threads && x->vm_of[same] == NO_VM)
			x->vm_of[same] = x->vm_of[i];
	}
}

static void find_interfaces(Io *x)
{
	x->n_interfaces = history_table_len(x->h, x->interfaces);
	x->interface_vm = g_new(guint32, x->n_interfaces + 1);
	for (guint64 i = 0; i < x->n_interfaces; i++)
		x->interface_vm[i] = vm_of(x, ((const KernelNetInterface *)history_table_get(x->h, x->interfaces, i))->reader);
}

/* ---- Who else the disk was busy with --------------------------------------------------------------------------------- */

/* A request comes, or goes. */
typedef struct {
	gint64 time;
	guint64 request;
	gboolean comes;
} Point;

static gint compare_points(gconstpointer a, gconstpointer b)
{
	const Point *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->comes != y->comes)
		return x->comes ? 1 : -1;
	return x->request < y->request ? -1 : x->request > y->request;
}

static const KernelDiskRequest *disk_request(const Io *x, guint64 i)
{
	return history_table_get(x->h, x->disk_requests, i);
}

static GArray *make_points(const Io *x)
{
	GArray *points = g_array_new(FALSE, FALSE, sizeof(Point));

	for (guint64 i = 0; i < history_table_len(x->h, x->disk_requests); i++) {
		const KernelDiskRequest *r = disk_request(x, i);
		gint64 begin = kernel_disk_request_begin(r);

		if (begin == KERNEL_NO_TIME || r->end == KERNEL_DISK_LOST)
			continue;
		Point in = {begin, i, TRUE}, out = {begin + disk_request_total(r, x->trace->end_ns), i, FALSE};
		g_array_append_val(points, in);
		g_array_append_val(points, out);
	}
	g_array_sort(points, compare_points);
	return points;
}

static void count_crowd(Io *x)
{
	g_autoptr(GArray) points = make_points(x);
	guint64 n = history_table_len(x->h, x->disk_requests), disks = history_table_len(x->h, x->disks), vms = history_table_len(x->h, x->vms);
	g_autofree guint32 *busy = g_new0(guint32, disks * (vms + 1) + 1); /* by disk and VM, the last being everybody */

	x->own = g_new0(guint32, n + 1);
	x->others = g_new0(guint32, n + 1);
	for (guint i = 0; i < points->len; i++) {
		const Point *p = &g_array_index(points, Point, i);
		const KernelDiskRequest *r = disk_request(x, p->request);
		guint32 vm = vm_of(x, r->cause);

		if (r->disk >= disks)
			continue;
		guint32 *all = &busy[r->disk * (vms + 1) + vms], *own = vm < vms ? &busy[r->disk * (vms + 1) + vm] : NULL;
		if (p->comes) {
			x->own[p->request] = own ? *own : 0;
			x->others[p->request] = *all - (own ? *own : 0);
		}
		*all += p->comes ? 1 : G_MAXUINT32;
		if (own)
			*own += p->comes ? 1 : G_MAXUINT32;
	}
}

/* ---- Making ------------------------------------------------------------------------------------------------------------ */

static void io_free(Io *x)
{
	if (!x)
		return;
	analysis_calls_free(x->calls);
	g_free(x->vm_of);
	g_free(x->interface_vm);
	g_free(x->own);
	g_free(x->others);
	g_free(x);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Io, io_free)

/* NULL: there was no VM. */
static Io *io_new(const AnalysisStoreTrace *t)
{
	guint vms;

	if (!t->is_kernel || !history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms) || !history_table_len(t->history, vms))
		return NULL;
	Io *x = g_new0(Io, 1);
	*x = (Io){.trace = t, .h = t->history, .vms = vms, .calls = analysis_calls_new(t)};
	x->has_disk = history_find_table(x->h, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem), &x->disks) &&
		      history_find_table(x->h, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &x->disk_requests);
	x->has_net = history_find_table(x->h, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &x->interfaces) &&
		     history_find_table(x->h, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &x->packets);
	find_threads(x);
	if (x->has_net)
		find_interfaces(x);
	if (x->has_disk)
		count_crowd(x);
	return x;
}

/* ---- Requests ----------------------------------------------------------------------------------------------------------- */

/* FALSE: that system call asks nothing of a disk. */
static gboolean call_op(gint syscall, const KernelFileItem *file, Op *op_out)
{
	if (syscall == TRACE_SYS_IO_SUBMIT || syscall == TRACE_SYS_IO_URING_ENTER) {
		*op_out = OP_SUBMIT;
		return TRUE;
	}
	switch ((KernelOp)kernel_call_rule(syscall)->op) {
	case KERNEL_OP_READ:
		*op_out = OP_READ;
		break;
	case KERNEL_OP_WRITE:
		*op_out = OP_WRITE;
		break;
	case KERNEL_OP_SYNC:
		*op_out = OP_SYNC;
		break;
	default:
		*op_out = OP_DISCARD;
		if (syscall != TRACE_SYS_FALLOCATE)
			return FALSE;
	}
	return file && (file->kind == KERNEL_FILE_FILE || file->kind == KERNEL_FILE_DEVICE);
}

static gboolean get_call(const Io *x, guint64 i, Request *out)
{
	KernelSyscall call;

	analysis_calls_get(x->calls, FALSE, i, &call);
	guint32 vm = vm_of(x, call.thread);
	const KernelFileItem *file = vm == NO_VM ? NULL : analysis_calls_file(x->calls, call.file);
	Op op;
	if (vm == NO_VM || !call_op(analysis_calls_number(x->calls, call.name), file, &op))
		return FALSE;
	gint64 done = MAX(call.ret, 0);
	*out = (Request){.vm = vm, .kind = IO_CALL, .op = op, .thread = call.thread, .begin_ns = call.begin_ns, .end_ns = call.end_ns,
			 .ns = call.end_ns - call.begin_ns, .bytes = op == OP_READ || op == OP_WRITE ? done : 0, .requests = op == OP_SUBMIT ? done : 1,
			 .target = op == OP_SUBMIT ? NO_TARGET : call.file, .failed = (call.flags & KERNEL_CALL_ERROR) != 0, .own = -1, .others = -1};
	return TRUE;
}

static gboolean get_disk(const Io *x, guint64 i, Request *out)
{
	static const Op ops[KERNEL_DISK_OP_COUNT] = {[KERNEL_DISK_OP_READ] = OP_READ, [KERNEL_DISK_OP_WRITE] = OP_WRITE, [KERNEL_DISK_OP_DISCARD] = OP_DISCARD,
						     [KERNEL_DISK_OP_FLUSH] = OP_SYNC, [KERNEL_DISK_OP_OTHER] = OP_OTHER};
	const KernelDiskRequest *r = disk_request(x, i);
	guint32 vm = vm_of(x, r->cause);

	if (vm == NO_VM || r->end != KERNEL_DISK_COMPLETED || kernel_disk_request_begin(r) == KERNEL_NO_TIME)
		return FALSE;
	gint64 begin = kernel_disk_request_begin(r), ns = disk_request_total(r, x->trace->end_ns);
	*out = (Request){.vm = vm, .kind = IO_DISK, .op = r->op < KERNEL_DISK_OP_COUNT ? ops[r->op] : OP_OTHER, .target = r->disk, .thread = r->cause,
			 .begin_ns = begin, .end_ns = begin + ns, .ns = ns, .bytes = (gint64)r->bytes, .requests = 1, .failed = r->error != 0,
			 .own = x->own[i], .others = x->others[i]};
	return TRUE;
}

/* What the kernel sends to a tap is what its VM receives. */
static gboolean get_packet(const Io *x, guint64 i, Request *out)
{
	const KernelPacket *p = history_table_get(x->h, x->packets, i);
	guint32 vm = p->interface < x->n_interfaces ? x->interface_vm[p->interface] : NO_VM;
	gboolean out_of = p->direction == KERNEL_NET_OUT;

	if (vm == NO_VM)
		return FALSE;
	gint64 end = out_of && p->xmit_ns != KERNEL_NET_NO_TIME ? MAX(p->xmit_ns, p->time_ns) : p->time_ns;
	*out = (Request){.vm = vm, .kind = IO_NET, .op = out_of ? OP_TO_VM : OP_FROM_VM, .target = p->interface,
			 .thread = ((const KernelNetInterface *)history_table_get(x->h, x->interfaces, p->interface))->reader, .begin_ns = p->time_ns, .end_ns = end,
			 .ns = out_of && p->xmit_ns != KERNEL_NET_NO_TIME ? end - p->time_ns : NO_LATENCY, .bytes = p->len, .requests = 1, .own = -1, .others = -1};
	return TRUE;
}

static guint64 n_of(const Io *x, Kind kind)
{
	switch (kind) {
	case IO_CALL:
		return x->calls ? analysis_calls_len(x->calls, FALSE) : 0;
	case IO_DISK:
		return x->has_disk ? history_table_len(x->h, x->disk_requests) : 0;
	default:
		return x->has_net ? history_table_len(x->h, x->packets) : 0;
	}
}

/* FALSE: the i-th item is no VM's. */
static gboolean get(const Io *x, Kind kind, guint64 i, Request *out)
{
	return kind == IO_CALL ? get_call(x, i, out) : kind == IO_DISK ? get_disk(x, i, out) : get_packet(x, i, out);
}

static void for_each(const Io *x, const AnalysisFilter *f, void (*found)(gpointer user, const Request *r, guint64 item), gpointer user)
{
	Request r;

	for (Kind kind = 0; kind < N_KINDS; kind++)
		for (guint64 i = 0; i < n_of(x, kind); i++)
			if (get(x, kind, i, &r) && analysis_in_range(f, r.end_ns) && analysis_filter_thread(f, r.thread))
				found(user, &r, (guint64)kind << 60 | i);
}

/* The caller frees. */
static char *target_name(const Io *x, Kind kind, guint32 target)
{
	if (target == NO_TARGET)
		return g_strdup("(asynchronous)");
	const KernelFileItem *file = kind == IO_CALL ? analysis_calls_file(x->calls, target) : NULL;
	guint32 text = kind == IO_CALL   ? (file ? file->name : 0)
		       : kind == IO_DISK ? ((const KernelDiskItem *)history_table_get(x->h, x->disks, target))->name
					 : ((const KernelNetInterface *)history_table_get(x->h, x->interfaces, target))->name;

	return g_strdup(history_text_get(x->h, text));
}

/* ---- The table ----------------------------------------------------------------------------------------------------------- */

typedef struct {
	View *view;
	guint time, machine, vm, kind, target, op, requests, bytes, errors, dist, own, others;
} Columns;

static void add_columns(Columns *c, const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = c->view;

	c->time = analysis_add_time_column(v, q);
	c->machine = analysis_add_machine_column(v, s);
	c->vm = view_add_column(v, "vm_pid", "VM", VIEW_ID);
	c->kind = view_add_column(v, "kind", "KIND", VIEW_TEXT);
	c->target = view_add_column(v, "target", "TARGET", VIEW_TEXT);
	c->op = view_add_column(v, "op", "OP", VIEW_TEXT);
	c->requests = view_add_column(v, "requests", "REQUESTS", VIEW_COUNT);
	c->bytes = view_add_column(v, "bytes", "BYTES", VIEW_BYTES);
	c->errors = view_add_column(v, "errors", "ERRORS", VIEW_COUNT);
	c->dist = analysis_add_dist_columns(v, q);
	view_hide_from_text(v, c->dist);
	view_hide_from_text(v, c->dist + 2); /* min */
	c->own = view_add_column(v, "own_mean", "OWN", VIEW_NUMBER);
	c->others = view_add_column(v, "others_mean", "OTHERS", VIEW_NUMBER);
}

/* By VM and target, kind and operation. */
typedef struct {
	AnalysisGroups *all;               /* amount: bytes */
	AnalysisGroups *timed, *requests, *own, *others; /* amounts: -, what their names say */
} Sums;

static void add_up(gpointer user, const Request *r, guint64 item)
{
	const Sums *s = user;
	guint64 key0 = (guint64)r->vm << 32 | r->target, key1 = (guint64)r->kind << 8 | r->op;

	(void)item;
	analysis_groups_add(s->all, key0, key1, r->end_ns, 0, r->bytes, r->failed);
	analysis_groups_add(s->requests, key0, key1, r->end_ns, 0, r->requests, FALSE);
	if (r->ns != NO_LATENCY)
		analysis_groups_add(s->timed, key0, key1, r->end_ns, r->ns, 0, FALSE);
	if (r->own < 0)
		return;
	analysis_groups_add(s->own, key0, key1, r->end_ns, 0, r->own, FALSE);
	analysis_groups_add(s->others, key0, key1, r->end_ns, 0, r->others, FALSE);
}

static const AnalysisGroup *same(const AnalysisGroups *groups, const AnalysisGroup *g)
{
	return analysis_groups_find(groups, g->key[0], g->key[1], g->step_ns);
}

static void set_row(const Columns *c, const Io *x, const AnalysisQuery *q, const Sums *s, const AnalysisGroup *g)
{
	Kind kind = (Kind)(g->key[1] >> 8);
	const AnalysisGroup *timed = same(s->timed, g), *own = same(s->own, g), *others = same(s->others, g), *requests = same(s->requests, g);
	g_autofree char *target = target_name(x, kind, (guint32)g->key[0]);
	View *v = c->view;

	view_begin_row(v);
	if (q->form == ANALYSIS_SERIES)
		analysis_set_time(v, c->time, x->trace, g->step_ns);
	view_set_text(v, c->machine, x->trace->name);
	view_set_int(v, c->vm, ((const KvmVmItem *)history_table_get(x->h, x->vms, g->key[0] >> 32))->pid);
	view_set_text(v, c->kind, kind_names[kind]);
	view_set_text(v, c->target, target);
	view_set_text(v, c->op, op_names[g->key[1] & 0xff]);
	view_set_int(v, c->requests, requests ? requests->amount : 0);
	if ((g->key[1] & 0xff) != OP_SUBMIT)
		view_set_int(v, c->bytes, g->amount);
	view_set_uint(v, c->errors, g->errors);
	if (timed)
		analysis_set_dist(v, c->dist, q, timed);
	if (!own || !others)
		return;
	view_set_double(v, c->own, (double)own->amount / (double)own->count);
	view_set_double(v, c->others, (double)others->amount / (double)others->count);
}

static void add_trace(const Columns *c, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
	g_autoptr(Io) x = f ? io_new(t) : NULL;

	if (!x)
		return;
	g_autoptr(AnalysisGroups) all = analysis_groups_new(q, f), timed = analysis_groups_new(q, f), requests = analysis_groups_new(q, f),
				  own = analysis_groups_new(q, f), others = analysis_groups_new(q, f);
	Sums s = {all, timed, requests, own, others};
	for_each(x, f, add_up, &s);
	for (guint i = 0; i < analysis_groups_len(all); i++)
		set_row(c, x, q, &s, analysis_groups_get(all, i));
	if (analysis_groups_dropped(all))
		view_add_note(c->view, "%s: %" G_GUINT64_FORMAT " requests are left out: there are too many rows.", t->name, analysis_groups_dropped(all));
}

static View *table(const AnalysisStore *s, const AnalysisQuery *q)
{
	Columns c = {.view = view_new("vmio", "Requests of VMs")};

	add_columns(&c, s, q);
	for (guint i = 0; i < s->traces->len; i++)
		add_trace(&c, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(c.view, NOTHING_TEXT);
	if (view_row_count(c.view))
		view_add_note(c.view, "A guest's request is a call or a packet; disk rows are what the host's devices were asked because of it. Own and Others: requests "
				      "of the VM itself, and of anybody else, that the disk had already.");
	view_sort(c.view, c.dist + 1, TRUE);
	view_sort(c.view, c.kind, FALSE);
	view_sort(c.view, c.vm, FALSE);
	view_sort(c.view, c.machine, FALSE);
	if (q->form == ANALYSIS_SERIES)
		view_sort(c.view, c.time, FALSE);
	return c.view;
}

/* ---- The longest ones ------------------------------------------------------------------------------------------------------ */

enum { LOG_MACHINE, LOG_TIME, LOG_VM, LOG_KIND, LOG_TARGET, LOG_OP, LOG_BYTES, LOG_DURATION, LOG_OWN, LOG_OTHERS, LOG_THREAD };

static void add_worst(gpointer user, const Request *r, guint64 item)
{
	if (r->ns != NO_LATENCY)
		analysis_worst_add(user, r->ns, item);
}

static void set_log_row(View *v, const Io *x, const Request *r)
{
	g_autofree char *target = target_name(x, r->kind, r->target), *thread = analysis_thread_name(x->trace, r->thread);

	view_begin_row(v);
	view_set_text(v, LOG_MACHINE, x->trace->name);
	analysis_set_time(v, LOG_TIME, x->trace, r->begin_ns);
	view_set_int(v, LOG_VM, ((const KvmVmItem *)history_table_get(x->h, x->vms, r->vm))->pid);
	view_set_text(v, LOG_KIND, kind_names[r->kind]);
	view_set_text(v, LOG_TARGET, target);
	view_set_text(v, LOG_OP, op_names[r->op]);
	if (r->op != OP_SUBMIT)
		view_set_int(v, LOG_BYTES, r->bytes);
	view_set_int(v, LOG_DURATION, r->ns);
	if (r->own >= 0) {
		view_set_int(v, LOG_OWN, r->own);
		view_set_int(v, LOG_OTHERS, r->others);
	}
	view_set_text(v, LOG_THREAD, thread);
}

static void log_trace(View *v, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
	g_autoptr(Io) x = f ? io_new(t) : NULL;
	g_autoptr(AnalysisWorst) worst = analysis_worst_new(q->limit);
	Request r;
	guint n;

	if (!x)
		return;
	for_each(x, f, add_worst, worst);
	const AnalysisWorstItem *sorted = analysis_worst_sorted(worst, &n);
	for (guint i = 0; i < n; i++)
		if (get(x, (Kind)(sorted[i].item >> 60), sorted[i].item & ((G_GUINT64_CONSTANT(1) << 60) - 1), &r))
			set_log_row(v, x, &r);
}

static View *log_view(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("vmio-log", "The longest requests of VMs");

	analysis_add_machine_column(v, s);
	view_add_column(v, "begin_ns", "BEGIN", VIEW_TIME_NS);
	view_add_column(v, "vm_pid", "VM", VIEW_ID);
	view_add_column(v, "kind", "KIND", VIEW_TEXT);
	view_add_column(v, "target", "TARGET", VIEW_TEXT);
	view_add_column(v, "op", "OP", VIEW_TEXT);
	view_add_column(v, "bytes", "BYTES", VIEW_BYTES);
	view_add_column(v, "duration_ns", "DURATION", VIEW_NS);
	view_add_column(v, "own", "OWN", VIEW_COUNT);
	view_add_column(v, "others", "OTHERS", VIEW_COUNT);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	for (guint i = 0; i < s->traces->len; i++)
		log_trace(v, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(v, NOTHING_TEXT);
	view_sort(v, LOG_DURATION, TRUE);
	return v;
}

View *analysis_vmio(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	(void)error;
	return q->form == ANALYSIS_LOG ? log_view(s, q) : table(s, q);
}

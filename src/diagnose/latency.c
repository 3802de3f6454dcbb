/* SPDX-License-Identifier: MIT */
/*
 * latency.c: the way to another machine has become longer: even the quickest handshake takes longer than handshakes do at other times.
 *
 * Kernels answer handshakes at once, programs have no part in them; and of those in a second of time the quickest one is free of chance. So what the quickest one of a second takes beyond the quickest
 * of all is in the way. A SYN's answer tells of it on the client's side, the answer to that on the server's. In such seconds the time for which packets to that machine were under way for longer is lost.
 */
#include <string.h>

#include "base/format.h"
#include "diagnose/private.h"
#include "diagnose/spans.h"
#include "kernel/net.h"

#define WINDOW_NS     G_GINT64_CONSTANT(1000000000)
#define WINDOWS_MAX   3600
#define HANDSHAKES_MIN 5    /* in a window, to be told by */
#define PEERS_MAX     1024

/* Another machine, as seen through an interface. */
typedef struct {
	guint8 address[16];
	guint16 interface;
	guint8 version;
	gint64 *quickest;   /* by window; G_MAXINT64: none */
	guint *handshakes;
	gint64 base, slow;  /* the quickest of all, and of slow windows */
	guint windows;      /* slow ones */
	GArray *spans;      /* DiagnoseSpan */
	guint32 thread;     /* of a connection */
} Peer;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint packets, interfaces, connections;
	gint64 begin, end, width;
	guint n_windows;
	GPtrArray *peers;       /* Peer * */
	GHashTable *by_address; /* the same */
} Scan;

static void peer_free(gpointer data)
{
	Peer *p = data;

	g_free(p->quickest);
	g_free(p->handshakes);
	g_array_unref(p->spans);
	g_free(p);
}

/* The side of a connection that is not here. */
static guint far_side(const KernelConnection *k)
{
	return k->direction[0] == KERNEL_NET_OUT ? 1 : 0;
}

static guint peer_hash(gconstpointer peer)
{
	const Peer *p = peer;
	guint64 words[2];

	memcpy(words, p->address, sizeof(words));
	return g_int64_hash(&words[0]) * 31 + g_int64_hash(&words[1]) * 7 + p->interface;
}

static gboolean peer_equal(gconstpointer a, gconstpointer b)
{
	const Peer *x = a, *y = b;

	return x->interface == y->interface && !memcmp(x->address, y->address, sizeof(x->address));
}

static Peer *peer_new(const Scan *s, const Peer *key, const KernelConnection *k)
{
	Peer *p = g_memdup2(key, sizeof(*key));

	p->version = k->version;
	p->thread = k->thread;
	p->base = p->slow = G_MAXINT64;
	p->quickest = g_new(gint64, s->n_windows);
	p->handshakes = g_new0(guint, s->n_windows);
	p->spans = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	for (guint i = 0; i < s->n_windows; i++)
		p->quickest[i] = G_MAXINT64;
	return p;
}

static Peer *peer_of(const Scan *s, const KernelConnection *k, gboolean make)
{
	Peer key = {.interface = k->interface}, *p;

	memcpy(key.address, k->address[far_side(k)], sizeof(key.address));
	p = g_hash_table_lookup(s->by_address, &key);
	if (p || !make || s->peers->len >= PEERS_MAX)
		return p;
	p = peer_new(s, &key, k);
	g_ptr_array_add(s->peers, p);
	g_hash_table_add(s->by_address, p);
	return p;
}

static guint window_of(const Scan *s, gint64 time)
{
	return (guint)CLAMP((time - s->begin) / s->width, 0, (gint64)s->n_windows - 1);
}

/* ---- Handshakes ------------------------------------------------------------------------------------------------------------------ */

/* How long the other side's kernel and the way to it took; -1: not seen. */
static gint64 answer_ns(const KernelConnection *k)
{
	if (!k->begun || k->protocol != KERNEL_PROTO_TCP || k->retransmissions[0] || k->retransmissions[1] || k->direction[0] == k->direction[1])
		return -1;
	if (far_side(k) == 1)
		return k->syn_ack_ns;
	return k->handshake_ns >= 0 && k->syn_ack_ns >= 0 ? k->handshake_ns - k->syn_ack_ns : -1;
}

static void read_connections(const Scan *s)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->connections); i++) {
		const KernelConnection *k = history_table_get(s->t->history, s->connections, i);
		gint64 ns = answer_ns(k);
		Peer *p = ns >= 0 && k->first_ns >= s->begin && k->first_ns < s->end ? peer_of(s, k, TRUE) : NULL;

		if (!p)
			continue;
		guint w = window_of(s, k->first_ns);
		p->quickest[w] = MIN(p->quickest[w], ns);
		p->handshakes[w]++;
	}
}

static gboolean is_slow(const Scan *s, const Peer *p, guint w)
{
	return p->handshakes[w] >= HANDSHAKES_MIN && (double)(p->quickest[w] - p->base) >= s->d->thresholds[DIAGNOSE_LATENCY_MS] * 1e6 &&
	       (double)p->quickest[w] >= s->d->thresholds[DIAGNOSE_LATENCY_TIMES] * (double)p->base;
}

static void find_windows(const Scan *s, Peer *p)
{
	for (guint w = 0; w < s->n_windows; w++)
		if (p->handshakes[w] >= HANDSHAKES_MIN)
			p->base = MIN(p->base, p->quickest[w]);
	for (guint w = 0; w < s->n_windows; w++)
		if (is_slow(s, p, w)) {
			p->slow = MIN(p->slow, p->quickest[w]);
			p->windows++;
		}
}

/* Packets that were under way for longer than the quickest are at other times. */
static void read_packets(const Scan *s)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->packets); i++) {
		const KernelPacket *k = history_table_get(s->t->history, s->packets, i);

		if (k->direction != KERNEL_NET_OUT || k->rtt_ns < 0 || k->connection == KERNEL_NET_NONE || k->time_ns < s->begin || k->time_ns >= s->end)
			continue;
		Peer *p = peer_of(s, history_table_get(s->t->history, s->connections, k->connection), FALSE);
		if (p && p->windows && is_slow(s, p, window_of(s, k->time_ns)) && k->rtt_ns > p->base)
			diagnose_span_add(p->spans, k->time_ns + p->base, MIN(k->time_ns + k->rtt_ns, s->end));
	}
}

/* ---- Findings ---------------------------------------------------------------------------------------------------------------------- */

static void add_finding(const Scan *s, const Peer *p, const DiagnoseLoss *loss)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "network-latency", loss, s->end - s->begin);
	const KernelNetInterface *n = history_table_get(s->t->history, s->interfaces, p->interface);
	const KernelThreadItem *reader = kernel_find_thread(s->t->history, n->reader);
	gint32 pid = reader && reader->is_kthread ? diagnose_vhost_pid(history_text_get(s->t->history, reader->name)) : reader ? reader->pid : -1;
	guint32 vm = diagnose_vm_of_pid(s->t, pid);
	char address[KERNEL_ADDRESS_LEN], slow[ST_FORMAT_MAX], base[ST_FORMAT_MAX];
	g_autofree char *way = g_strdup_printf("the way to %s", kernel_net_address(address, p->address, p->version));

	if (vm != EXPERIMENT_NONE)
		diagnose_suffers_vm(s->d, f, s->t, vm);
	else
		diagnose_who(&f->sufferer, "machine", s->t->name, s->t->name, -1, -1);
	f->victim = diagnose_member_of_pid(s->d, s->t, pid);
	f->title = g_strdup_printf("At times %s from %s takes at least %s, else %s", way, s->t->name, st_format_duration(slow, p->slow), st_format_duration(base, p->base));
	f->advice = g_strdup("Something on the way delays packets: see what is configured and how full queues are there, and record the machines that it leads through (both hosts, if these are VMs).");
	diagnose_who(&f->culprit, "network", way, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

static void judge(const Scan *s, Peer *p)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);
	const KernelThreadItem *item = kernel_find_thread(s->t->history, p->thread);
	guint32 row = item && item->row != KERNEL_NO_ROW ? item->row : kernel_find_cpu_row(s->t->history, 0);

	diagnose_spans_merge(p->spans);
	for (guint i = 0; i < p->spans->len; i++) {
		const DiagnoseSpan *w = &g_array_index(p->spans, DiagnoseSpan, i);

		diagnose_loss_add_in_row(loss, w->begin, w->end, row);
	}
	if (diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_LOST_SHARE))
		add_finding(s, p, loss);
}

void diagnose_rule_latency(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GPtrArray) peers = g_ptr_array_new_with_free_func(peer_free);
	g_autoptr(GHashTable) by_address = g_hash_table_new(peer_hash, peer_equal);
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t), .peers = peers, .by_address = by_address};
	gboolean any = FALSE;

	if (s.begin >= s.end || !history_find_table(t->history, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &s.packets) ||
	    !history_find_table(t->history, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &s.interfaces) ||
	    !history_find_table(t->history, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection), &s.connections))
		return;
	s.width = MAX(WINDOW_NS, (s.end - s.begin) / WINDOWS_MAX + 1);
	s.n_windows = (guint)((s.end - s.begin) / s.width + 1);
	read_connections(&s);
	for (guint i = 0; i < peers->len; i++) {
		find_windows(&s, g_ptr_array_index(peers, i));
		any |= ((Peer *)g_ptr_array_index(peers, i))->windows > 0;
	}
	if (any)
		read_packets(&s);
	for (guint i = 0; i < peers->len; i++)
		judge(&s, g_ptr_array_index(peers, i));
}

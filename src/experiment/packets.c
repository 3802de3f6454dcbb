/* SPDX-License-Identifier: MIT */
/*
 * packets.c: clocks of machines that share no VM: a packet is sent before it is received.
 *
 * Machines whose clocks are aligned already are a group, with one clock. Between two groups each TCP segment that was seen in both, and came from the one, is an inequality
 * on the difference of their clocks; those of both directions leave a range. How wide it is depends on the network: on the least time that a packet took, each way.
 *
 * A segment is known by its addresses, ports, numbers, flags and length. Those that were sent again, or were seen twice in one place, say nothing. It came from where it was first seen to
 * go out, or to come in from a VM; and went to where it was first seen to come in from elsewhere.
 */
#include "experiment/private.h"

#include "kernel/net.h"

#define SEEN_MAX   (1u << 22)  /* of a machine; if there were more, only those of certain hashes count, the same everywhere */

/* A packet as a machine saw it first. */
typedef struct {
	guint64 key;
	gint64 time;
	guint32 place;        /* interface and direction */
	gboolean came;        /* from another machine; else it was sent here, or by a VM of it */
	gboolean twice;
} Seen;

/* Two groups and the clock that leads from the first one's to the second one's. */
typedef struct {
	guint a, b;           /* their roots */
	ExperimentClock clock;
	gboolean found;
} Link;

/* ---- What a machine saw ----------------------------------------------------------------------------------------------- */

static guint64 key_of(const KernelPacket *p, const KernelConnection *c)
{
	guint64 h = kernel_packet_mix(kernel_packet_flow(p, c), (guint64)p->seq << 32 | p->ack);

	return kernel_packet_mix(h, (guint64)p->flags << 48 | (guint64)p->window << 32 | p->payload);
}

static gint by_key(gconstpointer a, gconstpointer b)
{
	const Seen *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->time < y->time ? -1 : x->time > y->time;
}

/* One for each key: where it was seen first. */
static void merge_keys(GArray *all)
{
	guint kept = 0;

	g_array_sort(all, by_key);
	for (guint i = 0; i < all->len; i++) {
		Seen s = g_array_index(all, Seen, i);
		Seen *last = kept ? &g_array_index(all, Seen, kept - 1) : NULL;

		if (last && last->key == s.key)
			last->twice |= s.twice || s.place == last->place;
		else
			g_array_index(all, Seen, kept++) = s;
	}
	g_array_set_size(all, kept);
}

static gboolean is_tap(const History *h, guint table, guint16 interface)
{
	const KernelNetInterface *i = interface == G_MAXUINT16 ? NULL : history_table_get(h, table, interface);

	return i && i->reader != KERNEL_NET_NONE;
}

static void add_seen(GArray *all, const History *h, const KernelPacket *p, guint connections, guint interfaces, guint64 mask)
{
	const KernelConnection *c = history_table_get(h, connections, p->connection);
	Seen s = {.key = key_of(p, c), .time = p->time_ns, .place = (guint32)p->interface << 1 | p->direction};

	s.came = p->direction == KERNEL_NET_IN && !is_tap(h, interfaces, p->interface);
	s.twice = (p->what & (KERNEL_PACKET_RETRANSMITTED | KERNEL_PACKET_LATE | KERNEL_PACKET_AGAIN)) != 0;
	if (!(s.key & mask))
		g_array_append_val(all, s);
}

/* Seen, by key. */
static GArray *seen_by(const History *h)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Seen));
	guint packets, connections, interfaces;
	guint64 n, mask = 0;

	if (!experiment_is_span(history_begin(h), history_end(h)) ||
	    !history_find_table(h, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &packets) ||
	    !history_find_table(h, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection), &connections) ||
	    !history_find_table(h, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &interfaces))
		return all;
	n = history_table_len(h, packets);
	while (n / (mask + 1) > SEEN_MAX)
		mask = mask * 2 + 1;
	for (guint64 i = 0; i < n; i++) {
		const KernelPacket *p = history_table_get(h, packets, i);

		if (p->protocol == KERNEL_PROTO_TCP && p->connection != KERNEL_NET_NONE)
			add_seen(all, h, p, connections, interfaces, mask);
	}
	merge_keys(all);
	return all;
}

/* ---- What went between -------------------------------------------------------------------------------------------------- */

static guint root_of(const Experiment *e, guint i)
{
	for (guint depth = 0; depth <= e->members->len && experiment_member(e, i)->clock_of != EXPERIMENT_NONE; depth++)
		i = experiment_member(e, i)->clock_of;
	return i;
}

/* Both sorted by key. */
static void add_passed(const Experiment *e, guint a, guint b, const GArray *seen_a, const GArray *seen_b, GArray *passed)
{
	gint64 slack = experiment_bound(e, a) + experiment_bound(e, b) + EXPERIMENT_WOBBLE_NS;

	for (guint i = 0, k = 0; i < seen_a->len && k < seen_b->len;) {
		const Seen *x = &g_array_index(seen_a, Seen, i), *y = &g_array_index(seen_b, Seen, k);

		if (x->key == y->key && x->came != y->came && !x->twice && !y->twice) {
			ExperimentPassed p = {experiment_to_root(e, a, x->time), experiment_to_root(e, b, y->time), slack, y->came};
			g_array_append_val(passed, p);
		}
		guint64 key = MIN(x->key, y->key);
		i += x->key == key;
		k += y->key == key;
	}
}

static GArray *find_passed(const Experiment *e, const Link *l, GArray *const *seen)
{
	GArray *passed = g_array_new(FALSE, FALSE, sizeof(ExperimentPassed));

	for (guint a = 0; a < e->members->len; a++)
		for (guint b = 0; b < e->members->len; b++)
			if (root_of(e, a) == l->a && root_of(e, b) == l->b)
				add_passed(e, a, b, seen[a], seen[b], passed);
	return passed;
}

static void find_line(const Experiment *e, Link *l, GArray *const *seen)
{
	g_autoptr(GArray) passed = find_passed(e, l, seen);
	const History *h = experiment_member(e, l->a)->history;

	l->found = experiment_line_between(passed, history_begin(h), history_end(h), EXPERIMENT_PASSED_MIN, &l->clock);
}

/* ---- Groups --------------------------------------------------------------------------------------------------------------- */

static guint size_of(const Experiment *e, guint root)
{
	guint n = 0;

	for (guint i = 0; i < e->members->len; i++)
		n += root_of(e, i) == root;
	return n;
}

static void attach(Experiment *e, const Link *l)
{
	ExperimentMember *m = g_ptr_array_index(e->members, l->a);
	ExperimentClock c = l->clock;

	c.from_ns = G_MININT64;
	m->clock_of = l->b;
	m->methods |= 1u << EXPERIMENT_BY_PACKETS;
	m->constraints = c.constraints;
	m->contradictions = c.contradictions;
	m->bound_ns = c.bound_ns;
	g_array_append_val(m->clocks, c);
}

/* Of the links from another group to that of `main_root`: the tightest. */
static const Link *next_link(const Experiment *e, const GArray *links, guint main_root)
{
	const Link *best = NULL;

	if (root_of(e, main_root) != main_root)
		return NULL;
	for (guint i = 0; i < links->len; i++) {
		const Link *l = &g_array_index(links, Link, i);

		if (l->found && root_of(e, l->a) == l->a && root_of(e, l->b) == main_root && l->a != main_root &&
		    (!best || l->clock.bound_ns < best->clock.bound_ns))
			best = l;
	}
	return best;
}

/* Roots of groups in which any packet was seen; the greatest group's is first. */
static GArray *find_roots(const Experiment *e, GArray *const *seen)
{
	GArray *roots = g_array_new(FALSE, FALSE, sizeof(guint));

	for (guint i = 0; i < e->members->len; i++) {
		guint any = 0;

		for (guint k = 0; k < e->members->len; k++)
			any |= root_of(e, k) == i && seen[k]->len;
		if (!any || root_of(e, i) != i)
			continue;
		g_array_append_val(roots, i);
		if (size_of(e, i) > size_of(e, g_array_index(roots, guint, 0))) {
			g_array_index(roots, guint, roots->len - 1) = g_array_index(roots, guint, 0);
			g_array_index(roots, guint, 0) = i;
		}
	}
	return roots;
}

static GArray *find_links(const Experiment *e, const GArray *roots, GArray *const *seen)
{
	GArray *links = g_array_new(FALSE, FALSE, sizeof(Link));

	for (guint i = 0; i < roots->len; i++)
		for (guint k = 0; k < roots->len; k++) {
			Link l = {.a = g_array_index(roots, guint, i), .b = g_array_index(roots, guint, k)};

			if (i != k)
				find_line(e, &l, seen);
			if (l.found)
				g_array_append_val(links, l);
		}
	return links;
}

static void free_seen(GArray **seen, guint n)
{
	for (guint i = 0; i < n; i++)
		g_array_unref(seen[i]);
	g_free(seen);
}

void experiment_align_by_packets(Experiment *e)
{
	guint n = e->members->len, n_roots = 0;
	GArray **seen = g_new0(GArray *, n + 1);

	for (guint i = 0; i < n; i++)
		n_roots += root_of(e, i) == i;
	for (guint i = 0; i < n; i++)
		seen[i] = n_roots > 1 ? seen_by(experiment_member(e, i)->history) : g_array_new(FALSE, FALSE, sizeof(Seen));
	g_autoptr(GArray) roots = find_roots(e, seen);
	g_autoptr(GArray) links = find_links(e, roots, seen);
	for (guint i = 0; i < roots->len; i++)
		for (const Link *l; (l = next_link(e, links, g_array_index(roots, guint, i)));)
			attach(e, l);
	free_seen(seen, n);
}

/* SPDX-License-Identifier: MIT */
#include "ctf/merge.h"

#include <string.h>

void ctf_merge_init(CtfMerge *m)
{
	*m = (CtfMerge){0};
}

void ctf_merge_finish(CtfMerge *m)
{
	g_free(m->a);
	g_free(m->b);
	g_free(m->ends);
}

/* Every run stands between two sentinels: a 0 before it, a G_MAXUINT64 after it. */
void ctf_merge_begin(CtfMerge *m, gsize keys, gsize runs)
{
	gsize room = keys + 2 * runs;
	if (m->room < room) {
		g_free(m->a);
		g_free(m->b);
		m->room = room + room / 4;
		m->a = g_new(guint64, m->room);
		m->b = g_new(guint64, m->room);
	}
	if (m->max < runs) {
		m->max = runs;
		m->ends = g_renew(gsize, m->ends, runs);
	}
	m->n = 0;
}

static gsize next_begin(const CtfMerge *m)
{
	return m->n ? m->ends[m->n - 1] : 0;
}

guint64 *ctf_merge_run(CtfMerge *m)
{
	return m->a + next_begin(m) + 1;
}

void ctf_merge_run_done(CtfMerge *m, gsize n)
{
	gsize begin = next_begin(m);
	m->a[begin] = 0;
	m->a[begin + 1 + n] = G_MAXUINT64;
	m->ends[m->n++] = begin + n + 2;
}

/* x and y with their sentinels around; out gets nx + ny keys. */
static void merge_pair(const guint64 *x, gsize nx, const guint64 *y, gsize ny, guint64 *out)
{
	const guint64 *xe = x + nx - 1, *ye = y + ny - 1;
	gsize n = nx + ny, half = n / 2;
	guint64 *front = out, *back = out + n - 1;

	for (gsize i = 0; i < half; i++) {
		guint64 a = *x, b = *y, c = *xe, d = *ye;
		gboolean take_x = a < b, take_xe = c > d;
		*front++ = take_x ? a : b;
		x += take_x;
		y += !take_x;
		*back-- = take_xe ? c : d;
		xe -= take_xe;
		ye -= !take_xe;
	}
	if (n & 1)
		*front = MIN(*x, *y);
}

static void merge_round(CtfMerge *m)
{
	gsize runs = 0, out = 0;
	for (gsize i = 0; i < m->n; i += 2) {
		gsize x = i ? m->ends[i - 1] : 0, nx = m->ends[i] - x - 2, total = nx;
		if (i + 1 < m->n) {
			gsize y = m->ends[i], ny = m->ends[i + 1] - y - 2;
			merge_pair(m->a + x + 1, nx, m->a + y + 1, ny, m->b + out + 1);
			total += ny;
		} else {
			memcpy(m->b + out + 1, m->a + x + 1, nx * sizeof(guint64));
		}
		m->b[out] = 0;
		m->b[out + 1 + total] = G_MAXUINT64;
		out += total + 2;
		m->ends[runs++] = out;
	}
	m->n = runs;
	guint64 *swap = m->a;
	m->a = m->b;
	m->b = swap;
}

const guint64 *ctf_merge_keys(CtfMerge *m)
{
	while (m->n > 1)
		merge_round(m);
	return m->a + 1;
}

/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "ctf/merge.h"

static int compare(const void *pa, const void *pb)
{
	guint64 a = *(const guint64 *)pa, b = *(const guint64 *)pb;
	return a < b ? -1 : a > b;
}

/* Keys as the reader makes them: a time, which may repeat, and the run's own number below it. */
static gsize fill_run(guint64 *keys, gsize n, guint run, guint bits)
{
	guint64 time = 1 + (guint64)g_random_int_range(0, 50);
	for (gsize i = 0; i < n; i++) {
		keys[i] = (time << bits) | run;
		time += (guint64)g_random_int_range(0, 3);
	}
	return n;
}

static void merge_equals_sort(void)
{
	CtfMerge m;
	ctf_merge_init(&m);
	for (guint round = 0; round < 500; round++) {
		guint runs = (guint)g_random_int_range(1, 40), bits = 6;
		gsize lengths[40], total = 0, at = 0;
		for (guint i = 0; i < runs; i++)
			total += lengths[i] = (gsize)g_random_int_range(0, i % 3 ? 40 : 2);
		g_autofree guint64 *expected = g_new(guint64, total + 1);
		ctf_merge_begin(&m, total, runs);
		for (guint i = 0; i < runs; i++) {
			guint64 *keys = ctf_merge_run(&m);
			ctf_merge_run_done(&m, fill_run(keys, lengths[i], i, bits));
			memcpy(expected + at, keys, lengths[i] * sizeof(guint64));
			at += lengths[i];
		}
		qsort(expected, total, sizeof(guint64), compare);
		g_assert_cmpmem(ctf_merge_keys(&m), total * sizeof(guint64), expected, total * sizeof(guint64));
	}
	ctf_merge_finish(&m);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/merge/equals-a-sort-of-all-keys", merge_equals_sort);
	return g_test_run();
}

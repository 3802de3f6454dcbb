/* SPDX-License-Identifier: MIT */
/*
 * keep.c: who is whose VM and whose clock is how far off, in a file of the cache directory: for the same traces it isn't searched for again.
 *
 * The file has the fingerprint of all traces, a checksum, and what experiment_to_bytes() made.
 */
#include <string.h>

#include "analysis/keep.h"

#define SUM_LEN 64 /* SHA-256 in hexadecimal */

static char *sum_of(gconstpointer a, gsize a_len, gconstpointer b, gsize b_len)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	g_checksum_update(sum, a, (gssize)a_len);
	g_checksum_update(sum, b, (gssize)b_len);
	return g_strdup(g_checksum_get_string(sum));
}

/* The fingerprint names the file too: other options for the same traces don't push each other out. */
static char *path_of(const char *fingerprint)
{
	g_autofree char *dir = history_cache_dir(NULL), *name = sum_of(fingerprint, strlen(fingerprint), "", 0);

	return dir ? g_strdup_printf("%s/%.32s" HISTORY_CACHE_OTHER, dir, name) : NULL;
}

Experiment *analysis_kept_experiment(const char *fingerprint, const ExperimentInput *inputs, guint n)
{
	g_autofree char *path = path_of(fingerprint), *data = NULL, *sum = NULL;
	gsize len;

	if (!path || !g_file_get_contents(path, &data, &len, NULL) || len < SUM_LEN)
		return NULL;
	sum = sum_of(fingerprint, strlen(fingerprint), data + SUM_LEN, len - SUM_LEN);
	if (memcmp(sum, data, SUM_LEN) != 0)
		return NULL;
	g_autoptr(GBytes) bytes = g_bytes_new(data + SUM_LEN, len - SUM_LEN);
	return experiment_from_bytes(inputs, n, bytes);
}

gboolean analysis_keep_experiment(const char *fingerprint, const Experiment *e, GError **error)
{
	g_autofree char *path = path_of(fingerprint);
	g_autoptr(GBytes) bytes = experiment_to_bytes(e);
	gsize len;
	gconstpointer data = g_bytes_get_data(bytes, &len);
	g_autofree char *sum = sum_of(fingerprint, strlen(fingerprint), data, len);
	g_autoptr(GString) all = g_string_new(sum);

	g_string_append_len(all, data, (gssize)len);
	return path && history_cache_write(path, all->str, all->len, error);
}

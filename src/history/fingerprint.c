/* SPDX-License-Identifier: MIT */
/*
 * fingerprint.c: what a history was made from, as a name. Files that only grow, or are written again within a tick of the clock, change their size or their times;
 * metadata is small and says what all else means, so it is read.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "history/hash.h"
#include "history/private.h"

#define DEPTH_MAX 8

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static gboolean add_number(XXH3_state_t *hash, guint64 number)
{
	return XXH3_128bits_update(hash, &number, sizeof(number)) == XXH_OK;
}

/* With its terminator, so that no two lists of texts are the same bytes. */
static gboolean add_text(XXH3_state_t *hash, const char *text)
{
	return XXH3_128bits_update(hash, text, strlen(text) + 1) == XXH_OK;
}

static gboolean fail(GError **error, const char *path)
{
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: %s", path, g_strerror(errno));
	return FALSE;
}

static gboolean add_contents(XXH3_state_t *hash, const char *path, GError **error)
{
	g_autofree char *data = NULL;
	g_autoptr(GError) cause = NULL;
	gsize size;

	if (!g_file_get_contents(path, &data, &size, &cause)) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_IO, cause->message);
		return FALSE;
	}
	return add_number(hash, size) && XXH3_128bits_update(hash, data, size) == XXH_OK;
}

static gboolean add_dir(XXH3_state_t *hash, const char *path, guint depth, guint *n_files, GError **error);

static gboolean add_file(XXH3_state_t *hash, const char *path, const char *name, guint depth, guint *n_files,
                         GError **error)
{
	struct stat st;

	if (++*n_files > HISTORY_FINGERPRINT_FILES_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "%s: more than %u files", path,
		            HISTORY_FINGERPRINT_FILES_MAX);
		return FALSE;
	}
	if (stat(path, &st))
		return fail(error, path);
	add_text(hash, name);
	if (S_ISDIR(st.st_mode))
		return add_number(hash, depth) &&
		       (depth >= DEPTH_MAX || add_dir(hash, path, depth + 1, n_files, error));
	add_number(hash, (guint64)st.st_size);
	add_number(hash, (guint64)st.st_ino);
	add_number(hash, (guint64)st.st_mtim.tv_sec);
	add_number(hash, (guint64)st.st_mtim.tv_nsec);
	add_number(hash, (guint64)st.st_ctim.tv_sec);
	add_number(hash, (guint64)st.st_ctim.tv_nsec);
	return !S_ISREG(st.st_mode) || strcmp(name, "metadata") != 0 || add_contents(hash, path, error);
}

static gboolean add_dir(XXH3_state_t *hash, const char *path, guint depth, guint *n_files, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	if (!dir)
		return fail(error, path);
	while ((name = g_dir_read_name(dir)) && names->len <= HISTORY_FINGERPRINT_FILES_MAX)
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, by_name);
	add_number(hash, names->len);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *file = g_build_filename(path, g_ptr_array_index(names, i), NULL);

		if (!add_file(hash, file, g_ptr_array_index(names, i), depth, n_files, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean add_all(XXH3_state_t *hash, const char *const *dirs, gsize n, const char *analysis, GError **error)
{
	guint n_files = 0;

	add_text(hash, analysis);
	add_number(hash, n);
	for (gsize i = 0; i < n; i++) {
		g_autofree char *path = g_canonicalize_filename(dirs[i], NULL);

		if (!add_text(hash, path) || !add_dir(hash, path, 0, &n_files, error))
			return FALSE;
	}
	return TRUE;
}

char *history_fingerprint(const char *const *dirs, gsize n, const char *analysis, GError **error)
{
	XXH3_state_t *hash = XXH3_createState();
	char *name = NULL;

	XXH3_128bits_reset(hash);
	if (add_all(hash, dirs, n, analysis, error)) {
		XXH128_hash_t h = XXH3_128bits_digest(hash);

		name = g_strdup_printf("%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", (guint64)h.high64,
		                       (guint64)h.low64);
	}
	XXH3_freeState(hash);
	return name;
}

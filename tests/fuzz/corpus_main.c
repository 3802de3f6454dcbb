/* SPDX-License-Identifier: MIT */
/*
 * A fuzz target without a fuzzer: runs it once over each file that is named.
 */
#include <glib.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static gboolean run_file(const char *path)
{
	g_autofree char *data = NULL;
	g_autoptr(GError) error = NULL;
	gsize size;

	if (!g_file_get_contents(path, &data, &size, &error)) {
		fprintf(stderr, "%s\n", error->message);
		return FALSE;
	}
	/* A copy of just its size, so that a sanitizer sees a read beyond the end, the terminator included. */
	g_autofree guint8 *exact = g_memdup2(data, size);
	LLVMFuzzerTestOneInput(exact, size);
	return TRUE;
}

int main(int argc, char **argv)
{
	gboolean ok = TRUE;

	for (int i = 1; i < argc; i++)
		ok = run_file(argv[i]) && ok;
	printf("%d files\n", argc - 1);
	return ok ? 0 : 1;
}

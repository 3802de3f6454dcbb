/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the input is a request: "METHOD PATH?NAME=VALUE&.." and, behind a line's end, its body. "$E" in the path is an experiment, which a sample was analysed for. Whatever is asked, a status comes that viewers
 * know, and what says that it is JSON is that, also where it comes piece by piece.
 */
#include <string.h>

#include "server/experiment.h"
#include "server/http.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define ANSWER_MAX (1u << 20) /* bytes of a stream that are looked at */

static void tell(const char *line)
{
}

/* Made once; analysed when it returns. */
static ServerModel *model(void)
{
	static const char *paths[2];
	static const ServerOptions options = {.paths = paths, .store = {.threads = 1, .no_cache = TRUE}, .tell = tell};
	static ServerModel *made;
	const char *samples = g_getenv("STRATA_SAMPLES");

	if (made)
		return made;
	g_autofree char *sample = g_build_filename(samples ? samples : ".", "container", NULL);
	g_autoptr(StWarnings) warnings = st_warnings_new();
	g_autoptr(GError) error = NULL;
	paths[0] = sample;
	g_autoptr(GPtrArray) traces = ctf_traces_open(paths, 1, warnings, &error);
	if (!traces)
		g_error("%s: %s (STRATA_SAMPLES names the folder of unpacked samples)", sample, error->message);
	paths[0] = g_strdup(samples);
	made = server_model_new(traces, &options);
	while (server_model_busy(made))
		g_usleep(1000);
	return made;
}

static char *with_experiment(const char *path)
{
	g_autoptr(ServerExperiment) e = server_model_experiment(model(), NULL);
	g_auto(GStrv) parts = g_strsplit(path, "$E", 3);

	return g_strjoinv(server_experiment_uuid(e), parts);
}

static void parse_arguments(ServerRequest *request, const char *query)
{
	g_auto(GStrv) pairs = g_strsplit(query, "&", 32);

	for (char **pair = pairs; *pair; pair++) {
		char *value = strchr(*pair, '=');

		if (value)
			*value++ = 0;
		g_hash_table_insert(request->arguments, g_strdup(*pair), g_strdup(value ? value : ""));
	}
}

/* FALSE: it would close what the next ones ask about. */
static gboolean parse(ServerRequest *request, const guint8 *data, gsize size)
{
	const guint8 *end = memchr(data, '\n', size);
	gsize head = end ? (gsize)(end - data) : size;
	g_autofree char *bytes = g_strndup((const char *)data, head), *line = g_utf8_make_valid(bytes, -1);
	char *path = strchr(line, ' '), *query;

	if (!path)
		return FALSE;
	*path++ = 0;
	if ((query = strchr(path, '?')))
		*query++ = 0;
	request->method = g_strdup(line);
	request->path = with_experiment(path);
	parse_arguments(request, query ? query : "");
	if (end)
		g_string_append_len(request->body, (const char *)end + 1, (gssize)MIN(size - head - 1, SERVER_BODY_MAX));
	return strcmp(line, "DELETE") != 0 || strstr(path, "/bookmarks/") || strstr(path, "/outputs/");
}

static void check_json(const char *text, gsize len)
{
	json_error_t error;
	json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	if (!json)
		g_error("no JSON at %d: %s: %.*s", error.position, error.text, (int)MIN(len, 1000), text);
	json_decref(json);
}

static void check(ServerReply *reply)
{
	g_autoptr(GString) all = g_string_new(NULL);
	gboolean more = reply->more != NULL;
	gsize len = 0;

	if (reply->status < 200 || reply->status > 501)
		g_error("status %u", reply->status);
	while (more && all->len < ANSWER_MAX) {
		g_autoptr(GString) piece = g_string_new(NULL); /* each is made into an empty one */

		more = reply->more(reply->state, piece);
		g_string_append_len(all, piece->str, (gssize)piece->len);
	}
	const char *text = reply->fixed ? g_bytes_get_data(reply->fixed, &len) : reply->bytes ? reply->bytes->str : all->str;
	if (!reply->fixed)
		len = reply->bytes ? reply->bytes->len : all->len;
	if (!more && g_strcmp0(reply->content_type, "application/json") == 0)
		check_json(text, len);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	ServerRequest request = {.model = model(), .body = g_string_new(NULL), .arguments = server_arguments_new()};
	ServerReply reply;

	server_reply_init(&reply);
	if (parse(&request, data, size)) {
		server_route(&request, &reply, NULL);
		check(&reply);
	}
	server_reply_clear(&reply);
	server_request_clear(&request);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* strata serve: the page, and the Trace Server Protocol. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "server/server.h"

#define PORT_DEFAULT 8080

static struct {
	char *listen, *web_dir, *memory;
	char **allow, **map;
	gint port, jobs;
	gboolean open, no_open, no_cache;
} opt = {.port = PORT_DEFAULT};

static const GOptionEntry options[] = {
	{"port", 'p', 0, G_OPTION_ARG_INT, &opt.port, "Port (default: 8080); 0: any that is free", "PORT"},
	{"listen", 0, 0, G_OPTION_ARG_STRING, &opt.listen, "Address to listen on (default: 127.0.0.1, which only this machine reaches)", "ADDRESS"},
	{"allow", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt.allow, "Answer to this name too, and to pages from there; may be given several times", "HOST"},
	{"open", 0, 0, G_OPTION_ARG_NONE, &opt.open, "Open the page in the browser (default: if standard output is a desktop's terminal)", NULL},
	{"no-open", 0, 0, G_OPTION_ARG_NONE, &opt.no_open, "Don't", NULL},
	{"map", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt.map, "Which trace is which VM, where that isn't found: MACHINE/vm/PID=TRACE, or none=TRACE", "VM=TRACE"},
	{"jobs", 'j', 0, G_OPTION_ARG_INT, &opt.jobs, "Threads to work with (default: as many as processors)", "N"},
	{"memory", 0, 0, G_OPTION_ARG_STRING, &opt.memory, "Memory for histories before they go to a file (default: a quarter of the machine's)", "SIZE"},
	{"no-cache", 0, 0, G_OPTION_ARG_NONE, &opt.no_cache, "Neither use nor keep what was found out about these traces", NULL},
	{"web-dir", 0, 0, G_OPTION_ARG_FILENAME, &opt.web_dir, "Serve the page's files from this directory: for who works on the page", "DIR"},
	{NULL},
};

static gboolean parse(ServerOptions *o, GError **error)
{
	if (opt.port < 0 || opt.port > 65535) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "--port takes a number from 0 to 65535");
		return FALSE;
	}
	if (opt.jobs < 0 || opt.jobs > CLI_JOBS_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--jobs takes a number from 1 to %d", CLI_JOBS_MAX);
		return FALSE;
	}
	if (opt.web_dir && !g_file_test(opt.web_dir, G_FILE_TEST_IS_DIR)) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--web-dir: %s is no directory", opt.web_dir);
		return FALSE;
	}
	o->port = (guint)opt.port;
	o->listen = opt.listen;
	o->web_dir = opt.web_dir;
	o->allow = (const char *const *)opt.allow;
	o->store.threads = opt.jobs ? (guint)opt.jobs : MIN(g_get_num_processors(), CLI_JOBS_MAX);
	o->store.no_cache = opt.no_cache;
	o->store.map = (const char *const *)opt.map;
	return !opt.memory || cli_parse_size(opt.memory, &o->store.memory, error);
}

static void tell(const char *line)
{
	cli_complain("%s", line);
}

static gboolean has_desktop(void)
{
	return isatty(STDOUT_FILENO) && (g_getenv("DISPLAY") || g_getenv("WAYLAND_DISPLAY"));
}

/* The server takes its signals from a queue; the browser shall have its own. */
static void restore_signals(gpointer unused)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static void open_browser(const char *url)
{
	char *argv[] = {(char[]){"xdg-open"}, g_strdup(url), NULL};
	g_autoptr(GError) error = NULL;

	if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, restore_signals, NULL, NULL, &error))
		cli_complain("the browser can't be opened: %s", error->message);
	g_free(argv[1]);
}

static int serve(GPtrArray *traces, const ServerOptions *o)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Server) server = server_new(traces, o, &error);

	if (!server) {
		cli_complain("%s", error->message);
		return CLI_FAILED;
	}
	printf("%s\n", server_url(server));
	fflush(stdout);
	if (opt.open || (has_desktop() && !opt.no_open))
		open_browser(server_url(server));
	server_run(server);
	return CLI_DONE;
}

static int run(const char *const *paths)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StWarnings) warnings = st_warnings_new();
	ServerOptions o = {.paths = paths, .tell = tell};
	int status;

	if (opt.open && opt.no_open)
		return cli_usage_error("--open and --no-open exclude each other");
	if (!parse(&o, &error))
		return cli_usage_error("%s", error->message);
	g_autoptr(GPtrArray) traces = cli_open_all(paths, warnings, &status);
	if (!traces)
		return status;
	cli_show_warnings(warnings);
	return serve(traces, &o);
}

const CliCommand cli_serve = {
	.name = "serve",
	.arguments = "TRACE..",
	.summary = "Look at traces in the browser, or with viewers of the Trace Server Protocol",
	.more = "The URL is printed on standard output. Ctrl-C ends it.",
	.options = options,
	.run = run,
};

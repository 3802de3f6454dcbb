/* SPDX-License-Identifier: MIT */
/*
 * http.c: connections.
 *
 * libmicrohttpd's threads only move bytes. A request that has come in whole is handed to a pool of workers, and its connection rests until the answer is there; what is long is
 * then made piece by piece as the client takes it. So a slow question holds up nobody, and a slow client costs one piece.
 */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http.h"
#include "server/model.h"

#define NET_THREADS 2
#define WORKERS_MIN 4

struct Server {
	const ServerOptions *options;
	ServerModel *model;
	struct MHD_Daemon *daemon;
	GThreadPool *workers;
	GMutex lock;
	gboolean stopping;    /* under the lock: no request is given to workers any more */
	gint working;         /* atomic: requests that workers have */
	char *url;
};

/* A request on its way. */
typedef struct {
	Server *server;
	struct MHD_Connection *connection;
	ServerRequest request;
	ServerReply reply;
	gboolean answered;    /* the reply is complete */
	gboolean too_large;
} Exchange;

/* ---- Sending ---------------------------------------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static gboolean takes_gzip(struct MHD_Connection *c)
{
	const char *accepted = header(c, MHD_HTTP_HEADER_ACCEPT_ENCODING), *gzip = accepted ? strstr(accepted, "gzip") : NULL;

	return gzip && !g_str_has_prefix(gzip, "gzip;q=0,") && strcmp(gzip, "gzip;q=0") != 0;
}

/* For whose pages this is: the origin has been checked. */
static void add_cors(struct MHD_Response *response, struct MHD_Connection *c)
{
	const char *origin = header(c, MHD_HTTP_HEADER_ORIGIN);

	if (!origin)
		return;
	MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, origin);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_EXPOSE_HEADERS, "ETag");
}

static void add_preflight(struct MHD_Response *response)
{
	MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE, OPTIONS, HEAD");
	MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS, "origin, content-type, accept, authorization");
	MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_MAX_AGE, "86400");
	MHD_add_response_header(response, "Access-Control-Allow-Private-Network", "true");
}

static enum MHD_Result send_reply(Exchange *x, gboolean guarded)
{
	struct MHD_Connection *c = x->connection;
	const char *method = x->request.method;
	gboolean is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	struct MHD_Response *response =
		server_reply_response(&x->reply, is_get, takes_gzip(c), header(c, MHD_HTTP_HEADER_IF_NONE_MATCH));

	if (!response)
		return MHD_NO;
	if (guarded)
		add_cors(response, c);
	if (guarded && strcmp(method, "OPTIONS") == 0)
		add_preflight(response);
	enum MHD_Result result = MHD_queue_response(c, x->reply.status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- Receiving --------------------------------------------------------------------------------------------------------------- */

static enum MHD_Result add_argument(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
	ServerRequest *r = user;

	if (!g_hash_table_contains(r->arguments, name))
		g_hash_table_insert(r->arguments, g_strdup(name), g_strdup(value ? value : ""));
	return MHD_YES;
}

static Exchange *exchange_new(Server *server, struct MHD_Connection *c, const char *url, const char *method)
{
	Exchange *x = g_new0(Exchange, 1);

	x->server = server;
	x->connection = c;
	x->request.model = server->model;
	x->request.method = g_strdup(method);
	x->request.path = g_utf8_make_valid(url, -1);
	x->request.body = g_string_new(NULL);
	x->request.arguments = server_arguments_new();
	MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_argument, &x->request);
	server_reply_init(&x->reply);
	return x;
}

static void on_completed(void *user, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
	Exchange *x = *state;

	if (!x)
		return;
	server_reply_clear(&x->reply);
	server_request_clear(&x->request);
	g_free(x);
	*state = NULL;
}

/* Runs in a worker. */
static void answer(gpointer data, gpointer user)
{
	Exchange *x = data;

	server_route(&x->request, &x->reply, x->server->options->web_dir);
	x->answered = TRUE;
	g_atomic_int_add(&x->server->working, -1);
	MHD_resume_connection(x->connection);
}

/* FALSE: the server is about to end. */
static gboolean hand_over(Exchange *x)
{
	Server *s = x->server;

	g_mutex_lock(&s->lock);
	gboolean goes = !s->stopping;
	if (goes) {
		g_atomic_int_inc(&s->working);
		MHD_suspend_connection(x->connection);
		g_thread_pool_push(s->workers, x, NULL);
	}
	g_mutex_unlock(&s->lock);
	return goes;
}

static enum MHD_Result refuse(Exchange *x, gboolean guarded, guint status, const char *title, const char *detail)
{
	server_refuse(&x->reply, status, title, "%s", detail);
	server_reply_end(&x->reply, FALSE, NULL);
	return send_reply(x, guarded);
}

/* Who asks, before anything is looked at. */
static gboolean is_trusted(const Exchange *x)
{
	struct MHD_Connection *c = x->connection;
	const char *host = header(c, MHD_HTTP_HEADER_HOST);
	const char *const *allow = x->server->options->allow;

	return server_guard_host(allow, host) && server_guard_origin(allow, header(c, MHD_HTTP_HEADER_ORIGIN), host);
}

/* Headers have come, and all of the body. */
static enum MHD_Result finish(Exchange *x)
{
	if (x->answered)
		return send_reply(x, TRUE);
	if (!is_trusted(x))
		return refuse(x, FALSE, MHD_HTTP_FORBIDDEN, "Refused", "This server answers neither to this name nor to pages of this origin; see strata-serve(1), --allow");
	if (x->too_large)
		return refuse(x, TRUE, MHD_HTTP_CONTENT_TOO_LARGE, "Too large", "The body of a request may have 256 KiB");
	if (strcmp(x->request.method, "OPTIONS") == 0)
		return send_reply(x, TRUE);
	return hand_over(x) ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	Exchange *x = *state;

	if (!x) {
		*state = exchange_new(user, c, url, method);
		return MHD_YES;
	}
	if (!*len)
		return finish(x);
	x->too_large |= x->request.body->len + *len > SERVER_BODY_MAX;
	if (!x->too_large)
		g_string_append_len(x->request.body, data, (gssize)*len);
	*len = 0;
	return MHD_YES;
}

/* ---- Listening ---------------------------------------------------------------------------------------------------------------- */

static int bind_to(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	int failure = errno;
	close(fd);
	errno = failure;
	return -1;
}

/* The URL as people can use it: an address that means "any" is here this machine. */
static char *url_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&address, &len) ||
	    getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return g_strdup("http://localhost/");
	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		g_strlcpy(host, "localhost", sizeof(host));
	return g_strdup_printf(strchr(host, ':') ? "http://[%s]:%s/" : "http://%s:%s/", host, port);
}

static int open_socket(const ServerOptions *o, GError **error)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
	const char *host = o->listen ? o->listen : "127.0.0.1";
	g_autofree char *port = g_strdup_printf("%u", o->port);
	int status = getaddrinfo(host, port, &hints, &found), fd = status ? -1 : bind_to(found);
	const char *why = status ? gai_strerror(status) : g_strerror(errno);

	if (fd < 0)
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "cannot listen on %s, port %u: %s%s", host, o->port, why,
			    !status && errno == EADDRINUSE ? "; --port=0 takes a free one" : "");
	if (found)
		freeaddrinfo(found);
	return fd;
}

static gboolean start(Server *s, int fd, GError **error)
{
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, s,
				     MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)NET_THREADS, MHD_OPTION_CONNECTION_LIMIT,
				     (unsigned)SERVER_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVER_IDLE_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_HEAD_MAX, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				     MHD_OPTION_END);
	if (s->daemon)
		return TRUE;
	close(fd);
	g_set_error_literal(error, ST_ERROR, ST_ERROR_IO, "the HTTP server cannot be started");
	return FALSE;
}

static void stop_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
}

Server *server_new(GPtrArray *traces, const ServerOptions *options, GError **error)
{
	g_autoptr(Server) s = g_new0(Server, 1);
	sigset_t stop;
	int fd;

	/* For server_run(): no thread is interrupted by them. A client that is gone is an error of write(2) alone. */
	stop_signals(&stop);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	g_mutex_init(&s->lock);
	s->options = options;
	fd = open_socket(options, error);
	if (fd < 0)
		return NULL;
	s->url = url_of(fd);
	s->workers = g_thread_pool_new(answer, NULL, (gint)MAX(options->store.threads, WORKERS_MIN), TRUE, NULL);
	s->model = server_model_new(traces, options);
	return start(s, fd, error) ? g_steal_pointer(&s) : NULL;
}

const char *server_url(const Server *server)
{
	return server->url;
}

/* ---- The end ------------------------------------------------------------------------------------------------------------------ */

void server_run(Server *server)
{
	sigset_t stop;
	int which;

	stop_signals(&stop);
	while (sigwait(&stop, &which))
		continue;
	/* Nobody waits for what is not finished. What the analysis has written so far has no name yet, so that nothing is left of it. */
	if (server_model_busy(server->model) || g_atomic_int_get(&server->working))
		_exit(0);
}

void server_free(Server *server)
{
	if (!server)
		return;
	g_mutex_lock(&server->lock);
	server->stopping = TRUE;
	g_mutex_unlock(&server->lock);
	if (server->workers)
		g_thread_pool_free(server->workers, FALSE, TRUE);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	server_model_free(server->model);
	g_mutex_clear(&server->lock);
	g_free(server->url);
	g_free(server);
}

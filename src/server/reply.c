/* SPDX-License-Identifier: MIT */
/* reply.c: what handlers said becomes what libmicrohttpd sends: at once or piece by piece, compressed if the client understands that. */
#include <string.h>
#include <zlib.h>

#include "server/http.h"

#define JSON_TYPE  "application/json" /* exactly so: viewers compare it as a whole */
#define GZIP_LEAST 512                /* bytes; less is not worth it */
#define GZIP_LEVEL 1
#define GZIP_BITS  (15 + 16)          /* a gzip header around it */
#define STREAM_BLOCK (64u << 10)

void server_reply_init(ServerReply *reply)
{
	*reply = (ServerReply){.status = MHD_HTTP_OK};
}

/* What was said so far is taken back. */
static void forget(ServerReply *reply)
{
	g_clear_pointer(&reply->json, st_json_free);
	if (reply->bytes)
		g_string_free(g_steal_pointer(&reply->bytes), TRUE);
	if (reply->free_state)
		reply->free_state(reply->state);
	g_clear_pointer(&reply->fixed, g_bytes_unref);
	g_clear_pointer(&reply->fixed_gzip, g_bytes_unref);
	reply->free_state = NULL;
	reply->state = NULL;
	reply->more = NULL;
}

void server_reply_clear(ServerReply *reply)
{
	forget(reply);
	g_clear_pointer(&reply->title, g_free);
	g_clear_pointer(&reply->detail, g_free);
}

/* ---- What handlers call ------------------------------------------------------------------------------------------------- */

GString *server_reply_bytes(ServerReply *reply, const char *content_type)
{
	forget(reply);
	reply->content_type = content_type;
	return reply->bytes = g_string_new(NULL);
}

StJson *server_reply_json(ServerReply *reply)
{
	GString *bytes = server_reply_bytes(reply, JSON_TYPE);

	return reply->json = st_json_new_string(bytes, ST_JSON_COMPACT);
}

void server_reply_stream(ServerReply *reply, const char *content_type, ServerMore more, gpointer state, GDestroyNotify free_state)
{
	forget(reply);
	reply->content_type = content_type;
	reply->more = more;
	reply->state = state;
	reply->free_state = free_state;
}

gboolean server_refuse(ServerReply *reply, guint status, const char *title, const char *format, ...)
{
	va_list args;

	g_free(reply->title);
	g_free(reply->detail);
	va_start(args, format);
	reply->status = status;
	reply->title = g_strdup(title);
	reply->detail = g_strdup_vprintf(format, args);
	va_end(args);
	return FALSE;
}

/* ---- JSON in pieces ------------------------------------------------------------------------------------------------------- */

typedef struct {
	GString *room; /* the writer's; emptied after each piece */
	StJson *json;
	ServerJsonMore more;
	gpointer state;
	GDestroyNotify free_state;
} JsonStream;

static void json_stream_free(gpointer data)
{
	JsonStream *s = data;

	st_json_free(s->json);
	g_string_free(s->room, TRUE);
	if (s->free_state)
		s->free_state(s->state);
	g_free(s);
}

static gboolean more_json(gpointer data, GString *out)
{
	JsonStream *s = data;
	gboolean more = s->more(s->state, s->json, s->room);

	if (!more)
		st_json_finish(s->json, NULL);
	g_string_append_len(out, s->room->str, (gssize)s->room->len);
	g_string_truncate(s->room, 0);
	return more;
}

void server_reply_json_stream(ServerReply *reply, ServerJsonMore more, gpointer state, GDestroyNotify free_state)
{
	JsonStream *s = g_new0(JsonStream, 1);

	s->room = g_string_sized_new(SERVER_PIECE * 2);
	s->json = st_json_new_string(s->room, ST_JSON_COMPACT);
	s->more = more;
	s->state = state;
	s->free_state = free_state;
	server_reply_stream(reply, JSON_TYPE, more_json, s, json_stream_free);
}

/* ---- Errors ------------------------------------------------------------------------------------------------------------- */

/* No status above 501: viewers take that for a server that is gone. */
static guint status_of(const GError *error)
{
	if (g_error_matches(error, ST_ERROR, ST_ERROR_USAGE))
		return MHD_HTTP_BAD_REQUEST;
	if (g_error_matches(error, ST_ERROR, ST_ERROR_LIMIT))
		return MHD_HTTP_CONTENT_TOO_LARGE;
	return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static void write_refusal(ServerReply *reply)
{
	StJson *json = server_reply_json(reply);

	st_json_begin_object(json);
	st_json_member_string(json, "title", reply->title);
	st_json_member_string(json, "detail", reply->detail);
	st_json_member_string(json, "details", reply->detail); /* as one of the clients calls it */
	st_json_end(json);
}

static void finish_json(ServerReply *reply)
{
	if (!reply->json)
		return;
	st_json_finish(reply->json, NULL);
	g_clear_pointer(&reply->json, st_json_free);
}

void server_reply_end(ServerReply *reply, gboolean done, const GError *error)
{
	if (!done && !reply->title)
		server_refuse(reply, status_of(error), "The request failed", "%s", error ? error->message : "No reason was given");
	if (!done && !reply->own_refusal)
		write_refusal(reply);
	finish_json(reply);
}

/* ---- Compression ---------------------------------------------------------------------------------------------------------- */

/* The whole in one go; NULL: it would be no smaller, or there is no memory. */
static GBytes *compress_all(const GString *bytes)
{
	z_stream z = {0};

	if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	gsize bound = deflateBound(&z, bytes->len);
	guint8 *out = g_malloc(bound);
	z.next_in = (guint8 *)bytes->str;
	z.avail_in = (guint)bytes->len;
	z.next_out = out;
	z.avail_out = (guint)bound;
	gboolean done = deflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out < bytes->len;
	gsize len = z.total_out;
	deflateEnd(&z);
	if (done)
		return g_bytes_new_take(out, len);
	g_free(out);
	return NULL;
}

/* ---- Streams ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
	ServerMore more;
	gpointer state;
	GDestroyNotify free_state;
	GString *plain; /* the last piece, and how much of it is used up */
	gsize at;
	gboolean ended; /* that was the last piece */
	gboolean gzip, flushed;
	z_stream z;
} Stream;

static void stream_free(gpointer data)
{
	Stream *s = data;

	if (s->gzip)
		deflateEnd(&s->z);
	if (s->free_state)
		s->free_state(s->state);
	g_string_free(s->plain, TRUE);
	g_free(s);
}

static void next_piece(Stream *s)
{
	if (s->plain->allocated_len > 4 * SERVER_PIECE) {
		g_string_free(s->plain, TRUE);
		s->plain = g_string_sized_new(2 * SERVER_PIECE);
	}
	g_string_truncate(s->plain, 0);
	s->at = 0;
	while (!s->ended && !s->plain->len)
		s->ended = !s->more(s->state, s->plain);
}

static ssize_t read_plain(Stream *s, char *buf, size_t max)
{
	if (s->at == s->plain->len)
		next_piece(s);
	gsize n = MIN(max, s->plain->len - s->at);
	memcpy(buf, s->plain->str + s->at, n);
	s->at += n;
	return n ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static ssize_t read_gzip(Stream *s, char *buf, size_t max)
{
	s->z.next_out = (guint8 *)buf;
	s->z.avail_out = (guint)MIN(max, G_MAXINT32);
	gsize room = s->z.avail_out;
	while (!s->flushed && s->z.avail_out == room) {
		if (s->at == s->plain->len)
			next_piece(s);
		s->z.next_in = (guint8 *)s->plain->str + s->at;
		s->z.avail_in = (guint)(s->plain->len - s->at);
		gboolean last = s->ended;
		int status = deflate(&s->z, last ? Z_FINISH : Z_NO_FLUSH);
		s->at = s->plain->len - s->z.avail_in;
		s->flushed = status == Z_STREAM_END;
		if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	gsize n = room - s->z.avail_out;
	return n ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static ssize_t read_stream(void *data, uint64_t position, char *buf, size_t max)
{
	Stream *s = data;

	return s->gzip ? read_gzip(s, buf, max) : read_plain(s, buf, max);
}

static struct MHD_Response *stream_response(ServerReply *reply, gboolean gzip)
{
	Stream *s = g_new0(Stream, 1);

	s->more = reply->more;
	s->state = g_steal_pointer(&reply->state);
	s->free_state = reply->free_state;
	reply->free_state = NULL;
	s->plain = g_string_sized_new(2 * SERVER_PIECE);
	s->gzip = gzip && deflateInit2(&s->z, GZIP_LEVEL, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY) == Z_OK;
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, s, stream_free);
	if (response && s->gzip)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	return response;
}

/* ---- The answer -------------------------------------------------------------------------------------------------------------- */

static void unref_bytes(void *bytes)
{
	g_bytes_unref(bytes);
}

/* Takes the reference. */
static struct MHD_Response *bytes_response(GBytes *bytes)
{
	gsize len;
	gconstpointer data = g_bytes_get_data(bytes, &len);

	return MHD_create_response_from_buffer_with_free_callback_cls(len, (void *)(gsize)data, unref_bytes, bytes);
}

static char *etag_of(GBytes *bytes)
{
	g_autofree char *sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA1, bytes);

	return g_strdup_printf("\"%.20s\"", sum);
}

/* A list of tags, or "*"; a weak one is as good. */
static gboolean names_tag(const char *if_none_match, const char *etag)
{
	return if_none_match && (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, etag));
}

static void take_bytes(ServerReply *reply, gboolean gzip)
{
	if (!reply->bytes)
		reply->bytes = g_string_new(NULL);
	if (gzip && reply->bytes->len >= GZIP_LEAST)
		reply->fixed_gzip = compress_all(reply->bytes);
	gsize len = reply->bytes->len;
	reply->fixed = g_bytes_new_take(g_string_free(g_steal_pointer(&reply->bytes), FALSE), len);
}

ServerAnswer *server_answer_new(ServerReply *reply, gsize *bytes_out)
{
	ServerAnswer *a = g_new0(ServerAnswer, 1);

	finish_json(reply);
	take_bytes(reply, TRUE);
	a->content_type = reply->content_type;
	a->plain = g_steal_pointer(&reply->fixed);
	a->gzip = g_steal_pointer(&reply->fixed_gzip);
	*bytes_out = sizeof(*a) + g_bytes_get_size(a->plain) + (a->gzip ? g_bytes_get_size(a->gzip) : 0);
	return a;
}

void server_answer_free(gpointer answer)
{
	ServerAnswer *a = answer;

	g_bytes_unref(a->plain);
	g_clear_pointer(&a->gzip, g_bytes_unref);
	g_free(a);
}

void server_reply_answer(ServerReply *reply, const ServerAnswer *a)
{
	forget(reply);
	reply->content_type = a->content_type;
	reply->fixed = g_bytes_ref(a->plain);
	reply->fixed_gzip = a->gzip ? g_bytes_ref(a->gzip) : NULL;
}

static struct MHD_Response *fixed_response(ServerReply *reply, gboolean is_get, gboolean gzip, const char *if_none_match)
{
	if (!reply->fixed)
		take_bytes(reply, gzip);
	gboolean tagged = is_get && reply->status == MHD_HTTP_OK;
	g_autofree char *etag = tagged ? etag_of(reply->fixed) : NULL;
	gboolean same = tagged && names_tag(if_none_match, etag);
	GBytes *bytes = same ? g_bytes_new(NULL, 0) : g_bytes_ref(gzip && reply->fixed_gzip ? reply->fixed_gzip : reply->fixed);
	struct MHD_Response *response = bytes_response(bytes);

	if (!response)
		return NULL;
	if (same)
		reply->status = MHD_HTTP_NOT_MODIFIED;
	else if (gzip && reply->fixed_gzip)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	if (etag)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	return response;
}

/* The page may load nothing from elsewhere, and nobody may put it into a frame. */
#define PAGE_POLICY                                                                                                                        \
	"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct MHD_Response *server_reply_response(ServerReply *reply, gboolean is_get, gboolean gzip, const char *if_none_match)
{
	struct MHD_Response *response = reply->more ? stream_response(reply, gzip) : fixed_response(reply, is_get, gzip, if_none_match);

	if (!response)
		return NULL;
	if (reply->content_type && reply->status != MHD_HTTP_NOT_MODIFIED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding, Origin");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (reply->is_page)
		MHD_add_response_header(response, "Content-Security-Policy", PAGE_POLICY);
	if (reply->allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
	return response;
}

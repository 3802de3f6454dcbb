/* SPDX-License-Identifier: MIT */
#include "ctf/metadata.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Reading the file ---------------------------------------------------------------------------------------- */

static gboolean io_error(const char *path, GError **error)
{
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: %s", path, g_strerror(errno));
	return FALSE;
}

/* As much of `fd` as its size was when we looked. `data` has a byte more than `len`. */
static gboolean read_all(int fd, const char *path, char *data, gsize *len, GError **error)
{
	gsize done = 0;
	while (done < *len) {
		gssize n = read(fd, data + done, *len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return io_error(path, error);
		if (n == 0)
			break;
		done += (gsize)n;
	}
	*len = done;
	return TRUE;
}

static gboolean check_file(int fd, const char *path, gsize *len_out, GError **error)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return io_error(path, error);
	if (!S_ISREG(st.st_mode)) {
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: not a regular file", path);
		return FALSE;
	}
	if (st.st_size > (goffset)CTF_METADATA_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT,
		            "%s: %" G_GOFFSET_FORMAT " bytes; metadata may have at most %u", path, (goffset)st.st_size,
		            CTF_METADATA_MAX);
		return FALSE;
	}
	*len_out = (gsize)st.st_size;
	return TRUE;
}

CtfMetadata *ctf_metadata_open(const char *dir, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "metadata", NULL);
	g_autofree char *data = NULL;
	gsize len = 0;
	/* O_NONBLOCK: a FIFO of that name must not hang us before check_file() refuses it. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		io_error(path, error);
		return NULL;
	}
	gboolean ok = check_file(fd, path, &len, error);
	if (ok) {
		data = g_malloc(len + 1);
		ok = read_all(fd, path, data, &len, error);
	}
	close(fd);
	return ok ? ctf_metadata_parse(path, data, len, error) : NULL;
}

/* ---- Packets of metadata (1.8 §7.1; 2 §4) -------------------------------------------------------------------- */

#define PACKET_MAGIC      0x75D11D57u
#define PACKET_HEADER_LEN 37

typedef struct {
	gboolean swapped;      /* the other byte order than ours */
	guint64 content, size; /* bytes, header included */
	guint8 major, minor;
} MetaPacket;

static guint32 read_u32(const guint8 *p, gboolean swapped)
{
	guint32 v;
	memcpy(&v, p, sizeof v);
	return swapped ? GUINT32_SWAP_LE_BE(v) : v;
}

static gboolean is_packetized(const guint8 *p, gsize len, gboolean *swapped_out)
{
	if (len < 4)
		return FALSE;
	guint32 magic = read_u32(p, FALSE);
	*swapped_out = magic == GUINT32_SWAP_LE_BE(PACKET_MAGIC);
	return magic == PACKET_MAGIC || *swapped_out;
}

static gboolean packet_error(const CtfMetadata *m, gsize offset, GError **error, const char *what)
{
	g_set_error(error, ST_ERROR, ST_ERROR_METADATA, "%s: metadata packet at byte %" G_GSIZE_FORMAT ": %s", m->path,
	            offset, what);
	return FALSE;
}

/* Read and check the header of the packet at `offset`. */
static gboolean read_packet(const CtfMetadata *m, const guint8 *data, gsize len, gsize offset, MetaPacket *packet,
                            GError **error)
{
	const guint8 *p = data + offset;
	if (len - offset < PACKET_HEADER_LEN)
		return packet_error(m, offset, error, "the file ends within its header");
	if (read_u32(p, packet->swapped) != PACKET_MAGIC)
		return packet_error(m, offset, error, "wrong magic number");
	guint32 content_bits = read_u32(p + 24, packet->swapped), size_bits = read_u32(p + 28, packet->swapped);
	packet->content = content_bits / 8;
	packet->size = size_bits / 8;
	packet->major = p[35];
	packet->minor = p[36];
	if (content_bits % 8 || size_bits % 8 || packet->content < PACKET_HEADER_LEN || packet->content > packet->size)
		return packet_error(m, offset, error, "impossible content or packet size");
	if (packet->content > len - offset)
		return packet_error(m, offset, error, "the file ends within its content");
	if (p[32])
		return packet_error(m, offset, error, "compressed, which is not supported");
	if (p[33])
		return packet_error(m, offset, error, "encrypted, which is not supported");
	if (p[34])
		return packet_error(m, offset, error, "has a checksum of an unknown scheme");
	if (!(packet->major == 1 && packet->minor == 8) && !(packet->major == 2 && packet->minor == 0))
		return packet_error(m, offset, error, "of an unknown version of CTF (1.8 and 2.0 are known)");
	return TRUE;
}

/* Join the content of all packets into m->text. */
static gboolean depacketize(CtfMetadata *m, const guint8 *data, gsize len, gboolean swapped, GError **error)
{
	m->text = g_malloc(len + 1);
	MetaPacket packet = {.swapped = swapped};
	for (gsize offset = 0; offset < len; offset += (gsize)MIN(packet.size, len - offset)) {
		if (!read_packet(m, data, len, offset, &packet, error))
			return FALSE;
		if (offset && packet.major != m->version)
			return packet_error(m, offset, error, "of another version than the packets before");
		m->version = packet.major;
		gsize n = (gsize)packet.content - PACKET_HEADER_LEN;
		memcpy(m->text + m->text_len, data + offset + PACKET_HEADER_LEN, n);
		m->text_len += n;
	}
	m->text[m->text_len] = '\0';
	return TRUE;
}

/* ---- The object ---------------------------------------------------------------------------------------------- */

static void free_stream_class(gpointer data)
{
	CtfStreamClass *sc = data;
	g_ptr_array_unref(sc->event_classes);
	g_hash_table_unref(sc->by_id);
}

static void free_event_class(gpointer data)
{
	g_clear_error(&((CtfEventClass *)data)->load_error);
}

static CtfMetadata *metadata_new(const char *path)
{
	CtfMetadata *m = g_new0(CtfMetadata, 1);
	m->path = g_strdup(path);
	m->arena = ctf_arena_new();
	m->clocks = g_ptr_array_new();
	m->env = g_ptr_array_new();
	m->stream_classes = g_ptr_array_new_with_free_func(free_stream_class);
	m->events = g_ptr_array_new_with_free_func(free_event_class);
	g_rec_mutex_init(&m->lock);
	return m;
}

void ctf_metadata_free(CtfMetadata *m)
{
	if (!m)
		return;
	if (m->front_end_free)
		m->front_end_free(m->front_end);
	g_ptr_array_unref(m->events);
	g_ptr_array_unref(m->stream_classes);
	g_ptr_array_unref(m->env);
	g_ptr_array_unref(m->clocks);
	g_rec_mutex_clear(&m->lock);
	ctf_arena_free(m->arena);
	g_free(m->lines);
	g_free(m->text);
	g_free(m->path);
	g_free(m);
}

/* A JSON text sequence begins with a record separator; one without it is still better told so by the JSON front end. */
static gboolean looks_like_json(const char *text)
{
	while (g_ascii_isspace(*text))
		text++;
	return *text == 0x1E || *text == '{' || *text == '[';
}

static gboolean parse(CtfMetadata *m, const void *data, gsize len, GError **error)
{
	gboolean swapped;
	if (len > CTF_METADATA_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "%s: metadata may have at most %u bytes", m->path,
		            CTF_METADATA_MAX);
		return FALSE;
	}
	if (is_packetized(data, len, &swapped)) {
		if (!depacketize(m, data, len, swapped, error))
			return FALSE;
	} else {
		m->text = g_malloc(len + 1);
		if (len)
			memcpy(m->text, data, len);
		m->text[len] = '\0';
		m->text_len = len;
	}
	gboolean json = m->version == 2 || (m->version == 0 && looks_like_json(m->text));
	m->version = json ? 2 : 1;
	return json ? ctf_json_parse(m, error) : ctf_tsdl_parse(m, error);
}

CtfMetadata *ctf_metadata_parse(const char *path, const void *data, gsize len, GError **error)
{
	g_autoptr(CtfMetadata) m = metadata_new(path);
	return parse(m, data, len, error) ? g_steal_pointer(&m) : NULL;
}

/* ---- For the front ends -------------------------------------------------------------------------------------- */

/* Where a line is at every LINES_STEP bytes of the text, so that errors of many event classes don't each read it all. */
#define LINES_STEP 4096u

typedef struct {
	guint32 line;  /* from 1 */
	guint32 start; /* where it begins */
} LineMark;

static void pass_line(const char *text, gsize at, LineMark *mark)
{
	if (text[at] == '\n')
		*mark = (LineMark){mark->line + 1, (guint32)at + 1};
}

static LineMark *mark_lines(const CtfMetadata *m)
{
	LineMark *marks = g_new(LineMark, m->text_len / LINES_STEP + 1), mark = {1, 0};
	for (gsize i = 0; i <= m->text_len; i++) {
		if (i % LINES_STEP == 0)
			marks[i / LINES_STEP] = mark;
		pass_line(m->text, i, &mark);
	}
	return marks;
}

static LineMark find_line(CtfMetadata *m, gsize at)
{
	if (!m->lines)
		m->lines = mark_lines(m);
	LineMark mark = ((const LineMark *)m->lines)[at / LINES_STEP];
	for (gsize i = at - at % LINES_STEP; i < at; i++)
		pass_line(m->text, i, &mark);
	return mark;
}

gboolean ctf_metadata_error(CtfMetadata *m, const char *at, GError **error, const char *format, ...)
{
	gsize offset = (gsize)(at - m->text);
	LineMark mark = find_line(m, offset);
	va_list args;
	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, ST_ERROR, ST_ERROR_METADATA, "%s:%u:%u: %s", m->path, mark.line,
	            (guint)(offset - mark.start) + 1, what);
	return FALSE;
}

CtfFc *ctf_fc_new(CtfMetadata *m, CtfFcType type)
{
	CtfFc *fc = ctf_arena_new0(m->arena, CtfFc, 1);
	fc->type = type;
	fc->align = 1;
	fc->slot = -1;
	fc->base = 10;
	return fc;
}

CtfClock *ctf_metadata_add_clock(CtfMetadata *m)
{
	CtfClock *clock = ctf_arena_new0(m->arena, CtfClock, 1);
	clock->freq = 1000000000;
	clock->precision = 1;
	g_ptr_array_add(m->clocks, clock);
	return clock;
}

CtfEnv *ctf_metadata_add_env(CtfMetadata *m, const char *name)
{
	CtfEnv *env = (CtfEnv *)ctf_metadata_env(m, name);
	if (!env && m->env->len < CTF_FIELDS_MAX) {
		env = ctf_arena_new0(m->arena, CtfEnv, 1);
		g_ptr_array_add(m->env, env);
	}
	if (env)
		*env = (CtfEnv){.name = name};
	return env;
}

static gboolean limit_error(const CtfMetadata *m, const char *what, guint max, GError **error)
{
	g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "%s: more than %u %s", m->path, max, what);
	return FALSE;
}

static guint hash_id(gconstpointer key)
{
	guint64 x = *(const guint64 *)key * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15);
	return (guint)(x >> 32);
}

CtfStreamClass *ctf_metadata_add_stream_class(CtfMetadata *m, guint64 id, GError **error)
{
	if (m->stream_classes->len >= CTF_STREAM_CLASSES_MAX) {
		limit_error(m, "stream classes", CTF_STREAM_CLASSES_MAX, error);
		return NULL;
	}
	if (ctf_metadata_stream_class(m, id)) {
		g_set_error(error, ST_ERROR, ST_ERROR_METADATA, "%s: two stream classes with id %" G_GUINT64_FORMAT,
		            m->path, id);
		return NULL;
	}
	CtfStreamClass *sc = ctf_arena_new0(m->arena, CtfStreamClass, 1);
	sc->id = id;
	sc->index = m->stream_classes->len;
	sc->metadata = m;
	sc->event_classes = g_ptr_array_new();
	sc->by_id = g_hash_table_new(hash_id, g_int64_equal);
	g_ptr_array_add(m->stream_classes, sc);
	return sc;
}

CtfEventClass *ctf_metadata_add_event_class(CtfStreamClass *sc, guint64 id, const char *name, GError **error)
{
	CtfMetadata *m = sc->metadata;
	if (m->events->len >= CTF_EVENT_CLASSES_MAX) {
		limit_error(m, "event classes", CTF_EVENT_CLASSES_MAX, error);
		return NULL;
	}
	CtfEventClass *other = ctf_stream_class_event(sc, id);
	if (other) {
		g_set_error(error, ST_ERROR, ST_ERROR_METADATA,
		            "%s: events \"%s\" and \"%s\" of stream class %" G_GUINT64_FORMAT
		            " have the same id, %" G_GUINT64_FORMAT,
		            m->path, other->name, name ? name : "", sc->id, id);
		return NULL;
	}
	CtfEventClass *ec = ctf_arena_new0(m->arena, CtfEventClass, 1);
	ec->id = id;
	ec->index = m->events->len;
	ec->name = name ? name : "";
	ec->stream_class = sc;
	g_ptr_array_add(m->events, ec);
	g_ptr_array_add(sc->event_classes, ec);
	g_hash_table_insert(sc->by_id, &ec->id, ec);
	return ec;
}

/* ---- Asking -------------------------------------------------------------------------------------------------- */

static void load_locked(CtfMetadata *m, CtfEventClass *ec)
{
	if (g_atomic_int_get(&ec->loaded))
		return;
	gboolean ok = !m->load || m->load(m, ec, &ec->load_error);
	g_atomic_int_set(&ec->loaded, ok ? 1 : -1);
}

gboolean ctf_event_class_load(CtfEventClass *ec, GError **error)
{
	CtfMetadata *m = ec->stream_class->metadata;
	if (!g_atomic_int_get(&ec->loaded)) {
		g_rec_mutex_lock(&m->lock);
		load_locked(m, ec);
		g_rec_mutex_unlock(&m->lock);
	}
	if (g_atomic_int_get(&ec->loaded) > 0)
		return TRUE;
	if (error)
		*error = g_error_copy(ec->load_error);
	return FALSE;
}

CtfStreamClass *ctf_metadata_stream_class(const CtfMetadata *m, guint64 id)
{
	for (guint i = 0; i < m->stream_classes->len; i++) {
		CtfStreamClass *sc = g_ptr_array_index(m->stream_classes, i);
		if (sc->id == id)
			return sc;
	}
	return NULL;
}

CtfEventClass *ctf_stream_class_event(const CtfStreamClass *sc, guint64 id)
{
	return g_hash_table_lookup(sc->by_id, &id);
}

const CtfEnv *ctf_metadata_env(const CtfMetadata *m, const char *name)
{
	for (guint i = 0; i < m->env->len; i++) {
		const CtfEnv *env = g_ptr_array_index(m->env, i);
		if (strcmp(env->name, name) == 0)
			return env;
	}
	return NULL;
}

const char *ctf_metadata_env_text(const CtfMetadata *m, const char *name)
{
	const CtfEnv *env = ctf_metadata_env(m, name);
	return env && !env->is_int ? env->s : NULL;
}

CtfFc *ctf_fc_member(const CtfFc *fc, const char *name)
{
	if (!fc || fc->type != CTF_FC_STRUCT)
		return NULL;
	for (guint i = 0; i < fc->n_members; i++) {
		const CtfMember *member = &fc->members[i];
		if (strcmp(member->display, name) == 0 || strcmp(member->name, name) == 0)
			return member->fc;
	}
	return NULL;
}

gboolean ctf_ranges_hold(const CtfRange *ranges, guint n, guint64 value)
{
	for (guint i = 0; i < n; i++) {
		const CtfRange *r = &ranges[i];
		if (r->is_signed ? (gint64)value >= (gint64)r->lower && (gint64)value <= (gint64)r->upper
		                 : value >= r->lower && value <= r->upper)
			return TRUE;
	}
	return FALSE;
}

gboolean ctf_uuid_parse(const char *text, gsize len, guint8 uuid[16])
{
	if (len != 36)
		return FALSE;
	for (guint i = 0, at = 0; at < len;) {
		if (at == 8 || at == 13 || at == 18 || at == 23) {
			if (text[at++] != '-')
				return FALSE;
			continue;
		}
		int high = g_ascii_xdigit_value(text[at]), low = g_ascii_xdigit_value(text[at + 1]);
		if (high < 0 || low < 0)
			return FALSE;
		uuid[i++] = (guint8)(high << 4 | low);
		at += 2;
	}
	return TRUE;
}

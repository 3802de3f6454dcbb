/* SPDX-License-Identifier: MIT */
/* A trace: the stream files of one directory, or of all the chunks of a rotated one. */
#include <string.h>

#include "ctf/program.h"
#include "ctf/stream.h"

static void stream_free(gpointer data)
{
	CtfStream *s = data;
	for (guint i = 0; i < s->files->len; i++)
		ctf_file_unmap(&g_array_index(s->files, CtfFile, i));
	g_array_unref(s->files);
	g_array_unref(s->packets);
	g_array_unref(s->losses);
	g_free(s);
}

void ctf_trace_free(CtfTrace *trace)
{
	if (!trace)
		return;
	g_ptr_array_unref(trace->streams);
	g_ptr_array_unref(trace->chunk_paths);
	ctf_metadata_free(trace->metadata);
	g_free(trace->path);
	g_free(trace);
}

static CtfStream *stream_new(CtfTrace *trace, const CtfPacketInfo *first)
{
	CtfStream *s = g_new0(CtfStream, 1);
	s->trace = trace;
	s->stream_class = first->stream_class;
	s->has_id = first->has_stream_id;
	s->id = first->stream_id;
	s->cpu = first->packet.cpu;
	s->files = g_array_new(FALSE, TRUE, sizeof(CtfFile));
	s->packets = g_array_new(FALSE, TRUE, sizeof(CtfPacket));
	s->losses = g_array_new(FALSE, TRUE, sizeof(CtfLoss));
	g_ptr_array_add(trace->streams, s);
	return s;
}

/* Files of one stream have its class and instance id; a file without instance id is a stream of its own. */
static CtfStream *stream_for(CtfTrace *trace, const CtfPacketInfo *first)
{
	for (guint i = 0; first->has_stream_id && i < trace->streams->len; i++) {
		CtfStream *s = g_ptr_array_index(trace->streams, i);
		if (s->stream_class == first->stream_class && s->has_id && s->id == first->stream_id)
			return s;
	}
	return stream_new(trace, first);
}

static void add_file(CtfTrace *trace, const char *path, StWarnings *warnings)
{
	g_autoptr(GError) error = NULL;
	CtfFile file;
	CtfPacketInfo first = {0};
	if (!ctf_file_map(path, &file, &error)) {
		st_warn(warnings, "%s; this stream is left out", error->message);
		trace->bad_packets++;
		return;
	}
	trace->bytes += file.size;
	g_autoptr(GArray) packets = g_array_new(FALSE, TRUE, sizeof(CtfPacket));
	if (!file.size || !ctf_packets_scan(trace->metadata, &file, 0, packets, &first, &trace->bad_packets, warnings)) {
		ctf_file_unmap(&file);
		return;
	}
	CtfStream *stream = stream_for(trace, &first);
	for (guint i = 0; i < packets->len; i++)
		g_array_index(packets, CtfPacket, i).file = stream->files->len;
	g_array_append_val(stream->files, file);
	g_array_append_vals(stream->packets, packets->data, packets->len);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *list_dir(const char *path, GError **error)
{
	GDir *dir = g_dir_open(path, 0, error);
	if (!dir)
		return NULL;
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	for (const char *name; (name = g_dir_read_name(dir));)
		g_ptr_array_add(names, g_strdup(name));
	g_dir_close(dir);
	g_ptr_array_sort(names, by_name);
	return names;
}

static gboolean add_dir(CtfTrace *trace, const char *path, StWarnings *warnings, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GPtrArray) names = list_dir(path, &cause);
	if (!names) {
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: %s", path, cause->message);
		return FALSE;
	}
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *file = g_build_filename(path, name, NULL);
		if (name[0] != '.' && strcmp(name, "metadata") && g_file_test(file, G_FILE_TEST_IS_REGULAR))
			add_file(trace, file, warnings);
	}
	g_ptr_array_add(trace->chunk_paths, g_strdup(path));
	return TRUE;
}

/* Slots of what all events of a trace share; an event class's own ones come after them. */
static gboolean assign_shared_slots(CtfMetadata *m, GError **error)
{
	guint next = 0;
	gboolean ok = ctf_slots_assign(m->packet_header, &next);
	for (guint i = 0; i < m->stream_classes->len; i++) {
		CtfStreamClass *sc = g_ptr_array_index(m->stream_classes, i);
		ok = ok && ctf_slots_assign(sc->packet_context, &next) && ctf_slots_assign(sc->event_header, &next) &&
		     ctf_slots_assign(sc->common_context, &next);
	}
	m->shared_slots = next;
	if (!ok)
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "%s: more than %d lengths and selectors", m->path, CTF_SLOTS_MAX);
	return ok;
}

static void finish_trace(CtfTrace *trace)
{
	for (guint i = 0; i < trace->streams->len; i++) {
		CtfStream *s = g_ptr_array_index(trace->streams, i);
		const CtfStreamClass *sc = s->stream_class;
		s->index = i;
		guint bits = 64;
		for (guint j = 0; sc->packet_context && j < sc->packet_context->n_members; j++)
			if (sc->packet_context->members[j].fc->role == CTF_ROLE_EVENTS_DISCARDED)
				bits = sc->packet_context->members[j].fc->size;
		ctf_stream_finish(s, bits ? bits : 64);
	}
}

/* `dirs` are of one trace; takes the metadata. */
static CtfTrace *open_dirs(const GPtrArray *dirs, CtfMetadata *metadata, StWarnings *warnings, GError **error)
{
	g_autoptr(CtfTrace) trace = g_new0(CtfTrace, 1);
	trace->path = g_strdup(g_ptr_array_index(dirs, 0));
	trace->streams = g_ptr_array_new_with_free_func(stream_free);
	trace->chunk_paths = g_ptr_array_new_with_free_func(g_free);
	trace->begin_ns = G_MAXINT64;
	trace->end_ns = G_MININT64;
	trace->metadata = metadata;
	if (!assign_shared_slots(metadata, error))
		return NULL;
	for (guint i = 0; i < dirs->len; i++)
		if (!add_dir(trace, g_ptr_array_index(dirs, i), warnings, error))
			return NULL;
	finish_trace(trace);
	return g_steal_pointer(&trace);
}

CtfTrace *ctf_trace_open(const char *dir, StWarnings *warnings, GError **error)
{
	g_autoptr(GPtrArray) dirs = g_ptr_array_new();
	CtfMetadata *metadata = ctf_metadata_open(dir, error);
	if (!metadata)
		return NULL;
	g_ptr_array_add(dirs, (gpointer)dir);
	return open_dirs(dirs, metadata, warnings, error);
}

/* ---- Several traces ------------------------------------------------------------------------------------------ */

#define DIR_DEPTH_MAX 16

static void find_dirs(const char *path, guint depth, GPtrArray *dirs)
{
	g_autofree char *metadata = g_build_filename(path, "metadata", NULL);
	if (g_file_test(metadata, G_FILE_TEST_IS_REGULAR)) {
		g_ptr_array_add(dirs, g_strdup(path));
		return;
	}
	g_autoptr(GPtrArray) names = depth < DIR_DEPTH_MAX ? list_dir(path, NULL) : NULL;
	for (guint i = 0; names && i < names->len; i++) {
		g_autofree char *sub = g_build_filename(path, g_ptr_array_index(names, i), NULL);
		if (g_file_test(sub, G_FILE_TEST_IS_DIR))
			find_dirs(sub, depth + 1, dirs);
	}
}

/* Directories of one trace: one, or the chunks of a rotated one. */
typedef struct {
	GPtrArray *dirs;
	CtfMetadata *metadata; /* the longest: chunks know ever more classes */
} Group;

static void group_free(gpointer data)
{
	Group *g = data;
	g_ptr_array_unref(g->dirs);
	ctf_metadata_free(g->metadata);
	g_free(g);
}

static Group *group_of(const GPtrArray *groups, const CtfMetadata *m)
{
	for (guint i = 0; m->has_uuid && i < groups->len; i++) {
		Group *g = g_ptr_array_index(groups, i);
		if (g->metadata->has_uuid && !memcmp(g->metadata->uuid, m->uuid, sizeof(m->uuid)))
			return g;
	}
	return NULL;
}

static void add_to_group(GPtrArray *groups, const char *dir, CtfMetadata *m)
{
	Group *g = group_of(groups, m);
	if (!g) {
		g = g_new0(Group, 1);
		g->dirs = g_ptr_array_new();
		g_ptr_array_add(groups, g);
	}
	g_ptr_array_add(g->dirs, (gpointer)dir);
	if (g->metadata && g->metadata->text_len >= m->text_len) {
		ctf_metadata_free(m);
		return;
	}
	ctf_metadata_free(g->metadata);
	g->metadata = m;
}

static GPtrArray *find_all(const char *const *paths, gsize n, GError **error)
{
	g_autoptr(GPtrArray) dirs = g_ptr_array_new_with_free_func(g_free);
	for (gsize i = 0; i < n; i++) {
		guint before = dirs->len;
		find_dirs(paths[i], 0, dirs);
		if (dirs->len > before)
			continue;
		g_set_error(error, ST_ERROR, ST_ERROR_NOT_A_TRACE, "%s: %s", paths[i],
		            g_file_test(paths[i], G_FILE_TEST_EXISTS) ?
		                    "no trace there: neither it nor a folder below it has a file named metadata" :
		                    "no such directory");
		return NULL;
	}
	return g_steal_pointer(&dirs);
}

/* An error of one trace is a warning if there are others. */
static void keep_error(GError **first, GError *cause, StWarnings *warnings)
{
	if (*first)
		st_warn(warnings, "%s", (*first)->message);
	g_clear_error(first);
	*first = cause;
}

GPtrArray *ctf_traces_open(const char *const *paths, gsize n, StWarnings *warnings, GError **error)
{
	GError *failed = NULL;
	g_autoptr(GPtrArray) dirs = find_all(paths, n, error);
	if (!dirs)
		return NULL;
	g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(group_free);
	g_autoptr(GPtrArray) traces = g_ptr_array_new_with_free_func((GDestroyNotify)ctf_trace_free);
	for (guint i = 0; i < dirs->len; i++) {
		GError *cause = NULL;
		CtfMetadata *m = ctf_metadata_open(g_ptr_array_index(dirs, i), &cause);
		if (m)
			add_to_group(groups, g_ptr_array_index(dirs, i), m);
		else
			keep_error(&failed, cause, warnings);
	}
	for (guint i = 0; i < groups->len; i++) {
		Group *g = g_ptr_array_index(groups, i);
		GError *cause = NULL;
		CtfTrace *trace = open_dirs(g->dirs, g_steal_pointer(&g->metadata), warnings, &cause);
		if (trace) {
			trace->index = traces->len;
			g_ptr_array_add(traces, trace);
		} else {
			keep_error(&failed, cause, warnings);
		}
	}
	if (!traces->len) {
		g_propagate_error(error, failed);
		return NULL;
	}
	keep_error(&failed, NULL, warnings);
	return g_steal_pointer(&traces);
}

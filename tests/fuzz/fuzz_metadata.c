/* SPDX-License-Identifier: MIT */
/* Metadata: packets of it, TSDL, JSON. Every event class is loaded, every field class of the result visited. */
#include "ctf/ctf.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static guint visit(const CtfFc *fc)
{
	guint n = 1;
	if (!fc)
		return 0;
	n += visit(fc->element);
	for (guint i = 0; i < fc->n_members; i++) {
		n += visit(fc->members[i].fc);
		n += (guint)ctf_ranges_hold(fc->members[i].ranges, fc->members[i].n_ranges, n);
	}
	for (guint i = 0; i < fc->n_mappings; i++)
		n += (guint)ctf_ranges_hold(fc->mappings[i].ranges, fc->mappings[i].n_ranges, n);
	return n;
}

static void visit_all(const CtfMetadata *m)
{
	visit(m->packet_header);
	for (guint i = 0; i < m->stream_classes->len; i++) {
		const CtfStreamClass *sc = g_ptr_array_index(m->stream_classes, i);
		visit(sc->packet_context);
		visit(sc->event_header);
		visit(sc->common_context);
	}
	for (guint i = 0; i < m->events->len; i++) {
		CtfEventClass *ec = g_ptr_array_index(m->events, i);
		g_autoptr(GError) error = NULL;
		if (ctf_event_class_load(ec, &error) != (error == NULL))
			g_error("an event class that failed without an error, or the other way round");
		visit(ec->spec_context);
		visit(ec->payload);
	}
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CtfMetadata) m = ctf_metadata_parse("metadata", data, size, &error);
	if ((m != NULL) != (error == NULL))
		g_error("metadata that failed without an error, or the other way round");
	if (m)
		visit_all(m);
	return 0;
}

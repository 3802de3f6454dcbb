/* SPDX-License-Identifier: MIT */
/* A feed of its own, of which only the events' places are looked at. */
#include "ctf/feed.h"

typedef struct {
	const CtfChunk *chunk;
	guint at;
	gboolean ended;
} Place;

struct CtfScout {
	CtfReader reader;
	CtfFeed *feed;
	Place *places;
};

CtfScout *ctf_scout_new(CtfTrace *const *traces, gsize n)
{
	CtfScout *scout = g_new0(CtfScout, 1);
	scout->reader = (CtfReader){.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .threads = 1, .count_classes = TRUE};
	scout->feed = ctf_feed_new(traces, n, &scout->reader);
	scout->places = g_new0(Place, MAX(ctf_feed_streams(scout->feed), 1));
	return scout;
}

void ctf_scout_free(CtfScout *scout)
{
	if (!scout)
		return;
	ctf_feed_free(scout->feed);
	g_free(scout->places);
	g_free(scout);
}

guint ctf_scout_streams(const CtfScout *scout)
{
	return ctf_feed_streams(scout->feed);
}

const CtfStream *ctf_scout_stream(const CtfScout *scout, guint i)
{
	return ctf_feed_stream(scout->feed, i);
}

/* Records without values are all of one size. */
const CtfRecord *ctf_scout_peek(CtfScout *scout, guint i)
{
	Place *place = &scout->places[i];
	if (G_UNLIKELY(!place->ended && (!place->chunk || place->at == place->chunk->n))) {
		place->chunk = ctf_feed_next(scout->feed, i);
		place->at = 0;
		place->ended = !place->chunk;
	}
	if (place->ended)
		return NULL;
	return (const CtfRecord *)(gconstpointer)place->chunk->data + place->at;
}

void ctf_scout_pass(CtfScout *scout, guint i)
{
	scout->places[i].at++;
}

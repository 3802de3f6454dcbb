/* SPDX-License-Identifier: MIT */
/* /api/v1/events: the events around a time, of all machines together. */
#include "server/events.h"
#include "server/page.h"

typedef struct {
	const Page *page;
	StJson *json;
	gint64 left;
} Around;

static gboolean put_event(gpointer user, const ServerEvent *event)
{
	Around *a = user;
	g_autoptr(GString) text = g_string_new(NULL);

	server_event_text(event, text);
	st_json_begin_inline_object(a->json);
	st_json_member_uint(a->json, "index", event->index);
	st_json_member_int(a->json, "time", event->time - a->page->store->begin_ns);
	st_json_member_uint(a->json, "machine", event->trace);
	st_json_member_int(a->json, "cpu", event->stream->cpu);
	st_json_member_string(a->json, "name", event->event->name);
	st_json_member_string(a->json, "text", text->str);
	st_json_end(a->json);
	return --a->left > 0;
}

static gboolean put_around(Around *a, const ServerEvents *events, gint64 time, gint64 count, GError **error)
{
	guint64 index;

	if (!server_events_find(events, time, &index, error))
		return FALSE;
	st_json_begin_object(a->json);
	st_json_member_uint(a->json, "count", server_events_count(events));
	st_json_key(a->json, "events");
	st_json_begin_array(a->json);
	a->left = count;
	if (!server_events_read(events, index - MIN(index, (guint64)count / 2), put_event, a, error))
		return FALSE;
	st_json_end(a->json);
	st_json_end(a->json);
	return TRUE;
}

gboolean page_get_events(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_auto(Page) page = {0};
	Around a = {.page = &page};
	gint64 time, count;

	if (!page_open(&page, request, reply) || !server_int_argument(request, "time", 0, G_MININT64 / 4, G_MAXINT64 / 4, &time, error) ||
	    !server_int_argument(request, "count", 60, 1, PAGE_EVENTS_MAX, &count, error))
		return FALSE;
	const ServerEvents *events = server_events(page.experiment);
	if (!events)
		return server_refuse(reply, 409, "Not ready yet", "The events are still being counted: ask again in a moment");
	gint64 length = page.store->end_ns - page.store->begin_ns;
	a.json = server_reply_json(reply);
	return put_around(&a, events, page.store->begin_ns + CLAMP(time, 0, length), count, error);
}

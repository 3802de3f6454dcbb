/* SPDX-License-Identifier: MIT */
#include "base/error.h"

G_DEFINE_QUARK(st-error-quark, st_error)

struct StWarnings {
	GMutex lock;
	GPtrArray *texts;
	guint64 dropped;
};

StWarnings *st_warnings_new(void)
{
	StWarnings *w = g_new0(StWarnings, 1);
	g_mutex_init(&w->lock);
	w->texts = g_ptr_array_new_with_free_func(g_free);
	return w;
}

void st_warnings_free(StWarnings *w)
{
	if (!w)
		return;
	g_ptr_array_unref(w->texts);
	g_mutex_clear(&w->lock);
	g_free(w);
}

void st_warn(StWarnings *w, const char *format, ...)
{
	if (!w)
		return;
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_mutex_lock(&w->lock);
	if (w->texts->len < ST_WARNINGS_MAX)
		g_ptr_array_add(w->texts, g_steal_pointer(&text));
	else
		w->dropped++;
	g_mutex_unlock(&w->lock);
}

guint st_warnings_count(StWarnings *w)
{
	g_mutex_lock(&w->lock);
	guint n = w->texts->len;
	g_mutex_unlock(&w->lock);
	return n;
}

const char *st_warnings_get(StWarnings *w, guint i)
{
	g_mutex_lock(&w->lock);
	const char *text = i < w->texts->len ? g_ptr_array_index(w->texts, i) : NULL;
	g_mutex_unlock(&w->lock);
	return text;
}

guint64 st_warnings_dropped(StWarnings *w)
{
	g_mutex_lock(&w->lock);
	guint64 n = w->dropped;
	g_mutex_unlock(&w->lock);
	return n;
}

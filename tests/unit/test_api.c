/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "strata/strata.h"

/* What babeltrace2 counts in samples/nested-cpu. */
#define HOST_EVENTS   333310
#define ALL_EVENTS    (333310 + 106465 + 27097)
#define HOST_SWITCHES 4375

static strata_experiment *open_sample(const char *name)
{
	g_autofree char *path = g_build_filename(g_getenv("STRATA_SAMPLES"), name, NULL);
	const char *paths[] = {path};
	strata_experiment *e;
	char *error;

	g_assert_cmpint(strata_open(paths, 1, &e, &error), ==, STRATA_OK);
	g_assert_null(error);
	g_assert_nonnull(e);
	return e;
}

static void test_errors(void)
{
	static const char *const nowhere[] = {"/nonexistent/trace"};
	strata_experiment *e = (strata_experiment *)&e;
	char *error = NULL;

	g_assert_cmpint(strata_open(nowhere, 1, &e, &error), !=, STRATA_OK);
	g_assert_null(e);
	g_assert_nonnull(strstr(error, "/nonexistent/trace"));
	free(error);
	g_assert_cmpint(strata_open(nowhere, 0, &e, NULL), ==, STRATA_ERROR_USAGE);
	strata_close(NULL);
}

static void test_traces(void)
{
	strata_experiment *e = open_sample("nested-cpu");
	int64_t begin, end;

	g_assert_cmpuint(strata_trace_count(e), ==, 3);
	g_assert_true(g_str_has_suffix(strata_trace_path(e, 0), "nested-cpu/host"));
	g_assert_cmpstr(strata_trace_environment(e, 0, "domain"), ==, "kernel");
	g_assert_cmpstr(strata_trace_environment(e, 1, "hostname"), ==, "a");
	g_assert_null(strata_trace_environment(e, 0, "no such thing"));
	g_assert_true(strata_trace_range(e, 0, &begin, &end));
	g_assert_cmpint((end - begin) / 1000000, ==, 23056);
	g_assert_cmpuint(strata_trace_lost_events(e, 0), ==, 0);
	g_assert_cmpuint(strata_warning_count(e), ==, 0);
	g_assert_null(strata_warning(e, 0));
	g_assert_null(strata_trace_path(e, 3));
	g_assert_false(strata_trace_range(e, 3, &begin, &end));
	g_assert_cmpint(begin | end, ==, 0);
	strata_close(e);
}

typedef struct {
	guint64 events, stop_after;
	int64_t last_ns;
} Count;

static bool count(const strata_event *event, void *user)
{
	Count *c = user;
	g_assert_cmpint(strata_event_time_ns(event), >=, c->last_ns);
	c->last_ns = strata_event_time_ns(event);
	return ++c->events != c->stop_after;
}

static void test_every_event_in_order(void)
{
	strata_experiment *e = open_sample("nested-cpu");
	strata_query query = STRATA_QUERY_ALL;
	Count one = {0}, two = {0}, some = {.stop_after = 100};

	g_assert_cmpint(strata_read(e, NULL, count, &one, NULL), ==, STRATA_OK);
	g_assert_cmpuint(one.events, ==, ALL_EVENTS);
	query.threads = 2;
	g_assert_cmpint(strata_read(e, &query, count, &two, NULL), ==, STRATA_OK);
	g_assert_cmpuint(two.events, ==, ALL_EVENTS);
	g_assert_cmpint(strata_read(e, NULL, count, &some, NULL), ==, STRATA_OK);
	g_assert_cmpuint(some.events, ==, 100);
	strata_close(e);
}

/* Of a sched_switch's fields: texts, integers, a field that is in no event, and what is asked for as another kind. */
static bool check_switch(const strata_event *event, void *user)
{
	guint64 *n = user;
	const char *text;
	size_t length;
	int64_t value;
	double real;

	g_assert_cmpstr(strata_event_name(event), ==, "sched_switch");
	g_assert_cmpuint(strata_event_trace(event), ==, 0);
	g_assert_cmpint(strata_event_cpu(event), >=, 0);
	g_assert_cmpint(strata_event_cpu(event), <, 2);
	g_assert_true(strata_event_text(event, 0, &text, &length));
	g_assert_cmpuint(length, <=, 16);
	g_assert_true(strata_event_integer(event, 1, &value));
	g_assert_cmpint(value, >=, 0);
	g_assert_false(strata_event_integer(event, 0, &value));
	g_assert_false(strata_event_text(event, 1, &text, &length));
	g_assert_false(strata_event_real(event, 1, &real));
	g_assert_false(strata_event_integer(event, 2, &value));
	g_assert_false(strata_event_integer(event, 3, &value));
	(*n)++;
	return true;
}

static void test_fields(void)
{
	static const char *const names[] = {"nothing", "sched_swi*"};
	static const char *const fields[] = {"prev_comm", "next_tid", "no_such_field"};
	strata_experiment *e = open_sample("nested-cpu/host");
	strata_query query = STRATA_QUERY_ALL;
	char *error = NULL;
	guint64 n = 0;

	query.names = names;
	query.n_names = 2;
	query.fields = fields;
	query.n_fields = 3;
	g_assert_cmpint(strata_read(e, &query, check_switch, &n, &error), ==, STRATA_OK);
	g_assert_cmpuint(n, ==, HOST_SWITCHES);
	query.n_fields = STRATA_FIELDS_MAX + 1;
	g_assert_cmpint(strata_read(e, &query, check_switch, &n, &error), ==, STRATA_ERROR_USAGE);
	g_assert_nonnull(error);
	free(error);
	strata_close(e);
}

static void test_range(void)
{
	strata_experiment *e = open_sample("nested-cpu/host");
	strata_query query = STRATA_QUERY_ALL;
	Count before = {0}, after = {0};
	int64_t begin, end;

	strata_trace_range(e, 0, &begin, &end);
	query.end_ns = begin + (end - begin) / 2;
	g_assert_cmpint(strata_read(e, &query, count, &before, NULL), ==, STRATA_OK);
	g_assert_cmpint(before.last_ns, <=, query.end_ns);
	query.begin_ns = query.end_ns + 1;
	query.end_ns = INT64_MAX;
	g_assert_cmpint(strata_read(e, &query, count, &after, NULL), ==, STRATA_OK);
	g_assert_cmpuint(before.events + after.events, ==, HOST_EVENTS);
	strata_close(e);
}

static char *report(strata_experiment *e, strata_format format)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	g_assert_cmpint(strata_report(e, format, out, NULL), ==, STRATA_OK);
	fclose(out);
	return text;
}

static void test_report(void)
{
	strata_experiment *e = open_sample("nested-cpu/host");
	char *text = report(e, STRATA_FORMAT_TEXT), *json = report(e, STRATA_FORMAT_JSON);

	g_assert_nonnull(strstr(text, "nested VM"));
	g_assert_nonnull(strstr(json, "\"schema\": \"strata/report/1\""));
	free(text);
	free(json);
	strata_close(e);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/api/errors", test_errors);
	g_test_add_func("/api/traces", test_traces);
	g_test_add_func("/api/every-event-in-order", test_every_event_in_order);
	g_test_add_func("/api/fields", test_fields);
	g_test_add_func("/api/range", test_range);
	g_test_add_func("/api/report", test_report);
	return g_test_run();
}

/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "view/text.h"

static const TextStyle plain = {0};

static char *render(const View *view, ViewFormat format)
{
	char *text = NULL;
	gsize length = 0;
	FILE *out = open_memstream(&text, &length);
	g_autoptr(GError) error = NULL;
	view_render(view, format, out, &error);
	g_assert_no_error(error);
	fclose(out);
	char *copy = g_strdup(text);
	free(text);
	return copy;
}

static void expect(const View *view, ViewFormat format, const char *expected)
{
	g_autofree char *text = render(view, format);
	g_assert_cmpstr(text, ==, expected);
}

static void expect_styled(const View *view, const TextStyle *style, const char *expected)
{
	g_autoptr(GString) text = g_string_new(NULL);
	text_table(text, view, style, 0);
	g_assert_cmpstr(text->str, ==, expected);
}

/* A row of every unit, and one of which nothing is known. */
static View *every_unit(void)
{
	View *view = view_new("every-unit", "Every unit");
	view_add_column(view, "name", "Name", VIEW_TEXT);
	view_add_column(view, "pid", "Pid", VIEW_ID);
	view_add_column(view, "nested", "Nested", VIEW_BOOL);
	view_add_column(view, "count", "Count", VIEW_COUNT);
	view_add_column(view, "total_ns", "Total", VIEW_NS);
	view_add_column(view, "first_ns", "First", VIEW_TIME_NS);
	view_add_column(view, "share", "Share", VIEW_RATIO);
	view_add_column(view, "size", "Size", VIEW_BYTES);
	view_add_column(view, "rate_hz", "Rate", VIEW_HZ);
	view_add_column(view, "factor", "Factor", VIEW_NUMBER);
	view_begin_row(view);
	view_set_text(view, 0, "web-1");
	view_set_int(view, 1, 4242);
	view_set_bool(view, 2, TRUE);
	view_set_uint(view, 3, 1234567);
	view_set_int(view, 4, 56700000);
	view_set_int(view, 5, G_GINT64_CONSTANT(1700000000250000001));
	view_set_double(view, 6, 0.125);
	view_set_uint(view, 7, 1536 * 1024);
	view_set_double(view, 8, 1234.5);
	view_set_double(view, 9, 3.2);
	view_begin_row(view);
	return view;
}

static void test_text(void)
{
	g_autoptr(View) view = every_unit();
	expect(view, VIEW_FORMAT_TEXT,
	       "NAME    PID  NESTED      COUNT    TOTAL               FIRST  SHARE      SIZE     RATE  FACTOR\n"
	       "web-1  4242  yes     1,234,567  56.7 ms  22:13:20.250000001  12.5%  1.50 MiB  1,235/s    3.20\n"
	       "-         -  -               -        -                   -      -         -        -       -\n");
}

static void test_json(void)
{
	g_autoptr(View) view = every_unit();
	expect(view, VIEW_FORMAT_JSON,
	       "{\n"
	       "  \"schema\": \"strata/every-unit/1\",\n"
	       "  \"title\": \"Every unit\",\n"
	       "  \"columns\": [\n"
	       "    {\"name\": \"name\", \"unit\": \"text\", \"title\": \"Name\"},\n"
	       "    {\"name\": \"pid\", \"unit\": \"id\", \"title\": \"Pid\"},\n"
	       "    {\"name\": \"nested\", \"unit\": \"bool\", \"title\": \"Nested\"},\n"
	       "    {\"name\": \"count\", \"unit\": \"count\", \"title\": \"Count\"},\n"
	       "    {\"name\": \"total_ns\", \"unit\": \"ns\", \"title\": \"Total\"},\n"
	       "    {\"name\": \"first_ns\", \"unit\": \"time_ns\", \"title\": \"First\"},\n"
	       "    {\"name\": \"share\", \"unit\": \"ratio\", \"title\": \"Share\"},\n"
	       "    {\"name\": \"size\", \"unit\": \"bytes\", \"title\": \"Size\"},\n"
	       "    {\"name\": \"rate_hz\", \"unit\": \"hz\", \"title\": \"Rate\"},\n"
	       "    {\"name\": \"factor\", \"unit\": \"number\", \"title\": \"Factor\"}\n"
	       "  ],\n"
	       "  \"rows\": [\n"
	       "    {\"name\": \"web-1\", \"pid\": 4242, \"nested\": true, \"count\": 1234567, \"total_ns\": 56700000, "
	       "\"first_ns\": 1700000000250000001, \"share\": 0.125, \"size\": 1572864, \"rate_hz\": 1234.5, "
	       "\"factor\": 3.2},\n"
	       "    {\"name\": null, \"pid\": null, \"nested\": null, \"count\": null, \"total_ns\": null, "
	       "\"first_ns\": null, \"share\": null, \"size\": null, \"rate_hz\": null, \"factor\": null}\n"
	       "  ]\n"
	       "}\n");
}

static void test_csv(void)
{
	g_autoptr(View) view = every_unit();
	expect(view, VIEW_FORMAT_CSV,
	       "name,pid,nested,count,total_ns,first_ns,share,size,rate_hz,factor\n"
	       "web-1,4242,true,1234567,56700000,1700000000250000001,0.125,1572864,1234.5,3.2\n"
	       ",,,,,,,,,\n");
	view_set_headings(view, FALSE);
	view_limit(view, 1);
	expect(view, VIEW_FORMAT_CSV,
	       "web-1,4242,true,1234567,56700000,1700000000250000001,0.125,1572864,1234.5,3.2\n");
}

/* A table of one text column, and a number that tells its rows apart. */
static View *texts(const char *const *rows, gsize n)
{
	View *view = view_new("texts", "Texts");
	view_add_column(view, "text", "Text", VIEW_TEXT);
	view_add_column(view, "n", "N", VIEW_COUNT);
	for (gsize i = 0; i < n; i++) {
		view_begin_row(view);
		view_set_text(view, 0, rows[i]);
		view_set_uint(view, 1, i);
	}
	return view;
}

static void test_hostile_texts(void)
{
	static const char *const rows[] = {"a,b",         "say \"x\"", "two\nlines",           "",      NULL,
	                                   "\033[31mred", "\xff",      "\xc3\xa9\xe4\xb8\xad", "a\\x1b"};
	g_autoptr(View) view = texts(rows, G_N_ELEMENTS(rows));
	expect(view, VIEW_FORMAT_CSV,
	       "text,n\n\"a,b\",0\n\"say \"\"x\"\"\",1\n\"two\nlines\",2\n\"\",3\n,4\n\033[31mred,5\n\xef\xbf\xbd,6\n"
	       "\xc3\xa9\xe4\xb8\xad,7\na\\x1b,8\n");
	expect(view, VIEW_FORMAT_TEXT,
	       "TEXT          N\n"
	       "a,b           0\n"
	       "say \"x\"       1\n"
	       "two\\x0alines  2\n"
	       "              3\n"
	       "-             4\n"
	       "\\x1b[31mred   5\n"
	       "\xef\xbf\xbd             6\n"
	       "\xc3\xa9\xe4\xb8\xad           7\n"
	       "a\\x1b         8\n");
	g_autofree char *json = render(view, VIEW_FORMAT_JSON);
	g_assert_nonnull(strstr(json, "{\"text\": \"\\u001b[31mred\", \"n\": 5}"));
	g_assert_nonnull(strstr(json, "{\"text\": \"two\\nlines\", \"n\": 2}"));
}

static void test_sort(void)
{
	static const char *const rows[] = {"cpu10", NULL, "cpu2", "cpu1", NULL, "cpu2"};
	g_autoptr(View) view = texts(rows, G_N_ELEMENTS(rows));
	view_set_headings(view, FALSE);
	view_sort(view, 0, FALSE);
	expect(view, VIEW_FORMAT_CSV, "cpu1,3\ncpu2,2\ncpu2,5\ncpu10,0\n,1\n,4\n");
	view_sort(view, 0, TRUE);
	expect(view, VIEW_FORMAT_CSV, "cpu10,0\ncpu2,2\ncpu2,5\ncpu1,3\n,1\n,4\n");
	view_sort(view, 1, TRUE);
	expect(view, VIEW_FORMAT_CSV, "cpu2,5\n,4\ncpu1,3\ncpu2,2\n,1\ncpu10,0\n");
}

/* Numbers of every type compare by value. */
static void test_sort_numbers(void)
{
	g_autoptr(View) view = view_new("numbers", "Numbers");
	view_add_column(view, "n", "N", VIEW_NUMBER);
	view_begin_row(view);
	view_set_uint(view, 0, G_MAXUINT64);
	view_begin_row(view);
	view_set_int(view, 0, -1);
	view_begin_row(view);
	view_set_double(view, 0, NAN);
	view_begin_row(view);
	view_set_int(view, 0, G_MAXINT64);
	view_begin_row(view);
	view_set_double(view, 0, -1.5);
	view_begin_row(view);
	view_set_uint(view, 0, 0);
	view_sort(view, 0, FALSE);
	expect(view, VIEW_FORMAT_CSV, "n\n-1.5\n-1\n0\n9223372036854775807\n18446744073709551615\n\n");
}

static void add_machine(View *view, gint parent, const char *name, gint64 cpu_ns)
{
	view_begin_row(view);
	view_row_parent(view, parent);
	view_set_text(view, 0, name);
	view_set_int(view, 1, cpu_ns);
}

static View *topology(void)
{
	View *view = view_new("machines", "Machines");
	view_set_tree_column(view, view_add_column(view, "machine", "Machine", VIEW_TEXT));
	view_add_column(view, "cpu_ns", "CPU", VIEW_NS);
	add_machine(view, -1, "host", 9000);
	add_machine(view, 0, "l1-a", 100);
	add_machine(view, 0, "l1-b", 200);
	add_machine(view, 1, "l2-x", 900);
	add_machine(view, 2, "l2-y", 50);
	add_machine(view, -1, "other", 7);
	return view;
}

static void test_tree(void)
{
	g_autoptr(View) view = topology();
	TextStyle ascii = {.ascii = TRUE};
	expect(view, VIEW_FORMAT_TEXT,
	       "MACHINE       CPU\n"
	       "host      9.00 us\n"
	       "\xe2\x94\x9c\xe2\x94\x80l1-a     100 ns\n"
	       "\xe2\x94\x82 \xe2\x94\x94\xe2\x94\x80l2-x   900 ns\n"
	       "\xe2\x94\x94\xe2\x94\x80l1-b     200 ns\n"
	       "  \xe2\x94\x94\xe2\x94\x80l2-y    50 ns\n"
	       "other        7 ns\n");
	view_sort(view, 1, TRUE);
	expect_styled(view, &ascii,
	              "MACHINE       CPU\n"
	              "host      9.00 us\n"
	              "|-l1-b     200 ns\n"
	              "| `-l2-y    50 ns\n"
	              "`-l1-a     100 ns\n"
	              "  `-l2-x   900 ns\n"
	              "other        7 ns\n");
	expect(view, VIEW_FORMAT_CSV, "machine,cpu_ns\nhost,9000\nl1-b,200\nl2-y,50\nl1-a,100\nl2-x,900\nother,7\n");
	view_limit(view, 3);
	expect(view, VIEW_FORMAT_CSV, "machine,cpu_ns\nhost,9000\nl1-b,200\nl2-y,50\n");
}

static void test_limit_and_notes(void)
{
	static const char *const rows[] = {"a", "b", "c"};
	g_autoptr(View) view = texts(rows, G_N_ELEMENTS(rows));
	view_limit(view, 2);
	view_add_note(view, "%d events were lost.", 3);
	expect(view, VIEW_FORMAT_TEXT, "TEXT  N\na     0\nb     1\n(and 1 more)\n\n3 events were lost.\n");
	g_autofree char *json = render(view, VIEW_FORMAT_JSON);
	g_assert_true(g_str_has_suffix(json, "    {\"text\": \"b\", \"n\": 1}\n"
	                                     "  ],\n"
	                                     "  \"rows_left_out\": 1,\n"
	                                     "  \"notes\": [\n"
	                                     "    \"3 events were lost.\"\n"
	                                     "  ]\n"
	                                     "}\n"));
}

static void test_empty(void)
{
	g_autoptr(View) view = texts(NULL, 0);
	expect(view, VIEW_FORMAT_TEXT, "None.\n");
	view_set_empty_text(view, "No VM was found.");
	expect(view, VIEW_FORMAT_TEXT, "No VM was found.\n");
	expect(view, VIEW_FORMAT_CSV, "text,n\n");
	g_autofree char *json = render(view, VIEW_FORMAT_JSON);
	g_assert_nonnull(strstr(json, "  \"rows\": []\n"));
}

static void test_hidden_and_aligned(void)
{
	static const char *const rows[] = {"a", "bcdefg"};
	g_autoptr(View) view = texts(rows, G_N_ELEMENTS(rows));
	view_set_align(view, 0, VIEW_ALIGN_RIGHT);
	view_hide_from_text(view, 1);
	expect(view, VIEW_FORMAT_TEXT, "  TEXT\n     a\nbcdefg\n");
	view_set_headings(view, FALSE);
	expect(view, VIEW_FORMAT_TEXT, "     a\nbcdefg\n");
	expect(view, VIEW_FORMAT_CSV, "a,0\nbcdefg,1\n");
}

static void test_terminal(void)
{
	static const char *const rows[] = {
	        "short", "a text that is much too long",
	        "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad"};
	g_autoptr(View) view = texts(rows, G_N_ELEMENTS(rows));
	TextStyle wide = {.width = 80};
	expect_styled(view, &wide,
	              "TEXT                          N\n"
	              "short                         0\n"
	              "a text that is much too long  1\n"
	              "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad"
	              "              2\n");
	TextStyle narrow = {.width = 15, .bold = TRUE};
	expect_styled(view, &narrow,
	              "\033[1mTEXT          N\033[0m\n"
	              "short         0\n"
	              "a text that\xe2\x80\xa6  1\n"
	              "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe2\x80\xa6   2\n");
	/* Narrower than anything can be made: as narrow as it can. */
	TextStyle tiny = {.width = 1, .ascii = TRUE};
	expect_styled(view, &tiny,
	              "TEXT      N\n"
	              "short     0\n"
	              "a text ~  1\n"
	              "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad~   2\n");
}

static void test_rows_as_part(void)
{
	static const char *const rows[] = {"a"};
	g_autoptr(View) view = texts(rows, G_N_ELEMENTS(rows));
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(StJson) json = st_json_new_string(text, ST_JSON_COMPACT);
	st_json_begin_object(json);
	st_json_key(json, "exits");
	view_json_rows(view, json);
	st_json_end(json);
	g_assert_true(st_json_finish(json, NULL));
	g_assert_cmpstr(text->str, ==, "{\"exits\":[{\"text\":\"a\",\"n\":0}]}\n");
}

/* Times, and nothing else, are told from an origin; in JSON alone. */
static void test_origin(void)
{
	g_autoptr(View) view = view_new("test", "Test");
	guint time = view_add_column(view, "time_ns", "TIME", VIEW_TIME_NS), length = view_add_column(view, "length_ns", "LENGTH", VIEW_NS);

	view_set_origin(view, 1795399643417877041);
	view_begin_row(view);
	view_set_int(view, time, 1795399643417877048);
	view_set_int(view, length, 1795399643417877048);
	view_begin_row(view);
	g_autofree char *json = render(view, VIEW_FORMAT_JSON), *csv = render(view, VIEW_FORMAT_CSV);
	g_assert_nonnull(strstr(json, "{\"time_ns\": 7, \"length_ns\": 1795399643417877048}"));
	g_assert_nonnull(strstr(json, "{\"time_ns\": null, \"length_ns\": null}"));
	g_assert_nonnull(strstr(csv, "\n1795399643417877048,"));
}

static void test_format_names(void)
{
	static const char *const names[] = {"text", "json", "csv", "html", "folded"};
	ViewFormat format;
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_assert_true(view_format_parse(names[i], &format, NULL));
		g_assert_cmpuint(format, ==, i);
	}
	g_autoptr(GError) error = NULL;
	g_assert_false(view_format_parse("xml", &format, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_USAGE);
}

static void test_full_disk(void)
{
	static const char *const rows[] = {"a"};
	static const ViewFormat formats[] = {VIEW_FORMAT_TEXT, VIEW_FORMAT_JSON, VIEW_FORMAT_CSV, VIEW_FORMAT_HTML};
	g_autoptr(View) view = texts(rows, G_N_ELEMENTS(rows));
	for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
		FILE *full = fopen("/dev/full", "w");
		g_autoptr(GError) error = NULL;
		g_assert_nonnull(full);
		g_assert_false(view_render(view, formats[i], full, &error));
		g_assert_error(error, ST_ERROR, ST_ERROR_IO);
		fclose(full);
	}
}

static void test_page_escapes(void)
{
	static const char *const rows[] = {"<script>alert(1)</script>", "a\" onload='x' &amp;", "\033[2J\xff"};
	g_autoptr(View) view = texts(rows, G_N_ELEMENTS(rows));
	view_add_note(view, "<img src=x>");
	g_autofree char *page = render(view, VIEW_FORMAT_HTML);

	g_assert_null(strstr(page, "<script"));
	g_assert_null(strstr(page, "<img"));
	g_assert_nonnull(strstr(page, "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>"));
	g_assert_nonnull(strstr(page, "<td>a&quot; onload=&#39;x&#39; &amp;amp;</td>"));
	g_assert_nonnull(strstr(page, "<p class=\"note\">&lt;img src=x&gt;</p>"));
	g_assert_null(strchr(page, '\033'));
	g_assert_true(g_utf8_validate(page, -1, NULL));
}

static void test_series(void)
{
	static const double shares[] = {0, 0.01, 0.5, 1};
	static const TextStyle ascii = {.ascii = TRUE};
	g_autoptr(View) view = view_new("path", "Path");
	view_add_column(view, "name", "NAME", VIEW_TEXT);
	view_add_column(view, "when", "WHEN", VIEW_SERIES);
	view_begin_row(view);
	view_set_text(view, 0, "a");
	view_set_series(view, 1, shares, G_N_ELEMENTS(shares));
	expect(view, VIEW_FORMAT_TEXT, "NAME  WHEN\na      \xe2\x96\x81\xe2\x96\x85\xe2\x96\x88\n");
	expect(view, VIEW_FORMAT_CSV, "name,when\na,0 0.01 0.5 1\n");
	expect_styled(view, &ascii, "NAME  WHEN\na      .+@\n");
	g_autofree char *json = render(view, VIEW_FORMAT_JSON), *page = render(view, VIEW_FORMAT_HTML);
	g_assert_nonnull(strstr(json, "\"when\": [0, 0.01, 0.5, 1]"));
	g_assert_nonnull(strstr(page, "x=\"75.000%\" width=\"25.000%\" y=\"0.000%\" height=\"100.000%\""));
}

static void test_folded(void)
{
	g_autoptr(View) view = view_new("stacks", "Stacks");
	g_autoptr(GString) stack = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	view_add_column(view, "stack", "STACK", VIEW_TEXT);
	view_add_column(view, "ns", "NS", VIEW_NS);
	view_frame(stack, "a;b");
	view_frame(stack, "c\nd");
	for (guint i = 0; i < 2; i++) {
		view_begin_row(view);
		view_set_text(view, 0, stack->str);
		view_set_int(view, 1, 1234 * (gint64)i); /* what took no time is no line */
	}
	g_assert_false(view_render(view, VIEW_FORMAT_FOLDED, stderr, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_USAGE);
	view_set_folded(view, 0, 1);
	expect(view, VIEW_FORMAT_FOLDED, "a,b;c d 1234\n");
}

static void test_page_charts(void)
{
	g_autoptr(View) view = view_new("levels", "Levels");
	view_add_column(view, "vm", "VM", VIEW_TEXT);
	view_add_column(view, "part", "WHAT", VIEW_TEXT);
	view_add_column(view, "share", "SHARE", VIEW_RATIO);
	view_chart_rows(view, 0, 1, 2);
	for (guint i = 0; i < 4; i++) {
		view_begin_row(view);
		view_set_text(view, 0, i < 2 ? "a<" : "b");
		view_set_text(view, 1, i % 2 ? "stolen" : "own");
		view_set_double(view, 2, i % 2 ? 0.25 : 0.9);
		view_set_row_role(view, i % 2 ? VIEW_ROLE_LOST : VIEW_ROLE_WORK);
	}
	g_autofree char *page = render(view, VIEW_FORMAT_HTML);

	/* Two bars; what would be more than the whole bar is cut. */
	g_assert_nonnull(strstr(page, "<span class=\"label\">a&lt;</span>"));
	g_assert_nonnull(strstr(page, "<g class=\"work s0\"><rect y=\"0\" height=\"100%\" x=\"0.000%\" width=\"90.000%\">"));
	g_assert_nonnull(strstr(page, "<g class=\"lost s0\"><rect y=\"0\" height=\"100%\" x=\"90.000%\" width=\"10.000%\">"));
	g_assert_nonnull(strstr(page, "own</li>"));
}

static ViewDoc *document(void)
{
	ViewDoc *doc = view_doc_new();
	view_doc_heading(doc, "What was recorded");
	view_doc_pair(doc, "Trace", "%s", "a/b");
	view_doc_pair(doc, "Lost events", "%d", 3);
	view_doc_heading(doc, "Topology");
	view_doc_table(doc, topology());
	view_doc_paragraph(doc, "One.");
	view_doc_paragraph(doc, "Two has some words more than one line of forty.");
	view_doc_heading(doc, "What would tell more");
	view_doc_item(doc, "Wait reasons: nothing of disks was recorded.");
	view_doc_command(doc, "lttng enable-event --kernel block_rq_issue,block_rq_complete");
	view_doc_item(doc, "\033[2Jx");
	return doc;
}

static void test_document(void)
{
	g_autoptr(ViewDoc) doc = document();
	g_autoptr(GString) text = g_string_new(NULL);
	TextStyle style = {.width = 40, .ascii = TRUE};
	text_doc(text, doc, &style);
	g_assert_cmpstr(text->str, ==,
	                "What was recorded\n"
	                "  Trace        a/b\n"
	                "  Lost events  3\n"
	                "\n"
	                "Topology\n"
	                "  MACHINE       CPU\n"
	                "  host      9.00 us\n"
	                "  |-l1-a     100 ns\n"
	                "  | `-l2-x   900 ns\n"
	                "  `-l1-b     200 ns\n"
	                "    `-l2-y    50 ns\n"
	                "  other        7 ns\n"
	                "\n"
	                "  One.\n"
	                "\n"
	                "  Two has some words more than one line\n"
	                "  of forty.\n"
	                "\n"
	                "What would tell more\n"
	                "  - Wait reasons: nothing of disks was\n"
	                "    recorded.\n"
	                "      lttng enable-event --kernel block_rq_issue,block_rq_complete\n"
	                "  - \\x1b[2Jx\n");
}

static void test_fill(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	text_fill(text, "a\n\nb  c\x01", "- ", "  ", &plain);
	g_assert_cmpstr(text->str, ==, "- a\n\n  b c\\x01\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_setenv("TZ", "UTC", TRUE);
	tzset();
	g_test_add_func("/view/text", test_text);
	g_test_add_func("/view/json", test_json);
	g_test_add_func("/view/origin", test_origin);
	g_test_add_func("/view/csv", test_csv);
	g_test_add_func("/view/hostile-texts", test_hostile_texts);
	g_test_add_func("/view/sort", test_sort);
	g_test_add_func("/view/sort-numbers", test_sort_numbers);
	g_test_add_func("/view/tree", test_tree);
	g_test_add_func("/view/limit-and-notes", test_limit_and_notes);
	g_test_add_func("/view/empty", test_empty);
	g_test_add_func("/view/hidden-and-aligned", test_hidden_and_aligned);
	g_test_add_func("/view/terminal", test_terminal);
	g_test_add_func("/view/rows-as-a-part", test_rows_as_part);
	g_test_add_func("/view/format-names", test_format_names);
	g_test_add_func("/view/full-disk", test_full_disk);
	g_test_add_func("/view/document", test_document);
	g_test_add_func("/view/fill", test_fill);
	g_test_add_func("/view/page/escapes", test_page_escapes);
	g_test_add_func("/view/series", test_series);
	g_test_add_func("/view/folded", test_folded);
	g_test_add_func("/view/page/charts", test_page_charts);
	return g_test_run();
}

/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

typedef struct {
	GString *text;
	StJson *json;
} Writing;

static Writing begin(StJsonFlags flags)
{
	Writing w = {.text = g_string_new(NULL)};
	w.json = st_json_new_string(w.text, flags);
	return w;
}

static void expect(Writing *w, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_assert_true(st_json_finish(w->json, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(w->text->str, ==, expected);
	st_json_free(w->json);
	g_string_free(w->text, TRUE);
}

static void test_compact(void)
{
	Writing w = begin(ST_JSON_COMPACT);
	st_json_begin_object(w.json);
	st_json_member_string(w.json, "a", "x");
	st_json_key(w.json, "b");
	st_json_begin_array(w.json);
	st_json_int(w.json, G_MININT64);
	st_json_uint(w.json, G_MAXUINT64);
	st_json_int(w.json, 0);
	st_json_end(w.json);
	st_json_key(w.json, "c");
	st_json_begin_object(w.json);
	st_json_end(w.json);
	st_json_member_bool(w.json, "t", TRUE);
	st_json_member_bool(w.json, "f", FALSE);
	st_json_member_null(w.json, "n");
	st_json_member_string(w.json, "m", NULL);
	st_json_end(w.json);
	expect(&w, "{\"a\":\"x\",\"b\":[-9223372036854775808,18446744073709551615,0],\"c\":{},"
	           "\"t\":true,\"f\":false,\"n\":null,\"m\":null}\n");
}

static void test_indented(void)
{
	Writing w = begin(ST_JSON_INDENT);
	st_json_begin_object(w.json);
	st_json_key(w.json, "rows");
	st_json_begin_array(w.json);
	for (int i = 0; i < 2; i++) {
		st_json_begin_inline_object(w.json);
		st_json_member_int(w.json, "i", i);
		st_json_key(w.json, "range");
		st_json_begin_array(w.json);
		st_json_int(w.json, 1);
		st_json_int(w.json, 2);
		st_json_end(w.json);
		st_json_end(w.json);
	}
	st_json_end(w.json);
	st_json_key(w.json, "none");
	st_json_begin_array(w.json);
	st_json_end(w.json);
	st_json_end(w.json);
	expect(&w, "{\n"
	           "  \"rows\": [\n"
	           "    {\"i\": 0, \"range\": [1, 2]},\n"
	           "    {\"i\": 1, \"range\": [1, 2]}\n"
	           "  ],\n"
	           "  \"none\": []\n"
	           "}\n");
}

static void test_lines(void)
{
	Writing w = begin(ST_JSON_COMPACT);
	st_json_begin_array(w.json);
	st_json_end(w.json);
	st_json_int(w.json, 7);
	expect(&w, "[]\n7\n");

	w = begin(ST_JSON_COMPACT);
	expect(&w, "");
}

static void test_strings(void)
{
	static const struct {
		const char *text;
		gsize length;
		const char *json;
	} cases[] = {
	        {"", 0, "\"\""},
	        {"plain", 5, "\"plain\""},
	        {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
	        {"\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\""},
	        {"\x01\x1f\x7f", 3, "\"\\u0001\\u001f\x7f\""},
	        {"a\0b", 3, "\"a\\u0000b\""},
	        {"\xc3\xa9\xf0\x9f\x92\xa9", 6, "\"\xc3\xa9\xf0\x9f\x92\xa9\""},
	        {"a\xff\xfe"
	         "b",
	         4,
	         "\"a\xef\xbf\xbd\xef\xbf\xbd"
	         "b\""},
	        /* cut off in a character, a surrogate, an overlong form */
	        {"a\xe2\x82", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
	        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	        {"\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		Writing w = begin(ST_JSON_COMPACT);
		st_json_string_len(w.json, cases[i].text, cases[i].length);
		g_autofree char *expected = g_strdup_printf("%s\n", cases[i].json);
		expect(&w, expected);
	}
}

static void test_doubles(void)
{
	static const struct {
		double value;
		const char *json;
	} cases[] = {
	        {0, "0"},
	        {0.1, "0.1"},
	        {1.0 / 3, "0.3333333333333333"},
	        {0.1 + 0.2, "0.30000000000000004"},
	        {1e20, "1e+20"},
	        {-2.5, "-2.5"},
	        {5e-324, "5e-324"},
	        {1.7976931348623157e308, "1.7976931348623157e+308"},
	        {9007199254740993.0, "9007199254740992"},
	        {NAN, "null"},
	        {INFINITY, "null"},
	        {-INFINITY, "null"},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		Writing w = begin(ST_JSON_COMPACT);
		st_json_double(w.json, cases[i].value);
		g_autofree char *expected = g_strdup_printf("%s\n", cases[i].json);
		expect(&w, expected);
	}
}

/* Random bits read back as themselves. */
static void test_doubles_round_trip(void)
{
	for (int i = 0; i < 20000; i++) {
		guint64 bits = (guint64)(guint32)g_test_rand_int() << 32 | (guint32)g_test_rand_int();
		double value;
		memcpy(&value, &bits, sizeof value);
		if (!isfinite(value))
			continue;
		g_autoptr(GString) text = g_string_new(NULL);
		g_autoptr(StJson) json = st_json_new_string(text, ST_JSON_COMPACT);
		st_json_double(json, value);
		g_assert_true(g_ascii_strtod(text->str, NULL) == value);
	}
}

static void test_other_locale(void)
{
	g_autofree char *before = g_strdup(setlocale(LC_ALL, NULL));
	if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
		g_test_skip("no locale with a decimal comma");
		return;
	}
	Writing w = begin(ST_JSON_COMPACT);
	st_json_double(w.json, 1.5);
	expect(&w, "1.5\n");
	setlocale(LC_ALL, before);
}

static void nest(StJson *json, int depth)
{
	for (int i = 0; i < depth; i++)
		st_json_begin_array(json);
	for (int i = 0; i < depth; i++)
		st_json_end(json);
}

static void test_depth(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(StJson) deep = st_json_new_string(text, ST_JSON_COMPACT);
	nest(deep, ST_JSON_DEPTH_MAX);
	g_assert_true(st_json_finish(deep, &error));
	g_assert_cmpuint(text->len, ==, 2 * ST_JSON_DEPTH_MAX + 1);

	g_autoptr(StJson) deeper = st_json_new_string(text, ST_JSON_COMPACT);
	nest(deeper, ST_JSON_DEPTH_MAX + 1);
	g_assert_false(st_json_finish(deeper, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_LIMIT);
}

static void test_file(void)
{
	char *written = NULL;
	gsize length = 0;
	FILE *file = open_memstream(&written, &length);
	g_autoptr(StJson) json = st_json_new_file(file, ST_JSON_COMPACT);
	for (int i = 0; i < 100000; i++)
		st_json_int(json, i);
	g_assert_true(st_json_finish(json, NULL));
	fclose(file);
	g_assert_cmpuint(length, ==, 10 * 2 + 90 * 3 + 900 * 4 + 9000 * 5 + 90000 * 6);
	g_assert_true(g_str_has_suffix(written, "\n99998\n99999\n"));
	free(written);
}

static void test_full_disk(void)
{
	FILE *full = fopen("/dev/full", "w");
	if (!full) {
		g_test_skip("no /dev/full");
		return;
	}
	g_autoptr(GError) error = NULL;
	g_autoptr(StJson) json = st_json_new_file(full, ST_JSON_COMPACT);
	st_json_int(json, 1);
	g_assert_false(st_json_finish(json, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_IO);
	fclose(full);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/json/compact", test_compact);
	g_test_add_func("/json/indented", test_indented);
	g_test_add_func("/json/values-at-the-top-are-lines", test_lines);
	g_test_add_func("/json/strings", test_strings);
	g_test_add_func("/json/doubles", test_doubles);
	g_test_add_func("/json/doubles-read-back", test_doubles_round_trip);
	g_test_add_func("/json/no-locale", test_other_locale);
	g_test_add_func("/json/depth-is-bounded", test_depth);
	g_test_add_func("/json/file", test_file);
	g_test_add_func("/json/full-disk", test_full_disk);
	return g_test_run();
}

/* SPDX-License-Identifier: MIT */
#include "base/error.h"

static void test_warnings_keep_order(void)
{
	g_autoptr(StWarnings) w = st_warnings_new();

	st_warn(w, "%s:%d: first", "a", 1);
	st_warn(w, "second");
	g_assert_cmpuint(st_warnings_count(w), ==, 2);
	g_assert_cmpstr(st_warnings_get(w, 0), ==, "a:1: first");
	g_assert_cmpstr(st_warnings_get(w, 1), ==, "second");
	g_assert_cmpuint(st_warnings_dropped(w), ==, 0);
}

static void test_warnings_are_bounded(void)
{
	g_autoptr(StWarnings) w = st_warnings_new();

	for (int i = 0; i < ST_WARNINGS_MAX + 7; i++)
		st_warn(w, "%d", i);
	g_assert_cmpuint(st_warnings_count(w), ==, ST_WARNINGS_MAX);
	g_assert_cmpuint(st_warnings_dropped(w), ==, 7);
	g_assert_cmpstr(st_warnings_get(w, ST_WARNINGS_MAX - 1), ==, "999");
}

static void test_no_list_is_fine(void)
{
	st_warn(NULL, "nobody hears %s", "this");
	st_warnings_free(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/error/warnings-keep-order", test_warnings_keep_order);
	g_test_add_func("/error/warnings-are-bounded", test_warnings_are_bounded);
	g_test_add_func("/error/no-list-is-fine", test_no_list_is_fine);
	return g_test_run();
}

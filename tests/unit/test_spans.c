/* SPDX-License-Identifier: MIT */
/* Definitions of spans as people write them. */
#include "user/user.h"

static void test_parts_are_found(void)
{
	g_autoptr(GError) error = NULL;
	UserSpanRule rule;

	g_assert_true(user_span_parse("req=lab:request_begin..lab:request_end", &rule, &error));
	g_assert_cmpstr(rule.name, ==, "req");
	g_assert_cmpstr(rule.begin, ==, "lab:request_begin");
	g_assert_cmpstr(rule.end, ==, "lab:request_end");
	g_assert_null(rule.field);
	user_span_rule_clear(&rule);
	g_assert_true(user_span_parse(" a b = x* .. y* by id ", &rule, &error));
	g_assert_cmpstr(rule.name, ==, "a b");
	g_assert_cmpstr(rule.begin, ==, "x*");
	g_assert_cmpstr(rule.end, ==, "y*");
	g_assert_cmpstr(rule.field, ==, "id");
	user_span_rule_clear(&rule);
}

static void test_what_is_no_definition_is_refused(void)
{
	static const char *const bad[] = {"", "=", "a", "a=", "a=b", "a=b.c", "a=b..", "a=..c", "=b..c", "a=b..c by ", " =b..c", "a= .. "};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		UserSpanRule rule;

		g_assert_false(user_span_parse(bad[i], &rule, &error));
		g_assert_error(error, ST_ERROR, ST_ERROR_USAGE);
		g_assert_nonnull(g_strstr_len(error->message, -1, "NAME=BEGIN_GLOB..END_GLOB"));
	}
}

static void test_there_is_a_limit(void)
{
	const char *texts[USER_SPANS_MAX + 2] = {0};
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < USER_SPANS_MAX; i++)
		texts[i] = "a=b..c";
	GArray *rules = user_span_rules(texts, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(rules->len, ==, USER_SPANS_MAX);
	g_array_unref(rules);
	texts[USER_SPANS_MAX] = "a=b..c";
	g_assert_null(user_span_rules(texts, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_LIMIT);
}

/* Any bytes: a definition or an error, and nothing else. */
static void test_random_texts(void)
{
	static const char letters[] = "ab=.. by*\xff\n";

	for (guint i = 0; i < 20000; i++) {
		char text[24] = {0};
		g_autoptr(GError) error = NULL;
		UserSpanRule rule;

		for (guint k = 0; k < (guint)g_test_rand_int_range(0, sizeof(text)); k++)
			text[k] = letters[g_test_rand_int_range(0, sizeof(letters) - 1)];
		if (user_span_parse(text, &rule, &error)) {
			g_assert_true(*rule.name && *rule.begin && *rule.end && (!rule.field || *rule.field));
			user_span_rule_clear(&rule);
		} else {
			g_assert_error(error, ST_ERROR, ST_ERROR_USAGE);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/spans/parts-are-found", test_parts_are_found);
	g_test_add_func("/spans/what-is-no-definition-is-refused", test_what_is_no_definition_is_refused);
	g_test_add_func("/spans/there-is-a-limit", test_there_is_a_limit);
	g_test_add_func("/spans/random-texts", test_random_texts);
	return g_test_run();
}

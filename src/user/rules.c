/* SPDX-License-Identifier: MIT */
/* rules.c: definitions of spans as people write them. */
#include "user/user.h"

#include <string.h>

static gboolean complain(const char *text, const char *what, GError **error)
{
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "span \"%s\": %s; it is NAME=BEGIN_GLOB..END_GLOB, or with \" by FIELD\" behind it", text, what);
	return FALSE;
}

void user_span_rule_clear(UserSpanRule *rule)
{
	g_free(rule->name);
	g_free(rule->begin);
	g_free(rule->end);
	g_free(rule->field);
	*rule = (UserSpanRule){0};
}

/* Cut " by FIELD" off the end; NULL: it isn't there. */
static char *cut_field(char *text)
{
	char *by = g_strrstr(text, " by ");

	if (!by)
		return NULL;
	char *field = g_strdup(g_strstrip(by + strlen(" by ")));
	*by = '\0';
	return field;
}

gboolean user_span_parse(const char *text, UserSpanRule *rule_out, GError **error)
{
	g_autofree char *copy = g_strdup(text);
	char *equals = strchr(copy, '='), *rest = equals ? equals + 1 : NULL;

	*rule_out = (UserSpanRule){0};
	if (!equals || equals == copy)
		return complain(text, "it has no name before \"=\"", error);
	*equals = '\0';
	char *field = cut_field(rest);
	char *dots = strstr(rest, "..");
	if (!dots) {
		g_free(field);
		return complain(text, "there is no \"..\" between the events", error);
	}
	*dots = '\0';
	*rule_out = (UserSpanRule){g_strdup(g_strstrip(copy)), g_strdup(g_strstrip(rest)), g_strdup(g_strstrip(dots + 2)), field};
	if (*rule_out->name && *rule_out->begin && *rule_out->end && (!field || *field))
		return TRUE;
	user_span_rule_clear(rule_out);
	return complain(text, "a part of it is empty", error);
}

GArray *user_span_rules(const char *const *texts, GError **error)
{
	GArray *rules = g_array_new(FALSE, TRUE, sizeof(UserSpanRule));

	g_array_set_clear_func(rules, (GDestroyNotify)user_span_rule_clear);
	for (const char *const *text = texts; text && *text; text++) {
		UserSpanRule rule;

		if (rules->len == USER_SPANS_MAX) {
			g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "more than %d spans", USER_SPANS_MAX);
			g_array_unref(rules);
			return NULL;
		}
		if (!user_span_parse(*text, &rule, error)) {
			g_array_unref(rules);
			return NULL;
		}
		g_array_append_val(rules, rule);
	}
	return rules;
}

/* SPDX-License-Identifier: MIT */
/* roles.c: which events mean what. */
#include "user/private.h"

static const struct {
	const char *names, *fields;
} roles[USER_ROLE_COUNT] = {
#define USER_R(id, names, fields) [USER_##id] = {names, fields},
	USER_ROLES(USER_R)
#undef USER_R
};

static gboolean any_glob(const char *names, const char *name)
{
	g_auto(GStrv) globs = g_strsplit(names, " ", -1);

	for (char **g = globs; *g; g++)
		if (g_pattern_match_simple(*g, name))
			return TRUE;
	return FALSE;
}

UserRole user_role_of(const char *event_name)
{
	for (guint i = USER_PLAIN + 1; i < USER_ROLE_COUNT; i++)
		if (any_glob(roles[i].names, event_name))
			return (UserRole)i;
	return USER_PLAIN;
}

const char *user_role_field(UserRole role, guint field, const CtfFc *payload)
{
	g_auto(GStrv) fields = g_strsplit(roles[role].fields, " ", -1);

	if (field >= g_strv_length(fields) || !*fields[field])
		return NULL;
	g_auto(GStrv) names = g_strsplit(fields[field], "|", -1);
	for (char **name = names; *name; name++)
		if (ctf_fc_member(payload, *name))
			return g_intern_string(*name);
	return NULL;
}

gboolean user_role_is_text(UserRole role, guint field)
{
	return ((role == USER_PROCNAME || role == USER_MESSAGE) && field == 0) || (role == USER_BINARY && field == 2);
}

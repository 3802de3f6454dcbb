/* SPDX-License-Identifier: MIT */
/* guard.c: which names this server answers to, and whose pages may ask it. */
#include <string.h>

#include "server/http.h"

/* "localhost:8080" -> "localhost", "[::1]:8080" -> "::1"; NULL: it is neither a host nor one with a port. */
static char *name_of(const char *host)
{
	const char *end = *host == '[' ? strchr(host, ']') : NULL;
	gsize len = end ? (gsize)(end - host - 1) : strcspn(host, ":");
	const char *rest = end ? end + 1 : host + len;

	if (!len || (*host == '[' && !end) || (*rest && (*rest != ':' || strspn(rest + 1, "0123456789") != strlen(rest + 1))))
		return NULL;
	return g_ascii_strdown(end ? host + 1 : host, (gssize)len);
}

static gboolean is_local(const char *name)
{
	if (g_hostname_is_ip_address(name))
		return g_str_has_prefix(name, "127.") || strcmp(name, "::1") == 0;
	return strcmp(name, "localhost") == 0 || g_str_has_suffix(name, ".localhost");
}

static gboolean is_allowed(const char *const *allow, const char *name)
{
	for (const char *const *a = allow; a && *a; a++)
		if (g_ascii_strcasecmp(*a, name) == 0)
			return TRUE;
	return FALSE;
}

/* An address in figures can't be another server's name for this one. */
gboolean server_guard_host(const char *const *allow, const char *host)
{
	g_autofree char *name = host ? name_of(host) : NULL;

	return name && (is_local(name) || g_hostname_is_ip_address(name) || is_allowed(allow, name));
}

gboolean server_guard_origin(const char *const *allow, const char *origin, const char *host)
{
	if (!origin || g_str_has_prefix(origin, "vscode-webview://"))
		return TRUE;
	const char *scheme = strstr(origin, "://");
	if (!scheme || (!g_str_has_prefix(origin, "http://") && !g_str_has_prefix(origin, "https://")))
		return FALSE;
	if (host && g_str_has_prefix(origin, "http://") && g_ascii_strcasecmp(scheme + 3, host) == 0)
		return TRUE;
	g_autofree char *name = name_of(scheme + 3);
	return name && (is_local(name) || is_allowed(allow, name));
}

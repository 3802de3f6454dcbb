/* SPDX-License-Identifier: MIT */
/*
 * tsp_styles.c: how states look. Colours are of the palette of Okabe and Ito, which people with any kind of colour vision tell apart, in families: running is blue to green, waiting for a
 * processor and what was taken are warm, the hypervisor's work is purple; sleeping is pale. Heights differ too, and text stands beside colour everywhere.
 */
#include <string.h>

#include "server/tsp.h"

#define BACKGROUND 1
#define FOREGROUND 16

/* clang-format off */
static const TspStyle styles[] = {
	{"user",         "user space",                              "#009E73", 1.0, FOREGROUND},
	{"syscall",      "system call",                             "#0072B2", 1.0, FOREGROUND},
	{"running",      "running",                                 "#2A9DB5", 1.0, FOREGROUND},
	{"kthread",      "kernel thread",                           "#5D8AA8", 1.0, FOREGROUND},
	{"irq",          "interrupt",                               "#CC79A7", 0.7, FOREGROUND},
	{"softirq",      "softirq",                                 "#E0A3C6", 0.7, FOREGROUND},
	{"guest",        "in the guest",                            "#56B4E9", 1.0, FOREGROUND},
	{"guest-l1",     "level 1 runs",                            "#56B4E9", 1.0, FOREGROUND},
	{"guest-l2",     "level 2 runs",                            "#007FA3", 1.0, FOREGROUND},
	{"hypervisor",   "hypervisor",                              "#8E6BBF", 0.8, FOREGROUND},
	{"exit",         "VM exit",                                 "#8E6BBF", 0.8, FOREGROUND},
	{"emulation",    "emulation in user space",                 "#B79AD9", 0.8, FOREGROUND},
	{"reflected",    "exit given to level 1",                   "#6A3D9A", 0.8, FOREGROUND},
	{"away",         "level 1 did something else",              "#A6761D", 0.8, FOREGROUND},
	{"halt-poll",    "halted, polling",                         "#BFD7EA", 0.5, FOREGROUND},
	{"preempted",    "preempted",                               "#D55E00", 1.0, FOREGROUND},
	{"steal",        "taken by a level below",                  "#B22222", 1.0, FOREGROUND},
	{"wait-cpu",     "waits for a processor",                   "#E69F00", 1.0, FOREGROUND},
	{"yielded",      "gave the processor away",                 "#F0C566", 0.6, FOREGROUND},
	{"throttled",    "throttled by a quota",                    "#A0522D", 1.0, FOREGROUND},
	{"active",       "active",                                  "#009E73", 1.0, FOREGROUND},
	{"uncertain",    "ran, perhaps something else too",         "#7FC9B4", 0.8, FOREGROUND},
	{"blocked",      "blocked",                                 "#B8B8B8", 0.4, BACKGROUND},
	{"halted",       "halted",                                  "#D4DCE2", 0.3, BACKGROUND},
	{"elsewhere",    "its processor ran something else",        "#E4E4E4", 0.2, BACKGROUND},
	{"unknown",      "not known",                               "#767676", 0.2, BACKGROUND},
	{"work",         "work",                                    "#009E73", 1.0, FOREGROUND},
	{"requests",     "requests in the driver",                  "#0072B2", 1.0, FOREGROUND},
	{"power",        "power state",                             "#5D8AA8", 0.6, BACKGROUND},
	{"finding",      "finding",                                 "#D55E00", 1.0, FOREGROUND},
	{"lost",         "lost events",                             "#000000", 1.0, FOREGROUND},
	{"wakeup",       "wakeup",                                  "#444444", 1.0, FOREGROUND},
};
/* clang-format on */

/* States that look like another, by how they begin. "": they are nothing. */
static const struct {
	const char *begin, *key;
} others[] = {
	{"idle-", "power"}, {"idle", ""}, {"off", ""}, {"inactive", ""}, {"none", ""}, {"sleep", ""},
};

static const char *const series[] = {"#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8E6BBF", "#A0522D", "#444444", "#2A9DB5"};

static const TspStyle *find(const char *key)
{
	for (guint i = 0; i < G_N_ELEMENTS(styles); i++)
		if (strcmp(styles[i].key, key) == 0)
			return &styles[i];
	return NULL;
}

const TspStyle *tsp_style_of(const char *state)
{
	const TspStyle *style = find(state);

	for (guint i = 0; i < G_N_ELEMENTS(others) && !style; i++)
		if (g_str_has_prefix(state, others[i].begin))
			return *others[i].key ? find(others[i].key) : NULL;
	if (!style && g_ascii_isdigit(*state))
		return find("requests");
	return style ? style : find("work");
}

guint tsp_style_weight(const char *state)
{
	const TspStyle *style = tsp_style_of(state);

	return style ? style->weight : BACKGROUND;
}

const char *tsp_series_color(guint i)
{
	return series[i % G_N_ELEMENTS(series)];
}

static void put_style(StJson *json, const TspStyle *s)
{
	st_json_key(json, s->key);
	st_json_begin_object(json);
	st_json_key(json, "values");
	st_json_begin_object(json);
	st_json_member_string(json, "style-name", s->label);
	st_json_member_string(json, "background-color", s->color);
	st_json_member_string(json, "color", s->color);
	st_json_member_double(json, "height", s->height);
	st_json_member_double(json, "opacity", 1);
	st_json_end(json);
	st_json_end(json);
}

gboolean tsp_put_styles(TspCall *call, GError **error)
{
	st_json_begin_object(call->json);
	st_json_key(call->json, "styles");
	st_json_begin_object(call->json);
	for (guint i = 0; i < G_N_ELEMENTS(styles); i++)
		put_style(call->json, &styles[i]);
	st_json_end(call->json);
	st_json_end(call->json);
	return TRUE;
}

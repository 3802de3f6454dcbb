/* SPDX-License-Identifier: MIT */
/*
 * example TRACE..: how long each program had a processor: a complete user of libstrata.
 *
 *     cc -o example example.c $(pkg-config --cflags --libs strata)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <strata/strata.h>

#define PROGRAMS_MAX 1000

struct usage {
	char name[17];
	int64_t ns;
};

struct usages {
	struct usage of[PROGRAMS_MAX];
	size_t n;
	int64_t since[64]; /* per processor: when its current thread began */
	uint64_t switches;
};

static struct usage *find(struct usages *u, const char *name, size_t length)
{
	for (size_t i = 0; i < u->n; i++)
		if (strlen(u->of[i].name) == length && memcmp(u->of[i].name, name, length) == 0)
			return &u->of[i];
	if (u->n == PROGRAMS_MAX || length >= sizeof(u->of[0].name))
		return NULL;
	memcpy(u->of[u->n].name, name, length);
	return &u->of[u->n++];
}

static bool on_switch(const strata_event *event, void *user)
{
	struct usages *u = user;
	const char *name;
	size_t length;
	int64_t prev_tid;
	int32_t cpu = strata_event_cpu(event);

	if (cpu < 0 || cpu >= 64 || !strata_event_text(event, 0, &name, &length) || !strata_event_integer(event, 1, &prev_tid))
		return true;
	struct usage *usage = prev_tid && u->since[cpu] ? find(u, name, length) : NULL;
	if (usage)
		usage->ns += strata_event_time_ns(event) - u->since[cpu];
	u->since[cpu] = strata_event_time_ns(event);
	u->switches++;
	return true;
}

static int fail(char *error)
{
	fprintf(stderr, "%s\n", error);
	free(error);
	return 1;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"sched_switch"};
	static const char *const fields[] = {"prev_comm", "prev_tid"};
	static struct usages usages;
	strata_query query = STRATA_QUERY_ALL;
	strata_experiment *experiment;
	char *error;

	printf("strata %s\n", strata_version());
	if (strata_open((const char *const *)argv + 1, (size_t)argc - 1, &experiment, &error) != STRATA_OK)
		return fail(error);
	query.names = names;
	query.n_names = 1;
	query.fields = fields;
	query.n_fields = 2;
	if (strata_read(experiment, &query, on_switch, &usages, &error) != STRATA_OK)
		return fail(error);
	printf("%s: %" PRIu64 " switches\n", strata_trace_environment(experiment, 0, "hostname"), usages.switches);
	for (size_t i = 0; i < usages.n; i++)
		printf("%12" PRId64 " us  %s\n", usages.of[i].ns / 1000, usages.of[i].name);
	for (size_t i = 0; i < strata_warning_count(experiment); i++)
		fprintf(stderr, "warning: %s\n", strata_warning(experiment, i));
	strata_close(experiment);
	return 0;
}

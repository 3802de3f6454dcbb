/* SPDX-License-Identifier: MIT */
/* logs.c: says something through lttng_ust_tracef() and lttng_ust_tracelog(), so many times as it is told. */
#include <stdlib.h>

#include <lttng/tracef.h>
#include <lttng/tracelog.h>

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 1;

	for (long i = 0; i < n; i++) {
		lttng_ust_tracef("request %ld of %s", i, "tracef");
		lttng_ust_tracelog(LTTNG_UST_TRACEPOINT_LOGLEVEL_WARNING, "warning %ld", i);
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "ctf/ctf.h"

#define NS_PER_S 1000000000

__extension__ typedef __int128 Wide;

/* Whole numbers only where a clock counts nanoseconds; else in doubles, as babeltrace2 does, since its text is ours. */
static Wide cycles_to_ns(guint64 freq, guint64 cycles)
{
	if (freq == NS_PER_S)
		return cycles;
	double ns = (double)cycles * 1e9 / (double)freq;
	return ns >= 1.8446744073709552e19 ? (Wide)G_MAXUINT64 : (Wide)(guint64)ns;
}

gint64 ctf_clock_ns(const CtfClock *clock, guint64 cycles)
{
	guint64 whole_s = clock->offset_cycles / clock->freq, rest = clock->offset_cycles % clock->freq;
	Wide ns = ((Wide)clock->offset_s + whole_s) * NS_PER_S + cycles_to_ns(clock->freq, rest) +
	          cycles_to_ns(clock->freq, cycles);
	if (ns > G_MAXINT64)
		return G_MAXINT64;
	return ns < G_MININT64 ? G_MININT64 : (gint64)ns;
}

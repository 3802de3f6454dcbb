/* SPDX-License-Identifier: MIT */
/*
 * ust_fields ROUNDS: as many events of each kind of fields.h, with extreme and with ordinary values, a little apart in time.
 */
#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "fields.h"

static void fill(struct strata_sample *s, long round)
{
	static const char *const texts[] = {"", "plain", "tab\tquote\"back\\slash", "caf\xc3\xa9 \xe2\x82\xac", "not\xff" "utf-8\x01"};
	static const double reals[] = {0.0, -0.0, 1.0 / 3.0, -1e-300, DBL_MAX, 1e16, 123456.75};
	int extreme = round % 3;

	memset(s, 0, sizeof(*s));
	s->i8 = extreme == 0 ? INT8_MIN : extreme == 1 ? INT8_MAX : (int8_t)round;
	s->u8 = extreme == 1 ? UINT8_MAX : (uint8_t)round;
	s->i16 = extreme == 0 ? INT16_MIN : extreme == 1 ? INT16_MAX : (int16_t)-round;
	s->u16 = extreme == 1 ? UINT16_MAX : (uint16_t)(round * 257);
	s->i32 = extreme == 0 ? INT32_MIN : extreme == 1 ? INT32_MAX : (int32_t)-round;
	s->u32 = extreme == 1 ? UINT32_MAX : (uint32_t)round * 65537;
	s->i64 = extreme == 0 ? INT64_MIN : extreme == 1 ? INT64_MAX : -round;
	s->u64 = extreme == 1 ? UINT64_MAX : (uint64_t)round * 0x0123456789ab;
	s->d = reals[round % 7];
	s->f = (float)(reals[round % 7] / 7.0);
	strncpy(s->text, texts[round % 5], sizeof(s->text) - 1);
	for (int i = 0; i < 8; i++)
		s->numbers[i] = (uint16_t)(round * 1000 + i * 4099);
	s->n = (size_t)(round % 9);
}

int main(int argc, char **argv)
{
	static const struct timespec pause = {.tv_nsec = 20000};
	long rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (rounds <= 0) {
		fprintf(stderr, "usage: ust_fields ROUNDS\n");
		return 2;
	}
	for (long i = 0; i < rounds; i++) {
		struct strata_sample s;

		fill(&s, i);
		lttng_ust_tracepoint(strata_test, integers, &s);
		lttng_ust_tracepoint(strata_test, others, &s);
		lttng_ust_tracepoint(strata_test, enums, (int)(i % 20) - 6);
		lttng_ust_tracepoint(strata_test, nothing);
		nanosleep(&pause, NULL);
	}
	return 0;
}

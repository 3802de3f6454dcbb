/* SPDX-License-Identifier: MIT */
/* tests/ust/sample.h: what fields.h makes events of. LTTng-UST reads fields.h many times, and this once. */
#ifndef STRATA_TESTS_UST_SAMPLE_H
#define STRATA_TESTS_UST_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* What the fields of one event are made of. */
struct strata_sample {
	int8_t i8;
	uint8_t u8;
	int16_t i16;
	uint16_t u16;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	uint64_t u64;
	float f;
	double d;
	char text[16];
	uint16_t numbers[8];
	size_t n; /* of numbers and of characters in use */
};

#endif

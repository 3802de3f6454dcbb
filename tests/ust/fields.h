/* SPDX-License-Identifier: MIT */
/* tests/ust/fields.h: events of LTTng-UST with every type of field that it has. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER strata_test

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "fields.h"

#if !defined(STRATA_TESTS_UST_FIELDS_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define STRATA_TESTS_UST_FIELDS_H

#include <lttng/tracepoint.h>
#include "sample.h"

/* clang-format off */

LTTNG_UST_TRACEPOINT_EVENT(strata_test, integers, LTTNG_UST_TP_ARGS(const struct strata_sample *, s),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int8_t, i8, s->i8)
		lttng_ust_field_integer(uint8_t, u8, s->u8)
		lttng_ust_field_integer(int16_t, i16, s->i16)
		lttng_ust_field_integer(uint16_t, u16, s->u16)
		lttng_ust_field_integer(int32_t, i32, s->i32)
		lttng_ust_field_integer(uint32_t, u32, s->u32)
		lttng_ust_field_integer(int64_t, i64, s->i64)
		lttng_ust_field_integer(uint64_t, u64, s->u64)
		lttng_ust_field_integer_hex(uint8_t, u8_hex, s->u8)
		lttng_ust_field_integer_hex(int32_t, i32_hex, s->i32)
		lttng_ust_field_integer_hex(uint64_t, u64_hex, s->u64)
		lttng_ust_field_integer_network(uint16_t, u16_network, s->u16)
		lttng_ust_field_integer_network(int32_t, i32_network, s->i32)
		lttng_ust_field_integer_network_hex(uint64_t, u64_network_hex, s->u64)
		lttng_ust_field_integer_nowrite(int, nowrite, s->i32)))

LTTNG_UST_TRACEPOINT_EVENT(strata_test, others, LTTNG_UST_TP_ARGS(const struct strata_sample *, s),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_float(float, f, s->f)
		lttng_ust_field_float(double, d, s->d)
		lttng_ust_field_string(string, s->text)
		lttng_ust_field_array_text(char, array_text, s->text, 16)
		lttng_ust_field_sequence_text(char, sequence_text, s->text, size_t, s->n)
		lttng_ust_field_array(uint16_t, array, s->numbers, 8)
		lttng_ust_field_array_hex(uint16_t, array_hex, s->numbers, 2)
		lttng_ust_field_array_network(uint16_t, array_network, s->numbers, 3)
		lttng_ust_field_array_network_hex(uint16_t, array_network_hex, s->numbers, 3)
		lttng_ust_field_sequence(uint16_t, sequence, s->numbers, size_t, s->n)
		lttng_ust_field_sequence_hex(uint16_t, sequence_hex, s->numbers, uint8_t, s->n)
		lttng_ust_field_sequence_network(uint16_t, sequence_network, s->numbers, uint16_t, s->n)
		lttng_ust_field_sequence_network_hex(uint16_t, sequence_network_hex, s->numbers, uint32_t, s->n)))

LTTNG_UST_TRACEPOINT_ENUM(strata_test, level,
	LTTNG_UST_TP_ENUM_VALUES(
		lttng_ust_field_enum_value("negative", -5)
		lttng_ust_field_enum_value("zero", 0)
		lttng_ust_field_enum_auto("one")
		lttng_ust_field_enum_range("some", 2, 9)
		lttng_ust_field_enum_range("overlap", 9, 12)))

LTTNG_UST_TRACEPOINT_EVENT(strata_test, enums, LTTNG_UST_TP_ARGS(int, value),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_enum(strata_test, level, int, as_int, value)
		lttng_ust_field_enum(strata_test, level, int8_t, as_int8, (int8_t)value)
		lttng_ust_field_integer(int, value, value)))

LTTNG_UST_TRACEPOINT_LOGLEVEL(strata_test, enums, LTTNG_UST_TRACEPOINT_LOGLEVEL_WARNING)
LTTNG_UST_TRACEPOINT_MODEL_EMF_URI(strata_test, enums, "http://example.com/enums")

LTTNG_UST_TRACEPOINT_EVENT(strata_test, nothing, LTTNG_UST_TP_ARGS(), LTTNG_UST_TP_FIELDS())

/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>

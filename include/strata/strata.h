/* SPDX-License-Identifier: MIT */
/*
 * strata/strata.h: the C API of libstrata.
 *
 * This header is the manual of the library; link with `pkg-config --cflags --libs strata`.
 */
#ifndef STRATA_STRATA_H
#define STRATA_STRATA_H

#ifdef __cplusplus
extern "C" {
#endif

#define STRATA_API __attribute__((visibility("default")))

/* The version of the library that runs, as "0.1.0". */
STRATA_API const char *strata_version(void);

#ifdef __cplusplus
}
#endif

#endif

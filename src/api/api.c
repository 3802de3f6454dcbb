/* SPDX-License-Identifier: MIT */
#include "strata/strata.h"

const char *strata_version(void)
{
	return STRATA_VERSION;
}

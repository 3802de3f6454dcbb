/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <strata/strata.h>

int main(void)
{
	printf("strata %s\n", strata_version());
	return 0;
}

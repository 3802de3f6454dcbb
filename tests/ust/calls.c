/* SPDX-License-Identifier: MIT */
/*
 * calls.c: calls functions that tracers see (-finstrument-functions), allocates and locks so many times as it is told, for tests that
 * preload LTTng-UST's wrappers.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
void *volatile kept;

void inner(void);
void outer(void);
void deep(long n);

void inner(void)
{
	const struct timespec nap = {.tv_nsec = 1000000};

	nanosleep(&nap, NULL);
}

void outer(void)
{
	pthread_mutex_lock(&mutex);
	inner();
	inner();
	pthread_mutex_unlock(&mutex);
	kept = malloc(1000);
	free(kept);
	kept = malloc(24);
}

void deep(long n)
{
	if (n > 1)
		deep(n - 1);
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 1;

	for (long i = 0; i < n; i++)
		outer();
	if (argc > 2)
		deep(strtol(argv[2], NULL, 10));
	return 0;
}

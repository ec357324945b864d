/* SPDX-License-Identifier: Apache-2.0 */
/* Host time that real calls take: short ones spin, long ones sleep. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "simcuda/core.h"

#define SPIN_NS 60000	/* below this a sleep would overshoot by more than it saves */

static double scale = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_scale(void)
{
	const char *text = getenv("SIMCUDA_HOST_SCALE");
	char *end;
	double number;

	if (!text || !*text)
		return;
	number = strtod(text, &end);
	if (*end || !(number >= 0 && number <= 1000))
		fprintf(stderr, "simcuda: SIMCUDA_HOST_SCALE=%s is not a number of 0..1000; using 1\n",
			text);
	else
		scale = number;
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void sim_host_cost(const char *what, uint64_t default_ns)
{
	uint64_t wanted, start;

	(void)what;
	pthread_once(&once, read_scale);
	wanted = (uint64_t)((double)default_ns * scale);
	if (wanted == 0)
		return;
	start = clock_ns();
	if (wanted > SPIN_NS) {
		uint64_t asleep = wanted - SPIN_NS;
		struct timespec pause = { .tv_sec = (time_t)(asleep / 1000000000),
					  .tv_nsec = (long)(asleep % 1000000000) };

		nanosleep(&pause, NULL);
	}
	while (clock_ns() - start < wanted)
		;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Host time that real calls take: short ones spin, long ones sleep. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "simcuda/core.h"

#define SPIN_NS 60000	/* below this a sleep would overshoot by more than it saves */

static double scale = 1;
static uint64_t submit_ns;		/* of a launch or the record of an event, see sim_submit_cost */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool read_number(const char *name, double most, double *number)
{
	const char *text = getenv(name);
	char *end;
	double value;

	if (!text || !*text)
		return false;
	value = strtod(text, &end);
	if (*end || !(value >= 0 && value <= most)) {
		fprintf(stderr, "simcuda: %s=%s is not a number of 0..%g; left as it is\n", name, text,
			most);
		return false;
	}
	*number = value;
	return true;
}

static void read_environment(void)
{
	double ns;

	read_number("SIMCUDA_HOST_SCALE", 1000, &scale);
	if (read_number("SIMCUDA_SUBMIT_NS", 1e9, &ns))
		submit_ns = (uint64_t)ns;
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void pass(uint64_t wanted)
{
	uint64_t start;

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

void sim_host_cost(const char *what, uint64_t default_ns)
{
	(void)what;
	pthread_once(&once, read_environment);
	pass((uint64_t)((double)default_ns * scale));
}

void sim_submit_cost(void)
{
	pthread_once(&once, read_environment);
	pass(submit_ns);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of plants, their rates, and the file of facts that GPUTRAIL_DEMO_PLANTS names:
 * "name, begin, end, thread, detail" with tabs between, times in CLOCK_MONOTONIC ns. The file that
 * GPUTRAIL_DEMO_STEPS names has the steps in the same form.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/plants.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	double rate;
} table[] = {
#define PLANT(id, name, numbers, rate, help) [PLANT_##id] = { name, rate },
#include "demo/plants.def"
#undef PLANT
};

static plant_set chosen;
static double rates[PLANT_COUNT];
static FILE *facts, *steps;
static pthread_mutex_t facts_lock = PTHREAD_MUTEX_INITIALIZER;

uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int plants_choose(const char *cause, size_t length)
{
	const char *colon = memchr(cause, ':', length);
	size_t name_length = colon ? (size_t)(colon - cause) : length;
	char *end;

	for (int i = 0; i < PLANT_COUNT; i++) {
		if (strlen(table[i].name) != name_length || memcmp(table[i].name, cause, name_length))
			continue;
		chosen |= (plant_set)1 << i;
		rates[i] = table[i].rate;
		if (!colon)
			return 0;
		rates[i] = strtod(colon + 1, &end);
		if (end == cause + length && end > colon + 1 && rates[i] > 0 && rates[i] <= 1)
			return 0;
		fprintf(stderr, "server: rate of '%.*s' is not above 0 and at most 1\n",
			(int)length, cause);
		return -1;
	}
	fprintf(stderr, "server: no plant '%.*s'\n'--list-plants' lists them\n",
		(int)name_length, cause);
	return -1;
}

/* The file that a variable names, with a line that tells what is in it; NULL: none wanted. */
static int facts_open(const char *variable, const char *what, FILE **file)
{
	const char *path = getenv(variable);

	if (!path || !*path)
		return 0;
	*file = fopen(path, "we");
	if (!*file) {
		perror(path);
		return -1;
	}
	fprintf(*file, "# %s\tbegin_ns\tend_ns\tthread\tdetail\n", what);
	return 0;
}

int plants_open(const char *causes)
{
	while (causes && *causes) {
		size_t length = strcspn(causes, ",");

		if (length && plants_choose(causes, length))
			return -1;
		causes += length + (causes[length] == ',');
	}
	return facts_open("GPUTRAIL_DEMO_PLANTS", "plant", &facts) ||
	       facts_open("GPUTRAIL_DEMO_STEPS", "step", &steps) ? -1 : 0;
}

void plants_close(void)
{
	if (facts && fclose(facts))
		perror("server: record of plants");
	if (steps && fclose(steps))
		perror("server: record of steps");
	facts = steps = NULL;
}

plant_set plants_chosen(void)
{
	return chosen;
}

plant_set plants_due(uint64_t occasion)
{
	/* Multiples of the golden ratio spread evenly at every rate; each plant begins elsewhere, so
	 * that steps have one, the other, both or none. */
	double golden = (double)(occasion % 1000003) * 0.6180339887498949;
	plant_set due = 0;

	for (int i = 0; i < PLANT_COUNT; i++) {
		double place = golden + i * 0.7548776662466927;

		place -= (double)(uint64_t)place;
		if (chosen >> i & 1 && place < rates[i])
			due |= (plant_set)1 << i;
	}
	return due;
}

void plant_record(enum plant plant, uint64_t begin_ns, const char *detail)
{
	uint64_t end_ns = clock_now_ns();

	if (!facts)
		return;
	pthread_mutex_lock(&facts_lock);
	fprintf(facts, "%s\t%llu\t%llu\t%d\t%s\n", table[plant].name, (unsigned long long)begin_ns,
		(unsigned long long)end_ns, (int)gettid(), detail ? detail : "");
	pthread_mutex_unlock(&facts_lock);
}

void step_record(long step, uint64_t begin_ns, const char *detail)
{
	if (steps)		/* by the one thread that launches */
		fprintf(steps, "%ld\t%llu\t%llu\t%d\t%s\n", step, (unsigned long long)begin_ns,
			(unsigned long long)clock_now_ns(), (int)gettid(), detail);
}

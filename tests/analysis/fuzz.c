/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutates a valid recording in a fixed way, a thousand times, and reads each result with every
 * query there is. Nothing may crash or hang; what the queries say does not matter.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "analysis/nsys.h"
#include "analysis/steps.h"
#include "analysis/table.h"

#define MUTATIONS	1000
#define SECONDS_MAX	10
#define HANG_SECONDS	30

static int current;

static void hang(int signal)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "not ok 1 - mutation %d hangs\n", current);

	(void)signal;
	if (write(STDOUT_FILENO, line, (size_t)length) < 0)
		_exit(2);
	_exit(1);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Bits, bytes, runs, copies of other places, and cuts; more of them in the schema's pages. */
static size_t mutate(unsigned char *data, size_t size, uint64_t *random)
{
	int changes = 1 + (int)(next_random(random) % 8);

	for (int i = 0; i < changes; i++) {
		size_t range = next_random(random) % 3 ? size : size < 16384 ? size : 16384;
		size_t at = next_random(random) % range;
		size_t length = 1 + next_random(random) % 64;

		if (length > size - at)
			length = size - at;
		switch (next_random(random) % 5) {
		case 0:
			data[at] ^= (unsigned char)(1u << next_random(random) % 8);
			break;
		case 1:
			data[at] = (unsigned char)next_random(random);
			break;
		case 2:
			memset(data + at, next_random(random) % 2 ? 0xff : 0, length);
			break;
		case 3:
			memmove(data + at, data + next_random(random) % (size - length + 1), length);
			break;
		case 4:
			if (next_random(random) % 8 == 0 && at > 512)
				return at;
			break;
		}
	}
	return size;
}

static int ignore_row(void *arg, const struct nsys_cell *cells, int count)
{
	(void)arg;
	(void)cells;
	(void)count;
	return 0;
}

static int ignore_launch(void *arg, const struct step_launch *launch)
{
	(void)arg;
	(void)launch;
	return 0;
}

static void read_views(struct run *run)
{
	for (int view = 0; view < VIEW_COUNT; view++) {
		struct table table;
		struct value value;

		if (table_load(run, (enum view_id)view, current % 2, &table) < 0)
			continue;
		for (int column = 0; column < views[view].column_count; column++)
			table_sort(&table, column);
		for (size_t row = 0; row < table.count; row++) {
			for (int column = 0; column < views[view].column_count; column++) {
				char text[64];

				table_value(&table, row, column, &value);
				value_format(&value, text, sizeof(text));
			}
		}
		table_free(&table);
	}
}

static void read_all(struct run *run)
{
	struct run_bucket_list buckets;
	struct run_fact_list facts;
	struct run_info info;
	struct step_result steps;

	if (run_info(run, &info) == 0)
		run_info_free(&info);
	if (run_facts(run, &facts) == 0)
		run_fact_list_free(&facts);
	if (run_buckets(run, 1, 0, UINT64_C(1000000000), 80, &buckets) == 0)
		run_bucket_list_free(&buckets);
	read_views(run);
	nsys_report_run(run, (enum nsys_report_id)(current % NSYS_COUNT),
			(enum nsys_names)(current % NSYS_NAMES_COUNT), ignore_row, NULL);
	if (run_steps(run, NULL, &steps) == 0) {
		run_step_launches(run, &steps, ignore_launch, NULL);
		step_result_free(&steps);
	}
	if (current % 4 == 0 && run_recount(run) == 0)
		read_views(run);
}

/* Returns whether the file opened. */
static bool try_mutation(const char *path, const unsigned char *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct run *run;
	char *error;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
	close(fd);
	alarm(HANG_SECONDS);
	run = run_open(path, &error);
	if (run)
		read_all(run);
	else
		free(error);
	run_close(run);
	alarm(0);
	return run != NULL;
}

int main(int argc, char **argv)
{
	static unsigned char original[4 << 20], data[sizeof(original)];
	uint64_t random = UINT64_C(0x9e3779b97f4a7c15);
	time_t start = time(NULL);
	FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
	size_t size = file ? fread(original, 1, sizeof(original), file) : 0;
	int opened = 0;

	if (!size) {
		printf("Bail out! usage: fuzz VALID-FILE SCRATCH-FILE\n");
		return 1;
	}
	fclose(file);
	signal(SIGALRM, hang);
	for (current = 0; current < MUTATIONS && time(NULL) - start < SECONDS_MAX; current++) {
		size_t left;

		memcpy(data, original, size);
		left = mutate(data, size, &random);
		opened += try_mutation(argv[2], data, left);
	}
	printf("# %d mutations, %d of them opened\n", current, opened);
	printf("%s 1 - no mutation of a recording crashes or hangs a reader\n",
	       current > 0 ? "ok" : "not ok");
	printf("%s 2 - most mutations get past opening\n", opened > current / 3 ? "ok" : "not ok");
	printf("1..2\n");
	return 0;
}

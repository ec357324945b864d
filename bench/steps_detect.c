/* SPDX-License-Identifier: Apache-2.0 */
/* What finding steps costs on top of reading the launches of a recording: CPU time of both. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "analysis/steps_internal.h"

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int call_count(void *arg, const struct idle_call *call, const struct idle_work *work)
{
	uint64_t *calls = arg;

	(void)call, (void)work;
	++*calls;
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t calls = 0;
	struct idle_sink sink = { .call = call_count, .arg = &calls, .work_only = true };
	struct kernel_families families;
	struct step_pieces pieces = { 0 };
	struct run *run;
	double start, reading, finding;
	char *error;

	if (argc != 2) {
		fprintf(stderr, "usage: steps_detect FILE\n");
		return 2;
	}
	run = run_open(argv[1], &error);
	if (!run || run_kernel_families(run, &families) < 0) {
		fprintf(stderr, "steps_detect: %s\n", run ? run_error(run) : error);
		return 1;
	}
	start = cpu_seconds();
	if (idle_read(run, true, &sink) < 0)
		return 1;
	reading = cpu_seconds() - start;
	start = cpu_seconds();
	pieces.run = run;
	if (steps_detect(run, &families, true, &pieces) < 0)
		return 1;
	finding = cpu_seconds() - start;
	printf("%llu calls, %zu steps: reading %.2f s, reading and finding %.2f s, ratio %.2f\n",
	       (unsigned long long)calls, pieces.steps.count, reading, finding, finding / reading);
	free(pieces.steps.rows);
	free(pieces.kinds.rows);
	free(pieces.threads.rows);
	kernel_families_free(&families);
	run_close(run);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What analysing a recording costs: CPU time, and its ratio to SQLite's own scan of the launches. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "analysis/findings.h"
#include "analysis/steps_internal.h"

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* SQLite's machine, all columns of all launches: what reading them by statements costs at least. */
static int scan(struct run *run)
{
	return run_integer(run, "SELECT sum(start_ns) + sum(dur_ns) + sum(gpu_delay_ns) + sum(gpu_dur_ns)"
			   " + sum(thread) + sum(stream) + sum(shape) + sum(api) + sum(path) FROM launch",
			   -1) < 0 ? -1 : 0;
}

static int call_ignore(void *arg, const struct idle_call *call, const struct idle_work *work)
{
	(void)arg, (void)call, (void)work;
	return 0;
}

static int event_ignore(void *arg, const struct idle_event *event)
{
	(void)arg, (void)event;
	return 0;
}

static int rows_read(struct run *run)
{
	struct idle_sink sink = { .call = call_ignore, .event = event_ignore };

	return idle_read(run, true, &sink);
}

static int steps_find(struct run *run)
{
	struct step_pieces pieces = { .run = run };
	struct kernel_families families;
	int result = run_kernel_families(run, &families);

	if (result == 0)
		result = steps_detect(run, &families, true, &pieces);
	free(pieces.steps.rows);
	free(pieces.kinds.rows);
	free(pieces.threads.rows);
	kernel_families_free(&families);
	return result;
}

static int causes_find(struct run *run)
{
	struct idle_options options = { .intervals = 20 };
	struct idle_result idle;
	int result = run_idle(run, &options, &idle);

	if (result == 0)
		idle_result_free(&idle);
	return result;
}

static int findings_find(struct run *run)
{
	struct findings_options options = { .intervals = 20 };
	struct findings findings;
	int result = run_findings(run, &options, &findings);

	if (result == 0)
		findings_free(&findings);
	return result;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; int (*work)(struct run *run); } parts[] = {
		{ "SQLite's scan of the launches", scan },
		{ "all rows, in order of time", rows_read },
		{ "steps found (pass 1)", steps_find },
		{ "causes of idle time (pass 2)", causes_find },
		{ "findings: both passes, steps, predictions", findings_find },
	};
	double bare = 0;
	struct rusage used;
	struct run *run;
	char *error;

	if (argc != 2) {
		fprintf(stderr, "usage: analysis_speed FILE\n");
		return 2;
	}
	run = run_open(argv[1], &error);
	if (!run) {
		fprintf(stderr, "analysis_speed: %s\n", error);
		return 1;
	}
	printf("%lld launches\n  CPU s  ratio\n",
	       (long long)run_integer(run, "SELECT count(*) FROM launch", 0));
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		double start = cpu_seconds(), seconds;

		if (parts[i].work(run) < 0) {
			fprintf(stderr, "analysis_speed: %s\n", run_error(run));
			return 1;
		}
		seconds = cpu_seconds() - start;
		bare = i ? bare : seconds;
		printf("%7.2f %6.2f  %s\n", seconds, seconds / bare, parts[i].name);
	}
	getrusage(RUSAGE_SELF, &used);
	printf("%7.1f MB at most\n", (double)used.ru_maxrss / 1024);
	run_close(run);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much processor time the collector needs per event: a producer process writes launches and
 * their GPU times at a given rate into two rings, the collector takes them into a file.
 *
 *	collector_ingest [EVENTS_PER_SECOND [SECONDS [FILE]]]
 *
 * An event is one record: a launch is two (host call and GPU times) and one row. Rate 0 is as
 * fast as the collector takes them (the producer waits for room).
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/collector.h"
#include "driver/driver_api.h"
#include "collector/producer.h"

#define RING_BYTES (4u << 20)	/* as the shim's */
#define BURST 64

static void pause_ns(long ns)
{
	struct timespec pause = { .tv_nsec = ns };

	nanosleep(&pause, NULL);
}

static void push(struct producer *p, int ring, const void *record, uint32_t bytes, bool wait)
{
	while (!producer_push(p, ring, record, bytes) && wait) {
		p->control->rings[ring].dropped--;
		pause_ns(50000);
	}
}

static void produce(const char *socket_name, double rate, double seconds, uint64_t most)
{
	struct producer p;
	uint64_t start, launches = 0;

	producer_init(&p, RING_BYTES, WIRE_CLOCK_MONOTONIC);
	if (!producer_connect(&p, socket_name, driver_api_hash()))
		exit(1);
	while (producer_welcomed(&p) < 0)
		pause_ns(1000000);
	producer_define(&p, 0);
	start = producer_now();
	while (most ? launches * 2 < most : (double)(producer_now() - start) < seconds * 1e9) {
		uint64_t now = producer_now();

		if (rate > 0 && (double)launches * 2 > rate * (double)(now - start) / 1e9) {
			pause_ns(100000);
			continue;
		}
		for (int i = 0; i < BURST; i++, launches++) {
			uint64_t at = now + (uint64_t)i * 100;
			struct wire_launch launch =
				producer_launch(at, at + 60, (uint32_t)launches + 1);
			struct wire_gpu_kernel kernel = producer_kernel(
				at + 5000, at + 5000 + launches % 90, (uint32_t)launches + 1);

			launch.grid[0] = 1 + (uint32_t)launches % 120;
			push(&p, 0, &launch, sizeof(launch), rate <= 0);
			push(&p, 1, &kernel, sizeof(kernel), rate <= 0);
		}
	}
	p.control->state = WIRE_PROCESS_EXITING;
	producer_close(&p);
	exit(0);
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	double rate = argc > 1 ? atof(argv[1]) : 1e6, seconds = argc > 2 ? atof(argv[2]) : 5;
	struct collector_options options = { .path = argc > 3 ? argv[3]
							      : "/tmp/collector_ingest.db",
					     .socket_name = "gputrail-bench" };
	struct collector_figures figures;
	struct collector *collector;
	char *error, *most = getenv("EVENTS");
	uint64_t begin;
	double elapsed;
	int listener = collector_listen(options.socket_name);
	pid_t child;

	unlink(options.path);
	child = listener < 0 ? -1 : fork();
	if (child < 0)
		return 1;
	if (child == 0)
		produce(options.socket_name, rate, seconds, most ? strtoull(most, NULL, 10) : 0);
	collector = collector_new(&options, listener);
	begin = producer_now();
	while (waitpid(child, NULL, WNOHANG) == 0)
		collector_step(collector, 10, -1);
	elapsed = (double)(producer_now() - begin) / 1e9;
	if (collector_close(collector, &figures, &error) < 0)
		fprintf(stderr, "%s\n", error);
	free(error);
	printf("events %llu in %.2f s: %.2f M/s, lost %llu, collector %.3f s of CPU: %.0f "
	       "ns/event, "
	       "%.0f %% of a core; file %.1f bytes/launch\n",
	       (unsigned long long)figures.events, elapsed, (double)figures.events / elapsed / 1e6,
	       (unsigned long long)figures.lost, cpu_seconds(),
	       cpu_seconds() * 1e9 / (double)figures.events, cpu_seconds() / elapsed * 100,
	       (double)figures.file_bytes / ((double)figures.events / 2));
	unlink(options.path);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail-demo: an inference server that serves made-up requests with a made-up model. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/driver.h"
#include "demo/server.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo/client.h"

#define EXIT_NOTHING 77		/* no CUDA driver */

struct options options = {
	.layers = 16, .batch = 16, .concurrency = 24, .requests_per_second = 60, .seed = 1,
};
struct statistics statistics;
atomic_bool server_is_stopping;

void host_work(uint64_t duration_ns)
{
	uint64_t end_ns = clock_now_ns() + duration_ns;

	while (clock_now_ns() < end_ns)
		;
}

void thread_start(pthread_t *thread, const char *name, void *(*start)(void *))
{
	int error = pthread_create(thread, NULL, start, NULL);

	if (error) {
		fprintf(stderr, "server: no thread: %s\n", strerror(error));
		exit(EXIT_FAILURE);
	}
	pthread_setname_np(*thread, name);
}

static void on_signal(int number)
{
	(void)number;
	atomic_store(&server_is_stopping, true);
}

static void usage(FILE *out)
{
	fprintf(out, "usage: gputrail-demo [--seconds=N] [--steps=N] [--plant=CAUSE[:RATE],...]\n"
		"                     [--seed=N] [--layers=N] [--batch=N] [--concurrency=N]\n"
		"                     [--rate=REQUESTS_PER_SECOND] [--quiet]\n");
}

static const char *options_read(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "seconds", required_argument, NULL, 's' }, { "steps", required_argument, NULL, 'n' },
		{ "plant", required_argument, NULL, 'p' }, { "seed", required_argument, NULL, 'e' },
		{ "layers", required_argument, NULL, 'l' }, { "batch", required_argument, NULL, 'b' },
		{ "concurrency", required_argument, NULL, 'c' },
		{ "rate", required_argument, NULL, 'r' }, { "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	const char *causes = "";

	for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		switch (option) {
		case 's': options.seconds = atof(optarg); break;
		case 'n': options.steps = atol(optarg); break;
		case 'p': causes = optarg; break;
		case 'e': options.seed = (unsigned)atol(optarg); break;
		case 'l': options.layers = atoi(optarg); break;
		case 'b': options.batch = atoi(optarg); break;
		case 'c': options.concurrency = atoi(optarg); break;
		case 'r': options.requests_per_second = atof(optarg); break;
		case 'q': options.is_quiet = true; break;
		case 'h': usage(stdout); exit(EXIT_SUCCESS);
		default: usage(stderr); exit(2);
		}
	}
	if (optind < argc || options.seconds < 0 || options.steps < 0 || options.layers < 1 ||
	    options.layers > 128 || options.batch < 1 || options.batch > BATCH_MAX ||
	    options.concurrency < 1 || options.requests_per_second <= 0) {
		usage(stderr);
		exit(2);
	}
	if (options.seconds == 0 && options.steps == 0)
		options.seconds = 5;
	return causes;
}

/* What the simulated GPU takes from its environment; a real driver ignores it. */
static void simulator_prepare(void)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 32);
	char *slash;

	if (length <= 0)
		return;
	path[length] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash ? slash + 1 : path, "demo.costs");
	if (plants_chosen() & PLANT_BIT(wrong_device))
		setenv("SIMCUDA_DEVICES", "2", 0);
	setenv("SIMCUDA_COSTS", access(path, R_OK) ? DEMO_DATA_DIR "/demo.costs" : path, 0);
}

static void report(double seconds)
{
	printf("%ld steps (%ld by graph, %ld eager), %ld requests, %ld tokens, %ld prompt tokens, "
	       "%ld preempted, %ld failed calls, %.2f s\n", statistics.steps,
	       statistics.graph_steps, statistics.eager_steps, statistics.requests,
	       statistics.tokens, statistics.prefill_tokens, statistics.preemptions,
	       statistics.failures, seconds);
}

static void serve_until_over(void)
{
	pthread_t client, scheduler, output;
	bool has_clock = options.steps == 0;

	thread_start(&scheduler, "scheduler", scheduler_main);
	thread_start(&output, "detokenizer", output_main);
	if (has_clock)
		thread_start(&client, "client", client_main);
	engine_run();
	atomic_store(&server_is_stopping, true);
	pthread_join(output, NULL);
	pthread_join(scheduler, NULL);
	if (has_clock)
		pthread_join(client, NULL);
}

int main(int argc, char **argv)
{
	const char *causes = options_read(argc, argv);
	struct sigaction action = { .sa_handler = on_signal };
	uint64_t begin_ns;

	if (plants_open(causes))
		return 2;
	simulator_prepare();
	if (driver_open())
		return EXIT_NOTHING;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	engine_open();
	client_open();
	begin_ns = clock_now_ns();
	serve_until_over();
	if (!options.is_quiet)
		report((double)(clock_now_ns() - begin_ns) / 1e9);
	client_close();
	engine_close();
	plants_close();
	return EXIT_SUCCESS;
}

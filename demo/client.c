/* SPDX-License-Identifier: Apache-2.0 */
/* The load: requests of seeded sizes that arrive at seeded times, and the queue they wait in. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/server.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "demo/client.h"

#define BURST_REQUESTS 6
#define SILENCE_NS 60000000u
#define COHORT_REQUESTS 16

static struct {
	pthread_mutex_t lock;
	struct request *head, *tail;
	int open;			/* waiting or running */
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t random_state;
static uint64_t next_arrival_ns;
static long last_id;

/* splitmix64: the same numbers everywhere, also in the Python server. */
static double random_unit(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return ((double)(z >> 11) + 1) / 9007199254740994.0;
}

static int random_between(int low, int high)
{
	return low + (int)(random_unit() * (high - low + 1));
}

/* The next of the seeded sequence. */
static struct request *request_create(void)
{
	plant_set chosen = plants_chosen();
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		abort();
	request->id = ++last_id;
	request->prompt_tokens = random_between(64, 700);
	request->output_tokens = random_between(60, 240);
	if (chosen & PLANT_BIT(long_prefill))
		request->prompt_tokens = random_between(1200, 2000);
	if (chosen & PLANT_BIT(request_gaps))
		request->output_tokens = random_between(12, 20);
	if (chosen & PLANT_BIT(shrinking_batch))
		request->output_tokens = 20 + (int)(-60.0 * log(random_unit()));
	return request;
}

static void request_submit(struct request *request)
{
	pthread_mutex_lock(&queue.lock);
	request->next = NULL;
	if (queue.tail)
		queue.tail->next = request;
	else
		queue.head = request;
	queue.tail = request;
	queue.open++;
	pthread_mutex_unlock(&queue.lock);
}

struct request *request_take(void)
{
	struct request *request;

	pthread_mutex_lock(&queue.lock);
	request = queue.head;
	if (request) {
		queue.head = request->next;
		if (!queue.head)
			queue.tail = NULL;
	}
	pthread_mutex_unlock(&queue.lock);
	return request;
}

void request_return(struct request *request)
{
	pthread_mutex_lock(&queue.lock);
	request->next = queue.head;
	queue.head = request;
	if (!queue.tail)
		queue.tail = request;
	pthread_mutex_unlock(&queue.lock);
}

void request_finish(struct request *request)
{
	pthread_mutex_lock(&queue.lock);
	queue.open--;
	pthread_mutex_unlock(&queue.lock);
	free(request);
}

bool requests_are_waiting(void)
{
	bool are_waiting;

	pthread_mutex_lock(&queue.lock);
	are_waiting = queue.head != NULL;
	pthread_mutex_unlock(&queue.lock);
	return are_waiting;
}

static int requests_open(void)
{
	int open;

	pthread_mutex_lock(&queue.lock);
	open = queue.open;
	pthread_mutex_unlock(&queue.lock);
	return open;
}

void client_open(void)
{
	random_state = options.seed;
	/* A server that has been up for a while: half of its clients are there already. */
	if (!(plants_chosen() & (PLANT_BIT(request_gaps) | PLANT_BIT(shrinking_batch))))
		for (int i = 0; i < options.concurrency / 2; i++)
			request_submit(request_create());
}

void client_close(void)
{
	struct request *request;

	while ((request = request_take()))
		free(request);
}

void client_advance(uint64_t time_ns)
{
	if (plants_chosen() & (PLANT_BIT(request_gaps) | PLANT_BIT(shrinking_batch)))
		return;
	while (next_arrival_ns <= time_ns) {
		if (requests_open() < options.concurrency)
			request_submit(request_create());
		next_arrival_ns += (uint64_t)(-1e9 * log(random_unit()) /
					      options.requests_per_second);
	}
}

bool client_refill(void)
{
	plant_set chosen = plants_chosen();
	struct timespec silence = { .tv_nsec = SILENCE_NS };
	uint64_t begin_ns = clock_now_ns();
	int count = 0;

	if (requests_open() > 0)
		return false;
	if (chosen & PLANT_BIT(request_gaps)) {
		if (last_id > 0) {
			nanosleep(&silence, NULL);
			plant_record(PLANT_request_gaps, begin_ns, "no requests");
		}
		count = BURST_REQUESTS;
	} else if (chosen & PLANT_BIT(shrinking_batch)) {
		count = COHORT_REQUESTS;
	} else if (options.steps) {
		client_advance(next_arrival_ns);	/* virtual time jumps over what is idle */
		return true;
	}
	for (int i = 0; i < count; i++)
		request_submit(request_create());
	return count > 0;
}

void *client_main(void *unused)
{
	uint64_t start_ns = clock_now_ns();

	(void)unused;
	while (!atomic_load(&server_is_stopping)) {
		struct timespec pause = { .tv_nsec = 1000000 };

		uint64_t time_ns = clock_now_ns() - start_ns;

		client_advance(time_ns);
		if ((double)time_ns > options.seconds * 1e9)
			atomic_store(&server_is_stopping, true);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

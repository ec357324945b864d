/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Continuous batching with chunked prefill: every step takes one token of each running request
 * and fills up with pieces of prompts. The scheduler is one step ahead: it knows how many tokens
 * a request will have without knowing which.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/server.h"

#include <string.h>
#include <time.h>

#include "demo/client.h"
#include "demo/model.h"

#define VIRTUAL_STEP_NS 3000000u	/* of a run whose number of steps is given */

static struct scheduler scheduler = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
};

static int request_known_tokens(const struct request *request)
{
	return request->prompt_tokens + request->generated;
}

static bool request_is_decoding(const struct request *request)
{
	return request->generated > 0 && request_known_tokens(request) - request->computed == 1;
}

static void running_remove(int index)
{
	scheduler.running_count--;
	memmove(&scheduler.running[index], &scheduler.running[index + 1],
		(size_t)(scheduler.running_count - index) * sizeof(scheduler.running[0]));
}

/* The youngest running request loses its cache and starts again later. */
static void scheduler_preempt(void)
{
	uint64_t begin_ns = clock_now_ns();
	struct request *request = scheduler.running[scheduler.running_count - 1];

	scheduler.running_count--;
	blocks_free(request);
	request->computed = 0;
	request_return(request);
	atomic_fetch_add(&statistics.preemptions, 1);
	if (plants_chosen() & PLANT_BIT(preemption))
		plant_record(PLANT_preemption, begin_ns, "prompt to be computed again");
}

static void plan_add(struct plan *plan, struct request *request, int tokens, bool is_prefill)
{
	struct plan_item *item = &plan->items[plan->count++];

	item->request = request;
	item->request_id = request->id;
	item->tokens = tokens;
	item->is_prefill = is_prefill;
	request->computed += tokens;
	item->context = request->computed;
	item->has_output = request->computed == request_known_tokens(request);
	if (item->has_output)
		request->generated++;
	item->is_last = request->generated >= request->output_tokens;
	if (is_prefill)
		plan->prefill_tokens += tokens;
	else
		plan->decode_count++;
}

static void plan_decodes(struct plan *plan)
{
	for (int i = 0; i < scheduler.running_count; i++) {
		struct request *request = scheduler.running[i];

		if (!request_is_decoding(request))
			continue;
		while (!blocks_extend(request, request_known_tokens(request)) &&
		       scheduler.running_count > i + 1)
			scheduler_preempt();
		plan_add(plan, request, 1, false);
	}
}

static void plan_prefills(struct plan *plan)
{
	int budget = plan->plants & PLANT_BIT(long_prefill) ? PROMPT_MAX : CHUNK_TOKENS;

	for (int i = 0; budget > 0; i++) {
		struct request *request;
		int tokens;

		if (i == scheduler.running_count) {
			if (i == options.batch || !(request = request_take()))
				return;
			scheduler.running[scheduler.running_count++] = request;
		}
		request = scheduler.running[i];
		tokens = request_known_tokens(request) - request->computed;
		if (tokens == 0 || request_is_decoding(request))
			continue;
		if (tokens > budget)
			tokens = budget;
		if (!blocks_extend(request, request->computed + tokens)) {
			if (i == scheduler.running_count - 1 && i > 0)
				scheduler_preempt();
			return;
		}
		plan_add(plan, request, tokens, true);
		budget -= tokens;
	}
}

/* What the kernels read: flattened from the requests. */
static void plan_prepare_inputs(struct plan *plan)
{
	struct metadata *metadata = &plan->metadata;

	metadata->batch = plan->count;
	metadata->decode_batch = plan->decode_count;
	metadata->padded_batch = graphs_bucket(plan->decode_count);
	metadata->token_count = 0;
	for (int i = 0; i < plan->count; i++) {
		const struct plan_item *item = &plan->items[i];
		const struct request *request = item->request;

		metadata->query_starts[i] = metadata->token_count;
		metadata->token_count += item->tokens;
		metadata->positions[i] = item->context - item->tokens;
		metadata->sequence_lengths[i] = item->context;
		metadata->slot_mapping[i] = request->blocks[(item->context - 1) / BLOCK_TOKENS] *
			BLOCK_TOKENS + (item->context - 1) % BLOCK_TOKENS;
		metadata->temperature[i] = 0.7f;
		metadata->top_p[i] = 0.95f;
		metadata->top_k[i] = 40;
		memcpy(metadata->block_tables[i], request->blocks,
		       (size_t)request->block_count * sizeof(request->blocks[0]));
	}
}

static void plan_finish_requests(struct plan *plan)
{
	for (int i = scheduler.running_count - 1; i >= 0; i--) {
		struct request *request = scheduler.running[i];

		if (request->generated < request->output_tokens)
			continue;
		running_remove(i);
		blocks_free(request);
		request_finish(request);
		atomic_fetch_add(&statistics.requests, 1);
	}
	for (int i = 0; i < plan->count; i++)
		plan->items[i].request = NULL;
}

/* Until there is something to compute; false when the server stops. */
static bool scheduler_wait_for_work(void)
{
	while (!atomic_load(&server_is_stopping)) {
		struct timespec pause = { .tv_nsec = 300000 };

		if (requests_are_waiting())
			return true;
		if (atomic_load(&statistics.steps) < scheduler.made) {
			nanosleep(&pause, NULL);	/* the last tokens are on their way */
			continue;
		}
		if (!client_refill())
			nanosleep(&pause, NULL);
	}
	return false;
}

static void plan_make(struct plan *plan, long step)
{
	plan->step = step;
	plan->is_end = false;
	plan->count = plan->decode_count = plan->prefill_tokens = 0;
	plan->plants = plants_due((uint64_t)step);
	if (options.steps)
		client_advance((uint64_t)step * VIRTUAL_STEP_NS);
	if (plan->plants & PLANT_BIT(preemption) && scheduler.running_count > 2)
		scheduler_preempt();
	if (scheduler.running_count == 0 && !scheduler_wait_for_work()) {
		plan->is_end = true;
		return;
	}
	plan_decodes(plan);
	plan_prefills(plan);
	plan_prepare_inputs(plan);
	plan_finish_requests(plan);
}

void *scheduler_main(void *unused)
{
	(void)unused;
	for (long step = 0;; step++) {
		struct plan *plan = &scheduler.plans[step % 2];

		pthread_mutex_lock(&scheduler.lock);
		while (scheduler.made - scheduler.used == 2)
			pthread_cond_wait(&scheduler.changed, &scheduler.lock);
		pthread_mutex_unlock(&scheduler.lock);
		plan_make(plan, step);
		if (atomic_load(&server_is_stopping) || (options.steps && step >= options.steps))
			plan->is_end = true;
		pthread_mutex_lock(&scheduler.lock);
		scheduler.made++;
		pthread_cond_broadcast(&scheduler.changed);
		pthread_mutex_unlock(&scheduler.lock);
		if (plan->is_end)
			break;
	}
	while (scheduler.running_count > 0) {
		struct request *request = scheduler.running[--scheduler.running_count];

		blocks_free(request);
		request_finish(request);
	}
	return NULL;
}

struct plan *scheduler_next_plan(void)
{
	pthread_mutex_lock(&scheduler.lock);
	while (scheduler.made == scheduler.used)
		pthread_cond_wait(&scheduler.changed, &scheduler.lock);
	pthread_mutex_unlock(&scheduler.lock);
	return &scheduler.plans[scheduler.used % 2];
}

void scheduler_give_back(struct plan *plan)
{
	(void)plan;
	pthread_mutex_lock(&scheduler.lock);
	scheduler.used++;
	pthread_cond_broadcast(&scheduler.changed);
	pthread_mutex_unlock(&scheduler.lock);
}

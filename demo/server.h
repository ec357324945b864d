/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demo inference server: what its files share.
 *
 * Four threads. The client sends requests; the scheduler turns them into plans, one per step; the
 * engine launches the steps; the output thread waits for the sampled tokens and turns them into
 * text. A plan is complete when the scheduler hands it over, so the scheduler prepares step n+1
 * while the engine launches step n and the GPU runs step n-1.
 */
#ifndef GPUTRAIL_DEMO_SERVER_H
#define GPUTRAIL_DEMO_SERVER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "demo/plants.h"

#define BATCH_MAX 32			/* requests in a step */
#define BLOCK_TOKENS 16			/* tokens of a KV block */
#define BLOCKS_PER_REQUEST 256
#define SLOTS 3				/* steps whose buffers are in use at a time */

struct options {
	int layers, batch, concurrency, kv_blocks;
	double seconds, requests_per_second;
	long steps;			/* 0: until the seconds are over */
	unsigned seed;
	bool is_quiet;
};
extern struct options options;
extern atomic_bool server_is_stopping;	/* set by signals and when the time is over */

/* --- requests (client.c) --- */
struct request {
	struct request *next;
	long id;
	int prompt_tokens, output_tokens;	/* wanted */
	int computed, generated;		/* planned so far */
	int blocks[BLOCKS_PER_REQUEST], block_count;
};

void *client_main(void *unused);
bool requests_are_waiting(void);
struct request *request_take(void);		/* NULL: none waiting */
void request_finish(struct request *request);

/* --- plans (scheduler.c) --- */
struct plan_item {
	struct request *request;	/* the scheduler's; others use the copies below */
	long request_id;
	int tokens, context;		/* computed in this step; in the cache afterwards */
	bool is_prefill, has_output, is_last;
};

/* What a step's kernels need to know, in the layout they read: one copy per step. */
struct metadata {
	int32_t token_count, batch, decode_batch, padded_batch;
	int32_t positions[BATCH_MAX], sequence_lengths[BATCH_MAX], query_starts[BATCH_MAX];
	int32_t slot_mapping[BATCH_MAX];
	float temperature[BATCH_MAX], top_p[BATCH_MAX];
	int32_t top_k[BATCH_MAX];
	int32_t block_tables[BATCH_MAX][BLOCKS_PER_REQUEST];
};

struct plan {
	long step;
	bool is_end;
	plant_set plants;		/* due in this step */
	struct plan_item items[BATCH_MAX];
	int count, decode_count, prefill_tokens;
	struct metadata metadata;
};

struct scheduler {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct plan plans[2];		/* handed over in turn */
	long made, used;
	struct request *running[BATCH_MAX];
	int running_count;
};

void *scheduler_main(void *unused);
/* The next plan; the engine gives it back when it has launched the step. */
struct plan *scheduler_next_plan(void);
void scheduler_give_back(struct plan *plan);

/* --- paged cache (blocks.c) --- */
void blocks_open(int count);
void blocks_close(void);
/* Makes room for tokens of the request; false when the cache is full. */
bool blocks_extend(struct request *request, int tokens);
void blocks_free(struct request *request);

/* --- steps in flight (engine.c, output.c) --- */
struct CUctx_st;
struct CUevent_st;
void engine_open(void);
void engine_run(void);
void engine_close(void);

struct output {
	long step;
	struct CUevent_st *tokens_ready;
	const int32_t *tokens;		/* pinned; filled when the event has happened */
	long request_ids[BATCH_MAX];
	int count;
	bool has_token[BATCH_MAX], is_end;
};
void output_open(struct CUctx_st *context);
void output_push(const struct output *output);
void *output_main(void *unused);
void output_process(const struct output *output);	/* tokens to text */

/* Steps launched and not finished; the engine waits here when the GPU is two steps behind. */
extern sem_t steps_allowed;

struct statistics {
	atomic_long steps, graph_steps, eager_steps, prefill_tokens, tokens, requests, preemptions,
		failures;
};
extern struct statistics statistics;

/* Keeps the calling thread on its CPU, as host work does. */
void host_work(uint64_t duration_ns);
void thread_start(pthread_t *thread, const char *name, void *(*start)(void *));

#endif

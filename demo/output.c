/* SPDX-License-Identifier: Apache-2.0 */
/* The output thread: waits for the sampled tokens of each step and turns them into text. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/model.h"

#include <string.h>

#define RING 8

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct output ring[RING];
	long pushed, taken;
} outputs = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

sem_t steps_allowed;
static CUcontext output_context;

void output_open(struct CUctx_st *context)
{
	sem_init(&steps_allowed, 0, SLOTS - 1);
	output_context = context;
}

void output_push(const struct output *output)
{
	pthread_mutex_lock(&outputs.lock);
	while (outputs.pushed - outputs.taken == RING)
		pthread_cond_wait(&outputs.changed, &outputs.lock);
	outputs.ring[outputs.pushed++ % RING] = *output;
	pthread_cond_broadcast(&outputs.changed);
	pthread_mutex_unlock(&outputs.lock);
}

static struct output output_take(void)
{
	struct output output;

	pthread_mutex_lock(&outputs.lock);
	while (outputs.pushed == outputs.taken)
		pthread_cond_wait(&outputs.changed, &outputs.lock);
	output = outputs.ring[outputs.taken++ % RING];
	pthread_cond_broadcast(&outputs.changed);
	pthread_mutex_unlock(&outputs.lock);
	return output;
}

/* A byte-level stand-in for a vocabulary: the token's number in letters. */
static int detokenize(int32_t token, char *text)
{
	int length = 0;

	for (uint32_t rest = (uint32_t)token % VOCABULARY; length == 0 || rest; rest /= 26)
		text[length++] = (char)('a' + rest % 26);
	text[length++] = ' ';
	return length;
}

void output_process(const struct output *output)
{
	static _Thread_local char streamed[BATCH_MAX][256];
	char text[16];

	for (int i = 0; i < output->count; i++) {
		char *line = streamed[output->request_ids[i] % BATCH_MAX];
		int length;

		if (!output->has_token[i])
			continue;	/* a prompt that is not complete */
		length = detokenize(output->tokens[i], text);
		memmove(line, line + length, sizeof(streamed[0]) - (size_t)length);
		memcpy(line + sizeof(streamed[0]) - (size_t)length, text, (size_t)length);
	}
}

void *output_main(void *unused)
{
	(void)unused;
	driver_check(cu.CtxSetCurrent(output_context), "cuCtxSetCurrent");
	for (;;) {
		struct output output = output_take();

		if (output.is_end)
			return NULL;
		if (output.count > 0) {
			driver_check(cu.EventSynchronize(output.tokens_ready), "cuEventSynchronize");
			output_process(&output);
			for (int i = 0; i < output.count; i++)
				atomic_fetch_add(&statistics.tokens, output.has_token[i]);
		}
		atomic_fetch_add(&statistics.steps, 1);
		sem_post(&steps_allowed);
	}
}

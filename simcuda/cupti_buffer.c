/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activity buffers. Records come from any thread. Buffers are asked for on the application's
 * threads (the worker helps when much is waiting) and handed back full from the worker, or by a
 * flush. No lock is held while the client's functions run.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define QUEUE_CAPACITY 65536u		/* records that wait for a buffer; more are dropped */
#define QUEUE_MANY 256u			/* the worker asks for a buffer itself */
#define SHUFFLE_DEPTH 64u		/* SIMCUPTI_UNORDERED: how far records stray */

struct buffer {
	struct buffer *next;
	uint8_t *data;
	size_t size, used, count, count_max;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, delivered;
	CUpti_BuffersCallbackRequestFunc requested;
	CUpti_BuffersCallbackCompleteFunc completed;
	struct buffer *current, *full, **full_tail;
	struct cupti_record *queue;
	size_t queue_first, queue_count;
	size_t dropped;
	unsigned long appended, random;
	int delivering;
	bool is_requesting, has_worker;
} state = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.delivered = PTHREAD_COND_INITIALIZER,
	.full_tail = &state.full,
	.random = 88172645463325252ul,
};

atomic_bool cupti_buffer_is_wanted;
atomic_bool cupti_is_forked;
atomic_bool cupti_buffers_are_zeroed;

static struct cupti_record *queue_at(size_t i)
{
	return &state.queue[(state.queue_first + i) % QUEUE_CAPACITY];
}

static void record_copy(struct cupti_record *to, const struct cupti_record *from)
{
	to->bytes = from->bytes;
	memcpy(to->data, from->data, from->bytes);
}

/* xorshift64 from a fixed seed: the same disorder every time. */
static size_t random_below(size_t limit)
{
	state.random ^= state.random << 13;
	state.random ^= state.random >> 7;
	state.random ^= state.random << 17;
	return state.random % limit;
}

static void queue_push(const struct cupti_record *record)
{
	struct cupti_record other;
	size_t i;

	if (!state.queue)
		state.queue = malloc(QUEUE_CAPACITY * sizeof(*state.queue));
	if (!state.queue || state.queue_count == QUEUE_CAPACITY) {
		state.dropped++;
		return;
	}
	record_copy(queue_at(state.queue_count++), record);
	if (!cupti_faults.unordered)
		return;
	i = random_below(state.queue_count);
	record_copy(&other, queue_at(i));
	record_copy(queue_at(i), record);
	record_copy(queue_at(state.queue_count - 1), &other);
}

static bool buffer_fits(const struct buffer *buffer, size_t bytes)
{
	return buffer && buffer->size - buffer->used >= bytes &&
	       (!buffer->count_max || buffer->count < buffer->count_max);
}

static void buffer_write(struct buffer *buffer, const struct cupti_record *record)
{
	memcpy(buffer->data + buffer->used, record->data, record->bytes);
	buffer->used += record->bytes;
	buffer->count++;
}

static void buffer_retire(void)
{
	*state.full_tail = state.current;
	state.full_tail = &state.current->next;
	state.current = NULL;
	pthread_cond_signal(&state.work);
}

/* Moves waiting records into the buffer, all but the last `keep`. True when that is done. */
static bool queue_drain(size_t keep)
{
	while (state.queue_count > keep) {
		struct cupti_record *record = queue_at(0);

		if (!buffer_fits(state.current, record->bytes)) {
			if (state.current)
				buffer_retire();
			atomic_store(&cupti_buffer_is_wanted, true);
			return false;
		}
		buffer_write(state.current, record);
		state.queue_first = (state.queue_first + 1) % QUEUE_CAPACITY;
		state.queue_count--;
	}
	return true;
}

void cupti_buffer_append(const struct cupti_record *record)
{
	pthread_mutex_lock(&state.lock);
	state.appended++;
	if (!state.requested ||
	    (cupti_faults.drop > 0 && state.appended % (unsigned long)cupti_faults.drop == 0)) {
		state.dropped++;
	} else if (!cupti_faults.unordered && !state.queue_count &&
		   buffer_fits(state.current, record->bytes)) {
		buffer_write(state.current, record);
	} else {
		queue_push(record);
		if (!cupti_faults.unordered)
			queue_drain(0);
		else if (state.queue_count >= SHUFFLE_DEPTH)
			queue_drain(SHUFFLE_DEPTH / 2);
		if (state.queue_count >= QUEUE_MANY)
			pthread_cond_signal(&state.work);
	}
	pthread_mutex_unlock(&state.lock);
}

/* What the client gave is of no use: the records waiting for it are lost. */
static void buffer_refuse(uint8_t *data, size_t size)
{
	CUpti_BuffersCallbackCompleteFunc completed = state.completed;

	if (!data && cupti_release < 1209) {
		fputs("simulated CUPTI: the client returned no buffer; a library of this release "
		      "crashes here\n", stderr);
		abort();
	}
	state.dropped += state.queue_count;
	state.queue_count = 0;
	if (!data)
		return;
	pthread_mutex_unlock(&state.lock);
	completed(NULL, 0, data, size, 0);
	pthread_mutex_lock(&state.lock);
}

/* Asks the client for a buffer; with the lock, which it drops meanwhile. */
static void buffer_request(void)
{
	CUpti_BuffersCallbackRequestFunc requested = state.requested;
	struct buffer *buffer;
	uint8_t *data = NULL;
	size_t size = 0, count_max = 0;

	state.is_requesting = true;
	pthread_mutex_unlock(&state.lock);
	requested(&data, &size, &count_max);
	buffer = calloc(1, sizeof(*buffer));
	if (data && buffer && !atomic_load(&cupti_buffers_are_zeroed))
		memset(data, 0, size);
	pthread_mutex_lock(&state.lock);
	state.is_requesting = false;
	pthread_cond_broadcast(&state.delivered);
	if (!data || !buffer || (uintptr_t)data % 8 || size < CUPTI_RECORD_BYTES_MAX) {
		free(buffer);
		buffer_refuse(data, size);
		return;
	}
	buffer->data = data;
	buffer->size = size;
	buffer->count_max = count_max;
	state.current = buffer;
}

static bool buffer_supply_once(size_t keep)
{
	if (state.is_requesting || !state.requested)
		return true;
	if (!state.current)
		buffer_request();
	atomic_store(&cupti_buffer_is_wanted, false);
	return queue_drain(keep);
}

void cupti_buffer_supply(void)
{
	if (!atomic_load_explicit(&cupti_buffer_is_wanted, memory_order_relaxed))
		return;
	pthread_mutex_lock(&state.lock);
	while (!buffer_supply_once(cupti_faults.unordered ? SHUFFLE_DEPTH / 2 : 0))
		;
	pthread_mutex_unlock(&state.lock);
}

/* Gives all full buffers to the client; with the lock, which it drops meanwhile. */
static void buffers_deliver(void)
{
	CUpti_BuffersCallbackCompleteFunc completed = state.completed;
	struct buffer *buffer = state.full, *next;

	state.full = NULL;
	state.full_tail = &state.full;
	state.delivering++;
	pthread_mutex_unlock(&state.lock);
	for (; buffer; buffer = next) {
		next = buffer->next;
		completed(NULL, 0, buffer->data, buffer->size, buffer->used);
		free(buffer);
	}
	pthread_mutex_lock(&state.lock);
	state.delivering--;
	pthread_cond_broadcast(&state.delivered);
}

bool cupti_buffer_flush(void)
{
	bool is_registered;

	pthread_mutex_lock(&state.lock);
	is_registered = state.requested != NULL;
	while (is_registered && !queue_drain(0)) {
		while (state.is_requesting)
			pthread_cond_wait(&state.delivered, &state.lock);
		buffer_supply_once(0);
	}
	if (state.current && state.current->used)
		buffer_retire();
	if (state.full)
		buffers_deliver();
	while (state.delivering || state.is_requesting)
		pthread_cond_wait(&state.delivered, &state.lock);
	pthread_mutex_unlock(&state.lock);
	return is_registered;
}

size_t cupti_buffer_take_dropped(void)
{
	size_t dropped;

	pthread_mutex_lock(&state.lock);
	dropped = state.dropped;
	state.dropped = 0;
	pthread_mutex_unlock(&state.lock);
	return dropped;
}

static void *worker_run(void *unused)
{
	(void)unused;
	prctl(PR_SET_NAME, "Cupti_Worker_Th");
	pthread_mutex_lock(&state.lock);
	for (;;) {
		bool is_needed = state.queue_count >= QUEUE_MANY && !state.current &&
				 !state.is_requesting;

		if (state.full)
			buffers_deliver();
		else if (is_needed)
			buffer_supply_once(0);
		else
			pthread_cond_wait(&state.work, &state.lock);
	}
	return NULL;
}

static void worker_start(void)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	state.has_worker = pthread_create(&thread, NULL, worker_run, NULL) == 0;
	if (state.has_worker)
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

CUptiResult cupti_buffer_register(CUpti_BuffersCallbackRequestFunc requested,
				  CUpti_BuffersCallbackCompleteFunc completed)
{
	bool has_worker;

	pthread_mutex_lock(&state.lock);
	state.requested = requested;
	state.completed = completed;
	if (!state.has_worker)
		worker_start();
	has_worker = state.has_worker;
	pthread_mutex_unlock(&state.lock);
	return has_worker ? CUPTI_SUCCESS : CUPTI_ERROR_OUT_OF_MEMORY;
}

/* The child has the parent's buffers but no worker: as with the real library, nothing works. */
static void forked(void)
{
	atomic_store(&cupti_is_forked, true);
	pthread_mutex_init(&state.lock, NULL);
	state.requested = NULL;
}

static void __attribute__((constructor)) buffer_start(void)
{
	pthread_atfork(NULL, NULL, forked);
}

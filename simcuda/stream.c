/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: handles, the default streams, creation, destruction, queries. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <stdlib.h>

#define FIRST_STREAM_ID 7	/* what profilers show for the NULL stream */
#define PRIORITY_HIGHEST (-5)
#define HANDLE_LEGACY 1
#define HANDLE_THREAD 2

static struct sim_context *contexts;

/* The calling thread's own default streams, one for each context it used. */
struct thread_stream {
	struct sim_stream *stream;
	struct thread_stream *next;
};
static __thread struct thread_stream *thread_streams;
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

/* Destroyed streams leave the context's list once idle. Their memory stays: a stale handle must be
 * recognised, and who walks the list without the lock must find its way on. With the lock held. */
static void streams_prune(struct sim_context *context)
{
	struct sim_stream **link = &context->streams;

	while (*link)
		if (!(*link)->magic && !(*link)->head)
			*link = (*link)->next;
		else
			link = &(*link)->next;
}

/* Keeps what is never freed within reach of leak checkers. */
static struct sim_stream *all_streams;

static struct sim_stream *stream_add(struct sim_context *context, unsigned flags, int priority)
{
	struct sim_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->magic = SIM_MAGIC_STREAM;
	stream->context = context;
	stream->flags = flags;
	stream->priority = priority;
	pthread_mutex_lock(&sim_engine_lock);
	streams_prune(context);
	stream->id = context->last_stream_id++;
	stream->next = context->streams;
	context->streams = stream;
	stream->all_next = all_streams;
	all_streams = stream;
	pthread_mutex_unlock(&sim_engine_lock);
	return stream;
}

static void settings_read(void)
{
	sim_cost_init();
	sim_truth_init();
	sim_meters_init();
}

void sim_context_opened(struct sim_context *context)
{
	static pthread_once_t settings_once = PTHREAD_ONCE_INIT;
	struct sim_device *device = context->device;

	pthread_once(&settings_once, settings_read);
	pthread_mutex_lock(&sim_engine_lock);
	if (!device->engine) {
		device->engine = calloc(1, sizeof(*device->engine));
		if (!device->engine)
			abort();
		sim_resource_init(device->engine);
		sim_meters_open(device);
	}
	context->streams = NULL;
	context->last_stream_id = FIRST_STREAM_ID;
	context->error = CUDA_SUCCESS;
	context->opened_next = contexts;
	contexts = context;
	pthread_mutex_unlock(&sim_engine_lock);
	context->legacy = stream_add(context, CU_STREAM_DEFAULT, 0);
	if (!context->legacy)
		abort();
	context->legacy->is_legacy = true;
	context->last_stream_id = FIRST_STREAM_ID + 6;
}

void sim_context_closed(struct sim_context *context)
{
	struct sim_context **link;
	struct sim_stream *stream;

	context->error = CUDA_SUCCESS;
	sim_context_synchronize(context);
	simcuda_settle();
	pthread_mutex_lock(&sim_engine_lock);
	for (link = &contexts; *link; link = &(*link)->opened_next)
		if (*link == context) {
			*link = context->opened_next;
			break;
		}
	for (stream = context->streams; stream; stream = stream->next)
		stream->magic = 0;
	context->streams = NULL;
	context->legacy = NULL;
	pthread_mutex_unlock(&sim_engine_lock);
}

struct sim_context *sim_contexts_of(struct sim_device *device, struct sim_context *after)
{
	struct sim_context *context;

	pthread_mutex_lock(&sim_engine_lock);
	context = after ? after->opened_next : contexts;
	while (context && context->device != device)
		context = context->opened_next;
	pthread_mutex_unlock(&sim_engine_lock);
	return context;
}

static void thread_forget(void *list)
{
	struct thread_stream *at = list, *next;

	for (; at; at = next) {
		next = at->next;
		free(at);
	}
}

static void thread_init(void)
{
	pthread_key_create(&thread_key, thread_forget);
}

static struct sim_stream *thread_stream(struct sim_context *context, CUresult *result)
{
	struct thread_stream *at;

	for (at = thread_streams; at; at = at->next)
		if (at->stream->context == context && at->stream->magic == SIM_MAGIC_STREAM)
			return at->stream;
	pthread_once(&thread_once, thread_init);
	at = malloc(sizeof(*at));
	if (at)
		at->stream = stream_add(context, CU_STREAM_DEFAULT, 0);
	if (!at || !at->stream) {
		free(at);
		*result = CUDA_ERROR_OUT_OF_MEMORY;
		return NULL;
	}
	at->stream->is_thread = true;
	at->next = thread_streams;
	thread_streams = at;
	pthread_setspecific(thread_key, at);
	return at->stream;
}

struct sim_stream *sim_stream_of(CUstream handle, bool per_thread, CUresult *result)
{
	struct sim_stream *stream = (struct sim_stream *)handle;
	struct sim_context *context;

	if ((uintptr_t)handle > HANDLE_THREAD) {
		if ((uintptr_t)handle % sizeof(void *) == 0 && stream->magic == SIM_MAGIC_STREAM)
			return stream;
		*result = CUDA_ERROR_INVALID_HANDLE;
		return NULL;
	}
	context = sim_current(result);
	if (!context)
		return NULL;
	if ((uintptr_t)handle == HANDLE_THREAD || (!handle && per_thread))
		return thread_stream(context, result);
	return context->legacy;
}

static int clamp_priority(int priority)
{
	return priority > 0 ? 0 : priority < PRIORITY_HIGHEST ? PRIORITY_HIGHEST : priority;
}

IMPL(cuStreamCreateWithPriority)(CUstream *phStream, unsigned int flags, int priority)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_stream *stream;

	if (!context)
		return result;
	if (context->error)
		return context->error;
	if (!phStream || flags & ~(unsigned)CU_STREAM_NON_BLOCKING)
		return CUDA_ERROR_INVALID_VALUE;
	sim_host_cost("stream", 4000);
	stream = stream_add(context, flags, clamp_priority(priority));
	if (!stream)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*phStream = (CUstream)stream;
	return CUDA_SUCCESS;
}

IMPL(cuStreamCreate)(CUstream *phStream, unsigned int flags)
{
	return impl_cuStreamCreateWithPriority(phStream, flags, 0);
}

/* Work in it goes on; its place in the context's list is kept until the context goes. */
IMPL(cuStreamDestroy_v2)(CUstream handle)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream;

	if ((uintptr_t)handle <= HANDLE_THREAD)
		return CUDA_ERROR_INVALID_HANDLE;
	stream = sim_stream_of(handle, false, &result);
	if (!stream)
		return result;
	if (stream->is_legacy || stream->is_thread)
		return CUDA_ERROR_INVALID_HANDLE;
	if (stream->capture)
		sim_capture_invalidate(stream);
	stream->magic = 0;
	return CUDA_SUCCESS;
}

IMPL(cuStreamDestroy)(CUstream handle)
{
	return impl_cuStreamDestroy_v2(handle);
}

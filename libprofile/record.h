/* SPDX-License-Identifier: Apache-2.0 */
/* What a wrapper does before and after the real call, and how a call becomes a record. */
#ifndef GPUTRAIL_LIBPROFILE_RECORD_H
#define GPUTRAIL_LIBPROFILE_RECORD_H

#include "libprofile/cost.h"
#include "libprofile/path.h"
#include "libprofile/shim.h"

/* Copies are described as CUPTI numbers them. Of host memory only the driver knows its kind. */
enum copy_kind {
	COPY_UNKNOWN, COPY_HTOD, COPY_DTOH, COPY_HTOA, COPY_ATOH, COPY_ATOA, COPY_ATOD, COPY_DTOA,
	COPY_DTOD, COPY_HTOH, COPY_PTOP,
};
enum memory_kind {
	KIND_UNKNOWN, KIND_PAGEABLE, KIND_PINNED, KIND_DEVICE, KIND_ARRAY, KIND_MANAGED,
};
enum { BLOCKING, ASYNC };

struct call {
	struct thread *thread;
	uint64_t begin, end;
	uint16_t api;
	bool per_thread;
	CUresult result;
	uint32_t native_path, python_path;
	uint32_t sample;		/* 1 + place of the events around it, 0 none */
};

static inline bool call_enter(struct call *call, enum driver_api api, bool per_thread)
{
	struct thread *thread = thread_self;

	if (unlikely(!thread || !thread->ready)) {
		thread = thread_enter_slow(api);
		if (!thread)
			return false;
	}
	thread->ready = 0;
	__atomic_store_n(&thread->correlation, 0, __ATOMIC_RELAXED);
	call->thread = thread;
	call->api = (uint16_t)api;
	call->per_thread = per_thread;
	call->native_path = call->python_path = call->sample = 0;
	call->begin = clock_wire();
	__atomic_store_n(&thread->ring->current_begin, call->begin, __ATOMIC_RELAXED);
	__atomic_store_n(&thread->ring->current_api, (uint32_t)api + 1, __ATOMIC_RELEASE);
	return true;
}

/* False in a child that was forked inside of the call: nothing of it may be recorded. */
static inline bool call_returned(struct call *call, CUresult result)
{
	call->end = clock_wire();
	call->result = result;
	return likely(call->thread->ring != NULL);
}

static inline void call_leave(struct call *call)
{
	struct thread *thread = call->thread;

	if (unlikely(++thread->calls % COST_CALLS_PER_SAMPLE == 0))
		cost_leave(thread, clock_wire() - call->end);
	__atomic_store_n(&thread->ring->current_api, 0, __ATOMIC_RELEASE);
	thread->ready = 1;
}

/* Before the record is begun: first sight of a frame sends records of its own. */
static inline void call_path(struct call *call)
{
	path_capture(call->thread, &call->native_path, &call->python_path);
}

/* A query's "not ready" is an answer, not a failure. */
static inline bool call_failed(const struct call *call)
{
	return call->result != CUDA_SUCCESS && call->result != CUDA_ERROR_NOT_READY;
}

void record_fill(const struct call *call, struct wire_call *record, enum wire_kind kind,
		 uint32_t bytes);
void record_plain(const struct call *call);
void record_counted(struct call *call);
void record_object(const struct call *call, uint64_t object, uint64_t second, uint64_t value);
/* One argument, where the wrapper has it. */
struct argument {
	const void *at;
	uint32_t bytes;			/* of a number, up to 8; 0: `at` leads to a text or NULL */
};
/* Right after the record of the call; `names` as in struct wire_arguments. */
void record_arguments(const struct call *call, const char *names, const struct argument *arguments,
		      uint32_t count);
void record_memory(const struct call *call, enum wire_memory_op op, enum wire_memory_kind kind,
		   uint64_t address, uint64_t bytes, uint64_t stream, uint64_t pool);

/* record_launch.c */
void record_launch(const struct call *call, CUfunction function, const CUlaunchConfig *config,
		   uint32_t flags);
void record_launch_legacy(const struct call *call, CUfunction function, int width, int height,
			  CUstream stream);
void record_launch_many(const struct call *call, const CUDA_LAUNCH_PARAMS *list, unsigned count);
void record_graph_launch(const struct call *call, CUgraphExec graph, CUstream stream);
bool record_is_capturing(void);		/* any stream of the process */
bool record_is_captured(const struct call *call, CUstream stream);
uint32_t record_stream_flags(const struct call *call, CUstream stream);

/* record_copy.c */
void record_copy(const struct call *call, enum copy_kind kind, uint64_t destination,
		 uint64_t source, uint64_t bytes, CUstream stream, int is_async);
void record_copy_2d(const struct call *call, const CUDA_MEMCPY2D *copy, CUstream stream,
		    int is_async);
void record_copy_2d_v1(const struct call *call, const CUDA_MEMCPY2D_v1 *copy, CUstream stream,
		       int is_async);
void record_copy_3d(const struct call *call, const CUDA_MEMCPY3D *copy, CUstream stream,
		    int is_async);
void record_copy_3d_v1(const struct call *call, const CUDA_MEMCPY3D_v1 *copy, CUstream stream,
		       int is_async);
void record_copy_3d_peer(const struct call *call, const CUDA_MEMCPY3D_PEER *copy, CUstream stream,
			 int is_async);
void record_copy_batch(const struct call *call, const CUdeviceptr *destinations,
		       const CUdeviceptr *sources, const size_t *bytes, size_t count,
		       CUstream stream);
void record_copy_3d_batch(const struct call *call, const CUDA_MEMCPY3D_BATCH_OP *list, size_t count,
			  CUstream stream);
void record_set(const struct call *call, uint64_t destination, uint32_t value, uint64_t bytes,
		CUstream stream, int is_async);

/* record_object.c: calls that change what later records mean */
void record_init(const struct call *call);
void record_profiler(const struct call *call, bool begins);
void record_context(const struct call *call, uint64_t context, uint64_t device, uint64_t flags);
void record_context_gone(const struct call *call, CUcontext context);
void record_device_reset(const struct call *call, CUdevice device);
void record_stream_created(const struct call *call, CUstream stream, unsigned flags, int priority);
void record_capture_begin(const struct call *call, CUstream stream, uint64_t mode);
void record_capture_end(const struct call *call, CUstream stream, CUgraph graph);
void record_function(const struct call *call, const void *handle, const void *module,
		     const char *name);
void record_kernels(const struct call *call, const CUkernel *kernels, unsigned count,
		    CUlibrary library, const char *name);
void record_kernel_function(const struct call *call, CUfunction function, CUkernel kernel);
void record_module_gone(const struct call *call, const void *module);
void record_attribute(const struct call *call, const void *function, uint64_t attribute,
		      uint64_t value);
void record_block_shape(const struct call *call, CUfunction function, int x, int y, int z);
void record_shared_size(const struct call *call, CUfunction function, unsigned bytes);
void record_tensor_map(const struct call *call, const CUtensorMap *map, const void *address,
		       uint64_t rank);
void record_pool_attribute(const struct call *call, CUmemoryPool pool, CUmemPool_attribute attribute,
			   const void *value);
void record_array(const struct call *call, const void *array, uint64_t width, uint64_t height,
		  uint64_t depth, unsigned format, unsigned channels);
void record_capture_forget(void);

#endif

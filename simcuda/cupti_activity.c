/* SPDX-License-Identifier: Apache-2.0 */
/* Activity kinds, and the records of what the simulated device did. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <unistd.h>

#define CHANNEL_COMPUTE 1
#define CHANNEL_COPY 2
#define COPY_FLAG_ASYNC 1u

atomic_bool cupti_kinds[CUPTI_ACTIVITY_KIND_LIMIT];

bool cupti_any_kind_is_on(void)
{
	for (uint32_t kind = 0; kind < CUPTI_ACTIVITY_KIND_LIMIT; kind++) {
		if (cupti_kind_is_on(kind))
			return true;
	}
	return cupti_any_api_is_on();
}

uint64_t cupti_watched(void)
{
	uint64_t bits = cupti_any_api_is_on() || cupti_any_callback_is_on() ? CUPTI_WATCHES_CALLS : 0;

	for (uint32_t kind = 0; kind < CUPTI_ACTIVITY_KIND_LIMIT; kind++)
		bits |= (uint64_t)cupti_kind_is_on(kind) << kind;
	return bits;
}

static bool is_watched(const struct sim_activity *activity, uint32_t kind)
{
	return activity->watched >> kind & 1;
}

/* A time of the simulator on the client's clock. */
static uint64_t on_clock(uint64_t monotonic_ns)
{
	return cupti_clock_at(monotonic_ns);
}

/* Ids are given to calls only while something watches calls. */
static uint32_t correlation_of(const struct sim_activity *activity)
{
	return activity->watched & CUPTI_WATCHES_CALLS ? activity->correlation : 0;
}

static bool is_nth(_Atomic unsigned long *counter, long n)
{
	return n > 0 && (atomic_fetch_add(counter, 1) + 1) % (unsigned long)n == 0;
}

/* Device buffers hold the times of kernels until they are collected. */
static bool pool_has_room(void)
{
	static _Atomic unsigned long used;
	unsigned long room = (unsigned long)cupti_faults.pool_records *
			     cupti_attribute(CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT);

	return !cupti_faults.pool_records || atomic_fetch_add(&used, 1) < room;
}

/* The times of a kernel, spoilt when a fault asks for it. */
static void kernel_times(const struct sim_activity *activity, uint64_t *start_ns, uint64_t *end_ns)
{
	static _Atomic unsigned long zeroed, reversed;

	*start_ns = on_clock(activity->start_ns);
	*end_ns = on_clock(activity->end_ns);
	if (is_nth(&reversed, cupti_faults.reversed_times)) {
		*start_ns = on_clock(activity->end_ns);
		*end_ns = on_clock(activity->start_ns);
	}
	if (is_nth(&zeroed, cupti_faults.zero_times) || !pool_has_room())
		*start_ns = *end_ns = 0;
}

static void put_function(struct cupti_record *record, const struct sim_activity *activity)
{
	const struct sim_function *function = activity->function;
	uint64_t threads = (uint64_t)activity->grid[0] * activity->grid[1] * activity->grid[2] *
			   activity->block[0] * activity->block[1] * activity->block[2];
	uint64_t local;

	if (!function)
		return;
	local = threads * (uint64_t)function->local_bytes;
	PUT(record, kernel, name, (uintptr_t)function->name);
	PUT(record, kernel, registersPerThread, function->registers);
	PUT(record, kernel, staticSharedMemory, function->static_shared);
	PUT(record, kernel, localMemoryPerThread, function->local_bytes);
	PUT(record, kernel, localMemoryTotal, local);
	PUT(record, kernel, localMemoryTotal_v2, local);
	PUT(record, kernel, sharedMemoryExecuted, function->static_shared + activity->dynamic_shared);
	PUT(record, kernel, clusterSchedulingPolicy, function->cluster_scheduling);
	if (function->carveout >= 0) {
		PUT(record, kernel, isSharedMemoryCarveoutRequested, 1);
		PUT(record, kernel, sharedMemoryCarveoutRequested, function->carveout);
	}
}

static void report_kernel(const struct sim_activity *activity)
{
	static _Atomic uint64_t last_grid;
	struct cupti_record record;
	uint64_t start_ns, end_ns;
	bool is_concurrent = is_watched(activity, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);

	if (!is_concurrent && !is_watched(activity, CUPTI_ACTIVITY_KIND_KERNEL))
		return;
	kernel_times(activity, &start_ns, &end_ns);
	cupti_record_begin(&record, CUPTI_RECORD_kernel,
			   is_concurrent ? CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL :
					   CUPTI_ACTIVITY_KIND_KERNEL);
	put_function(&record, activity);
	PUT(&record, kernel, start, start_ns);
	PUT(&record, kernel, end, end_ns);
	PUT(&record, kernel, completed, end_ns);
	PUT(&record, kernel, deviceId, activity->device);
	PUT(&record, kernel, contextId, activity->context);
	PUT(&record, kernel, streamId, activity->stream);
	PUT(&record, kernel, gridX, activity->grid[0]);
	PUT(&record, kernel, gridY, activity->grid[1]);
	PUT(&record, kernel, gridZ, activity->grid[2]);
	PUT(&record, kernel, blockX, activity->block[0]);
	PUT(&record, kernel, blockY, activity->block[1]);
	PUT(&record, kernel, blockZ, activity->block[2]);
	PUT(&record, kernel, dynamicSharedMemory, activity->dynamic_shared);
	PUT(&record, kernel, correlationId, correlation_of(activity));
	PUT(&record, kernel, gridId, atomic_fetch_add(&last_grid, 1) + 1);
	PUT(&record, kernel, launchType, activity->launch_type);
	PUT(&record, kernel, graphNodeId, activity->graph_node);
	PUT(&record, kernel, graphId, activity->graph);
	PUT(&record, kernel, channelID, activity->stream);
	PUT(&record, kernel, channelType, CHANNEL_COMPUTE);
	PUT(&record, kernel, clusterX, activity->cluster[0]);
	PUT(&record, kernel, clusterY, activity->cluster[1]);
	PUT(&record, kernel, clusterZ, activity->cluster[2]);
	PUT(&record, kernel, priority, activity->priority);
	cupti_buffer_append(&record);
}

/* What Memcpy, MemcpyPtoP and Memset have under the same names. */
#define PUT_TRANSFER(record, layout, activity)						\
	do {										\
		PUT(record, layout, bytes, (activity)->bytes);				\
		PUT(record, layout, start, on_clock((activity)->start_ns));		\
		PUT(record, layout, end, on_clock((activity)->end_ns));			\
		PUT(record, layout, deviceId, (activity)->device);			\
		PUT(record, layout, contextId, (activity)->context);			\
		PUT(record, layout, streamId, (activity)->stream);			\
		PUT(record, layout, correlationId, correlation_of(activity));		\
		PUT(record, layout, graphNodeId, (activity)->graph_node);		\
		PUT(record, layout, graphId, (activity)->graph);			\
		PUT(record, layout, channelID, (activity)->stream);			\
		PUT(record, layout, flags, (activity)->is_async ? COPY_FLAG_ASYNC : 0);	\
	} while (0)

static void report_copy(const struct sim_activity *activity)
{
	struct cupti_record record;

	if (!is_watched(activity, CUPTI_ACTIVITY_KIND_MEMCPY))
		return;
	cupti_record_begin(&record, CUPTI_RECORD_memcpy, CUPTI_ACTIVITY_KIND_MEMCPY);
	PUT_TRANSFER(&record, memcpy, activity);
	PUT(&record, memcpy, copyKind, activity->copy_kind);
	PUT(&record, memcpy, srcKind, activity->source_kind);
	PUT(&record, memcpy, dstKind, activity->destination_kind);
	PUT(&record, memcpy, channelType, CHANNEL_COPY);
	PUT(&record, memcpy, copyCount, 1);
	cupti_buffer_append(&record);
}

static void report_peer_copy(const struct sim_activity *activity)
{
	struct cupti_record record;

	if (!is_watched(activity, CUPTI_ACTIVITY_KIND_MEMCPY2))
		return;
	cupti_record_begin(&record, CUPTI_RECORD_memcpy2, CUPTI_ACTIVITY_KIND_MEMCPY2);
	PUT_TRANSFER(&record, memcpy2, activity);
	PUT(&record, memcpy2, copyKind, activity->copy_kind);
	PUT(&record, memcpy2, srcKind, activity->source_kind);
	PUT(&record, memcpy2, dstKind, activity->destination_kind);
	PUT(&record, memcpy2, srcDeviceId, activity->device);
	PUT(&record, memcpy2, srcContextId, activity->context);
	PUT(&record, memcpy2, dstDeviceId, activity->peer_device);
	PUT(&record, memcpy2, dstContextId, activity->context);
	PUT(&record, memcpy2, channelType, CHANNEL_COPY);
	cupti_buffer_append(&record);
}

static void report_set(const struct sim_activity *activity)
{
	struct cupti_record record;

	if (!is_watched(activity, CUPTI_ACTIVITY_KIND_MEMSET))
		return;
	cupti_record_begin(&record, CUPTI_RECORD_memset, CUPTI_ACTIVITY_KIND_MEMSET);
	PUT_TRANSFER(&record, memset, activity);
	PUT(&record, memset, value, activity->value);
	PUT(&record, memset, memoryKind, activity->destination_kind);
	PUT(&record, memset, channelType, CHANNEL_COMPUTE);
	cupti_buffer_append(&record);
}

static void report_graph(const struct sim_activity *activity)
{
	struct cupti_record record;

	if (!is_watched(activity, CUPTI_ACTIVITY_KIND_GRAPH_TRACE))
		return;
	cupti_record_begin(&record, CUPTI_RECORD_graph_trace, CUPTI_ACTIVITY_KIND_GRAPH_TRACE);
	PUT(&record, graph_trace, correlationId, correlation_of(activity));
	PUT(&record, graph_trace, start, on_clock(activity->start_ns));
	PUT(&record, graph_trace, end, on_clock(activity->end_ns));
	PUT(&record, graph_trace, deviceId, activity->device);
	PUT(&record, graph_trace, graphId, activity->graph);
	PUT(&record, graph_trace, contextId, activity->context);
	PUT(&record, graph_trace, streamId, activity->stream);
	PUT(&record, graph_trace, endDeviceId, activity->device);
	PUT(&record, graph_trace, endContextId, activity->context);
	cupti_buffer_append(&record);
}

static void report_sync(const struct sim_activity *activity)
{
	struct cupti_record record;

	if (!is_watched(activity, CUPTI_ACTIVITY_KIND_SYNCHRONIZATION))
		return;
	cupti_record_begin(&record, CUPTI_RECORD_synchronization,
			   CUPTI_ACTIVITY_KIND_SYNCHRONIZATION);
	PUT(&record, synchronization, type, activity->value);
	PUT(&record, synchronization, start, on_clock(activity->start_ns));
	PUT(&record, synchronization, end, on_clock(activity->end_ns));
	PUT(&record, synchronization, correlationId, correlation_of(activity));
	PUT(&record, synchronization, contextId, activity->context);
	PUT(&record, synchronization, streamId,
	    activity->stream ? activity->stream : CUPTI_SYNCHRONIZATION_INVALID_VALUE);
	PUT(&record, synchronization, cudaEventId, CUPTI_SYNCHRONIZATION_INVALID_VALUE);
	cupti_buffer_append(&record);
}

static void report_memory(const struct sim_activity *activity)
{
	struct cupti_record record;

	if (!is_watched(activity, CUPTI_ACTIVITY_KIND_MEMORY2))
		return;
	cupti_record_begin(&record, CUPTI_RECORD_memory, CUPTI_ACTIVITY_KIND_MEMORY2);
	PUT(&record, memory, memoryOperationType, activity->value);
	PUT(&record, memory, memoryKind, activity->source_kind);
	PUT(&record, memory, correlationId, correlation_of(activity));
	PUT(&record, memory, address, activity->address);
	PUT(&record, memory, bytes, activity->bytes);
	PUT(&record, memory, timestamp, on_clock(activity->start_ns));
	PUT(&record, memory, processId, getpid());
	PUT(&record, memory, deviceId, activity->device);
	PUT(&record, memory, contextId, activity->context);
	PUT(&record, memory, streamId, activity->stream);
	PUT(&record, memory, isAsync, activity->is_async);
	cupti_buffer_append(&record);
}

/* Called by the simulated driver, on any of its threads, once an operation has ended. */
void cupti_activity(void *user, const struct sim_activity *activity)
{
	bool is_hidden = activity->graph && is_watched(activity, CUPTI_ACTIVITY_KIND_GRAPH_TRACE);

	(void)user;
	switch (activity->kind) {
	case SIM_ACTIVITY_GRAPH:
		report_graph(activity);
		break;
	case SIM_ACTIVITY_SYNC:
		report_sync(activity);
		break;
	case SIM_ACTIVITY_KERNEL:
		if (!is_hidden)
			report_kernel(activity);
		break;
	case SIM_ACTIVITY_COPY:
		if (!is_hidden)
			report_copy(activity);
		break;
	case SIM_ACTIVITY_PEER_COPY:
		if (!is_hidden)
			report_peer_copy(activity);
		break;
	case SIM_ACTIVITY_SET:
		if (!is_hidden)
			report_set(activity);
		break;
	case SIM_ACTIVITY_MEMORY:
		report_memory(activity);
		break;
	case SIM_ACTIVITY_HOST:
		break;
	}
}

static void api_kind_set(CUpti_CallbackDomain domain, bool is_on)
{
	for (uint32_t cbid = 1; cbid < CUPTI_CBID_LIMIT; cbid++)
		cupti_api_switch(domain, cbid, is_on);
}

static CUptiResult kind_set(uint32_t kind, bool is_on)
{
	if (kind == CUPTI_ACTIVITY_KIND_INVALID || kind >= CUPTI_ACTIVITY_KIND_LIMIT)
		return CUPTI_ERROR_INVALID_KIND;
	if (!cupti_record_bytes(kind))
		return CUPTI_ERROR_NOT_SUPPORTED;
	if (is_on && kind == CUPTI_ACTIVITY_KIND_KERNEL &&
	    cupti_kind_is_on(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL))
		return CUPTI_ERROR_NOT_COMPATIBLE;
	if (is_on && kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL &&
	    cupti_kind_is_on(CUPTI_ACTIVITY_KIND_KERNEL))
		return CUPTI_ERROR_NOT_COMPATIBLE;
	if (kind == CUPTI_ACTIVITY_KIND_DRIVER)
		api_kind_set(CUPTI_CB_DOMAIN_DRIVER_API, is_on);
	if (kind == CUPTI_ACTIVITY_KIND_RUNTIME)
		api_kind_set(CUPTI_CB_DOMAIN_RUNTIME_API, is_on);
	atomic_store(&cupti_kinds[kind], is_on);
	return cupti_driver_attach() ? CUPTI_SUCCESS : CUPTI_ERROR_NOT_INITIALIZED;
}

CUptiResult cuptiActivityEnable(CUpti_ActivityKind kind)
{
	CUPTI_BEGIN(1108);
	return cupti_fail(kind_set(kind, true));
}

CUptiResult cuptiActivityDisable(CUpti_ActivityKind kind)
{
	CUPTI_BEGIN(1108);
	return cupti_fail(kind_set(kind, false));
}

/* Kinds are switched for the process: choosing one context is not simulated. */
CUptiResult cuptiActivityEnableContext(CUcontext context, CUpti_ActivityKind kind)
{
	(void)kind;
	CUPTI_BEGIN(1108);
	return cupti_fail(context ? CUPTI_ERROR_NOT_SUPPORTED : CUPTI_ERROR_INVALID_CONTEXT);
}

CUptiResult cuptiActivityDisableContext(CUcontext context, CUpti_ActivityKind kind)
{
	return cuptiActivityEnableContext(context, kind);
}

static CUptiResult api_set(CUpti_CallbackDomain domain, uint32_t cbid, bool is_on)
{
	if (cbid == 0 || cbid >= CUPTI_CBID_LIMIT)
		return CUPTI_ERROR_INVALID_PARAMETER;
	cupti_api_switch(domain, cbid, is_on);
	return cupti_driver_attach() ? CUPTI_SUCCESS : CUPTI_ERROR_NOT_INITIALIZED;
}

CUptiResult cuptiActivityEnableDriverApi(CUpti_CallbackId cbid, uint8_t enable)
{
	CUPTI_BEGIN(1205);
	return cupti_fail(api_set(CUPTI_CB_DOMAIN_DRIVER_API, cbid, enable));
}

CUptiResult cuptiActivityEnableRuntimeApi(CUpti_CallbackId cbid, uint8_t enable)
{
	CUPTI_BEGIN(1205);
	return cupti_fail(api_set(CUPTI_CB_DOMAIN_RUNTIME_API, cbid, enable));
}

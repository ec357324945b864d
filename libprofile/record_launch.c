/* SPDX-License-Identifier: Apache-2.0 */
/* Launches of kernels and graphs, and whether they ran or went into a stream capture. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/record.h"

#include <string.h>

#include "libprofile/context.h"
#include "libprofile/functions.h"
#include "libprofile/gpu_backend.h"
#include "libprofile/ring.h"
#include "libprofile/steps.h"

/* Captures begun and not ended in the whole process. Streams join a capture through events, so
 * while one is open the driver is asked about each stream; otherwise nobody is. */
static int32_t captures_open;

bool record_is_capturing(void)
{
	return __atomic_load_n(&captures_open, __ATOMIC_RELAXED) > 0;
}

bool record_is_captured(const struct call *call, CUstream stream)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUresult result;

	if (likely(!record_is_capturing()))
		return false;
	if (call->per_thread && real.cuStreamIsCapturing_ptsz)
		result = real.cuStreamIsCapturing_ptsz(stream, &status);
	else if (real.cuStreamIsCapturing)
		result = real.cuStreamIsCapturing(stream, &status);
	else
		return false;
	return result == CUDA_SUCCESS && status != CU_STREAM_CAPTURE_STATUS_NONE;
}

uint32_t record_stream_flags(const struct call *call, CUstream stream)
{
	return (call->per_thread ? WIRE_LAUNCH_PER_THREAD : 0) |
		(record_is_captured(call, stream) ? WIRE_LAUNCH_CAPTURED : 0);
}

void record_capture_begin(const struct call *call, CUstream stream, uint64_t mode)
{
	if (call->result == CUDA_SUCCESS)
		__atomic_fetch_add(&captures_open, 1, __ATOMIC_RELAXED);
	record_object(call, (uintptr_t)stream, 0, mode);
}

/* A capture that was invalidated ends with an error, and the call that ends it is this one. */
static bool ends_capture(CUresult result)
{
	return result == CUDA_SUCCESS || result == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED ||
		result == CUDA_ERROR_STREAM_CAPTURE_UNJOINED ||
		result == CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
}

void record_capture_end(const struct call *call, CUstream stream, CUgraph graph)
{
	int32_t open = __atomic_load_n(&captures_open, __ATOMIC_RELAXED);

	if (ends_capture(call->result) && open > 0)
		__atomic_fetch_sub(&captures_open, 1, __ATOMIC_RELAXED);
	record_object(call, (uintptr_t)stream, (uintptr_t)graph, 0);
}

void record_capture_forget(void)
{
	captures_open = 0;
}

static uint32_t launch_attributes(const CUlaunchConfig *config, uint16_t cluster[3])
{
	uint32_t flags = 0;

	for (unsigned i = 0; i < config->numAttrs && config->attrs; i++) {
		const CUlaunchAttribute *attribute = &config->attrs[i];

		switch (attribute->id) {
		case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
			flags |= attribute->value.cooperative ? WIRE_LAUNCH_COOPERATIVE : 0;
			break;
		case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
			flags |= WIRE_LAUNCH_CLUSTER;
			cluster[0] = (uint16_t)attribute->value.clusterDim.x;
			cluster[1] = (uint16_t)attribute->value.clusterDim.y;
			cluster[2] = (uint16_t)attribute->value.clusterDim.z;
			break;
		case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
			flags |= attribute->value.programmaticStreamSerializationAllowed ?
				WIRE_LAUNCH_PDL : 0;
			break;
		case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT:
			flags |= WIRE_LAUNCH_PDL_EVENT;
			break;
		case CU_LAUNCH_ATTRIBUTE_PRIORITY:
			flags |= WIRE_LAUNCH_PRIORITY;
			break;
		case CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE:
			flags |= WIRE_LAUNCH_DEVICE_UPDATABLE;
			break;
		default:
			break;
		}
	}
	return flags;
}

static void count_launch(const struct call *call, uint32_t flags)
{
	cost_launch(call->thread, call->end - call->begin, gpu_window.is_open);
	if (unlikely(!call->thread->correlation) && gpu_window_tells() &&
	    process.control->backend == WIRE_BACKEND_CUPTI && call->begin > gpu_window.since &&
	    call->result == CUDA_SUCCESS && !(flags & WIRE_LAUNCH_CAPTURED))
		process_count(WIRE_COUNTER_correlation_missing, 1);
}

void record_launch(const struct call *call, CUfunction function, const CUlaunchConfig *config,
		   uint32_t flags)
{
	struct thread *thread = call->thread;
	struct wire_launch *record;
	uint32_t id;

	context_update(call);
	/* After a failure the handle may be anything; asking the driver about it might crash. */
	id = likely(call->result == CUDA_SUCCESS) ? function_id(thread, function) :
		function_id_known(function);
	if (unlikely(!config))
		return record_plain(call);
	steps_token(call, id);
	record = ring_reserve(thread, sizeof(*record));
	if (unlikely(!record))
		return;
	record_fill(call, &record->call, WIRE_LAUNCH, sizeof(*record));
	record->stream = (uintptr_t)config->hStream;
	record->function = id;
	record->grid[0] = config->gridDimX;
	record->grid[1] = config->gridDimY;
	record->grid[2] = config->gridDimZ;
	record->block[0] = (uint16_t)config->blockDimX;
	record->block[1] = (uint16_t)config->blockDimY;
	record->block[2] = (uint16_t)config->blockDimZ;
	record->cluster[0] = record->cluster[1] = record->cluster[2] = 0;
	record->dynamic_shared_bytes = config->sharedMemBytes;
	if (config->numAttrs && call->result == CUDA_SUCCESS)
		flags |= launch_attributes(config, record->cluster);
	flags |= record_stream_flags(call, config->hStream);
	record->flags = flags;
	record->reserved = 0;
	count_launch(call, flags);
	ring_commit(thread, sizeof(*record));
}

void record_launch_legacy(const struct call *call, CUfunction function, int width, int height,
			  CUstream stream)
{
	uint16_t block[3] = { 1, 1, 1 };
	uint32_t shared = 0;
	CUlaunchConfig config = { 0 };

	function_block(function, block, &shared);
	config.gridDimX = (unsigned)width;
	config.gridDimY = (unsigned)height;
	config.gridDimZ = 1;
	config.blockDimX = block[0];
	config.blockDimY = block[1];
	config.blockDimZ = block[2];
	config.sharedMemBytes = shared;
	config.hStream = stream;
	record_launch(call, function, &config, 0);
}

/* One record for each device's kernel. */
void record_launch_many(const struct call *call, const CUDA_LAUNCH_PARAMS *list, unsigned count)
{
	for (unsigned i = 0; i < count && list; i++) {
		const CUDA_LAUNCH_PARAMS *params = &list[i];
		CUlaunchConfig config = {
			params->gridDimX, params->gridDimY, params->gridDimZ,
			params->blockDimX, params->blockDimY, params->blockDimZ,
			params->sharedMemBytes, params->hStream, NULL, 0,
		};

		record_launch(call, params->function, &config, WIRE_LAUNCH_COOPERATIVE);
	}
}

void record_graph_launch(const struct call *call, CUgraphExec graph, CUstream stream)
{
	struct thread *thread = call->thread;
	struct wire_graph_launch *record;

	context_update(call);
	steps_token(call, STEP_GRAPH);
	record = ring_reserve(thread, sizeof(*record));
	if (!record)
		return;
	record_fill(call, &record->call, WIRE_GRAPH_LAUNCH, sizeof(*record));
	record->stream = (uintptr_t)stream;
	record->graph_exec = (uintptr_t)graph;
	record->flags = record_stream_flags(call, stream);
	record->reserved = 0;
	count_launch(call, record->flags);
	ring_commit(thread, sizeof(*record));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Registering, flushing and reading activity buffers. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <string.h>
#include <unistd.h>

CUptiResult cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc requested,
					   CUpti_BuffersCallbackCompleteFunc completed)
{
	CUPTI_BEGIN(1108);
	if (!requested || !completed)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	return cupti_buffer_register(requested, completed);
}

static void hang(void)
{
	for (;;)
		pause();
}

static void report_flush(uint64_t begin_ns)
{
	struct cupti_record record;

	if (!cupti_kind_is_on(CUPTI_ACTIVITY_KIND_OVERHEAD))
		return;
	cupti_record_begin(&record, CUPTI_RECORD_overhead, CUPTI_ACTIVITY_KIND_OVERHEAD);
	PUT(&record, overhead, overheadKind, CUPTI_ACTIVITY_OVERHEAD_BUFFER_FLUSH);
	PUT(&record, overhead, objectKind, CUPTI_ACTIVITY_OBJECT_THREAD);
	PUT(&record, overhead, processId, getpid());
	PUT(&record, overhead, threadId, cupti_thread_id());
	PUT(&record, overhead, start, begin_ns);
	PUT(&record, overhead, end, cupti_now_ns());
	cupti_buffer_append(&record);
}

/*
 * Everything that has ended is delivered in either form: an operation is reported when it ends,
 * so there are no incomplete records that only a forced flush would bring.
 */
CUptiResult cuptiActivityFlushAll(uint32_t flag)
{
	uint64_t begin_ns;

	CUPTI_BEGIN(1108);
	if (atomic_load(&cupti_is_forked) ||
	    (cupti_faults.hang_flush && flag & CUPTI_ACTIVITY_FLAG_FLUSH_FORCED))
		hang();
	begin_ns = cupti_now_ns();
	cupti_driver_settle();
	if (!cupti_buffer_flush())
		return cupti_fail(CUPTI_ERROR_INVALID_OPERATION);
	report_flush(begin_ns);
	return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityFlush(CUcontext context, uint32_t streamId, uint32_t flag)
{
	(void)context;
	(void)streamId;
	return cuptiActivityFlushAll(flag);
}

/* Full buffers never wait here, so there is nothing left for a period to hasten. */
CUptiResult cuptiActivityFlushPeriod(uint32_t time_ms)
{
	(void)time_ms;
	CUPTI_BEGIN(1108);
	return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityGetNextRecord(uint8_t *buffer, size_t validBufferSizeBytes,
				       CUpti_Activity **record)
{
	size_t offset = 0;
	uint32_t kind, bytes;

	CUPTI_BEGIN(1108);
	if (!buffer || !record)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	if (*record) {
		offset = (size_t)((uint8_t *)*record - buffer);
		if (offset >= validBufferSizeBytes)
			return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
		offset += cupti_record_bytes((*record)->kind);
	}
	if (offset + sizeof(kind) > validBufferSizeBytes)
		return cupti_fail(CUPTI_ERROR_MAX_LIMIT_REACHED);
	memcpy(&kind, buffer + offset, sizeof(kind));
	bytes = cupti_record_bytes(kind);
	if (!bytes || offset + bytes > validBufferSizeBytes)
		return cupti_fail(CUPTI_ERROR_INVALID_KIND);
	*record = (CUpti_Activity *)(void *)(buffer + offset);
	return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityGetNumDroppedRecords(CUcontext context, uint32_t streamId,
					      size_t *dropped)
{
	(void)context;
	(void)streamId;
	CUPTI_BEGIN(1108);
	if (!dropped)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	*dropped = cupti_buffer_take_dropped();
	return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityGetStructSize(CUpti_ActivityKind kind, uint32_t version, size_t *size)
{
	uint32_t bytes;

	CUPTI_BEGIN(1302);
	bytes = cupti_record_version_bytes(kind, version);
	if (!size)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	if (!bytes)
		return cupti_fail(CUPTI_ERROR_INVALID_KIND);
	*size = bytes;
	return CUPTI_SUCCESS;
}

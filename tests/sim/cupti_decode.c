/* SPDX-License-Identifier: Apache-2.0 */
/* Reads activity records through the table of layouts, and prints them for comparison. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "sim/cupti_decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simcuda/cupti.h"

enum field {
#define RECORD(record, kind, header)
#define SIZE(record, since, version, bytes)
#define FIELD(record, field, offset, bytes, since) record##_##field,
#include "simcuda/cupti_records.def"
#undef FIELD
};

static const struct {
	unsigned offset, bytes;
	int since;
} fields[] = {
#define FIELD(record, field, offset, bytes, since) { offset, bytes, since },
#include "simcuda/cupti_records.def"
#undef RECORD
#undef SIZE
#undef FIELD
};

static const char *const copy_names[] = { "unknown", "HtoD", "DtoH", "HtoA", "AtoH", "AtoA", "AtoD",
	"DtoA", "DtoD", "HtoH", "PtoP" };
static const char *const memory_names[] = { "", "pageable", "pinned", "device", "array", "managed" };
static const char *const sync_names[] = { "", "event", "stream_wait", "stream", "context" };

static int release(void)
{
	const char *text = getenv("SIMCUPTI_RELEASE");
	int major = 13, minor = 0;

	if (text)
		sscanf(text, "%d.%d", &major, &minor);
	return major * 100 + minor;
}

static uint64_t get(const uint8_t *record, enum field field)
{
	uint64_t value = 0;

	if (fields[field].since <= release())
		memcpy(&value, record + fields[field].offset, fields[field].bytes);
	return value;
}
#define GET(field) ((unsigned long)get(record, field))

static long time_of(const uint8_t *record, enum field field, int64_t offset_ns)
{
	uint64_t value = get(record, field);

	return value ? (long)((int64_t)value - offset_ns) : 0;
}
#define TIME(field) time_of(record, field, offset_ns)

/* Columns: kind correlation start end device context stream graph node, then the kind's own. */
#define COMMON(kind)									\
	printf(#kind "\t%lu\t%ld\t%ld\t%lu\t%lu\t%lu\t%lu\t%lu", GET(kind##_correlationId),	\
	       TIME(kind##_start), TIME(kind##_end), GET(kind##_deviceId),			\
	       GET(kind##_contextId), GET(kind##_streamId), GET(kind##_graphId),		\
	       GET(kind##_graphNodeId))

static void print_kernel(const uint8_t *record, int64_t offset_ns)
{
	COMMON(kernel);
	printf("\t%s\t%lu,%lu,%lu\t%lu,%lu,%lu\t%lu\t%lu\n",
	       (const char *)(uintptr_t)get(record, kernel_name), GET(kernel_gridX),
	       GET(kernel_gridY), GET(kernel_gridZ), GET(kernel_blockX), GET(kernel_blockY),
	       GET(kernel_blockZ), GET(kernel_dynamicSharedMemory), GET(kernel_priority));
}

static void print_copy(const uint8_t *record, int64_t offset_ns)
{
	COMMON(memcpy);
	printf("\t%lu\t%s\t%s\t%s\t%lu\n", GET(memcpy_bytes), copy_names[GET(memcpy_copyKind)],
	       memory_names[GET(memcpy_srcKind)], memory_names[GET(memcpy_dstKind)],
	       GET(memcpy_copyCount));
}

static void print_peer_copy(const uint8_t *record, int64_t offset_ns)
{
	COMMON(memcpy2);
	printf("\t%lu\t%s\t%s\t%s\t%lu\n", GET(memcpy2_bytes), copy_names[GET(memcpy2_copyKind)],
	       memory_names[GET(memcpy2_srcKind)], memory_names[GET(memcpy2_dstKind)],
	       GET(memcpy2_dstDeviceId));
}

static void print_set(const uint8_t *record, int64_t offset_ns)
{
	COMMON(memset);
	printf("\t%lu\t%lu\n", GET(memset_bytes), GET(memset_value));
}

static void print_graph(const uint8_t *record, int64_t offset_ns)
{
	printf("graph\t%lu\t%ld\t%ld\t%lu\t%lu\t%lu\t%lu\t%lu\n", GET(graph_trace_correlationId),
	       TIME(graph_trace_start), TIME(graph_trace_end), GET(graph_trace_deviceId),
	       GET(graph_trace_contextId), GET(graph_trace_streamId), GET(graph_trace_graphId),
	       GET(graph_trace_endDeviceId));
}

static void print_sync(const uint8_t *record, int64_t offset_ns)
{
	uint32_t stream = (uint32_t)get(record, synchronization_streamId);

	printf("sync\t%lu\t%ld\t%ld\t%lu\t%u\t%s\n", GET(synchronization_correlationId),
	       TIME(synchronization_start), TIME(synchronization_end),
	       GET(synchronization_contextId),
	       stream == CUPTI_SYNCHRONIZATION_INVALID_VALUE ? 0 : stream,
	       sync_names[GET(synchronization_type)]);
}

static void print_call(const uint8_t *record, int64_t offset_ns)
{
	printf("api\t%lu\t%ld\t%ld\t%lu\t%lu\t%lu\t%lu\t%lu\n", GET(api_correlationId),
	       TIME(api_start), TIME(api_end), GET(api_kind), GET(api_cbid), GET(api_processId),
	       GET(api_threadId), GET(api_returnValue));
}

static void print_memory(const uint8_t *record, int64_t offset_ns)
{
	static const char *const operations[] = { "", "alloc", "free" };

	printf("memory\t%lu\t%s\t%ld\t%lu\t%lu\t0x%lx\t%s\t%lu\n", GET(memory_correlationId),
	       operations[GET(memory_memoryOperationType)], TIME(memory_timestamp),
	       GET(memory_contextId), GET(memory_bytes), GET(memory_address),
	       memory_names[GET(memory_memoryKind)], GET(memory_isAsync));
}

void cupti_record_print(const uint8_t *record, int64_t offset_ns)
{
	switch (GET(kernel_kind)) {
	case CUPTI_ACTIVITY_KIND_KERNEL:
	case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
		print_kernel(record, offset_ns);
		break;
	case CUPTI_ACTIVITY_KIND_MEMCPY:
		print_copy(record, offset_ns);
		break;
	case CUPTI_ACTIVITY_KIND_MEMCPY2:
		print_peer_copy(record, offset_ns);
		break;
	case CUPTI_ACTIVITY_KIND_MEMSET:
		print_set(record, offset_ns);
		break;
	case CUPTI_ACTIVITY_KIND_GRAPH_TRACE:
		print_graph(record, offset_ns);
		break;
	case CUPTI_ACTIVITY_KIND_SYNCHRONIZATION:
		print_sync(record, offset_ns);
		break;
	case CUPTI_ACTIVITY_KIND_DRIVER:
	case CUPTI_ACTIVITY_KIND_RUNTIME:
		print_call(record, offset_ns);
		break;
	case CUPTI_ACTIVITY_KIND_MEMORY2:
		print_memory(record, offset_ns);
		break;
	case CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION:
		printf("external\t%lu\t%lu\t%lx\n", GET(external_correlation_correlationId),
		       GET(external_correlation_externalKind), GET(external_correlation_externalId));
		break;
	default:
		printf("overhead\t%lu\t%lu\n", GET(overhead_kind), GET(overhead_overheadKind));
	}
}

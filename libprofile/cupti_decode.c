/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activity records into GPU_* records. CUPTI writes the newest layout it knows, whatever a client
 * was built with, and newer layouts only append; so fields are read at fixed offsets, those of
 * later layouts only where the library's records are known to be long enough.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/cupti.h"

#include <string.h>
#include <time.h>

#include "libprofile/functions.h"
#include "libprofile/ring.h"

#define NAMES_SIZE 65536u		/* power of two */
#define POINTERS_SIZE 8192u		/* power of two */
#define NAME_MAX_BYTES 8192u
#define WAIT_STEPS 200

enum {
#define FIELD(record, field, offset, bytes, first) \
	AT_##record##_##field = offset, \
	BYTES_##record##_##field = bytes, \
	FIRST_##record##_##field = first,
#include "libprofile/cupti_layout.def"
#undef FIELD
};

/* Names by content; ids are places in the order of first sight. */
static struct name { uint64_t hash; uint32_t id; } *names;
static uint32_t name_count;
/* The same by address, valid until a module goes and the address may hold another name. */
static struct pointer { const char *address; uint32_t id, generation; } *pointers;
static bool consumer_is_gone;
static uint16_t edge_flag;		/* of the record being decoded: WIRE_GPU_EDGE or 0 */

/* Bytes of a kernel record as this library writes it. Version 18 is 11.8 or 12.0; the smaller is
 * right for what is read here. */
static uint32_t kernel_bytes(void)
{
	static const struct { uint32_t version, bytes; } sizes[] = {
		{ 130100, 224 }, { 130000, 216 }, { 20, 208 }, { 18, 200 }, { 17, 176 }, { 0, 168 },
	};
	unsigned row = 0;

	while (cupti.version < sizes[row].version)
		row++;
	return sizes[row].bytes;
}

static uint64_t load(const uint8_t *record, unsigned offset, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, record + offset, bytes);	/* both architectures are little endian */
	return value;
}

#define GET(record, kind, field) load(record, AT_##kind##_##field, BYTES_##kind##_##field)
#define GET_IF(record, kind, field, size) \
	((size) >= FIRST_##kind##_##field ? GET(record, kind, field) : 0)

/* Waits for the consumer a little, which is harmless on this thread; once it did not come, no
 * more until it has read something. */
void *gpu_record_reserve(uint32_t bytes)
{
	struct thread *thread = thread_self;
	struct timespec pause = { 0, 1000000 };

	if (!thread || !thread->ring)
		return NULL;
	for (int i = 0; thread->head + bytes - thread->tail_seen > thread->ring_bytes; i++) {
		uint64_t tail = __atomic_load_n(&thread->ring->tail, __ATOMIC_ACQUIRE);

		if (tail != thread->tail_seen) {
			thread->tail_seen = tail;
			consumer_is_gone = false;
			continue;
		}
		if (consumer_is_gone || i >= WAIT_STEPS) {
			consumer_is_gone = true;
			return NULL;
		}
		nanosleep(&pause, NULL);
	}
	return ring_reserve(thread, bytes);
}

void gpu_record_commit(uint32_t bytes)
{
	ring_commit(thread_self, bytes);
}

static bool send_name(uint32_t id, const char *name, size_t length)
{
	uint32_t bytes = (uint32_t)(sizeof(struct wire_def_string) + length + 1 + 7) & ~7u;
	struct wire_def_string *def = gpu_record_reserve(bytes);

	if (!def)
		return false;
	memset((char *)def + bytes - 8, 0, 8);
	def->head = (struct wire_head){ .bytes = (uint16_t)bytes, .kind = WIRE_DEF_STRING };
	def->string = id;
	def->text_bytes = (uint32_t)length + 1;
	memcpy(def->text, name, length);
	def->text[length] = '\0';
	ring_commit(thread_self, bytes);
	return true;
}

uint32_t gpu_record_name(const char *name)
{
	size_t length = strnlen(name, NAME_MAX_BYTES - 1);
	uint64_t hash = util_hash(name, length) | 1;
	uint32_t slot = (uint32_t)(hash >> 20) % NAMES_SIZE;

	for (; names[slot].hash; slot = (slot + 1) % NAMES_SIZE)
		if (names[slot].hash == hash)
			return names[slot].id;
	if (name_count >= NAMES_SIZE / 4 * 3) {
		process_count(WIRE_COUNTER_table_full, 1);
		return 0;
	}
	if (!send_name(name_count + 1, name, length))
		return 0;
	names[slot].hash = hash;
	names[slot].id = ++name_count;
	return names[slot].id;
}

static uint32_t name_id(const char *name)
{
	uint32_t generation = __atomic_load_n(&functions_generation, __ATOMIC_ACQUIRE);
	uint32_t slot = (uint32_t)((uintptr_t)name * 0x9e3779b97f4a7c15ull >> 40) % POINTERS_SIZE;

	if (!name)
		return 0;
	if (pointers[slot].address != name || pointers[slot].generation != generation ||
	    !pointers[slot].id) {
		pointers[slot].id = gpu_record_name(name);
		pointers[slot].address = name;
		pointers[slot].generation = generation;
	}
	return pointers[slot].id;
}

static void fill_gpu(struct wire_gpu *gpu, enum wire_kind kind, uint32_t bytes)
{
	bool is_bad = !gpu->start || !gpu->end || gpu->end < gpu->start;

	gpu->head = (struct wire_head){
		.bytes = (uint16_t)bytes, .kind = (uint16_t)kind,
		.result = (uint16_t)((is_bad ? WIRE_GPU_BAD_TIME : 0) | edge_flag),
	};
	gpu->excess_ns = 0;
	if (is_bad)
		process_count(WIRE_COUNTER_cupti_bad_times, 1);
}

#define FILL_WHERE(record, source, kind) do {						\
	(record)->gpu.start = GET(source, kind, start);					\
	(record)->gpu.end = GET(source, kind, end);					\
	(record)->gpu.correlation = (uint32_t)GET(source, kind, correlation);		\
	(record)->gpu.device = (uint32_t)GET(source, kind, device);			\
	(record)->gpu.context = (uint32_t)GET(source, kind, context);			\
	(record)->gpu.stream = (uint32_t)GET(source, kind, stream);			\
	(record)->gpu.graph = (uint32_t)GET(source, kind, graph);			\
} while (0)

#define FILL_GPU(record, source, kind, wire) do {					\
	FILL_WHERE(record, source, kind);						\
	(record)->gpu.graph_node = GET(source, kind, graph_node);			\
	fill_gpu(&(record)->gpu, wire, sizeof(*(record)));				\
} while (0)

static bool decode_kernel(const uint8_t *source)
{
	uint32_t name = name_id((const char *)(uintptr_t)GET(source, KERNEL, name));
	struct wire_gpu_kernel *record = gpu_record_reserve(sizeof(*record));
	uint32_t size = kernel_bytes();

	if (!record)
		return false;
	FILL_GPU(record, source, KERNEL, WIRE_GPU_KERNEL);
	if (GET_IF(source, KERNEL, device_launched, size))
		record->gpu.head.result |= WIRE_GPU_DEVICE_LAUNCHED;
	record->name = name;
	record->grid[0] = (uint32_t)GET(source, KERNEL, grid_x);
	record->grid[1] = (uint32_t)GET(source, KERNEL, grid_y);
	record->grid[2] = (uint32_t)GET(source, KERNEL, grid_z);
	record->block[0] = (uint16_t)GET(source, KERNEL, block_x);
	record->block[1] = (uint16_t)GET(source, KERNEL, block_y);
	record->block[2] = (uint16_t)GET(source, KERNEL, block_z);
	record->registers = (uint16_t)GET(source, KERNEL, registers);
	record->static_shared_bytes = (uint32_t)GET(source, KERNEL, static_shared);
	record->dynamic_shared_bytes = (uint32_t)GET(source, KERNEL, dynamic_shared);
	record->local_bytes = (uint32_t)GET(source, KERNEL, local_per_thread);
	record->cluster[0] = (uint16_t)GET_IF(source, KERNEL, cluster_x, size);
	record->cluster[1] = (uint16_t)GET_IF(source, KERNEL, cluster_y, size);
	record->cluster[2] = (uint16_t)GET_IF(source, KERNEL, cluster_z, size);
	record->launch_type = (uint8_t)GET(source, KERNEL, launch_type);
	record->priority_known = size >= FIRST_KERNEL_priority;
	record->priority = (int32_t)GET_IF(source, KERNEL, priority, size);
	record->shared_executed_bytes = (uint32_t)GET(source, KERNEL, shared_executed);
	ring_commit(thread_self, sizeof(*record));
	return true;
}

#define FILL_COPY(record, source, kind) do {						\
	FILL_GPU(record, source, kind, WIRE_GPU_COPY);					\
	(record)->bytes = GET(source, kind, size);					\
	(record)->copy_kind = (uint8_t)GET(source, kind, copy_kind);			\
	(record)->source_kind = (uint8_t)GET(source, kind, source_kind);		\
	(record)->destination_kind = (uint8_t)GET(source, kind, destination_kind);	\
	(record)->is_async = GET(source, kind, flags) & 1;				\
	(record)->peer_device = UINT32_MAX;						\
} while (0)

static bool decode_copy(const uint8_t *source, bool is_peer)
{
	struct wire_gpu_copy *record = gpu_record_reserve(sizeof(*record));

	if (!record)
		return false;
	if (is_peer) {
		FILL_COPY(record, source, PEER);
		record->peer_device = (uint32_t)GET(source, PEER, peer_device);
	} else {
		FILL_COPY(record, source, COPY);
	}
	ring_commit(thread_self, sizeof(*record));
	return true;
}

static bool decode_set(const uint8_t *source)
{
	struct wire_gpu_set *record = gpu_record_reserve(sizeof(*record));

	if (!record)
		return false;
	FILL_GPU(record, source, SET, WIRE_GPU_SET);
	record->bytes = GET(source, SET, size);
	record->value = (uint32_t)GET(source, SET, value);
	record->memory_kind = (uint32_t)GET(source, SET, memory_kind);
	ring_commit(thread_self, sizeof(*record));
	return true;
}

/* A graph launch as a whole is told of as if the graph were one kernel: so it is counted, timed and
 * shown wherever kernels are. */
static bool decode_graph(const uint8_t *source)
{
	char text[32];
	size_t at = util_append(text, 0, sizeof(text), "graph#");
	struct wire_gpu_kernel *record;
	uint32_t name;

	util_append_number(text, at, sizeof(text), GET(source, GRAPH, graph));
	name = gpu_record_name(text);
	record = gpu_record_reserve(sizeof(*record));
	if (!record)
		return false;
	memset(record, 0, sizeof(*record));
	FILL_WHERE(record, source, GRAPH);
	fill_gpu(&record->gpu, WIRE_GPU_KERNEL, sizeof(*record));
	record->name = name;
	ring_commit(thread_self, sizeof(*record));
	return true;
}

/* Whether it was launched while its detail was on: for other work nobody waits. */
static enum gpu_watched is_watched(const uint8_t *record)
{
	static const uint8_t offsets[] = {
		[CUPTI_KIND_CONCURRENT_KERNEL] = AT_KERNEL_correlation,
		[CUPTI_KIND_MEMCPY] = AT_COPY_correlation,
		[CUPTI_KIND_MEMCPY2] = AT_PEER_correlation,
		[CUPTI_KIND_MEMSET] = AT_SET_correlation,
		[CUPTI_KIND_GRAPH_TRACE] = AT_GRAPH_correlation,
	};
	uint32_t kind = (uint32_t)load(record, 0, 4);

	return kind < sizeof(offsets) && offsets[kind] ?
		gpu_window_had((uint32_t)load(record, offsets[kind], 4)) : GPU_WATCHED;
}

void cupti_decode(const uint8_t *record)
{
	bool is_sent;

	process_count(WIRE_COUNTER_cupti_records, 1);
	edge_flag = 0;
	switch (is_watched(record)) {
	case GPU_UNWATCHED:
		process_count(WIRE_COUNTER_gpu_unwatched, 1);
		return;
	case GPU_WATCHED_EDGE:
		edge_flag = WIRE_GPU_EDGE;
		break;
	case GPU_WATCHED:
		break;
	}
	switch ((int)load(record, 0, 4)) {
	case CUPTI_KIND_CONCURRENT_KERNEL:
		is_sent = decode_kernel(record);
		break;
	case CUPTI_KIND_MEMCPY:
		is_sent = decode_copy(record, false);
		break;
	case CUPTI_KIND_MEMCPY2:
		is_sent = decode_copy(record, true);
		break;
	case CUPTI_KIND_MEMSET:
		is_sent = decode_set(record);
		break;
	case CUPTI_KIND_GRAPH_TRACE:
		is_sent = decode_graph(record);
		break;
	default:
		process_count(WIRE_COUNTER_cupti_unknown, 1);
		return;
	}
	if (!is_sent)
		process_count(WIRE_COUNTER_lost_gpu_records, 1);
}

bool gpu_record_start(void)
{
	if (names)
		return true;		/* attached again */
	names = util_map(NAMES_SIZE * sizeof(*names));
	pointers = util_map(POINTERS_SIZE * sizeof(*pointers));
	return names && pointers;
}

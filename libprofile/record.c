/* SPDX-License-Identifier: Apache-2.0 */
/* Records without launch or copy arguments: plain calls, objects, memory, counted calls. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/record.h"

#include "libprofile/context.h"
#include "libprofile/gpu_backend.h"
#include "libprofile/ranges.h"
#include "libprofile/ring.h"

#include <string.h>

void record_fill(const struct call *call, struct wire_call *record, enum wire_kind kind,
		 uint32_t bytes)
{
	const struct thread *thread = call->thread;

	record->head = (struct wire_head){
		.bytes = (uint16_t)bytes,
		.kind = (uint16_t)kind,
		.api = call->api,
		.result = (uint16_t)call->result,
	};
	record->begin = call->begin;
	record->end = call->end;
	record->native_path = call->native_path;
	record->python_path = call->python_path;
	record->correlation = gpu_window_has(thread->correlation) ? thread->correlation : 0;
	record->context = thread->context;
}

void record_plain(const struct call *call)
{
	struct thread *thread = call->thread;
	struct wire_call *record;

	context_update(call);
	record = ring_reserve(thread, sizeof(*record));
	if (!record)
		return;
	record_fill(call, record, WIRE_CALL, sizeof(*record));
	ring_commit(thread, sizeof(*record));
}

/* Tier 2: a sum per entry point; only a failure is worth a record. */
void record_counted(struct call *call)
{
	struct wire_api_stat *stat = &process.control->api[call->api];

	__atomic_fetch_add(&stat->calls, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&stat->ticks, call->end - call->begin, __ATOMIC_RELAXED);
	if (unlikely(call->thread->graph_node_count))
		call_path(call);
	if (!call_failed(call))
		return;
	__atomic_fetch_add(&stat->failed, 1, __ATOMIC_RELAXED);
	call_path(call);
	record_plain(call);
}

void record_object(const struct call *call, uint64_t object, uint64_t second, uint64_t value)
{
	struct thread *thread = call->thread;
	struct wire_object *record;

	context_update(call);
	record = ring_reserve(thread, sizeof(*record));
	if (!record)
		return;
	record_fill(call, &record->call, WIRE_OBJECT, sizeof(*record));
	record->object = object;
	record->second = second;
	record->value = value;
	ring_commit(thread, sizeof(*record));
}

/* Host memory that the driver knows, for later copies. Device memory comes and goes too often for
 * a sorted table, and most copies say by their name that a side is on the device. */
static void note_range(enum wire_memory_op op, enum wire_memory_kind kind, uint64_t address,
		       uint64_t bytes)
{
	static const uint8_t kinds[] = {
		[WIRE_MEMORY_MANAGED] = KIND_MANAGED, [WIRE_MEMORY_HOST] = KIND_PINNED,
		[WIRE_MEMORY_HOST_REGISTERED] = KIND_PINNED,
	};
	enum memory_kind range = kind < sizeof(kinds) ? (enum memory_kind)kinds[kind] : KIND_UNKNOWN;

	if (op == WIRE_MEMORY_FREE && kind == WIRE_MEMORY_DEVICE && ranges_find(address))
		ranges_remove(address);		/* managed memory is freed as device memory is */
	if (range == KIND_UNKNOWN)
		return;
	if (op == WIRE_MEMORY_ALLOC)
		ranges_add(address, bytes, range);
	else if (op == WIRE_MEMORY_FREE)
		ranges_remove(address);
}

void record_memory(const struct call *call, enum wire_memory_op op, enum wire_memory_kind kind,
		   uint64_t address, uint64_t bytes, uint64_t stream, uint64_t pool)
{
	struct thread *thread = call->thread;
	struct wire_memory *record;

	if (call->result == CUDA_SUCCESS)
		note_range(op, kind, address, bytes);
	context_update(call);
	record = ring_reserve(thread, sizeof(*record));
	if (!record)
		return;
	record_fill(call, &record->call, WIRE_MEMORY, sizeof(*record));
	record->address = address;
	record->bytes = bytes;
	record->stream = stream;
	record->pool = pool;
	record->op = (uint8_t)op;
	record->kind = (uint8_t)kind;
	record->flags = call->per_thread ? WIRE_LAUNCH_PER_THREAD : 0;
	if (kind == WIRE_MEMORY_DEVICE_ASYNC &&
	    record_is_captured(call, (CUstream)(uintptr_t)stream))
		record->flags |= WIRE_LAUNCH_CAPTURED;
	record->reserved = 0;
	ring_commit(thread, sizeof(*record));
}

/* Longer texts are cut: they are names of files. */
#define TEXT_BYTES_MAX 1023u

/* The length of a text argument; after a failure the program's pointer may lead nowhere. */
static uint64_t text_length(const struct call *call, const struct argument *argument)
{
	return argument->at && call->result == CUDA_SUCCESS ? strnlen(argument->at, TEXT_BYTES_MAX)
							    : 0;
}

void record_arguments(const struct call *call, const char *names, const struct argument *arguments,
		      uint32_t count)
{
	struct thread *thread = call->thread;
	uint32_t names_bytes = (uint32_t)strlen(names) + 1, texts = 0;
	uint64_t value[WIRE_ARGUMENTS_MAX] = { 0 };
	uint64_t bytes = sizeof(struct wire_arguments) + count * sizeof(*value) + names_bytes;
	struct wire_arguments *record;
	char *text;

	for (uint32_t i = 0; i < count; i++) {
		if (arguments[i].bytes) {
			memcpy(&value[i], arguments[i].at, arguments[i].bytes);
			continue;
		}
		value[i] = text_length(call, &arguments[i]);
		texts |= 1u << i;
		bytes += value[i];
	}
	bytes = (bytes + 7) & ~7ull;
	record = ring_reserve(thread, (uint32_t)bytes);
	if (!record)
		return;
	record_fill(call, &record->call, WIRE_ARGUMENTS, (uint32_t)bytes);
	record->count = count;
	record->texts = texts;
	record->names_bytes = names_bytes;
	record->reserved = 0;
	memcpy(record->value, value, count * sizeof(*value));
	text = (char *)(record->value + count);
	memcpy(text, names, names_bytes);
	text += names_bytes;
	for (uint32_t i = 0; i < count; i++) {
		if (texts >> i & 1 && value[i]) {
			memcpy(text, arguments[i].at, value[i]);
			text += value[i];
		}
	}
	ring_commit(thread, (uint32_t)bytes);
}

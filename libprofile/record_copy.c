/* SPDX-License-Identifier: Apache-2.0 */
/* Copies and sets, one record per copy, whatever the shape of the call's arguments. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/record.h"

#include "libprofile/context.h"
#include "libprofile/ranges.h"
#include "libprofile/ring.h"
#include "libprofile/steps.h"

/* A batch larger than this ends with one record for all the rest, so that it cannot fill the
 * ring by itself. */
#define BATCH_RECORDS 1024u

struct copy {
	enum copy_kind kind;
	enum memory_kind source_kind, destination_kind;
	uint64_t source, destination, bytes;
	CUstream stream;
	int is_async;
};

/* What the name of the entry point says; KIND_PAGEABLE may turn out to be pinned. */
static const struct { uint8_t source, destination; } sides[] = {
	[COPY_UNKNOWN] = { KIND_UNKNOWN, KIND_UNKNOWN },
	[COPY_HTOD] = { KIND_PAGEABLE, KIND_DEVICE },
	[COPY_DTOH] = { KIND_DEVICE, KIND_PAGEABLE },
	[COPY_HTOA] = { KIND_PAGEABLE, KIND_ARRAY },
	[COPY_ATOH] = { KIND_ARRAY, KIND_PAGEABLE },
	[COPY_ATOA] = { KIND_ARRAY, KIND_ARRAY },
	[COPY_ATOD] = { KIND_ARRAY, KIND_DEVICE },
	[COPY_DTOA] = { KIND_DEVICE, KIND_ARRAY },
	[COPY_DTOD] = { KIND_DEVICE, KIND_DEVICE },
	[COPY_HTOH] = { KIND_PAGEABLE, KIND_PAGEABLE },
	[COPY_PTOP] = { KIND_DEVICE, KIND_DEVICE },
};

static void emit(const struct call *call, const struct copy *copy)
{
	struct thread *thread = call->thread;
	struct wire_copy *record;

	context_update(call);
	steps_token(call, STEP_COPY | (uint32_t)copy->kind);
	record = ring_reserve(thread, sizeof(*record));
	if (!record)
		return;
	record_fill(call, &record->call, WIRE_COPY, sizeof(*record));
	record->stream = (uintptr_t)copy->stream;
	record->destination = copy->destination;
	record->source = copy->source;
	record->bytes = copy->bytes;
	record->copy_kind = (uint8_t)copy->kind;
	record->source_kind = (uint8_t)copy->source_kind;
	record->destination_kind = (uint8_t)copy->destination_kind;
	record->is_async = (uint8_t)copy->is_async;
	record->flags = record_stream_flags(call, copy->stream);
	ring_commit(thread, sizeof(*record));
}

static enum copy_kind kind_of(enum memory_kind source, enum memory_kind destination)
{
	static const uint8_t kinds[3][3] = {	/* host, device, array */
		{ COPY_HTOH, COPY_HTOD, COPY_HTOA },
		{ COPY_DTOH, COPY_DTOD, COPY_DTOA },
		{ COPY_ATOH, COPY_ATOD, COPY_ATOA },
	};
	static const int8_t sides_of[] = {
		[KIND_UNKNOWN] = -1, [KIND_PAGEABLE] = 0, [KIND_PINNED] = 0, [KIND_DEVICE] = 1,
		[KIND_ARRAY] = 2, [KIND_MANAGED] = 1,
	};
	int from = sides_of[source], to = sides_of[destination];

	return from < 0 || to < 0 ? COPY_UNKNOWN : (enum copy_kind)kinds[from][to];
}

static enum memory_kind host_kind(uint64_t address)
{
	enum memory_kind kind = ranges_find(address);

	return kind == KIND_UNKNOWN ? KIND_PAGEABLE : kind;
}

void record_copy(const struct call *call, enum copy_kind kind, uint64_t destination,
		 uint64_t source, uint64_t bytes, CUstream stream, int is_async)
{
	enum memory_kind from = (enum memory_kind)sides[kind].source;
	enum memory_kind to = (enum memory_kind)sides[kind].destination;
	struct copy copy = {
		.kind = kind,
		.source_kind = from != KIND_PAGEABLE ? from : host_kind(source),
		.destination_kind = to != KIND_PAGEABLE ? to : host_kind(destination),
		.source = source, .destination = destination, .bytes = bytes,
		.stream = stream, .is_async = is_async,
	};

	if (kind == COPY_UNKNOWN) {
		copy.source_kind = ranges_find(source);
		copy.destination_kind = ranges_find(destination);
	}
	emit(call, &copy);
}

struct copy_side {
	enum memory_kind kind;
	uint64_t address;
};

/* One side of a 2D or 3D copy. */
static struct copy_side side_of(CUmemorytype type, const void *host, uint64_t device, CUarray array)
{
	switch (type) {
	case CU_MEMORYTYPE_HOST:
		return (struct copy_side){ KIND_PAGEABLE, (uintptr_t)host };
	case CU_MEMORYTYPE_DEVICE:
		return (struct copy_side){ KIND_DEVICE, device };
	case CU_MEMORYTYPE_ARRAY:
		return (struct copy_side){ KIND_ARRAY, (uintptr_t)array };
	default:
		return (struct copy_side){ KIND_UNKNOWN, device };
	}
}

static void emit_sides(const struct call *call, struct copy_side from, struct copy_side to,
		       uint64_t bytes, CUstream stream, int is_async)
{
	enum copy_kind kind = kind_of(from.kind, to.kind);

	record_copy(call, kind, to.address, from.address, bytes, stream, is_async);
}

#define SOURCE(copy) \
	side_of((copy)->srcMemoryType, (copy)->srcHost, (copy)->srcDevice, (copy)->srcArray)
#define DESTINATION(copy) \
	side_of((copy)->dstMemoryType, (copy)->dstHost, (copy)->dstDevice, (copy)->dstArray)
#define AREA(copy) ((uint64_t)(copy)->WidthInBytes * (copy)->Height)
#define VOLUME(copy) (AREA(copy) * (copy)->Depth)
#define RECORD_SHAPED(name, type, size)							\
	void name(const struct call *call, const type *copy, CUstream stream, int is_async)	\
	{											\
		if (copy)									\
			emit_sides(call, SOURCE(copy), DESTINATION(copy), size(copy), stream,	\
				   is_async);							\
		else										\
			record_plain(call);							\
	}

RECORD_SHAPED(record_copy_2d, CUDA_MEMCPY2D, AREA)
RECORD_SHAPED(record_copy_2d_v1, CUDA_MEMCPY2D_v1, AREA)
RECORD_SHAPED(record_copy_3d, CUDA_MEMCPY3D, VOLUME)
RECORD_SHAPED(record_copy_3d_v1, CUDA_MEMCPY3D_v1, VOLUME)
RECORD_SHAPED(record_copy_3d_peer, CUDA_MEMCPY3D_PEER, VOLUME)

void record_copy_batch(const struct call *call, const CUdeviceptr *destinations,
		       const CUdeviceptr *sources, const size_t *bytes, size_t count,
		       CUstream stream)
{
	if (!destinations || !sources || !bytes)
		return record_plain(call);
	for (size_t i = 0; i < count && i < BATCH_RECORDS; i++) {
		uint64_t sum = 0;
		size_t end = i + 1 < BATCH_RECORDS ? i + 1 : count;

		for (size_t k = i; k < end; k++)
			sum += bytes[k];
		record_copy(call, COPY_UNKNOWN, destinations[i], sources[i], sum, stream, ASYNC);
	}
}

static struct copy_side operand(const CUmemcpy3DOperand *operand)
{
	if (operand->type == CU_MEMCPY_OPERAND_TYPE_ARRAY)
		return (struct copy_side){ KIND_ARRAY, (uintptr_t)operand->op.array.array };
	return (struct copy_side){ KIND_UNKNOWN, operand->op.ptr.ptr };
}

void record_copy_3d_batch(const struct call *call, const CUDA_MEMCPY3D_BATCH_OP *list, size_t count,
			  CUstream stream)
{
	if (!list)
		return record_plain(call);
	for (size_t i = 0; i < count && i < BATCH_RECORDS; i++) {
		uint64_t bytes = 0;
		size_t end = i + 1 < BATCH_RECORDS ? i + 1 : count;

		for (size_t k = i; k < end; k++)
			bytes += (uint64_t)list[k].extent.width * list[k].extent.height *
				 list[k].extent.depth;
		emit_sides(call, operand(&list[i].src), operand(&list[i].dst), bytes, stream, ASYNC);
	}
}

void record_set(const struct call *call, uint64_t destination, uint32_t value, uint64_t bytes,
		CUstream stream, int is_async)
{
	struct thread *thread = call->thread;
	struct wire_set *record;

	context_update(call);
	record = ring_reserve(thread, sizeof(*record));
	if (!record)
		return;
	record_fill(call, &record->call, WIRE_SET, sizeof(*record));
	record->stream = (uintptr_t)stream;
	record->destination = destination;
	record->bytes = bytes;
	record->value = value;
	record->memory_kind = KIND_DEVICE;
	record->is_async = (uint8_t)is_async;
	record->flags = (uint16_t)record_stream_flags(call, stream);
	ring_commit(thread, sizeof(*record));
}

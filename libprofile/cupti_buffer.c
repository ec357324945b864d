/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed pool of buffers for CUPTI. It asks for one on the program's threads, so giving one is a
 * single atomic operation; it returns them full on a thread of its own, where nothing may block,
 * so they are only put on a list that the flush thread takes.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/cupti.h"

#include <string.h>
#include <sys/mman.h>

#define BUFFERS 32u
#define BUFFER_BYTES (1u << 20)

static uint8_t *memory;			/* BUFFERS of them and one to throw away */
static uint32_t free_mask;		/* a set bit is a free buffer */
static struct {
	size_t valid_bytes;
	CUcontext context;
	uint32_t stream;
	uint32_t next;			/* 1 + index, 0 ends the list */
} completed[BUFFERS];
static uint32_t completed_head;

bool cupti_buffers_make(void)
{
	void *bytes;

	if (memory)
		return true;
	bytes = mmap(NULL, (size_t)(BUFFERS + 1) * BUFFER_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return false;
	memory = bytes;
	__atomic_store_n(&free_mask, UINT32_MAX, __ATOMIC_RELEASE);
	return true;
}

void cupti_buffer_give(uint8_t **buffer, size_t *bytes, size_t *records)
{
	uint32_t mask = __atomic_load_n(&free_mask, __ATOMIC_ACQUIRE);
	uint32_t index = BUFFERS;

	*records = 0;
	while (mask) {
		uint32_t bit = (uint32_t)__builtin_ctz(mask);

		if (__atomic_compare_exchange_n(&free_mask, &mask, mask & ~(1u << bit), false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			index = bit;
			break;
		}
	}
	*bytes = BUFFER_BYTES;
	*buffer = memory + (size_t)index * BUFFER_BYTES;
	if (index < BUFFERS)
		return;
	process_count(WIRE_COUNTER_lost_gpu_buffers, 1);
	if (cupti.version >= CUPTI_VERSION_NULL_BUFFER) {
		*buffer = NULL;
		*bytes = 0;
	}
}

void cupti_buffer_take(CUcontext context, uint32_t stream, uint8_t *buffer, size_t bytes,
		       size_t valid_bytes)
{
	size_t offset = (size_t)(buffer - memory);
	uint32_t index = (uint32_t)(offset / BUFFER_BYTES);
	uint32_t head;

	(void)bytes;
	if (!buffer || offset >= (size_t)BUFFERS * BUFFER_BYTES)
		return;
	completed[index].valid_bytes = valid_bytes;
	completed[index].context = context;
	completed[index].stream = stream;
	head = __atomic_load_n(&completed_head, __ATOMIC_RELAXED);
	do {
		completed[index].next = head;
	} while (!__atomic_compare_exchange_n(&completed_head, &head, index + 1, true,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static void drain_one(uint32_t index)
{
	uint8_t *buffer = memory + (size_t)index * BUFFER_BYTES;
	size_t valid_bytes = completed[index].valid_bytes, dropped = 0;
	uint8_t *record = NULL;

	while (valid_bytes && cupti.ActivityGetNextRecord(buffer, valid_bytes, &record) == CUPTI_OK)
		cupti_decode(record);
	if (!cupti.ActivityGetNumDroppedRecords(completed[index].context, completed[index].stream,
						&dropped) && dropped)
		process_count(WIRE_COUNTER_cupti_dropped, dropped);
	__atomic_fetch_or(&free_mask, 1u << index, __ATOMIC_RELEASE);
}

void cupti_buffers_drain(void)
{
	uint32_t next = __atomic_exchange_n(&completed_head, 0, __ATOMIC_ACQ_REL);

	while (next) {
		uint32_t index = next - 1;

		next = completed[index].next;
		drain_one(index);
	}
}

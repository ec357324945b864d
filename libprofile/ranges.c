/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations by address, sorted. Readers never wait: they look while writers may be at it and
 * look again when the sequence number tells that one was. Beyond the table's size allocations are
 * not noted and count as table_full.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/ranges.h"

#include <string.h>

#define RANGES_MAX 16384u
#define READ_TRIES 100

struct range {
	uint64_t begin, end;
	uint64_t kind;
};

static struct range *ranges;
static uint32_t range_count;
static uint32_t sequence;		/* odd while a writer is at it */
static struct spinlock lock;

void ranges_start(void)
{
	if (!ranges)
		ranges = util_map(RANGES_MAX * sizeof(*ranges));
}

/* Index of the first range that begins above the address. */
static uint32_t above(uint64_t address)
{
	uint32_t low = 0, high = __atomic_load_n(&range_count, __ATOMIC_RELAXED);

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (__atomic_load_n(&ranges[middle].begin, __ATOMIC_RELAXED) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void write_begin(void)
{
	spin_lock(&lock);
	__atomic_store_n(&sequence, sequence | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void write_end(void)
{
	__atomic_store_n(&sequence, (sequence | 1) + 1, __ATOMIC_RELEASE);
	spin_unlock(&lock);
}

void ranges_add(uint64_t address, uint64_t bytes, enum memory_kind kind)
{
	uint32_t at;

	if (!ranges || !address || !bytes)
		return;
	write_begin();
	at = above(address);
	if (at && ranges[at - 1].begin == address) {
		ranges[at - 1].end = address + bytes;
		ranges[at - 1].kind = kind;
	} else if (range_count < RANGES_MAX) {
		memmove(&ranges[at + 1], &ranges[at], (range_count - at) * sizeof(*ranges));
		ranges[at] = (struct range){ address, address + bytes, kind };
		range_count++;
	} else {
		process_count(WIRE_COUNTER_table_full, 1);
	}
	write_end();
}

void ranges_remove(uint64_t address)
{
	uint32_t at;

	if (!ranges || !address)
		return;
	write_begin();
	at = above(address);
	if (at && ranges[at - 1].begin == address) {
		memmove(&ranges[at - 1], &ranges[at], (range_count - at) * sizeof(*ranges));
		range_count--;
	}
	write_end();
}

enum memory_kind ranges_find(uint64_t address)
{
	for (int i = 0; ranges && i < READ_TRIES; i++) {
		uint32_t before = __atomic_load_n(&sequence, __ATOMIC_ACQUIRE);
		enum memory_kind kind = KIND_UNKNOWN;
		uint32_t at = above(address);

		if (at && address < __atomic_load_n(&ranges[at - 1].end, __ATOMIC_RELAXED))
			kind = (enum memory_kind)__atomic_load_n(&ranges[at - 1].kind,
								 __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(before & 1) && __atomic_load_n(&sequence, __ATOMIC_RELAXED) == before)
			return kind;
	}
	return KIND_UNKNOWN;
}

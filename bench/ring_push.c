/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pushes argv[1] records of 128 bytes into a ring in private memory, for counting instructions:
 * the difference of two runs under callgrind is the cost of the push alone.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include <string.h>

#include "libprofile/ring.h"

#define RING_BYTES (1u << 20)

struct record {
	struct wire_head head;
	uint64_t words[15];
};

/* Room for one record past the end instead of the second mapping. */
static struct wire_ring ring;
static unsigned char bytes[RING_BYTES + sizeof(struct record)];
static struct thread thread = {
	.ring = &ring, .bytes = bytes, .ring_bytes = RING_BYTES, .mask = RING_BYTES - 1,
};

static __attribute__((noinline)) void push(const struct record *what)
{
	struct record *record = ring_reserve(&thread, sizeof(*record));

	if (!record)
		return;
	memcpy(record, what, sizeof(*record));
	ring_commit(&thread, sizeof(*record));
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	struct record record = { { .bytes = sizeof(record), .kind = WIRE_PAD }, { 1, 2, 3 } };

	for (uint64_t i = 0; i < count; i++) {
		push(&record);
		ring.tail = thread.head;	/* a consumer that keeps up */
	}
	return ring.dropped != 0;
}

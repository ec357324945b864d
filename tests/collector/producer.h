/* SPDX-License-Identifier: Apache-2.0 */
/* A synthetic process: writes rings exactly as wire.h says, for tests and measurements. */
#ifndef GPUTRAIL_TESTS_COLLECTOR_PRODUCER_H
#define GPUTRAIL_TESTS_COLLECTOR_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/wire.h"

#define PRODUCER_RINGS 4

struct producer {
	struct wire_control *control;
	unsigned char *rings[PRODUCER_RINGS];
	uint64_t ring_bytes;
	int memfd, socket;
	uint32_t correlation;
};

/* Makes the shared memory; ring_bytes is a power of two. Aborts on failure. */
void producer_init(struct producer *producer, uint64_t ring_bytes, enum wire_clock clock);
/* Sends the hello. The answer comes once the collector took a step: producer_welcomed(). */
bool producer_connect(struct producer *producer, const char *socket_name, uint64_t api_hash);
/* Status of the welcome, -1 when there is none yet. */
int producer_welcomed(struct producer *producer);
/* Appends a record; false: the ring is full (it was counted). */
bool producer_push(struct producer *producer, int ring, const void *record, uint32_t bytes);
void producer_close(struct producer *producer);

/* Records with the fields every test needs; times are CLOCK_MONOTONIC ns. */
uint64_t producer_now(void);
void producer_define(struct producer *producer,
		     int ring); /* device 0, context 1, function 1, stream */
void producer_define_function(struct producer *producer, int ring, uint32_t id, const char *name);
void producer_define_string(struct producer *producer, int ring, uint32_t id, const char *text);
struct wire_launch producer_launch(uint64_t begin, uint64_t end, uint32_t correlation);
struct wire_gpu_kernel producer_kernel(uint64_t start, uint64_t end, uint32_t correlation);

#define PRODUCER_STREAM 0x5000ull
#define PUSH(producer, ring, record) producer_push(producer, ring, &(record), sizeof(record))

#endif

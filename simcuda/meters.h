/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of meters, a file that SIMCUDA_METERS names: the simulated driver of each process writes
 * what its GPUs do, the simulated NVML reads it in any other process.
 */
#ifndef GPUTRAIL_SIMCUDA_METERS_H
#define GPUTRAIL_SIMCUDA_METERS_H

#include <stdint.h>
#include <stdio.h>

#define SIM_METERS_MAGIC 0x4d455445u
#define SIM_METER_SLOTS 256

enum sim_meter_id {
#define METER(name, most) SIM_METER_##name,
#include "simcuda/meters.def"
	SIM_METERS
};

/* Of one device in one process. Written under the engine's lock, read by anybody: `sequence` is odd
 * while it changes. sum[] is the integral of the capped rates up to time_ns. */
struct sim_meter {
	int32_t pid;			/* 0: free */
	int32_t device;			/* physical index */
	uint32_t sequence, reserved;
	uint64_t time_ns;		/* CLOCK_MONOTONIC */
	uint64_t used_bytes;
	double rate[SIM_METERS], sum[SIM_METERS];
};

struct sim_meters {
	uint32_t magic, devices;
	char model[16];			/* key of profiles.def */
	uint64_t memory_bytes;		/* of each device */
	struct sim_meter slots[SIM_METER_SLOTS];
};

static inline double sim_meter_capped(int meter, double rate)
{
	static const double most[] = {
#define METER(name, most) most,
#include "simcuda/meters.def"
	};

	return most[meter] > 0 && rate > most[meter] ? most[meter] : rate;
}

/* What a device had done by a moment, of all processes (meters_read.c). */
struct sim_reading {
	uint64_t time_ns;
	double sum[SIM_METERS];
};
/* NULL: nobody has used a GPU yet. */
const struct sim_meters *sim_meters_page(void);
/* Up to now; *used_bytes gets the memory in use. */
struct sim_reading sim_meters_read(int device, uint64_t *used_bytes);
double sim_reading_rate(const struct sim_reading *from, const struct sim_reading *to, int meter);

/* One value per index, so that several machines' recordings can be told apart. */
static inline void sim_uuid_bytes(int physical, unsigned char uuid[16])
{
	static const unsigned char stem[16] = { 0x51, 0x3c, 0x0d, 0x1a, 0x51, 0x3c, 0x4d, 0x1a,
						0x91, 0x3c, 0x0d, 0x1a, 0x51, 0x3c, 0x0d, 0x00 };

	for (int i = 0; i < 15; i++)
		uuid[i] = stem[i];
	uuid[15] = (unsigned char)physical;
}

/* "GPU-513c0d1a-..." where `kind` is "GPU". */
static inline void sim_uuid_text(const char *kind, int physical, char *text, size_t bytes)
{
	unsigned char u[16];

	sim_uuid_bytes(physical, u);
	snprintf(text, bytes,
		 "%s-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", kind,
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		 u[13], u[14], u[15]);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of the collector that asks NVML what the devices do, so that neither a slow nor a hanging
 * NVML keeps the collector from draining. What it finds is taken out by the collector's own thread.
 */
#ifndef GPUTRAIL_COLLECTOR_SAMPLER_H
#define GPUTRAIL_COLLECTOR_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* GPM's counters are renewed every 100 ms, and it asks for more than that between two samples. */
#define SAMPLER_GPM_PERIOD_NS 110000000ll
#define SAMPLER_PERIOD_MAX_NS 3600000000000ll

enum sampler_metric {
#define METRIC(column, id, factor, most) SAMPLER_##column,
#include "collector/activity.def"
	SAMPLER_METRICS
};

/* A stretch of time of one device. Metrics are parts per million or bytes per second, negative where
 * they are not known, and so are the bytes of memory. */
struct sampler_sample {
	uint32_t device;
	int64_t start_ns, end_ns;	/* CLOCK_MONOTONIC */
	double metrics[SAMPLER_METRICS];
	int64_t memory_used_bytes, memory_reserved_bytes;
};

/* Where the samples of a device come from. */
struct sampler_source {
	uint32_t device;
	const char *name;		/* pm_sampling, gpm, utilization, none */
	char note[512];			/* why that one, or why no more; "" nothing to say */
	uint64_t samples, covered_ns, asked_ns;	/* asked_ns: spent in NVML */
	uint64_t overflows;		/* times that samples were lost in the GPU's buffer */
};

struct sampler;

/* Begins with the first device. NULL: no memory. */
struct sampler *sampler_new(const char *library, int64_t period_ns);
/* `uuid`: 32 hexadecimal digits. */
/* recorded: a process that uses it. */
void sampler_device(struct sampler *sampler, uint32_t device, const char *uuid, pid_t recorded);
void sampler_pause(struct sampler *sampler, bool is_paused);
/* The oldest sample that was not taken yet. */
bool sampler_take(struct sampler *sampler, struct sampler_sample *sample);
/* The source of the index'th device; false: there are no more. */
bool sampler_source(struct sampler *sampler, size_t index, struct sampler_source *source);
uint64_t sampler_dropped(struct sampler *sampler);
/* Takes a last sample and ends the thread. False: NVML does not answer; the thread is left alone. */
bool sampler_stop(struct sampler *sampler);
/* After sampler_stop(); leaves what a thread that hangs may still touch. */
void sampler_free(struct sampler *sampler);

#endif

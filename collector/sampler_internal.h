/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the sampler: its state, which sampler.c and sampler_pm.c share. */
#ifndef GPUTRAIL_COLLECTOR_SAMPLER_INTERNAL_H
#define GPUTRAIL_COLLECTOR_SAMPLER_INTERNAL_H

#include <pthread.h>
#include <time.h>

#include "collector/nvml.h"
#include "collector/pm.h"
#include "collector/sampler.h"

#define DEVICES_MAX 64
#define QUEUE_SAMPLES 32768		/* three devices' of a second at 10 kHz */
#define STOP_WAIT_S 2			/* for an NVML that hangs */

/* Of the sampling thread, but for what sampler.lock guards. */
struct device {
	struct sampler_source source;	/* guarded */
	char uuid[33];
	bool is_open;
	nvmlDevice_t handle;
	nvmlGpmSample_t before, now;	/* NULL where GPM is not used */
	int64_t before_ns;		/* 0: there is none */
	uint64_t fruitless;		/* samples without news in a row */
	pid_t recorded;			/* a process that uses it */
	struct pm_process pm;
	bool pm_is_over, pm_has_begun;	/* not to be tried (any more); it has answered */
	int64_t pm_since_ns;		/* when it was wanted or started, 0 not yet */
	char pm_note[200];		/* why it is over; "" it was not wanted */
};

struct sampler {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool is_running, is_hanging;
	bool is_stopping, is_paused;	/* guarded, as the following are */
	struct device devices[DEVICES_MAX];
	size_t device_count;
	struct sampler_sample queue[QUEUE_SAMPLES];
	uint64_t queued, taken, dropped;
	char *library;
	int64_t period_ns;
	struct nvml nvml;		/* of the thread */
	bool has_tried;
	char refusal[200];		/* why there is no NVML */
	nvmlGpmMetricsGet_t *metrics;
};

static inline int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* sampler.c */
void sampler_source_set(struct sampler *s, struct device *d, const char *name, const char *note);
void sampler_push(struct sampler *s, struct device *d, const struct sampler_sample *sample);
/* Memory, clocks, power, and what keeps clocks down; -1 what is not known. */
void sampler_read_state(struct sampler *s, struct device *d, struct sampler_sample *sample);
nvmlReturn_t sampler_handle_find(struct sampler *s, struct device *d);

/* sampler_pm.c: true while PM sampling takes care of the device. */
bool sampler_pm(struct sampler *s, struct device *d, bool is_paused);
/* Takes the last samples and ends it. */
void sampler_pm_end(struct sampler *s, struct device *d);

#endif

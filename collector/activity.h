/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measured activity of the devices over time, from the sampler to the tables activity and
 * activity_source. NVML's: a device has at most ACTIVITY_ROWS_MAX rows; when it has them, each two
 * neighbours become one, and from then on a row holds twice as many samples. Of PM sampling, whose rows
 * are too many to be joined while others wait, ACTIVITY_ROWS_FINE are kept as they are; from each further
 * half of that on, a row holds twice as many samples.
 */
#ifndef GPUTRAIL_COLLECTOR_ACTIVITY_H
#define GPUTRAIL_COLLECTOR_ACTIVITY_H

#include "collector/database.h"
#include "collector/sampler.h"

#define ACTIVITY_ROWS_MAX 65536u	/* two hours at 9 samples a second; 5 MB */
#define ACTIVITY_ROWS_FINE 262144u	/* four minutes at 1 kHz; 13 MB */
#define ACTIVITY_RATE_MAX 10000.0	/* Hz; what is asked for */

struct activity;

/* NULL: no memory. `library`: the file name of NVML. */
struct activity *activity_new(const char *library, int64_t period_ns);
/* recorded: a process that uses it. */
void activity_device(struct activity *activity, uint32_t device, const char *uuid, pid_t recorded);
/* Samples only while it runs. */
void activity_run(struct activity *activity, bool runs);
/* Writes what the sampler found since the last time. `last`: stops it, and writes all of it. */
void activity_write(struct activity *activity, struct database *db, int64_t origin_ns, bool last);
/* Why something is not measured as it was asked for; "" when all is. */
void activity_complaint(struct activity *activity, char *text, size_t bytes);
uint64_t activity_dropped(struct activity *activity);
void activity_free(struct activity *activity);

/* A sample as if the sampler had taken it. */
void activity_add(struct activity *activity, struct database *db, int64_t origin_ns,
		  const struct sampler_sample *sample);

#endif

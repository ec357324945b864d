/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording is to take, and how long: options of `gputrail record` and its environment. */
#ifndef GPUTRAIL_COLLECTOR_CONTROL_H
#define GPUTRAIL_COLLECTOR_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control_options {
	uint32_t detail;		/* enum wire_detail that may be asked for; 0: full */
	uint32_t budget_ppm;		/* of detail auto; 0: the default */
	int64_t delay_ns, duration_ns;	/* from the start of the recorder; duration 0: no end */
	bool capture_range;		/* between cuProfilerStart and cuProfilerStop only */
	int64_t activity_period_ns;	/* between samples of the GPUs' activity; 0: none */
};

#define CONTROL_BUDGET_PPM 20000u	/* 2 % */

/* The options by name ("detail", "max-overhead", ...), each also a variable of the environment. */
struct control_row {
	const char *name, *variable, *takes;
	bool (*parse)(struct control_options *options, const char *text);
};
extern const struct control_row control_rows[];	/* ends with a NULL name */
/* NULL: done; else what the option takes, in words. `name` must be one of the rows'. */
const char *control_set(struct control_options *options, const char *name, const char *text);
/* From the environment; variables that make no sense are left out. */
void control_from_environment(struct control_options *options);
/* NULL, or why these options do not go together. */
const char *control_conflict(const struct control_options *options);

#endif

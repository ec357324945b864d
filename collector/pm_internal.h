/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the process that samples: its state, and CUPTI's functions. */
#ifndef GPUTRAIL_COLLECTOR_PM_INTERNAL_H
#define GPUTRAIL_COLLECTOR_PM_INTERNAL_H

#include <string.h>

#include "collector/pm.h"
#include "driver/cupti_pm.h"

/* A counter that may be sampled, of pm.def. */
struct pm_metric {
	enum sampler_metric metric;
	const char *name;
	double factor;
};
#define PM_METRICS_MAX 16

struct pm_session {
	int output;
	int64_t period_ns;
	size_t device;			/* CUDA's number of it, which is CUPTI's */
	uint32_t version;
	const char *chip;
#define PM(function, type, last) int (*function)(type *params);
#include "driver/cupti_pm_functions.def"
#undef PM
	int (*cuptiGetVersion)(uint32_t *version);
	int (*cuptiGetResultString)(int result, const char **text);
	CUpti_PmSampling_Object *sampling;
	CUpti_Profiler_Host_Object *host;
	uint8_t *availability, *config, *image;
	size_t config_bytes, image_bytes;
	const char *names[PM_METRICS_MAX];	/* of what is sampled */
	const struct pm_metric *chosen[PM_METRICS_MAX];
	size_t count;
	int64_t offset_ns;		/* from the samples' clock to CLOCK_MONOTONIC */
	bool offset_known, is_first;
	char why[160];			/* it ended */
};

/* Structures that older libraries know less of: by the API version that has the last field. */
static inline size_t pm_size(const struct pm_session *s, size_t bytes, const char *last)
{
	if (!strcmp(last, "hwBufferAppendMode") && s->version < 26)
		return CUPTI_PM_SIZE(CUpti_PmSampling_SetConfig_Params, triggerMode);
	if (!strcmp(last, "pSinglePassMetricSetName") && s->version < 130200)
		return CUPTI_PM_SIZE(CUpti_Profiler_Host_Initialize_Params, pHostObject);
	return bytes;
}

/* Each of CUPTI's functions as pm_<function>(session, params), which fills in the size. */
#define PM(function, type, last)						\
	static inline int pm_##function(const struct pm_session *s, type *params)	\
	{									\
		params->structSize = pm_size(s, CUPTI_PM_SIZE(type, last), #last);	\
		return s->function(params);					\
	}
#include "driver/cupti_pm_functions.def"
#undef PM

/* Why it ended; always false. (pm_session.c) */
bool pm_fail(struct pm_session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool pm_refused(struct pm_session *s, const char *what, int result);

/* Finds driver, device and CUPTI, and what of the counters fits into one pass. False: pm_fail() was
 * told why. (pm_open.c) */
bool pm_open(struct pm_session *s, const struct pm_options *options);
void pm_close(struct pm_session *s);

#endif

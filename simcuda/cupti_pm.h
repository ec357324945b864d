/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the simulated PM sampling: what its two files share. */
#ifndef GPUTRAIL_SIMCUDA_CUPTI_PM_H
#define GPUTRAIL_SIMCUDA_CUPTI_PM_H

#include "driver/cupti_pm.h"
#include "simcuda/cupti_state.h"
#include "simcuda/meters.h"

#define PM(function, type, last) CUPTI_EXPORT CUptiResult function(type *params);
#include "driver/cupti_pm_functions.def"
#undef PM

#define CUPTI_PM_METRICS_MAX 16

/* A counter data image: samples in order, as two readings of the meters. */
struct cupti_pm_image {
	uint32_t magic, room, count, reserved;
	struct cupti_pm_sample {
		struct sim_reading from, to;
		bool is_first;		/* since the start */
	} samples[];
};
#define CUPTI_PM_IMAGE 0x504d494du
#define CUPTI_PM_CONFIG 0x504d4346u

struct cupti_pm_config {
	uint32_t magic, count;		/* metrics */
};

/* SIMCUPTI_PM_FAIL="function=code,...": what it returns instead, 0: it never does. */
CUptiResult cupti_pm_fault(const char *function);

/* The size of parameters whose last field is new in a release. */
#define PM_SIZE_SINCE(type, since, last, before) \
	(cupti_release >= (since) ? CUPTI_PM_SIZE(type, last) : CUPTI_PM_SIZE(type, before))

/* First lines of every function: the release, a fault, and the size of the parameters. */
#define PM_BEGIN(type, last) PM_BEGIN_SIZE(CUPTI_PM_SIZE(type, last))
#define PM_BEGIN_SIZE(bytes)							\
	do {									\
		CUptiResult fault = cupti_pm_fault(__func__);			\
										\
		CUPTI_BEGIN(1206);						\
		if (fault)							\
			return cupti_fail(fault);				\
		if (!params || params->structSize != (bytes) || params->pPriv)	\
			return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);	\
	} while (0)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated profiler host API: metrics by name, what fits into a pass, values of samples. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_pm.h"

#include <stdlib.h>
#include <string.h>

struct CUpti_Profiler_Host_Object {
	size_t count;
};

static const struct {
	const char *name;
	enum sim_meter_id meter;
	double factor;			/* from the meter's unit to the metric's */
} metrics[] = {
	{ "gr__cycles_active.avg.pct_of_peak_sustained_elapsed", SIM_METER_gpu_busy, 100 },
	{ "sm__cycles_active.avg.pct_of_peak_sustained_elapsed", SIM_METER_sm_active, 100 },
	{ "sm__warps_active.avg.pct_of_peak_sustained_elapsed", SIM_METER_occupancy, 100 },
	{ "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed", SIM_METER_tensor, 100 },
	{ "dram__throughput.avg.pct_of_peak_sustained_elapsed", SIM_METER_dram, 100 },
	{ "pcie__write_bytes.sum.per_second", SIM_METER_pcie_tx, 1e9 },
	{ "pcie__read_bytes.sum.per_second", SIM_METER_pcie_rx, 1e9 },
	{ "nvltx__bytes.sum.per_second", SIM_METER_nvlink_tx, 1e9 },
	{ "nvlrx__bytes.sum.per_second", SIM_METER_nvlink_rx, 1e9 },
};
#define METRICS (sizeof(metrics) / sizeof(metrics[0]))

/* METRICS: there is no such metric, or SIMCUPTI_PM_LACKS is part of its name. */
static size_t metric_of(const char *name)
{
	const char *lacks = getenv("SIMCUPTI_PM_LACKS");
	size_t i = 0;

	while (i < METRICS && strcmp(metrics[i].name, name))
		i++;
	return lacks && *lacks && strstr(name, lacks) ? METRICS : i;
}

CUptiResult cuptiProfilerHostInitialize(CUpti_Profiler_Host_Initialize_Params *params)
{
	PM_BEGIN_SIZE(PM_SIZE_SINCE(CUpti_Profiler_Host_Initialize_Params, 1302, pSinglePassMetricSetName,
				    pHostObject));
	if (params->profilerType != CUPTI_PROFILER_TYPE_PM_SAMPLING || !params->pChipName)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	params->pHostObject = calloc(1, sizeof(*params->pHostObject));
	return params->pHostObject ? CUPTI_SUCCESS : cupti_fail(CUPTI_ERROR_OUT_OF_MEMORY);
}

CUptiResult cuptiProfilerHostDeinitialize(CUpti_Profiler_Host_Deinitialize_Params *params)
{
	PM_BEGIN(CUpti_Profiler_Host_Deinitialize_Params, pHostObject);
	free(params->pHostObject);
	return CUPTI_SUCCESS;
}

CUptiResult cuptiProfilerHostConfigAddMetrics(CUpti_Profiler_Host_ConfigAddMetrics_Params *params)
{
	PM_BEGIN(CUpti_Profiler_Host_ConfigAddMetrics_Params, numMetrics);
	if (!params->pHostObject || params->numMetrics > CUPTI_PM_METRICS_MAX)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	for (size_t i = 0; i < params->numMetrics; i++)
		if (metric_of(params->ppMetricNames[i]) == METRICS)
			return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);	/* as 13.0's does */
	params->pHostObject->count += params->numMetrics;
	return CUPTI_SUCCESS;
}

CUptiResult cuptiProfilerHostGetConfigImageSize(CUpti_Profiler_Host_GetConfigImageSize_Params *params)
{
	PM_BEGIN(CUpti_Profiler_Host_GetConfigImageSize_Params, configImageSize);
	params->configImageSize = sizeof(struct cupti_pm_config);
	return CUPTI_SUCCESS;
}

CUptiResult cuptiProfilerHostGetConfigImage(CUpti_Profiler_Host_GetConfigImage_Params *params)
{
	struct cupti_pm_config config = { CUPTI_PM_CONFIG, 0 };

	PM_BEGIN(CUpti_Profiler_Host_GetConfigImage_Params, pConfigImage);
	if (!params->pHostObject || params->configImageSize < sizeof(config) || !params->pConfigImage)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	config.count = (uint32_t)params->pHostObject->count;
	memcpy(params->pConfigImage, &config, sizeof(config));
	return CUPTI_SUCCESS;
}

/* SIMCUPTI_PM_ONE_PASS: as many metrics fit into a pass. */
CUptiResult cuptiProfilerHostGetNumOfPasses(CUpti_Profiler_Host_GetNumOfPasses_Params *params)
{
	const char *text = getenv("SIMCUPTI_PM_ONE_PASS");
	uint32_t most = text && *text ? (uint32_t)strtoul(text, NULL, 10) : CUPTI_PM_METRICS_MAX;
	struct cupti_pm_config config;

	PM_BEGIN(CUpti_Profiler_Host_GetNumOfPasses_Params, numOfPasses);
	if (params->configImageSize < sizeof(config) || !params->pConfigImage)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	memcpy(&config, params->pConfigImage, sizeof(config));
	params->numOfPasses = config.count ? (config.count + most - 1) / most : 0;
	return CUPTI_SUCCESS;
}

CUptiResult cuptiProfilerHostEvaluateToGpuValues(CUpti_Profiler_Host_EvaluateToGpuValues_Params *params)
{
	const struct cupti_pm_image *image;

	PM_BEGIN(CUpti_Profiler_Host_EvaluateToGpuValues_Params, pMetricValues);
	image = (const struct cupti_pm_image *)(const void *)params->pCounterDataImage;
	if (!image || image->magic != CUPTI_PM_IMAGE || params->rangeIndex >= image->count ||
	    !params->pMetricValues)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	for (size_t i = 0; i < params->numMetrics; i++) {
		const struct cupti_pm_sample *sample = &image->samples[params->rangeIndex];
		size_t metric = metric_of(params->ppMetricNames[i]);

		if (metric == METRICS)
			return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
		params->pMetricValues[i] = metrics[metric].factor *
			sim_reading_rate(&sample->from, &sample->to, (int)metrics[metric].meter);
	}
	return CUPTI_SUCCESS;
}

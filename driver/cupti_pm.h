/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is used of CUPTI's PM sampling (12.6 and later) and of its profiler host API: structures and
 * constants under their public names. The functions are the rows of cupti_pm_functions.def;
 * tests/sim/cupti_pm_headers.py compares both with CUPTI's headers. In all of them structSize is the
 * size up to the end of the last field that the library knows, without padding, and pPriv is NULL: libraries
 * refuse any other size, smaller or larger.
 */
#ifndef GPUTRAIL_DRIVER_CUPTI_PM_H
#define GPUTRAIL_DRIVER_CUPTI_PM_H

#include <stddef.h>
#include <stdint.h>

enum {
	CUPTI_PROFILER_TYPE_PM_SAMPLING = 1,
	CUPTI_PM_SAMPLING_TRIGGER_MODE_GPU_SYSCLK_INTERVAL = 0,
	CUPTI_PM_SAMPLING_TRIGGER_MODE_GPU_TIME_INTERVAL = 1,
	CUPTI_PM_SAMPLING_DECODE_STOP_REASON_COUNTER_DATA_FULL = 1,
	CUPTI_PM_SAMPLING_DECODE_STOP_REASON_END_OF_RECORDS = 2,
	CUPTI_PM_SAMPLING_HARDWARE_BUFFER_APPEND_MODE_KEEP_OLDEST = 0
};

/* CUptiResult of these functions. */
enum {
	CUPTI_PM_SUCCESS = 0,
	CUPTI_PM_ERROR_INVALID_PARAMETER = 1,
	CUPTI_PM_ERROR_INVALID_DEVICE = 2,
	CUPTI_PM_ERROR_INVALID_OPERATION = 7,
	CUPTI_PM_ERROR_OUT_OF_MEMORY = 8,
	CUPTI_PM_ERROR_NOT_INITIALIZED = 15,
	CUPTI_PM_ERROR_INVALID_METRIC_NAME = 17,
	CUPTI_PM_ERROR_NOT_SUPPORTED = 27,
	CUPTI_PM_ERROR_INSUFFICIENT_PRIVILEGES = 35,
	CUPTI_PM_ERROR_UNKNOWN = 999
};

typedef struct CUpti_PmSampling_Object CUpti_PmSampling_Object;
typedef struct CUpti_Profiler_Host_Object CUpti_Profiler_Host_Object;

#define CUPTI_PM_PARAMS size_t structSize; void *pPriv;
#define CUPTI_PM_SIZE(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

typedef struct {
	CUPTI_PM_PARAMS
} CUpti_Profiler_Initialize_Params;

typedef struct {
	CUPTI_PM_PARAMS
	size_t deviceIndex;
	const char *pChipName;			/* out */
} CUpti_Device_GetChipName_Params;

typedef struct {
	CUPTI_PM_PARAMS
	size_t deviceIndex;
	CUpti_PmSampling_Object *pPmSamplingObject;	/* out */
} CUpti_PmSampling_Enable_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_PmSampling_Object *pPmSamplingObject;
} CUpti_PmSampling_Disable_Params;
typedef CUpti_PmSampling_Disable_Params CUpti_PmSampling_Start_Params;
typedef CUpti_PmSampling_Disable_Params CUpti_PmSampling_Stop_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_PmSampling_Object *pPmSamplingObject;
	size_t configSize;
	const uint8_t *pConfig;
	size_t hardwareBufferSize;
	uint64_t samplingInterval;		/* ns or clocks, as the mode is */
	int triggerMode;
	int hwBufferAppendMode;			/* from 12.8 on */
} CUpti_PmSampling_SetConfig_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_PmSampling_Object *pPmSamplingObject;
	uint8_t *pCounterDataImage;
	size_t counterDataImageSize;
	int decodeStopReason;			/* out */
	uint8_t overflow;			/* out */
} CUpti_PmSampling_DecodeData_Params;

typedef struct {
	CUPTI_PM_PARAMS
	size_t deviceIndex;
	size_t counterAvailabilityImageSize;	/* out where the image is NULL */
	uint8_t *pCounterAvailabilityImage;
} CUpti_PmSampling_GetCounterAvailability_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_PmSampling_Object *pPmSamplingObject;
	const char **pMetricNames;
	size_t numMetrics;
	uint32_t maxSamples;
	size_t counterDataSize;			/* out */
} CUpti_PmSampling_GetCounterDataSize_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_PmSampling_Object *pPmSamplingObject;
	size_t counterDataSize;
	uint8_t *pCounterData;
} CUpti_PmSampling_CounterDataImage_Initialize_Params;

typedef struct {
	CUPTI_PM_PARAMS
	const uint8_t *pCounterDataImage;
	size_t counterDataImageSize;
	size_t numTotalSamples, numPopulatedSamples, numCompletedSamples;	/* out */
} CUpti_PmSampling_GetCounterDataInfo_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_PmSampling_Object *pPmSamplingObject;
	const uint8_t *pCounterDataImage;
	size_t counterDataImageSize;
	size_t sampleIndex;
	uint64_t startTimestamp, endTimestamp;	/* out; ns */
} CUpti_PmSampling_CounterData_GetSampleInfo_Params;

typedef struct {
	CUPTI_PM_PARAMS
	int profilerType;
	const char *pChipName;
	const uint8_t *pCounterAvailabilityImage;
	CUpti_Profiler_Host_Object *pHostObject;	/* out */
	const char *pSinglePassMetricSetName;	/* from 13.2 on */
} CUpti_Profiler_Host_Initialize_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_Profiler_Host_Object *pHostObject;
} CUpti_Profiler_Host_Deinitialize_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_Profiler_Host_Object *pHostObject;
	const char **ppMetricNames;
	size_t numMetrics;
} CUpti_Profiler_Host_ConfigAddMetrics_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_Profiler_Host_Object *pHostObject;
	size_t configImageSize;			/* out */
} CUpti_Profiler_Host_GetConfigImageSize_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_Profiler_Host_Object *pHostObject;
	size_t configImageSize;
	uint8_t *pConfigImage;
} CUpti_Profiler_Host_GetConfigImage_Params;

typedef struct {
	CUPTI_PM_PARAMS
	size_t configImageSize;
	uint8_t *pConfigImage;
	size_t numOfPasses;			/* out */
} CUpti_Profiler_Host_GetNumOfPasses_Params;

typedef struct {
	CUPTI_PM_PARAMS
	CUpti_Profiler_Host_Object *pHostObject;
	const uint8_t *pCounterDataImage;
	size_t counterDataImageSize;
	size_t rangeIndex;			/* the sample */
	const char **ppMetricNames;
	size_t numMetrics;
	double *pMetricValues;			/* out */
} CUpti_Profiler_Host_EvaluateToGpuValues_Params;

#endif

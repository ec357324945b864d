/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated PM sampling: a thread reads the meters at each interval, into a buffer of the size that was
 * asked for. Samples are what the meters say between two readings, whenever these could be made; truth
 * goes to SIMCUPTI_PM_TRUTH. docs/simulator-cupti.md has the variables.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_pm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RAW_BYTES 16384u		/* that a sample takes in the GPU's buffer */
#define KEPT_MAX 65536u
#define GPU_CLOCK_NS 1234567890123ll	/* that a clock of its own is ahead */
#define SYSCLK_PER_NS 1.5
#define DEVICES_MAX 16

struct CUpti_PmSampling_Object {
	size_t device;
	pthread_t thread;
	pthread_mutex_t lock;
	bool is_enabled, is_started, is_ending;
	uint64_t interval_ns;
	uint32_t room, most;		/* of kept[]; samples after which it is full, 0 never */
	uint32_t first, count, taken;	/* of kept[]; since the start */
	bool is_full;
	struct cupti_pm_sample kept[KEPT_MAX];
};

static struct CUpti_PmSampling_Object *objects[DEVICES_MAX];
static pthread_mutex_t objects_lock = PTHREAD_MUTEX_INITIALIZER;

static long number(const char *name)
{
	const char *text = getenv(name);

	return text && *text ? strtol(text, NULL, 10) : 0;
}

CUptiResult cupti_pm_fault(const char *function)
{
	size_t length = strlen(function);

	for (const char *at = getenv("SIMCUPTI_PM_FAIL"); at && *at; at = at ? at + 1 : NULL) {
		if (!strncmp(at, function, length) && at[length] == '=') {
			long code = strtol(at + length + 1, NULL, 10);

			while (!code)
				pause();
			return (CUptiResult)code;
		}
		at = strchr(at, ',');
		if (!at)
			break;
	}
	return CUPTI_SUCCESS;
}

/* --- the thread ----------------------------------------------------------------------------------- */

/* Keeps the oldest: a full buffer takes nothing more until the next start. */
static void keep(struct CUpti_PmSampling_Object *o, const struct cupti_pm_sample *sample)
{
	pthread_mutex_lock(&o->lock);
	if (o->count >= o->room || (o->most && o->taken >= o->most))
		o->is_full = true;
	if (!o->is_full) {
		struct cupti_pm_sample *kept = &o->kept[(o->first + o->count++) % KEPT_MAX];

		*kept = *sample;
		kept->is_first = !o->taken++;
	}
	pthread_mutex_unlock(&o->lock);
}

static bool is_ending(struct CUpti_PmSampling_Object *o)
{
	bool ends;

	pthread_mutex_lock(&o->lock);
	ends = o->is_ending;
	pthread_mutex_unlock(&o->lock);
	return ends;
}

static void *sample(void *arg)
{
	struct CUpti_PmSampling_Object *o = arg;
	struct cupti_pm_sample next;
	struct timespec until;
	uint64_t used, until_ns;

	next.to = sim_meters_read((int)o->device, &used);
	until_ns = next.to.time_ns;
	while (!is_ending(o)) {
		until_ns += o->interval_ns;
		if (until_ns < next.to.time_ns)		/* this machine was too slow for some of them */
			until_ns = next.to.time_ns + o->interval_ns;
		until = (struct timespec){ (time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000) };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		next.from = next.to;
		next.to = sim_meters_read((int)o->device, &used);
		keep(o, &next);
	}
	return NULL;
}

/* --- sessions ------------------------------------------------------------------------------------- */

CUptiResult cuptiProfilerInitialize(CUpti_Profiler_Initialize_Params *params)
{
	PM_BEGIN(CUpti_Profiler_Initialize_Params, pPriv);
	return CUPTI_SUCCESS;
}

CUptiResult cuptiDeviceGetChipName(CUpti_Device_GetChipName_Params *params)
{
	PM_BEGIN(CUpti_Device_GetChipName_Params, pChipName);
	if (params->deviceIndex >= DEVICES_MAX)
		return cupti_fail(CUPTI_ERROR_INVALID_DEVICE);
	params->pChipName = "SIM100";
	return CUPTI_SUCCESS;
}

CUptiResult cuptiPmSamplingGetCounterAvailability(CUpti_PmSampling_GetCounterAvailability_Params *params)
{
	PM_BEGIN(CUpti_PmSampling_GetCounterAvailability_Params, pCounterAvailabilityImage);
	if (params->pCounterAvailabilityImage)
		memset(params->pCounterAvailabilityImage, 1, params->counterAvailabilityImageSize);
	else
		params->counterAvailabilityImageSize = 64;
	return CUPTI_SUCCESS;
}

CUptiResult cuptiPmSamplingEnable(CUpti_PmSampling_Enable_Params *params)
{
	struct CUpti_PmSampling_Object *o = NULL;

	PM_BEGIN(CUpti_PmSampling_Enable_Params, pPmSamplingObject);
	if (params->deviceIndex >= DEVICES_MAX)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	pthread_mutex_lock(&objects_lock);
	if (!objects[params->deviceIndex])
		objects[params->deviceIndex] = o = calloc(1, sizeof(*o));
	pthread_mutex_unlock(&objects_lock);
	if (!o)
		return cupti_fail(CUPTI_ERROR_INVALID_OPERATION);
	pthread_mutex_init(&o->lock, NULL);
	o->device = params->deviceIndex;
	o->is_enabled = true;
	params->pPmSamplingObject = o;
	return CUPTI_SUCCESS;
}

CUptiResult cuptiPmSamplingSetConfig(CUpti_PmSampling_SetConfig_Params *params)
{
	const struct cupti_pm_config *config;
	struct CUpti_PmSampling_Object *o;
	bool by_time;

	PM_BEGIN_SIZE(PM_SIZE_SINCE(CUpti_PmSampling_SetConfig_Params, 1208, hwBufferAppendMode,
				    triggerMode));
	o = params->pPmSamplingObject;
	config = (const struct cupti_pm_config *)(const void *)params->pConfig;
	by_time = params->triggerMode == CUPTI_PM_SAMPLING_TRIGGER_MODE_GPU_TIME_INTERVAL;
	if (!o || !o->is_enabled || !config || config->magic != CUPTI_PM_CONFIG || !params->samplingInterval)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	if (by_time && number("SIMCUPTI_PM_SYSCLK_ONLY"))
		return cupti_fail(CUPTI_ERROR_NOT_SUPPORTED);
	o->interval_ns = by_time ? params->samplingInterval :
				   (uint64_t)((double)params->samplingInterval / SYSCLK_PER_NS);
	o->room = (uint32_t)(params->hardwareBufferSize / RAW_BYTES);
	o->room = o->room < KEPT_MAX ? o->room : KEPT_MAX;
	o->most = (uint32_t)number("SIMCUPTI_PM_FULL_AT");
	return CUPTI_SUCCESS;
}

CUptiResult cuptiPmSamplingStart(CUpti_PmSampling_Start_Params *params)
{
	struct CUpti_PmSampling_Object *o;

	PM_BEGIN(CUpti_PmSampling_Start_Params, pPmSamplingObject);
	o = params->pPmSamplingObject;
	if (!o || !o->interval_ns || o->is_started)
		return cupti_fail(CUPTI_ERROR_INVALID_OPERATION);
	o->is_ending = o->is_full = false;
	o->taken = 0;
	o->is_started = pthread_create(&o->thread, NULL, sample, o) == 0;
	return o->is_started ? CUPTI_SUCCESS : cupti_fail(CUPTI_ERROR_UNKNOWN);
}

CUptiResult cuptiPmSamplingStop(CUpti_PmSampling_Stop_Params *params)
{
	struct CUpti_PmSampling_Object *o;

	PM_BEGIN(CUpti_PmSampling_Stop_Params, pPmSamplingObject);
	o = params->pPmSamplingObject;
	if (!o || !o->is_started)
		return cupti_fail(CUPTI_ERROR_INVALID_OPERATION);
	pthread_mutex_lock(&o->lock);
	o->is_ending = true;
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, NULL);
	o->is_started = false;
	return CUPTI_SUCCESS;
}

CUptiResult cuptiPmSamplingDisable(CUpti_PmSampling_Disable_Params *params)
{
	struct CUpti_PmSampling_Object *o;

	PM_BEGIN(CUpti_PmSampling_Disable_Params, pPmSamplingObject);
	o = params->pPmSamplingObject;
	if (!o || o->is_started)
		return cupti_fail(CUPTI_ERROR_INVALID_OPERATION);
	pthread_mutex_lock(&objects_lock);
	objects[o->device] = NULL;
	pthread_mutex_unlock(&objects_lock);
	free(o);
	return CUPTI_SUCCESS;
}

/* --- samples -------------------------------------------------------------------------------------- */

CUptiResult cuptiPmSamplingGetCounterDataSize(CUpti_PmSampling_GetCounterDataSize_Params *params)
{
	PM_BEGIN(CUpti_PmSampling_GetCounterDataSize_Params, counterDataSize);
	params->counterDataSize = sizeof(struct cupti_pm_image) +
				  params->maxSamples * sizeof(struct cupti_pm_sample);
	return CUPTI_SUCCESS;
}

CUptiResult cuptiPmSamplingCounterDataImageInitialize(
	CUpti_PmSampling_CounterDataImage_Initialize_Params *params)
{
	struct cupti_pm_image *image;

	PM_BEGIN(CUpti_PmSampling_CounterDataImage_Initialize_Params, pCounterData);
	image = (struct cupti_pm_image *)(void *)params->pCounterData;
	if (!image || params->counterDataSize < sizeof(*image))
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	image->magic = CUPTI_PM_IMAGE;
	image->room = (uint32_t)((params->counterDataSize - sizeof(*image)) /
				 sizeof(struct cupti_pm_sample));
	image->count = 0;
	return CUPTI_SUCCESS;
}

/* A line for each sample: begin and end in CLOCK_MONOTONIC ns, ppm of the SMs that worked, whether it is
 * the first since a start. */
static void tell_truth(const struct cupti_pm_sample *sample)
{
	const char *path = getenv("SIMCUPTI_PM_TRUTH");
	FILE *file = path && *path ? fopen(path, "ae") : NULL;

	if (!file)
		return;
	fprintf(file, "%llu %llu %.0f %d\n", (unsigned long long)sample->from.time_ns,
		(unsigned long long)sample->to.time_ns,
		1e6 * sim_reading_rate(&sample->from, &sample->to, SIM_METER_sm_active), sample->is_first);
	fclose(file);
}

CUptiResult cuptiPmSamplingDecodeData(CUpti_PmSampling_DecodeData_Params *params)
{
	struct CUpti_PmSampling_Object *o;
	struct cupti_pm_image *image;

	PM_BEGIN(CUpti_PmSampling_DecodeData_Params, overflow);
	o = params->pPmSamplingObject;
	image = (struct cupti_pm_image *)(void *)params->pCounterDataImage;
	if (!o || !image || image->magic != CUPTI_PM_IMAGE)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	pthread_mutex_lock(&o->lock);
	while (o->count && image->count < image->room) {
		tell_truth(&o->kept[o->first]);
		image->samples[image->count++] = o->kept[o->first];
		o->first = (o->first + 1) % KEPT_MAX;
		o->count--;
	}
	params->decodeStopReason = o->count ? CUPTI_PM_SAMPLING_DECODE_STOP_REASON_COUNTER_DATA_FULL :
					      CUPTI_PM_SAMPLING_DECODE_STOP_REASON_END_OF_RECORDS;
	params->overflow = o->is_full;
	pthread_mutex_unlock(&o->lock);
	return params->overflow ? cupti_fail(CUPTI_ERROR_OUT_OF_MEMORY) : CUPTI_SUCCESS;
}

CUptiResult cuptiPmSamplingGetCounterDataInfo(CUpti_PmSampling_GetCounterDataInfo_Params *params)
{
	const struct cupti_pm_image *image;

	PM_BEGIN(CUpti_PmSampling_GetCounterDataInfo_Params, numCompletedSamples);
	image = (const struct cupti_pm_image *)(const void *)params->pCounterDataImage;
	if (!image || image->magic != CUPTI_PM_IMAGE)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	params->numTotalSamples = image->room;
	params->numPopulatedSamples = params->numCompletedSamples = image->count;
	return CUPTI_SUCCESS;
}

/* SIMCUPTI_PM_CLOCK: realtime (which is CUPTI's), monotonic, or gpu, one of its own. */
static int64_t clock_offset(void)
{
	const char *clock = getenv("SIMCUPTI_PM_CLOCK");

	if (clock && !strcmp(clock, "gpu"))
		return GPU_CLOCK_NS;
	return clock && !strcmp(clock, "monotonic") ? 0 : simcupti_clock_offset_ns();
}

CUptiResult cuptiPmSamplingCounterDataGetSampleInfo(
	CUpti_PmSampling_CounterData_GetSampleInfo_Params *params)
{
	const struct cupti_pm_image *image;

	PM_BEGIN(CUpti_PmSampling_CounterData_GetSampleInfo_Params, endTimestamp);
	image = (const struct cupti_pm_image *)(const void *)params->pCounterDataImage;
	if (!image || image->magic != CUPTI_PM_IMAGE || params->sampleIndex >= image->count)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	params->startTimestamp = image->samples[params->sampleIndex].from.time_ns + (uint64_t)clock_offset();
	params->endTimestamp = image->samples[params->sampleIndex].to.time_ns + (uint64_t)clock_offset();
	return CUPTI_SUCCESS;
}

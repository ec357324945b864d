/* SPDX-License-Identifier: Apache-2.0 */
/* PM sampling before it begins: the device, CUPTI, and a configuration that one pass can do. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/pm_internal.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const struct pm_metric wanted[] = {
#define PM(column, name, factor) { SAMPLER_##column, name, factor },
#include "collector/pm.def"
};
#define WANTED (sizeof(wanted) / sizeof(wanted[0]))
static_assert(WANTED <= PM_METRICS_MAX, "room for all of them");

/* --- libraries and device ------------------------------------------------------------------------- */

/* CUPTI looks for its host library by name; one that is loaded already is found. */
static void open_beside(const char *cupti)
{
	const char *slash = strrchr(cupti, '/');
	char path[4096];

	if (slash && snprintf(path, sizeof(path), "%.*s/libnvperf_host.so", (int)(slash - cupti), cupti) <
		     (int)sizeof(path))
		dlopen(path, RTLD_NOW | RTLD_GLOBAL);
}

static bool open_cupti(struct pm_session *s, const char *cupti)
{
	static const char *const others[] = {
		"libcupti.so.13", "libcupti.so.12", "/usr/local/cuda/extras/CUPTI/lib64/libcupti.so",
	};
	void *library = NULL;

	if (*cupti) {
		open_beside(cupti);
		library = dlopen(cupti, RTLD_NOW | RTLD_LOCAL);
	}
	for (size_t i = 0; !library && !*cupti && i < sizeof(others) / sizeof(others[0]); i++)
		library = dlopen(others[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return pm_fail(s, "no CUPTI: %s", dlerror());
#define PM(function, type, last)							\
	*(void **)&s->function = dlsym(library, #function);				\
	if (!s->function)								\
		return pm_fail(s, "this CUPTI is older than 12.6: it lacks " #function);
#include "driver/cupti_pm_functions.def"
#undef PM
	*(void **)&s->cuptiGetVersion = dlsym(library, "cuptiGetVersion");
	*(void **)&s->cuptiGetResultString = dlsym(library, "cuptiGetResultString");
	return (s->cuptiGetVersion && !s->cuptiGetVersion(&s->version)) ||
	       pm_fail(s, "no version of CUPTI");
}

static bool is_uuid(const unsigned char bytes[16], const char *text)
{
	char hex[33];

	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return !strcasecmp(hex, text);
}

/* The recorded process may see the devices in another order, or not all of them. */
static bool find_device(struct pm_session *s, const char *cuda, const char *uuid)
{
	void *library = dlopen(cuda, RTLD_NOW | RTLD_GLOBAL);
	int (*init)(unsigned), (*get_count)(int *), (*get_uuid)(unsigned char *, int);
	unsigned char bytes[16];
	int count = 0, result;

	if (!library)
		return pm_fail(s, "no driver: %s", dlerror());
	*(void **)&init = dlsym(library, "cuInit");
	*(void **)&get_count = dlsym(library, "cuDeviceGetCount");
	*(void **)&get_uuid = dlsym(library, "cuDeviceGetUuid_v2");
	if (!get_uuid)
		*(void **)&get_uuid = dlsym(library, "cuDeviceGetUuid");
	result = init && get_count && get_uuid ? init(0) : -1;
	if (result || get_count(&count))
		return pm_fail(s, "the driver does not start: CUDA error %d", result);
	for (int i = 0; i < count; i++)
		if (!get_uuid(bytes, i) && is_uuid(bytes, uuid)) {
			s->device = (size_t)i;
			return true;
		}
	return pm_fail(s, "the driver does not know this GPU");
}

static bool read_availability(struct pm_session *s)
{
	CUpti_PmSampling_GetCounterAvailability_Params params = { .deviceIndex = s->device };
	int result = pm_cuptiPmSamplingGetCounterAvailability(s, &params);

	if (!result) {
		s->availability = calloc(1, params.counterAvailabilityImageSize + 1);
		if (!s->availability)
			return pm_fail(s, "out of memory");
		params.pCounterAvailabilityImage = s->availability;
		result = pm_cuptiPmSamplingGetCounterAvailability(s, &params);
	}
	return !result || pm_refused(s, "CUPTI does not tell which counters there are", result);
}

static bool open_device(struct pm_session *s)
{
	CUpti_Profiler_Initialize_Params initialize = { 0 };
	CUpti_Device_GetChipName_Params chip = { .deviceIndex = s->device };
	CUpti_PmSampling_Enable_Params enable = { .deviceIndex = s->device };
	int result = pm_cuptiProfilerInitialize(s, &initialize);

	if (result)
		return pm_refused(s, "CUPTI's profiler does not start", result);
	result = pm_cuptiDeviceGetChipName(s, &chip);
	if (result)
		return pm_refused(s, "CUPTI does not know this GPU", result);
	s->chip = chip.pChipName;
	if (!read_availability(s))
		return false;
	result = pm_cuptiPmSamplingEnable(s, &enable);
	s->sampling = enable.pPmSamplingObject;
	if (result)
		return pm_refused(s, result == CUPTI_PM_ERROR_INVALID_OPERATION ?
				  "somebody else samples this GPU" : "PM sampling cannot be enabled", result);
	return true;
}

/* --- what fits into one pass ---------------------------------------------------------------------- */

static void host_close(struct pm_session *s)
{
	CUpti_Profiler_Host_Deinitialize_Params params = { .pHostObject = s->host };

	if (s->host)
		pm_cuptiProfilerHostDeinitialize(s, &params);
	s->host = NULL;
}

static bool config_make(struct pm_session *s)
{
	CUpti_Profiler_Host_GetConfigImageSize_Params size = { .pHostObject = s->host };
	CUpti_Profiler_Host_GetConfigImage_Params image = { .pHostObject = s->host };

	if (pm_cuptiProfilerHostGetConfigImageSize(s, &size))
		return false;
	free(s->config);
	s->config_bytes = image.configImageSize = size.configImageSize;
	s->config = image.pConfigImage = calloc(1, s->config_bytes + 1);
	return s->config && !pm_cuptiProfilerHostGetConfigImage(s, &image);
}

/* A host object with the first `count` metrics, and its configuration; false: not in one pass. */
static bool host_open(struct pm_session *s, size_t count)
{
	CUpti_Profiler_Host_Initialize_Params initialize = {
		.profilerType = CUPTI_PROFILER_TYPE_PM_SAMPLING, .pChipName = s->chip,
		.pCounterAvailabilityImage = s->availability,
	};
	CUpti_Profiler_Host_ConfigAddMetrics_Params add = { .ppMetricNames = s->names,
							    .numMetrics = count };
	CUpti_Profiler_Host_GetNumOfPasses_Params passes = { 0 };

	host_close(s);
	if (pm_cuptiProfilerHostInitialize(s, &initialize))
		return false;
	s->host = add.pHostObject = initialize.pHostObject;
	if (pm_cuptiProfilerHostConfigAddMetrics(s, &add) || !config_make(s))
		return false;
	passes.configImageSize = s->config_bytes;
	passes.pConfigImage = s->config;
	return !pm_cuptiProfilerHostGetNumOfPasses(s, &passes) && passes.numOfPasses == 1;
}

static bool is_chosen(const struct pm_session *s, enum sampler_metric metric)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->chosen[i]->metric == metric)
			return true;
	return false;
}

static bool choose_metrics(struct pm_session *s)
{
	for (size_t i = 0; i < WANTED; i++) {
		if (is_chosen(s, wanted[i].metric))
			continue;
		s->names[s->count] = wanted[i].name;
		s->chosen[s->count] = &wanted[i];
		s->count += host_open(s, s->count + 1);
	}
	return (s->count && host_open(s, s->count)) || pm_fail(s, "%s has none of the counters", s->chip);
}

bool pm_open(struct pm_session *s, const struct pm_options *options)
{
	return find_device(s, options->cuda, options->uuid) && open_cupti(s, options->cupti) &&
	       open_device(s) && choose_metrics(s);
}

void pm_close(struct pm_session *s)
{
	CUpti_PmSampling_Disable_Params disable = { .pPmSamplingObject = s->sampling };

	if (s->sampling)
		pm_cuptiPmSamplingDisable(s, &disable);
	host_close(s);
	free(s->availability);
	free(s->config);
}

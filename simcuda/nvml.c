/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated NVML (libnvidia-ml.so.1): utilisation, GPM counters and memory of the simulated GPUs,
 * from the page of meters that their processes write. docs/simulator.md has its variables.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "driver/nvml.h"

#include "simcuda/meters.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define NVML(result, symbol, params) EXPORT result symbol params;
#include "driver/nvml_functions.def"
#undef NVML

#define DEVICES_MAX 16
#define MIB 1048576.0
#define NS_PER_S 1e9
#define RESERVED_BYTES (600ull << 20)	/* what drivers keep to themselves, about */

struct model {
	const char *key;
	int cc_major;
	unsigned long long memory_bytes;
	long clock_khz;
};

static const struct model models[] = {
#define PROFILE(key, name, major, minor, sms, mib, threads, blocks, registers, shared, block, optin, \
		reserved, clock_khz, ...) { #key, major, (mib) * 1048576ull, clock_khz },
#include "simcuda/profiles.def"
#undef PROFILE
};

struct nvmlDevice_st {
	int index;
	struct sim_reading fresh;		/* of the counters' last renewal */
	struct sim_reading before;		/* of the last utilisation asked for */
	nvmlUtilization_t utilization;
};

struct nvmlGpmSample_st {
	struct sim_reading reading;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int users;
static struct nvmlDevice_st devices[DEVICES_MAX];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static long number_of(const char *variable, long fallback)
{
	const char *text = getenv(variable);

	return text && *text ? strtol(text, NULL, 10) : fallback;
}

/* --- injections ------------------------------------------------------------------------------- */

/* SIMNVML_FAIL="function=code[@N],...": from its Nth call on; code 0 hangs. */
static nvmlReturn_t fault_of(const char *function)
{
	static unsigned calls[32];
	const char *at = getenv("SIMNVML_FAIL");
	size_t length = strlen(function);

	for (unsigned i = 0; at && *at && i < 32; i++) {
		char *end;
		unsigned long code, first = 1;
		bool is_meant = !strncmp(at, function, length) && at[length] == '=';

		if (is_meant) {
			code = strtoul(at + length + 1, &end, 10);
			if (*end == '@')
				first = strtoul(end + 1, NULL, 10);
			if (__atomic_add_fetch(&calls[i], 1, __ATOMIC_RELAXED) >= first) {
				while (!code)
					pause();
				return (nvmlReturn_t)code;
			}
		}
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return NVML_SUCCESS;
}

#define FAULT()							\
	do {							\
		nvmlReturn_t fault = fault_of(__func__);	\
								\
		if (fault)					\
			return fault;				\
		if (!users)					\
			return NVML_ERROR_UNINITIALIZED;	\
	} while (0)

static const struct model *model_get(void)
{
	const char *key = sim_meters_page() ? sim_meters_page()->model : getenv("SIMCUDA_DEVICE");

	for (size_t i = 0; key && i < sizeof(models) / sizeof(models[0]); i++)
		if (!strcasecmp(models[i].key, key))
			return &models[i];
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (!strcmp(models[i].key, "H200"))
			return &models[i];
	return models;
}

static int device_count(void)
{
	long asked = number_of("SIMCUDA_DEVICES", 1);
	long there = sim_meters_page() ? (long)sim_meters_page()->devices : 0;

	asked = asked > there ? asked : there;
	return asked < DEVICES_MAX ? (int)asked : DEVICES_MAX;
}

/* --- library and devices ---------------------------------------------------------------------- */

nvmlReturn_t nvmlInit_v2(void)
{
	nvmlReturn_t fault = fault_of(__func__);

	if (fault)
		return fault;
	pthread_mutex_lock(&lock);
	for (int i = 0; !users && i < DEVICES_MAX; i++)
		devices[i] = (struct nvmlDevice_st){ .index = i };
	users++;
	pthread_mutex_unlock(&lock);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlShutdown(void)
{
	FAULT();
	pthread_mutex_lock(&lock);
	users--;
	pthread_mutex_unlock(&lock);
	return NVML_SUCCESS;
}

const char *nvmlErrorString(nvmlReturn_t result)
{
	static const struct { nvmlReturn_t code; const char *text; } texts[] = {
		{ NVML_SUCCESS, "Success" },
		{ NVML_ERROR_UNINITIALIZED, "Uninitialized" },
		{ NVML_ERROR_INVALID_ARGUMENT, "Invalid argument" },
		{ NVML_ERROR_NOT_SUPPORTED, "Not supported" },
		{ NVML_ERROR_NO_PERMISSION, "Insufficient permissions" },
		{ NVML_ERROR_NOT_FOUND, "Not found" },
		{ NVML_ERROR_DRIVER_NOT_LOADED, "Driver not loaded" },
		{ NVML_ERROR_GPU_IS_LOST, "GPU is lost" },
		{ NVML_ERROR_NO_DATA, "No data" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].code == result)
			return texts[i].text;
	return "Unknown error";
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *deviceCount)
{
	FAULT();
	*deviceCount = (unsigned int)device_count();
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
	FAULT();
	if (index >= (unsigned int)device_count())
		return NVML_ERROR_INVALID_ARGUMENT;
	*device = &devices[index];
	return NVML_SUCCESS;
}

static bool has_mig(void)
{
	return number_of("SIMNVML_MIG", 0);
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
	char text[48];

	FAULT();
	for (int i = 0; i < device_count(); i++) {
		sim_uuid_text(has_mig() ? "MIG" : "GPU", i, text, sizeof(text));
		if (!strcasecmp(text, uuid)) {
			*device = &devices[i];
			return NVML_SUCCESS;
		}
	}
	return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *currentMode,
				  unsigned int *pendingMode)
{
	(void)device;
	FAULT();
	*currentMode = *pendingMode = has_mig() ? NVML_DEVICE_MIG_ENABLE : 0;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
	uint64_t used;

	FAULT();
	if (memory->version != NVML_MEMORY_VERSION_2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	sim_meters_read(device->index, &used);
	memory->total = sim_meters_page() ? sim_meters_page()->memory_bytes : model_get()->memory_bytes;
	memory->total += RESERVED_BYTES;
	memory->reserved = RESERVED_BYTES;
	memory->used = used;
	memory->free = memory->total - RESERVED_BYTES - used;
	return NVML_SUCCESS;
}

/* Of the last sample period, as the real one: it answers the same until the next one has passed. */
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization)
{
	uint64_t period_ns = (uint64_t)number_of("SIMNVML_PERIOD_MS", 167) * 1000000, used;
	struct sim_reading now;

	FAULT();
	if (has_mig())
		return NVML_ERROR_NOT_SUPPORTED;
	now = sim_meters_read(device->index, &used);
	if (device->before.time_ns && now.time_ns - device->before.time_ns >= period_ns) {
		device->utilization.gpu =
			(unsigned)(100 * sim_reading_rate(&device->before, &now, SIM_METER_gpu_busy) + 0.5);
		device->utilization.memory =
			(unsigned)(100 * sim_reading_rate(&device->before, &now, SIM_METER_dram) + 0.5);
	}
	if (now.time_ns - device->before.time_ns >= period_ns)
		device->before = now;
	*utilization = device->utilization;
	return NVML_SUCCESS;
}

/* --- clocks and power ------------------------------------------------------------------------- */

/* SIMNVML_CLOCK_MHZ, or the model's highest. */
nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock)
{
	(void)device;
	FAULT();
	if (type != NVML_CLOCK_SM)
		return NVML_ERROR_INVALID_ARGUMENT;
	*clock = (unsigned int)number_of("SIMNVML_CLOCK_MHZ", model_get()->clock_khz / 1000);
	return NVML_SUCCESS;
}

/* SIMNVML_POWER_MW, or 100 W. */
nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *power)
{
	(void)device;
	FAULT();
	*power = (unsigned int)number_of("SIMNVML_POWER_MW", 100000);
	return NVML_SUCCESS;
}

/* SIMNVML_REASONS: NVML's bits, by default none. */
nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device,
						    unsigned long long *clocksEventReasons)
{
	(void)device;
	FAULT();
	*clocksEventReasons = (unsigned long long)number_of("SIMNVML_REASONS", 0);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device,
						       unsigned long long *clocksThrottleReasons)
{
	return nvmlDeviceGetCurrentClocksEventReasons(device, clocksThrottleReasons);
}

/* --- GPM -------------------------------------------------------------------------------------- */

nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *gpmSupport)
{
	(void)device;
	FAULT();
	if (gpmSupport->version != NVML_GPM_SUPPORT_VERSION)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	gpmSupport->isSupportedDevice = model_get()->cc_major >= 9;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *gpmSample)
{
	FAULT();
	*gpmSample = calloc(1, sizeof(**gpmSample));
	return *gpmSample ? NVML_SUCCESS : NVML_ERROR_MEMORY;
}

nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t gpmSample)
{
	FAULT();
	free(gpmSample);
	return NVML_SUCCESS;
}

/* Counters are renewed ten times a second: who asks sooner gets the same once more. */
nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t gpmSample)
{
	uint64_t refresh_ns = (uint64_t)number_of("SIMNVML_REFRESH_MS", 100) * 1000000, used;

	FAULT();
	if (model_get()->cc_major < 9)
		return NVML_ERROR_NOT_SUPPORTED;
	if (!device->fresh.time_ns || now_ns() - device->fresh.time_ns >= refresh_ns)
		device->fresh = sim_meters_read(device->index, &used);
	gpmSample->reading = device->fresh;
	return NVML_SUCCESS;
}

static bool metric_read(const struct sim_reading *from, const struct sim_reading *to, nvmlGpmMetric_t *metric)
{
	static const struct { unsigned int id; int meter; double unit; } metrics[] = {
		{ NVML_GPM_METRIC_GRAPHICS_UTIL, SIM_METER_gpu_busy, 100 },
		{ NVML_GPM_METRIC_SM_UTIL, SIM_METER_sm_active, 100 },
		{ NVML_GPM_METRIC_SM_OCCUPANCY, SIM_METER_occupancy, 100 },
		{ NVML_GPM_METRIC_ANY_TENSOR_UTIL, SIM_METER_tensor, 100 },
		{ NVML_GPM_METRIC_DRAM_BW_UTIL, SIM_METER_dram, 100 },
		{ NVML_GPM_METRIC_PCIE_TX_PER_SEC, SIM_METER_pcie_tx, NS_PER_S / MIB },
		{ NVML_GPM_METRIC_PCIE_RX_PER_SEC, SIM_METER_pcie_rx, NS_PER_S / MIB },
		{ NVML_GPM_METRIC_NVLINK_TOTAL_TX_PER_SEC, SIM_METER_nvlink_tx, NS_PER_S / MIB },
		{ NVML_GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC, SIM_METER_nvlink_rx, NS_PER_S / MIB },
	};

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		if (metrics[i].id == metric->metricId) {
			metric->value = sim_reading_rate(from, to, metrics[i].meter) * metrics[i].unit;
			return true;
		}
	return false;
}

nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *metricsGet)
{
	static const double garbage[] = { NAN, -1, 1e300, INFINITY };
	long absent = number_of("SIMNVML_NO_METRIC", -1);
	const struct sim_reading *from, *to;

	FAULT();
	if (metricsGet->version != NVML_GPM_METRICS_GET_VERSION)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	from = &metricsGet->sample1->reading;
	to = &metricsGet->sample2->reading;
	if (to->time_ns <= from->time_ns)
		return NVML_ERROR_NO_DATA;
	for (unsigned int i = 0; i < metricsGet->numMetrics; i++) {
		nvmlGpmMetric_t *metric = &metricsGet->metrics[i];

		metric->value = garbage[i % 4];
		if (number_of("SIMNVML_GARBAGE", 0))
			continue;	/* a success, too */
		metric->nvmlReturn = (long)metric->metricId != absent && metric_read(from, to, metric) ?
					     NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
	}
	return NVML_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is used of NVML (libnvidia-ml.so.1): its types and constants under their public names. The
 * functions are the rows of nvml_functions.def; tests/sim/nvml_headers.py compares both with nvml.h.
 */
#ifndef GPUTRAIL_DRIVER_NVML_H
#define GPUTRAIL_DRIVER_NVML_H

typedef enum nvmlReturn_enum {
	NVML_SUCCESS = 0,
	NVML_ERROR_UNINITIALIZED = 1,
	NVML_ERROR_INVALID_ARGUMENT = 2,
	NVML_ERROR_NOT_SUPPORTED = 3,
	NVML_ERROR_NO_PERMISSION = 4,
	NVML_ERROR_NOT_FOUND = 6,
	NVML_ERROR_DRIVER_NOT_LOADED = 9,
	NVML_ERROR_FUNCTION_NOT_FOUND = 13,
	NVML_ERROR_GPU_IS_LOST = 15,
	NVML_ERROR_MEMORY = 20,
	NVML_ERROR_NO_DATA = 21,
	NVML_ERROR_ARGUMENT_VERSION_MISMATCH = 25,
	NVML_ERROR_UNKNOWN = 999
} nvmlReturn_t;

typedef struct nvmlDevice_st *nvmlDevice_t;
typedef struct nvmlGpmSample_st *nvmlGpmSample_t;

/* Over the device's last sample period, of 1/6 to 1 s. */
typedef struct {
	unsigned int gpu;		/* percent of time in which some kernel ran */
	unsigned int memory;		/* percent of time in which memory was read or written */
} nvmlUtilization_t;

typedef struct {
	unsigned int version;		/* NVML_MEMORY_VERSION_2 */
	unsigned long long total, reserved, free, used;		/* bytes */
} nvmlMemory_v2_t;
#define NVML_MEMORY_VERSION_2	((unsigned int)(sizeof(nvmlMemory_v2_t) | 2u << 24))

typedef enum {
	NVML_CLOCK_SM = 1
} nvmlClockType_t;

/* Why clocks are lower than they could be: bits. HwSlowdown comes with either of the two below it. */
#define nvmlClocksThrottleReasonSwPowerCap		0x4ull
#define nvmlClocksThrottleReasonHwSlowdown		0x8ull
#define nvmlClocksThrottleReasonSwThermalSlowdown	0x20ull
#define nvmlClocksThrottleReasonHwThermalSlowdown	0x40ull
#define nvmlClocksThrottleReasonHwPowerBrakeSlowdown	0x80ull

enum {
	NVML_GPM_METRIC_GRAPHICS_UTIL = 1,
	NVML_GPM_METRIC_SM_UTIL = 2,
	NVML_GPM_METRIC_SM_OCCUPANCY = 3,
	NVML_GPM_METRIC_ANY_TENSOR_UTIL = 5,
	NVML_GPM_METRIC_DRAM_BW_UTIL = 10,
	NVML_GPM_METRIC_PCIE_TX_PER_SEC = 20,
	NVML_GPM_METRIC_PCIE_RX_PER_SEC = 21,
	NVML_GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC = 60,
	NVML_GPM_METRIC_NVLINK_TOTAL_TX_PER_SEC = 61
};

typedef struct {
	unsigned int metricId;		/* in */
	nvmlReturn_t nvmlReturn;	/* out: whether the value is good */
	double value;			/* percent, or MiB per second */
	struct {
		char *shortName, *longName, *unit;
	} metricInfo;
} nvmlGpmMetric_t;

/*
 * The array is as long as a release of NVML has metrics: 98 with CUDA 11.8, 210 with 12.9, 477 with
 * 13.4, all of them version 1. A library that touches all of its own needs as much room as it knows
 * metrics, so there is room for many more here.
 */
#define NVML_GPM_METRICS_ROOM	2048
typedef struct {
	unsigned int version, numMetrics;
	nvmlGpmSample_t sample1, sample2;
	nvmlGpmMetric_t metrics[NVML_GPM_METRICS_ROOM];
} nvmlGpmMetricsGet_t;
#define NVML_GPM_METRICS_GET_VERSION 1

typedef struct {
	unsigned int version, isSupportedDevice;
} nvmlGpmSupport_t;
#define NVML_GPM_SUPPORT_VERSION 1

#define NVML_DEVICE_MIG_ENABLE 0x1

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Check of what --sm-activity could measure here. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/doctor.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "collector/nvml.h"

/* The first sample tells whether the counters are permitted, too. */
static nvmlReturn_t sample_once(const struct nvml *nvml, nvmlDevice_t device)
{
	nvmlGpmSample_t sample;
	nvmlReturn_t result = nvml->nvmlGpmSampleAlloc(&sample);

	if (result != NVML_SUCCESS)
		return result;
	result = nvml->nvmlGpmSampleGet(device, sample);
	nvml->nvmlGpmSampleFree(sample);
	return result;
}

/* "DEVICES WITH-COUNTERS REFUSAL". */
static int probe_activity(const void *arg, char *out, size_t bytes)
{
	unsigned int count = 0, good = 0;
	char why[128] = "", text[96];
	struct nvml nvml;

	if (!nvml_open(&nvml, arg, out, bytes))
		return -1;
	if (nvml.nvmlDeviceGetCount_v2)
		nvml.nvmlDeviceGetCount_v2(&count);
	for (unsigned int i = 0; i < count && nvml.nvmlDeviceGetHandleByIndex_v2; i++) {
		nvmlReturn_t result;
		nvmlDevice_t device;

		if (nvml.nvmlDeviceGetHandleByIndex_v2(i, &device) != NVML_SUCCESS ||
		    !nvml_has_gpm(&nvml, device, &result))
			continue;
		result = sample_once(&nvml, device);
		good += result == NVML_SUCCESS;
		if (result != NVML_SUCCESS)
			snprintf(why, sizeof(why), "%s", nvml_text(&nvml, result, text, sizeof(text)));
	}
	nvml_close(&nvml);
	snprintf(out, bytes, "%u %u %s", count, good, why);
	return 0;
}

/* Whether PM sampling is permitted to us: the driver may keep counters for CAP_SYS_ADMIN. */
static bool counters_are_permitted(void)
{
	FILE *params = fopen("/proc/driver/nvidia/params", "re");
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long long capabilities = 0;
	int only_admin = 1;
	char line[256];

	while (params && fgets(line, sizeof(line), params))
		sscanf(line, "RmProfilingAdminOnly: %d", &only_admin);
	while (status && fgets(line, sizeof(line), status))
		sscanf(line, "CapEff: %llx", &capabilities);
	if (params)
		fclose(params);
	if (status)
		fclose(status);
	return !only_admin || capabilities >> CAP_SYS_ADMIN & 1;
}

void doctor_activity(struct doctor *doctor, struct finding *finding)
{
	char answer[512] = "", why[128] = "";
	unsigned int count = 0, good = 0;

	if (probe_run(probe_activity, NVML_LIBRARY, answer, sizeof(answer)) < 0) {
		found(finding, DOCTOR_OK, "cannot be measured: %.400s", answer);
		if (!doctor->has_driver)
			return;
		finding->state = DOCTOR_WARN;
		advise(finding, "record --sm-activity needs " NVML_LIBRARY ", a part of the driver; in a "
		       "container: NVIDIA_DRIVER_CAPABILITIES=compute,utility");
		return;
	}
	sscanf(answer, "%u %u %127[^\n]", &count, &good, why);
	if (why[0]) {
		found(finding, DOCTOR_WARN, "the counters of SMs are refused: %.200s", why);
		advise(finding, "record --sm-activity will only tell whether the GPU is busy");
		return;
	}
	found(finding, DOCTOR_OK, "record --sm-activity measures SMs on %u of %u GPUs%s; more than 9 times a "
	      "second %s", good, count, good < count ? "; before Hopper only whether they are busy" : "",
	      counters_are_permitted() ? "is permitted" :
	      "needs CAP_SYS_ADMIN, or NVreg_RestrictProfilingToAdminUsers=0");
}

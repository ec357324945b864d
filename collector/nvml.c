/* SPDX-License-Identifier: Apache-2.0 */
/* Opening NVML: see nvml.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/nvml.h"

#include <dlfcn.h>
#include <stdio.h>

bool nvml_open(struct nvml *nvml, const char *library, char *why, size_t why_bytes)
{
	nvmlReturn_t result = NVML_ERROR_FUNCTION_NOT_FOUND;
	char text[96];

	*nvml = (struct nvml){ .library = dlopen(library, RTLD_NOW | RTLD_LOCAL) };
	if (!nvml->library) {
		snprintf(why, why_bytes, "there is no NVML: %s", dlerror());
		return false;
	}
#define NVML(result, symbol, params) *(void **)&nvml->symbol = dlsym(nvml->library, #symbol);
#include "driver/nvml_functions.def"
#undef NVML
	if (nvml->nvmlInit_v2)
		result = nvml->nvmlInit_v2();
	if (result == NVML_SUCCESS)
		return true;
	snprintf(why, why_bytes, "NVML does not start: %s",
		 nvml_text(nvml, result, text, sizeof(text)));
	dlclose(nvml->library);
	nvml->library = NULL;
	return false;
}

void nvml_close(struct nvml *nvml)
{
	if (!nvml->library)
		return;
	if (nvml->nvmlShutdown)
		nvml->nvmlShutdown();
	dlclose(nvml->library);
	nvml->library = NULL;
}

const char *nvml_text(const struct nvml *nvml, nvmlReturn_t result, char *text, size_t bytes)
{
	const char *said = NULL;

	if (result == NVML_ERROR_FUNCTION_NOT_FOUND)
		said = "this NVML lacks the function";
	else if (nvml->nvmlErrorString)
		said = nvml->nvmlErrorString(result);
	snprintf(text, bytes, "%s (%d)", said ? said : "error", (int)result);
	return text;
}

bool nvml_has_gpm(const struct nvml *nvml, nvmlDevice_t device, nvmlReturn_t *result)
{
	nvmlGpmSupport_t support = { .version = NVML_GPM_SUPPORT_VERSION };

	*result = NVML_ERROR_FUNCTION_NOT_FOUND;
	if (!nvml->nvmlGpmQueryDeviceSupport || !nvml->nvmlGpmSampleAlloc ||
	    !nvml->nvmlGpmSampleFree || !nvml->nvmlGpmSampleGet || !nvml->nvmlGpmMetricsGet)
		return false;
	*result = nvml->nvmlGpmQueryDeviceSupport(device, &support);
	if (*result == NVML_SUCCESS && !support.isSupportedDevice)
		*result = NVML_ERROR_NOT_SUPPORTED;
	return *result == NVML_SUCCESS;
}

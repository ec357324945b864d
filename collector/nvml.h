/* SPDX-License-Identifier: Apache-2.0 */
/* NVML found at run time: it needs no CUDA context, and nothing of it is in the recorded process. */
#ifndef GPUTRAIL_COLLECTOR_NVML_H
#define GPUTRAIL_COLLECTOR_NVML_H

#include <stdbool.h>
#include <stddef.h>

#include "driver/nvml.h"

struct nvml {
	void *library;
#define NVML(result, symbol, params) result (*symbol) params;	/* NULL: this release lacks it */
#include "driver/nvml_functions.def"
#undef NVML
};

#define NVML_LIBRARY "libnvidia-ml.so.1"

/* Opens `library` and initialises it. False: `why` says what is wrong, and nothing stays open. */
bool nvml_open(struct nvml *nvml, const char *library, char *why, size_t why_bytes);
void nvml_close(struct nvml *nvml);

/* "Insufficient permissions (4)" */
const char *nvml_text(const struct nvml *nvml, nvmlReturn_t result, char *text, size_t bytes);

/* Whether the device has GPM's counters; *result is NVML's answer. */
bool nvml_has_gpm(const struct nvml *nvml, nvmlDevice_t device, nvmlReturn_t *result);

#endif

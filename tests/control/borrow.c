/* SPDX-License-Identifier: Apache-2.0 */
/* Finds CUPTI by name; with BORROW_LINKED it is linked to. */
#include "tests/control/borrow.h"

#include <dlfcn.h>
#include <string.h>
#include <time.h>

#include "simcuda/cupti.h"
#include "tests/shim/app.h"

#define BUFFER_BYTES (1u << 20)
#define TICKS_PER_NS 2
#define KERNEL_TICKS (5000 * TICKS_PER_NS)
#define KERNEL_TIMES 16		/* start and end in the record */

#ifdef BORROW_LINKED
#define FUNCTION(name) name
#else
static void *library;
#define FUNCTION(name) ((__typeof__(&name))(uintptr_t)dlsym(library, #name))
#endif
#define CUPTI(name, ...) NEED(FUNCTION(name)(__VA_ARGS__) == CUPTI_SUCCESS)

static int kernels;

/* Not in nanoseconds, as a processor's counter is not. */
static uint64_t ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return TICKS_PER_NS * ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

static void requested(uint8_t **buffer, size_t *bytes, size_t *records)
{
	*buffer = calloc(1, BUFFER_BYTES);
	*bytes = BUFFER_BYTES;
	*records = 0;
}

static int is_near(uint64_t value, uint64_t wanted)
{
	return value > wanted - wanted / 20 && value < wanted + wanted / 20;
}

static void completed(CUcontext context, uint32_t stream, uint8_t *buffer, size_t bytes, size_t valid)
{
	CUpti_Activity *record = NULL;
	uint64_t times[2];

	(void)context;
	(void)stream;
	(void)bytes;
	while (FUNCTION(cuptiActivityGetNextRecord)(buffer, valid, &record) == CUPTI_SUCCESS) {
		if (record->kind != CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL)
			continue;
		memcpy(times, (char *)record + KERNEL_TIMES, sizeof(times));
		NEED(is_near(times[1] - times[0], KERNEL_TICKS));
		kernels++;
	}
	free(buffer);
}

void borrow_begin(void)
{
#ifndef BORROW_LINKED
	library = dlopen("libcupti.so.13", RTLD_NOW);
	NEED(library);
#endif
	kernels = 0;
	CUPTI(cuptiActivityRegisterTimestampCallback, ticks);
	CUPTI(cuptiActivityRegisterCallbacks, requested, completed);
	CUPTI(cuptiActivityEnable, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
}

int borrow_end(void)
{
	CUPTI(cuptiActivityDisable, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
	CUPTI(cuptiActivityFlushAll, 1);
	return kernels;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of NVTX's headers that ranges/program.c uses, written anew from how they meet a tool, so
 * that the test needs none of NVIDIA's files: each call goes through a pointer of its own, the
 * first call loads the tool, and the tool sets the pointers.
 */
#ifndef GPUTRAIL_TESTS_RANGES_STANDIN_H
#define GPUTRAIL_TESTS_RANGES_STANDIN_H

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "libprofile/nvtx_layout.h"

typedef uint64_t nvtxRangeId_t;
typedef void *nvtxDomainHandle_t, *nvtxStringHandle_t;
typedef struct {
	uint16_t version, size;
	uint32_t category;
	int32_t colorType;
	uint32_t color;
	int32_t payloadType, reserved0;
	union {
		uint64_t ullValue;
		int64_t llValue;
		double dValue;
		uint32_t uiValue;
		int32_t iValue;
		float fValue;
	} payload;
	int32_t messageType;
	union {
		const char *ascii;
		const wchar_t *unicode;
		nvtxStringHandle_t registered;
	} message;
} nvtxEventAttributes_t;

#define NVTX_VERSION 3
#define NVTX_EVENT_ATTRIB_STRUCT_SIZE ((uint16_t)sizeof(nvtxEventAttributes_t))
#define NVTX_COLOR_ARGB 1
#define NVTX_MESSAGE_TYPE_ASCII 1
#define NVTX_MESSAGE_TYPE_UNICODE 2
#define NVTX_MESSAGE_TYPE_REGISTERED 3

/* The functions by module and number: as many rows as the program needs. */
#define STANDIN_MODULES 7
#define STANDIN_CALLS 16
static nvtx_function *standin_pointers[STANDIN_MODULES][STANDIN_CALLS];
static nvtx_function **standin_places[STANDIN_MODULES][STANDIN_CALLS];

static int standin_module(int module, nvtx_function ****places, unsigned *count)
{
	if (module < 1 || module >= STANDIN_MODULES)
		return 0;
	for (int i = 1; i < STANDIN_CALLS; i++)
		standin_places[module][i] = &standin_pointers[module][i];
	*places = standin_places[module];
	*count = STANDIN_CALLS;
	return 1;
}

static const void *standin_table(uint32_t id)
{
	static const struct nvtx_callbacks callbacks = { sizeof(callbacks), standin_module };

	return id == NVTX_TABLE_CALLBACKS ? &callbacks : NULL;
}

__attribute__((constructor)) static void standin_load(void)
{
	const char *path = getenv("NVTX_INJECTION64_PATH");
	void *tool = path ? dlopen(path, RTLD_LAZY) : NULL;
	int (*start)(nvtx_get_table *) = NULL;

	if (tool)
		*(void **)&start = dlsym(tool, "InitializeInjectionNvtx2");
	if (start && !start(standin_table))
		memset(standin_pointers, 0, sizeof(standin_pointers));
}

#define STANDIN(module, number, type, otherwise, name, parameters, arguments)			\
	__attribute__((unused)) static type nvtx##name parameters				\
	{											\
		type (*call) parameters = (type (*) parameters)standin_pointers[module][number];	\
		return call ? call arguments : otherwise;						\
	}
#define ATTRIBUTES const nvtxEventAttributes_t *a
STANDIN(1, 2, void, (void)0, MarkA, (const char *t), (t))
STANDIN(1, 3, void, (void)0, MarkW, (const wchar_t *t), (t))
STANDIN(1, 4, nvtxRangeId_t, 0, RangeStartEx, (ATTRIBUTES), (a))
STANDIN(1, 5, nvtxRangeId_t, 0, RangeStartA, (const char *t), (t))
STANDIN(1, 7, void, (void)0, RangeEnd, (nvtxRangeId_t id), (id))
STANDIN(1, 8, int, -2, RangePushEx, (ATTRIBUTES), (a))
STANDIN(1, 9, int, -2, RangePushA, (const char *t), (t))
STANDIN(1, 10, int, -2, RangePushW, (const wchar_t *t), (t))
STANDIN(1, 11, int, -2, RangePop, (void), ())
STANDIN(1, 14, void, (void)0, NameOsThreadA, (uint32_t tid, const char *t), (tid, t))
STANDIN(5, 1, void, (void)0, DomainMarkEx, (nvtxDomainHandle_t d, ATTRIBUTES), (d, a))
STANDIN(5, 2, nvtxRangeId_t, 0, DomainRangeStartEx, (nvtxDomainHandle_t d, ATTRIBUTES), (d, a))
STANDIN(5, 3, void, (void)0, DomainRangeEnd, (nvtxDomainHandle_t d, nvtxRangeId_t id), (d, id))
STANDIN(5, 4, int, -2, DomainRangePushEx, (nvtxDomainHandle_t d, ATTRIBUTES), (d, a))
STANDIN(5, 5, int, -2, DomainRangePop, (nvtxDomainHandle_t d), (d))
STANDIN(5, 8, void, (void)0, DomainNameCategoryA,
	(nvtxDomainHandle_t d, uint32_t c, const char *t), (d, c, t))
STANDIN(5, 10, nvtxStringHandle_t, NULL, DomainRegisterStringA,
	(nvtxDomainHandle_t d, const char *t), (d, t))
STANDIN(5, 11, nvtxStringHandle_t, NULL, DomainRegisterStringW,
	(nvtxDomainHandle_t d, const wchar_t *t), (d, t))
STANDIN(5, 12, nvtxDomainHandle_t, NULL, DomainCreateA, (const char *t), (t))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How NVTX 3 (and the library of NVTX 2) meets a tool, and the structures its calls take. Written
 * from the published interface; tests/ranges/headers.sh compares it with the real headers.
 */
#ifndef GPUTRAIL_LIBPROFILE_NVTX_LAYOUT_H
#define GPUTRAIL_LIBPROFILE_NVTX_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

enum nvtx_table { NVTX_TABLE_CALLBACKS = 1 };
enum nvtx_module { NVTX_MODULE_CORE = 1, NVTX_MODULE_CORE2 = 5 };

typedef void nvtx_function(void);

/* The table of that id, or NULL. */
typedef const void *nvtx_get_table(uint32_t id);

struct nvtx_callbacks {
	size_t bytes;
	/* Places of a module's function pointers, by number; `count` of them. Returns 1. */
	int (*module_functions)(int module, nvtx_function ****places, unsigned *count);
};

enum nvtx_message { NVTX_MESSAGE_NONE, NVTX_MESSAGE_TEXT, NVTX_MESSAGE_WIDE, NVTX_MESSAGE_REGISTERED };
enum { NVTX_ARGB = 1 };
/* The answer of a tool that does not count levels, and what the headers answer without a tool. */
enum { NVTX_LEVEL_UNKNOWN = -2 };

struct nvtx_attributes {
	uint16_t version;
	uint16_t bytes;			/* of this structure, as the program knows it */
	uint32_t category;
	int32_t color_type;
	uint32_t color;
	int32_t payload_type;
	int32_t reserved;
	union {
		uint64_t bits;
		double d;
		float f;
		uint32_t u32;
		int32_t i32;
	} payload;
	int32_t message_type;		/* enum nvtx_message */
	union {
		const char *text;
		const wchar_t *wide;
		const void *registered;
	} message;
};
static_assert(sizeof(struct nvtx_attributes) == 48, "attributes");

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python call paths by raw reads on the launching thread: no GIL, no allocation, no reference
 * count. A thread's own frame chain does not change while the thread is in C, whether it holds
 * the GIL or not.
 */
#ifndef GPUTRAIL_LIBPROFILE_PYFRAMES_H
#define GPUTRAIL_LIBPROFILE_PYFRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYFRAMES_DEPTH_MAX 256u

struct pyframe {
	uint64_t code;		/* PyCodeObject */
	uint32_t instruction;	/* byte offset in the code; f_lasti * 2 below 3.10 too */
	uint32_t is_entry;	/* outermost frame of one run of the native eval loop */
	uint64_t stamp;		/* of the code object's identity, against re-use of the address */
};

/* What tells a code object apart and how to show it. Pointers into Python's memory. */
struct pycode {
	const char *filename, *name;	/* UTF-8 or Latin-1 bytes, see *_kind */
	uint32_t filename_bytes, name_bytes;
	uint8_t filename_kind, name_kind;	/* 1, 2 or 4 bytes a character */
	const uint8_t *line_table;
	uint32_t line_table_bytes;
	int32_t first_line;
};

/* Looks for an interpreter in this process; cheap to call again until it says yes. `look_up` is
 * the real dlsym over the global scope. version_p: 0x030b07f0 and the like, 0 none.
 * Returns true when frames of this interpreter can be read. */
bool pyframes_init(void *(*look_up)(const char *symbol), uint32_t *version);

/* The calling thread's frames, innermost first. Returns how many; *truncated when capped. */
uint32_t pyframes_read(struct pyframe *frames, uint32_t max, bool *truncated);

/* Describes a code object; false when it does not look like one. */
bool pycode_read(uint64_t code, struct pycode *result);

#endif

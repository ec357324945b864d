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

#include "libprofile/pyidentity.h"

#define PYFRAMES_DEPTH_MAX 256u
#define PYFRAMES_MINOR_FIRST 9		/* minor versions of Python 3 that are read */
#define PYFRAMES_MINOR_LAST 14

struct pyframe {
	uint64_t code;		/* PyCodeObject */
	uint32_t instruction;	/* byte offset in the code; f_lasti * 2 below 3.10 too */
	uint32_t is_entry;	/* outermost frame of one run of the native eval loop */
	uint64_t stamp;		/* of the code object's identity, against re-use of the address */
};

/* A frame as it was found, the interpreter's own ones too, and how much of the lists below belongs
 * to it and the frames outside of it. */
struct pyseen {
	uint64_t frame, code, instruction;
	uint16_t frames, identities, texts;
	uint8_t is_own;		/* the interpreter's */
	uint8_t enters;		/* what runs inside of it was entered from C */
};

#define PYFRAMES_SEEN_MAX (2 * PYFRAMES_DEPTH_MAX)	/* each frame may have one of the interpreter */

/* The last walk, outermost first. */
struct pywalk {
	uint32_t count, seen_count;
	bool truncated;			/* there are more frames outside */
	uint64_t salt;
	struct pyframe frames[PYFRAMES_DEPTH_MAX];
	struct pyseen seen[PYFRAMES_SEEN_MAX + 1];	/* [0] is where the outermost one leads */
	uint16_t seen_at[PY_PLACES];		/* by place_of() */
	uint32_t fresh_count;
	uint64_t fresh[PYFRAMES_SEEN_MAX];		/* frames that are new, innermost first */
	struct pyidentities identities;
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

/* Reads the calling thread's frames into *walk, its own memory, zeros at first: the innermost
 * `max` of them, the same number each time and at most PYFRAMES_DEPTH_MAX. Returns how many of the
 * outermost ones are those that it held already. */
uint32_t pyframes_read(struct pywalk *walk, uint32_t max);

/* The next walk reads all frames anew. */
void pyframes_forget(struct pywalk *walk);

/* Describes a code object; false when it does not look like one. */
bool pycode_read(uint64_t code, struct pycode *result);

#endif

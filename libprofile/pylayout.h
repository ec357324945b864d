/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are in CPython's structures, by version; words and strings of them. */
#ifndef GPUTRAIL_LIBPROFILE_PYLAYOUT_H
#define GPUTRAIL_LIBPROFILE_PYLAYOUT_H

#include <stdbool.h>
#include <stdint.h>

/* Byte offsets inside CPython's structures; -1 where a version has no such field. */
struct py_layout {
	int16_t thread_frame;	/* PyThreadState: current frame, or the cframe that has it */
	int16_t cframe_frame;
	int16_t previous, code, instruction, owner, is_entry;	/* of a frame */
	int16_t filename, name, first_line, line_table, bytecode;	/* of a code object */
	int16_t ascii_bytes, compact_bytes;	/* size of the compact string headers */
	int8_t owner_shim;	/* owner value of the interpreter's own shim frames, and above */
	uint8_t executable_mask;	/* tag bits of the executable reference */
	int16_t code_version;	/* of a code object: numbers all that an interpreter makes */
	/* Where the GIL's state stays with the thread's first interpreter (below 3.12): of an
	 * interpreter its threads, of a thread its pthread_t. */
	int16_t threads_head, thread_id;
	int16_t string_length, string_state, bytes_size, bytes_data, type;
	uint8_t kind_shift;	/* of the character size in a string's state; compact, ascii follow */
	int16_t thread_code_index, thread_code;	/* per-thread bytecode of free-threaded 3.14 */
	int16_t interpreter, interpreter_id;	/* PyThreadState: its interpreter; that one's id */
};

/* Finds out the interpreter's version (0x030b07f0 and the like, 0 none) by the symbols that
 * `look_up` knows, and its layout. False: nothing is known of that version. */
bool pylayout_find(void *(*look_up)(const char *symbol), uint32_t *version,
		   struct py_layout *layout);

/* The characters of a compact string: ASCII, Latin-1, UCS-2 or UCS-4, `kind` bytes each. */
bool pylayout_string(const struct py_layout *layout, uint64_t string, const char **text,
		     uint32_t *bytes, uint8_t *kind);

/* Where a table that finds objects by their addresses has one; others may have taken the place. */
#define PY_PLACES 256u

static inline unsigned place_of(uint64_t address)
{
	return (unsigned)(address >> 4 ^ address >> 12) % PY_PLACES;
}

static inline uint64_t word_at(uint64_t base, int16_t offset)
{
	return *(const uint64_t *)(uintptr_t)(base + (uint64_t)(int64_t)offset);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Between callpath.c (which path) and frames.c (what a frame is called). */
#ifndef GPUTRAIL_COLLECTOR_CALLPATH_INTERNAL_H
#define GPUTRAIL_COLLECTOR_CALLPATH_INTERNAL_H

#include "collector/callpath.h"
#include "collector/core.h"

struct symbols;

struct module {
	char *path;
	uint8_t build_id[20];
	uint8_t build_id_bytes;
	bool opened, is_interpreter;	/* holds the Python interpreter's loop */
	struct symbols *symbols;
	uint64_t loops[2 * WIRE_PYTHON_LOOPS];	/* [begin, end) of each part that the shim told of */
};

struct code {
	uint32_t name, file;		/* text ids */
	int32_t first_line;
	uint32_t minor, table_bytes;
	uint8_t *table;
};

struct counted {
	struct path_sum sum;
	bool changed;
};

struct callpath {
	struct collector *collector;
	struct intern natives, pythons, pairs, paths;
	uint32_t *pair_paths, pair_capacity;

	struct counted *sums;		/* by path id, 0: without one */
	uint32_t sum_capacity;

	struct intern module_keys, code_keys, frame_keys;
	struct module *modules;
	uint32_t module_capacity;
	struct code *codes;
	uint32_t code_capacity;
	uint8_t *frame_is_eval;
	uint32_t frame_capacity;
	struct intern perf_maps;	/* process ids whose map was read */
	struct symbols **perf_symbols;
	uint32_t perf_capacity;
};

void frames_init(struct callpath *callpath);
void frames_find_lines(struct callpath *callpath);
void frames_free(struct callpath *callpath);

/* 1 + index of a process's module number, 0 unknown. */
uint32_t module_of_wire(struct process *process, uint32_t wire_module);
/* 1 + index of a code object, 0 when the table is full. */
uint32_t code_add(struct callpath *callpath, const struct wire_def_python_code *def);

/* Rows of `frame`; 0 when the table is full. */
/* Learns from the process where its interpreter's loop lies. */
void frames_learn_loops(struct process *process);
uint32_t frame_native(struct callpath *callpath, uint32_t module, uint32_t process,
		      uint64_t address, bool *is_eval);
/* Stands outside of a path whose outer frames were cut off at the depth cap. */
uint32_t frame_cut(struct callpath *callpath);
uint32_t frame_python(struct callpath *callpath, uint32_t code, uint32_t instruction);

#endif

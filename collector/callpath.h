/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call paths: native and Python nodes as the shims define them become merged, symbolised paths of
 * the file. Everything is interned over all processes of a run, so ranks that run the same code
 * share its rows; each distinct (native, Python) pair is merged once.
 */
#ifndef GPUTRAIL_COLLECTOR_CALLPATH_H
#define GPUTRAIL_COLLECTOR_CALLPATH_H

#include <stdint.h>

#include "wire/wire.h"

struct collector;
struct process;
struct ring;
struct callpath;

struct callpath *callpath_new(struct collector *collector);
/* Adds file:line to native frames whose files have debug information: once, at the end. */
void callpath_finish(struct callpath *callpath);
void callpath_free(struct callpath *callpath);

void callpath_module(struct process *process, const struct wire_def_module *def);
void callpath_native_node(struct process *process, struct ring *ring,
			  const struct wire_def_native_node *def);
void callpath_python_code(struct process *process, struct ring *ring,
			  const struct wire_def_python_code *def);
void callpath_python_node(struct process *process, struct ring *ring,
			  const struct wire_def_python_node *def);
/* The ring has a new owner: its node numbers begin anew. */
void callpath_ring_reset(struct ring *ring);

/* Row of `path` for an event's two nodes; 0 where nothing is known. */
uint32_t callpath_of(struct process *process, struct ring *ring, uint32_t native, uint32_t python);

/* What happened at a path, as sum_path keeps it. */
struct path_sum {
	uint64_t launches, gpu_ns, host_ns, calls, copy_bytes, alloc_bytes, replay_gpu_ns;
};
void callpath_count(struct callpath *callpath, uint32_t path, const struct path_sum *more);
/* Writes the sums that changed. */
void callpath_write(struct callpath *callpath);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of NVTX with what nests in them and what they launched on the GPU, as temporary tables:
 *
 * range_name(id, name): domain, colon and text, as nsys writes them
 * range_tree(id, name, style, thread, start, dur, level, parent, children, child_ns, ops, first,
 *	last, stack, work): style 0 pushed and popped, 1 started and ended. level, parent, children and
 *	child_ns (time in children) by what lies in each other on a thread, whatever the domain;
 *	NULL for style 1. ops: GPU operations whose host call began in the range on its thread;
 *	first, last: when the first of them began and the last one ended on the GPU; work: the sum
 *	of their times.
 * range_op(key, range, dur): with kernels, each kernel once for each range around its launch;
 *	range_key(id, name, style, thread, kernel) tells the keys.
 * range_inner(corr, name): of each launching call (nsys_internal.h) in a range, the one that began last.
 *
 * Ranges that did not end and marks are not there.
 */
#ifndef GPUTRAIL_ANALYSIS_NVTX_H
#define GPUTRAIL_ANALYSIS_NVTX_H

#include "analysis/internal.h"

enum nvtx_style { NVTX_PUSH_POP, NVTX_START_END };

/* Makes the tables anew: range_name and range_tree, and for the others of these range_op, for which
 * it needs the views of nsys_internal.h, or range_inner. 0 or -1. */
enum nvtx_tables { NVTX_RANGES, NVTX_KERNELS, NVTX_INNERMOST };
int nvtx_tables_make(struct run *run, enum nvtx_tables what);
void nvtx_tables_drop(struct run *run);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call paths of a recording as trees with totals. Nodes that differ only in the instruction of a
 * native function are one node unless asked for; Python frames are told apart by line.
 */
#ifndef GPUTRAIL_ANALYSIS_CALLPATHS_H
#define GPUTRAIL_ANALYSIS_CALLPATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;

enum callpath_order {
	CALLPATH_TOP_DOWN,	/* from the outermost caller to the launching frame */
	CALLPATH_BOTTOM_UP,	/* from the launching frame to its callers */
	CALLPATH_FLAT,		/* one node per function, without children */
};

/* What a node's totals are added up from. */
struct callpath_totals {
	uint64_t gpu_ns;	/* of the kernels and copies that were caused here */
	uint64_t host_ns;	/* spent in driver calls made here */
	uint64_t launches;	/* kernels */
	uint64_t calls;		/* recorded driver calls of every kind */
	uint64_t copy_bytes;
	uint64_t alloc_bytes;
	uint64_t replay_ns;	/* of what ran inside graphs launched here; gpu_ns has it where it
				 * was captured */
};

enum callpath_metric { METRIC_GPU, METRIC_HOST, METRIC_LAUNCHES, METRIC_CALLS, METRIC_COPY,
	METRIC_ALLOC, METRIC_REPLAY, METRIC_COUNT };
uint64_t callpath_metric(const struct callpath_totals *totals, enum callpath_metric metric);
const char *callpath_metric_name(enum callpath_metric metric);

#define CALLPATH_NONE UINT32_MAX

struct callpath_node {
	uint32_t parent, first_child, next_sibling;	/* CALLPATH_NONE where there is none */
	uint32_t frame;
	struct callpath_totals self, total;	/* self: of calls that this function made itself */
};

struct callpath_frame {
	char *text;		/* "function (file:line)", "function (module)", "module+0x..." */
	char *function, *file, *module;	/* "" unknown */
	int line;		/* 0 unknown */
	bool is_python, is_interpreter;
	bool is_truncated;	/* no frame: the outer ones were cut off here */
};

struct callpath_callers;

/*
 * nodes[0] is the root: its total is the run's. Children are sorted by `metric` and have higher
 * indices than their parent. Of CALLPATH_BOTTOM_UP only the root's are there at first: see
 * callpath_children().
 */
struct callpath_tree {
	struct callpath_node *nodes;
	uint32_t node_count;
	struct callpath_frame *frames;
	uint32_t frame_count;
	uint64_t without_path;	/* calls for which no path was recorded */
	struct callpath_callers *callers;	/* what further nodes are made of, or NULL */
};

enum callpath_flag {
	CALLPATH_INTERPRETER = 1,	/* with native frames of the Python interpreter itself */
	CALLPATH_OFFSETS = 2,	/* a node for each instruction: "function+0x... (module, file:line)" */
};

/* flags: of enum callpath_flag. Returns 0, or -1 with run_error(). */
int run_callpaths(struct run *run, enum callpath_order order, enum callpath_metric metric,
		  unsigned int flags, struct callpath_tree *tree);
/* The first child of a node or CALLPATH_NONE; of CALLPATH_BOTTOM_UP its children are made when first
 * asked for, which moves `nodes`. CALLPATH_NONE too when memory is short. */
uint32_t callpath_children(struct callpath_tree *tree, uint32_t node);
/* Forgets what is below a node, all of it made since there were `node_count`; it is made again when
 * asked for. For CALLPATH_BOTTOM_UP. */
void callpath_unmake(struct callpath_tree *tree, uint32_t node, uint32_t node_count);
/* Forgets the nodes made since there were `node_count`. Those above them must not be asked for their
 * children again. */
void callpath_drop(struct callpath_tree *tree, uint32_t node_count);
void callpath_tree_free(struct callpath_tree *tree);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Pass 1 inside: the threads whose launches are cut into steps, and the kinds of steps found. */
#ifndef GPUTRAIL_ANALYSIS_STEPS_LANES_H
#define GPUTRAIL_ANALYSIS_STEPS_LANES_H

#include "analysis/recent.h"
#include "analysis/steps_internal.h"

struct kind_of {
	uint64_t key;			/* of the launches, by number */
	size_t index;
	UT_hash_handle hh;
};

/* A step as the program marked it. */
struct mark {
	uint64_t start, end;
	int64_t process;
};

struct lane {				/* a thread */
	int64_t id;
	struct step_token *tokens;
	size_t count, capacity, limit;
	struct step_anchor anchor;
	uint32_t blocks, numbered;
	uint64_t launches, in_steps;
	bool begun;			/* an occurrence of the anchor was seen */
	size_t mark, mark_end;		/* of its process: the one we are in or before, and the last */
	bool annotated;
	UT_hash_handle hh;
};

struct detection {
	struct run *run;
	const struct kernel_families *families;
	struct step_pieces *to;
	struct lookup stream_devices, shape_devices, graph_nodes, processes;
	struct { struct mark *rows; size_t count; } marks;	/* by process and start */
	struct lane *lanes, *recent[RECENT_ROWS];
	struct kind_of *kinds;
	struct step_search *search;	/* room for it */
};

/* What the launches of [from, to) are. */
struct piece {
	uint64_t key, signature;
	uint32_t launches, graphs;
	int64_t graph;
};
struct piece step_piece_of(const struct detection *d, const struct step_token *tokens, size_t count);
/* The lane's tokens [from, to) are a step. -1: failed. */
int step_piece_add(struct detection *d, struct lane *lane, size_t from, size_t to);

#endif

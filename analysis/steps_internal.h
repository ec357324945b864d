/* SPDX-License-Identifier: Apache-2.0 */
/* Steps inside: a thread's launches as symbols, and where its period begins. */
#ifndef GPUTRAIL_ANALYSIS_STEPS_INTERNAL_H
#define GPUTRAIL_ANALYSIS_STEPS_INTERNAL_H

#include "analysis/idle_internal.h"
#include "analysis/steps.h"

/* What a thread had done: symbols are equal when that was the same. */
enum symbol_class { SYMBOL_KERNEL, SYMBOL_GRAPH, SYMBOL_COPY, SYMBOL_TO_DEVICE, SYMBOL_TO_HOST };
#define SYMBOL(id, class)	((uint32_t)((id) << 3 | (class)))
#define SYMBOL_CLASS(symbol)	((enum symbol_class)((symbol) & 7))
#define SYMBOL_ID(symbol)	((symbol) >> 3)

static inline bool symbol_is_launch(uint32_t symbol)
{
	return SYMBOL_CLASS(symbol) <= SYMBOL_GRAPH;
}

struct step_token {
	uint32_t symbol;
	int device;
	uint64_t start, end;		/* of the call */
	uint64_t gpu_start, gpu_end;	/* 0 unknown */
};

/* A step begins before, or else after, each occurrence of a symbol. */
struct step_anchor {
	uint32_t symbol;
	bool after, found;
};

/*
 * Finds the symbol that comes once in each period of the tokens. Of all symbols that come three
 * times and more it takes the one whose occurrences cut the tokens into pieces that are told
 * shortest: few kinds of pieces, each new, in an order that is easily guessed. Not found: no
 * symbol makes most pieces equal to others. False: no memory. Searches share their *room, NULL at
 * first, which the caller frees in the end.
 */
struct step_search;
bool step_anchor_find(struct step_search **room, const struct step_token *tokens, size_t count,
		      struct step_anchor *anchor);
void step_search_free(struct step_search *room);

/* What pass 1 makes: the steps of all threads, with their kinds. */
struct step_pieces {
	struct run *run;
	struct { struct step *rows; size_t count; } steps;
	struct { struct step_kind *rows; size_t count; } kinds;
	struct { struct step_thread *rows; size_t count; } threads;
};
int steps_detect(struct run *run, const struct kernel_families *families, bool trust,
		 struct step_pieces *pieces);

/* Pass 2: idle time, families and ordinals of the steps, whose kinds have their times. */
int steps_measure(struct run *run, const struct idle_options *options,
		  const struct kernel_families *families, struct step_result *result);

/* Phases of kinds that have none, by ranges called prefill or decode around most of their steps. */
int steps_name_phases(struct run *run, struct step_result *result);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native call paths: the calling thread's stack as one node of a per-thread trie.
 *
 * A verified memo makes the common case cheap: the last walk is kept, and when the new stack
 * meets it in a frame with equal (ip, sp, rbp), every return-address and saved-rbp slot above is
 * re-read. A step's result is a function of (ip, sp, rbp) and of the two slots it reads, so equal
 * inputs and equal slots mean an equal stack; without the re-reading about one join in ten would
 * be wrong.
 */
#ifndef GPUTRAIL_LIBPROFILE_UNWIND_H
#define GPUTRAIL_LIBPROFILE_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "libprofile/trie.h"

#define UNWIND_DEPTH_MAX 256u

/* One step of a walk: the state in a frame, and what the step to its caller was read from besides
 * the return address, which always lies below the caller's sp. */
struct unwind_frame {
	uint64_t ip, sp, rbp;
	uint64_t cfa_slot;	/* word that holds its CFA (realigned stacks), 0 */
	uint64_t rbp_slot;	/* where the caller's rbp is saved; 0 if still in rbp */
	uint8_t is_interrupted;	/* by a signal: ip is no return address */
	uint8_t uses_rbp;	/* its CFA comes from rbp */
};

struct unwinder;

/* Memory for one thread, from mmap; NULL if there is none. [stack_low, stack_high): the thread's
 * own stack. Frames whose ip lies in [skip_low, skip_high) are left out (the shim's own). */
struct unwinder *unwinder_new(uint64_t stack_low, uint64_t stack_high, uint64_t skip_low,
			      uint64_t skip_high, trie_tell *tell, void *user);
void unwinder_free(struct unwinder *unwinder);

/* NULL, or is called for each node that found its trie full. */
extern void (*unwind_on_full)(void);
/* Paths deeper than this lose their outermost frames, for which a node TRIE_CUT stands: 8 to
 * UNWIND_DEPTH_MAX. */
extern uint32_t unwind_depth_limit;
/* NULL, or is called for each path that was cut. */
extern void (*unwind_on_truncated)(void);

/* The caller's call path as a node, 0 where nothing is known. No lock, no allocation, no
 * syscall when the stack was seen before. */
uint32_t unwinder_path(struct unwinder *unwinder);

/* The instruction of the frame, in the last path taken, whose part of the stack holds `address`;
 * 0: none. */
uint64_t unwinder_frame_holding(const struct unwinder *unwinder, uint64_t address);

/* Code is being unmapped: rules, memos and nodes of all threads are stale. The dlclose trampoline
 * counts the generation up by itself. */
extern uint32_t unwind_code_generation;
void unwind_code_changed(void);

struct unwind_counts {
	uint64_t walks, joins, steps, misses, foreign_stacks, unknown, odd, truncated;
};
const struct unwind_counts *unwinder_counts(const struct unwinder *unwinder);

#endif

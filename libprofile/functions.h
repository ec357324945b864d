/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids of kernels. A handle gets its id and its DEF_FUNCTION on its first launch; names are noted
 * when the program looks a function up, since older drivers cannot tell them afterwards.
 */
#ifndef GPUTRAIL_LIBPROFILE_FUNCTIONS_H
#define GPUTRAIL_LIBPROFILE_FUNCTIONS_H

#include "libprofile/shim.h"

uint32_t function_id_slow(struct thread *thread, CUfunction handle);
extern uint32_t functions_generation;		/* goes up when handles are retired */

static inline uint32_t function_id(struct thread *thread, CUfunction handle)
{
	uint64_t key = (uint64_t)(uintptr_t)handle;
	struct function_cache *cache =
		&thread->functions[((key >> 4) ^ (key >> 12)) % FUNCTION_CACHE];

	if (likely(cache->handle == key && cache->generation == functions_generation))
		return cache->id;
	return function_id_slow(thread, handle);
}

/* handle was looked up as `name` in `module`, or as a CUkernel in a library. name may be NULL. */
void function_note(const void *handle, const char *name, const void *module, bool is_kernel);
/* The id if there is one already; asks the driver nothing, so any handle will do. */
uint32_t function_id_known(CUfunction handle);
/* function is what kernel became in the current context. */
void function_note_kernel(CUfunction function, CUkernel kernel);
/* All functions of an unloaded module or library. */
void functions_retire(const void *module);
/* Attributes changed: the next launch defines the function again. */
void function_changed(const void *handle);
void function_set_block(CUfunction handle, int x, int y, int z);
void function_set_shared(CUfunction handle, unsigned bytes);
void function_block(CUfunction handle, uint16_t block[3], uint32_t *shared);
void functions_forget_all(void);
/* Makes the tables; without memory for them kernels have no ids. */
void functions_start(void);

#endif

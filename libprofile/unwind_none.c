/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is no reader of call frame information for the architecture: no native paths. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/unwind.h"

#if !defined(__x86_64__)

void unwind_code_changed(void)
{
	__atomic_fetch_add(&unwind_code_generation, 1, __ATOMIC_RELEASE);
}

uint64_t unwinder_frame_holding(const struct unwinder *unwinder, uint64_t address)
{
	(void)unwinder;
	(void)address;
	return 0;
}

struct unwinder *unwinder_new(uint64_t stack_low, uint64_t stack_high, uint64_t skip_low,
			      uint64_t skip_high, trie_tell *tell, void *user)
{
	(void)stack_low;
	(void)stack_high;
	(void)skip_low;
	(void)skip_high;
	(void)tell;
	(void)user;
	return NULL;
}

void unwinder_free(struct unwinder *unwinder)
{
	(void)unwinder;
}

uint32_t unwinder_path(struct unwinder *unwinder)
{
	(void)unwinder;
	return 0;
}

const struct unwind_counts *unwinder_counts(const struct unwinder *unwinder)
{
	(void)unwinder;
	return NULL;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Call frame information of x86-64 code: how to get from a frame to its caller. */
#ifndef GPUTRAIL_LIBPROFILE_CFI_H
#define GPUTRAIL_LIBPROFILE_CFI_H

#include <stdbool.h>
#include <stdint.h>

enum cfi_kind {
	CFI_NONE = 0,		/* slot of a cache not filled */
	CFI_RSP,		/* CFA = rsp + offset */
	CFI_RBP,		/* CFA = rbp + offset */
	CFI_RBP_DEREF,		/* CFA = *(rbp + offset): realigned stacks */
	CFI_RSP_DEREF,		/* CFA = *(rsp + offset) */
	CFI_END,		/* outermost frame: the return address is undefined */
	CFI_SIGNAL,		/* return from a signal handler: registers lie in a ucontext */
	CFI_ABSENT,		/* no information: JIT code, hand-written assembly */
	CFI_UNKNOWN,		/* information in a form that is not handled here */
};

#define CFI_RBP_SAME INT16_MIN	/* the caller's rbp is still in rbp */
#define CFI_RBP_AT_RBP INT16_MAX	/* saved where rbp points: realigned stacks */

/* The rule at one instruction; the return address is always at CFA - 8. */
struct cfi_rule {
	uint64_t ip;
	int32_t offset;
	int16_t rbp_at;		/* caller's rbp is saved at CFA + rbp_at, or CFI_RBP_SAME */
	uint8_t kind;		/* enum cfi_kind */
};

/* libc's _dl_find_object where it has one: a look-up without a lock. Not linked against, so that
 * the library loads with older ones too. */
extern int (*cfi_find_object)(void *address, void *result);

/* Reads the rule for `ip`, an address inside the instruction to look at (return address - 1).
 * Fills kind CFI_UNKNOWN where there is no usable rule. */
void cfi_rule_read(uint64_t ip, struct cfi_rule *rule);

/* The function that `ip` lies in, or the part of it that the compiler put there. */
bool cfi_function_range(uint64_t ip, uint64_t *low, uint64_t *high);

#endif

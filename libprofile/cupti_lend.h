/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another tool in the process, such as PyTorch's profiler, uses CUPTI as if this library were not
 * there. Activity buffers and the records' clock are the process's, not a client's: whoever
 * registers them last has them. So that tool's calls come through here; with the first one CUPTI is
 * given up, and when it is done for a while, taken again.
 */
#ifndef GPUTRAIL_LIBPROFILE_CUPTI_LEND_H
#define GPUTRAIL_LIBPROFILE_CUPTI_LEND_H

#include <stdbool.h>
#include <stdint.h>

/* On the control thread. Another tool waits for CUPTI: it is to be given up, then handed over. */
bool cupti_lend_is_wanted(void);
void cupti_lend_hand_over(void);
/* It has CUPTI. */
bool cupti_lend_is_out(void);
/* It holds the one subscription, and may do so for good. */
bool cupti_lend_is_subscribed(void);
/* It is done, for long enough to be done for now. */
bool cupti_lend_is_idle(uint64_t now_ns);
/* True: CUPTI may be had from now on, as nobody else uses it at this moment. */
bool cupti_lend_take_back(void);
/* Sets the records' clock to REALTIME again if somebody had another one; false: it cannot be. */
bool cupti_lend_clock_restore(void);
/* File name of who has or had it; "" nobody. */
const char *cupti_lend_borrower(void);
/* In a forked child. */
void cupti_lend_forget(void);

/* What stands for a function of CUPTI that was found at `real`; NULL: nothing does. */
void *cupti_lend_wrapper(const char *name, void *real);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Uses CUPTI as PyTorch's profiler does: no subscription, its own buffers, its own clock. */
#ifndef GPUTRAIL_TESTS_CONTROL_BORROW_H
#define GPUTRAIL_TESTS_CONTROL_BORROW_H

void borrow_begin(void);
/* Ends, and returns how many kernels it has got; each took 5 us by its clock, or the program ends. */
int borrow_end(void);

#endif

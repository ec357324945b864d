/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames whose call frame information our own reader does not handle (DWARF expressions other
 * than those of realigned stacks; under 0.1 % of the frames of common libraries): libunwind steps
 * over them. It is opened on first need with RTLD_LOCAL and never linked, since its exported
 * _Unwind_* functions would take over the C++ exceptions of the whole program.
 */
#ifndef GPUTRAIL_LIBPROFILE_UNWIND_ODD_H
#define GPUTRAIL_LIBPROFILE_UNWIND_ODD_H

#include <stdbool.h>

struct unwind_frame;

/* The loader's functions, set by who uses the unwinder; NULL: such frames end the walk. */
extern void *(*unwind_odd_open)(const char *path, int mode);
extern void *(*unwind_odd_symbol)(void *handle, const char *name);

/* From *frame, a frame of the calling thread, to its caller: ip, sp and rbp. False without
 * libunwind, or when it cannot either. Tens of microseconds. */
bool unwind_odd_step(const struct unwind_frame *frame, struct unwind_frame *caller);

#endif

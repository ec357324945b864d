/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken, as the request in the control block asks for it, from the control thread. */
#ifndef GPUTRAIL_LIBPROFILE_CONTROL_H
#define GPUTRAIL_LIBPROFILE_CONTROL_H

#include "libprofile/shim.h"

/* Attached: takes what is asked for by now. Before cuInit, on the attaching thread. */
void control_start(void);
/* cuInit succeeded: from here on a thread follows the request. */
void control_ready(void);
/* At exit: what the back end still holds is flushed, for at most 2 s. */
void control_stop(void);
/* In a forked child. */
void control_forget(void);
/* cuProfilerStart or cuProfilerStop: returns once it is so, if it is asked for at all. */
void control_range(bool begins);
bool control_is_running(void);
/* Wakes the control thread and waits until *word == value, for at most 2 s; false: it is not. */
bool control_wait(uint32_t *word, uint32_t value);

#endif

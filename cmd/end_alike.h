/* SPDX-License-Identifier: Apache-2.0 */
/* Ending as another process ended. */
#ifndef GPUTRAIL_CMD_END_ALIKE_H
#define GPUTRAIL_CMD_END_ALIKE_H

/* Returns the exit code that the wait status tells, or dies of the signal that it tells. */
int end_alike(int wait_status);

#endif

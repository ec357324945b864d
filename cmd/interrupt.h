/* SPDX-License-Identifier: Apache-2.0 */
/* A long scan that the user breaks off ends in order, then by the signal. */
#ifndef GPUTRAIL_CMD_INTERRUPT_H
#define GPUTRAIL_CMD_INTERRUPT_H

#include <stdbool.h>

struct run;

/* Between these the first SIGINT, SIGTERM or SIGHUP stops the query of `run`, which then fails, so
 * that what was begun can be cleaned up; interrupt_obey() lets the signal take its course. A second
 * one ends the process at once. */
void interrupt_catch(struct run *run);
bool interrupt_came(void);
void interrupt_obey(void);

#endif

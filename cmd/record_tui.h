/* SPDX-License-Identifier: Apache-2.0 */
/* Recording a command and looking at it meanwhile: gputrail record --tui. */
#ifndef GPUTRAIL_CMD_RECORD_TUI_H
#define GPUTRAIL_CMD_RECORD_TUI_H

#include "cmd/recording.h"

/* Returns the exit code of the command when that has ended, as recording_run() does; 0 where it was
 * left running. */
int record_tui(const struct recording *recording);

#endif

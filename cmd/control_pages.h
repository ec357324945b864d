/* SPDX-License-Identifier: Apache-2.0 */
/* The control blocks of recorded processes, found through /proc and shared with them. */
#ifndef GPUTRAIL_CMD_CONTROL_PAGES_H
#define GPUTRAIL_CMD_CONTROL_PAGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "wire/wire.h"

struct control_pages {
	struct wire_control **rows;	/* mapped, one for each process */
	size_t count;
	bool is_other_version;		/* a block was there that this gputrail cannot read */
};

/*
 * Those that the process has open: its own if it is recorded, those of all it records if it is a
 * recorder. 0, or -1 with errno (EACCES: not ours, ENOENT: no such process). None is no error.
 */
int control_pages_open(pid_t pid, struct control_pages *pages);
void control_pages_close(struct control_pages *pages);

/* The request is complete: wakes the process. The number that its answer will have. */
uint32_t control_request(struct wire_control *control);
/* Waits until the process follows that request; false: not within `wait_ms`. */
bool control_followed(const struct wire_control *control, uint32_t sequence, int wait_ms);
/* Leaves a mark at this instant; false: no slot came free within `wait_ms`. */
bool control_mark(struct wire_control *control, const char *text, int wait_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Two recordings compared by a thread of its own, with handles of its own. */
#ifndef GPUTRAIL_TUI_DIFF_H
#define GPUTRAIL_TUI_DIFF_H

#include "analysis/metrics.h"

struct diff_reader;

/* `fd` gets an event when all has been read. NULL: no thread or memory. */
struct diff_reader *diff_reader_start(const char *before, const char *after, int fd);
void diff_reader_stop(struct diff_reader *reader);
/* The changes, which stay until the reader is stopped; NULL: not yet, or *error (its own) says why not. */
const struct metric_change_list *diff_reader_take(struct diff_reader *reader, const char **error);
void diff_reader_wait(struct diff_reader *reader);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges and marks of NVTX of a process: records become rows of `range`, see range.c. */
#ifndef GPUTRAIL_COLLECTOR_RANGE_H
#define GPUTRAIL_COLLECTOR_RANGE_H

#include "collector/core.h"

void range_init(struct ranges *ranges);
void range_free(struct process *p);
void range_begin(struct process *p, struct ring *ring, const struct wire_range *record);
void range_end(struct process *p, struct ring *ring, const struct wire_range_end *record);
void range_define_text(struct process *p, const struct wire_def_string *def);
void range_define_name(struct process *p, const struct wire_def_name *def);
/* What the program calls the thread, NULL nothing; valid until the collector ends. */
const char *range_thread_name(struct process *p, uint32_t tid);
/* Id in the file of what a range says; 0: too many. */
uint32_t range_label(struct process *p, const struct range_key *key);
/* What is open then has no end. */
void range_thread_ended(struct process *p, struct ring *ring);
void range_process_ended(struct process *p);

#endif

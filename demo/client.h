/* SPDX-License-Identifier: Apache-2.0 */
/* What the scheduler asks of the load. */
#ifndef GPUTRAIL_DEMO_CLIENT_H
#define GPUTRAIL_DEMO_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

struct request;

void client_open(void);
void client_close(void);
/* Submits what has arrived by then, counted from the start. */
void client_advance(uint64_t time_ns);
/* When all requests are done: a new burst or cohort where the plants ask for that. */
bool client_refill(void);
/* A preempted request goes to the head of the queue. */
void request_return(struct request *request);

#endif

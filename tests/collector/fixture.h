/* SPDX-License-Identifier: Apache-2.0 */
/* A collector in this process, fed by a synthetic one; then questions to the file. */
#ifndef GPUTRAIL_TESTS_COLLECTOR_FIXTURE_H
#define GPUTRAIL_TESTS_COLLECTOR_FIXTURE_H

#include <sqlite3.h>

#include "collector/core.h"
#include "collector/producer.h"

struct fixture {
	struct collector *collector;
	struct producer producer;
	struct collector_figures figures;
	char path[128], socket_name[64];
	sqlite3 *sqlite;
	uint64_t now;			/* CLOCK_MONOTONIC ns at the start */
};

/* Connected, nothing defined. */
void fixture_start(struct fixture *fixture, uint64_t ring_bytes, enum wire_clock clock);
void fixture_step(struct fixture *fixture);
/* The process ends, the file is closed and opened for questions. */
void fixture_finish(struct fixture *fixture);
/* First column of the first row; -1 when there is none. */
int64_t ask(struct fixture *fixture, const char *sql);
const char *ask_text(struct fixture *fixture, const char *sql);
void fixture_remove(struct fixture *fixture);

/* A small generator, the same everywhere. */
uint32_t test_random(void);

#endif

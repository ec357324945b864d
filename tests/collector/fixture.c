/* SPDX-License-Identifier: Apache-2.0 */
/* The collector under test: see fixture.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint32_t test_random(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33);
}

static void fail(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(99);
}

void fixture_start(struct fixture *f, uint64_t ring_bytes, enum wire_clock clock)
{
	static int number;
	struct collector_options options = { .path = f->path, .socket_name = f->socket_name };
	const char *tmp = getenv("TMPDIR");
	int listener;

	memset(f, 0, sizeof(*f));
	snprintf(f->path, sizeof(f->path), "%s/gputrail-test-%d-%d.db", tmp ? tmp : "/tmp",
		 (int)getpid(), ++number);
	snprintf(f->socket_name, sizeof(f->socket_name), "gputrail-test-%d-%d", (int)getpid(),
		 number);
	unlink(f->path);
	listener = collector_listen(f->socket_name);
	f->collector = listener >= 0 ? collector_new(&options, listener) : NULL;
	if (!f->collector)
		fail("no collector");
	f->now = producer_now();
	producer_init(&f->producer, ring_bytes, clock);
	if (!producer_connect(&f->producer, f->socket_name, driver_api_hash()))
		fail("no connection");
	fixture_step(f);
	if (producer_welcomed(&f->producer) != 0)
		fail("not welcome");
}

void fixture_step(struct fixture *f)
{
	collector_step(f->collector, 0, -1);
}

void fixture_finish(struct fixture *f)
{
	char *error;

	__atomic_store_n(&f->producer.control->state, WIRE_PROCESS_EXITING, __ATOMIC_RELEASE);
	producer_close(&f->producer);
	fixture_step(f);
	if (collector_close(f->collector, &f->figures, &error) != 0)
		fail(error ? error : "close");
	free(error);
	if (sqlite3_open_v2(f->path, &f->sqlite, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		fail("cannot open the file");
}

static sqlite3_stmt *prepared(struct fixture *f, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(f->sqlite, sql, -1, &statement, NULL) != SQLITE_OK)
		fail(sqlite3_errmsg(f->sqlite));
	return statement;
}

int64_t ask(struct fixture *f, const char *sql)
{
	sqlite3_stmt *statement = prepared(f, sql);
	int64_t value = -1;

	if (sqlite3_step(statement) == SQLITE_ROW &&
	    sqlite3_column_type(statement, 0) != SQLITE_NULL)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

const char *ask_text(struct fixture *f, const char *sql)
{
	static char text[1024];
	sqlite3_stmt *statement = prepared(f, sql);

	text[0] = '\0';
	if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0))
		snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return text;
}

void fixture_remove(struct fixture *f)
{
	char path[160];

	sqlite3_close(f->sqlite);
	unlink(f->path);
	snprintf(path, sizeof(path), "%s-wal", f->path);
	unlink(path);
	snprintf(path, sizeof(path), "%s-shm", f->path);
	unlink(path);
}

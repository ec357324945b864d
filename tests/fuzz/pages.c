/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes as a recording whose pages are read. Begin with a small one, or a small
 * SQLite file with a table launch: ./fuzz-pages -max_total_time=30 CORPUS */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/event_rows.h"
#include "analysis/pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int row_count(void *arg, int64_t *values, uint32_t known)
{
	size_t *rows = arg;

	(void)values, (void)known;
	return ++*rows > 100000;
}

/* SQLite wants a file that has a name; it goes as soon as it is open. */
static bool open_bytes(const uint8_t *data, size_t size, sqlite3 **db)
{
	char path[] = "/tmp/fuzz-pages.XXXXXX", uri[64];
	int fd = mkstemp(path);
	bool is_open = fd >= 0 && write(fd, data, size) == (ssize_t)size;

	snprintf(uri, sizeof(uri), "file:%s?immutable=1", path);
	is_open = is_open && sqlite3_open_v2(uri, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
					     NULL) == SQLITE_OK &&
		  sqlite3_exec(*db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK;
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return is_open;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .immutable = true };
	size_t rows = 0;

	if (open_bytes(data, size, &run.db)) {
		struct pages *pages = pages_open(&run, "launch", event_tables[EVENT_LAUNCH].columns,
						 EVENT_COLUMNS);

		if (pages)
			pages_read(pages, INT64_MAX, row_count, &rows);
		pages_close(pages);
	}
	sqlite3_close(run.db);
	return 0;
}

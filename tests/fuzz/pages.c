/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes as a recording whose pages are read. Begin with a small one, or a small
 * SQLite file with a table launch: ./fuzz-pages -max_total_time=30 CORPUS */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <sys/mman.h>
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct run run = { .immutable = true };
	char uri[64];
	size_t rows = 0;

	snprintf(uri, sizeof(uri), "file:/proc/self/fd/%d?immutable=1", fd);
	if (fd >= 0 && write(fd, data, size) == (ssize_t)size &&
	    sqlite3_open_v2(uri, &run.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK) {
		struct pages *pages = pages_open(&run, "launch", event_tables[EVENT_LAUNCH].columns,
						 EVENT_COLUMNS);

		if (pages)
			pages_read(pages, INT64_MAX, row_count, &rows);
		pages_close(pages);
	}
	sqlite3_close(run.db);
	close(fd);
	return 0;
}

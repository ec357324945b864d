/* SPDX-License-Identifier: Apache-2.0 */
/* Source lines of native code by elfutils; without elfutils nothing is found. */
#ifndef GPUTRAIL_COLLECTOR_LINES_H
#define GPUTRAIL_COLLECTOR_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* File and line of `address` (as the file numbers them) in the ELF file `path` or its separate
 * debug file. Slow (tens of microseconds): for distinct addresses, at the end. */
bool lines_find(const char *path, uint64_t address, char *file, size_t file_bytes, int *line);
/* Forgets all files that lines_find opened. */
void lines_close(void);

#endif

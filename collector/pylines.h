/* SPDX-License-Identifier: Apache-2.0 */
/* Line of an instruction from CPython's line tables, for every table format since 3.9. */
#ifndef GPUTRAIL_COLLECTOR_PYLINES_H
#define GPUTRAIL_COLLECTOR_PYLINES_H

#include <stddef.h>
#include <stdint.h>

/* `instruction`: byte offset into the code. Returns the line, or first_line where the table has
 * none. Survives any bytes. minor: of Python 3.x. */
int32_t pylines_line(uint32_t minor, const uint8_t *table, size_t bytes, int32_t first_line,
		     uint32_t instruction);

#endif

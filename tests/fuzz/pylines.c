/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes as a Python line table. Run: ./fuzz-pylines -max_total_time=30 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdlib.h>
#include <string.h>

#include "collector/pylines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *table;

	if (size < 6)
		return 0;
	/* A copy of the exact size, so that the sanitizer sees the first byte too many. */
	table = malloc(size - 6 + !(size - 6));
	if (!table)
		return 0;
	memcpy(table, data + 6, size - 6);
	for (uint32_t minor = 9; minor <= 13; minor++)
		pylines_line(minor, table, size - 6, (int32_t)(data[0] | (uint32_t)data[1] << 24),
			     data[2] | (uint32_t)data[3] << 8);
	free(table);
	return 0;
}

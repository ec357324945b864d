/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes as the contents of a ring. Run: ./fuzz-wire-decode -max_total_time=30 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdlib.h>
#include <string.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of the exact size, so that the sanitizer sees the first byte too many. */
	uint8_t *ring = malloc(size ? size : 1);
	uint64_t at = 0;
	uint32_t bytes;

	if (!ring)
		return 0;
	memcpy(ring, data, size);
	while (wire_decode(ring + at, size - at, &bytes) == WIRE_OK) {
		if (bytes == 0 || bytes > size - at)
			abort();
		at += bytes;
	}
	if (size >= sizeof(struct wire_control))
		wire_control_valid((const struct wire_control *)ring, size);
	free(ring);
	return 0;
}

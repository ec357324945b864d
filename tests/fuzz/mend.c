/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes as JSON to be mended, in two pieces and whole. Run: ./fuzz-mend -max_total_time=30 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdlib.h>
#include <string.h>

#include "collector/mend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Buffers have the exact sizes that are promised, so that the sanitizer sees a byte too many. */
static size_t mended(const uint8_t *data, size_t size, size_t split, unsigned char *out)
{
	size_t parts[2] = { split, size - split }, written = 0;
	struct mend mend = { 0 };
	unsigned char *piece, *end = malloc(32);

	for (int i = 0; i < 2; i++) {
		size_t bytes;

		piece = malloc(MEND_OUT_BYTES(parts[i]));
		if (!piece || !end)
			abort();
		bytes = mend_bytes(&mend, data + (i ? split : 0), parts[i], piece);
		memcpy(out + written, piece, bytes);
		written += bytes;
		free(piece);
	}
	split = mend_end(&mend, end);
	memcpy(out + written, end, split);
	free(end);
	return written + split;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *one = malloc(2 * MEND_OUT_BYTES(size) + 32);
	unsigned char *two = malloc(2 * MEND_OUT_BYTES(size) + 32);
	size_t one_bytes, two_bytes;

	if (!one || !two)
		abort();
	one_bytes = mended(data, size, 0, one);
	two_bytes = mended(data, size, size ? data[0] % (size + 1) : 0, two);
	if (one_bytes != two_bytes || memcmp(one, two, one_bytes))
		abort();
	free(one);
	free(two);
	return 0;
}

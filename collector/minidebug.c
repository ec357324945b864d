/* SPDX-License-Identifier: Apache-2.0 */
/* liblzma behind one function, with a bound on the memory that it and its answer may take. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/minidebug.h"

#ifdef HAVE_LZMA

#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>

#define DICTIONARY_BYTES_MAX (128u << 20)	/* xz -9 needs 65 MiB */

/* Lets the output grow; a hostile section may ask for any size, so not at once. */
static bool grow(uint8_t **out, size_t *capacity, lzma_stream *stream)
{
	size_t wanted = *capacity ? *capacity * 2 : 64u << 10;
	uint8_t *grown;

	if (wanted > MINIDEBUG_BYTES_MAX)
		return false;
	grown = realloc(*out, wanted);
	if (!grown)
		return false;
	stream->next_out = grown + stream->total_out;
	stream->avail_out = wanted - stream->total_out;
	*out = grown;
	*capacity = wanted;
	return true;
}

uint8_t *minidebug_decode(const uint8_t *section, size_t section_bytes, size_t *bytes)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret result = LZMA_OK;
	uint8_t *out = NULL;
	size_t capacity = 0;

	if (lzma_stream_decoder(&stream, DICTIONARY_BYTES_MAX, 0) != LZMA_OK)
		return NULL;
	stream.next_in = section;
	stream.avail_in = section_bytes;
	while (result == LZMA_OK && (stream.avail_out || grow(&out, &capacity, &stream)))
		result = lzma_code(&stream, LZMA_FINISH);
	*bytes = stream.total_out;
	lzma_end(&stream);
	if (result == LZMA_STREAM_END)
		return out;
	free(out);
	return NULL;
}

#else

uint8_t *minidebug_decode(const uint8_t *section, size_t section_bytes, size_t *bytes)
{
	(void)section;
	(void)section_bytes;
	(void)bytes;
	return NULL;
}

#endif

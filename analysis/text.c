/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes to printable text of a known width. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/text.h"

#include <limits.h>
#include <string.h>
#include <wchar.h>

#define REPLACEMENT	0xfffdu

size_t text_decode(const char *text, uint32_t *code)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *t = (const unsigned char *)text;
	size_t bytes = t[0] < 0x80 ? 1 : t[0] < 0xc2 ? 0 : t[0] < 0xe0 ? 2 : t[0] < 0xf0 ? 3 :
		       t[0] < 0xf5 ? 4 : 0;
	uint32_t value;

	*code = REPLACEMENT;
	if (bytes == 0)
		return 1;
	if (bytes == 1) {
		*code = t[0];
		return 1;
	}
	value = t[0] & (0x7fu >> bytes);
	for (size_t i = 1; i < bytes; i++) {	/* a NUL is no continuation: never reads past it */
		if ((t[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | (t[i] & 0x3f);
	}
	if (value < smallest[bytes] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 1;
	*code = value;
	return bytes;
}

/* Characters that would let a name change how its surroundings look. */
static int is_format(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* Next printable character: its bytes in `out` (up to MB_LEN_MAX), its columns. */
static size_t next_printable(const char *text, char *out, size_t *out_bytes, int *columns)
{
	mbstate_t state = { 0 };
	uint32_t code;
	size_t used = text_decode(text, &code), bytes;
	int width = wcwidth((wchar_t)code);

	bytes = width < 0 || is_format(code) ? (size_t)-1 : wcrtomb(out, (wchar_t)code, &state);
	if (bytes == (size_t)-1) {
		out[0] = '?';
		bytes = 1;
		width = 1;
	}
	*out_bytes = bytes;
	*columns = width;
	return used;
}

int text_columns(const char *text)
{
	char out[MB_LEN_MAX];
	int total = 0, columns;
	size_t bytes;

	while (*text) {
		text += next_printable(text, out, &bytes, &columns);
		total += columns;
	}
	return total;
}

int text_fit(const char *text, int columns, char *out, size_t out_bytes)
{
	size_t used = 0, cut_at = 0;
	int total = 0, cut_columns = 0;

	if (!out_bytes)
		return 0;
	while (*text) {
		char c[MB_LEN_MAX];
		size_t bytes;
		int width;

		text += next_printable(text, c, &bytes, &width);
		if ((columns >= 0 && total + width > columns) || used + bytes + 1 >= out_bytes) {
			used = cut_at;
			total = cut_columns;
			if (columns != 0 && used + 1 < out_bytes) {
				out[used++] = '~';
				total++;
			}
			break;
		}
		memcpy(out + used, c, bytes);
		used += bytes;
		total += width;
		/* The last place where '~' still fits. */
		if (columns < 0 || total < columns) {
			cut_at = used;
			cut_columns = total;
		}
	}
	out[used] = '\0';
	return total;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Names from anywhere made safe to show: see wide.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/wide.h"

#include <stdint.h>
#include <wctype.h>

/* Reads one code point; returns the bytes taken, and 0xFFFFFFFF for a malformed byte. */
static size_t utf8_next(const unsigned char *s, uint32_t *code)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 0 }, { 0xE0, 0xC0, 0x80 }, { 0xF0, 0xE0, 0x800 }, { 0xF8, 0xF0, 0x10000 },
	};

	for (size_t extra = 0; extra < 4; extra++) {
		uint32_t value;
		size_t i;

		if ((s[0] & forms[extra].mask) != forms[extra].lead)
			continue;
		value = s[0] & (unsigned char)~forms[extra].mask;
		for (i = 1; i <= extra && (s[i] & 0xC0) == 0x80; i++)
			value = value << 6 | (s[i] & 0x3F);
		if (i <= extra || value < forms[extra].least || value > 0x10FFFF ||
		    (value >= 0xD800 && value < 0xE000))
			break;
		*code = value;
		return extra + 1;
	}
	*code = UINT32_MAX;
	return 1;
}

/* Marks that would reorder or hide the rest of the line. */
static bool is_treacherous(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || code == 0x61C ||
	       (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
	       (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || code == UINT32_MAX ||
	       (code >= 0xFFF9 && code <= 0xFFFB) || code >= 0xE0000;
}

size_t wide_decode(const char *utf8, wchar_t *out, size_t size, bool ascii)
{
	const unsigned char *s = (const unsigned char *)(utf8 ? utf8 : "");
	wchar_t replacement = ascii ? L'?' : (wchar_t)0xFFFD;
	size_t length = 0;
	int marks = 0;

	if (wcwidth(replacement) != 1)
		replacement = L'?';
	while (*s && length < size) {
		uint32_t code;
		int width;

		s += utf8_next(s, &code);
		width = is_treacherous(code) || (ascii && code > 0x7E) ? -1 : wcwidth((wchar_t)code);
		if (width == 0 && ++marks > 3)	/* more marks than a cell holds */
			continue;
		if (width != 0)
			marks = 0;
		out[length++] = width < 0 ? replacement : (wchar_t)code;
	}
	return length;
}

int wide_width(const wchar_t *text, size_t length)
{
	int width = 0;

	for (size_t i = 0; i < length; i++)
		width += wcwidth(text[i]);
	return width;
}

int wide_utf8_width(const char *utf8, bool ascii)
{
	wchar_t text[WIDE_MAX];

	return wide_width(text, wide_decode(utf8, text, WIDE_MAX, ascii));
}

size_t wide_slice(const wchar_t *text, size_t length, int skip, int width, size_t *first,
		  int *used, int *pad)
{
	int column = 0;
	size_t i = 0, start;

	while (i < length && (column < skip || (wcwidth(text[i]) == 0 && skip > 0)))
		column += wcwidth(text[i++]);
	*pad = column > skip ? column - skip : 0;
	if (*pad > width)
		*pad = width;
	*used = *pad;
	start = i;
	while (i < length && *used + wcwidth(text[i]) <= width)
		*used += wcwidth(text[i++]);
	*first = start;
	return i - start;
}

static bool has_capital(const wchar_t *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (iswupper((wint_t)text[i]))
			return true;
	return false;
}

long wide_find(const wchar_t *text, size_t length, size_t from, const wchar_t *needle,
	       size_t needle_length)
{
	bool fold = !has_capital(needle, needle_length);

	if (needle_length == 0)
		return -1;
	for (size_t i = from; i + needle_length <= length; i++) {
		size_t k = 0;

		while (k < needle_length &&
		       (fold ? (wchar_t)towlower((wint_t)text[i + k]) : text[i + k]) == needle[k])
			k++;
		if (k == needle_length)
			return (long)i;
	}
	return -1;
}

bool wide_contains(const char *utf8, const char *needle)
{
	wchar_t text[WIDE_MAX], part[256];
	size_t length = wide_decode(utf8, text, WIDE_MAX, false);
	size_t part_length = wide_decode(needle, part, 256, false);

	return part_length == 0 || wide_find(text, length, 0, part, part_length) >= 0;
}

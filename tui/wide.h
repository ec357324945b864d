/* SPDX-License-Identifier: Apache-2.0 */
/* Names from anywhere made safe to show: wide characters that each take a known number of cells. */
#ifndef GPUTRAIL_TUI_WIDE_H
#define GPUTRAIL_TUI_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#define WIDE_MAX 4096		/* wide characters looked at in one table cell */

/*
 * Decodes UTF-8 of any quality: a control character, an invisible direction mark, a malformed byte
 * or a character that the locale cannot show becomes one replacement character.
 * At most `size` wide characters are written (no terminator); returns how many.
 */
size_t wide_decode(const char *utf8, wchar_t *out, size_t size, bool ascii);

/* Cells that decoded text takes. */
int wide_width(const wchar_t *text, size_t length);
int wide_utf8_width(const char *utf8, bool ascii);

/*
 * The part of decoded text that shows in `width` cells after scrolling `skip` cells to the right:
 * first character in *first, length returned, cells taken in *used, cells to leave blank before it
 * (the half of a wide character that was cut) in *pad.
 */
size_t wide_slice(const wchar_t *text, size_t length, int skip, int width, size_t *first,
		  int *used, int *pad);

/* Where `needle` begins at or after `from`, or -1. A needle without capitals ignores case. */
long wide_find(const wchar_t *text, size_t length, size_t from, const wchar_t *needle,
	       size_t needle_length);
/* The same for UTF-8 strings. */
bool wide_contains(const char *utf8, const char *needle);

#endif

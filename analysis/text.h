/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names from recorded programs are any bytes. These make them fit for a terminal: no control or
 * direction-changing characters, valid UTF-8, and cut to a width in terminal columns.
 */
#ifndef GPUTRAIL_ANALYSIS_TEXT_H
#define GPUTRAIL_ANALYSIS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Decodes one character. Returns its bytes; for an invalid byte 1, and *code is U+FFFD. */
size_t text_decode(const char *text, uint32_t *code);

/*
 * Copies `text` into `out` until `columns` terminal columns are full (columns < 0: no limit);
 * what was cut ends in '~'. Returns the columns used. Follows the locale's LC_CTYPE: what it
 * cannot show becomes '?'.
 */
int text_fit(const char *text, int columns, char *out, size_t out_bytes);
/* Columns that text_fit would use without a limit. */
int text_columns(const char *text);

#endif

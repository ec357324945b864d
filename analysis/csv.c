/* SPDX-License-Identifier: Apache-2.0 */
/* One CSV cell at a time. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/csv.h"

#include "analysis/text.h"

#include <math.h>
#include <string.h>

static void separate(struct csv *csv)
{
	if (csv->has_cells)
		putc_unlocked(',', csv->out);
	csv->has_cells = true;
}

static bool is_plain(const char *text)
{
	for (const unsigned char *t = (const unsigned char *)text; *t; t++)
		if (*t < 0x20 || *t >= 0x7f || *t == ',' || *t == '"')
			return false;
	return true;
}

/* Invalid bytes and control characters, but for tab and line ends, become U+FFFD. */
static void write_quoted(FILE *out, const char *text)
{
	while (*text) {
		uint32_t code;
		size_t bytes = text_decode(text, &code);

		if (code == '"')
			fputs("\"\"", out);
		else if (code == 0xfffd || code == 0x7f || (code >= 0x80 && code < 0xa0) ||
			 (code < 0x20 && code != '\t' && code != '\n' && code != '\r'))
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(text, 1, bytes, out);
		text += bytes;
	}
}

void csv_text(struct csv *csv, const char *text)
{
	bool formula = text[0] && strchr("=+-@\t\r\n", text[0]);

	separate(csv);
	if (is_plain(text)) {
		if (formula)
			putc('\'', csv->out);
		fputs(text, csv->out);
		return;
	}
	putc('"', csv->out);
	if (formula)
		putc('\'', csv->out);
	write_quoted(csv->out, text);
	putc('"', csv->out);
}

void csv_integer(struct csv *csv, int64_t value)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (value < 0)
		*--at = '-';
	separate(csv);
	fwrite(at, 1, (size_t)(digits + sizeof(digits) - at), csv->out);
}

void csv_decimal(struct csv *csv, double value, int decimals)
{
	separate(csv);
	/* The locale of numbers is never set, so this prints a point. */
	fprintf(csv->out, "%.*f", decimals, isfinite(value) ? value : 0);
}

void csv_real(struct csv *csv, double value)
{
	separate(csv);
	if (!isnan(value))
		fprintf(csv->out, "%.6g", value);
}

void csv_empty(struct csv *csv)
{
	separate(csv);
}

void csv_end_line(struct csv *csv)
{
	putc('\n', csv->out);
	csv->has_cells = false;
	csv->lines++;
}

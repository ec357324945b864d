/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to a stream, one member a line. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/json.h"

#include <inttypes.h>
#include <math.h>

#include "analysis/text.h"

/* Bytes up to the next one that may need an escape: nearly always all of them. */
static size_t plain_bytes(const char *text)
{
	size_t bytes = 0;

	while (text[bytes] >= 0x20 && text[bytes] < 0x7f && text[bytes] != '"' &&
	       text[bytes] != '\\')
		bytes++;
	return bytes;
}

static void write_escaped(FILE *out, const char *text)
{
	putc('"', out);
	while (*text) {
		uint32_t code;
		size_t bytes = plain_bytes(text);

		fwrite(text, 1, bytes, out);
		text += bytes;
		if (!*text)
			break;
		bytes = text_decode(text, &code);
		if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (char)code);
		else if (code < 0x20 || code == 0x7f || (code >= 0x80 && code < 0xa0) ||
			 code == 0x2028 || code == 0x2029)
			fprintf(out, "\\u%04x", (unsigned)code);
		else if (code == 0xfffd)
			fputs("\\ufffd", out);
		else
			fwrite(text, 1, bytes, out);
		text += bytes;
	}
	putc('"', out);
}

static bool is_flat(const struct json *json)
{
	return json->flat_depth && json->depth > json->flat_depth;
}

static void member(struct json *json, const char *key)
{
	if (json->has_items)
		putc(',', json->out);
	if (is_flat(json) && json->has_items)
		putc(' ', json->out);
	else if (json->depth && !is_flat(json))
		fprintf(json->out, "\n%*s", 2 * json->depth, "");
	json->has_items = true;
	if (key) {
		write_escaped(json->out, key);
		fputs(": ", json->out);
	}
}

void json_open(struct json *json, const char *key, char bracket)
{
	member(json, key);
	putc(bracket, json->out);
	json->depth++;
	json->has_items = false;
}

void json_close(struct json *json, char bracket)
{
	bool flat = is_flat(json);

	json->depth--;
	if (json->has_items && !flat)
		fprintf(json->out, "\n%*s", 2 * json->depth, "");
	putc(bracket, json->out);
	json->has_items = true;
	if (!json->depth)
		putc('\n', json->out);
}

void json_text(struct json *json, const char *key, const char *text)
{
	member(json, key);
	write_escaped(json->out, text);
}

void json_integer(struct json *json, const char *key, int64_t value)
{
	member(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void json_unsigned(struct json *json, const char *key, uint64_t value)
{
	member(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void json_number(struct json *json, const char *key, double value)
{
	if (!isfinite(value)) {
		json_null(json, key);
		return;
	}
	member(json, key);
	if (value == floor(value) && fabs(value) < 9e15)
		fprintf(json->out, "%.0f", value);
	else
		fprintf(json->out, "%.10g", value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	member(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
	member(json, key);
	fputs("null", json->out);
}

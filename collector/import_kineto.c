/* SPDX-License-Identifier: Apache-2.0 */
/*
 * torch.profiler's JSON (Kineto), plain or gzip, read as a stream: yajl hands over one token at a
 * time and numbers as text, so that times keep their nanoseconds. See docs/import.md.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_kineto.h"
#include "collector/mend.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>
#include <zlib.h>

#define DEPTH_MAX 256
#define NAME_MAX_BYTES (1u << 20)
#define CHUNK_BYTES (256u << 10)
#define TOKEN_MAX_BYTES (32u << 20)	/* yajl keeps a token whole */

static bool fits(const char *have, size_t length, const char *want)
{
	return strlen(want) == length && !memcmp(have, want, length);
}

static enum field find_field(const unsigned char *key, size_t length, enum place place)
{
	for (int i = 1; i < FIELDS; i++)
		if (kineto_fields[i].place == place &&
		    kineto_fields[i].key_bytes == length &&
		    !memcmp(key, kineto_fields[i].key, length))
			return (enum field)i;
	return FIELD_NONE;
}

/* Text of a decimal number times `scale`, rounded; NIL when it cannot be told. */
int64_t kineto_number(const char *text, size_t length, int64_t scale)
{
	const char *end = text + length;
	bool negative = length && *text == '-';
	int64_t value = 0, unit = scale;

	text += negative;
	for (; text < end && *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return NIL;
	if (__builtin_mul_overflow(value, scale, &value))
		return NIL;
	if (text < end && *text == '.') {
		for (text++; text < end && *text >= '0' && *text <= '9'; text++) {
			if (unit >= 10) {
				unit /= 10;
				value += (*text - '0') * unit;
			} else if (unit) {
				value += *text >= '5';
				unit = 0;
			}
		}
	}
	if (text < end) {			/* an exponent: rare, and never in times */
		char copy[64];
		double number;

		if (length >= sizeof(copy))
			return NIL;
		memcpy(copy, end - length, length);
		copy[length] = '\0';
		number = strtod(copy, NULL) * (double)scale;
		return number > -9e18 && number < 9e18 ? (int64_t)number : NIL;
	}
	return negative ? -value : value;
}

static enum place place_of(const struct kineto *k)
{
	if (k->depth == 1 && !k->bare)
		return PLACE_TOP;
	if (!k->section_depth || k->section == SECTION_NONE)
		return PLACE_NONE;
	if (k->depth == k->section_depth + 1)
		return k->section == SECTION_EVENTS ? PLACE_EVENT : PLACE_DEVICE;
	if (k->depth == k->section_depth + 2 && k->in_args)
		return PLACE_ARGS;
	if (k->depth == k->section_depth + 3 && k->in_args && k->element >= 0)
		return PLACE_ARGS;
	return PLACE_NONE;
}

/*
 * Programs that merge the traces of several ranks put the rank before the number of a process or
 * device: "[TP00] 4711". Each such text is a group of its own; tids were "stream 7" once.
 */
static int64_t identity(struct kineto *k, const char *text, size_t length)
{
	size_t digits = length;
	char group[256];
	int64_t number;

	while (digits && text[digits - 1] >= '0' && text[digits - 1] <= '9')
		digits--;
	number = digits < length ? kineto_number(text + digits, length - digits, 1) : 0;
	if (!digits)
		return number;
	while (digits > 1 && text[digits - 1] == ' ')
		digits--;
	snprintf(group, sizeof(group), "%.*s", (int)(digits < 255 ? digits : 255), text);
	return IMPORT_GROUP | (int64_t)import_text(k->im, group) << IMPORT_GROUP_SHIFT |
	       (number & UINT32_MAX);
}

static bool looks_like_number(const char *text, size_t length)
{
	size_t i = 0;

	while (i < length && text[i] && strchr("0123456789.eE+-", text[i]))
		i++;
	return i == length && length > (text[0] == '-');
}

/* Whole numbers beyond 2^63 are negative ones that were printed as unsigned. */
static int64_t number_of(enum type type, const char *text, size_t length, bool *wrong)
{
	int64_t number = kineto_number(text, length, type == TYPE_TIME ? 1000 : 1);

	if (number == NIL && type == TYPE_WHOLE && length == 20 && *text == '1') {
		char copy[21] = "";

		memcpy(copy, text, length);
		number = (int64_t)strtoull(copy, NULL, 10);
	}
	*wrong |= number == NIL;
	return number;
}

static void put_number(struct kineto *k, enum field field, const char *text, size_t length,
		       bool is_number)
{
	struct value *value = &k->values[field];
	enum type type = kineto_fields[field].type;
	int64_t number = NIL;

	if (is_number || looks_like_number(text, length))
		number = number_of(type, text, length, &value->wrong);
	else if (type == TYPE_EITHER)
		number = identity(k, text, length);
	else
		value->wrong = true;
	if (k->element < 3)
		value->numbers[k->element > 0 ? k->element : 0] = number;
}

static bool put(struct kineto *k, const char *text, size_t length, bool is_number)
{
	enum place place = place_of(k);
	enum field field = k->field;
	struct value *value;

	if (k->section_depth && k->depth == k->section_depth)
		return import_fail(k->im, IMPORT_BAD_INPUT,
				   "a number or text where an event must be: no trace");
	if (place == PLACE_NONE || field == FIELD_NONE || kineto_fields[field].place != place)
		return true;
	value = &k->values[field];
	value->set = true;
	value->wrong &= k->element > 0;
	if (kineto_fields[field].type != TYPE_TEXT) {
		put_number(k, field, text, length, is_number);
	} else if (is_number) {
		value->wrong = true;
	} else {
		if (length >= NAME_MAX_BYTES)
			length = NAME_MAX_BYTES - 1;
		if (value->capacity <= length) {
			char *bigger = realloc(value->text, length + 64);

			if (!bigger)
				return import_fail(k->im, IMPORT_FAILED, "no memory");
			value->text = bigger;
			value->capacity = length + 64;
		}
		memcpy(value->text, text, length);
		value->text[length] = '\0';
	}
	if (place == PLACE_TOP)
		kineto_top(k, field);
	return true;
}

static int on_number(void *context, const char *text, size_t length)
{
	struct kineto *k = context;
	bool good = put(k, text, length, true);

	if (k->element >= 0)
		k->element++;
	k->tokens++;
	return good;
}

static int on_string(void *context, const unsigned char *text, size_t length)
{
	struct kineto *k = context;
	bool good = put(k, (const char *)text, length, false);

	if (k->element >= 0)
		k->element++;
	k->tokens++;
	return good;
}

static int on_other(void *context)
{
	struct kineto *k = context;

	/* null is as good as missing; true and false are never what is asked for */
	if (k->element >= 0)
		k->element++;
	k->tokens++;
	return 1;
}

static int on_boolean(void *context, int value)
{
	(void)value;
	return on_other(context);
}

static int on_key(void *context, const unsigned char *key, size_t length)
{
	struct kineto *k = context;
	enum place place = place_of(k);

	k->tokens++;
	k->field = place == PLACE_NONE ? FIELD_NONE : find_field(key, length, place);
	k->key_args = place == PLACE_EVENT && fits((const char *)key, length, "args");
	if (place == PLACE_TOP)
		k->section = fits((const char *)key, length, "traceEvents") ? SECTION_EVENTS
			   : fits((const char *)key, length, "deviceProperties") ? SECTION_DEVICES
										 : SECTION_NONE;
	return 1;
}

static bool deeper(struct kineto *k)
{
	k->tokens++;
	if (++k->depth > DEPTH_MAX)
		return import_fail(k->im, IMPORT_BAD_INPUT, "nested deeper than %d levels: no trace",
				   DEPTH_MAX);
	return true;
}

static int on_start_map(void *context)
{
	struct kineto *k = context;
	enum place outer = place_of(k);

	/* A container where a number or text must be. */
	if (outer != PLACE_NONE && k->field != FIELD_NONE && outer == kineto_fields[k->field].place)
		k->values[k->field] = (struct value){ .set = true, .wrong = true,
						      .text = k->values[k->field].text,
						      .capacity = k->values[k->field].capacity };
	if (k->depth == 1 && !k->bare && k->section == SECTION_EVENTS)
		return import_fail(k->im, IMPORT_BAD_INPUT,
				   "traceEvents is an object, not a list: no trace");
	if (!deeper(k))
		return 0;
	k->field = FIELD_NONE;
	if (k->section_depth && k->depth == k->section_depth + 1) {
		for (int i = 0; i < FIELDS; i++)
			k->values[i].set = k->values[i].wrong = false;
		k->in_args = k->key_args = false;
		k->element = -1;
	} else if (k->section_depth && k->depth == k->section_depth + 2) {
		k->in_args = k->key_args;
	}
	return 1;
}

static int on_end_map(void *context)
{
	struct kineto *k = context;
	bool good = true;

	if (k->section_depth && k->depth == k->section_depth + 1)
		good = k->section == SECTION_EVENTS ? kineto_event(k) : kineto_device(k);
	else if (k->section_depth && k->depth == k->section_depth + 2)
		k->in_args = false;
	k->field = FIELD_NONE;
	k->depth--;
	k->tokens++;
	return good;
}

static int on_start_array(void *context)
{
	struct kineto *k = context;
	enum place outer = place_of(k);

	if (!deeper(k))
		return 0;
	if (k->depth == 1) {
		k->bare = true;
		k->section = SECTION_EVENTS;
		k->section_depth = 1;
		k->events_seen = true;
	} else if (k->depth == 2 && !k->bare && k->section != SECTION_NONE) {
		k->section_depth = 2;
		k->events_seen |= k->section == SECTION_EVENTS;
	} else if (outer == PLACE_ARGS && k->field != FIELD_NONE &&
		   kineto_fields[k->field].type == TYPE_THREE && k->element < 0) {
		k->element = 0;
		k->values[k->field].numbers[1] = k->values[k->field].numbers[2] = 1;
	} else {
		k->field = FIELD_NONE;
	}
	return 1;
}

static int on_end_array(void *context)
{
	struct kineto *k = context;

	if (k->depth == k->section_depth)
		k->section_depth = 0;
	if (k->element >= 0 && k->depth == k->section_depth + 3) {
		k->element = -1;
		k->field = FIELD_NONE;
	}
	k->depth--;
	k->tokens++;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_other,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* --- the file ------------------------------------------------------------------------------ */

static bool parse_failed(struct kineto *k, yajl_handle parser, uint64_t before)
{
	unsigned char *text;

	if (import_failed(k->im))
		return false;
	text = yajl_get_error(parser, 0, NULL, 0);
	if (text)
		text[strcspn((char *)text, "\n")] = '\0';
	import_fail(k->im, IMPORT_BAD_INPUT, "not JSON, or cut off, at byte %llu or near: %s",
		    (unsigned long long)(before + yajl_get_bytes_consumed(parser)),
		    text ? (char *)text : "no memory");
	yajl_free_error(parser, text);
	return false;
}

static bool read_all(struct kineto *k, gzFile file, yajl_handle parser, unsigned char *chunk)
{
	unsigned char *mended = chunk + CHUNK_BYTES;
	uint64_t read = 0, quiet_since = 0, tokens = 0;
	struct mend mend = { 0 };
	const char *why;
	int length, code;

	while ((length = gzread(file, chunk, CHUNK_BYTES)) > 0) {
		size_t bytes = mend_bytes(&mend, chunk, (size_t)length, mended);

		if (yajl_parse(parser, mended, bytes) != yajl_status_ok)
			return parse_failed(k, parser, read);
		read += (uint64_t)length;
		if (k->tokens != tokens)
			quiet_since = read;
		tokens = k->tokens;
		if (read - quiet_since > TOKEN_MAX_BYTES)
			return import_fail(k->im, IMPORT_BAD_INPUT,
					   "a single value longer than %u MiB: no trace",
					   TOKEN_MAX_BYTES >> 20);
		if (!import_step(k->im, (uint64_t)gzoffset(file), k->im->result->bytes))
			return false;
	}
	why = gzerror(file, &code);
	if (length < 0 || (code != Z_OK && code != Z_STREAM_END))
		return import_fail(k->im, IMPORT_BAD_INPUT,
				   "the compressed file is damaged or cut off: %s", why);
	k->im->result->bytes = read;
	k->im->counters[IMPORT_import_mended] = mend.mended;
	if (yajl_parse(parser, mended, mend_end(&mend, mended)) != yajl_status_ok ||
	    yajl_complete_parse(parser) != yajl_status_ok)
		return parse_failed(k, parser, read);
	if (!k->events_seen)
		return import_fail(k->im, IMPORT_BAD_INPUT, "it is JSON without traceEvents: no trace");
	return true;
}

bool import_kineto(struct import *im)
{
	struct kineto k = { .im = im, .element = -1 };
	gzFile file = gzopen(im->options->input, "rbe");
	unsigned char *chunk = malloc(CHUNK_BYTES + MEND_OUT_BYTES(CHUNK_BYTES));
	yajl_handle parser = yajl_alloc(&callbacks, NULL, &k);
	bool good = false;

	/* Texts of other encodings are no reason to refuse a trace: who shows them, checks them. */
	if (parser)
		yajl_config(parser, yajl_dont_validate_strings, 1);
	if (!file || !chunk || !parser)
		import_fail(im, IMPORT_FAILED, "cannot be opened, or no memory");
	else
		good = read_all(&k, file, parser, chunk);
	kineto_devices_complete(&k);
	if (parser)
		yajl_free(parser);
	if (file)
		gzclose(file);
	free(chunk);
	for (int i = 0; i < FIELDS; i++)
		free(k.values[i].text);
	return good;
}

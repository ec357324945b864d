/* SPDX-License-Identifier: Apache-2.0 */
/* Further arguments of calls: each distinct list is one text of the file, rows refer to it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/core.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Lists differ mostly by flags and handles. A program that makes more of them (offsets that never
 * repeat) must not fill the memory. */
#define LISTS_MAX 65536u
#define TEXT_MAX 1024			/* bytes of one value */

static void put_text(FILE *out, const char *bytes, uint64_t length)
{
	fputc('"', out);
	for (uint64_t i = 0; i < length && i < TEXT_MAX; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte < ' ' || byte == '"' || byte == '\\')
			fprintf(out, "\\u%04x", byte);
		else
			fputc(byte, out);
	}
	fputc('"', out);
}

/* "pCopy->srcPitch, ..." has the name srcPitch; moves on to the next. */
static const char *take_name(const char **names, int *length)
{
	size_t whole = strcspn(*names, ",");
	const char *name = *names, *end = name + whole;

	for (const char *at = name; at + 1 < end; at++)
		if (at[0] == '-' && at[1] == '>')
			name = at + 2;
	*names = end + strspn(end, ", ");
	*length = (int)(end - name);
	return name;
}

static void put_json(FILE *out, const struct wire_arguments *arguments)
{
	const char *names = (const char *)(arguments->value + arguments->count);
	const char *text = names + arguments->names_bytes;

	fputc('{', out);
	for (uint32_t i = 0; i < arguments->count; i++) {
		int length;
		const char *name = take_name(&names, &length);

		fprintf(out, "%s\"%.*s\":", i ? "," : "", length, name);
		if (arguments->texts >> i & 1) {
			put_text(out, text, arguments->value[i]);
			text += arguments->value[i];
		} else {
			fprintf(out, "%" PRIu64, arguments->value[i]);
		}
	}
	fputc('}', out);
}

/* The id of a list in the file; 0: it cannot be kept. */
static uint32_t list_of(struct collector *c, const struct wire_arguments *arguments)
{
	char json[WIRE_ARGUMENTS_MAX * 128 + 6 * TEXT_MAX];
	FILE *out = fmemopen(json, sizeof(json), "w");
	uint32_t id;
	bool fits;

	if (!out)
		return 0;
	put_json(out, arguments);
	fits = fflush(out) == 0 && ftell(out) < (long)sizeof(json);
	fclose(out);
	id = fits ? entity_text(c, json) : 0;
	if (!id || c->text_list[id]->is_list)
		return id;
	if (c->list_count >= LISTS_MAX)
		return 0;
	c->list_count++;
	c->text_list[id]->is_list = true;
	database_run(c->db, "INSERT INTO arguments VALUES (?,?)", "it", (int64_t)id, json);
	return id;
}

void arguments_record(struct process *p, const struct ring *ring,
		      const struct wire_arguments *arguments)
{
	struct collector *c = p->collector;
	struct window_row *row = NULL;
	uint64_t sequence;
	uint32_t list = 0;

	/* Its call is the last one read of this ring, or was lost. */
	if (ring->call_begin == arguments->call.begin)
		list = list_of(c, arguments);
	if (list)
		row = window_push(&c->windows[TABLE_CALL_ARGUMENTS], ring->call_start_ns, &sequence);
	if (!row) {
		p->counters[COUNT_lost_arguments]++;
		return;
	}
	row->process = p;
	row->end = ring->call_start_ns;
	row->column[2] = ring->thread;
	row->column[3] = list;
}

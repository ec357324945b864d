/* SPDX-License-Identifier: Apache-2.0 */
/* Folded stacks, and pprof's protocol buffer written by hand: five messages, two wire types. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/export_paths.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 1024

/* Node numbers from the innermost frame outwards. */
static int node_path(const struct callpath_tree *tree, uint32_t node, uint32_t *path)
{
	int depth = 0;

	for (; node != 0 && node != CALLPATH_NONE && depth < DEPTH_MAX;
	     node = tree->nodes[node].parent)
		path[depth++] = node;
	return depth;
}

/* The format's separators may not stand in a name. */
static void folded_name(const char *text, FILE *out)
{
	for (; *text; text++)
		putc(*text == ';' ? ':' : (unsigned char)*text < ' ' ? ' ' : *text, out);
}

int export_folded(const struct callpath_tree *tree, enum callpath_metric metric, FILE *out)
{
	uint32_t path[DEPTH_MAX];

	for (uint32_t n = 1; n < tree->node_count; n++) {
		uint64_t value = callpath_metric(&tree->nodes[n].self, metric);
		int depth = value ? node_path(tree, n, path) : 0;

		while (depth-- > 0) {
			folded_name(tree->frames[tree->nodes[path[depth]].frame].text, out);
			if (depth)
				putc(';', out);
			else
				fprintf(out, " %llu\n", (unsigned long long)value);
		}
	}
	return ferror(out) ? -1 : 0;
}

/* --- pprof --------------------------------------------------------------------------------- */

struct bytes {
	uint8_t *at;
	size_t count, capacity;
	bool failed;
};

static void put_byte(struct bytes *b, uint8_t value)
{
	if (b->count == b->capacity) {
		size_t capacity = b->capacity ? b->capacity * 2 : 256;
		uint8_t *grown = realloc(b->at, capacity);

		if (!grown) {
			b->failed = true;
			return;
		}
		b->at = grown;
		b->capacity = capacity;
	}
	b->at[b->count++] = value;
}

static void put_varint(struct bytes *b, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put_byte(b, (uint8_t)value | 0x80);
	put_byte(b, (uint8_t)value);
}

static void put_number(struct bytes *b, unsigned field, uint64_t value)
{
	put_varint(b, field << 3);
	put_varint(b, value);
}

static void put_data(struct bytes *b, unsigned field, const void *data, size_t count)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, count);
	for (size_t i = 0; i < count; i++)
		put_byte(b, ((const uint8_t *)data)[i]);
}

/* Writes a finished message as field `field` of `to`, and empties it. */
static void put_message(struct bytes *to, unsigned field, struct bytes *message)
{
	put_data(to, field, message->at, message->count);
	to->failed |= message->failed;
	message->count = 0;
}

/* Texts 1 + 4 * frame ...: function, file, module and shown text of each frame; 0 is "". */
enum { TEXT_FUNCTION = 1, TEXT_FILE = 2, TEXTS = 2 };

static const char *const metric_types[METRIC_COUNT][2] = {
	[METRIC_GPU] = { "gpu_time", "nanoseconds" },
	[METRIC_HOST] = { "host_time", "nanoseconds" },
	[METRIC_LAUNCHES] = { "launches", "count" },
	[METRIC_CALLS] = { "calls", "count" },
	[METRIC_COPY] = { "copied", "bytes" },
	[METRIC_ALLOC] = { "allocated", "bytes" },
	[METRIC_REPLAY] = { "graph_replay_time", "nanoseconds" },
};

static void put_texts(struct bytes *out, const struct callpath_tree *tree)
{
	put_data(out, 6, "", 0);
	for (uint32_t i = 0; i < tree->frame_count; i++) {
		const struct callpath_frame *f = &tree->frames[i];
		const char *name = f->function[0] ? f->function : f->text;
		const char *file = f->file[0] ? f->file : f->module;

		put_data(out, 6, name, strlen(name));
		put_data(out, 6, file, strlen(file));
	}
	for (int m = 0; m < METRIC_COUNT; m++)
		for (int i = 0; i < 2; i++)
			put_data(out, 6, metric_types[m][i], strlen(metric_types[m][i]));
}

static void put_functions(struct bytes *out, const struct callpath_tree *tree)
{
	struct bytes message = { 0 }, line = { 0 };

	for (uint32_t i = 0; i < tree->frame_count; i++) {
		put_number(&message, 1, i + 1);
		put_number(&message, 2, (uint64_t)i * TEXTS + TEXT_FUNCTION);
		put_number(&message, 4, (uint64_t)i * TEXTS + TEXT_FILE);
		put_message(out, 5, &message);
		put_number(&line, 1, i + 1);
		put_number(&line, 2, (uint64_t)tree->frames[i].line);
		put_number(&message, 1, i + 1);
		put_message(&message, 4, &line);
		put_message(out, 4, &message);
	}
	free(message.at);
	free(line.at);
}

static void put_samples(struct bytes *out, const struct callpath_tree *tree)
{
	struct bytes message = { 0 }, list = { 0 };
	uint32_t path[DEPTH_MAX];

	for (uint32_t n = 1; n < tree->node_count; n++) {
		uint64_t any = 0;
		int depth;

		for (int m = 0; m < METRIC_COUNT; m++)
			any |= callpath_metric(&tree->nodes[n].self, (enum callpath_metric)m);
		if (!any)
			continue;
		depth = node_path(tree, n, path);
		for (int i = 0; i < depth; i++)
			put_varint(&list, tree->nodes[path[i]].frame + 1);
		put_message(&message, 1, &list);
		for (int m = 0; m < METRIC_COUNT; m++)
			put_varint(&list, callpath_metric(&tree->nodes[n].self,
							  (enum callpath_metric)m));
		put_message(&message, 2, &list);
		put_message(out, 2, &message);
	}
	free(message.at);
	free(list.at);
}

int export_pprof(const struct callpath_tree *tree, FILE *out)
{
	struct bytes profile = { 0 }, message = { 0 };
	uint64_t first = 1 + (uint64_t)tree->frame_count * TEXTS;
	int result;

	for (unsigned m = 0; m < METRIC_COUNT; m++) {
		put_number(&message, 1, first + 2 * m);
		put_number(&message, 2, first + 2 * m + 1);
		put_message(&profile, 1, &message);
	}
	put_samples(&profile, tree);
	put_functions(&profile, tree);
	put_texts(&profile, tree);
	put_number(&profile, 14, first);
	result = profile.failed || fwrite(profile.at, 1, profile.count, out) != profile.count ||
		 fflush(out) ? -1 : 0;
	free(profile.at);
	free(message.at);
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of nodes, made of the names on their path, which survive a new reading; and what else is known
 * of a node once it was made.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/tree.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t value)
{
	value ^= value >> 31;
	value *= 0x9E3779B97F4A7C15u;
	value ^= value >> 29;
	value *= 0xBF58476D1CE4E5B9u;
	return value ^ value >> 32;
}

static uint64_t text_hash(const char *text)
{
	uint64_t hash = 0xCBF29CE484222325u;

	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
	return hash;
}

/* Bits of tree.naming. */
enum { NAMING_KNOWN = 1, NAMING_FIRST = 2 };

struct named { const struct callpath_frame *frame; uint32_t node; };

static int by_function(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int order = strcmp(a->frame->function, b->frame->function);

	if (order)
		return order;
	if (a->frame->line != b->frame->line)
		return a->frame->line < b->frame->line ? -1 : 1;
	return (a->frame > b->frame) - (a->frame < b->frame);
}

static bool has_function(const struct callpath_frame *frame)
{
	return !frame->is_python && frame->function && *frame->function;
}

/* Lines of native functions are known only when the recording is complete: of the siblings with one
 * name the first line keeps the key that the name alone had before. All siblings at once. */
static void name_siblings(struct tree *tree, uint32_t first)
{
	const struct callpath_node *nodes = tree->paths->nodes;
	struct named *named;
	size_t count = 0;

	for (uint32_t s = first; s != CALLPATH_NONE; s = nodes[s].next_sibling) {
		tree->naming[s] = NAMING_KNOWN;
		count++;
	}
	named = malloc((count + 1) * sizeof(*named));
	count = 0;
	for (uint32_t s = first; named && s != CALLPATH_NONE; s = nodes[s].next_sibling)
		if (has_function(&tree->paths->frames[nodes[s].frame]))
			named[count++] = (struct named){ &tree->paths->frames[nodes[s].frame], s };
	if (count)
		qsort(named, count, sizeof(*named), by_function);
	for (size_t i = 0; i < count; i++)
		if (!i || strcmp(named[i].frame->function, named[i - 1].frame->function) != 0)
			tree->naming[named[i].node] |= NAMING_FIRST;
	free(named);
}

static bool is_first_of_name(struct tree *tree, uint32_t index)
{
	if (!(tree->naming[index] & NAMING_KNOWN))
		name_siblings(tree, tree->paths->nodes[tree->paths->nodes[index].parent].first_child);
	return tree->naming[index] & NAMING_FIRST;
}

/* Zero is no key: it says "none". */
static uint64_t make_key(struct tree *tree, uint32_t index)
{
	const struct callpath_node *node = &tree->paths->nodes[index];
	const struct callpath_frame *frame;
	uint64_t key;

	if (index == 0)
		return mix((uint64_t)tree->order + 1);
	frame = &tree->paths->frames[node->frame];
	key = mix(tree->keys[node->parent] * 3 ^
		  text_hash(tree->order != CALLPATH_FLAT && is_first_of_name(tree, index) ?
			    frame->function : frame->text));
	return key + !key;
}

static bool make_room(struct tree *tree, uint32_t count)
{
	size_t room = count + count / 2 + 64;
	uint64_t *keys = realloc(tree->keys, room * sizeof(*keys));
	uint32_t *previous = realloc(tree->previous, room * sizeof(*previous));
	uint8_t *naming = realloc(tree->naming, room);
	bool *kept = realloc(tree->kept, room * sizeof(*kept));

	tree->keys = keys ? keys : tree->keys;
	tree->previous = previous ? previous : tree->previous;
	tree->naming = naming ? naming : tree->naming;
	tree->kept = kept ? kept : tree->kept;
	if (!keys || !previous || !naming || !kept)
		return false;
	tree->node_room = (uint32_t)room;
	return true;
}

/* A filter has made all that it can keep. */
bool tree_add_nodes(struct tree *tree)
{
	uint32_t count = tree->paths->node_count, first = tree->node_count;

	if (count > tree->node_room && !make_room(tree, count))
		return false;
	for (uint32_t i = first; i < count; i++) {
		tree->previous[i] = CALLPATH_NONE;
		tree->naming[i] = 0;
	}
	for (uint32_t i = first; i < count; i++)
		if (tree->paths->nodes[i].next_sibling != CALLPATH_NONE)
			tree->previous[tree->paths->nodes[i].next_sibling] = i;
	for (; tree->node_count < count; tree->node_count++) {
		uint32_t i = tree->node_count;

		tree->keys[i] = make_key(tree, i);
		tree->kept[i] = !tree->is_filtered &&
				callpath_metric(&tree->paths->nodes[i].total, tree->metric);
	}
	return true;
}

void tree_forget_nodes(struct tree *tree, uint32_t node_count)
{
	tree->node_count = node_count;
}

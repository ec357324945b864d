/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded trie of call paths for one thread: a node is (parent, key), its number is its slot
 * + 1, and 0 is the root. 16 bytes a node; nothing moves, so a number stays true. New nodes are
 * told once; at the cap, and when telling failed, a path ends at its deepest known node.
 */
#ifndef GPUTRAIL_LIBPROFILE_TRIE_H
#define GPUTRAIL_LIBPROFILE_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#define TRIE_SLOTS (1u << 16)		/* a power of two */
#define TRIE_FULL (TRIE_SLOTS / 4 * 3)

struct trie_node {
	uint64_t key;
	uint32_t parent;
	uint32_t used;
};

/* Key of the root's child that stands for frames that were cut off; no frame has it. */
#define TRIE_CUT 0u

/* False: the definition could not be sent now. */
typedef bool trie_tell(void *user, uint32_t node, uint32_t parent, uint64_t key);

struct trie {
	trie_tell *tell;
	void *user;
	uint64_t full;			/* nodes refused at the cap */
	void (*on_full)(void);		/* NULL, or is called for each of them */
	uint32_t count;
	struct trie_node nodes[TRIE_SLOTS];
};

static inline uint32_t trie_child(struct trie *trie, uint32_t parent, uint64_t key)
{
	uint64_t hash = (key ^ (uint64_t)parent << 40 ^ parent) * 0x9e3779b97f4a7c15ull;
	uint32_t slot = (uint32_t)(hash >> 40) & (TRIE_SLOTS - 1);

	for (; trie->nodes[slot].used; slot = (slot + 1) & (TRIE_SLOTS - 1))
		if (trie->nodes[slot].key == key && trie->nodes[slot].parent == parent)
			return slot + 1;
	if (trie->count >= TRIE_FULL) {
		trie->full++;
		if (trie->on_full)
			trie->on_full();
		return parent;
	}
	if (!trie->tell(trie->user, slot + 1, parent, key))
		return parent;
	trie->nodes[slot] = (struct trie_node){ key, parent, 1 };
	trie->count++;
	return slot + 1;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the frames gives a hash of the whole path; a path seen before is one look-up.
 * Otherwise it is laid into the trie from the outermost frame.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/pypath.h"

#include <string.h>
#include <sys/mman.h>

#define PATHS 4096u		/* direct-mapped cache of whole paths */
#define CODES 8192u		/* slots of code objects; full at three quarters */

/* A code object that was met; another one with its hash takes its place. */
struct code_slot {
	uint64_t code, stamp;
	uint32_t number;
};

struct path_slot {
	uint64_t hash;
	uint32_t node;
};

struct pypath {
	pypath_tell_code *tell_code;
	void *user;
	uint32_t code_count, depth_limit;
	struct path_slot paths[PATHS];
	struct code_slot met[CODES];
	uint64_t codes[CODES];		/* hashes of what was told; number - 1 is the place */
	struct pywalk walk;
	uint32_t node;			/* of the walk */
	struct trie trie;
};

void (*pypath_on_truncated)(void), (*pypath_on_full)(void);
void (*pypath_on_new)(void *user, const struct pywalk *walk);

struct pypath *pypath_new(trie_tell *tell_node, pypath_tell_code *tell_code, void *user,
			  uint32_t depth_limit)
{
	struct pypath *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	p->tell_code = tell_code;
	p->user = user;
	p->trie.tell = tell_node;
	p->trie.user = user;
	p->trie.on_full = pypath_on_full;
	p->depth_limit = depth_limit;
	return p;
}

void pypath_free(struct pypath *paths)
{
	munmap(paths, sizeof(*paths));
}

static uint64_t bytes_hash(uint64_t hash, const void *bytes, uint32_t count)
{
	const char *at = bytes;
	uint64_t word;

	for (; count; count -= count < 8 ? count : 8, at += 8) {
		word = 0;
		memcpy(&word, at, count < 8 ? count : 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return hash;
}

/* Of all that is told of a code object, so that a program that compiles the same text over and
 * over (exec, timeit, templates) has it once. 0: not a code object. */
static uint64_t code_hash(uint64_t code)
{
	struct pycode info;
	uint64_t hash;

	if (!pycode_read(code, &info))
		return 0;
	hash = (uint64_t)info.filename_bytes << 32 ^ info.name_bytes ^ (uint64_t)info.first_line << 48;
	hash = bytes_hash(hash, info.filename, info.filename_bytes);
	hash = bytes_hash(hash, info.name, info.name_bytes);
	return bytes_hash(hash, info.line_table, info.line_table_bytes) | 1;
}

/* Number of a code object, told on first sight; 0 when it cannot be. */
static uint32_t code_tell(struct pypath *p, uint64_t code)
{
	uint64_t hash = code_hash(code);
	uint32_t slot = (uint32_t)(hash >> 40) & (CODES - 1);

	if (!hash)
		return 0;
	for (; p->codes[slot]; slot = (slot + 1) & (CODES - 1))
		if (p->codes[slot] == hash)
			return slot + 1;
	if (p->code_count >= CODES / 4 * 3) {
		if (pypath_on_full)
			pypath_on_full();
		return 0;
	}
	if (!p->tell_code(p->user, slot + 1, code))
		return 0;
	p->codes[slot] = hash;
	p->code_count++;
	return slot + 1;
}

/* The stamp keeps a new object at an old one's address apart. */
static uint32_t code_number(struct pypath *p, const struct pyframe *frame)
{
	uint64_t hash = (frame->code ^ frame->stamp) * 0x9e3779b97f4a7c15ull;
	struct code_slot *slot = &p->met[hash >> 40 & (CODES - 1)];

	if (slot->code != frame->code || slot->stamp != frame->stamp || !slot->number)
		*slot = (struct code_slot){ frame->code, frame->stamp, code_tell(p, frame->code) };
	return slot->number;
}

static uint32_t path_lay(struct pypath *p, uint32_t count)
{
	uint32_t node = p->walk.truncated ? trie_child(&p->trie, 0, TRIE_CUT) : 0;

	while (count-- > 0) {
		const struct pyframe *frame = &p->walk.frames[count];
		uint32_t code = code_number(p, frame);

		if (!code)
			break;
		node = trie_child(&p->trie, node, (uint64_t)code << 32 |
				  (uint64_t)frame->instruction << 1 | (frame->is_entry & 1));
	}
	return node;
}

static __attribute__((noinline)) uint32_t node_of_walk(struct pypath *p)
{
	uint64_t hash = p->walk.count * 2 + p->walk.truncated;
	struct path_slot *slot;

	if (!p->walk.count)
		return 0;
	for (uint32_t i = 0; i < p->walk.count; i++) {
		const struct pyframe *frame = &p->walk.frames[i];
		uint64_t one = frame->code + frame->stamp * 0xc2b2ae3d27d4eb4full;

		/* Frames are mixed independently of each other; only the last step is a chain. */
		one ^= ((uint64_t)frame->instruction * 2 + frame->is_entry) * 0x9e3779b97f4a7c15ull;
		one *= 0xff51afd7ed558ccdull;
		hash = (hash + (one >> 29 ^ one)) * 0xc4ceb9fe1a85ec53ull;
	}
	hash ^= hash >> 32;
	hash |= 1;			/* an empty slot has hash 0 */
	slot = &p->paths[hash >> 20 & (PATHS - 1)];
	if (slot->hash != hash) {
		if (p->walk.truncated && pypath_on_truncated)
			pypath_on_truncated();
		if (pypath_on_new)
			pypath_on_new(p->user, &p->walk);
		slot->node = path_lay(p, p->walk.count);
		slot->hash = hash;
	}
	return slot->node;
}

uint32_t pypath_node(struct pypath *p)
{
	if (!pyframes_read(&p->walk, p->depth_limit))
		p->node = node_of_walk(p);
	return p->node;
}

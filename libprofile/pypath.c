/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the frames gives a hash of the whole path; a path seen before is one look-up.
 * Otherwise it is laid into the trie from the outermost frame.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/pypath.h"

#include <sys/mman.h>

#define PATHS 4096u		/* direct-mapped cache of whole paths */
#define CODES 8192u		/* slots of code objects; full at three quarters */

struct code_slot {
	uint64_t code, stamp;
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
	struct code_slot codes[CODES];
	struct pyframe frames[PYFRAMES_DEPTH_MAX];
	struct trie trie;
};

void (*pypath_on_truncated)(void), (*pypath_on_full)(void);

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

/* Number of a code object, told on first sight; 0 when it cannot be. The stamp keeps a new
 * object at an old one's address apart. */
static uint32_t code_number(struct pypath *p, const struct pyframe *frame)
{
	uint64_t hash = (frame->code ^ frame->stamp) * 0x9e3779b97f4a7c15ull;
	uint32_t slot = (uint32_t)(hash >> 40) & (CODES - 1);

	for (; p->codes[slot].code; slot = (slot + 1) & (CODES - 1))
		if (p->codes[slot].code == frame->code && p->codes[slot].stamp == frame->stamp)
			return slot + 1;
	if (p->code_count >= CODES / 4 * 3) {
		if (pypath_on_full)
			pypath_on_full();
		return 0;
	}
	if (!p->tell_code(p->user, slot + 1, frame->code))
		return 0;
	p->codes[slot] = (struct code_slot){ frame->code, frame->stamp };
	p->code_count++;
	return slot + 1;
}

static uint32_t path_lay(struct pypath *p, uint32_t count)
{
	uint32_t node = 0;

	while (count-- > 0) {
		const struct pyframe *frame = &p->frames[count];
		uint32_t code = code_number(p, frame);

		if (!code)
			break;
		node = trie_child(&p->trie, node, (uint64_t)code << 32 |
				  (uint64_t)frame->instruction << 1 | (frame->is_entry & 1));
	}
	return node;
}

uint32_t pypath_node(struct pypath *p)
{
	bool truncated;
	uint32_t count = pyframes_read(p->frames, p->depth_limit, &truncated);
	uint64_t hash = count;
	struct path_slot *slot;

	if (!count)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct pyframe *frame = &p->frames[i];
		uint64_t one = frame->code ^ frame->stamp << 1;

		/* Frames are mixed independently of each other; only the last step is a chain. */
		one ^= ((uint64_t)frame->instruction * 2 + frame->is_entry) * 0x9e3779b97f4a7c15ull;
		one *= 0xff51afd7ed558ccdull;
		hash = (hash + (one >> 29 ^ one)) * 0xc4ceb9fe1a85ec53ull;
	}
	hash ^= hash >> 32;
	hash |= 1;			/* an empty slot has hash 0 */
	slot = &p->paths[hash >> 20 & (PATHS - 1)];
	if (slot->hash != hash) {
		if (truncated && pypath_on_truncated)
			pypath_on_truncated();
		slot->node = path_lay(p, count);
		slot->hash = hash;
	}
	return slot->node;
}

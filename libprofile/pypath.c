/* SPDX-License-Identifier: Apache-2.0 */
/* Each frame of the last walk keeps its node; new frames are laid into the trie inside of these. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/pypath.h"

#include <string.h>
#include <sys/mman.h>

#define CODES 8192u		/* slots of code objects; full at three quarters */

/* A code object that was met; another one with its hash takes its place. */
struct code_slot {
	uint64_t code, stamp;
	uint32_t number;
};

struct pypath {
	pypath_tell_code *tell_code;
	void *user;
	uint32_t code_count, depth_limit;
	uint64_t full;			/* code objects refused at the cap */
	struct code_slot met[CODES];
	uint64_t codes[CODES];		/* hashes of what was told; number - 1 is the place */
	struct pywalk walk;
	uint32_t root, laid;		/* node outside of the walk's frames; how many have one */
	uint32_t nodes[PYFRAMES_DEPTH_MAX];
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
		p->full++;
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

/* Gives nodes to the frames that have none, from the outermost one, until one cannot be told. At a
 * cap that stays so, and the path ends there; if it could not be sent, it is tried again. */
static void frames_lay(struct pypath *p)
{
	uint64_t full = p->full + p->trie.full;
	uint32_t node = p->laid ? p->nodes[p->laid - 1] : p->root, count = p->trie.count;

	while (p->laid < p->walk.count) {
		const struct pyframe *frame = &p->walk.frames[p->laid];
		uint32_t code = code_number(p, frame), outer = node;

		if (code)
			node = trie_child(&p->trie, outer, (uint64_t)code << 32 |
					  (uint64_t)frame->instruction << 1 | (frame->is_entry & 1));
		if (node == outer) {
			if (p->full + p->trie.full == full)
				pyframes_forget(&p->walk);
			break;
		}
		p->nodes[p->laid++] = node;
	}
	if (p->trie.count != count && pypath_on_new)
		pypath_on_new(p->user, &p->walk);
}

static __attribute__((noinline)) uint32_t path_lay(struct pypath *p, uint32_t kept)
{
	if (!kept) {
		p->root = p->walk.truncated ? trie_child(&p->trie, 0, TRIE_CUT) : 0;
		if (p->walk.truncated && pypath_on_truncated)
			pypath_on_truncated();
	}
	if (p->laid >= kept) {		/* else the path ends outside of what is kept */
		p->laid = kept;
		frames_lay(p);
	}
	return p->laid ? p->nodes[p->laid - 1] : p->root;
}

uint32_t pypath_node(struct pypath *p)
{
	uint32_t kept = pyframes_read(&p->walk, p->depth_limit);

	if (kept && kept == p->laid && kept == p->walk.count)
		return p->nodes[kept - 1];
	return path_lay(p, kept);
}

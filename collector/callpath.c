/* SPDX-License-Identifier: Apache-2.0 */
/* Interning of nodes and merging of native and Python paths: see callpath.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/callpath.h"

#include <stdlib.h>
#include <string.h>

#include "collector/callpath_internal.h"

#define NODES_MAX (4u << 20)		/* distinct native nodes, Python nodes, paths, pairs */
#define DEPTH_MAX 512u

/* What a thread's node numbers mean. */
struct ring_paths {
	uint32_t *native, *python, *codes;	/* to 1 + index of the interned one */
	uint32_t native_capacity, python_capacity, code_capacity;
};

struct native_key {
	uint32_t parent, module;	/* 1 + index; module 0 with process: code without a file */
	uint64_t address;
	uint32_t process, zero;
};

struct python_key {
	uint32_t parent, code;		/* 1 + index */
	uint32_t instruction;		/* << 1 | is_entry */
};

/* The node that stands for frames that were cut off: of natives, what is all zeros otherwise. */
#define PYTHON_CUT UINT32_MAX		/* a code */

struct pair_key {
	uint32_t native, python;
};

struct path_key {
	uint32_t parent, frame;
};

struct callpath *callpath_new(struct collector *collector)
{
	struct callpath *cp = calloc(1, sizeof(*cp));

	if (!cp)
		return NULL;
	cp->collector = collector;
	cp->natives = (struct intern){ .key_bytes = sizeof(struct native_key), .limit = NODES_MAX };
	cp->pythons = (struct intern){ .key_bytes = sizeof(struct python_key), .limit = NODES_MAX };
	cp->pairs = (struct intern){ .key_bytes = sizeof(struct pair_key), .limit = NODES_MAX };
	cp->paths = (struct intern){ .key_bytes = sizeof(struct path_key), .limit = NODES_MAX };
	frames_init(cp);
	return cp;
}

void callpath_finish(struct callpath *cp)
{
	frames_find_lines(cp);
}

void callpath_free(struct callpath *cp)
{
	if (!cp)
		return;
	frames_free(cp);
	intern_free(&cp->natives);
	intern_free(&cp->pythons);
	intern_free(&cp->pairs);
	intern_free(&cp->paths);
	free(cp->pair_paths);
	free(cp->sums);
	free(cp);
}

static struct ring_paths *ring_paths(struct ring *ring)
{
	if (!ring->paths)
		ring->paths = calloc(1, sizeof(*ring->paths));
	return ring->paths;
}

void callpath_ring_reset(struct ring *ring)
{
	if (!ring->paths)
		return;
	free(ring->paths->native);
	free(ring->paths->python);
	free(ring->paths->codes);
	free(ring->paths);
	ring->paths = NULL;
}

static uint32_t mapped(const uint32_t *map, uint32_t capacity, uint32_t number)
{
	return number < capacity ? map[number] : 0;
}

void callpath_native_node(struct process *p, struct ring *ring,
			  const struct wire_def_native_node *def)
{
	struct callpath *cp = p->collector->callpath;
	struct ring_paths *paths = ring_paths(ring);
	struct native_key key = { .address = def->address };
	uint32_t index;
	bool is_new;

	if (!paths || def->node > WIRE_NODES_MAX ||
	    !array_reserve(&paths->native, &paths->native_capacity, def->node, sizeof(uint32_t)))
		return;
	key.parent = mapped(paths->native, paths->native_capacity, def->parent);
	key.module = module_of_wire(p, def->module);
	if (!key.module && (def->parent || def->module || def->address))
		key.process = p->id;	/* no process: cut off */
	index = intern_add(&cp->natives, &key, &is_new);
	paths->native[def->node] = index + 1;	/* INTERN_NONE becomes 0: unknown */
}

void callpath_python_code(struct process *p, struct ring *ring,
			  const struct wire_def_python_code *def)
{
	struct ring_paths *paths = ring_paths(ring);

	if (paths && def->code <= WIRE_NODES_MAX &&
	    array_reserve(&paths->codes, &paths->code_capacity, def->code, sizeof(uint32_t)))
		paths->codes[def->code] = code_add(p->collector->callpath, def);
}

void callpath_python_node(struct process *p, struct ring *ring,
			  const struct wire_def_python_node *def)
{
	struct callpath *cp = p->collector->callpath;
	struct ring_paths *paths = ring_paths(ring);
	struct python_key key = { .instruction = def->instruction };
	bool is_new;

	if (!paths || def->node > WIRE_NODES_MAX ||
	    !array_reserve(&paths->python, &paths->python_capacity, def->node, sizeof(uint32_t)))
		return;
	key.parent = mapped(paths->python, paths->python_capacity, def->parent);
	key.code = def->code ? mapped(paths->codes, paths->code_capacity, def->code) : PYTHON_CUT;
	paths->python[def->node] = intern_add(&cp->pythons, &key, &is_new) + 1;
}

/* --- merging ------------------------------------------------------------------------------- */

static uint32_t path_child(struct callpath *cp, uint32_t parent, uint32_t frame)
{
	struct path_key key = { parent, frame };
	uint32_t index;
	bool is_new;

	if (!frame)
		return parent;
	index = intern_add(&cp->paths, &key, &is_new);
	if (index == INTERN_NONE)
		return parent;
	if (is_new)
		database_run(cp->collector->db, "INSERT INTO path VALUES (?,?,?)", "iii",
			     (int64_t)index + 1, (int64_t)parent, (int64_t)frame);
	return index + 1;
}

/* One Python frame, from the innermost outwards. */
struct python_walk {
	uint32_t at;			/* 1 + index, 0 at the end */
	bool is_cut;
};

/*
 * Appends the frames of one run of the interpreter's loop, innermost first: all up to and with
 * the frame that C code entered. Returns how many there are now.
 */
static uint32_t python_run(struct callpath *cp, struct python_walk *walk, uint32_t *frames,
			   uint32_t count)
{
	bool is_entry = false;

	while (walk->at && !is_entry && count < DEPTH_MAX) {
		const struct python_key *key = intern_key(&cp->pythons, walk->at - 1);

		is_entry = key->instruction & 1;
		walk->at = key->parent;
		if (key->code == PYTHON_CUT)
			walk->is_cut = true;
		else
			frames[count++] = frame_python(cp, key->code, key->instruction >> 1);
	}
	return count;
}

/*
 * Native frames of the interpreter's loop are replaced by the Python frames they ran. Matching
 * goes from the innermost frame outwards, so that a path whose outer part was cut off keeps its
 * inner part right; Python frames without a native one are the outermost. Whichever part was cut
 * off, the path begins with a frame that says so.
 */
static uint32_t merge(struct callpath *cp, uint32_t native, uint32_t python)
{
	uint32_t frames[DEPTH_MAX], count = 0, path = 0;
	struct python_walk walk = { python, false };

	while (native && count < DEPTH_MAX) {
		const struct native_key *key = intern_key(&cp->natives, native - 1);
		uint32_t frame;
		bool is_eval;

		if (!key->module && !key->process) {
			walk.is_cut = true;
			break;
		}
		frame = frame_native(cp, key->module, key->process, key->address, &is_eval);
		if (is_eval && python)
			count = python_run(cp, &walk, frames, count);
		else
			frames[count++] = frame;
		native = key->parent;
	}
	while (walk.at && count < DEPTH_MAX)
		count = python_run(cp, &walk, frames, count);
	if (walk.is_cut || native || walk.at)
		path = path_child(cp, 0, frame_cut(cp));
	while (count-- > 0)
		path = path_child(cp, path, frames[count]);
	return path;
}

uint32_t callpath_of(struct process *p, struct ring *ring, uint32_t native, uint32_t python)
{
	struct callpath *cp = p->collector->callpath;
	struct pair_key key;
	uint32_t index;
	bool is_new;

	if (!ring->paths || (!native && !python))
		return 0;
	key.native = mapped(ring->paths->native, ring->paths->native_capacity, native);
	key.python = mapped(ring->paths->python, ring->paths->python_capacity, python);
	if (!key.native && !key.python)
		return 0;
	index = intern_add(&cp->pairs, &key, &is_new);
	if (index == INTERN_NONE)
		return 0;
	if (is_new) {
		if (!array_reserve(&cp->pair_paths, &cp->pair_capacity, index, sizeof(uint32_t)))
			return 0;
		frames_learn_loops(p);
		cp->pair_paths[index] = merge(cp, key.native, key.python);
	}
	return cp->pair_paths[index];
}

void callpath_count(struct callpath *cp, uint32_t path, const struct path_sum *more)
{
	struct counted *sum;

	if (!array_reserve(&cp->sums, &cp->sum_capacity, path, sizeof(*cp->sums)))
		return;
	sum = &cp->sums[path];
	sum->sum.launches += more->launches;
	sum->sum.gpu_ns += more->gpu_ns;
	sum->sum.host_ns += more->host_ns;
	sum->sum.calls += more->calls;
	sum->sum.copy_bytes += more->copy_bytes;
	sum->sum.alloc_bytes += more->alloc_bytes;
	sum->sum.replay_gpu_ns += more->replay_gpu_ns;
	sum->changed = true;
}

void callpath_write(struct callpath *cp)
{
	for (uint32_t path = 0; path < cp->sum_capacity; path++) {
		struct counted *s = &cp->sums[path];

		if (!s->changed)
			continue;
		s->changed = false;
		database_run(cp->collector->db,
			     "INSERT OR REPLACE INTO sum_path VALUES (?,?,?,?,?,?,?,?)", "iiiiiiii",
			     (int64_t)path, (int64_t)s->sum.launches, (int64_t)s->sum.gpu_ns,
			     (int64_t)s->sum.host_ns, (int64_t)s->sum.calls,
			     (int64_t)s->sum.copy_bytes, (int64_t)s->sum.alloc_bytes,
			     (int64_t)s->sum.replay_gpu_ns);
	}
}

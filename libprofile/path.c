/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call paths of recorded calls: sets a thread's walkers up, sends the definitions of nodes,
 * loaded objects and Python code objects on first sight.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/path.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "libprofile/cfi.h"
#include "libprofile/env.h"
#include "libprofile/modules.h"
#include "libprofile/pypath.h"
#include "libprofile/python.h"
#include "libprofile/ring.h"
#include "libprofile/unwind.h"
#include "libprofile/unwind_odd.h"

#define DEPTH_MIN 8u
#define DEPTH_MAX 256u			/* of unwind.h and pyframes.h */
#define MEASURED 64u			/* captures that the cost is measured with */
#define NODES_MADE 0x80000000u		/* in a generation: take the rare way, so that no other pays */

enum path_mode { MODE_UNKNOWN, MODE_OFF, MODE_PYTHON, MODE_NATIVE, MODE_BOTH };

static struct {
	uint32_t mode;
	uint32_t depth_limit;
	uint32_t native_measured, python_measured, python_told;
	struct spinlock loops_lock;
} paths;

uint32_t path_loads;			/* counted by dlopen's trampoline */
static uint32_t python_version;
static struct object self;

static enum path_mode mode_read(void)
{
	const char *text = env_get(ENV_GPUTRAIL_CALLPATH);
	bool native = strstr(text, "native") != NULL, python = strstr(text, "python") != NULL;

	return native ? (python ? MODE_BOTH : MODE_NATIVE) : python ? MODE_PYTHON : MODE_OFF;
}

/* GPUTRAIL_DEPTH within its bounds; 256 for what is no number. */
static uint32_t depth_read(void)
{
	uint32_t depth = 0;

	for (const char *c = env_get(ENV_GPUTRAIL_DEPTH); *c; c++)
		depth = *c < '0' || *c > '9' || depth > DEPTH_MAX ? DEPTH_MAX + 1
								 : depth * 10 + (uint32_t)(*c - '0');
	return depth > DEPTH_MAX ? DEPTH_MAX : depth < DEPTH_MIN ? DEPTH_MIN : depth;
}

static void count_cut(void)
{
	process_count(WIRE_COUNTER_paths_cut, 1);
}

static void count_full(void)
{
	process_count(WIRE_COUNTER_paths_full, 1);
}

/* --- telling ------------------------------------------------------------------------------- */

static bool tell_native(void *user, uint32_t node, uint32_t parent, uint64_t ip)
{
	struct thread *thread = user;
	struct wire_def_native_node *def;
	struct object object;
	uint32_t module;
	bool ok;

	module = module_number(thread, ip - 1, &object, &ok);
	if (!ok)
		return false;
	def = ring_reserve(thread, sizeof(*def));
	if (!def)
		return false;
	def->head = (struct wire_head){ .bytes = sizeof(*def), .kind = WIRE_DEF_NATIVE_NODE };
	def->node = node;
	def->parent = parent;
	def->module = module;
	def->reserved = 0;
	def->address = module ? ip - object.base : ip;
	ring_commit(thread, sizeof(*def));
	return true;
}

static bool tell_python(void *user, uint32_t node, uint32_t parent, uint64_t key)
{
	struct thread *thread = user;
	struct wire_def_python_node *def = ring_reserve(thread, sizeof(*def));

	if (!def)
		return false;
	def->head = (struct wire_head){ .bytes = sizeof(*def), .kind = WIRE_DEF_PYTHON_NODE };
	def->node = node;
	def->parent = parent;
	def->code = (uint32_t)(key >> 32);
	def->instruction = (uint32_t)key;
	ring_commit(thread, sizeof(*def));
	return true;
}

/* Characters of 1, 2 or 4 bytes (Latin-1, UCS-2, UCS-4) as NUL-terminated UTF-8. */
static uint32_t text_put(char *out, uint32_t room, const char *text, uint32_t bytes, uint8_t kind)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < bytes; i += kind) {
		uint32_t c = 0;

		memcpy(&c, text + i, kind);
		if (at + 5 > room)
			break;
		if (c < 0x80) {
			out[at++] = (char)(c ? c : '?');
		} else if (c < 0x800) {
			out[at++] = (char)(0xc0 | c >> 6);
			out[at++] = (char)(0x80 | (c & 0x3f));
		} else if (c < 0x10000) {
			out[at++] = (char)(0xe0 | c >> 12);
			out[at++] = (char)(0x80 | (c >> 6 & 0x3f));
			out[at++] = (char)(0x80 | (c & 0x3f));
		} else {
			out[at++] = (char)(0xf0 | c >> 18);
			out[at++] = (char)(0x80 | (c >> 12 & 0x3f));
			out[at++] = (char)(0x80 | (c >> 6 & 0x3f));
			out[at++] = (char)(0x80 | (c & 0x3f));
		}
	}
	out[at++] = '\0';
	return at;
}

#define CODE_TEXT_MAX 4096u
#define CODE_TABLE_MAX 32768u

static bool tell_code(void *user, uint32_t id, uint64_t code)
{
	struct thread *thread = user;
	struct wire_def_python_code *def;
	struct pycode info;
	uint32_t table, bytes, at;

	if (!pycode_read(code, &info))
		return false;
	table = info.line_table_bytes < CODE_TABLE_MAX ? info.line_table_bytes : CODE_TABLE_MAX;
	bytes = (uint32_t)sizeof(*def) + 2 * CODE_TEXT_MAX + table;
	def = ring_reserve(thread, (bytes + 7) & ~7u);
	if (!def)
		return false;
	def->code = id;
	def->first_line = info.first_line;
	def->minor = python_version >> 16 & 0xff;
	def->file_bytes = text_put(def->bytes, CODE_TEXT_MAX, info.filename, info.filename_bytes,
				   info.filename_kind);
	def->name_bytes = text_put(def->bytes + def->file_bytes, CODE_TEXT_MAX, info.name,
				   info.name_bytes, info.name_kind);
	def->table_bytes = table;
	at = def->file_bytes + def->name_bytes;
	memcpy(def->bytes + at, info.line_table, table);
	bytes = ((uint32_t)sizeof(*def) + at + table + 7) & ~7u;
	def->head = (struct wire_head){ .bytes = (uint16_t)bytes, .kind = WIRE_DEF_PYTHON_CODE };
	ring_commit(thread, bytes);
	return true;
}

/* --- threads ------------------------------------------------------------------------------- */

/* Finds an interpreter and says once which one it is. */
static bool python_find(void)
{
	bool is_readable = python_look(&python_version);

	if (python_version && !__atomic_exchange_n(&paths.python_told, 1, __ATOMIC_RELAXED)) {
		process.control->counters[WIRE_GAUGE_PYTHON_VERSION] = python_version;
		if (!is_readable)
			process_count(WIRE_COUNTER_python_unread, 1);
	}
	return is_readable;
}

/* Where a loop begins and ends, once. */
static void loop_add(uint64_t begin, uint64_t end)
{
	uint64_t *loops = &process.control->counters[WIRE_GAUGE_PYTHON_LOOPS];
	unsigned k = 0;

	while (k < 2 * WIRE_PYTHON_LOOPS && __atomic_load_n(&loops[k], __ATOMIC_ACQUIRE) != begin)
		k += 2;
	if (k < 2 * WIRE_PYTHON_LOOPS)
		return;
	spin_lock(&paths.loops_lock);
	for (k = 0; k < 2 * WIRE_PYTHON_LOOPS && loops[k] != begin; k += 2) {
		if (loops[k])
			continue;
		loops[k + 1] = end;
		__atomic_store_n(&loops[k], begin, __ATOMIC_RELEASE);
		break;
	}
	spin_unlock(&paths.loops_lock);
}

/*
 * The interpreter keeps a frame of its own on the native stack of each run of its loop. So the
 * native frame there is the loop, whether or not that code has a name.
 */
static void loops_learn(void *user, const struct pywalk *walk)
{
	struct thread *thread = user;

	for (uint32_t i = 1; thread->unwinder && i <= walk->seen_count; i++) {
		const struct pyseen *seen = &walk->seen[i];
		uint64_t low, high, ip = 0;
		struct object object;
		uint32_t module;
		bool ok;

		if (seen->is_own)
			ip = unwinder_frame_holding(thread->unwinder, seen->frame);
		if (!ip || !cfi_function_range(ip - 1, &low, &high))
			continue;
		module = module_number(thread, ip - 1, &object, &ok);
		if (!module || !ok)
			continue;
		loop_add((uint64_t)module << 48 | (low - object.base), high - object.base);
	}
}

static void settings_make(void)
{
	struct object libc;

	object_of_address((const void *)path_capture, &self);
	modules_start();
	unwind_odd_open = real_dlopen;
	unwind_odd_symbol = real_dlsym;
	if (object_find_kind(OBJECT_LIBC, &libc))
		*(void **)&cfi_find_object = object_symbol(&libc, "_dl_find_object");
	paths.depth_limit = unwind_depth_limit = depth_read();
	unwind_on_truncated = pypath_on_truncated = count_cut;
	unwind_on_full = pypath_on_full = count_full;
	pypath_on_new = loops_learn;
	paths.mode = mode_read();
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What a path costs here, taken over and over at the process's first one: some microseconds,
 * once. */
static void cost_measure(struct thread *thread)
{
	uint64_t *gauges = process.control->counters, begin;

	if (thread->unwinder && !__atomic_exchange_n(&paths.native_measured, 1, __ATOMIC_RELAXED)) {
		unwinder_path(thread->unwinder);
		gauges[WIRE_GAUGE_PATH_NATIVE_FRAMES] = unwinder_counts(thread->unwinder)->steps;
		begin = now_ns();
		for (unsigned i = 0; i < MEASURED; i++)
			unwinder_path(thread->unwinder);
		gauges[WIRE_GAUGE_PATH_NATIVE_PS] = (now_ns() - begin) * 1000 / MEASURED;
	}
	if (thread->pypath && !__atomic_exchange_n(&paths.python_measured, 1, __ATOMIC_RELAXED)) {
		pypath_node(thread->pypath);
		begin = now_ns();
		for (unsigned i = 0; i < MEASURED; i++)
			pypath_node(thread->pypath);
		gauges[WIRE_GAUGE_PATH_PYTHON_PS] = (now_ns() - begin) * 1000 / MEASURED;
	}
}

static void walkers_make(struct thread *thread)
{
	pthread_attr_t attributes;
	void *low;
	size_t bytes;

	thread->path_generation = __atomic_load_n(&unwind_code_generation, __ATOMIC_ACQUIRE);
	thread->path_loads = __atomic_load_n(&path_loads, __ATOMIC_RELAXED);
	if (paths.mode == MODE_UNKNOWN)
		settings_make();
	if ((paths.mode == MODE_BOTH || paths.mode == MODE_NATIVE) && !thread->unwinder &&
	    !pthread_getattr_np(pthread_self(), &attributes)) {
		if (!pthread_attr_getstack(&attributes, &low, &bytes))
			thread->unwinder = unwinder_new((uintptr_t)low, (uintptr_t)low + bytes,
							self.low, self.high, tell_native, thread);
		pthread_attr_destroy(&attributes);
	}
	if ((paths.mode == MODE_BOTH || paths.mode == MODE_PYTHON) && !thread->pypath &&
	    python_find())
		thread->pypath = pypath_new(tell_python, tell_code, thread, paths.depth_limit);
	cost_measure(thread);
}

void path_thread_start(struct thread *thread)
{
	if (thread->unwinder)
		unwinder_free(thread->unwinder);
	if (thread->pypath)
		pypath_free(thread->pypath);
	thread->unwinder = NULL;
	thread->pypath = NULL;
	thread->graph_node_count = 0;
	modules_thread_start(thread);
	walkers_make(thread);
}

void path_forget_all(void)
{
	memset(&paths, 0, sizeof(paths));
	modules_forget_all();
}

static inline void capture(struct thread *thread, uint32_t *native, uint32_t *python)
{
	*native = thread->unwinder ? unwinder_path(thread->unwinder) : 0;
	*python = thread->pypath ? pypath_node(thread->pypath) : 0;
}

/* Perhaps an interpreter was loaded meanwhile, or the call made nodes of a graph. */
static __attribute__((noinline)) void capture_rarely(struct thread *thread, uint32_t *native,
						     uint32_t *python)
{
	thread->path_generation &= ~NODES_MADE;
	if (thread->path_generation != __atomic_load_n(&unwind_code_generation, __ATOMIC_ACQUIRE) ||
	    thread->path_loads != __atomic_load_n(&path_loads, __ATOMIC_RELAXED))
		walkers_make(thread);
	capture(thread, native, python);
	for (uint32_t i = 0; i < thread->graph_node_count; i++)
		path_graph_node(thread, thread->graph_nodes[i], 0, *native, *python);
	thread->graph_node_count = 0;
}

void path_capture(struct thread *thread, uint32_t *native, uint32_t *python)
{
	if (unlikely(thread->path_generation !=
		     __atomic_load_n(&unwind_code_generation, __ATOMIC_ACQUIRE) ||
		     (!thread->pypath &&
		      thread->path_loads != __atomic_load_n(&path_loads, __ATOMIC_RELAXED))))
		capture_rarely(thread, native, python);
	else
		capture(thread, native, python);
}

void path_graph_node(struct thread *thread, uint64_t node, uint64_t original, uint32_t native,
		     uint32_t python)
{
	struct wire_def_graph_node *def = ring_reserve(thread, sizeof(*def));

	if (!def)
		return;
	def->head = (struct wire_head){ .bytes = sizeof(*def), .kind = WIRE_DEF_GRAPH_NODE };
	def->node = node;
	def->original = original;
	def->at = clock_wire();
	def->native_path = native;
	def->python_path = python;
	ring_commit(thread, sizeof(*def));
}

bool path_is_taken(const struct thread *thread)
{
	return thread->unwinder || thread->pypath;
}

void path_graph_node_made(struct thread *thread, uint64_t node)
{
	if (thread->graph_node_count >= GRAPH_NODES_MAX) {
		process_count(WIRE_COUNTER_graph_nodes_lost, 1);
		return;
	}
	thread->graph_nodes[thread->graph_node_count++] = node;
	thread->path_generation |= NODES_MADE;
}

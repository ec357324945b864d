/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads CPython's frames. The last walk is kept: when a new one meets a frame of it, every word that
 * the rest was made from is read again, and if nothing has changed the rest is taken over.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/pyframes.h"

#include <pthread.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "libprofile/pylayout.h"

#define NEXT_INTERPRETER 0	/* in an interpreter of 3.9 to 3.11 */
#define NEXT_THREAD 8		/* in a thread state of 3.9 to 3.11 */
#define WALK_MAX 4096u		/* thread states looked at: lists of other threads may change */

static struct {
	bool ready;
	uint32_t version;
	struct py_layout layout;
	void *(*thread_state)(void);	/* PyGILState_GetThisThreadState: reads TLS, no GIL */
	void *(*interpreter_newest)(void), *(*interpreter_main)(void);	/* read a word each */
	void *main;		/* what the latter said last: few programs ever have another one */
	uint64_t code_type;	/* address of PyCode_Type, 0 unknown */
} py;

bool pyframes_init(void *(*look_up)(const char *symbol), uint32_t *version)
{
	struct py_layout layout;

	*version = py.version;
	if (__atomic_load_n(&py.ready, __ATOMIC_ACQUIRE))
		return true;
	*(void **)&py.thread_state = look_up("PyGILState_GetThisThreadState");
	if (!py.thread_state)
		return false;
	if (!pylayout_find(look_up, version, &layout)) {
		py.version = *version;
		return false;
	}
	py.code_type = (uint64_t)(uintptr_t)look_up("PyCode_Type");
	*(void **)&py.interpreter_newest = look_up("PyInterpreterState_Head");
	*(void **)&py.interpreter_main = look_up("PyInterpreterState_Main");
	/* Threads that come here together write the same; nobody reads before it is complete. */
	py.version = *version;
	py.layout = layout;
	__atomic_store_n(&py.ready, true, __ATOMIC_RELEASE);
	return true;
}

/* --- frames -------------------------------------------------------------------------------- */

/* Where the frame's instructions begin: in the code object, or in this thread's own copy. */
static inline uint64_t bytecode_start(const struct py_layout *l, uint64_t frame, uint64_t code)
{
	if (l->thread_code >= 0) {
		uint32_t index = *(const uint32_t *)(uintptr_t)(frame +
								(uint64_t)l->thread_code_index);
		uint64_t copies, start = 0;

		/* _PyCodeArray: how many, then pointers; number 0 is the code object's own. A thread
		 * that needs one more puts a longer array in its place. */
		do {
			copies = word_at(code, l->thread_code);
			if (index && copies && index < word_at(copies, 0))
				start = word_at(copies + 8 * (uint64_t)index, 8);
		} while (copies != *(volatile uint64_t *)(uintptr_t)(code + (uint64_t)l->thread_code));
		if (start)
			return start;
	}
	return code + (uint64_t)l->bytecode;
}

static inline uint64_t frame_code(const struct py_layout *l, uint64_t frame)
{
	return word_at(frame, l->code) & ~(uint64_t)l->executable_mask;
}

/* From 3.12 on the interpreter has frames of its own, where C code enters it. A frame without code
 * is one that is not complete. */
static inline bool frame_is_own(const struct py_layout *l, uint64_t frame)
{
	if (l->owner < 0)
		return false;
	return !frame_code(l, frame) || (l->is_entry < 0 &&
		*(const int8_t *)(uintptr_t)(frame + (uint64_t)l->owner) >= l->owner_shim);
}

/* 3.11 marks entries from C in the frames themselves; below, each frame is one. */
static inline bool frame_is_entry(const struct py_layout *l, uint64_t frame)
{
	return l->owner < 0 || (l->is_entry >= 0 &&
				*(const uint8_t *)(uintptr_t)(frame + (uint64_t)l->is_entry));
}

/* 3.9 and 3.10 keep the last instruction as a number of bytes or code units, later ones where it
 * is. In bytes from the first one. */
static inline uint32_t frame_instruction(const struct py_layout *l, uint64_t frame, uint64_t code)
{
	int32_t last;

	if (l->owner >= 0)
		return (uint32_t)(word_at(frame, l->instruction) - bytecode_start(l, frame, code));
	last = *(const int32_t *)(uintptr_t)(frame + (uint64_t)l->instruction);
	return last < 0 ? 0 : (uint32_t)last * (uint32_t)-l->owner_shim;
}

static void frame_append(const struct py_layout *l, struct pywalk *walk, uint64_t frame)
{
	const struct pyseen *outer = &walk->seen[walk->seen_count];
	struct pyseen *seen = &walk->seen[++walk->seen_count];
	uint64_t code = frame_code(l, frame);

	*seen = (struct pyseen){
		.frame = frame, .code = word_at(frame, l->code),
		.instruction = word_at(frame, l->instruction), .is_own = frame_is_own(l, frame),
	};
	if (seen->is_own)
		seen->enters = code || outer->enters;
	else
		walk->frames[walk->count++] = (struct pyframe){
			.code = code, .instruction = frame_instruction(l, frame, code),
			.is_entry = outer->enters || frame_is_entry(l, frame),
			.stamp = pyidentity_stamp(l, &walk->identities, code, walk->salt),
		};
	seen->frames = (uint16_t)walk->count;
	seen->identities = (uint16_t)walk->identities.count;
	seen->texts = (uint16_t)walk->identities.text_count;
	walk->seen_at[place_of(frame)] = (uint16_t)walk->seen_count;
}

/* --- the last walk ------------------------------------------------------------------------- */

/*
 * How many of the outermost `count` frames stand, where the thread's frames lead to the innermost of
 * these: every word is read again. A frame is looked at only after the one inside of it was found to
 * lead there still; *to_the_end says whether that was so for all.
 */
static __attribute__((noinline)) uint32_t seen_stand(const struct py_layout *l,
						     const struct pywalk *walk,
						     uint32_t count, bool *to_the_end)
{
	const int16_t code = l->code, instruction = l->instruction, previous = l->previous;
	uint32_t stand = count;

	for (const struct pyseen *seen = &walk->seen[count]; seen > walk->seen; seen--) {
		if (word_at(seen->frame, code) != seen->code ||
		    word_at(seen->frame, instruction) != seen->instruction)
			stand = (uint32_t)(seen - walk->seen) - 1;
		if (word_at(seen->frame, previous) != seen[-1].frame)
			return (uint32_t)(seen - walk->seen) - 1;
	}
	*to_the_end = true;
	return stand;
}

/* 3.11's marks of the outermost `count` frames. */
static bool entries_are_same(const struct py_layout *l, const struct pywalk *walk, uint32_t count)
{
	if (l->is_entry >= 0)
		for (uint32_t i = 1; i <= count; i++)
			if (!walk->seen[i].is_own && frame_is_entry(l, walk->seen[i].frame) !=
						     walk->frames[walk->seen[i].frames - 1].is_entry)
				return false;
	return true;
}

/*
 * From `frame` outwards until a frame of the last walk from which all is as it was, at most `max` of
 * Python and as many as there is room for. Returns how many frames of the last walk are kept.
 */
static uint32_t frames_collect(const struct py_layout *l, struct pywalk *walk, uint64_t frame,
			       uint32_t max, uint32_t *fresh_python)
{
	uint32_t limit = walk->seen_count, at, stand;
	bool to_the_end = false;

	walk->fresh_count = *fresh_python = 0;
	for (; frame; frame = word_at(frame, l->previous)) {
		at = limit && walk->seen[limit].frame == frame ? limit :
		     walk->seen_at[place_of(frame)];
		if (at - 1 < limit && walk->seen[at].frame == frame) {
			stand = to_the_end ? at : seen_stand(l, walk, at, &to_the_end);
			if (stand == at)
				return at;
			limit = stand;
		}
		if (*fresh_python == max || walk->fresh_count == PYFRAMES_SEEN_MAX)
			break;
		*fresh_python += !frame_is_own(l, frame);
		walk->fresh[walk->fresh_count++] = frame;
	}
	walk->truncated = frame != 0;
	walk->seen[0] = (struct pyseen){ .frame = frame };
	return 0;
}

void pyframes_forget(struct pywalk *walk)
{
	walk->seen_count = 0;
}

/* Whether the outermost `kept` frames may stay, with the fresh ones inside of them. Of a truncated
 * path always as many frames, so that a stack has one path however it came about. */
static bool may_be_kept(const struct py_layout *l, const struct pywalk *walk, uint32_t kept,
			uint32_t fresh_python, uint32_t max)
{
	const struct pyseen *seen = &walk->seen[kept];
	uint32_t count = seen->frames + fresh_python;

	return entries_are_same(l, walk, kept) && count <= max &&
	       (!walk->truncated || count == max) &&
	       kept + walk->fresh_count <= PYFRAMES_SEEN_MAX &&
	       pyidentity_same(l, &walk->identities, seen->identities, seen->texts);
}

/* --- threads ------------------------------------------------------------------------------- */

static inline uint64_t frame_current(const struct py_layout *l, uint64_t state)
{
	uint64_t frame = word_at(state, l->thread_frame);

	return frame && l->cframe_frame >= 0 ? word_at(frame, l->cframe_frame) : frame;
}

/* A word of memory that another thread may be giving back. */
static bool word_far(uint64_t address, uint64_t *value)
{
	struct iovec local = { value, 8 }, remote = { (void *)(uintptr_t)address, 8 };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 8;
}

/*
 * Below 3.12 PyGILState knows only the thread's first interpreter. With several ones the thread's
 * states are looked for in all: the newest interpreter's that runs something is the innermost.
 * System calls, then; later versions and programs with one interpreter do not come here.
 */
static __attribute__((noinline)) uint64_t state_of_several(const struct py_layout *l, uint64_t first)
{
	uint64_t interpreter = (uint64_t)(uintptr_t)py.interpreter_newest(), state, thread;
	unsigned looked = 0;

	for (; interpreter; looked++) {
		if (!word_far(interpreter + (uint64_t)l->threads_head, &state))
			return first;
		for (; state; looked++) {
			if (looked > WALK_MAX ||
			    !word_far(state + (uint64_t)l->thread_id, &thread))
				return first;
			if (thread == (uint64_t)pthread_self() && frame_current(l, state))
				return state;
			if (!word_far(state + NEXT_THREAD, &state))
				return first;
		}
		if (!word_far(interpreter + NEXT_INTERPRETER, &interpreter))
			return first;
	}
	return first;
}

/* Whether there are interpreters besides the main one. */
static inline bool interpreters_are_several(void)
{
	void *newest = py.interpreter_newest(), *main;

	if (newest == __atomic_load_n(&py.main, __ATOMIC_RELAXED))
		return false;
	main = py.interpreter_main();
	__atomic_store_n(&py.main, main, __ATOMIC_RELAXED);
	return newest != main;
}

/* The thread's innermost frame; the salt is its interpreter's. */
static inline uint64_t frame_innermost(const struct py_layout *l, uint64_t *salt)
{
	uint64_t state = 0;

	*salt = 0;
	if (py.ready)
		state = (uint64_t)(uintptr_t)py.thread_state();
	if (!state)
		return 0;
	if (l->thread_id >= 0 && interpreters_are_several())
		state = state_of_several(l, state);
	if (l->interpreter_id >= 0)
		*salt = word_at(word_at(state, l->interpreter), l->interpreter_id) *
			0x9e3779b97f4a7c15ull;
	return frame_current(l, state);
}

static __attribute__((noinline)) uint32_t walk_anew(const struct py_layout *l, struct pywalk *walk,
						    uint64_t frame, uint32_t max)
{
	uint32_t fresh_python, kept = frames_collect(l, walk, frame, max, &fresh_python);
	const struct pyseen *seen;

	if (kept && !may_be_kept(l, walk, kept, fresh_python, max)) {
		pyframes_forget(walk);
		kept = frames_collect(l, walk, frame, max, &fresh_python);
	}
	seen = &walk->seen[kept];	/* [0] has none of anything */
	walk->seen_count = kept;
	walk->count = seen->frames;
	walk->identities.count = seen->identities;
	walk->identities.text_count = seen->texts;
	for (uint32_t i = walk->fresh_count; i-- > 0;)
		frame_append(l, walk, walk->fresh[i]);
	return walk->seen[kept].frames;
}

uint32_t pyframes_read(struct pywalk *walk, uint32_t max)
{
	const struct py_layout *l = &py.layout;
	uint64_t salt, frame = frame_innermost(l, &salt);
	uint32_t count = walk->seen_count;
	const struct pyseen *seen = &walk->seen[count];
	bool to_the_end = false;

	if (walk->salt != salt) {
		walk->salt = salt;
		pyframes_forget(walk);
	} else if (count && seen->frame == frame &&
		   word_at(frame, l->instruction) == seen->instruction &&
		   seen_stand(l, walk, count, &to_the_end) == count && to_the_end &&
		   entries_are_same(l, walk, count) &&
		   pyidentity_same(l, &walk->identities, seen->identities, seen->texts)) {
		return walk->count;
	}
	return walk_anew(l, walk, frame, max);
}

bool pycode_read(uint64_t code, struct pycode *r)
{
	const struct py_layout *l = &py.layout;
	uint64_t table;

	if (py.code_type && word_at(code, l->type) != py.code_type)
		return false;
	table = word_at(code, l->line_table);
	if (!pylayout_string(l, word_at(code, l->filename), &r->filename, &r->filename_bytes,
			 &r->filename_kind) ||
	    !pylayout_string(l, word_at(code, l->name), &r->name, &r->name_bytes, &r->name_kind))
		return false;
	r->first_line = *(const int32_t *)(uintptr_t)(code + (uint64_t)l->first_line);
	r->line_table = (const uint8_t *)(uintptr_t)(table + (uint64_t)l->bytes_data);
	r->line_table_bytes = (uint32_t)word_at(table, l->bytes_size);
	return true;
}

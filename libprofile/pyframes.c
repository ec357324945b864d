/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads CPython's frames: layouts of 3.9 to 3.12 from a table; of 3.13 and 3.14, free-threaded
 * builds too, from the offsets that the interpreter itself tells in _PyRuntime.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/pyframes.h"

#include <pthread.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Byte offsets inside CPython's structures; -1 where a version has no such field. */
struct py_layout {
	int16_t thread_frame;	/* PyThreadState: current frame, or the cframe that has it */
	int16_t cframe_frame;
	int16_t previous, code, instruction, owner, is_entry;	/* of a frame */
	int16_t filename, name, first_line, line_table, bytecode;	/* of a code object */
	int16_t ascii_bytes, compact_bytes;	/* size of the compact string headers */
	int8_t owner_shim;	/* owner value of the interpreter's own shim frames, and above */
	uint8_t executable_mask;	/* tag bits of the executable reference */
	int16_t code_version;	/* of a code object: numbers all that an interpreter makes */
	/* Where the GIL's state stays with the thread's first interpreter (below 3.12): of an
	 * interpreter its threads, of a thread its pthread_t. */
	int16_t threads_head, thread_id;
	int16_t string_length, string_state, bytes_size, bytes_data, type;
	uint8_t kind_shift;	/* of the character size in a string's state; compact, ascii follow */
	int16_t thread_code_index, thread_code;	/* per-thread bytecode of free-threaded 3.14 */
	int16_t interpreter, interpreter_id;	/* PyThreadState: its interpreter; that one's id */
};

/* What is alike in all versions with a table row. */
#define CLASSIC .string_length = 16, .string_state = 32, .bytes_size = 16, .bytes_data = 32, \
	.type = 8, .kind_shift = 2, .thread_code_index = -1, .thread_code = -1, \
	.interpreter = 16, .interpreter_id = -1
#define STRING_HASH 24		/* in a string or bytes object of 3.9 to 3.11, -1 not made yet */
#define NEXT_INTERPRETER 0	/* in an interpreter of 3.9 to 3.11 */
#define NEXT_THREAD 8		/* in a thread state of 3.9 to 3.11 */
#define WALK_MAX 4096u		/* thread states looked at: lists of other threads may change */

/* One row per minor version, checked by tests against the headers of installed interpreters. */
static const struct { uint32_t minor; struct py_layout layout; } layouts[] = {
#define LAYOUT(minor, ...) { minor, { __VA_ARGS__, CLASSIC } },
#include "libprofile/pylayouts.def"
#undef LAYOUT
};

/* The fields of _Py_DebugOffsets that are needed, as 64-bit word indexes into it. Word 2 tells
 * free-threaded builds, whose values differ and whose places do not. */
struct debug_offsets {
	uint32_t minor;
	uint8_t current_frame, previous, executable, instruction, owner;
	uint8_t filename, qualname, line_table, first_line, bytecode;
	uint8_t type, bytes_size, bytes_data, string_state, string_length, ascii_size;
	uint8_t thread_code_index, thread_code;	/* 0: this version has none */
	uint8_t free_threaded_kind_shift;
	uint8_t interpreter, interpreter_id;
};

#define OWNER_SHIM 3		/* FRAME_OWNED_BY_CSTACK of 3.13, _INTERPRETER and up of 3.14 */
#define TAG_BITS 7		/* of a stack reference; objects are aligned to 16 */
#define VERSION_AFTER_LINE 24	/* co_version follows co_firstlineno, 3.12 on */

static const struct debug_offsets debug_offsets[] = {
	{ .minor = 13, .current_frame = 23, .previous = 29, .executable = 30, .instruction = 31,
	  .owner = 33, .filename = 35, .qualname = 37, .line_table = 38, .first_line = 39,
	  .bytecode = 43, .type = 45, .bytes_size = 65, .bytes_data = 66, .string_state = 68,
	  .string_length = 69, .ascii_size = 70, .free_threaded_kind_shift = 2,
	  .interpreter = 22, .interpreter_id = 7 },
	{ .minor = 14, .current_frame = 26, .previous = 32, .executable = 33, .instruction = 34,
	  .owner = 36, .filename = 40, .qualname = 42, .line_table = 43, .first_line = 44,
	  .bytecode = 48, .type = 51, .bytes_size = 75, .bytes_data = 76, .string_state = 78,
	  .string_length = 79, .ascii_size = 80, .thread_code_index = 38, .thread_code = 49,
	  .free_threaded_kind_shift = 8, .interpreter = 25, .interpreter_id = 7 },
};

static struct {
	bool ready;
	uint32_t version;
	struct py_layout layout;
	void *(*thread_state)(void);	/* PyGILState_GetThisThreadState: reads TLS, no GIL */
	void *(*interpreter_newest)(void), *(*interpreter_main)(void);	/* read a word each */
	uint64_t code_type;	/* address of PyCode_Type, 0 unknown */
} py;

static inline uint64_t word_at(uint64_t base, int16_t offset)
{
	return *(const uint64_t *)(uintptr_t)(base + (uint64_t)(int64_t)offset);
}

/* 0x030b07f0 from Py_Version (3.11 on), else 0x03090c00 parsed from Py_GetVersion()'s text. */
static uint32_t version_find(void *(*look_up)(const char *symbol))
{
	const unsigned long *version = look_up("Py_Version");
	const char *(*text)(void);
	uint32_t parts[3] = { 0 };
	const char *c;

	if (version)
		return (uint32_t)*version;
	*(void **)&text = look_up("Py_GetVersion");
	c = text ? text() : "";
	for (unsigned i = 0; i < 3; i++, c += *c == '.')
		for (; *c >= '0' && *c <= '9'; c++)
			parts[i] = parts[i] * 10 + (uint32_t)(*c - '0');
	return parts[0] << 24 | parts[1] << 16 | parts[2] << 8;
}

static bool layout_from_offsets(const uint64_t *words, uint32_t version, struct py_layout *layout)
{
	for (size_t i = 0; i < sizeof(debug_offsets) / sizeof(debug_offsets[0]); i++) {
		const struct debug_offsets *d = &debug_offsets[i];

		if (d->minor != (version >> 16 & 0xff))
			continue;
		*layout = (struct py_layout){
			.thread_frame = (int16_t)words[d->current_frame], .cframe_frame = -1,
			.previous = (int16_t)words[d->previous],
			.code = (int16_t)words[d->executable],
			.instruction = (int16_t)words[d->instruction],
			.owner = (int16_t)words[d->owner], .is_entry = -1,
			.filename = (int16_t)words[d->filename],
			.name = (int16_t)words[d->qualname],
			.first_line = (int16_t)words[d->first_line],
			.line_table = (int16_t)words[d->line_table],
			.bytecode = (int16_t)words[d->bytecode],
			.ascii_bytes = (int16_t)words[d->ascii_size],
			.compact_bytes = (int16_t)(words[d->ascii_size] + 16),
			.owner_shim = OWNER_SHIM, .executable_mask = TAG_BITS,
			.string_length = (int16_t)words[d->string_length],
			.string_state = (int16_t)words[d->string_state],
			.bytes_size = (int16_t)words[d->bytes_size],
			.bytes_data = (int16_t)words[d->bytes_data],
			.type = (int16_t)words[d->type],
			.kind_shift = words[2] ? d->free_threaded_kind_shift : 2,
			.thread_code_index = -1, .thread_code = -1,
			.code_version = (int16_t)(words[d->first_line] + VERSION_AFTER_LINE),
			.interpreter = (int16_t)words[d->interpreter],
			.interpreter_id = (int16_t)words[d->interpreter_id],
			.threads_head = -1, .thread_id = -1,
		};
		if (words[2] && d->thread_code) {
			layout->thread_code_index = (int16_t)words[d->thread_code_index];
			layout->thread_code = (int16_t)words[d->thread_code];
		}
		return true;
	}
	return false;
}

bool pyframes_init(void *(*look_up)(const char *symbol), uint32_t *version)
{
	const uint64_t *runtime;
	struct py_layout layout;
	bool found = false;

	*version = py.version;
	if (__atomic_load_n(&py.ready, __ATOMIC_ACQUIRE))
		return true;
	*(void **)&py.thread_state = look_up("PyGILState_GetThisThreadState");
	if (!py.thread_state)
		return false;
	*version = py.version = version_find(look_up);
	py.code_type = (uint64_t)(uintptr_t)look_up("PyCode_Type");
	*(void **)&py.interpreter_newest = look_up("PyInterpreterState_Head");
	*(void **)&py.interpreter_main = look_up("PyInterpreterState_Main");
	runtime = look_up("_PyRuntime");
	if (runtime && memcmp(runtime, "xdebugpy", 8) == 0)
		found = layout_from_offsets(runtime, (uint32_t)runtime[1], &layout);
	for (size_t i = 0; !found && i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (*version >> 24 == 3 && layouts[i].minor == (*version >> 16 & 0xff)) {
			layout = layouts[i].layout;
			found = true;
		}
	if (!found)
		return false;
	/* Threads that come here together write the same; nobody reads before it is complete. */
	py.layout = layout;
	__atomic_store_n(&py.ready, true, __ATOMIC_RELEASE);
	return true;
}

/* --- identity ------------------------------------------------------------------------------ */

/* 3.9 to 3.11 do not number code objects: what their text says instead, some of it hashed by the
 * interpreter already. Pointers would not do: a name, a file's name and a line table often come to
 * live where those of the dead code object were. Every object has at least the bytes read here. */
static inline uint64_t code_content(const struct py_layout *l, uint64_t code)
{
	uint64_t file = word_at(code, l->filename), table = word_at(code, l->line_table);
	uint64_t length = word_at(file, l->string_length);
	uint64_t tail = word_at(file + (length > 8 ? length - 8 : 0), l->ascii_bytes);

	return word_at(word_at(code, l->name), STRING_HASH) ^
	       (tail + length) * 0x9e3779b97f4a7c15ull ^
	       (word_at(table, STRING_HASH) + word_at(table, l->bytes_data)) *
	       0xc2b2ae3d27d4eb4full;
}

/* A number, not 0, that differs when another code object came to live at the same address. `salt`
 * tells interpreters apart, each of which numbers its own from 3.12 on. */
static inline uint64_t code_stamp(const struct py_layout *l, uint64_t code, uint64_t salt)
{
	uint64_t line;

	if (l->code_version >= 0)
		return (salt ^ *(const uint32_t *)(uintptr_t)(code + (uint64_t)l->code_version)) |
		       1ull << 63;
	line = *(const uint32_t *)(uintptr_t)(code + (uint64_t)l->first_line);
	return (code_content(l, code) + (line << 40)) | 1;
}

/* --- frames -------------------------------------------------------------------------------- */

static inline void seen_add(const struct py_layout *l, struct pywalk *walk, uint64_t frame,
			    const struct pyframe *shown)
{
	walk->seen[walk->seen_count++] = (struct pyseen){
		.frame = frame, .code = word_at(frame, l->code),
		.instruction = word_at(frame, l->instruction), .stamp = shown ? shown->stamp : 0,
	};
}

/* 3.9, 3.10: PyFrameObject; f_lasti counts bytes (3.9) or code units (3.10). */
static uint64_t frames_read_objects(const struct py_layout *l, uint64_t frame, struct pywalk *walk,
				    uint32_t max)
{
	for (; frame && walk->count < max; frame = word_at(frame, l->previous)) {
		int32_t last = *(const int32_t *)(uintptr_t)(frame + (uint64_t)l->instruction);
		struct pyframe *out = &walk->frames[walk->count++];

		out->code = word_at(frame, l->code);
		out->instruction = last < 0 ? 0 : (uint32_t)last * (uint32_t)-l->owner_shim;
		out->is_entry = 1;
		out->stamp = code_stamp(l, out->code, 0);
		seen_add(l, walk, frame, out);
	}
	return frame;
}

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

static inline bool frame_is_entry(const struct py_layout *l, uint64_t frame)
{
	return l->is_entry >= 0 && *(const uint8_t *)(uintptr_t)(frame + (uint64_t)l->is_entry);
}

/* 3.11 on: _PyInterpreterFrame; the interpreter's shim frames mark entries from C. */
static uint64_t frames_read_interpreter(const struct py_layout *l, uint64_t frame,
					struct pywalk *walk, uint32_t max)
{
	for (; frame && walk->count < max && walk->seen_count < PYFRAMES_SEEN_MAX;
	     frame = word_at(frame, l->previous)) {
		uint64_t code = word_at(frame, l->code) & ~(uint64_t)l->executable_mask;
		int8_t owner = *(const int8_t *)(uintptr_t)(frame + (uint64_t)l->owner);
		struct pyframe *out = &walk->frames[walk->count];

		if ((l->is_entry < 0 && owner >= l->owner_shim) || !code) {
			if (code && walk->count)
				out[-1].is_entry = 1;
			seen_add(l, walk, frame, NULL);
			continue;
		}
		out->code = code;
		out->instruction = (uint32_t)(word_at(frame, l->instruction) -
					      bytecode_start(l, frame, code));
		out->is_entry = frame_is_entry(l, frame);
		out->stamp = code_stamp(l, code, walk->salt);
		seen_add(l, walk, frame, out);
		walk->count++;
	}
	return frame;
}

/*
 * Whether the frames are those of the last walk: every word that it was made from is read again.
 * An address is looked at only after the frame inside of it was found to lead there still.
 */
static bool walk_is_same(const struct py_layout *l, uint64_t frame, const struct pywalk *walk)
{
	const struct pyseen *seen = walk->seen, *end = seen + walk->seen_count;

	if (seen == end || seen->frame != frame)
		return false;
	for (; seen < end; seen++) {
		frame = seen->frame;
		if (word_at(frame, l->code) != seen->code ||
		    word_at(frame, l->instruction) != seen->instruction ||
		    word_at(frame, l->previous) != seen[1].frame)
			return false;
		if (seen->stamp && code_stamp(l, seen->code & ~(uint64_t)l->executable_mask,
					      walk->salt) != seen->stamp)
			return false;
	}
	return true;
}

/* 3.11 marks entries in the frames themselves. */
static bool entries_are_same(const struct py_layout *l, const struct pywalk *walk)
{
	if (l->is_entry >= 0)
		for (uint32_t i = 0; i < walk->count; i++)
			if (frame_is_entry(l, walk->seen[i].frame) != walk->frames[i].is_entry)
				return false;
	return true;
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

bool pyframes_read(struct pywalk *walk, uint32_t max)
{
	const struct py_layout *l = &py.layout;
	uint64_t state = 0, frame, salt = 0;

	if (py.ready)
		state = (uint64_t)(uintptr_t)py.thread_state();
	if (!state) {
		walk->count = walk->seen_count = 0;
		return false;
	}
	if (l->thread_id >= 0 && py.interpreter_newest() != py.interpreter_main())
		state = state_of_several(l, state);
	if (l->interpreter_id >= 0)
		salt = word_at(word_at(state, l->interpreter), l->interpreter_id) *
		       0x9e3779b97f4a7c15ull;
	frame = frame_current(l, state);
	if (walk->salt == salt && walk_is_same(l, frame, walk) && entries_are_same(l, walk))
		return true;
	walk->count = walk->seen_count = 0;
	walk->salt = salt;
	frame = l->owner < 0 ? frames_read_objects(l, frame, walk, max)
			     : frames_read_interpreter(l, frame, walk, max);
	walk->seen[walk->seen_count].frame = frame;
	walk->truncated = frame != 0;
	return false;
}

/* A compact string: ASCII, Latin-1, UCS-2 or UCS-4, by the kind bits of its state. */
static bool string_read(const struct py_layout *l, uint64_t object, const char **text,
			uint32_t *bytes, uint8_t *kind)
{
	uint64_t length = word_at(object, l->string_length);
	uint32_t state = *(const uint32_t *)(uintptr_t)(object + (uint64_t)l->string_state) >>
			 l->kind_shift;
	bool is_compact = state >> 3 & 1, is_ascii = state >> 4 & 1;

	*kind = state & 7;
	if (!is_compact || (*kind != 1 && *kind != 2 && *kind != 4) || length > 1u << 16)
		return false;
	*text = (const char *)(uintptr_t)(object +
		(uint64_t)(is_ascii ? l->ascii_bytes : l->compact_bytes));
	*bytes = (uint32_t)length * *kind;
	return true;
}

bool pycode_read(uint64_t code, struct pycode *r)
{
	const struct py_layout *l = &py.layout;
	uint64_t table;

	if (py.code_type && word_at(code, l->type) != py.code_type)
		return false;
	table = word_at(code, l->line_table);
	if (!string_read(l, word_at(code, l->filename), &r->filename, &r->filename_bytes,
			 &r->filename_kind) ||
	    !string_read(l, word_at(code, l->name), &r->name, &r->name_bytes, &r->name_kind))
		return false;
	r->first_line = *(const int32_t *)(uintptr_t)(code + (uint64_t)l->first_line);
	r->line_table = (const uint8_t *)(uintptr_t)(table + (uint64_t)l->bytes_data);
	r->line_table_bytes = (uint32_t)word_at(table, l->bytes_size);
	return true;
}

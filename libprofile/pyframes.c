/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads CPython's frames: layouts of 3.9 to 3.12 from a table; of 3.13 and 3.14, free-threaded
 * builds too, from the offsets that the interpreter itself tells in _PyRuntime.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/pyframes.h"

#include <string.h>

/* Byte offsets inside CPython's structures; -1 where a version has no such field. */
struct py_layout {
	int16_t thread_frame;	/* PyThreadState: current frame, or the cframe that has it */
	int16_t cframe_frame;
	int16_t previous, code, instruction, owner, is_entry;	/* of a frame */
	int16_t filename, name, first_line, line_table, bytecode;	/* of a code object */
	int16_t ascii_bytes, compact_bytes;	/* size of the compact string headers */
	int8_t owner_shim;	/* owner value of the interpreter's own shim frames, and above */
	uint8_t executable_mask;	/* tag bits of the executable reference */
	int16_t string_length, string_state, bytes_size, bytes_data, type;
	uint8_t kind_shift;	/* of the character size in a string's state; compact, ascii follow */
	int16_t thread_code_index, thread_code;	/* per-thread bytecode of free-threaded 3.14 */
};

/* What is alike in all versions with a table row. */
#define CLASSIC .string_length = 16, .string_state = 32, .bytes_size = 16, .bytes_data = 32, \
	.type = 8, .kind_shift = 2, .thread_code_index = -1, .thread_code = -1

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
};

#define OWNER_SHIM 3		/* FRAME_OWNED_BY_CSTACK of 3.13, _INTERPRETER and up of 3.14 */
#define TAG_BITS 7		/* of a stack reference; objects are aligned to 16 */

static const struct debug_offsets debug_offsets[] = {
	{ .minor = 13, .current_frame = 23, .previous = 29, .executable = 30, .instruction = 31,
	  .owner = 33, .filename = 35, .qualname = 37, .line_table = 38, .first_line = 39,
	  .bytecode = 43, .type = 45, .bytes_size = 65, .bytes_data = 66, .string_state = 68,
	  .string_length = 69, .ascii_size = 70, .free_threaded_kind_shift = 2 },
	{ .minor = 14, .current_frame = 26, .previous = 32, .executable = 33, .instruction = 34,
	  .owner = 36, .filename = 40, .qualname = 42, .line_table = 43, .first_line = 44,
	  .bytecode = 48, .type = 51, .bytes_size = 75, .bytes_data = 76, .string_state = 78,
	  .string_length = 79, .ascii_size = 80, .thread_code_index = 38, .thread_code = 49,
	  .free_threaded_kind_shift = 8 },
};

static struct {
	bool ready;
	uint32_t version;
	struct py_layout layout;
	void *(*thread_state)(void);	/* PyGILState_GetThisThreadState: reads TLS, no GIL */
	uint64_t code_type;	/* address of PyCode_Type, 0 unknown */
} py;

static inline uint64_t word_at(uint64_t base, int16_t offset)
{
	return *(const uint64_t *)(uintptr_t)(base + (uint64_t)(int64_t)offset);
}

/* 0x030b07f0 from Py_Version (3.11 on), else parsed from Py_GetVersion()'s text. */
static uint32_t version_find(void *(*look_up)(const char *symbol))
{
	const unsigned long *version = look_up("Py_Version");
	const char *(*text)(void);
	const char *c;
	uint32_t minor = 0;

	if (version)
		return (uint32_t)*version;
	*(void **)&text = look_up("Py_GetVersion");
	c = text ? text() : NULL;
	if (!c || c[0] != '3' || c[1] != '.')
		return 0;
	for (c += 2; *c >= '0' && *c <= '9'; c++)
		minor = minor * 10 + (uint32_t)(*c - '0');
	return 0x03000000u | minor << 16;
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

	*version = py.version;
	if (py.ready)
		return true;
	*(void **)&py.thread_state = look_up("PyGILState_GetThisThreadState");
	if (!py.thread_state)
		return false;
	*version = py.version = version_find(look_up);
	py.code_type = (uint64_t)(uintptr_t)look_up("PyCode_Type");
	runtime = look_up("_PyRuntime");
	if (runtime && memcmp(runtime, "xdebugpy", 8) == 0)
		py.ready = layout_from_offsets(runtime, (uint32_t)runtime[1], &py.layout);
	for (size_t i = 0; !py.ready && i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (*version >> 24 == 3 && layouts[i].minor == (*version >> 16 & 0xff)) {
			py.layout = layouts[i].layout;
			py.ready = true;
		}
	return py.ready;
}

/* A number that differs when another code object came to live at the same address. */
static inline uint64_t code_stamp(const struct py_layout *l, uint64_t code)
{
	return word_at(code, l->line_table) ^ word_at(code, l->name) << 20 ^
	       (uint64_t)*(const uint32_t *)(uintptr_t)(code + (uint64_t)l->first_line) << 40;
}

/* 3.9, 3.10: PyFrameObject; f_lasti counts bytes (3.9) or code units (3.10). */
static uint32_t frames_read_objects(const struct py_layout *l, uint64_t frame, struct pyframe *out,
				    uint32_t max)
{
	uint32_t count = 0;

	for (; frame && count < max; frame = word_at(frame, l->previous)) {
		int32_t last = *(const int32_t *)(uintptr_t)(frame + (uint64_t)l->instruction);

		out[count].code = word_at(frame, l->code);
		out[count].instruction = last < 0 ? 0 : (uint32_t)last * (uint32_t)-l->owner_shim;
		out[count].is_entry = 1;
		out[count].stamp = code_stamp(l, out[count].code);
		count++;
	}
	return count;
}

/* Where the frame's instructions begin: in the code object, or in this thread's own copy. */
static inline uint64_t bytecode_start(const struct py_layout *l, uint64_t frame, uint64_t code)
{
	if (l->thread_code >= 0) {
		uint64_t copies = word_at(code, l->thread_code);
		uint32_t index = *(const uint32_t *)(uintptr_t)(frame +
								(uint64_t)l->thread_code_index);

		/* _PyCodeArray: how many, then pointers; number 0 is the code object's own. */
		if (index && copies && index < word_at(copies, 0))
			return word_at(copies + 8 * (uint64_t)index, 8);
	}
	return code + (uint64_t)l->bytecode;
}

/* 3.11 on: _PyInterpreterFrame; the interpreter's shim frames mark entries from C. */
static uint32_t frames_read_interpreter(const struct py_layout *l, uint64_t frame,
					struct pyframe *out, uint32_t max)
{
	uint32_t count = 0;

	for (; frame && count < max; frame = word_at(frame, l->previous)) {
		uint64_t code = word_at(frame, l->code) & ~(uint64_t)l->executable_mask;
		int8_t owner = *(const int8_t *)(uintptr_t)(frame + (uint64_t)l->owner);

		if (l->is_entry < 0 && owner >= l->owner_shim) {
			if (count)
				out[count - 1].is_entry = 1;
			continue;
		}
		if (!code)
			continue;
		out[count].code = code;
		out[count].instruction = (uint32_t)(word_at(frame, l->instruction) -
						    bytecode_start(l, frame, code));
		out[count].is_entry = l->is_entry >= 0 &&
			*(const uint8_t *)(uintptr_t)(frame + (uint64_t)l->is_entry);
		out[count].stamp = code_stamp(l, code);
		count++;
	}
	return count;
}

uint32_t pyframes_read(struct pyframe *frames, uint32_t max, bool *truncated)
{
	const struct py_layout *l = &py.layout;
	uint64_t state, frame;
	uint32_t count;

	*truncated = false;
	if (!py.ready)
		return 0;
	state = (uint64_t)(uintptr_t)py.thread_state();
	if (!state)
		return 0;
	frame = word_at(state, l->thread_frame);
	if (l->cframe_frame >= 0 && frame)
		frame = word_at(frame, l->cframe_frame);
	count = l->owner < 0 ? frames_read_objects(l, frame, frames, max)
			     : frames_read_interpreter(l, frame, frames, max);
	*truncated = count == max;
	return count;
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

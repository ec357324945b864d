/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython's layouts: of 3.9 to 3.12 from a table; of 3.13 and 3.14, free-threaded builds too, from
 * the offsets that the interpreter itself tells in _PyRuntime.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/pylayout.h"

#include <stddef.h>
#include <string.h>

/* What is alike in all versions with a table row. */
#define CLASSIC .string_length = 16, .string_state = 32, .bytes_size = 16, .bytes_data = 32, \
	.type = 8, .kind_shift = 2, .thread_code_index = -1, .thread_code = -1, \
	.interpreter = 16, .interpreter_id = -1

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

bool pylayout_find(void *(*look_up)(const char *symbol), uint32_t *version,
		   struct py_layout *layout)
{
	const uint64_t *runtime = look_up("_PyRuntime");

	*version = version_find(look_up);
	if (runtime && memcmp(runtime, "xdebugpy", 8) == 0 &&
	    layout_from_offsets(runtime, (uint32_t)runtime[1], layout))
		return true;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (*version >> 24 == 3 && layouts[i].minor == (*version >> 16 & 0xff)) {
			*layout = layouts[i].layout;
			return true;
		}
	return false;
}

bool pylayout_string(const struct py_layout *l, uint64_t object, const char **text, uint32_t *bytes,
		     uint8_t *kind)
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


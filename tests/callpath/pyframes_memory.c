/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of interpreters that are not installed here, built in memory with the layout they have:
 * CPython 3.13 and 3.14, with the GIL and free-threaded. Offsets of the standard builds are those
 * of recorded _Py_DebugOffsets; the free-threaded ones have the larger object header. Prints TAP.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libprofile/pyframes.h"

struct variant {
	const char *name;
	unsigned minor;
	bool free_threaded;
	/* where the words of _Py_DebugOffsets stand */
	int w_frame, w_previous, w_executable, w_instruction, w_owner, w_file, w_qualname, w_table,
		w_first, w_bytecode, w_type, w_bytes_size, w_bytes_data, w_state, w_length, w_ascii,
		w_index, w_copies, w_interpreter, w_id;
	/* their values */
	int frame, previous, executable, instruction, owner, file, qualname, table, first, bytecode,
		type, bytes_size, bytes_data, state, length, ascii, index, copies, interpreter, id;
	int kind_shift;
};

#define WORDS_13 23, 29, 30, 31, 33, 35, 37, 38, 39, 43, 45, 65, 66, 68, 69, 70, 0, 0, 22, 7
#define WORDS_14 26, 32, 33, 34, 36, 40, 42, 43, 44, 48, 51, 75, 76, 78, 79, 80, 38, 49, 25, 7

static const struct variant variants[] = {
	{ "3.13", 13, false, WORDS_13,
	  72, 8, 0, 56, 70, 112, 128, 136, 68, 200, 8, 16, 32, 32, 16, 40, 0, 0, 16, 64, 2 },
	{ "3.13 free-threaded", 13, true, WORDS_13,
	  72, 8, 0, 56, 70, 128, 144, 152, 84, 216, 24, 32, 48, 48, 32, 56, 0, 0, 16, 64, 2 },
	{ "3.14", 14, false, WORDS_14,
	  72, 8, 0, 56, 74, 112, 128, 136, 68, 208, 8, 16, 32, 32, 16, 40, 0, 0, 16, 64, 2 },
	{ "3.14 free-threaded", 14, true, WORDS_14,
	  72, 8, 0, 56, 76, 128, 144, 152, 84, 232, 24, 32, 48, 48, 32, 56, 72, 224, 16, 64, 8 },
};

static uint64_t runtime[128], code_type[64], none[64], interpreter[16];
static unsigned char thread_state[256];
static const struct variant *v;

static void put(void *object, int offset, uint64_t value, size_t bytes)
{
	memcpy((char *)object + offset, &value, bytes);
}

static void put_pointer(void *object, int offset, const void *value)
{
	put(object, offset, (uint64_t)(uintptr_t)value, 8);
}

static void *string_new(const char *text, bool is_ascii)
{
	char *object = calloc(1, 256);
	uint32_t state = (1u | 1u << 3 | (uint32_t)is_ascii << 4) << v->kind_shift | 1;

	put(object, v->length, strlen(text), 8);
	put(object, v->state, state, 4);
	strcpy(object + v->ascii + (is_ascii ? 0 : 16), text);
	return object;
}

static void *code_new(const char *file, const char *name, int first)
{
	char *code = calloc(1, 1024), *table = calloc(1, 256);

	put_pointer(code, v->type, code_type);
	put_pointer(code, v->file, string_new(file, true));
	put_pointer(code, v->qualname, string_new(name, false));
	put(code, v->first, (uint64_t)first, 4);
	put(table, v->bytes_size, 3, 8);
	memcpy(table + v->bytes_data, "\xf0\x02\x00", 3);
	put_pointer(code, v->table, table);
	return code;
}

static void *frame_new(void *previous, const void *executable, int owner, const char *instruction)
{
	char *frame = calloc(1, 256);

	put_pointer(frame, v->previous, previous);
	put(frame, v->executable, (uint64_t)(uintptr_t)executable | (v->minor == 14), 8);
	put_pointer(frame, v->instruction, instruction);
	put(frame, v->owner, (uint64_t)owner, 1);
	return frame;
}

static void *state_get(void)
{
	return thread_state;
}

static void *look_up(const char *symbol)
{
	static unsigned long version;

	version = 0x03000000ul | v->minor << 16 | 0xf0;
	if (!strcmp(symbol, "Py_Version"))
		return &version;
	if (!strcmp(symbol, "_PyRuntime"))
		return runtime;
	if (!strcmp(symbol, "PyCode_Type"))
		return code_type;
	if (!strcmp(symbol, "PyGILState_GetThisThreadState"))
		return (void *)state_get;
	return NULL;
}

static void offsets_write(void)
{
	const int *words = &v->w_frame, *values = &v->frame;

	memset(runtime, 0, sizeof(runtime));
	memcpy(runtime, "xdebugpy", 8);
	runtime[1] = 0x03000000ul | v->minor << 16 | 0xf0;
	runtime[2] = v->free_threaded;
	for (int i = 0; i < 20; i++)
		if (words[i])
			runtime[words[i]] = (uint64_t)values[i];
}

/* outer <- shim <- generator <- inner; the inner frame runs this thread's own copy in 3.14t. */
static int check(void)
{
	char *outer = code_new("/srv/serve.py", "main", 10), *inner, *generator, *copy;
	static struct pywalk walk, cut;
	const struct pyframe *frames = walk.frames;
	struct pycode code;
	uint64_t copies[3];
	uint32_t version;
	void *at, *outermost, *middle, *innermost;

	generator = code_new("/srv/model.py", "Model.steps", 20);
	inner = code_new("/srv/layers.py", "Attention.forward", 30);
	copy = calloc(1, 64);
	outermost = at = frame_new(NULL, outer, 0, outer + v->bytecode + 8);
	at = frame_new(at, none, 3, NULL);
	middle = at = frame_new(at, generator, 1, generator + v->bytecode + 4);
	innermost = at = frame_new(at, inner, 0, v->copies ? copy + 6 : inner + v->bytecode + 6);
	if (v->copies) {
		copies[0] = 2;
		copies[1] = (uint64_t)(uintptr_t)(inner + v->bytecode);
		copies[2] = (uint64_t)(uintptr_t)copy;
		put_pointer(inner, v->copies, copies);
		put(at, v->index, 1, 4);
	}
	put_pointer(thread_state, v->frame, at);
	put_pointer(thread_state, v->interpreter, interpreter);
	offsets_write();
	if (!pyframes_init(look_up, &version) || version >> 16 != (0x0300u | v->minor))
		return 1;
	if (pyframes_read(&walk, 8) || walk.count != 3 || walk.truncated)
		return 2;
	if (frames[2].code != (uint64_t)(uintptr_t)inner || frames[2].instruction != 6 ||
	    frames[1].instruction != 4 || frames[0].instruction != 8)
		return 3;
	if (frames[2].is_entry || !frames[1].is_entry)
		return 4;
	if (!pycode_read(frames[2].code, &code) || code.first_line != 30 ||
	    code.name_bytes != strlen("Attention.forward") ||
	    memcmp(code.name, "Attention.forward", code.name_bytes) ||
	    memcmp(code.filename, "/srv/layers.py", code.filename_bytes))
		return 5;
	if (code.line_table_bytes != 3 || memcmp(code.line_table, "\xf0\x02\x00", 3))
		return 6;
	if (pycode_read((uint64_t)(uintptr_t)none, &code))
		return 7;
	if (pyframes_read(&walk, 8) != 3)	/* nothing changed */
		return 8;
	put(inner, v->first + 24, 77, 4);	/* co_version: another code object at this address */
	if (pyframes_read(&walk, 8) || pyframes_read(&walk, 8) != 3)
		return 9;
	put_pointer(innermost, v->instruction, NULL);
	if (pyframes_read(&walk, 8) != 2 || walk.count != 3 || !frames[1].is_entry)
		return 10;
	put_pointer(thread_state, v->frame, middle);	/* the innermost frame has ended */
	if (pyframes_read(&walk, 8) != 2 || walk.count != 2)
		return 11;
	put_pointer(outermost, v->instruction, outer + v->bytecode + 10);
	if (pyframes_read(&walk, 8) || walk.count != 2 || frames[0].instruction != 10)
		return 12;
	if (pyframes_read(&cut, 1) || cut.count != 1 || !cut.truncated ||
	    cut.frames[0].instruction != 4 || pyframes_read(&cut, 1) != 1)
		return 13;
	put_pointer(thread_state, v->frame, innermost);	/* a cut path always has as many frames */
	if (pyframes_read(&cut, 1) || cut.count != 1 ||
	    cut.frames[0].code != (uint64_t)(uintptr_t)inner)
		return 14;
	put(interpreter, v->id, 5, 8);	/* another interpreter at this address */
	return pyframes_read(&walk, 8) ? 15 : 0;
}

int main(void)
{
	int count = (int)(sizeof(variants) / sizeof(variants[0]));

	printf("1..%d\n", count);
	fflush(stdout);
	for (int i = 0; i < count; i++) {
		pid_t child = fork();	/* what the reader has found stays for its process */
		int status = -1;

		v = &variants[i];
		if (child == 0)
			_exit(check());
		waitpid(child, &status, 0);
		printf("%sok %d - Python %s\n", status ? "not " : "", i + 1, v->name);
		if (status)
			printf("# check %d\n", status >> 8);
	}
	return 0;
}

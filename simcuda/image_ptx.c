/* SPDX-License-Identifier: Apache-2.0 */
/* PTX text: kernels with their parameters, shared memory and limits, and global variables. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "simcuda/core.h"

struct token {
	const char *text;
	size_t length;		/* 0 at the end of the text */
};

struct reader {
	const char *next, *end;
	struct token token;	/* the one looked at */
	const struct sim_profile *profile;
	struct sim_image *image;
	int ptx_version;	/* 80 for 8.0 */
};

/* A variable: ".align 8 .b8 name[32]". */
struct variable {
	struct token name;
	size_t element_bytes, alignment, count;
	bool is_managed;
};

static void skip_blank(struct reader *reader)
{
	while (reader->next < reader->end) {
		const char *at = reader->next;

		if (isspace((unsigned char)*at)) {
			reader->next++;
		} else if (reader->end - at > 1 && at[0] == '/' && at[1] == '/') {
			while (reader->next < reader->end && *reader->next != '\n')
				reader->next++;
		} else if (reader->end - at > 1 && at[0] == '/' && at[1] == '*') {
			reader->next += 2;
			while (reader->next < reader->end &&
			       !(reader->next[0] == '/' && reader->next[-1] == '*'))
				reader->next++;
			reader->next += reader->next < reader->end;
		} else {
			return;
		}
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '%' || c == '$';
}

static void advance(struct reader *reader)
{
	const char *at;

	skip_blank(reader);
	at = reader->next;
	reader->token.text = at;
	if (at < reader->end && *at == '"') {
		for (at++; at < reader->end && *at != '"'; at++)
			;
		at += at < reader->end;
	} else if (at < reader->end && is_word(*at)) {
		while (at < reader->end && is_word(*at))
			at++;
	} else {
		at += at < reader->end;
	}
	reader->token.length = (size_t)(at - reader->token.text);
	reader->next = at;
}

static bool is(const struct reader *reader, const char *word)
{
	return reader->token.length == strlen(word) &&
	       memcmp(reader->token.text, word, reader->token.length) == 0;
}

static bool at_end(const struct reader *reader)
{
	return reader->token.length == 0;
}

static bool accept(struct reader *reader, const char *word)
{
	if (!is(reader, word))
		return false;
	advance(reader);
	return true;
}

static unsigned long number(struct reader *reader)
{
	char digits[32] = "";
	size_t length = reader->token.length;

	memcpy(digits, reader->token.text, length < sizeof(digits) ? length : sizeof(digits) - 1);
	advance(reader);
	return strtoul(digits, NULL, 0);
}

/* Bytes of a type such as ".u32" or ".f16x2"; 0 for a word that is no type. */
static size_t type_bytes(const struct reader *reader)
{
	const char *text = reader->token.text + 1;
	size_t length = reader->token.length;
	unsigned long bits;

	if (is(reader, ".pred"))
		return 1;
	if (is(reader, ".texref") || is(reader, ".samplerref") || is(reader, ".surfref"))
		return 8;
	if (length < 3 || length > 6 || !strchr("usbf", *text) || !isdigit((unsigned char)text[1]))
		return 0;
	bits = strtoul(text + 1, NULL, 10);
	if (memchr(text, 'x', length - 1))
		bits *= 2;
	return bits / 8;
}

/* From behind the state space (".param", ".shared", ...) up to and including the name. */
static bool read_variable(struct reader *reader, struct variable *variable)
{
	bool is_pointer = false;
	size_t vector = 1;

	*variable = (struct variable) { .count = 1 };
	while (!at_end(reader) && *reader->token.text == '.') {
		size_t bytes = type_bytes(reader);

		if (bytes)
			variable->element_bytes = bytes;
		if (accept(reader, ".align")) {
			unsigned long alignment = number(reader);

			if (!is_pointer)	/* behind .ptr it is the target's */
				variable->alignment = alignment;
			continue;
		}
		if (is(reader, ".ptr"))
			is_pointer = true;
		else if (is(reader, ".v2"))
			vector = 2;
		else if (is(reader, ".v4"))
			vector = 4;
		else if (is(reader, ".attribute"))
			variable->is_managed = true;
		advance(reader);
		if (variable->is_managed && accept(reader, "(")) {
			variable->is_managed = is(reader, ".managed");
			while (!at_end(reader) && !accept(reader, ")"))
				advance(reader);
		}
	}
	variable->element_bytes *= vector;
	variable->name = reader->token;
	if (at_end(reader) || variable->element_bytes == 0)
		return false;
	advance(reader);
	while (accept(reader, "[")) {
		variable->count *= is(reader, "]") ? 0 : number(reader);
		accept(reader, "]");
	}
	if (variable->alignment == 0)
		variable->alignment = variable->element_bytes;
	return true;
}

static size_t variable_bytes(const struct variable *variable)
{
	return variable->element_bytes * variable->count;
}

static int align_up(int offset, size_t alignment)
{
	int unit = (int)alignment;

	return (offset + unit - 1) / unit * unit;
}

static CUresult read_params(struct reader *reader, struct sim_function *function)
{
	int offset = 0;

	while (!at_end(reader) && !accept(reader, ")")) {
		struct variable variable;
		struct sim_param *param;

		if (accept(reader, ","))
			continue;
		if (!accept(reader, ".param") || !read_variable(reader, &variable))
			return CUDA_ERROR_INVALID_PTX;
		param = sim_function_add_param(function);
		if (!param)
			return CUDA_ERROR_OUT_OF_MEMORY;
		offset = align_up(offset, variable.alignment);
		param->offset = (uint32_t)offset;
		param->bytes = (uint32_t)variable_bytes(&variable);
		offset += (int)param->bytes;
	}
	return CUDA_SUCCESS;
}

/* Up to three numbers: ".maxntid 128, 1, 1". */
static void read_three(struct reader *reader, int values[3])
{
	for (int i = 0; i < 3; i++) {
		values[i] = (int)number(reader);
		if (!accept(reader, ",")) {
			while (++i < 3)
				values[i] = 1;
			return;
		}
	}
}

struct limits {
	int max_threads, min_blocks, max_registers;
};

/* Performance directives between the parameters and the body. */
static void read_directives(struct reader *reader, struct sim_function *function,
			    struct limits *limits)
{
	int block[3];

	while (!at_end(reader) && !is(reader, "{") && !is(reader, ";")) {
		if (is(reader, ".maxntid") || is(reader, ".reqntid")) {
			advance(reader);
			read_three(reader, block);
			limits->max_threads = block[0] * block[1] * block[2];
		} else if (accept(reader, ".minnctapersm")) {
			limits->min_blocks = (int)number(reader);
		} else if (accept(reader, ".maxnreg")) {
			limits->max_registers = (int)number(reader);
		} else if (accept(reader, ".reqnctapercluster")) {
			read_three(reader, function->cluster);
		} else {
			advance(reader);
		}
	}
}

/*
 * Registers a compiler would need. Virtual registers are many and short-lived; a sixth of them
 * living at once is what ptxas makes of ordinary kernels, within a factor of two.
 */
static int estimate_registers(int virtual_words, const struct limits *limits)
{
	int registers = 8 + virtual_words / 6, cap = 255;

	if (limits->max_threads && limits->min_blocks)
		cap = 65536 / (limits->max_threads * limits->min_blocks) / 8 * 8;
	if (limits->max_registers && limits->max_registers < cap)
		cap = limits->max_registers;
	if (cap < 16)
		cap = 16;
	if (cap > 255)
		cap = 255;
	return registers < cap ? registers : cap;
}

/* ".reg .b32 %r<17>;" or ".reg .pred p, q;": register words declared. */
static int read_registers(struct reader *reader)
{
	struct variable variable;
	int count = 0, words;

	if (!read_variable(reader, &variable))
		return 0;
	words = (int)(variable.element_bytes + 3) / 4;
	if (is(reader, "<")) {
		advance(reader);
		count = (int)number(reader);
	} else {
		count = 1;
		while (accept(reader, ",")) {
			count++;
			advance(reader);
		}
	}
	return variable.element_bytes == 1 ? 0 : count * words;
}

/* Shared variables at module scope count for the kernels that name them. */
static void add_shared_user(const struct reader *reader, const struct sim_image *statics,
			    struct sim_function *function, bool *is_counted)
{
	for (int i = 0; i < statics->global_count; i++) {
		const struct sim_global *global = &statics->globals[i];

		if (!is_counted[i] && strlen(global->name) == reader->token.length &&
		    memcmp(global->name, reader->token.text, reader->token.length) == 0) {
			is_counted[i] = true;
			function->static_shared += (int)global->bytes;
		}
	}
}

static CUresult read_body(struct reader *reader, struct sim_function *function,
			  const struct limits *limits, const struct sim_image *statics)
{
	bool *is_counted = calloc((size_t)statics->global_count + 1, 1);
	int depth = 0, words = 0;
	struct variable variable;

	if (!is_counted)
		return CUDA_ERROR_OUT_OF_MEMORY;
	do {
		if (is(reader, "{"))
			depth++;
		else if (is(reader, "}"))
			depth--;
		add_shared_user(reader, statics, function, is_counted);
		if (accept(reader, ".reg")) {
			words += read_registers(reader);
		} else if (accept(reader, ".shared")) {
			if (read_variable(reader, &variable))
				function->static_shared = align_up(function->static_shared,
								   variable.alignment) +
							  (int)variable_bytes(&variable);
		} else if (accept(reader, ".local")) {
			if (read_variable(reader, &variable))
				function->local_bytes += (int)variable_bytes(&variable);
		} else {
			advance(reader);
		}
	} while (!at_end(reader) && depth > 0);
	free(is_counted);
	function->registers = estimate_registers(words, limits);
	return depth == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_PTX;
}

static CUresult read_entry(struct reader *reader, const struct sim_image *statics)
{
	const struct sim_profile *profile = reader->profile;
	struct limits limits = { 0 };
	struct sim_function *function;
	CUresult result = CUDA_SUCCESS;

	if (at_end(reader))
		return CUDA_ERROR_INVALID_PTX;
	function = sim_image_add_function(reader->image, reader->token.text, reader->token.length);
	if (!function)
		return CUDA_ERROR_OUT_OF_MEMORY;
	function->binary_version = 10 * profile->cc_major + profile->cc_minor;
	function->ptx_version = reader->ptx_version;
	advance(reader);
	if (accept(reader, "("))
		result = read_params(reader, function);
	if (result != CUDA_SUCCESS)
		return result;
	read_directives(reader, function, &limits);
	if (limits.max_threads)
		function->max_threads = limits.max_threads;
	if (!is(reader, "{"))
		return accept(reader, ";") ? CUDA_SUCCESS : CUDA_ERROR_INVALID_PTX;
	return read_body(reader, function, &limits, statics);
}

/* An initialiser's element: an integer, or the bits of a float as 0f3F800000 or 0d3FF0000000000000. */
static uint64_t element_bits(struct reader *reader)
{
	bool is_negative = accept(reader, "-");
	const char *text = reader->token.text;
	char digits[24] = "";
	size_t length = reader->token.length;
	uint64_t bits;

	if (length > 2 && text[0] == '0' && strchr("fFdD", text[1])) {
		memcpy(digits, text + 2, length - 2 < sizeof(digits) ? length - 2 : sizeof(digits) - 1);
		bits = strtoull(digits, NULL, 16);
	} else {
		memcpy(digits, text, length < sizeof(digits) ? length : sizeof(digits) - 1);
		bits = strtoull(digits, NULL, 0);
	}
	return is_negative ? 0 - bits : bits;
}

/* "= 5" or "= {1, 2, {3}}"; addresses of other variables stay zero. */
static CUresult read_initial(struct reader *reader, const struct variable *variable,
			     struct sim_global *global)
{
	size_t at = 0, unit = variable->element_bytes;
	int depth = 0;

	if (!accept(reader, "="))
		return CUDA_SUCCESS;
	global->initial = calloc(1, global->bytes + sizeof(uint64_t));
	if (!global->initial)
		return CUDA_ERROR_OUT_OF_MEMORY;
	global->initial_bytes = global->bytes;
	while (!at_end(reader) && !is(reader, ";") && !(depth == 0 && is(reader, ","))) {
		depth += is(reader, "{") - is(reader, "}");
		if (isdigit((unsigned char)*reader->token.text) || is(reader, "-")) {
			uint64_t bits = element_bits(reader);

			if (at + unit <= global->bytes)
				memcpy((char *)global->initial + at, &bits,
				       unit < sizeof(bits) ? unit : sizeof(bits));
			at += unit;
		} else if (isalpha((unsigned char)*reader->token.text)) {
			at += unit;
		}
		advance(reader);
	}
	return CUDA_SUCCESS;
}

/* A variable at module scope; shared ones go to `statics`, the others become globals. */
static CUresult read_global(struct reader *reader, struct sim_image *into)
{
	struct variable variable;
	struct sim_global *global;

	if (!read_variable(reader, &variable))
		return CUDA_ERROR_INVALID_PTX;
	if (variable.count == 0)	/* extern arrays: dynamic shared memory */
		return CUDA_SUCCESS;
	global = sim_image_add_global(into, variable.name.text, variable.name.length);
	if (!global)
		return CUDA_ERROR_OUT_OF_MEMORY;
	global->bytes = variable_bytes(&variable);
	global->is_managed = variable.is_managed;
	return read_initial(reader, &variable, global);
}

/* A device function: only its kernels' frames count, so its body is skipped. */
static void skip_function(struct reader *reader)
{
	int depth = 0;

	while (!at_end(reader)) {
		if (is(reader, "{"))
			depth++;
		if (depth == 0 && accept(reader, ";"))
			return;
		if (accept(reader, "}") && --depth == 0)
			return;
		advance(reader);
	}
}

static CUresult check_target(const struct reader *reader)
{
	const char *text = reader->token.text;
	int wanted, have = 10 * reader->profile->cc_major + reader->profile->cc_minor;

	if (reader->token.length < 5 || memcmp(text, "sm_", 3) != 0)
		return CUDA_ERROR_INVALID_PTX;
	wanted = (int)strtoul(text + 3, NULL, 10);
	/* An "a" target's code runs on that one architecture only. */
	if (wanted > have || (text[reader->token.length - 1] == 'a' && wanted != have))
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	return CUDA_SUCCESS;
}

static CUresult read_statement(struct reader *reader, struct sim_image *statics)
{
	if (accept(reader, ".version")) {
		const char *text = reader->token.text;

		reader->ptx_version = (int)(10 * strtoul(text, NULL, 10)) +
				      (reader->token.length > 2 ? text[reader->token.length - 1] - '0' : 0);
		return CUDA_SUCCESS;
	}
	if (accept(reader, ".target"))
		return check_target(reader);
	if (accept(reader, ".entry"))
		return read_entry(reader, statics);
	if (accept(reader, ".func")) {
		skip_function(reader);
		return CUDA_SUCCESS;
	}
	if (accept(reader, ".global") || accept(reader, ".const"))
		return read_global(reader, reader->image);
	if (accept(reader, ".shared"))
		return read_global(reader, statics);
	advance(reader);
	return CUDA_SUCCESS;
}

CUresult sim_image_read_ptx(const char *text, size_t bytes, const struct sim_profile *profile,
			    struct sim_image *image)
{
	struct sim_image statics = { 0 };
	struct reader reader = { .next = text, .end = text + bytes, .profile = profile,
				 .image = image };
	CUresult result = CUDA_SUCCESS;

	advance(&reader);
	if (!is(&reader, ".version"))
		return CUDA_ERROR_INVALID_IMAGE;
	while (!at_end(&reader) && result == CUDA_SUCCESS)
		result = read_statement(&reader, &statics);
	sim_image_clear(&statics);
	image->bytes = bytes;
	image->is_compiled = true;
	return result;
}

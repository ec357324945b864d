/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of wire records: survives any bytes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "wire/wire.h"

#include <string.h>

static const struct {
	const char *name;
	uint16_t bytes;
} kinds[WIRE_KIND_COUNT] = {
	[WIRE_PAD] = { "PAD", sizeof(struct wire_head) },
#define RECORD(name, type) [WIRE_##name] = { #name, sizeof(type) },
#include "wire/records.def"
#undef RECORD
};

static const struct {
	const char *name, *text;
} counters[WIRE_COUNTER_COUNT] = {
#define COUNTER(name, text) { #name, text },
#include "wire/counters.def"
#undef COUNTER
};

/* A text of `text_bytes` bytes at `offset` lies inside the record and ends in NUL. */
static int text_valid(const char *record, uint32_t bytes, size_t offset, uint32_t text_bytes)
{
	return text_bytes > 0 && text_bytes <= bytes - offset &&
	       record[offset + text_bytes - 1] == '\0';
}

static int code_valid(const char *record, uint32_t bytes)
{
	struct wire_def_python_code code;
	size_t at = sizeof(code);

	memcpy(&code, record, sizeof(code));
	if (!text_valid(record, bytes, at, code.file_bytes))
		return 0;
	at += code.file_bytes;
	if (!text_valid(record, bytes, at, code.name_bytes))
		return 0;
	return code.table_bytes <= bytes - at - code.name_bytes;
}

static int arguments_valid(const char *record, uint32_t bytes)
{
	struct wire_arguments arguments;
	uint64_t at = sizeof(arguments), value;

	memcpy(&arguments, record, sizeof(arguments));
	if (arguments.count > WIRE_ARGUMENTS_MAX)
		return 0;
	at += arguments.count * sizeof(value);
	if (at > bytes || !text_valid(record, bytes, at, arguments.names_bytes))
		return 0;
	at += arguments.names_bytes;
	for (uint32_t i = 0; i < arguments.count; i++) {
		memcpy(&value, record + sizeof(arguments) + i * sizeof(value), sizeof(value));
		if (!(arguments.texts >> i & 1))
			continue;
		if (value > bytes - at)
			return 0;
		at += value;
	}
	return 1;
}

static int payload_valid(const void *record, const struct wire_head *head)
{
	struct wire_def_function function;
	struct wire_def_string string;
	struct wire_def_device device;
	struct wire_def_thread thread;
	struct wire_def_module module;
	struct wire_def_graph_parts parts;

	switch (head->kind) {
	case WIRE_DEF_FUNCTION:
		memcpy(&function, record, sizeof(function));
		return text_valid(record, head->bytes, sizeof(function), function.name_bytes);
	case WIRE_DEF_STRING:
	case WIRE_DEF_TEXT:
		memcpy(&string, record, sizeof(string));
		return text_valid(record, head->bytes, sizeof(string), string.text_bytes);
	case WIRE_DEF_DEVICE:
		memcpy(&device, record, sizeof(device));
		return memchr(device.name, 0, sizeof(device.name)) != NULL;
	case WIRE_DEF_THREAD:
		memcpy(&thread, record, sizeof(thread));
		return memchr(thread.name, 0, sizeof(thread.name)) != NULL;
	case WIRE_DEF_MODULE:
		memcpy(&module, record, sizeof(module));
		return text_valid(record, head->bytes, sizeof(module), module.path_bytes);
	case WIRE_DEF_PYTHON_CODE:
		return code_valid(record, head->bytes);
	case WIRE_DEF_GRAPH_MEMBERS:
	case WIRE_DEF_GRAPH_EDGES:
		memcpy(&parts, record, sizeof(parts));
		return parts.count <= (head->bytes - sizeof(parts)) / WIRE_GRAPH_PART_BYTES;
	case WIRE_ARGUMENTS:
		return arguments_valid(record, head->bytes);
	default:
		return 1;
	}
}

enum wire_status wire_decode(const void *bytes, uint64_t available, uint32_t *record_bytes)
{
	struct wire_head head;

	if (available == 0)
		return WIRE_EMPTY;
	if (available < sizeof(head))
		return WIRE_CORRUPT;
	memcpy(&head, bytes, sizeof(head));
	if (head.bytes < sizeof(head) || head.bytes % 8 || head.bytes > available ||
	    head.kind >= WIRE_KIND_COUNT || head.bytes < kinds[head.kind].bytes ||
	    !payload_valid(bytes, &head))
		return WIRE_CORRUPT;
	*record_bytes = head.bytes;
	return WIRE_OK;
}

int wire_control_valid(const struct wire_control *control, uint64_t file_bytes)
{
	if (file_bytes < sizeof(*control) || control->magic != WIRE_MAGIC ||
	    control->version != WIRE_VERSION || control->control_bytes < sizeof(*control) ||
	    control->control_bytes > file_bytes || control->ring_count > WIRE_RINGS_MAX)
		return 0;
	return control->clock == WIRE_CLOCK_MONOTONIC || control->clock == WIRE_CLOCK_TSC;
}

const char *wire_kind_name(unsigned kind)
{
	return kind < WIRE_KIND_COUNT ? kinds[kind].name : "unknown";
}

const char *wire_counter_name(unsigned counter)
{
	return counter < WIRE_COUNTER_COUNT ? counters[counter].name : "unknown";
}

const char *wire_counter_text(unsigned counter)
{
	return counter < WIRE_COUNTER_COUNT ? counters[counter].text : "";
}

static const struct {
	const char *text;
	int is_asked;
} details[WIRE_DETAIL_COUNT] = {
	[WIRE_DETAIL_UNTOLD] = { "full", 0 },
#define DETAIL(name, text, is_asked, meaning) [WIRE_DETAIL_##name] = { text, is_asked },
#include "wire/details.def"
};

const char *wire_detail_name(unsigned detail)
{
	return detail < WIRE_DETAIL_COUNT ? details[detail].text : "unknown";
}

enum wire_detail wire_detail_asked(const char *name)
{
	for (unsigned i = 1; i < WIRE_DETAIL_COUNT; i++)
		if (details[i].is_asked && !strcmp(details[i].text, name))
			return (enum wire_detail)i;
	return WIRE_DETAIL_UNTOLD;
}

const char *wire_cause_name(unsigned cause)
{
	static const char *const names[WIRE_CAUSE_COUNT] = {
#define CAUSE(name, text) text,
#include "wire/details.def"
	};

	return cause < WIRE_CAUSE_COUNT ? names[cause] : "unknown";
}

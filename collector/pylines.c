/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython's line tables: co_lnotab (3.9: Objects/lnotab_notes.txt), co_linetable of PEP 626
 * (3.10), and the location table of 3.11 on (InternalDocs/code_objects.md).
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/pylines.h"

#include <stdbool.h>

/* Wraps round: a damaged table may add up to anything. */
static int32_t line_add(int32_t line, int32_t delta)
{
	return (int32_t)((uint32_t)line + (uint32_t)delta);
}

/* Pairs (unsigned byte delta, signed line delta); the line holds from the address reached. */
static int32_t line_lnotab(const uint8_t *table, size_t bytes, int32_t line, uint32_t instruction)
{
	uint32_t address = 0;

	for (size_t i = 0; i + 1 < bytes; i += 2) {
		address += table[i];
		if (address > instruction)
			break;
		line = line_add(line, (int8_t)table[i + 1]);
	}
	return line;
}

/* Pairs (unsigned byte length, signed line delta, -128: no line); the line holds for the length. */
static int32_t line_ranges(const uint8_t *table, size_t bytes, int32_t first, uint32_t instruction)
{
	int32_t line = first, shown = first;
	uint32_t address = 0;

	for (size_t i = 0; i + 1 < bytes; i += 2) {
		int8_t delta = (int8_t)table[i + 1];

		if (delta != -128) {
			line = line_add(line, delta);
			shown = line;
		}
		address += table[i];
		if (instruction < address)
			return shown;
	}
	return first;
}

struct varints {
	const uint8_t *at, *end;
};

static uint32_t varint_read(struct varints *v)
{
	uint32_t value = 0;
	unsigned shift = 0;

	while (v->at < v->end) {
		uint8_t byte = *v->at++;

		if (shift < 32)
			value |= (uint32_t)(byte & 0x3f) << shift;
		shift += 6;
		if (!(byte & 0x40))
			break;
	}
	return value;
}

static int32_t signed_varint_read(struct varints *v)
{
	uint32_t value = varint_read(v);

	return value & 1 ? -(int32_t)(value >> 1) : (int32_t)(value >> 1);
}

static void bytes_skip(struct varints *v, ptrdiff_t count)
{
	v->at += count < v->end - v->at ? count : v->end - v->at;
}

/* Entries: one byte 1cccclll (code c, l + 1 code units), then what the code asks for. */
static int32_t line_locations(const uint8_t *table, size_t bytes, int32_t first,
			      uint32_t instruction)
{
	struct varints v = { table, table + bytes };
	int32_t line = first;
	uint32_t address = 0;

	while (v.at < v.end) {
		uint8_t head = *v.at++;
		unsigned code = head >> 3 & 15;
		bool has_line = true;

		switch (code) {
		case 15: has_line = false; break;
		case 14:
			line = line_add(line, signed_varint_read(&v));
			varint_read(&v);
			varint_read(&v);
			varint_read(&v);
			break;
		case 13: line = line_add(line, signed_varint_read(&v)); break;
		case 10: case 11: case 12:
			line = line_add(line, (int32_t)code - 10);
			bytes_skip(&v, 2);
			break;
		default: bytes_skip(&v, 1); break;
		}
		address += ((head & 7u) + 1) * 2;
		if (instruction < address)
			return has_line ? line : first;
	}
	return first;
}

int32_t pylines_line(uint32_t minor, const uint8_t *table, size_t bytes, int32_t first_line,
		     uint32_t instruction)
{
	if (minor < 10)
		return line_lnotab(table, bytes, first_line, instruction);
	if (minor == 10)
		return line_ranges(table, bytes, first_line, instruction);
	return line_locations(table, bytes, first_line, instruction);
}

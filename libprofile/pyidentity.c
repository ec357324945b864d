/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what tells code objects apart; every object has at least the bytes read here. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/pyidentity.h"

/* Below 3.12, in a string after its length, and in a bytes object. */
enum { STRING_HASH = 24, BYTES_SIZE = 16, BYTES_DATA = 32 };
#define HASH_UNKNOWN UINT64_MAX
#define PAGE_BYTES 4096u

static inline uint64_t number_read(uint64_t code, int16_t version)
{
	return *(const uint32_t *)(uintptr_t)(code + (uint64_t)(int64_t)version);
}

/* Where content is found, below 3.12: by value, to be kept in registers. */
struct content { int16_t name, filename, line_table, first_line; };

static inline struct content content_of(const struct py_layout *l)
{
	/* One word with the half before it, which does not change either. */
	return (struct content){ l->name, l->filename, l->line_table,
				 (int16_t)(l->first_line - 4) };
}

static inline uint64_t content_read(uint64_t code, struct content c)
{
	uint64_t name = word_at(code, c.name), table = word_at(code, c.line_table);
	uint64_t lines = (word_at(table, BYTES_DATA) ^ word_at(code, c.filename)) +
			 word_at(table, BYTES_SIZE);

	return (lines * 0xc2b2ae3d27d4eb4full ^ word_at(name, STRING_HASH)) +
	       word_at(code, c.first_line);
}

/*
 * Where the last 16 bytes of a string are; of one that goes on in another page, those of its own
 * page. That one stays mapped if a shorter string comes to live at the address.
 */
static uint64_t tail_find(const struct py_layout *l, uint64_t string)
{
	uint64_t page_end = (string | (PAGE_BYTES - 1)) + 1, end = string + (uint64_t)l->ascii_bytes;
	const char *text;
	uint32_t bytes;
	uint8_t kind;

	if (pylayout_string(l, string, &text, &bytes, &kind))
		end = (uint64_t)(uintptr_t)text + bytes;
	if (end > page_end)
		end = page_end;
	return end - 16 > string + 16 ? end - 16 : string + 16;
}

/* What a string says, which is read again from now on. */
static uint64_t text_stamp(const struct py_layout *l, struct pyidentities *ids, uint64_t string)
{
	uint16_t *place = &ids->text_at[place_of(string)];
	struct pytext *text = &ids->texts[*place];

	if (*place < ids->text_count && text->string == string)
		return text->stamp;
	*place = (uint16_t)ids->text_count;
	text = &ids->texts[ids->text_count++];
	text->string = string;
	text->tail_at = tail_find(l, string);
	text->stamp = 0;
	for (int i = 0; i < 2; i++) {
		text->head[i] = word_at(string, (int16_t)(l->string_length + 8 * i));
		text->tail[i] = word_at(text->tail_at, (int16_t)(8 * i));
		text->stamp = ((text->stamp ^ text->head[i]) * 0x9e3779b97f4a7c15ull ^ text->tail[i]) *
			      0xff51afd7ed558ccdull;
		text->stamp ^= text->stamp >> 32;
	}
	return text->stamp;
}

uint64_t pyidentity_stamp(const struct py_layout *l, struct pyidentities *ids, uint64_t code,
			  uint64_t salt)
{
	uint16_t *place = &ids->at[place_of(code)];
	struct pyidentity *identity = &ids->list[*place];
	uint64_t name;

	if (*place < ids->count && identity->code == code)
		return identity->stamp;
	*place = (uint16_t)ids->count;
	identity = &ids->list[ids->count++];
	identity->code = code;
	if (l->code_version >= 0) {
		identity->content = number_read(code, l->code_version);
		identity->stamp = salt ^ identity->content;
	} else {
		identity->content = content_read(code, content_of(l));
		identity->stamp = identity->content ^
				  text_stamp(l, ids, word_at(code, l->filename));
		name = word_at(code, l->name);
		if (word_at(name, STRING_HASH) == HASH_UNKNOWN)
			identity->stamp += text_stamp(l, ids, name);
	}
	identity->stamp |= 1ull << 63;
	return identity->stamp;
}

bool pyidentity_same(const struct py_layout *l, const struct pyidentities *ids, uint32_t count,
		     uint32_t text_count)
{
	const struct pyidentity *at = ids->list, *end = at + count;
	const struct content content = content_of(l);
	const int16_t version = l->code_version;

	if (version >= 0) {
		for (; at < end; at++)
			if (number_read(at->code, version) != at->content)
				return false;
		return true;
	}
	for (; at < end; at++)
		if (content_read(at->code, content) != at->content)
			return false;
	for (uint32_t i = 0; i < text_count; i++) {
		const struct pytext *text = &ids->texts[i];
		const uint64_t *head = (const uint64_t *)(uintptr_t)(text->string +
								     (uint64_t)l->string_length);
		const uint64_t *tail = (const uint64_t *)(uintptr_t)text->tail_at;

		if (head[0] != text->head[0] || head[1] != text->head[1] ||
		    tail[0] != text->tail[0] || tail[1] != text->tail[1])
			return false;
	}
	return true;
}

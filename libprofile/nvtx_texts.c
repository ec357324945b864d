/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of texts: found by hash, compared in full, never moved, bounded. Readers take no lock:
 * a text is whole before its slot says so.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/nvtx_texts.h"

#include <string.h>

#include "libprofile/ring.h"

#define SLOTS 65536u			/* a power of two, above a third more than the texts */
#define ARENA_BYTES (8u << 20)
#define TEXT_BYTES_MAX 1023u
#define NAMES_MAX 1024u
static_assert(WIRE_RANGE_TEXTS_MAX <= SLOTS / 4 * 3, "raise SLOTS");

struct text {
	uint64_t hash;
	uint32_t at, bytes;		/* in the arena, without the NUL */
	uint32_t told;			/* epoch in which it was */
};

struct name {
	uint32_t what, domain, number, text;
};

static struct tables {
	uint32_t slots[SLOTS];		/* number of a text, 0 free */
	struct text texts[WIRE_RANGE_TEXTS_MAX + 1];
	char arena[ARENA_BYTES];
} *tables;
static uint32_t text_count, arena_used, domain_count, epoch = 1;
static struct name names[NAMES_MAX];
static uint32_t name_count, names_told;
uint32_t nvtx_names_untold;
static struct spinlock lock;

bool nvtx_texts_start(void)
{
	spin_lock(&lock);
	if (!tables)
		tables = util_map(sizeof(*tables));
	spin_unlock(&lock);
	return tables != NULL;
}

/* Eight bytes at a time: texts are short and this is most of a range's cost. */
static uint64_t hash_of(const char *text, size_t bytes)
{
	uint64_t hash = 0x9e3779b97f4a7c15ull ^ bytes, word;

	for (; bytes >= 8; bytes -= 8, text += 8) {
		memcpy(&word, text, 8);
		hash = (hash ^ word) * 0xff51afd7ed558ccdull;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, text, bytes);
	hash = (hash ^ word) * 0xff51afd7ed558ccdull;
	return hash ^ hash >> 32;
}

/* The slot with the text, or the free one where it belongs. */
static uint32_t *find(const char *text, size_t bytes, uint64_t hash)
{
	uint32_t slot = (uint32_t)hash % SLOTS, number;

	while ((number = __atomic_load_n(&tables->slots[slot], __ATOMIC_ACQUIRE))) {
		const struct text *known = &tables->texts[number];

		if (known->hash == hash && known->bytes == bytes &&
		    !memcmp(tables->arena + known->at, text, bytes))
			break;
		slot = (slot + 1) % SLOTS;
	}
	return &tables->slots[slot];
}

static uint32_t add(const char *text, size_t bytes, uint64_t hash)
{
	uint32_t *slot, number = 0;

	spin_lock(&lock);
	slot = find(text, bytes, hash);
	if (*slot) {
		number = *slot;
	} else if (text_count < WIRE_RANGE_TEXTS_MAX && bytes <= ARENA_BYTES - arena_used) {
		number = ++text_count;
		tables->texts[number] = (struct text){ hash, arena_used, (uint32_t)bytes, 0 };
		memcpy(tables->arena + arena_used, text, bytes);
		arena_used += (uint32_t)bytes;
		__atomic_store_n(slot, number, __ATOMIC_RELEASE);
	}
	spin_unlock(&lock);
	if (!number)
		process_count(WIRE_COUNTER_range_texts_full, 1);
	return number;
}

/* A cut does not go through a character. */
static size_t length_of(const char *text)
{
	size_t bytes = strnlen(text, TEXT_BYTES_MAX + 1);

	if (bytes <= TEXT_BYTES_MAX)
		return bytes;
	for (bytes = TEXT_BYTES_MAX; bytes && (text[bytes] & 0xc0) == 0x80;)
		bytes--;
	return bytes;
}

uint32_t nvtx_text(const char *text)
{
	size_t bytes;
	uint64_t hash;
	uint32_t number;

	if (!text)
		return 0;
	bytes = length_of(text);
	hash = hash_of(text, bytes);
	number = *find(text, bytes, hash);
	return likely(number) ? number : add(text, bytes, hash);
}

/* UTF-8 of one code point; what is none becomes U+FFFD. */
static size_t put_utf8(char *to, uint32_t code)
{
	if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		code = 0xfffd;
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xe0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 0x3f));
		to[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 0x3f));
	to[2] = (char)(0x80 | (code >> 6 & 0x3f));
	to[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

uint32_t nvtx_text_wide(const wchar_t *text)
{
	char utf8[TEXT_BYTES_MAX + 1];
	size_t bytes = 0;

	if (!text)
		return 0;
	while (*text && bytes + 4 <= TEXT_BYTES_MAX)
		bytes += put_utf8(utf8 + bytes, (uint32_t)*text++);
	utf8[bytes] = '\0';
	return nvtx_text(utf8);
}

uint32_t nvtx_text_of_handle(const void *handle)
{
	uintptr_t number = (uintptr_t)handle;

	return number <= __atomic_load_n(&text_count, __ATOMIC_RELAXED) ? (uint32_t)number : 0;
}

bool nvtx_text_tell(struct thread *thread, uint32_t number)
{
	struct text *text = &tables->texts[number];
	struct wire_def_string *def;
	uint32_t bytes;

	if (likely(!number || __atomic_load_n(&text->told, __ATOMIC_RELAXED) == epoch))
		return true;
	bytes = (uint32_t)(sizeof(*def) + text->bytes + 1 + 7) & ~7u;
	def = ring_reserve(thread, bytes);
	if (!def)
		return false;
	memset((char *)def + bytes - 8, 0, 8);
	def->head = (struct wire_head){ .bytes = (uint16_t)bytes, .kind = WIRE_DEF_TEXT };
	def->string = number;
	def->text_bytes = text->bytes + 1;
	memcpy(def->text, tables->arena + text->at, text->bytes);
	def->text[text->bytes] = '\0';
	ring_commit(thread, bytes);
	__atomic_store_n(&text->told, epoch, __ATOMIC_RELAXED);
	return true;
}

void nvtx_name(enum wire_name_of what, uint32_t domain, uint32_t number, uint32_t text)
{
	struct name name = { what, domain, number, text };
	uint32_t i = 0;

	if (!text)
		return;
	spin_lock(&lock);
	while (i < name_count && memcmp(&names[i], &name, sizeof(name)))
		i++;
	if (i == name_count && name_count < NAMES_MAX) {
		names[i] = name;
		__atomic_store_n(&name_count, i + 1, __ATOMIC_RELEASE);
		__atomic_store_n(&nvtx_names_untold, 1, __ATOMIC_RELEASE);
	}
	spin_unlock(&lock);
}

uint32_t nvtx_domain(uint32_t text)
{
	uint32_t domain = 0;

	if (!text)
		return 0;
	spin_lock(&lock);
	for (uint32_t i = 0; i < name_count && !domain; i++)
		if (names[i].what == WIRE_NAME_DOMAIN && names[i].text == text)
			domain = names[i].domain;
	if (!domain && domain_count + 1 < WIRE_RANGE_DOMAINS_MAX && name_count < NAMES_MAX) {
		domain = ++domain_count;
		names[name_count] = (struct name){ WIRE_NAME_DOMAIN, domain, 0, text };
		__atomic_store_n(&name_count, name_count + 1, __ATOMIC_RELEASE);
		__atomic_store_n(&nvtx_names_untold, 1, __ATOMIC_RELEASE);
	}
	spin_unlock(&lock);
	if (!domain)
		process_count(WIRE_COUNTER_table_full, 1);
	return domain;
}

/* Several threads may be at it: then some names are told twice, which is no harm. */
void nvtx_names_tell(struct thread *thread)
{
	uint32_t i = __atomic_load_n(&names_told, __ATOMIC_RELAXED);

	__atomic_store_n(&nvtx_names_untold, 0, __ATOMIC_SEQ_CST);
	for (; i < __atomic_load_n(&name_count, __ATOMIC_SEQ_CST); i++) {
		struct wire_def_name *def;

		if (!nvtx_text_tell(thread, names[i].text) ||
		    !(def = ring_reserve(thread, sizeof(*def)))) {
			__atomic_store_n(&nvtx_names_untold, 1, __ATOMIC_RELEASE);
			return;
		}
		def->head = (struct wire_head){ .bytes = sizeof(*def), .kind = WIRE_DEF_NAME,
						.api = (uint16_t)names[i].what };
		def->domain = names[i].domain;
		def->number = names[i].number;
		def->text = names[i].text;
		def->reserved = 0;
		ring_commit(thread, sizeof(*def));
		__atomic_store_n(&names_told, i + 1, __ATOMIC_RELEASE);
	}
}

void nvtx_texts_forget(void)
{
	epoch++;
	names_told = 0;
	nvtx_names_untold = name_count > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted function tables out of ELF files; trusts nothing that stands in them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/minidebug.h"
#include "collector/symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct symbol {
	uint64_t start, end;
	const char *name;
};

/* An ELF file in memory; its names are used in place. */
struct image {
	const uint8_t *bytes;
	size_t size;
	bool is_decoded;	/* from malloc, else mapped */
};

enum { IMAGE_FILE, IMAGE_DEBUG, IMAGE_MINI, IMAGES };	/* itself, its debug file, .gnu_debugdata */

struct symbols {
	struct symbol *rows;
	size_t count, capacity;
	struct image images[IMAGES];
	char *text;		/* of a perf map */
	size_t text_bytes;
};

static bool image_map(const char *path, struct image *image)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *bytes = MAP_FAILED;

	if (fd < 0)
		return false;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_size > (off_t)sizeof(Elf64_Ehdr))
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return false;
	*image = (struct image){ bytes, (size_t)status.st_size, false };
	return true;
}

static void image_free(struct image *image)
{
	if (image->is_decoded)
		free((void *)(uintptr_t)image->bytes);
	else if (image->bytes)
		munmap((void *)(uintptr_t)image->bytes, image->size);
	image->bytes = NULL;
}

/* `bytes` bytes at `offset`, or NULL when they do not lie inside the file. */
static const void *image_at(const struct image *image, uint64_t offset, uint64_t bytes)
{
	if (offset > image->size || bytes > image->size - offset)
		return NULL;
	return image->bytes + offset;
}

static bool section_read(const struct image *image, unsigned index, Elf64_Shdr *section)
{
	Elf64_Ehdr header;
	const void *at;

	memcpy(&header, image->bytes, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_shentsize != sizeof(*section) || index >= header.e_shnum)
		return false;
	at = image_at(image, header.e_shoff + (uint64_t)index * sizeof(*section), sizeof(*section));
	if (at)
		memcpy(section, at, sizeof(*section));
	return at != NULL;
}

static bool symbol_add(struct symbols *s, uint64_t start, uint64_t size, const char *name)
{
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? s->capacity * 2 : 1024;
		struct symbol *rows = realloc(s->rows, capacity * sizeof(*rows));

		if (!rows)
			return false;
		s->rows = rows;
		s->capacity = capacity;
	}
	s->rows[s->count++] = (struct symbol){ start, start + size, name };
	return true;
}

static void table_read(struct symbols *s, const struct image *image, const Elf64_Shdr *table)
{
	Elf64_Shdr strings;
	const char *text;
	const uint8_t *at = image_at(image, table->sh_offset, table->sh_size);

	if (!at || !section_read(image, table->sh_link, &strings))
		return;
	text = image_at(image, strings.sh_offset, strings.sh_size);
	if (!text || strings.sh_size == 0 || text[strings.sh_size - 1] != '\0')
		return;
	for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym symbol;
		unsigned type;

		memcpy(&symbol, at + i * sizeof(symbol), sizeof(symbol));
		type = ELF64_ST_TYPE(symbol.st_info);
		if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF ||
		    symbol.st_value == 0 || symbol.st_name >= strings.sh_size ||
		    text[symbol.st_name] == '\0')
			continue;
		if (!symbol_add(s, symbol.st_value, symbol.st_size, text + symbol.st_name))
			return;
	}
}

/* All tables of one type; returns whether there was one. */
static bool tables_read(struct symbols *s, const struct image *image, uint32_t type)
{
	Elf64_Shdr section;
	bool found = false;

	for (unsigned i = 0; section_read(image, i, &section); i++)
		if (section.sh_type == type) {
			table_read(s, image, &section);
			found = true;
		}
	return found;
}

/* The symbol table of a stripped file that distributions keep in it, compressed, without the names
 * that .dynsym has. */
static bool mini_read(const struct image *file, struct image *mini)
{
	static const char name[] = ".gnu_debugdata";
	Elf64_Shdr names, section;
	Elf64_Ehdr header;

	memcpy(&header, file->bytes, sizeof(header));
	if (!section_read(file, header.e_shstrndx, &names))
		return false;
	for (unsigned i = 0; section_read(file, i, &section); i++) {
		const void *bytes = image_at(file, section.sh_offset, section.sh_size);
		const char *own = section.sh_name < names.sh_size ?
			image_at(file, names.sh_offset + section.sh_name, sizeof(name)) : NULL;

		if (section.sh_type != SHT_PROGBITS || !bytes || !own ||
		    memcmp(own, name, sizeof(name)))
			continue;
		mini->bytes = minidebug_decode(bytes, section.sh_size, &mini->size);
		mini->is_decoded = mini->bytes != NULL;
		if (mini->bytes && mini->size > sizeof(Elf64_Ehdr))
			return true;
		image_free(mini);
	}
	return false;
}

/* The GNU build id of a file, or 0 bytes. */
static size_t build_id_read(const struct image *image, const uint8_t **id)
{
	Elf64_Shdr section;

	for (unsigned i = 0; section_read(image, i, &section); i++) {
		const uint8_t *at = image_at(image, section.sh_offset, section.sh_size);
		uint64_t offset = 0;

		if (section.sh_type != SHT_NOTE || !at)
			continue;
		while (offset + sizeof(Elf64_Nhdr) <= section.sh_size) {
			Elf64_Nhdr note;
			uint64_t name, value, left;

			memcpy(&note, at + offset, sizeof(note));
			name = ((uint64_t)note.n_namesz + 3) & ~3ull;
			value = ((uint64_t)note.n_descsz + 3) & ~3ull;
			offset += sizeof(note);
			left = section.sh_size - offset;
			if (name > left || value > left - name)
				break;
			if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
			    !memcmp(at + offset, "GNU", 4)) {
				*id = at + offset + name;
				return note.n_descsz;
			}
			offset += name + value;
		}
	}
	return 0;
}

/* ROOT/.build-id/ab/cdef....debug */
static bool debug_file_map(const char *root, const uint8_t *id, size_t bytes, struct image *image)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/.build-id/%02x/", root, id[0]);

	for (size_t i = 1; i < bytes && length < (int)sizeof(path) - 16; i++)
		length += snprintf(path + length, sizeof(path) - (size_t)length, "%02x", id[i]);
	snprintf(path + length, sizeof(path) - (size_t)length, ".debug");
	return image_map(path, image);
}

static int symbol_compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;	/* the one with a size first */
	return strcmp(x->name, y->name);
}

#define DIGIT_BITS 11

/* Sorts by start, digit by digit from the lowest: a large library has hundreds of thousands. */
static bool rows_sort(struct symbols *s)
{
	struct symbol *from = s->rows, *to = malloc(s->count * sizeof(*to)), *swap;
	uint64_t bits = 0;

	if (!to)
		return false;
	for (size_t i = 0; i < s->count; i++)
		bits |= from[i].start;
	for (unsigned shift = 0; shift < 64 && bits >> shift; shift += DIGIT_BITS) {
		size_t places[1 << DIGIT_BITS] = { 0 }, place = 0;

		for (size_t i = 0; i < s->count; i++)
			places[from[i].start >> shift & ((1 << DIGIT_BITS) - 1)]++;
		for (size_t digit = 0; digit < 1 << DIGIT_BITS; digit++) {
			size_t count = places[digit];

			places[digit] = place;
			place += count;
		}
		for (size_t i = 0; i < s->count; i++)
			to[places[from[i].start >> shift & ((1 << DIGIT_BITS) - 1)]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	s->rows = from;
	s->capacity = s->count;
	free(to);
	return true;
}

/* Sorts, keeps one name for each start, and lets symbols without a size reach to the next. */
static void symbols_finish(struct symbols *s)
{
	size_t kept = 0;

	if (s->count == 0)
		return;
	if (!rows_sort(s))
		qsort(s->rows, s->count, sizeof(*s->rows), symbol_compare);
	for (size_t i = 1; i < s->count; i++)
		if (s->rows[i].start != s->rows[kept].start)
			s->rows[++kept] = s->rows[i];
		else if (symbol_compare(&s->rows[i], &s->rows[kept]) < 0)
			s->rows[kept] = s->rows[i];
	s->count = kept + 1;
	for (size_t i = 0; i < s->count; i++)
		if (s->rows[i].end == s->rows[i].start)
			s->rows[i].end = i + 1 < s->count ? s->rows[i + 1].start : UINT64_MAX;
}

struct symbols *symbols_open(const char *path, const uint8_t *build_id, size_t build_id_bytes,
			     const char *debug_path)
{
	struct symbols *s = calloc(1, sizeof(*s));
	struct image *file, *debug;
	const uint8_t *id = NULL;
	bool found = false;
	size_t id_bytes;

	if (!s)
		return NULL;
	file = &s->images[IMAGE_FILE];
	debug = &s->images[IMAGE_DEBUG];
	if (image_map(path, file)) {
		id_bytes = build_id_read(file, &id);
		if (build_id_bytes && id_bytes &&
		    (id_bytes != build_id_bytes || memcmp(id, build_id, id_bytes))) {
			image_free(file);	/* replaced since it was recorded */
		} else if (id_bytes) {
			build_id = id;
			build_id_bytes = id_bytes;
		}
	}
	if (build_id_bytes > 1 &&
	    !(debug_path && debug_file_map(debug_path, build_id, build_id_bytes, debug)))
		debug_file_map("/usr/lib/debug", build_id, build_id_bytes, debug);
	for (int i = IMAGE_FILE; i <= IMAGE_DEBUG; i++)
		if (s->images[i].bytes)
			found |= tables_read(s, &s->images[i], SHT_SYMTAB);
	if (!found && file->bytes && mini_read(file, &s->images[IMAGE_MINI]))
		tables_read(s, &s->images[IMAGE_MINI], SHT_SYMTAB);
	if (file->bytes)
		tables_read(s, file, SHT_DYNSYM);
	symbols_finish(s);
	return s;
}

bool symbols_file_matches(const char *path, const uint8_t *build_id, size_t build_id_bytes)
{
	struct image image = { 0 };
	const uint8_t *id = NULL;
	bool matches;

	if (!image_map(path, &image))
		return false;
	matches = !memcmp(image.bytes, ELFMAG, SELFMAG);
	if (matches && build_id_bytes)
		matches = build_id_read(&image, &id) == build_id_bytes &&
			  !memcmp(id, build_id, build_id_bytes);
	image_free(&image);
	return matches;
}

void symbols_close(struct symbols *symbols)
{
	if (!symbols)
		return;
	for (int i = 0; i < IMAGES; i++)
		image_free(&symbols->images[i]);
	free(symbols->rows);
	free(symbols->text);
	free(symbols);
}

/* Cuts the map's text into lines in place. */
static void perf_map_read(struct symbols *s)
{
	char *line = s->text, *next;

	for (; *line; line = next) {
		unsigned long long start, size;
		char *end;

		next = strchr(line, '\n');
		if (!next)
			break;		/* a line that is being written */
		*next++ = '\0';
		start = strtoull(line, &end, 16);
		if (*end != ' ')
			continue;
		size = strtoull(end + 1, &end, 16);
		if (*end != ' ' || !end[1] || !start)
			continue;
		if (!symbol_add(s, start, size, end + 1))
			return;
	}
}

struct symbols *symbols_perf_map(const char *path, struct symbols *old)
{
	struct stat status;
	struct symbols *s;
	FILE *file;

	if (stat(path, &status) || !S_ISREG(status.st_mode))
		return old;
	if (old && old->text_bytes == (size_t)status.st_size)
		return old;
	file = fopen(path, "re");
	s = file ? calloc(1, sizeof(*s)) : NULL;
	if (s)
		s->text = malloc((size_t)status.st_size + 1);
	if (!s || !s->text) {
		free(s);
		if (file)
			fclose(file);
		return old;
	}
	symbols_close(old);
	s->text_bytes = fread(s->text, 1, (size_t)status.st_size, file);
	s->text[s->text_bytes] = '\0';
	fclose(file);
	perf_map_read(s);
	symbols_finish(s);
	return s;
}

bool symbols_has(const struct symbols *symbols, const char *name)
{
	for (size_t i = 0; i < symbols->count; i++)
		if (!strcmp(symbols->rows[i].name, name))
			return true;
	return false;
}

size_t symbols_count(const struct symbols *symbols)
{
	return symbols->count;
}

const char *symbols_find(const struct symbols *s, uint64_t address, uint64_t *start)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->rows[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= s->rows[low - 1].end)
		return NULL;
	if (start)
		*start = s->rows[low - 1].start;
	return s->rows[low - 1].name;
}

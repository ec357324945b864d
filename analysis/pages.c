/* SPDX-License-Identifier: Apache-2.0 */
/* Table b-trees from the file's pages: see pages.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/pages.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX	20		/* as SQLite has it */
#define LAYOUTS		128
#define HASH_PRIME	0x9e3779b97f4a7c15ull
#define HEAD_COLUMNS_MAX 15		/* that are looked at: a header of 16 bytes */
#define AHEAD		16		/* pages read together where they follow on each other */
#define PADDING		(8 * PAGES_COLUMNS_MAX + 16)	/* behind a row that lies about its length */
#define NO_SLOT		PAGES_COLUMNS_MAX
#define PAGE_INTERIOR	5
#define PAGE_LEAF	13
#define TYPES		10		/* serial types from here on are text and blobs */

/* Bytes of a whole number by the serial type; NOT_PLAIN: reals; TYPES and above are text and blobs. */
#define NOT_PLAIN	0xff
static const uint8_t type_bytes[TYPES] = { 0, 1, 2, 3, 4, 6, 8, NOT_PLAIN, 0, 0 };

/* Where a value is: the first few of the 8 bytes at an offset in the record. */
struct place { uint8_t offset, shift, slot; };

/* Records whose headers are alike have their values at the same places. */
struct layout {
	/* The first 8 bytes, of a short header with some behind it; the others as far as columns are
	 * looked at. 0: not used yet. */
	uint64_t head[2];
	uint32_t known;
	uint32_t bytes;			/* up to the end of those columns; 0: not plain */
	struct place places[HEAD_COLUMNS_MAX];
};

struct level {				/* an interior page on the way to the leaf */
	unsigned char *page;
	unsigned int cells, next;	/* next == cells: the right-most child */
};

struct pages {
	sqlite3_file *file;
	unsigned int page_bytes, usable_bytes, page_count;
	struct level levels[DEPTH_MAX];
	int depth;
	unsigned char *ahead;		/* AHEAD pages, and PADDING */
	unsigned int ahead_first, ahead_count, last_page;
	const unsigned char *leaf;
	unsigned int leaf_cells, leaf_next;
	int64_t last_id;
	uint64_t second_mask;		/* of layout.head[1] */
	int columns, wanted, asked;	/* of a record; the first, that are looked at; asked for */
	uint8_t slot[PAGES_COLUMNS_MAX];	/* of each column among the values, or NO_SLOT */
	int64_t values[PAGES_COLUMNS_MAX];
	struct layout layouts[LAYOUTS];	/* by a hash of the header */
	bool is_odd;
};

static unsigned int number2(const unsigned char *at)
{
	return (unsigned int)(at[0] << 8 | at[1]);
}

static unsigned int number4(const unsigned char *at)
{
	return number2(at) << 16 | number2(at + 2);
}

static uint64_t number8(const unsigned char *at)
{
	uint64_t raw;

	memcpy(&raw, at, sizeof(raw));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	raw = __builtin_bswap64(raw);
#endif
	return raw;
}

/* SQLite's number of 1 to 9 bytes; behind it. Branches foretell where that is. */
static inline const unsigned char *varint(const unsigned char *at, uint64_t *value)
{
	*value = 0;
	for (int i = 0; i < 8; i++) {
		*value = *value << 7 | (*at & 0x7f);
		if (!(*at++ & 0x80))
			return at;
	}
	*value = *value << 8 | *at++;
	return at;
}

/* --- pages --------------------------------------------------------------------------------- */

static bool bytes_read(struct pages *p, unsigned char *to, unsigned int page, unsigned int count)
{
	return p->file->pMethods->xRead(p->file, to, (int)(count * p->page_bytes),
					(sqlite3_int64)(page - 1) * p->page_bytes) == SQLITE_OK;
}

/* A page as long as no other is asked for; NULL: it cannot be read. */
static const unsigned char *page_get(struct pages *p, unsigned int page)
{
	unsigned int count = page == p->last_page + 1 ? AHEAD : 1;

	/* Page 1 begins with the header of the file, and no table of ours is there. */
	if (page < 2 || page > p->page_count)
		return NULL;
	p->last_page = page;
	if (page < p->ahead_first || page >= p->ahead_first + p->ahead_count) {
		if (count > p->page_count - page + 1)
			count = p->page_count - page + 1;
		p->ahead_first = page;
		p->ahead_count = bytes_read(p, p->ahead, page, count) ? count : 0;
	}
	return p->ahead_count ? p->ahead + (size_t)(page - p->ahead_first) * p->page_bytes : NULL;
}

/* Goes down to the first leaf below a page. */
static bool descend(struct pages *p, unsigned int page)
{
	for (;;) {
		const unsigned char *at = page_get(p, page);
		struct level *level = &p->levels[p->depth];
		unsigned int cells = at ? number2(at + 3) : 0;

		if (!at || 12 + 2 * cells > p->usable_bytes)
			return false;
		if (at[0] == PAGE_LEAF) {
			p->leaf = at;
			p->leaf_cells = cells;
			p->leaf_next = 0;
			return true;
		}
		if (at[0] != PAGE_INTERIOR || p->depth == DEPTH_MAX || !cells)
			return false;
		if (!level->page)
			level->page = malloc(p->page_bytes);
		if (!level->page)
			return false;
		memcpy(level->page, at, p->page_bytes);
		level->cells = cells;
		level->next = 1;
		p->depth++;
		page = number2(at + 12);
		if (page + 4 > p->usable_bytes)
			return false;
		page = number4(at + page);
	}
}

/* The next leaf: 1, 0 where there is none, -1 where it is not plain. */
static int leaf_next(struct pages *p)
{
	while (p->depth) {
		struct level *level = &p->levels[p->depth - 1];
		unsigned int at = level->next < level->cells
			? number2(level->page + 12 + 2 * level->next) : 8;

		if (level->next++ > level->cells) {
			p->depth--;
			continue;
		}
		if (at + 4 > p->usable_bytes || !descend(p, number4(level->page + at)))
			return -1;
		/* An empty leaf is no more than the root of an empty table; others might be a loop. */
		return p->leaf_cells ? 1 : -1;
	}
	return 0;
}

/* --- rows ---------------------------------------------------------------------------------- */

static void layout_make(const struct pages *p, const unsigned char *record, struct layout *layout)
{
	unsigned int at = (unsigned int)p->columns + 1;
	struct place *place = layout->places;

	layout->known = 0;
	layout->bytes = 0;
	for (int i = 0; i < p->wanted; i++) {
		unsigned int type = record[1 + i], bytes = type < TYPES ? type_bytes[type] : NOT_PLAIN;

		if (record[0] != p->columns + 1 || bytes == NOT_PLAIN)
			return;
		/* What has no bytes is told by its type: NULL is 0, 8 is 0 and 9 is 1, which are
		 * these bytes shifted. */
		if (p->slot[i] != NO_SLOT) {
			place->slot = p->slot[i];
			place->offset = (uint8_t)(bytes ? at : 1 + (unsigned int)i);
			place->shift = (uint8_t)(bytes ? 64 - 8 * bytes : type == 9 ? 59 : 60);
			place++;
			layout->known |= (uint32_t)(type != 0) << p->slot[i];
		}
		at += bytes;
	}
	layout->bytes = at;
}

static inline const struct layout *layout_of(struct pages *p, const unsigned char *record)
{
	uint64_t first = number8(record), second = number8(record + 8) & p->second_mask;
	uint64_t hash = (first ^ second * HASH_PRIME) * HASH_PRIME;
	struct layout *layout = &p->layouts[hash / (UINT64_MAX / LAYOUTS + 1)];

	if (layout->head[0] != first || layout->head[1] != second) {
		layout->head[0] = first;
		layout->head[1] = second;
		layout_make(p, record, layout);
	}
	return layout;
}

/* Values of the columns of a record; false: it is not plain. */
static inline bool record_take(struct pages *p, const unsigned char *record, uint64_t bytes,
			       uint32_t *known)
{
	const struct layout *layout = layout_of(p, record);
	const struct place *place = layout->places;

	if (!layout->bytes || bytes < layout->bytes)
		return false;
	for (int i = 0; i < p->asked; i++, place++)
		p->values[place->slot] = (int64_t)number8(record + place->offset) >> place->shift;
	*known = layout->known;
	return true;
}

static int leaf_read(struct pages *p, int64_t last, page_row_fn *row, void *arg)
{
	for (; p->leaf_next < p->leaf_cells; p->leaf_next++) {
		unsigned int offset = number2(p->leaf + 8 + 2 * p->leaf_next);
		const unsigned char *cell = p->leaf + offset;
		uint64_t bytes, id;
		uint32_t known;
		int result;

		if (offset >= p->usable_bytes)
			return PAGES_ODD;
		cell = varint(varint(cell, &bytes), &id);
		/* Longer rows have their end on other pages. */
		if ((int64_t)id <= p->last_id || bytes > p->usable_bytes - 35 ||
		    (uint64_t)(cell - p->leaf) + bytes > p->usable_bytes)
			return PAGES_ODD;
		if ((int64_t)id > last)
			return 0;
		if (!record_take(p, cell, bytes, &known))
			return PAGES_ODD;
		p->last_id = (int64_t)id;
		result = row(arg, p->values, known);
		if (result)
			return result;
	}
	return 0;
}

int pages_read(struct pages *p, int64_t last, page_row_fn *row, void *arg)
{
	int result = p->is_odd ? PAGES_ODD : 0;

	while (result == 0) {
		int next;

		result = leaf_read(p, last, row, arg);
		if (result || p->leaf_next < p->leaf_cells)
			break;
		next = leaf_next(p);
		if (next < 0)
			result = PAGES_ODD;
		if (next == 0)
			break;
	}
	p->is_odd = result == PAGES_ODD;
	return result;
}

/* --- opening ------------------------------------------------------------------------------- */

/* Where each column of the table goes; false: no more than SQLite can read it. */
static bool columns_find(struct pages *p, struct run *run, const char *table,
			 const char *const *columns, int count)
{
	sqlite3_stmt *stmt = run_prepare(run, "SELECT name FROM pragma_table_info(?1, 'main') "
					 "ORDER BY cid");
	bool fits = stmt && count <= PAGES_COLUMNS_MAX;

	if (stmt)
		sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
	while (fits && run_step(run, stmt) > 0) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);

		fits = name && p->columns < PAGES_COLUMNS_MAX;
		if (!fits)
			break;
		p->slot[p->columns] = NO_SLOT;
		for (int i = 0; i < count; i++)
			if (columns[i] && !strcmp(columns[i], name)) {
				p->slot[p->columns] = (uint8_t)i;
				p->wanted = p->columns + 1;
			}
		p->asked += p->slot[p->columns] != NO_SLOT;
		p->columns++;
	}
	sqlite3_finalize(stmt);
	if (!fits || !p->wanted || p->wanted > HEAD_COLUMNS_MAX)
		return false;
	p->second_mask = p->wanted < 8 ? 0 : UINT64_MAX << 8 * (HEAD_COLUMNS_MAX - p->wanted);
	return true;
}

static unsigned int root_of(struct run *run, const char *table)
{
	sqlite3_stmt *stmt = run_prepare(run, "SELECT rootpage FROM main.sqlite_schema "
					 "WHERE type = 'table' AND name = ?1");
	int64_t root = 0;

	if (stmt)
		sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
	if (stmt && run_step(run, stmt) > 0)
		root = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return root > 1 && root < INT32_MAX ? (unsigned int)root : 0;
}

/* The file's own words about its pages. */
static bool file_open(struct pages *p, struct run *run)
{
	unsigned char head[100];
	sqlite3_int64 bytes;

	if (sqlite3_file_control(run->db, "main", SQLITE_FCNTL_FILE_POINTER, &p->file) != SQLITE_OK ||
	    !p->file->pMethods ||
	    p->file->pMethods->xRead(p->file, head, sizeof(head), 0) != SQLITE_OK ||
	    p->file->pMethods->xFileSize(p->file, &bytes) != SQLITE_OK)
		return false;
	p->page_bytes = number2(head + 16) == 1 ? 65536 : number2(head + 16);
	if (p->page_bytes < 512 || (p->page_bytes & (p->page_bytes - 1)))
		return false;
	p->usable_bytes = p->page_bytes - head[20];
	p->page_count = (unsigned int)(bytes / p->page_bytes < INT32_MAX ? bytes / p->page_bytes : 0);
	p->ahead = calloc(1, (size_t)AHEAD * p->page_bytes + PADDING);
	return p->ahead && p->usable_bytes >= 480;
}

struct pages *pages_open(struct run *run, const char *table, const char *const *columns, int count)
{
	struct pages *p = run->immutable ? calloc(1, sizeof(*p)) : NULL;
	unsigned int root;

	if (!p)
		return NULL;
	p->last_id = INT64_MIN;
	root = root_of(run, table);
	if (!root || !columns_find(p, run, table, columns, count) || !file_open(p, run) ||
	    !descend(p, root)) {
		pages_close(p);
		return NULL;
	}
	return p;
}

void pages_close(struct pages *p)
{
	if (!p)
		return;
	for (int i = 0; i < DEPTH_MAX; i++)
		free(p->levels[i].page);
	free(p->ahead);
	free(p);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where the period of a sequence of launches begins: see step_anchor_find(). */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/rank.h"
#include "analysis/steps_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OCCURRENCES_MIN	3
#define PHRASE_BITS	28.0		/* to tell where a phrase was before, and how long it is */
#define TOLERANCE_BITS	64.0		/* descriptions that differ by less are equally good */
#define TOLERANCE	1.03
#define COPY_SHARE	0.9		/* of the pieces, for "each has a copy" */
#define GRAPH_USES_MIN	8		/* of an executable graph, to be told from others */
#define PAUSE_FACTOR	4		/* of a pause between steps to one between launches */
#define PRIME		0x9e3779b97f4a7c15ull
#define CELLS_MIN	1024
#define CHANCE_MIN	1e-200

/* Tables from 64 bits to a number, emptied by a new generation. They grow with what is in them, so
 * that those of launches that repeat stay in the cache. */
struct cell {
	uint64_t key;
	uint32_t generation, value;
};

struct table {
	struct cell *cells;
	size_t mask, used;
	uint32_t generation;
};

struct symbol {
	uint32_t symbol;
	uint32_t first, count;		/* in positions */
	double bits;
	bool repeats, has_copies, has_graphs;
};

struct search {
	const struct step_token *tokens;
	size_t count;
	uint32_t *numbers;		/* of the symbol of each token */
	uint32_t *positions;		/* of each symbol, rising */
	struct symbol *symbols;
	size_t symbol_count;
	uint32_t *alike;		/* each token's symbol; of graphs that are rarely used, the same */
	uint64_t *hash, *power;		/* of the launches before each position; PRIME to the number */
	uint64_t *pauses;
	uint32_t *launches;		/* before each position */
	uint32_t *copies, *graphs, *phrases;	/* begun before each position */
	struct table kinds, pairs;
	bool no_memory;
};

static bool table_make(struct table *table)
{
	table->mask = CELLS_MIN - 1;
	table->cells = calloc(CELLS_MIN, sizeof(*table->cells));
	table->generation = 1;
	return table->cells != NULL;
}

static void table_empty(struct table *table)
{
	table->generation++;
	table->used = 0;
}

/* The key's cell, or a free one for it. */
static inline struct cell *cell_find(const struct table *table, uint64_t key)
{
	size_t i = (size_t)((key * PRIME) >> 20) & table->mask;

	while (table->cells[i].generation == table->generation && table->cells[i].key != key)
		i = (i + 1) & table->mask;
	return &table->cells[i];
}

static bool table_grow(struct table *table)
{
	struct table grown = { .mask = 4 * (table->mask + 1) - 1, .used = table->used, .generation = 1 };

	grown.cells = calloc(grown.mask + 1, sizeof(*grown.cells));
	for (size_t i = 0; grown.cells && i <= table->mask; i++)
		if (table->cells[i].generation == table->generation)
			*cell_find(&grown, table->cells[i].key) = (struct cell){
				table->cells[i].key, grown.generation, table->cells[i].value };
	if (!grown.cells)
		return false;
	free(table->cells);
	*table = grown;
	return true;
}

/* The key's value, which begins at 0; until the next one is asked for. */
static inline uint32_t *table_at(struct search *s, struct table *table, uint64_t key)
{
	struct cell *cell = cell_find(table, key);

	if (cell->generation == table->generation)
		return &cell->value;
	if (2 * table->used > table->mask) {
		/* A table that cannot grow forgets: the search fails anyhow. */
		if (!table_grow(table)) {
			s->no_memory = true;
			table_empty(table);
		}
		cell = cell_find(table, key);
	}
	table->used++;
	*cell = (struct cell){ key, table->generation, 0 };
	return &cell->value;
}

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 31) * 0xbf58476d1ce4e5b9ull;
	return (value ^ value >> 29) | 1;
}

/* Symbols in order of their first occurrence, each with its positions. */
static void symbols_count(struct search *s)
{
	uint32_t at = 0;

	for (size_t i = 0; i < s->count; i++) {
		uint32_t *number = table_at(s, &s->kinds, s->tokens[i].symbol);

		if (!*number) {
			s->symbols[s->symbol_count] = (struct symbol){ .symbol = s->tokens[i].symbol };
			*number = (uint32_t)++s->symbol_count;
		}
		s->numbers[i] = *number - 1;
		s->symbols[*number - 1].count++;
	}
	for (size_t i = 0; i < s->symbol_count; i++) {
		s->symbols[i].first = at;
		at += s->symbols[i].count;
		s->symbols[i].count = 0;
	}
	for (size_t i = 0; i < s->count; i++) {
		struct symbol *symbol = &s->symbols[s->numbers[i]];

		s->positions[symbol->first + symbol->count++] = (uint32_t)i;
	}
}

/* A program that captures again and again has ever new graphs for the same step. */
static void alike_make(struct search *s)
{
	for (size_t i = 0; i < s->symbol_count; i++) {
		const struct symbol *symbol = &s->symbols[i];
		bool is_rare = SYMBOL_CLASS(symbol->symbol) == SYMBOL_GRAPH &&
			       symbol->count < GRAPH_USES_MIN;

		for (uint32_t j = 0; j < symbol->count; j++)
			s->alike[s->positions[symbol->first + j]] =
				is_rare ? SYMBOL_GRAPH : symbol->symbol;
	}
}

/* Sums before each position; copies do not make kinds of steps, as their number varies. */
static void prefixes_make(struct search *s)
{
	s->power[0] = 1;
	for (size_t i = 0; i < s->count; i++) {
		bool is_launch = symbol_is_launch(s->tokens[i].symbol);

		s->power[i + 1] = s->power[i] * PRIME;
		s->hash[i + 1] = is_launch ? s->hash[i] * PRIME + mix(s->alike[i]) : s->hash[i];
		s->launches[i + 1] = s->launches[i] + is_launch;
		s->graphs[i + 1] = s->graphs[i] +
				   (SYMBOL_CLASS(s->tokens[i].symbol) == SYMBOL_GRAPH);
		s->copies[i + 1] = s->copies[i] + (SYMBOL_CLASS(s->tokens[i].symbol) >= SYMBOL_TO_DEVICE);
	}
}

static uint64_t piece_hash(const struct search *s, size_t from, size_t to)
{
	return s->hash[to] - s->hash[from] * s->power[s->launches[to] - s->launches[from]];
}

/* Cuts the tokens into phrases that were there before (after Lempel and Ziv): what is new, once. */
static void phrases_make(struct search *s)
{
	size_t next = 0;

	table_empty(&s->pairs);
	for (size_t i = 0; i < s->count; i++) {
		s->phrases[i + 1] = s->phrases[i];
		if (i + 2 < s->count) {
			uint64_t key = mix(s->alike[i]) * 3 + mix(s->alike[i + 1]) * 5 +
				       mix(s->alike[i + 2]) * 7;
			uint32_t *seen = table_at(s, &s->pairs, key);

			if (i == next && *seen) {
				size_t from = *seen - 1, length = 0;

				while (i + length < s->count &&
				       s->alike[from + length] == s->alike[i + length])
					length++;
				next = i + (length ? length : 1);
				s->phrases[i + 1]++;
			}
			*seen = (uint32_t)i + 1;
		}
		if (i == next) {
			next = i + 1;
			s->phrases[i + 1]++;
		}
	}
}

/* Bits to tell the pieces between a symbol's occurrences, one after the other. */
static void symbol_weigh(struct search *s, struct symbol *symbol)
{
	const uint32_t *at = s->positions + symbol->first;
	uint32_t pieces = symbol->count - 1, known = 0, with_copies = 0, with_graphs = 0;
	uint64_t before = 0;
	double chance = 1;

	table_empty(&s->kinds);
	table_empty(&s->pairs);
	symbol->bits = PHRASE_BITS * (s->phrases[at[0]] + s->phrases[s->count] - s->phrases[at[pieces]]);
	for (uint32_t i = 0; i < pieces; i++) {
		uint64_t kind = piece_hash(s, at[i], at[i + 1]);
		uint32_t *seen = table_at(s, &s->kinds, kind);
		uint32_t after = (*table_at(s, &s->pairs, before))++;
		uint32_t pair = (*table_at(s, &s->pairs, before + mix(kind)))++;

		if (*seen) {
			double guess = (double)*seen / (i + 1.0);

			/* A logarithm for many of them. */
			chance *= (pair + guess) / (after + 1.0);
			if (chance < CHANCE_MIN) {
				symbol->bits -= log2(chance);
				chance = 1;
			}
			known++;
		} else {
			symbol->bits += log2(i + 1.0) +
				PHRASE_BITS * (s->phrases[at[i + 1]] - s->phrases[at[i]] + 1);
		}
		(*seen)++;
		before = kind * 2 + 1;
		with_copies += s->copies[at[i + 1]] > s->copies[at[i]];
		with_graphs += s->graphs[at[i + 1]] > s->graphs[at[i]];
	}
	symbol->bits -= log2(chance);
	symbol->repeats = known >= 2 && known * 2 >= pieces;
	symbol->has_copies = with_copies >= COPY_SHARE * pieces;
	symbol->has_graphs = with_graphs * 2 >= pieces;
}

/* Of those that tell the tokens about equally short: with a copy in each piece, then most often. */
static const struct symbol *symbol_choose(const struct search *s)
{
	const struct symbol *best = NULL, *chosen = NULL;

	for (size_t i = 0; i < s->symbol_count; i++)
		if (s->symbols[i].repeats && (!best || s->symbols[i].bits < best->bits))
			best = &s->symbols[i];
	for (size_t i = 0; best && i < s->symbol_count; i++) {
		const struct symbol *symbol = &s->symbols[i];

		if (!symbol->repeats || symbol->bits > best->bits * TOLERANCE + TOLERANCE_BITS)
			continue;
		if (!chosen || symbol->has_copies > chosen->has_copies ||
		    (symbol->has_copies == chosen->has_copies && symbol->count > chosen->count))
			chosen = symbol;
	}
	return chosen;
}

/* --- where in the period the step begins --------------------------------------------------- */

/* The time outside of work before each token but the first, in the place of the powers. */
static void pauses_make(struct search *s)
{
	s->pauses = s->power;
	for (size_t i = 1; i < s->count; i++)
		s->pauses[i] = s->tokens[i].start > s->tokens[i - 1].end
			? s->tokens[i].start - s->tokens[i - 1].end : 0;
}

/* Their median before, or after, a symbol's occurrences. */
static uint64_t median_gap(const struct search *s, const struct symbol *symbol, bool after,
			   uint64_t *gaps)
{
	size_t count = 0;

	for (uint32_t i = 0; i < symbol->count; i++) {
		size_t at = s->positions[symbol->first + i] + (after ? 1u : 0u);

		if (at > 0 && at < s->count)
			gaps[count++] = s->pauses[at];
	}
	return count ? value_of_rank(gaps, count, count / 2) : 0;
}

/* Comes once between two occurrences of the anchor, nearly always. */
static bool takes_turns(const struct search *s, const struct symbol *anchor,
			const struct symbol *symbol)
{
	const uint32_t *a = s->positions + anchor->first, *b = s->positions + symbol->first;
	uint32_t j = 0, once = 0;

	if (symbol->count + 1 < anchor->count || symbol->count > anchor->count + 1)
		return false;
	for (uint32_t i = 0; i + 1 < anchor->count; i++) {
		uint32_t found = 0;

		for (; j < symbol->count && b[j] < a[i]; j++)
			;
		for (uint32_t k = j; k < symbol->count && b[k] < a[i + 1]; k++)
			found++;
		once += found == 1;
	}
	return once * 20 >= (anchor->count - 1) * 19;
}

/* The median time between two calls of the thread. */
static uint64_t median_pause(const struct search *s, uint64_t *gaps)
{
	if (s->count < 2)
		return 0;
	memcpy(gaps, s->pauses + 1, (s->count - 1) * sizeof(*gaps));
	return value_of_rank(gaps, s->count - 1, (s->count - 1) / 2);
}

/*
 * Behind the read-back of the result, if there is one; else where the thread pauses longest, as
 * it waits there for the step before or for work to do. Without copies, graphs and such a pause
 * the period may as well be that of the layers within a step.
 */
static void anchor_turn(const struct search *s, const struct symbol *chosen, uint64_t *gaps,
			struct step_anchor *anchor)
{
	uint64_t longest = 0, behind = 0;
	uint32_t read_back = 0;
	bool has_read_back = false;

	*anchor = (struct step_anchor){ .symbol = chosen->symbol };
	for (size_t i = 0; i < s->symbol_count; i++) {
		const struct symbol *symbol = &s->symbols[i];

		if (!takes_turns(s, chosen, symbol))
			continue;
		for (int after = 0; after < 2; after++) {
			uint64_t gap = median_gap(s, symbol, after, gaps);

			if (gap > longest) {
				longest = gap;
				anchor->symbol = symbol->symbol;
				anchor->after = after;
			}
			if (after && SYMBOL_CLASS(symbol->symbol) == SYMBOL_TO_HOST &&
			    (!has_read_back || gap > behind)) {
				has_read_back = true;
				behind = gap;
				read_back = symbol->symbol;
			}
		}
	}
	if (has_read_back && behind * PAUSE_FACTOR >= longest) {
		anchor->symbol = read_back;
		anchor->after = true;
	}
	anchor->found = chosen->has_copies || chosen->has_graphs ||
			(longest > 0 && longest >= PAUSE_FACTOR * median_pause(s, gaps));
}

static bool search_make(struct search *s)
{
	size_t n = s->count + 1;

	s->numbers = calloc(n, sizeof(*s->numbers));
	s->positions = calloc(n, sizeof(*s->positions));
	s->symbols = calloc(n, sizeof(*s->symbols));
	s->alike = calloc(n, sizeof(*s->alike));
	s->hash = calloc(n, sizeof(*s->hash));
	s->power = calloc(n, sizeof(*s->power));
	s->launches = calloc(n, sizeof(*s->launches));
	s->copies = calloc(n, sizeof(*s->copies));
	s->graphs = calloc(n, sizeof(*s->graphs));
	s->phrases = calloc(n, sizeof(*s->phrases));
	return s->numbers && s->positions && s->symbols && s->hash && s->power && s->launches && s->copies &&
	       s->graphs && s->phrases && table_make(&s->kinds) &&
	       table_make(&s->pairs);
}

static void search_free(struct search *s)
{
	free(s->numbers);
	free(s->positions);
	free(s->symbols);
	free(s->alike);
	free(s->hash);
	free(s->power);
	free(s->launches);
	free(s->copies);
	free(s->graphs);
	free(s->phrases);
	free(s->kinds.cells);
	free(s->pairs.cells);
}

bool step_anchor_find(const struct step_token *tokens, size_t count, struct step_anchor *anchor)
{
	struct search s = { .tokens = tokens, .count = count };
	const struct symbol *chosen;
	bool has_room = search_make(&s);

	*anchor = (struct step_anchor){ 0 };
	if (has_room) {
		symbols_count(&s);
		alike_make(&s);
		prefixes_make(&s);
		phrases_make(&s);
		for (size_t i = 0; i < s.symbol_count; i++)
			if (s.symbols[i].count >= OCCURRENCES_MIN)
				symbol_weigh(&s, &s.symbols[i]);
		chosen = symbol_choose(&s);
		if (chosen) {
			pauses_make(&s);
			anchor_turn(&s, chosen, s.hash, anchor);	/* hashes are done with */
		}
	}
	search_free(&s);
	return has_room && !s.no_memory;
}

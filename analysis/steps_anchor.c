/* SPDX-License-Identifier: Apache-2.0 */
/* Where the period of a sequence of launches begins: see step_anchor_find(). */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/rank.h"
#include "analysis/steps_internal.h"
#include "analysis/steps_map.h"

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
#define PRIME		MAP_PRIME
#define CHANCE_MIN	1e-200

struct symbol {
	uint32_t symbol;
	uint32_t first, count;		/* in positions */
	double bits;
	bool repeats, has_copies, has_graphs;
};

struct prefix {				/* of what is before a position */
	uint64_t hash;			/* of the launches */
	uint32_t launches, copies, graphs, phrases;	/* begun */
};

struct step_search {
	const struct step_token *tokens;
	size_t count, capacity;		/* capacity: of what follows, one more than tokens */
	uint32_t *numbers;		/* of the symbol of each token */
	uint32_t *positions;		/* of each symbol, rising */
	struct symbol *symbols;
	size_t symbol_count;
	uint32_t *alike;		/* each token's symbol; of graphs that are rarely used, the same */
	uint64_t *power;		/* PRIME to the number */
	struct prefix *before;
	uint64_t *pauses, *gaps;	/* before each token; room for those of a symbol */
	struct map kinds, pairs;
};

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 31) * 0xbf58476d1ce4e5b9ull;
	return (value ^ value >> 29) | 1;
}

/* Symbols in order of their first occurrence, each with its positions. */
static void symbols_count(struct step_search *s)
{
	uint32_t at = 0;

	s->symbol_count = 0;
	map_empty(&s->kinds);
	for (size_t i = 0; i < s->count; i++) {
		uint32_t *number = map_at(&s->kinds, s->tokens[i].symbol);

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
static void alike_make(struct step_search *s)
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
static void prefixes_make(struct step_search *s)
{
	struct prefix before = { 0 };

	for (size_t i = 0; i < s->count; i++) {
		uint32_t symbol = s->alike[i];
		bool is_launch = symbol_is_launch(symbol);

		s->before[i] = before;
		before.hash = is_launch ? before.hash * PRIME + mix(symbol) : before.hash;
		before.launches += is_launch;
		before.graphs += SYMBOL_CLASS(symbol) == SYMBOL_GRAPH;
		before.copies += SYMBOL_CLASS(symbol) >= SYMBOL_TO_DEVICE;
	}
	s->before[s->count] = before;
}

static uint64_t piece_hash(const struct step_search *s, const struct prefix *from,
			   const struct prefix *to)
{
	return to->hash - from->hash * s->power[to->launches - from->launches];
}

/* The length of a phrase at `at` that was at `from` before. */
static size_t phrase_length(const struct step_search *s, size_t from, size_t at)
{
	size_t length = 0;

	while (at + length < s->count && s->alike[from + length] == s->alike[at + length])
		length++;
	return length ? length : 1;
}

/* Cuts the tokens into phrases that were there before (after Lempel and Ziv): what is new, once. */
static void phrases_make(struct step_search *s)
{
	uint64_t first, second = 0, third = 0;
	uint32_t phrases = 0;
	size_t next = 0;

	map_empty(&s->pairs);
	if (s->count >= 2) {
		second = mix(s->alike[0]);
		third = mix(s->alike[1]);
	}
	for (size_t i = 0; i < s->count; i++) {
		s->before[i].phrases = phrases;
		if (i + 2 < s->count) {
			uint32_t *seen;

			first = second;
			second = third;
			third = mix(s->alike[i + 2]);
			seen = map_at(&s->pairs, first * 3 + second * 5 + third * 7);
			if (i == next && *seen) {
				next = i + phrase_length(s, *seen - 1, i);
				phrases++;
			}
			*seen = (uint32_t)i + 1;
		}
		if (i == next) {
			next = i + 1;
			phrases++;
		}
	}
	s->before[s->count].phrases = phrases;
}

/* Bits to tell the pieces between a symbol's occurrences, one after the other. */
static void symbol_weigh(struct step_search *s, struct symbol *symbol)
{
	const uint32_t *at = s->positions + symbol->first;
	uint32_t pieces = symbol->count - 1, known = 0, with_copies = 0, with_graphs = 0;
	uint32_t *seen = NULL, *after = NULL, *pair = NULL;
	uint64_t before = 0, last_before = 0, last_kind = 0;
	double chance = 1;

	map_empty(&s->kinds);
	map_empty(&s->pairs);
	symbol->bits = PHRASE_BITS * (s->before[at[0]].phrases + s->before[s->count].phrases -
				      s->before[at[pieces]].phrases);
	for (uint32_t i = 0; i < pieces; i++) {
		const struct prefix *from = &s->before[at[i]], *to = &s->before[at[i + 1]];
		uint64_t kind = piece_hash(s, from, to);

		/* What comes again and again has the same cells. */
		if (!pair || kind != last_kind || before != last_before) {
			seen = map_at(&s->kinds, kind);
			map_at(&s->pairs, before);
			pair = map_at(&s->pairs, before + mix(kind));
			after = map_at(&s->pairs, before);	/* it is there: nothing moves */
			last_kind = kind;
			last_before = before;
		}
		if (*seen) {
			double guess = (double)*seen / (i + 1.0);

			/* A logarithm for many of them. */
			chance *= (*pair + guess) / (*after + 1.0);
			if (chance < CHANCE_MIN) {
				symbol->bits -= log2(chance);
				chance = 1;
			}
			known++;
		} else {
			symbol->bits += log2(i + 1.0) + PHRASE_BITS * (to->phrases - from->phrases + 1);
		}
		(*seen)++;
		(*after)++;
		(*pair)++;
		before = kind * 2 + 1;
		with_copies += to->copies > from->copies;
		with_graphs += to->graphs > from->graphs;
	}
	symbol->bits -= log2(chance);
	symbol->repeats = known >= 2 && known * 2 >= pieces;
	symbol->has_copies = with_copies >= COPY_SHARE * pieces;
	symbol->has_graphs = with_graphs * 2 >= pieces;
}

/* Of those that tell the tokens about equally short: with a copy in each piece, then most often. */
static const struct symbol *symbol_choose(const struct step_search *s)
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

/* The time outside of work before each token but the first. */
static void pauses_make(struct step_search *s)
{
	for (size_t i = 1; i < s->count; i++)
		s->pauses[i] = s->tokens[i].start > s->tokens[i - 1].end
			? s->tokens[i].start - s->tokens[i - 1].end : 0;
}

/* Their median before, or after, a symbol's occurrences. */
static uint64_t median_gap(const struct step_search *s, const struct symbol *symbol, bool after)
{
	size_t count = 0;

	for (uint32_t i = 0; i < symbol->count; i++) {
		size_t at = s->positions[symbol->first + i] + (after ? 1u : 0u);

		if (at > 0 && at < s->count)
			s->gaps[count++] = s->pauses[at];
	}
	return count ? value_of_rank(s->gaps, count, count / 2) : 0;
}

/* Comes once between two occurrences of the anchor, nearly always. */
static bool takes_turns(const struct step_search *s, const struct symbol *anchor,
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

/* Between two steps a thread pauses longer than this. */
static uint64_t pause_least(const struct step_search *s)
{
	if (s->count < 2)
		return 1;
	memcpy(s->gaps, s->pauses + 1, (s->count - 1) * sizeof(*s->gaps));
	return PAUSE_FACTOR * value_of_rank(s->gaps, s->count - 1, (s->count - 1) / 2);
}

/* Are there enough such pauses for half the occurrences of a symbol that takes turns with the
 * anchor? It may come once less, and have no pause on one side. */
static bool may_pause(const struct step_search *s, const struct symbol *anchor, uint64_t least)
{
	size_t enough = (anchor->count - 1) / 2, long_ones = 0;

	for (size_t i = 1; i < s->count && long_ones < enough; i++)
		long_ones += s->pauses[i] && s->pauses[i] >= least;
	return long_ones >= enough;
}

/*
 * Behind the read-back of the result, if there is one; else where the thread pauses longest, as
 * it waits there for the step before or for work to do. Without copies, graphs and such a pause
 * the period may as well be that of the layers within a step.
 */
static void anchor_turn(const struct step_search *s, const struct symbol *chosen,
			struct step_anchor *anchor)
{
	bool is_told = chosen->has_copies || chosen->has_graphs;
	uint64_t longest = 0, behind = 0, least = is_told ? 0 : pause_least(s);
	uint32_t read_back = 0;
	bool has_read_back = false;

	if (!is_told && !may_pause(s, chosen, least))
		return;
	*anchor = (struct step_anchor){ .symbol = chosen->symbol };
	for (size_t i = 0; i < s->symbol_count; i++) {
		const struct symbol *symbol = &s->symbols[i];

		if (!takes_turns(s, chosen, symbol))
			continue;
		for (int after = 0; after < 2; after++) {
			uint64_t gap = median_gap(s, symbol, after);

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
	anchor->found = is_told || (longest > 0 && longest >= least);
}

/* --- the room ------------------------------------------------------------------------------ */

static void arrays_free(struct step_search *s)
{
	free(s->numbers);
	free(s->positions);
	free(s->symbols);
	free(s->alike);
	free(s->power);
	free(s->before);
	free(s->pauses);
	free(s->gaps);
	s->capacity = 0;
}

static bool arrays_make(struct step_search *s, size_t n)
{
	arrays_free(s);
	s->numbers = malloc(n * sizeof(*s->numbers));
	s->positions = malloc(n * sizeof(*s->positions));
	s->symbols = malloc(n * sizeof(*s->symbols));
	s->alike = malloc(n * sizeof(*s->alike));
	s->power = malloc(n * sizeof(*s->power));
	s->before = malloc(n * sizeof(*s->before));
	s->pauses = malloc(n * sizeof(*s->pauses));
	s->gaps = malloc(n * sizeof(*s->gaps));
	if (!s->numbers || !s->positions || !s->symbols || !s->alike || !s->power || !s->before ||
	    !s->pauses || !s->gaps)
		return false;
	s->capacity = n;
	s->power[0] = 1;
	for (size_t i = 1; i < n; i++)
		s->power[i] = s->power[i - 1] * PRIME;
	return true;
}

static struct step_search *search_open(void)
{
	struct step_search *s = calloc(1, sizeof(*s));

	if (s && map_make(&s->kinds) && map_make(&s->pairs))
		return s;
	step_search_free(s);
	return NULL;
}

void step_search_free(struct step_search *s)
{
	if (!s)
		return;
	arrays_free(s);
	map_free(&s->kinds);
	map_free(&s->pairs);
	free(s);
}

bool step_anchor_find(struct step_search **room, const struct step_token *tokens, size_t count,
		      struct step_anchor *anchor)
{
	struct step_search *s = *room ? *room : search_open();
	const struct symbol *chosen;

	*room = s;
	*anchor = (struct step_anchor){ 0 };
	if (!s || (s->capacity <= count && !arrays_make(s, count + 1)))
		return false;
	s->tokens = tokens;
	s->count = count;
	symbols_count(s);
	alike_make(s);
	prefixes_make(s);
	phrases_make(s);
	for (size_t i = 0; i < s->symbol_count; i++)
		if (s->symbols[i].count >= OCCURRENCES_MIN)
			symbol_weigh(s, &s->symbols[i]);
	chosen = symbol_choose(s);
	if (chosen) {
		pauses_make(s);
		anchor_turn(s, chosen, anchor);
	}
	return !s->kinds.no_memory && !s->pairs.no_memory;
}

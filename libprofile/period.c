/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the launch that steps begin with: see period.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/period.h"

#include <stdbool.h>
#include <string.h>

#define SYMBOLS 1024u			/* power of two; later ones are not looked at */
#define STEPS_LEAST 4u
#define GAP_MOST 3.0			/* of the mean: what comes now and then is no step's begin */
#define PAUSE_LEAST 4.0			/* times the mean: between layers there is none */
#define PAUSE_ALIKE 0.75

struct symbol {
	uint32_t symbol, count, first, last, gap;	/* places; gap: the longest between two */
	uint64_t pause;			/* before it, in all */
};
static struct symbol symbols[SYMBOLS];

static struct symbol *find(uint32_t symbol)
{
	uint32_t at = symbol * 2654435761u >> 16;

	for (uint32_t i = 0; i < SYMBOLS / 2; i++) {
		struct symbol *s = &symbols[(at + i) % SYMBOLS];

		if (s->symbol == symbol || !s->symbol)
			return s;
	}
	return NULL;
}

static void gather(const struct period_token *tokens, uint32_t count)
{
	memset(symbols, 0, sizeof(symbols));
	for (uint32_t i = 1; i < count; i++) {
		struct symbol *s = find(tokens[i].symbol);

		if (!s)
			continue;
		if (!s->count++) {
			s->symbol = tokens[i].symbol;
			s->first = i;
		} else if (i - s->last > s->gap) {
			s->gap = i - s->last;
		}
		s->last = i;
		s->pause += tokens[i].at - tokens[i - 1].at;
	}
}

/* It comes from begin to end, in about equal distances. */
static bool is_regular(const struct symbol *s, uint32_t count)
{
	double mean = s->count > 1 ? (double)(s->last - s->first) / (s->count - 1) : 0;

	return s->count >= STEPS_LEAST && s->gap <= GAP_MOST * mean &&
		s->first <= 1 + GAP_MOST * mean && count - s->last <= 1 + GAP_MOST * mean;
}

static double pause_of(const struct symbol *s)
{
	return (double)s->pause / s->count;
}

/* Of those with a long pause before them the one that comes most often: a prefill pauses, too. */
struct period period_find(const struct period_token *tokens, uint32_t count)
{
	struct period none = { 0, 0 };
	const struct symbol *best = NULL;
	double longest, mean;

	if (count < STEPS_LEAST)
		return none;
	gather(tokens, count);
	mean = (double)(tokens[count - 1].at - tokens[0].at) / (count - 1);
	longest = 0;
	for (uint32_t i = 0; i < SYMBOLS; i++)
		if (is_regular(&symbols[i], count) && pause_of(&symbols[i]) > longest)
			longest = pause_of(&symbols[i]);
	/* Where a step is one launch, all pauses are alike. */
	for (uint32_t i = 0; i < SYMBOLS; i++) {
		const struct symbol *s = &symbols[i];

		if (is_regular(s, count) && pause_of(s) >= PAUSE_ALIKE * longest &&
		    (!best || s->count > best->count))
			best = s;
	}
	if (!best || (pause_of(best) < PAUSE_LEAST * mean && best->count * PAUSE_LEAST < count))
		return none;
	return (struct period){ best->symbol, (double)(tokens[best->last].at -
						       tokens[best->first].at) / (best->count - 1) };
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of a thread's launches as a step: its kind, and when it was. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/steps_lanes.h"

#include <stdlib.h>

#define KINDS_MAX	4096

static uint64_t mix_in(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

struct piece step_piece_of(const struct detection *d, const struct step_token *tokens, size_t count)
{
	struct piece piece = { 0 };

	for (size_t i = 0; i < count; i++) {
		uint32_t symbol = tokens[i].symbol, id = SYMBOL_ID(symbol);
		uint64_t name;

		if (!symbol_is_launch(symbol))
			continue;
		piece.launches++;
		piece.key = mix_in(piece.key, symbol);
		if (SYMBOL_CLASS(symbol) == SYMBOL_GRAPH) {
			piece.graph = piece.graph ? piece.graph : id;
			piece.graphs++;
			name = (uint64_t)lookup_number(&d->graph_nodes, id, 0, 0);
		} else {
			name = family_name_hash(d->families, id);
		}
		piece.signature = mix_in(piece.signature, name);
	}
	return piece;
}

/* The number of its kind; beyond KINDS_MAX all are of the last. -1 without memory. */
static int kind_get(struct detection *d, const struct piece *piece)
{
	struct kind_of *kind;
	struct step_kind *row;

	HASH_FIND(hh, d->kinds, &piece->key, sizeof(piece->key), kind);
	if (kind)
		return (int)kind->index;
	if (d->to->kinds.count == KINDS_MAX)
		return KINDS_MAX - 1;
	kind = calloc(1, sizeof(*kind));
	row = LIST_ADD(&d->to->kinds);
	if (!kind || !row) {
		free(kind);
		return -1;
	}
	*row = (struct step_kind){ .signature = piece->signature, .launches = piece->launches,
				   .graph = piece->graph };
	row->mode = !piece->graphs ? STEP_EAGER
		: piece->launches - piece->graphs > 3 * piece->graphs + 8 ? STEP_MIXED : STEP_GRAPH;
	kind->key = piece->key;
	kind->index = d->to->kinds.count - 1;
	HASH_ADD(hh, d->kinds, key, sizeof(kind->key), kind);
	return (int)kind->index;
}

static void step_time(struct step *step, const struct step_token *token)
{
	if (token->end > step->host_end_ns)
		step->host_end_ns = token->end;
	if (!token->gpu_start)
		return;
	if (token->gpu_end > step->gpu_end_ns)
		step->gpu_end_ns = token->gpu_end;
	if (symbol_is_launch(token->symbol) && token->device &&
	    (!step->gpu_ns || token->gpu_start < step->gpu_ns)) {
		step->gpu_ns = token->gpu_start;
		step->device = step->device ? step->device : token->device;
	}
}

int step_piece_add(struct detection *d, struct lane *lane, size_t from, size_t to)
{
	struct piece piece = step_piece_of(d, lane->tokens + from, to - from);
	struct step *step = LIST_ADD(&d->to->steps);
	int kind = kind_get(d, &piece);

	if (!step || kind < 0)
		return run_fail(d->run, "out of memory");
	*step = (struct step){ .host_ns = lane->tokens[from].start, .thread = lane->id, .kind = kind,
			       .number = lane->numbered++, .launches = piece.launches };
	for (size_t i = from; i < to; i++)
		step_time(step, &lane->tokens[i]);
	d->to->kinds.rows[kind].steps++;
	lane->in_steps += piece.launches;
	return 0;
}

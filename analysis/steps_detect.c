/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pass 1: cuts the launches of each thread into steps. They are gathered in blocks; in a block the
 * symbol is sought that steps begin with, and what lies behind its last occurrence waits for the
 * next block. So memory is bounded by the blocks and the steps found.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/steps_lanes.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_TOKENS	32768		/* at first; twice as many while no period shows */
#define BLOCK_TOKENS_MAX (512 * 1024)
#define SEARCH_EVERY	16		/* blocks, once a symbol was found */
#define HEAD_PIECES	64		/* compared with what is before the first occurrence */
#define PHASE_STEPS	4		/* so many steps make a phase, */
#define PHASE_TOKENS	8		/* and so many launches and copies */

/* --- blocks -------------------------------------------------------------------------------- */

static bool has_launch(const struct lane *lane, size_t from, size_t to)
{
	while (from < to)
		if (symbol_is_launch(lane->tokens[from++].symbol))
			return true;
	return false;
}

/* Where the next step begins behind `from`; the count if there is no more. */
static size_t cut_next(const struct lane *lane, size_t from, size_t at)
{
	for (; at < lane->count; at++) {
		size_t cut = at + lane->anchor.after;

		if (lane->tokens[at].symbol == lane->anchor.symbol && cut > from &&
		    has_launch(lane, from, cut))
			return cut;
	}
	return lane->count + 1;
}

/* Launches in [0, to) from the end on, as many as one of the first steps: where they begin. */
static size_t head_like_others(struct detection *d, const struct lane *lane, size_t to)
{
	size_t from = to;

	for (int i = 0; i < HEAD_PIECES; i++) {
		size_t next = cut_next(lane, from, from), begin = to;
		struct piece piece, head;
		uint32_t launches = 0;

		if (next > lane->count)
			break;
		piece = step_piece_of(d, lane->tokens + from, next - from);
		while (begin > 0 && launches < piece.launches)
			launches += symbol_is_launch(lane->tokens[--begin].symbol);
		head = step_piece_of(d, lane->tokens + begin, to - begin);
		if (launches == piece.launches && head.key == piece.key) {
			/* Copies before the first launch are the step's as well. */
			while (begin > 0 && !symbol_is_launch(lane->tokens[begin - 1].symbol))
				begin--;
			return begin;
		}
		from = next;
	}
	return to;
}

/* Else from the last symbol on that the next step begins with and has once. */
static size_t head_begun_like_next(const struct lane *lane, size_t to)
{
	size_t next = cut_next(lane, to, to);

	if (to >= lane->count)
		return to;
	for (size_t i = to + 1; i < next && i < lane->count; i++)
		if (lane->tokens[i].symbol == lane->tokens[to].symbol)
			return to;
	for (size_t i = to; i-- > 0;)
		if (lane->tokens[i].symbol == lane->tokens[to].symbol)
			return has_launch(lane, i, to) ? i : to;
	return to;
}

/* Else a step about as long as others, behind the longest pause. */
static size_t head_behind_pause(struct detection *d, const struct lane *lane, size_t to)
{
	uint32_t longest = 0, launches = 0;
	uint64_t pause = 0;
	size_t from = to, begin = to;

	for (int i = 0; i < HEAD_PIECES; i++) {
		size_t next = cut_next(lane, from, from);
		struct piece piece;

		if (next > lane->count)
			break;
		piece = step_piece_of(d, lane->tokens + from, next - from);
		longest = piece.launches > longest ? piece.launches : longest;
		from = next;
	}
	for (size_t i = to; i-- > 0;) {
		const struct step_token *token = &lane->tokens[i];
		uint64_t gap = i && token->start > token[-1].end ? token->start - token[-1].end : 0;

		launches += symbol_is_launch(token->symbol);
		if (launches > longest + longest / 2)
			break;
		if (gap > pause || i == 0) {
			pause = gap;
			begin = i;
		}
	}
	return begin;
}

/* What is before the first occurrence may hold a step at its end. */
static int head_add(struct detection *d, struct lane *lane, size_t to)
{
	size_t from = head_like_others(d, lane, to);

	if (from == to)
		from = head_begun_like_next(lane, to);
	if (from == to)
		from = head_behind_pause(d, lane, to);
	return has_launch(lane, from, to) ? step_piece_add(d, lane, from, to) : 0;
}

static void tokens_drop(struct lane *lane, size_t count)
{
	lane->count -= count;
	memmove(lane->tokens, lane->tokens + count, lane->count * sizeof(*lane->tokens));
}

/* Steps up to the last occurrence; returns how many, -1 failed. */
static int block_cut(struct detection *d, struct lane *lane)
{
	size_t from = 0, next = cut_next(lane, 0, 0);
	int steps = 0;

	if (next > lane->count)
		return 0;
	if (!lane->begun && (head_add(d, lane, next) < 0))
		return -1;
	if (!lane->begun) {
		lane->begun = true;
		from = next;
		next = cut_next(lane, from, from);
		steps++;
	}
	for (; next <= lane->count; steps++, from = next, next = cut_next(lane, from, from))
		if (step_piece_add(d, lane, from, next) < 0)
			return -1;
	tokens_drop(lane, from);
	return steps;
}

static size_t occurrences(const struct lane *lane, uint32_t symbol)
{
	size_t count = 0;

	for (size_t i = 0; i < lane->count; i++)
		count += lane->tokens[i].symbol == symbol;
	return count;
}

/* Another symbol only if it comes at another rate: else the beginning of steps would move. */
static int block_search(struct detection *d, struct lane *lane)
{
	struct step_anchor found;
	size_t now, then;

	if (!step_anchor_find(&d->search, lane->tokens, lane->count, &found))
		return run_fail(d->run, "out of memory");
	if (!found.found)
		return 0;
	then = lane->anchor.found ? occurrences(lane, lane->anchor.symbol) : 0;
	now = occurrences(lane, found.symbol);
	if (!then || now > then + then / 8 + 1 || then > now + now / 8 + 1) {
		lane->anchor = found;
		lane->begun = false;
	}
	return 0;
}

static int block_take(struct detection *d, struct lane *lane)
{
	int steps = 0;

	if ((!lane->anchor.found || lane->blocks % SEARCH_EVERY == 0) && block_search(d, lane) < 0)
		return -1;
	lane->blocks++;
	if (lane->anchor.found) {
		steps = block_cut(d, lane);
		if (steps == 0)		/* the phase is over */
			lane->anchor.found = false;
	}
	if (steps == 0 && lane->limit < BLOCK_TOKENS_MAX)
		lane->limit *= 2;
	else if (steps == 0)		/* each search costs as much as the block is long */
		tokens_drop(lane, lane->count - lane->count / 4);
	return steps < 0 ? -1 : 0;
}

/* --- steps that the program marked --------------------------------------------------------- */

static int mark_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct detection *d = arg;
	struct mark *mark = LIST_ADD(&d->marks);

	if (!mark)
		return run_fail(run, "out of memory");
	mark->process = sqlite3_column_int64(stmt, 0);
	mark->start = row_u64(stmt, 1);
	mark->end = mark->start + row_u64(stmt, 2);
	return 0;
}

/* The ranges of torch.profiler's step(). */
static int marks_load(struct detection *d)
{
	return run_query(d->run, "SELECT t.process, max(r.start_ns, 0), r.dur_ns + min(r.start_ns, 0) "
			 "FROM range r JOIN thread t ON t.id = r.thread "
			 "WHERE (r.label IN (SELECT id FROM label WHERE text GLOB 'ProfilerStep#*') "
			 "OR r.name GLOB 'ProfilerStep#*') AND r.dur_ns IS NOT NULL ORDER BY 1, 2, 3",
			 mark_row, d);
}

/* They hold for all threads of the process: backward passes are launched by another one. */
static void marks_find(struct detection *d, struct lane *lane)
{
	int64_t process = lookup_number(&d->processes, lane->id, 0, 0);

	while (lane->mark < d->marks.count && d->marks.rows[lane->mark].process != process)
		lane->mark++;
	for (lane->mark_end = lane->mark; lane->mark_end < d->marks.count &&
	     d->marks.rows[lane->mark_end].process == process;)
		lane->mark_end++;
	lane->annotated = lane->mark < lane->mark_end;
}

/* What was launched up to `now` in a range that is over is a step. */
static int mark_pass(struct detection *d, struct lane *lane, uint64_t now)
{
	while (lane->mark < lane->mark_end && d->marks.rows[lane->mark].end <= now) {
		int result = has_launch(lane, 0, lane->count) ? step_piece_add(d, lane, 0, lane->count) : 0;

		lane->count = 0;
		if (result < 0)
			return -1;
		lane->mark++;
	}
	return 0;
}

static bool is_marked(const struct detection *d, const struct lane *lane, uint64_t now)
{
	return lane->mark < lane->mark_end && d->marks.rows[lane->mark].start <= now;
}

/* What is left lasts as long as several steps: it is no step that was not finished. */
static bool is_another_phase(const struct lane *lane, uint64_t begin, uint32_t steps)
{
	uint64_t phase, rest;

	if (steps < PHASE_STEPS || lane->count < PHASE_TOKENS)
		return false;
	phase = lane->tokens[0].start - begin;
	rest = lane->tokens[lane->count - 1].end - lane->tokens[0].start;
	return rest / PHASE_STEPS > phase / steps;
}

/* The thread may have gone on to other steps since the last block began: each phase has an anchor. */
static int phases_cut(struct detection *d, struct lane *lane)
{
	uint64_t begin;
	int steps;

	do {
		begin = lane->count ? lane->tokens[0].start : 0;
		if (!lane->anchor.found && block_search(d, lane) < 0)
			return -1;
		steps = lane->anchor.found ? block_cut(d, lane) : 0;
		if (steps > 0 && is_another_phase(lane, begin, (uint32_t)steps))
			lane->anchor.found = false;
	} while (steps > 0 && !lane->anchor.found);
	return steps < 0 ? -1 : 0;
}

/* The end: what is left is a step if it is like another. */
static int lane_end(struct detection *d, struct lane *lane)
{
	struct piece piece;
	struct kind_of *kind;

	if (lane->annotated)
		return mark_pass(d, lane, UINT64_MAX);
	/* Few launches are left: they tell less than the blocks before did. */
	if (phases_cut(d, lane) < 0)
		return -1;
	if (!lane->begun || !lane->count)
		return 0;
	piece = step_piece_of(d, lane->tokens, lane->count);
	HASH_FIND(hh, d->kinds, &piece.key, sizeof(piece.key), kind);
	return kind && piece.launches ? step_piece_add(d, lane, 0, lane->count) : 0;
}

/* --- calls --------------------------------------------------------------------------------- */

static RECENT_APART struct lane *lane_make(struct detection *d, int64_t id)
{
	struct lane *lane = RECENT_FIND(d->lanes, d->recent, id, id);

	if (lane)
		return lane;
	lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->id = id;
	lane->limit = BLOCK_TOKENS;
	marks_find(d, lane);
	HASH_ADD(hh, d->lanes, id, sizeof(lane->id), lane);
	return lane;
}

static struct step_token token_of(const struct detection *d, const struct idle_call *call,
				  const struct idle_work *work)
{
	struct step_token token = { .start = call->start, .end = call->end,
				    .gpu_start = work->gpu_start, .gpu_end = work->gpu_end };
	int64_t kernel, device = 0;
	int direction = call->kind & 0xff;

	if (work->shape > 0) {
		family_of_shape(d->families, work->shape, &kernel);
		token.symbol = SYMBOL((uint32_t)kernel, SYMBOL_KERNEL);
		device = lookup_number(&d->shape_devices, work->shape, 0, 0);
	} else if (work->graph > 0) {
		token.symbol = SYMBOL((uint32_t)work->graph, SYMBOL_GRAPH);
	} else {
		token.symbol = SYMBOL((uint32_t)call->stream, direction == 1 ? SYMBOL_TO_DEVICE
				      : direction == 2 ? SYMBOL_TO_HOST : SYMBOL_COPY);
	}
	token.device = (int)(device ? device : lookup_number(&d->stream_devices, call->stream, 0, 0));
	return token;
}

static int call_take(void *arg, const struct idle_call *call, const struct idle_work *work)
{
	struct detection *d = arg;
	struct lane *lane = RECENT_HIT(d->recent, id, call->thread);
	struct step_token token = token_of(d, call, work), *last;

	if (!lane)
		lane = lane_make(d, call->thread);
	if (!lane)
		return run_fail(d->run, "out of memory");
	lane->launches += symbol_is_launch(token.symbol);
	if (lane->annotated && mark_pass(d, lane, token.start) < 0)
		return -1;
	if (lane->annotated && !is_marked(d, lane, token.start))
		return 0;
	last = lane->count ? &lane->tokens[lane->count - 1] : NULL;
	/* Copies one after the other count once: how many there are depends on the requests. */
	if (last && last->symbol == token.symbol && !symbol_is_launch(token.symbol)) {
		last->end = token.end > last->end ? token.end : last->end;
		last->gpu_end = token.gpu_end > last->gpu_end ? token.gpu_end : last->gpu_end;
		return 0;
	}
	if (!lane->annotated && lane->count >= lane->limit && block_take(d, lane) < 0)
		return -1;
	if (lane->count == lane->capacity) {
		size_t capacity = lane->capacity ? 2 * lane->capacity : 1024;
		void *grown = realloc(lane->tokens, capacity * sizeof(*lane->tokens));

		if (!grown)
			return run_fail(d->run, "out of memory");
		lane->tokens = grown;
		lane->capacity = capacity;
	}
	lane->tokens[lane->count++] = token;
	return 0;
}

static int by_thread(const void *left, const void *right)
{
	const struct lane *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

static int lanes_end(struct detection *d)
{
	HASH_SORT(d->lanes, by_thread);
	for (struct lane *lane = d->lanes; lane; lane = lane->hh.next) {
		struct step_thread *thread;

		if (!lane->launches)
			continue;
		if (lane_end(d, lane) < 0)
			return -1;
		thread = LIST_ADD(&d->to->threads);
		if (!thread)
			return run_fail(d->run, "out of memory");
		*thread = (struct step_thread){ .thread = lane->id, .steps = lane->numbered,
						.launches = lane->launches,
						.in_steps = lane->in_steps,
						.annotated = lane->annotated };
	}
	return 0;
}

static void detection_free(struct detection *d)
{
	for (struct lane *lane = d->lanes; lane; lane = lane->hh.next)
		free(lane->tokens);
	ROWS_FREE(d->lanes);
	ROWS_FREE(d->kinds);
	lookup_free(&d->stream_devices);
	lookup_free(&d->shape_devices);
	lookup_free(&d->graph_nodes);
	lookup_free(&d->processes);
	free(d->marks.rows);
	step_search_free(d->search);
}

int steps_detect(struct run *run, const struct kernel_families *families, bool trust,
		 struct step_pieces *pieces)
{
	struct detection d = { .run = run, .families = families, .to = pieces };
	struct idle_sink sink = { .call = call_take, .arg = &d, .work_only = true,
				  .unused = EVENT_BIT(API) | EVENT_BIT(PATH) };
	int done = lookup_load(run, "SELECT id, device FROM stream ORDER BY id", &d.stream_devices);

	if (done == 0)
		done = lookup_load(run, "SELECT id, device FROM shape ORDER BY id", &d.shape_devices);
	if (done == 0)
		done = lookup_load(run, "SELECT id, nodes FROM graph ORDER BY id", &d.graph_nodes);
	if (done == 0)
		done = lookup_load(run, "SELECT id, process FROM thread ORDER BY id", &d.processes);
	if (done == 0)
		done = marks_load(&d);
	if (done == 0)
		done = idle_read(run, trust, &sink);
	if (done == 0)
		done = lanes_end(&d);
	detection_free(&d);
	return done;
}

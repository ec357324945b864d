/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges and marks of NVTX: begins and ends are paired, and what they say is interned on writing,
 * when definitions that came through other rings are there.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/range.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_MAX 4096			/* pushed on one thread and not popped */
#define STARTS_MAX 65536		/* started and not ended, or ended and not seen to start */

struct range_start {
	uint64_t id;
	struct range_begin begin;	/* thread 0: only the end was read so far */
	uint32_t end_thread;		/* 0: not ended */
	int64_t end;
	UT_hash_handle hh;
};

static void push_row(struct process *p, const struct range_begin *begin, int64_t end,
		     uint32_t end_thread)
{
	static const uint8_t kinds[] = {
		[WIRE_NVTX_PUSH] = RANGE_PUSH_POP, [WIRE_NVTX_START] = RANGE_START_END,
		[WIRE_NVTX_MARK] = RANGE_MARK,
	};
	const struct wire_range *range = &begin->record;
	struct collector *c = p->collector;
	uint64_t sequence;
	struct window_row *row = window_push(&c->windows[TABLE_RANGE], begin->start, &sequence);

	if (!row) {
		c->counters[COUNT_rows_lost]++;
		return;
	}
	row->process = p;
	row->end = end == NIL || end < begin->start ? begin->start : end;
	row->range = (struct range_key){ range->text, range->domain, range->category, range->color };
	row->column[2] = end == NIL ? NIL : row->end - begin->start;
	row->column[3] = begin->thread;
	row->column[4] = NIL;
	row->column[5] = kinds[range->head.api];
	row->column[7] = range->head.api == WIRE_NVTX_PUSH ? (int64_t)range->id : NIL;
	row->column[8] = end_thread && end_thread != begin->thread ? (int64_t)end_thread : NIL;
	row->column[9] = range->head.result ? range->head.result : NIL;
	row->column[10] = range->head.result ? (int64_t)range->payload : NIL;
}

static void unended(struct process *p, const struct range_begin *begin)
{
	p->counters[COUNT_range_unended]++;
	push_row(p, begin, NIL, 0);
}

/* --- pushed and popped: a stack for each thread, all domains on it ----------------------------- */

static void push(struct process *p, struct ring *ring, const struct range_begin *begin)
{
	/* What is open at this level or above was left without its end being recorded. */
	for (uint32_t i = ring->pushes.count; i-- > 0;) {
		const struct range_begin *open = &ring->pushes.open[i];

		if (open->record.domain == begin->record.domain &&
		    open->record.id >= begin->record.id) {
			unended(p, open);
			memmove(&ring->pushes.open[i], &ring->pushes.open[i + 1],
				(--ring->pushes.count - i) * sizeof(*ring->pushes.open));
		}
	}
	if (ring->pushes.count >= OPEN_MAX ||
	    !array_reserve(&ring->pushes.open, &ring->pushes.capacity, ring->pushes.count,
			   sizeof(*ring->pushes.open))) {
		p->counters[COUNT_range_refused]++;
		return;
	}
	ring->pushes.open[ring->pushes.count++] = *begin;
}

static void pop(struct process *p, struct ring *ring, const struct wire_range_end *record,
		int64_t end)
{
	for (uint32_t i = ring->pushes.count; i-- > 0;) {
		const struct range_begin *open = &ring->pushes.open[i];

		if (open->record.domain != record->domain || open->record.id != record->id)
			continue;
		push_row(p, open, end, 0);
		memmove(&ring->pushes.open[i], &ring->pushes.open[i + 1],
			(--ring->pushes.count - i) * sizeof(*ring->pushes.open));
		return;
	}
	p->counters[COUNT_range_unmatched]++;
}

/* --- started and ended: by id, on any thread; rings are read one after the other, so an end may be
 * read before its start ---------------------------------------------------------------------- */

static void start_done(struct process *p, struct range_start *s)
{
	HASH_DEL(p->ranges.starts, s);
	free(s);
}

static struct range_start *start_of(struct process *p, uint64_t id)
{
	struct range_start *s;

	HASH_FIND(hh, p->ranges.starts, &id, sizeof(id), s);
	if (s)
		return s;
	if (HASH_COUNT(p->ranges.starts) >= STARTS_MAX) {
		struct range_start *oldest = p->ranges.starts;	/* uthash keeps the order */

		if (oldest->begin.thread)
			unended(p, &oldest->begin);
		start_done(p, oldest);
		p->counters[COUNT_range_refused]++;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		p->counters[COUNT_range_refused]++;
		return NULL;
	}
	s->id = id;
	HASH_ADD(hh, p->ranges.starts, id, sizeof(s->id), s);
	return s;
}

static void match(struct process *p, struct range_start *s)
{
	if (!s->begin.thread || !s->end_thread)
		return;
	push_row(p, &s->begin, s->end, s->end_thread);
	start_done(p, s);
}

/* --- records ------------------------------------------------------------------------------- */

static int64_t time_of(struct process *p, uint64_t at)
{
	int64_t ns = host_time(p, at);

	if (times_plausible(p->collector, ns, ns))
		return ns;
	p->counters[COUNT_bad_times]++;
	return p->collector->now_ns;
}

void range_begin(struct process *p, struct ring *ring, const struct wire_range *record)
{
	struct range_begin begin = { .record = *record, .start = time_of(p, record->at) };
	struct range_start *s;

	begin.thread = ring_thread(p, ring, begin.start);
	switch (record->head.api) {
	case WIRE_NVTX_PUSH:
		push(p, ring, &begin);
		break;
	case WIRE_NVTX_START:
		s = start_of(p, record->id);
		if (s) {
			s->begin = begin;
			match(p, s);
		}
		break;
	case WIRE_NVTX_MARK:
		push_row(p, &begin, NIL, 0);
		break;
	}
}

void range_end(struct process *p, struct ring *ring, const struct wire_range_end *record)
{
	int64_t end = time_of(p, record->at);
	struct range_start *s;

	if (record->head.api == WIRE_NVTX_POP) {
		pop(p, ring, record, end);
	} else if (record->head.api == WIRE_NVTX_END) {
		s = start_of(p, record->id);
		if (s) {
			s->end = end;
			s->end_thread = ring_thread(p, ring, end);
			match(p, s);
		}
	}
}

void range_define_text(struct process *p, const struct wire_def_string *def)
{
	if (def->string <= WIRE_RANGE_TEXTS_MAX &&
	    array_reserve(&p->ranges.texts, &p->ranges.text_capacity, def->string,
			  sizeof(*p->ranges.texts)))
		p->ranges.texts[def->string] = entity_text(p->collector, def->text);
}

/* NULL: none. */
static const char *text_of(const struct process *p, uint32_t text)
{
	uint32_t id = text < p->ranges.text_capacity ? p->ranges.texts[text] : 0;

	return id ? p->collector->text_list[id]->bytes : NULL;
}

static const char *name_of(struct process *p, enum wire_name_of what, uint32_t domain,
			   uint32_t number)
{
	uint32_t key[3] = { what, domain, number };
	uint32_t index = intern_find(&p->ranges.names, key);

	return index == INTERN_NONE ? NULL : text_of(p, p->ranges.name_texts[index]);
}

const char *range_thread_name(struct process *p, uint32_t tid)
{
	return name_of(p, WIRE_NAME_THREAD, 0, tid);
}

void range_define_name(struct process *p, const struct wire_def_name *def)
{
	uint32_t key[3] = { def->head.api, def->domain, def->number };
	struct collector *c = p->collector;
	bool is_new;
	uint32_t index = intern_add(&p->ranges.names, key, &is_new);
	const char *text = text_of(p, def->text);

	if (index == INTERN_NONE || !text ||
	    !array_reserve(&p->ranges.name_texts, &p->ranges.name_capacity, index,
			   sizeof(*p->ranges.name_texts)))
		return;
	p->ranges.name_texts[index] = def->text;
	/* Things are named before they are used, mostly. */
	if (def->head.api == WIRE_NAME_CATEGORY && p->ranges.labels.count)
		database_run(c->db, "UPDATE label SET category_name=? WHERE process=?"
			     " AND domain IS ? AND category=?", "titi", text, (int64_t)p->id,
			     name_of(p, WIRE_NAME_DOMAIN, def->domain, 0), (int64_t)def->number);
	else if (def->head.api == WIRE_NAME_THREAD)
		database_run(c->db, "UPDATE thread SET name=? WHERE process=? AND tid=?", "tii", text,
			     (int64_t)p->id, (int64_t)def->number);
}

/* --- writing ------------------------------------------------------------------------------- */

uint32_t range_label(struct process *p, const struct range_key *key)
{
	struct collector *c = p->collector;
	bool is_new;
	uint32_t index = intern_add(&p->ranges.labels, key, &is_new);

	if (index == INTERN_NONE ||
	    !array_reserve(&p->ranges.label_ids, &p->ranges.label_capacity, index,
			   sizeof(*p->ranges.label_ids)))
		return 0;
	if (is_new) {
		p->ranges.label_ids[index] = ++c->label_count;
		database_run(c->db, "INSERT INTO label VALUES (?,?,?,?,?,?,?)", "iititit",
			     (int64_t)c->label_count, (int64_t)p->id,
			     name_of(p, WIRE_NAME_DOMAIN, key->domain, 0),
			     key->category ? (int64_t)key->category : NIL,
			     name_of(p, WIRE_NAME_CATEGORY, key->domain, key->category),
			     key->color ? (int64_t)key->color : NIL, text_of(p, key->text));
	}
	return p->ranges.label_ids[index];
}

/* --- the end ------------------------------------------------------------------------------- */

void range_init(struct ranges *ranges)
{
	ranges->labels = (struct intern){ .key_bytes = sizeof(struct range_key), .limit = 1u << 20 };
	ranges->names = (struct intern){ .key_bytes = 12, .limit = 4096 };
}

void range_thread_ended(struct process *p, struct ring *ring)
{
	for (uint32_t i = 0; i < ring->pushes.count; i++)
		unended(p, &ring->pushes.open[i]);
	free(ring->pushes.open);
	ring->pushes = (struct range_stack){ 0 };
}

void range_process_ended(struct process *p)
{
	struct range_start *s, *next;

	for (uint32_t i = 0; i < WIRE_RINGS_MAX; i++)
		range_thread_ended(p, &p->rings[i]);
	HASH_ITER(hh, p->ranges.starts, s, next) {
		if (s->begin.thread)
			unended(p, &s->begin);
		else
			p->counters[COUNT_range_unmatched]++;
		start_done(p, s);
	}
}

void range_free(struct process *p)
{
	struct range_start *s, *next;

	for (uint32_t i = 0; i < WIRE_RINGS_MAX; i++)
		free(p->rings[i].pushes.open);
	HASH_ITER(hh, p->ranges.starts, s, next)
		start_done(p, s);
	intern_free(&p->ranges.labels);
	intern_free(&p->ranges.names);
	free(p->ranges.label_ids);
	free(p->ranges.name_texts);
	free(p->ranges.texts);
}

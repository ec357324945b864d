/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of a scope as sets of ids of one file, so that events are judged by numbers. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/scope.h"

#include "analysis/families.h"
#include "analysis/internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IDS_MOST	((int64_t)1 << 28)	/* larger ones are damage */

/* --- texts --------------------------------------------------------------------------------- */

static bool has_capitals(const char *text)
{
	for (; *text; text++)
		if (isupper((unsigned char)*text))
			return true;
	return false;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* Column 1 is to be equal, the others may hold the value as a part. */
static bool term_matches(const struct scope_term *term, sqlite3_stmt *row)
{
	int columns = sqlite3_column_count(row);

	for (int i = 1; i < columns; i++) {
		const char *text = (const char *)sqlite3_column_text(row, i);

		if (!text)
			continue;
		if (i == 1 ? strcasecmp(text, term->text) == 0 :
		    term->exact ? strcmp(text, term->text) == 0 :
		    /* stream:7 is not the one that is called "stage 70" */
		    is_number(term->text) && sqlite3_column_type(row, 1) == SQLITE_INTEGER ? false :
		    has_capitals(term->text) ? strstr(text, term->text) != NULL :
		    strcasestr(text, term->text) != NULL)
			return true;
	}
	return false;
}

/* --- sets ---------------------------------------------------------------------------------- */

struct filling {
	struct run *run;
	const struct scope *scope;
	enum scope_kind kind;
	struct scope_set *set;
};

static int set_put(struct run *run, struct scope_set *set, int64_t id, uint8_t value)
{
	if (id <= 0 || id >= IDS_MOST)
		return 0;
	if ((size_t)id >= set->count) {
		size_t count = set->count ? set->count : 64;
		uint8_t *grown;

		while (count <= (size_t)id)
			count *= 2;
		grown = realloc(set->passes, count);
		if (!grown)
			return run_fail(run, "out of memory");
		memset(grown + set->count, set->takes_unknown, count - set->count);
		set->passes = grown;
		set->count = count;
	}
	set->passes[id] = value;
	return 0;
}

/* Of terms with and without '!': some of these, none of those. */
static bool all_hold(const struct filling *f, sqlite3_stmt *row)
{
	bool wanted = f->set->takes_unknown;

	for (size_t i = 0; i < f->scope->count; i++) {
		const struct scope_term *term = &f->scope->rows[i];

		if (term->kind != f->kind || !term_matches(term, row))
			continue;
		if (term->negated)
			return false;
		wanted = true;
	}
	return wanted;
}

static int entity_row(struct run *run, sqlite3_stmt *row, void *arg)
{
	struct filling *f = arg;

	return set_put(run, f->set, sqlite3_column_int64(row, 0), all_hold(f, row));
}

/* Two bits of a frame or path: some term that is wanted, some that is not, holds on it. */
#define WANTED		1
#define UNWANTED	2

static int frame_row(struct run *run, sqlite3_stmt *row, void *arg)
{
	struct filling *f = arg;
	uint8_t bits = 0;

	for (size_t i = 0; i < f->scope->count; i++) {
		const struct scope_term *term = &f->scope->rows[i];

		if (term->kind == SCOPE_PATH && term_matches(term, row))
			bits |= term->negated ? UNWANTED : WANTED;
	}
	return set_put(run, f->set, sqlite3_column_int64(row, 0), bits);
}

struct inheriting {
	const struct scope_set *frames;
	struct scope_set *paths;
};

/* Callers come before what they call. */
static int path_row(struct run *run, sqlite3_stmt *row, void *arg)
{
	struct inheriting *to = arg;
	int64_t parent = sqlite3_column_int64(row, 1), frame = sqlite3_column_int64(row, 2);
	uint8_t bits = 0;

	if (parent > 0 && (size_t)parent < to->paths->count)
		bits |= to->paths->passes[parent];
	if (frame > 0 && (size_t)frame < to->frames->count)
		bits |= to->frames->passes[frame];
	return set_put(run, to->paths, sqlite3_column_int64(row, 0), bits);
}

static int paths_load(struct run *run, const struct scope *scope, struct scope_set *set)
{
	struct scope_set frames = { 0 };
	struct filling filling = { run, scope, SCOPE_PATH, &frames };
	struct inheriting inheriting = { &frames, set };
	bool takes_unknown = set->takes_unknown;
	int result = run_query(run, scope_kinds[SCOPE_PATH].sql, frame_row, &filling);

	set->takes_unknown = false;	/* for now: these are bits */
	if (result == 0)
		result = run_query(run, "SELECT id, parent, frame FROM path ORDER BY id", path_row,
				   &inheriting);
	set->takes_unknown = takes_unknown;
	for (size_t i = 0; i < set->count; i++)
		set->passes[i] = !(set->passes[i] & UNWANTED) &&
				 (takes_unknown || set->passes[i] & WANTED);
	free(frames.passes);
	return result;
}

static void family_of_name(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct families *families = sqlite3_user_data(context);
	const char *name = (const char *)sqlite3_value_text(values[0]);
	struct family_of of = families_match(families, name ? name : "");

	(void)count;
	sqlite3_result_text(context, families_name(families, of.family), -1, SQLITE_TRANSIENT);
}

static int families_offer(struct run *run)
{
	const struct families *families = run_families(run);

	if (!families)
		return -1;
	if (sqlite3_create_function(run->db, "gputrail_family", 1, SQLITE_UTF8,
				    (void *)(uintptr_t)families, family_of_name, NULL, NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	return 0;
}

int scope_sets_load(struct run *run, const struct scope *scope, unsigned int bits,
		    struct scope_sets *sets)
{
	int result = 0;

	*sets = (struct scope_sets){ 0 };
	for (int kind = 0; result == 0 && kind < SCOPE_KINDS; kind++) {
		struct scope_set *set = &sets->of[kind];
		struct filling filling = { run, scope, (enum scope_kind)kind, set };

		set->takes_unknown = true;
		for (size_t i = 0; i < scope->count; i++)
			if (scope->rows[i].kind == (enum scope_kind)kind) {
				set->is_used = bits >> kind & 1;
				set->takes_unknown &= scope->rows[i].negated;
			}
		if (!set->is_used)
			continue;
		if (kind == SCOPE_KERNEL)
			result = families_offer(run);
		if (result == 0 && kind == SCOPE_PATH)
			result = paths_load(run, scope, set);
		else if (result == 0 && scope_kinds[kind].sql)
			result = run_query(run, scope_kinds[kind].sql, entity_row, &filling);
	}
	for (size_t i = 0; result == 0 && i < scope->count; i++)
		if (scope->rows[i].kind == SCOPE_TIME && scope_add(&sets->time, scope->rows[i]) < 0)
			result = run_fail(run, "out of memory");
	if (result < 0)
		scope_sets_free(sets);
	return result;
}

void scope_sets_free(struct scope_sets *sets)
{
	for (int kind = 0; kind < SCOPE_KINDS; kind++)
		free(sets->of[kind].passes);
	scope_free(&sets->time);
	*sets = (struct scope_sets){ 0 };
}

bool scope_sets_pass(const struct scope_sets *sets, enum scope_kind kind, int64_t id)
{
	const struct scope_set *set = &sets->of[kind];

	if (!set->is_used)
		return true;
	return id > 0 && (size_t)id < set->count ? set->passes[id] : set->takes_unknown;
}

bool scope_sets_pass_time(const struct scope_sets *sets, uint64_t start_ns)
{
	bool wanted = sets->of[SCOPE_TIME].takes_unknown;

	if (!sets->of[SCOPE_TIME].is_used)
		return true;
	for (size_t i = 0; i < sets->time.count; i++) {
		const struct scope_term *term = &sets->time.rows[i];

		if (start_ns < term->from_ns || start_ns >= term->to_ns)
			continue;
		if (term->negated)
			return false;
		wanted = true;
	}
	return wanted;
}

void scope_sets_span(const struct scope_sets *sets, uint64_t *from_ns, uint64_t *to_ns)
{
	*from_ns = 0;
	*to_ns = UINT64_MAX;
	if (!sets->of[SCOPE_TIME].is_used || sets->of[SCOPE_TIME].takes_unknown)
		return;
	*from_ns = UINT64_MAX;
	*to_ns = 0;
	for (size_t i = 0; i < sets->time.count; i++) {
		const struct scope_term *term = &sets->time.rows[i];

		if (term->negated)
			continue;
		*from_ns = term->from_ns < *from_ns ? term->from_ns : *from_ns;
		*to_ns = term->to_ns > *to_ns ? term->to_ns : *to_ns;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Phases of steps by the names of the NVTX ranges that they lie in, where no kernel tells them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/steps_internal.h"

#include <stdlib.h>

enum { IN_PREFILL = 1, IN_DECODE = 2 };

struct naming {
	const struct step_result *steps;
	uint8_t *inside;		/* of each step */
};

static uint64_t middle(const struct step *step)
{
	return step->host_ns + (step->host_end_ns - step->host_ns) / 2;
}

/* The first step of the thread whose middle is not before `at_ns`. */
static size_t first_from(const struct step_result *r, int64_t thread, uint64_t at_ns)
{
	size_t low = 0, high = r->step_count;

	while (low < high) {
		size_t i = low + (high - low) / 2;
		const struct step *step = &r->steps[i];

		if (step->thread < thread || (step->thread == thread && middle(step) < at_ns))
			low = i + 1;
		else
			high = i;
	}
	return low;
}

static int range_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct naming *n = arg;
	const struct step_result *r = n->steps;
	int64_t thread = sqlite3_column_int64(stmt, 0);
	uint64_t start = row_u64(stmt, 1), end = start + row_u64(stmt, 2);
	uint8_t in = (uint8_t)((sqlite3_column_int(stmt, 3) ? IN_PREFILL : 0) |
			       (sqlite3_column_int(stmt, 4) ? IN_DECODE : 0));

	(void)run;
	for (size_t i = first_from(r, thread, start);
	     i < r->step_count && r->steps[i].thread == thread && middle(&r->steps[i]) < end; i++)
		n->inside[i] |= in;
	return 0;
}

/* A kind has the phase that most of its steps lie in. */
static void take_phases(struct step_result *r, const uint8_t *inside, uint64_t (*counts)[2])
{
	for (size_t i = 0; i < r->step_count; i++) {
		counts[r->steps[i].kind][0] += (inside[i] & IN_PREFILL) != 0;
		counts[r->steps[i].kind][1] += (inside[i] & IN_DECODE) != 0;
	}
	for (size_t i = 0; i < r->kind_count; i++) {
		struct step_kind *kind = &r->kinds[i];
		bool prefill = counts[i][0] * 2 > kind->steps, decode = counts[i][1] * 2 > kind->steps;

		if (kind->phase == STEP_OTHER)
			kind->phase = prefill && decode ? STEP_PREFILL_DECODE
				: prefill ? STEP_PREFILL : decode ? STEP_DECODE : STEP_OTHER;
	}
}

int steps_name_phases(struct run *run, struct step_result *r)
{
	static const char sql[] =
		"SELECT r.thread, max(r.start_ns, 0), r.dur_ns + min(r.start_ns, 0), l.prefill, l.decode "
		"FROM range r JOIN (SELECT id, text LIKE '%prefill%' AS prefill,"
		" text LIKE '%decode%' AS decode FROM label) l ON l.id = r.label AND (l.prefill OR l.decode) "
		"WHERE r.dur_ns IS NOT NULL";
	struct naming naming = { .steps = r, .inside = calloc(r->step_count + 1, 1) };
	uint64_t (*counts)[2] = calloc(r->kind_count + 1, sizeof(*counts));
	int result = -1;

	if (!naming.inside || !counts)
		run_fail(run, "out of memory");
	else
		result = run_query(run, sql, range_row, &naming);
	if (result == 0)
		take_phases(r, naming.inside, counts);
	free(naming.inside);
	free(counts);
	return result;
}

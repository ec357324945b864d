/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of table activity: see activity.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/activity.h"
#include "collector/pm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The samples of a row to be. */
struct series {
	uint32_t device;
	uint32_t rows;			/* in the file */
	uint32_t per_row, held;		/* samples that make a row; of this one so far */
	int64_t start_ns, end_ns, covered_ns;
	double weighted[SAMPLER_METRICS], weight_ns[SAMPLER_METRICS];
	int64_t memory_used_bytes, memory_reserved_bytes;
};

struct activity {
	struct sampler *sampler;
	int64_t period_ns;
	bool runs;
	struct series *series;
	size_t series_count;
};

struct activity *activity_new(const char *library, int64_t period_ns)
{
	struct activity *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->runs = true;
	a->period_ns = period_ns;
	a->sampler = sampler_new(library, period_ns);
	if (a->sampler)
		return a;
	free(a);
	return NULL;
}

void activity_device(struct activity *a, uint32_t device, const char *uuid, pid_t recorded)
{
	sampler_device(a->sampler, device, uuid, recorded);
}

void activity_run(struct activity *a, bool runs)
{
	if (a->runs != runs)
		sampler_pause(a->sampler, !runs);
	a->runs = runs;
}

static struct series *series_of(struct activity *a, uint32_t device)
{
	struct series *grown;

	for (size_t i = 0; i < a->series_count; i++)
		if (a->series[i].device == device)
			return &a->series[i];
	grown = realloc(a->series, (a->series_count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	a->series = grown;
	grown[a->series_count] = (struct series){ .device = device, .per_row = 1 };
	return &grown[a->series_count++];
}

/* Each two neighbours of the device become one: sums of time, means by time, the most memory. */
static void rows_halve(struct database *db, uint32_t device)
{
	database_run(db, "CREATE TEMP TABLE IF NOT EXISTS thinned AS SELECT * FROM activity LIMIT 0", "");
	database_run(db,
		     "INSERT INTO thinned SELECT device, min(start_ns), sum(dur_ns), sum(samples),"
#define METRIC(column, id, factor, most)						\
		     " CAST(round(total(1.0 * " #column " * dur_ns) /"				\
		     "  sum(CASE WHEN " #column " IS NULL THEN 0 ELSE dur_ns END)) AS INTEGER),"
#include "collector/activity.def"
		     " max(memory_used_bytes), max(memory_reserved_bytes) FROM"
		     " (SELECT *, (row_number() OVER (ORDER BY start_ns) - 1) / 2 AS pair"
		     "  FROM activity WHERE device = ?) GROUP BY pair", "i", (int64_t)device);
	database_run(db, "DELETE FROM activity WHERE device = ?", "i", (int64_t)device);
	database_run(db, "INSERT INTO activity SELECT * FROM thinned", "");
	database_run(db, "DELETE FROM thinned", "");
}

static int64_t whole(const struct series *s, enum sampler_metric metric)
{
	return s->weight_ns[metric] > 0 ? llround(s->weighted[metric] / s->weight_ns[metric]) : NIL;
}

static void row_write(struct series *s, struct database *db, bool is_fine)
{
	if (!s->held)
		return;
	database_run(db, "INSERT OR REPLACE INTO activity VALUES (?,?,?,?,"
#define METRIC(column, id, factor, most) "?,"
#include "collector/activity.def"
		     "?,?)", "iiii"
#define METRIC(column, id, factor, most) "i"
#include "collector/activity.def"
		     "ii", (int64_t)s->device, s->start_ns, s->covered_ns, (int64_t)s->held,
#define METRIC(column, id, factor, most) whole(s, SAMPLER_##column),
#include "collector/activity.def"
		     s->memory_used_bytes < 0 ? NIL : s->memory_used_bytes,
		     s->memory_reserved_bytes < 0 ? NIL : s->memory_reserved_bytes);
	s->rows++;
	if (is_fine && s->rows >= ACTIVITY_ROWS_FINE) {
		s->rows = ACTIVITY_ROWS_FINE / 2;
		s->per_row *= 2;
	} else if (!is_fine && s->rows >= ACTIVITY_ROWS_MAX) {
		rows_halve(db, s->device);
		s->rows = (s->rows + 1) / 2;
		s->per_row *= 2;
	}
	*s = (struct series){ .device = s->device, .rows = s->rows, .per_row = s->per_row };
}

void activity_add(struct activity *a, struct database *db, int64_t origin_ns,
		  const struct sampler_sample *sample)
{
	struct series *s = series_of(a, sample->device);
	int64_t dur_ns = sample->end_ns - sample->start_ns;
	bool is_fine = a->period_ns <= PM_PERIOD_MAX_NS;

	if (!s || dur_ns <= 0)
		return;
	/* A row tells of one stretch: a pause ends it. */
	if (s->held && sample->start_ns - origin_ns > s->end_ns + dur_ns)
		row_write(s, db, is_fine);
	if (!s->held) {
		s->start_ns = sample->start_ns - origin_ns;
		s->memory_used_bytes = s->memory_reserved_bytes = -1;
	}
	s->end_ns = sample->end_ns - origin_ns;
	s->covered_ns += dur_ns;
	for (int i = 0; i < SAMPLER_METRICS; i++)
		if (sample->metrics[i] >= 0) {
			s->weighted[i] += sample->metrics[i] * (double)dur_ns;
			s->weight_ns[i] += (double)dur_ns;
		}
	if (sample->memory_used_bytes > s->memory_used_bytes)
		s->memory_used_bytes = sample->memory_used_bytes;
	if (sample->memory_reserved_bytes > s->memory_reserved_bytes)
		s->memory_reserved_bytes = sample->memory_reserved_bytes;
	if (++s->held >= s->per_row)
		row_write(s, db, is_fine);
}

static void sources_write(struct activity *a, struct database *db)
{
	struct sampler_source source;

	for (size_t i = 0; sampler_source(a->sampler, i, &source); i++) {
		int64_t samples = (int64_t)source.samples;

		database_run(db, "INSERT OR REPLACE INTO activity_source VALUES (?,?,?,?,?,?,?,?)",
			     "itiiiiti", (int64_t)source.device, source.name, a->period_ns,
			     samples ? (int64_t)source.covered_ns / samples : NIL, samples,
			     samples ? (int64_t)source.asked_ns / samples : NIL, source.note,
			     (int64_t)source.overflows);
	}
}

void activity_write(struct activity *a, struct database *db, int64_t origin_ns, bool last)
{
	struct sampler_sample sample;
	bool answers = !last || sampler_stop(a->sampler);

	while (sampler_take(a->sampler, &sample))
		activity_add(a, db, origin_ns, &sample);
	for (size_t i = 0; last && i < a->series_count; i++)
		row_write(&a->series[i], db, a->period_ns <= PM_PERIOD_MAX_NS);
	sources_write(a, db);
	if (!answers)
		database_run(db, "UPDATE activity_source SET note = ltrim(note || '; ', '; ') ||"
			     " 'NVML did not answer at the end'", "");
}

void activity_complaint(struct activity *a, char *text, size_t bytes)
{
	struct sampler_source source;

	text[0] = '\0';
	for (size_t i = 0; !text[0] && sampler_source(a->sampler, i, &source); i++)
		if (source.note[0])
			snprintf(text, bytes, "%s", source.note);
}

uint64_t activity_dropped(struct activity *a)
{
	return sampler_dropped(a->sampler);
}

void activity_free(struct activity *a)
{
	if (!a)
		return;
	sampler_stop(a->sampler);
	sampler_free(a->sampler);
	free(a->series);
	free(a);
}

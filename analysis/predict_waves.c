/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Right-sizing from natural variation: a kernel that ran with several grids shows what a wave of
 * blocks takes, and so what its part-filled last waves cost. See predict.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/predict.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/internal.h"

#define SHAPES_MIN	3		/* that differ in waves, for a line with an error */
#define TAIL_MIN	0.1		/* of the last wave, that is empty */

struct shape_time {
	int shape;
	double waves, mean, count;
};

struct fitting {
	struct run *run;
	struct predict_wave_list *list;
	struct { struct shape_time *rows; size_t count; } shapes;
	int kernel;
};

/* A line through the times of a kernel's shapes by their whole waves, each weighing the same;
 * *error is half of the interval that holds 95 % of the times around it. */
static bool line_fit(const struct fitting *f, double *slope, double *error)
{
	double n = (double)f->shapes.count, x = 0, y = 0, xx = 0, xy = 0, squares = 0, base, determinant;

	for (size_t i = 0; i < f->shapes.count; i++) {
		double waves = ceil(f->shapes.rows[i].waves);

		x += waves;
		y += f->shapes.rows[i].mean;
		xx += waves * waves;
		xy += waves * f->shapes.rows[i].mean;
	}
	determinant = n * xx - x * x;
	if (f->shapes.count < SHAPES_MIN || determinant < 0.5)
		return false;
	*slope = (n * xy - x * y) / determinant;
	base = (y - *slope * x) / n;
	for (size_t i = 0; i < f->shapes.count; i++) {
		double off = f->shapes.rows[i].mean - base - *slope * ceil(f->shapes.rows[i].waves);

		squares += off * off;
	}
	*error = 1.96 * sqrt(squares / (n - 2));
	return *slope > 0;
}

static int wave_add(struct fitting *f, const struct shape_time *s, double slope, double error)
{
	struct predict_wave *wave = LIST_ADD(f->list);

	if (!wave)
		return run_fail(f->run, "out of memory");
	*wave = (struct predict_wave){
		.kernel = f->kernel, .shape = s->shape, .shapes = (int)f->shapes.count,
		.waves = s->waves, .count = (uint64_t)s->count, .now_ns = s->mean,
		.whole_ns = fmax(s->mean - slope * (ceil(s->waves) - s->waves), 0),
	};
	wave->low_ns = fmax(wave->whole_ns - error, 0);
	wave->high_ns = fmin(wave->whole_ns + error, s->mean);
	return 0;
}

static int kernel_end(struct fitting *f)
{
	double slope, error;
	int result = 0;

	if (line_fit(f, &slope, &error)) {
		for (size_t i = 0; result == 0 && i < f->shapes.count; i++) {
			const struct shape_time *s = &f->shapes.rows[i];

			if (ceil(s->waves) - s->waves >= TAIL_MIN)
				result = wave_add(f, s, slope, error);
		}
	}
	free(f->shapes.rows);
	f->shapes.rows = NULL;
	f->shapes.count = 0;
	return result;
}

static int shape_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct fitting *f = arg;
	int kernel = row_int(stmt, 0, 0);
	struct shape_time *shape;

	if (kernel != f->kernel && kernel_end(f) < 0)
		return -1;
	f->kernel = kernel;
	shape = LIST_ADD(&f->shapes);
	if (!shape)
		return run_fail(run, "out of memory");
	*shape = (struct shape_time){ row_int(stmt, 1, 0), sqlite3_column_double(stmt, 2),
				      sqlite3_column_double(stmt, 3), sqlite3_column_double(stmt, 4) };
	return 0;
}

static double gain_of(const struct predict_wave *wave)
{
	return (wave->now_ns - wave->whole_ns) * (double)wave->count;
}

static int by_gain(const void *left, const void *right)
{
	const struct predict_wave *a = left, *b = right;
	double x = gain_of(a), y = gain_of(b);

	return x != y ? (x < y) - (x > y) : a->shape - b->shape;
}

int run_predict_waves(struct run *run, struct predict_wave_list *list)
{
	struct fitting f = { .run = run, .list = list };
	int result;

	*list = (struct predict_wave_list){ 0 };
	result = run_query(run, "SELECT s.kernel, s.id, s.waves_x1000 / 1000.0,"
			   " sum(m.total_ns) * 1.0 / sum(m.count), sum(m.count) "
			   "FROM sum_kernel m JOIN shape s ON s.id = m.shape "
			   "WHERE s.waves_x1000 > 0 AND m.count > 0 GROUP BY s.id ORDER BY s.kernel, s.id",
			   shape_row, &f);
	if (result == 0)
		result = kernel_end(&f);
	free(f.shapes.rows);
	if (result < 0)
		predict_wave_list_free(list);
	else if (list->count)
		qsort(list->rows, list->count, sizeof(*list->rows), by_gain);
	return result;
}

void predict_wave_list_free(struct predict_wave_list *list)
{
	free(list->rows);
	*list = (struct predict_wave_list){ 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Totals of sampled work and the bounds of their errors: see estimate.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/estimate.h"

#include "collector/intern.h"

#include <math.h>
#include <stdlib.h>

#define GROUPS 16
#define SECOND_NS 1000000000ll		/* the period of the windows, GOVERNOR_PERIOD_NS */

struct units {				/* of a stratum, or of a graph's launches */
	uint64_t all, taken;
	uint32_t group[GROUPS];		/* of those taken */
};

struct stratum {
	double sum_ns, group_ns[GROUPS], excess_ns;
	struct units units;		/* unused inside of graphs: those of the graph count */
};

struct stratum_key {
	struct estimate_key what;
	uint32_t graph;			/* 0: outside */
};

struct total {
	uint64_t missing;
	double estimate_ns, error_ns;
	bool is_bounded;
};

struct estimate {
	struct intern keys, graph_keys, total_keys;
	struct stratum *strata;
	struct units *graphs;
	struct total *totals;
	uint32_t capacity, graph_capacity, total_capacity;
	bool is_changed;
};

struct estimate *estimate_new(void)
{
	struct estimate *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->keys = (struct intern){ .key_bytes = sizeof(struct stratum_key), .limit = 1u << 20 };
	e->graph_keys = (struct intern){ .key_bytes = sizeof(uint32_t), .limit = 1u << 20 };
	e->total_keys = (struct intern){ .key_bytes = sizeof(struct estimate_key), .limit = 1u << 20 };
	return e;
}

void estimate_free(struct estimate *e)
{
	if (!e)
		return;
	intern_free(&e->keys);
	intern_free(&e->graph_keys);
	intern_free(&e->total_keys);
	free(e->strata);
	free(e->graphs);
	free(e->totals);
	free(e);
}

/* Seconds next to each other go to different groups, and none to the same as that of a second with
 * a fixed distance: programs have periods. */
uint32_t estimate_group(int64_t monotonic_ns)
{
	return (uint32_t)((uint64_t)(monotonic_ns / SECOND_NS) * 0x9e3779b97f4a7c15ull >> 60);
}

uint32_t estimate_group_of_one(uint32_t correlation)
{
	return correlation * 0x9e3779b9u >> 28;
}

static void *place(struct intern *keys, const void *key, void *rows, uint32_t *capacity,
		   size_t row_bytes)
{
	bool is_new;
	uint32_t index = intern_add(keys, key, &is_new);

	if (index == INTERN_NONE || !array_reserve(rows, capacity, index, row_bytes))
		return NULL;
	return *(char **)rows + index * row_bytes;
}

static struct stratum *stratum_of(struct estimate *e, const struct estimate_key *what,
				  uint32_t graph)
{
	struct stratum_key key = { *what, graph };

	e->is_changed = true;
	return place(&e->keys, &key, &e->strata, &e->capacity, sizeof(*e->strata));
}

static void take(struct stratum *s, const struct estimate_time *time)
{
	s->sum_ns += (double)time->gpu_ns;
	s->group_ns[time->group] += (double)time->gpu_ns;
	s->excess_ns += time->excess_ns;
}

static void take_unit(struct stratum *s, const struct estimate_time *time)
{
	s->units.taken++;
	s->units.group[time->group]++;
	take(s, time);
}

void estimate_unit(struct estimate *e, const struct estimate_key *key, struct estimate_time time)
{
	struct stratum *s = stratum_of(e, key, 0);

	if (!s)
		return;
	s->units.all++;
	if (time.gpu_ns != NIL)
		take_unit(s, &time);
}

void estimate_late(struct estimate *e, const struct estimate_key *key, struct estimate_time time)
{
	struct stratum *s = stratum_of(e, key, 0);

	if (s && time.gpu_ns != NIL)
		take_unit(s, &time);
}

void estimate_graph(struct estimate *e, uint32_t graph, uint32_t group, bool is_taken)
{
	struct units *units = place(&e->graph_keys, &graph, &e->graphs, &e->graph_capacity,
				    sizeof(*e->graphs));

	if (!units)
		return;
	e->is_changed = true;
	units->all++;
	units->taken += is_taken;
	units->group[group] += is_taken;
}

void estimate_inside(struct estimate *e, const struct estimate_key *key, uint32_t graph,
		     struct estimate_time time)
{
	struct stratum *s = stratum_of(e, key, graph);

	if (s)
		take(s, &time);
}

/* 97.5 % quantiles of Student's t for 1 to 15 degrees of freedom. */
static double quantile(int freedom)
{
	static const double t[GROUPS] = { 0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
					  2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131 };

	return t[freedom];
}

static void total_add(struct total *total, const struct stratum *s, const struct units *units)
{
	double missing = (double)(units->all - units->taken), taken = (double)units->taken;
	double ratio = taken > 0 ? s->sum_ns / taken : 0, squares = 0;
	int groups = 0;

	total->missing += units->all - units->taken;
	total->estimate_ns += missing * ratio;
	for (int g = 0; g < GROUPS; g++) {
		double residual = s->group_ns[g] - ratio * units->group[g];

		squares += residual * residual;
		groups += units->group[g] > 0;
	}
	total->is_bounded &= groups > 0;
	if (taken > 0)
		total->error_ns += (double)units->all * s->excess_ns / taken;
	if (groups == 1)
		total->error_ns += missing * ratio;
	if (groups < 2)
		return;
	total->error_ns += quantile(groups - 1) * missing *
		sqrt(groups / (groups - 1.0) * squares / (taken * taken) * (1 + taken / missing));
}

static void totals_make(struct estimate *e)
{
	intern_free(&e->total_keys);
	for (uint32_t i = 0; i < e->keys.count; i++) {
		const struct stratum_key *key = intern_key(&e->keys, i);
		const struct units *units = &e->strata[i].units;
		uint32_t known = e->total_keys.count;
		struct total *total;

		if (key->graph)
			units = place(&e->graph_keys, &key->graph, &e->graphs, &e->graph_capacity,
				      sizeof(*e->graphs));
		if (!units || units->taken >= units->all)
			continue;
		total = place(&e->total_keys, &key->what, &e->totals, &e->total_capacity,
			      sizeof(*e->totals));
		if (!total)
			return;
		if (e->total_keys.count > known)
			*total = (struct total){ .is_bounded = true };
		total_add(total, &e->strata[i], units);
	}
}

void estimate_write(struct estimate *e, struct database *db)
{
	if (!e->is_changed)
		return;
	e->is_changed = false;
	totals_make(e);
	database_run(db, "DELETE FROM sum_sample", "");
	for (uint32_t i = 0; i < e->total_keys.count; i++) {
		const struct estimate_key *key = intern_key(&e->total_keys, i);
		const struct total *t = &e->totals[i];

		database_run(db, "INSERT INTO sum_sample VALUES (?,?,?,?,?,?,?)", "iiiiiii",
			     (int64_t)key->process, (int64_t)key->device, (int64_t)key->shape,
			     (int64_t)key->kind, (int64_t)t->missing,
			     (int64_t)(t->estimate_ns + 0.5),
			     t->is_bounded ? (int64_t)(t->error_ns + 0.5) : NIL);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Totals of work whose GPU times were taken for a part of the time only: what was measured, scaled
 * up for the rest, with a 95 % bound of the error.
 *
 * A stratum is a thing that happens alike: launches of one shape, copies of one kind, one kernel
 * inside of one graph. Of each, S time was measured in n of N units (launches, or launches of the
 * graph). The estimate for the others is (N - n) R with R = S/n. Units of one second of the run are
 * alike, so seconds, not units, are what was sampled at random: they are put into 16 groups by
 * a hash, and with the groups' sums S_g, n_g
 *
 *	var(R) = G/(G-1) sum_g (S_g - R n_g)^2 / n^2		(random groups, ratio estimator)
 *	error = t(0.975; G-1) (N - n) sqrt(var(R) (1 + n/(N - n)))
 *
 * where G counts groups with n_g > 0 and the last factor is for what the rest itself varies by
 * (Wolter, Introduction to Variance Estimation, chapter 2; Cochran, Sampling Techniques, 6).
 * Launches that CUDA events timed were chosen at random one by one: a hash of their number puts them
 * into groups. Such times are too long, by e_i at most each, which is added for all N: N sum(e_i)/n.
 * A stratum that was seen in one group only may be wrong by all of its estimate; of one that was not
 * measured at all nothing is known, and the total it is part of has no bound.
 * Errors of strata are added up, not their squares: nothing says that they are independent.
 */
#ifndef GPUTRAIL_COLLECTOR_ESTIMATE_H
#define GPUTRAIL_COLLECTOR_ESTIMATE_H

#include "collector/database.h"

struct estimate;

struct estimate *estimate_new(void);
void estimate_free(struct estimate *estimate);

/* What is summed up: shape 0: copies of a kind. Ids of the file. */
struct estimate_key {
	uint32_t process, device, shape, kind;
};

/* Which group the work of this moment belongs to; ns of CLOCK_MONOTONIC. The other: this launch. */
uint32_t estimate_group(int64_t monotonic_ns);
uint32_t estimate_group_of_one(uint32_t correlation);

struct estimate_time {
	int64_t gpu_ns;			/* NIL: was not taken */
	uint32_t group;			/* estimate_group() */
	uint32_t excess_ns;		/* it may be too long by so much */
};

/* A launch or copy. */
void estimate_unit(struct estimate *estimate, const struct estimate_key *key,
		   struct estimate_time time);
/* Its time came after all. */
void estimate_late(struct estimate *estimate, const struct estimate_key *key,
		   struct estimate_time time);
/* A launch of a graph, with or without the times of what is inside. */
void estimate_graph(struct estimate *estimate, uint32_t graph, uint32_t group, bool is_taken);
/* Work inside of a launch of the graph; the group is that of its launch. */
void estimate_inside(struct estimate *estimate, const struct estimate_key *key, uint32_t graph,
		     struct estimate_time time);

/* Rewrites table sum_sample: only what has something to estimate. */
void estimate_write(struct estimate *estimate, struct database *db);

#endif

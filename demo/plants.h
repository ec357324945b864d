/* SPDX-License-Identifier: Apache-2.0 */
/* Which bottlenecks this run plants, how often, and the record of each that was planted. */
#ifndef GPUTRAIL_DEMO_PLANTS_H
#define GPUTRAIL_DEMO_PLANTS_H

#include <stdbool.h>
#include <stdint.h>

/* gcc clones functions for their arguments and calls them gemm.isra.0; paths should say gemm. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-ipa-sra", "no-ipa-cp", "no-partial-inlining")
#endif

enum plant {
#define PLANT(id, name, numbers, rate, help) PLANT_##id,
#include "demo/plants.def"
#undef PLANT
	PLANT_COUNT
};

/* A set of plants, one bit each. */
typedef uint64_t plant_set;
_Static_assert(PLANT_COUNT <= 64, "plant_set holds one bit per plant");
#define PLANT_BIT(id) ((plant_set)1 << PLANT_##id)

/* Reads "cause[:rate],..."; opens the records. Returns 0, or -1 after saying what is wrong. */
int plants_open(const char *causes);
void plants_close(void);

/* Plants of this run, whatever their rate. */
plant_set plants_chosen(void);
/* Plants that are due at an occasion; depends on its number only. Each has occasions of its own. */
plant_set plants_due(uint64_t occasion);

uint64_t clock_now_ns(void);	/* CLOCK_MONOTONIC */
/* Puts on record that the calling thread planted this from begin_ns until now. */
void plant_record(enum plant plant, uint64_t begin_ns, const char *detail);
/* The same of a step; one thread only. */
void step_record(long step, uint64_t begin_ns, const char *detail);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The launch that steps begin with, in made-up launches of which it is known. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "libprofile/period.h"

#define LAYERS 24u
#define PER_LAYER 5u

struct scene {
	struct period_token tokens[PERIOD_TOKENS];
	uint32_t count, now;
	uint32_t steps, random;
};

enum { INPUT = 100, EMBED, SAMPLE, PREFILL, LAYER };

static void token(struct scene *s, uint32_t symbol, uint32_t pause)
{
	s->now += pause;
	if (s->count < PERIOD_TOKENS)
		s->tokens[s->count++] = (struct period_token){ symbol, s->now };
}

static uint32_t random_below(struct scene *s, uint32_t end)
{
	s->random = s->random * 1664525 + 1013904223;
	return (s->random >> 16) % end;
}

/* 10 us between launches, 300 or so between steps. */
static void step(struct scene *s, uint32_t symbol, uint32_t layers)
{
	s->steps++;
	token(s, symbol, 250 + random_below(s, 100));
	token(s, EMBED, 10);
	for (uint32_t layer = 0; layer < layers; layer++)
		for (uint32_t i = 0; i < PER_LAYER; i++)
			token(s, LAYER + i, 8 + random_below(s, 5));
	token(s, SAMPLE, 10);
}

static void test_decode(void **state)
{
	struct scene s = { .now = 0xffff0000u };	/* the clock goes round on the way */
	struct period p;

	(void)state;
	while (s.steps < 40)
		step(&s, INPUT, LAYERS);
	p = period_find(s.tokens, s.count);
	assert_int_equal(p.symbol, INPUT);
	assert_true(p.length > 1300 && p.length < 1700);
	/* From any place on, be it in the middle of a step. */
	p = period_find(s.tokens + 61, s.count - 100);
	assert_int_equal(p.symbol, INPUT);
}

/* Now and then another kind of step, longer, which begins with the same. */
static void test_decode_and_prefill(void **state)
{
	struct scene s = { .count = 0 };

	(void)state;
	for (int i = 0; i < 60; i++) {
		step(&s, INPUT, random_below(&s, 5) ? LAYERS : 2 * LAYERS);
		if (random_below(&s, 3) == 0)
			token(&s, PREFILL, 10);
	}
	assert_int_equal(period_find(s.tokens, s.count).symbol, INPUT);
}

/* Graph launches: a step is one launch, with copies before and behind it. */
static void test_graphs(void **state)
{
	struct scene s = { .count = 0 };

	(void)state;
	for (int i = 0; i < 30; i++)
		step(&s, INPUT, 0);
	assert_int_equal(period_find(s.tokens, s.count).symbol, INPUT);
}

static void test_no_steps(void **state)
{
	struct scene s = { .count = 0 };

	(void)state;
	assert_int_equal(period_find(s.tokens, 0).symbol, 0);
	assert_int_equal(period_find(s.tokens, 3).symbol, 0);
	/* Layers without end. */
	for (uint32_t i = 0; i < 4000; i++)
		token(&s, LAYER + i % PER_LAYER, 8 + random_below(&s, 5));
	assert_int_equal(period_find(s.tokens, s.count).symbol, 0);
	/* Nothing comes again. */
	for (s.count = 0; s.count < PERIOD_TOKENS;)
		token(&s, 1000 + s.count, 10 + 200 * (s.count % 50 == 0));
	assert_int_equal(period_find(s.tokens, s.count).symbol, 0);
	/* Steps, that ended long ago. */
	for (s.count = 0, s.steps = 0; s.steps < 10;)
		step(&s, INPUT, LAYERS);
	for (uint32_t i = 0; i < 4000; i++)
		token(&s, LAYER + i % PER_LAYER, 8 + random_below(&s, 5));
	assert_int_equal(period_find(s.tokens, s.count).symbol, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decode_and_prefill),
		cmocka_unit_test(test_graphs),
		cmocka_unit_test(test_no_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

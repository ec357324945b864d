/* SPDX-License-Identifier: Apache-2.0 */
/* Where the period of made-up launches begins: layers, mixed steps, and what has no period. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/steps_internal.h"

#define TOKENS_MAX	20000
enum { EMBED = 1, NORM, GEMM, ATTENTION, HEAD, TOP_K, SAMPLE };

static struct step_search *room;
static struct step_token tokens[TOKENS_MAX];
static size_t count, steps, begins[TOKENS_MAX];
static uint64_t now, state;

static unsigned int any(unsigned int below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(state >> 33) % below;
}

static void put(uint32_t symbol, uint64_t pause_ns)
{
	assert_true(count < TOKENS_MAX);
	now += pause_ns;
	tokens[count++] = (struct step_token){ .symbol = symbol, .start = now, .end = now + 4000 };
	now += 4000;
}

static void layers(int how_many)
{
	for (int i = 0; i < how_many; i++)
		for (uint32_t k = NORM; k <= ATTENTION; k++)
			put(SYMBOL(k, SYMBOL_KERNEL), 1000 + any(500));
}

static void eager(int how_many)
{
	put(SYMBOL(EMBED, SYMBOL_KERNEL), 2000);
	layers(how_many);
	put(SYMBOL(HEAD, SYMBOL_KERNEL), 1000);
}

static void sample(void)
{
	put(SYMBOL(TOP_K, SYMBOL_KERNEL), 1000);
	put(SYMBOL(SAMPLE, SYMBOL_KERNEL), 1000);
	put(SYMBOL(9, SYMBOL_TO_HOST), 1000);
}

static int begin(void **unused)
{
	(void)unused;
	count = steps = 0;
	now = 1000000;
	state = 7;
	return 0;
}

static void step(void (*forward)(void), uint64_t pause_ns)
{
	begins[steps++] = count;
	put(SYMBOL(8, SYMBOL_TO_DEVICE), pause_ns);
	forward();
	sample();
}

static void forward_eager(void)
{
	eager(16);
}

/* Mostly a graph of some batch, now and then a prompt. */
static void forward_any(void)
{
	if (any(8) == 0)
		eager(16);
	else
		put(SYMBOL(any(6), SYMBOL_GRAPH), 1000);
}

/* The anchor cuts where the steps begin. */
static void assert_cuts(void)
{
	struct step_anchor anchor;
	size_t right = 0, cuts = 0, next = 0;

	assert_true(step_anchor_find(&room, tokens, count, &anchor));
	assert_true(anchor.found);
	for (size_t i = 0; i < count; i++) {
		size_t at = i + anchor.after;

		if (tokens[i].symbol != anchor.symbol)
			continue;
		cuts++;
		while (next < steps && begins[next] < at)
			next++;
		right += (next < steps && begins[next] == at) || at == count;
	}
	assert_int_equal(right, cuts);
	assert_in_range(cuts, steps - 1, steps + 1);
}

static void test_eager(void **unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++)
		step(forward_eager, 3000);
	assert_cuts();
}

static void test_mixed(void **unused)
{
	(void)unused;
	for (int i = 0; i < 300; i++)
		step(forward_any, any(100000));
	assert_cuts();
}

static void forward_with_read_backs(void)
{
	put(SYMBOL(EMBED, SYMBOL_KERNEL), 2000);
	for (int i = 0; i < 12; i++) {
		layers(1);
		put(SYMBOL(7, SYMBOL_TO_HOST), 1000);
		put(SYMBOL(7, SYMBOL_TO_DEVICE), 5000);
	}
	put(SYMBOL(HEAD, SYMBOL_KERNEL), 1000);
}

/* Copies in each layer: layers are no steps all the same. */
static void test_copies_in_layers(void **unused)
{
	(void)unused;
	for (int i = 0; i < 60; i++)
		step(forward_with_read_backs, 6000);
	assert_cuts();
}

/* Three steps are enough; the layers repeat much more often. */
static void test_few(void **unused)
{
	(void)unused;
	for (int i = 0; i < 4; i++)
		step(forward_eager, 3000);
	assert_cuts();
}

/* No copies: the longest pause tells where. */
static void test_pause(void **unused)
{
	(void)unused;
	for (int i = 0; i < 30; i++) {
		begins[steps++] = count;
		now += 50000;
		eager(8);
		put(SYMBOL(TOP_K, SYMBOL_KERNEL), 1000);
	}
	assert_cuts();
}

static void test_layers_alone(void **unused)
{
	struct step_anchor anchor;

	(void)unused;
	put(SYMBOL(EMBED, SYMBOL_KERNEL), 1000);
	layers(32);
	put(SYMBOL(HEAD, SYMBOL_KERNEL), 1000);
	assert_true(step_anchor_find(&room, tokens, count, &anchor));
	assert_false(anchor.found);
}

static void test_noise(void **unused)
{
	struct step_anchor anchor;

	(void)unused;
	for (int i = 0; i < 3000; i++)
		put(any(5) ? SYMBOL(any(50), SYMBOL_KERNEL) : SYMBOL(9, SYMBOL_TO_HOST), any(10000));
	assert_true(step_anchor_find(&room, tokens, count, &anchor));
	assert_false(anchor.found);
	assert_true(step_anchor_find(&room, tokens, 0, &anchor));
	assert_false(anchor.found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_eager, begin), cmocka_unit_test_setup(test_mixed, begin),
		cmocka_unit_test_setup(test_few, begin),
		cmocka_unit_test_setup(test_copies_in_layers, begin),
		cmocka_unit_test_setup(test_pause, begin),
		cmocka_unit_test_setup(test_layers_alone, begin),
		cmocka_unit_test_setup(test_noise, begin),
	};

	int result;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	result = cmocka_run_group_tests(tests, NULL, NULL);
	step_search_free(room);
	return result;
}

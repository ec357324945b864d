/* SPDX-License-Identifier: Apache-2.0 */
/* Duty cycle of GPU detail: see governor.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/governor.h"

#define PPM 1000000.0
#define DUTY_FIRST_PPM 200000u		/* of auto, until its cost is known */
#define DUTY_MIN_PPM 10000u		/* shorter windows would mostly switch */
#define DUTY_ALWAYS_PPM 950000u		/* from here on pauses are not worth it */
#define SMOOTHING 0.5
#define DEBT_PERIODS 8.0		/* what was overspent is saved over this many periods */

static uint64_t next_random(struct governor *g)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return g->random;
}

/* About as long, as often longer as shorter; 0 is no window. */
static uint64_t whole_steps(struct governor *g, uint64_t length)
{
	uint64_t steps;

	if (!g->step_ns || g->duty_ppm >= PPM)
		return length;
	steps = (length + next_random(g) % g->step_ns) / g->step_ns;
	return steps * g->step_ns < GOVERNOR_PERIOD_NS ? steps * g->step_ns : GOVERNOR_PERIOD_NS;
}

/* A random place, lest the windows keep step with what the program does. The first one is at the
 * begin, where programs are warming up and detail is missed most. */
static void place_window(struct governor *g, bool is_first)
{
	uint64_t length = whole_steps(g, (uint64_t)((double)GOVERNOR_PERIOD_NS * g->duty_ppm / PPM));
	uint64_t room = GOVERNOR_PERIOD_NS - length;

	g->window_ns = g->period_ns + (is_first || !room ? 0 : next_random(g) % room);
	g->window_end_ns = g->window_ns + length;
}

void governor_start(struct governor *g, uint32_t budget_ppm, uint64_t now_ns, uint64_t cost_ns,
		    uint64_t seed)
{
	*g = (struct governor){
		.budget_ppm = budget_ppm, .random = seed | 1,
		.period_ns = now_ns, .period_cost_ns = cost_ns,
		.told_ns = now_ns, .told_cost_ns = cost_ns,
		.on_rate = -1, .off_rate = -1,
		.duty_ppm = budget_ppm ? DUTY_FIRST_PPM : GOVERNOR_SAMPLED_PPM,
	};
	place_window(g, true);
}

static void smooth(double *rate, uint64_t cost_ns, uint64_t time_ns)
{
	double now = time_ns ? (double)cost_ns / (double)time_ns : 0;

	if (time_ns)
		*rate = *rate < 0 ? now : *rate + SMOOTHING * (now - *rate);
}

/* The share of the time with detail at which cost and budget meet. */
static uint32_t duty_of(const struct governor *g)
{
	double allowed = g->budget_ppm / PPM -
		g->debt_ns / (DEBT_PERIODS * (double)GOVERNOR_PERIOD_NS);
	double most = 2 * g->budget_ppm / PPM, off = g->off_rate < 0 ? 0 : g->off_rate, duty;

	if (g->on_rate < 0)
		return g->duty_ppm;
	allowed = allowed < 0 ? 0 : allowed > most ? most : allowed;
	if (g->on_rate <= allowed || g->on_rate <= off)
		return g->on_rate <= allowed ? (uint32_t)PPM : DUTY_MIN_PPM;
	duty = (allowed - off) / (g->on_rate - off) * PPM;
	if (duty < DUTY_MIN_PPM)
		return DUTY_MIN_PPM;
	return duty > DUTY_ALWAYS_PPM ? (uint32_t)PPM : (uint32_t)duty;
}

static void next_period(struct governor *g, uint64_t now_ns, uint64_t cost_ns)
{
	smooth(&g->on_rate, g->on_cost_ns, g->on_ns);
	smooth(&g->off_rate, g->off_cost_ns, g->off_ns);
	if (g->budget_ppm) {
		g->debt_ns += (double)(cost_ns - g->period_cost_ns) -
			(double)(now_ns - g->period_ns) * g->budget_ppm / PPM;
		/* Neither saved for ever nor a punishment for ever. */
		if (g->debt_ns < -(double)GOVERNOR_PERIOD_NS * g->budget_ppm / PPM)
			g->debt_ns = -(double)GOVERNOR_PERIOD_NS * g->budget_ppm / PPM;
		g->duty_ppm = duty_of(g);
	}
	g->on_ns = g->on_cost_ns = g->off_ns = g->off_cost_ns = 0;
	g->period_cost_ns = cost_ns;
	/* Late by periods, as in a process that was stopped: those are gone. */
	g->period_ns += (now_ns - g->period_ns) / GOVERNOR_PERIOD_NS * GOVERNOR_PERIOD_NS;
	place_window(g, false);
}

bool governor_step(struct governor *g, uint64_t now_ns, uint64_t cost_ns, bool is_on,
		   uint64_t *next_ns)
{
	*(is_on ? &g->on_ns : &g->off_ns) += now_ns - g->told_ns;
	*(is_on ? &g->on_cost_ns : &g->off_cost_ns) += cost_ns - g->told_cost_ns;
	g->told_ns = now_ns;
	g->told_cost_ns = cost_ns;
	if (now_ns >= g->period_ns + GOVERNOR_PERIOD_NS)
		next_period(g, now_ns, cost_ns);
	is_on = now_ns >= g->window_ns && now_ns < g->window_end_ns;
	*next_ns = now_ns < g->window_ns ? g->window_ns :
		is_on ? g->window_end_ns : g->period_ns + GOVERNOR_PERIOD_NS;
	return is_on;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tells recorded processes what to take, and writes down what they take: see control.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/control.h"

#include "collector/activity.h"
#include "collector/core.h"

#include <linux/futex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECONDS_MAX 1e9

/* --- options ------------------------------------------------------------------------------- */

static bool parse_detail(struct control_options *options, const char *text)
{
	options->detail = wire_detail_asked(text);
	return options->detail != WIRE_DETAIL_UNTOLD;
}

static bool parse_number(const char *text, const char *unit, double max, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && (!*end || !strcmp(end, unit)) && isfinite(*value) && *value >= 0 &&
	       *value <= max;
}

static bool parse_overhead(struct control_options *options, const char *text)
{
	double percent;

	if (!parse_number(text, "%", 100, &percent) || percent <= 0)
		return false;
	options->budget_ppm = (uint32_t)(percent * 1e4);
	return options->budget_ppm > 0;
}

static bool parse_delay(struct control_options *options, const char *text)
{
	double seconds;
	bool good = parse_number(text, "s", SECONDS_MAX, &seconds);

	options->delay_ns = good ? (int64_t)(seconds * 1e9) : 0;
	return good;
}

static bool parse_duration(struct control_options *options, const char *text)
{
	double seconds;
	bool good = parse_number(text, "s", SECONDS_MAX, &seconds) && seconds > 0;

	options->duration_ns = good ? (int64_t)(seconds * 1e9) : 0;
	return good;
}

static bool parse_range(struct control_options *options, const char *text)
{
	options->capture_range = !strcasecmp(text, "cudaProfilerApi");
	return options->capture_range || !strcmp(text, "none");
}

static bool parse_activity(struct control_options *options, const char *text)
{
	double rate;

	options->activity_period_ns = 0;
	if (!strcmp(text, "on"))
		options->activity_period_ns = SAMPLER_GPM_PERIOD_NS;
	else if (strcmp(text, "off") && (!parse_number(text, "Hz", ACTIVITY_RATE_MAX, &rate) || rate <= 0 ||
					 1e9 / rate > SAMPLER_PERIOD_MAX_NS))
		return false;
	else if (strcmp(text, "off"))
		options->activity_period_ns = (int64_t)(1e9 / rate);
	return true;
}

const struct control_row control_rows[] = {
	{ "detail", "GPUTRAIL_DETAIL", "full, auto, sampled, graph or host", parse_detail },
	{ "max-overhead", "GPUTRAIL_MAX_OVERHEAD", "a share of the time above 0, as 2%", parse_overhead },
	{ "delay", "GPUTRAIL_DELAY", "a number of seconds", parse_delay },
	{ "duration", "GPUTRAIL_DURATION", "a number of seconds above 0", parse_duration },
	{ "capture-range", "GPUTRAIL_CAPTURE_RANGE", "cudaProfilerApi or none", parse_range },
	{ "sm-activity", "GPUTRAIL_SM_ACTIVITY", "a rate up to 10000 Hz, on or off", parse_activity },
	{ NULL, NULL, NULL, NULL },
};

const char *control_set(struct control_options *options, const char *name, const char *text)
{
	for (const struct control_row *row = control_rows; row->name; row++)
		if (!strcmp(row->name, name))
			return row->parse(options, text) ? NULL : row->takes;
	return "no such option";
}

void control_from_environment(struct control_options *options)
{
	for (const struct control_row *row = control_rows; row->name; row++) {
		const char *text = getenv(row->variable);
		struct control_options parsed = *options;

		if (text && *text && row->parse(&parsed, text))
			*options = parsed;
	}
}

const char *control_conflict(const struct control_options *options)
{
	if (options->capture_range && (options->delay_ns || options->duration_ns))
		return "--capture-range excludes --delay and --duration: what begins the range?";
	if (options->budget_ppm && options->detail != WIRE_DETAIL_AUTO)
		return "--max-overhead is the budget of --detail=auto";
	return NULL;
}

void control_meta(struct collector *c)
{
	const struct control_options *options = &c->options.control;

	database_meta_text(c->db, "detail", wire_detail_name(options->detail));
	if (options->detail == WIRE_DETAIL_AUTO)
		database_meta_int(c->db, "max_overhead_ppm",
				  options->budget_ppm ? options->budget_ppm : CONTROL_BUDGET_PPM);
	if (options->activity_period_ns)
		database_meta_int(c->db, "sm_activity_period_ns", options->activity_period_ns);
	if (options->delay_ns)
		database_meta_int(c->db, "delay_ns", options->delay_ns);
	if (options->duration_ns)
		database_meta_int(c->db, "duration_ns", options->duration_ns);
	if (options->capture_range)
		database_meta_text(c->db, "capture_range", "cudaProfilerApi");
}

/* --- requests ------------------------------------------------------------------------------ */

static void request_sent(struct wire_request *request)
{
	__atomic_fetch_add(&request->sequence, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &request->sequence, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static bool is_time(const struct collector *c, int64_t now_ns)
{
	const struct control_options *options = &c->options.control;

	return !options->capture_range && now_ns >= options->delay_ns &&
	       (!options->duration_ns || now_ns < options->delay_ns + options->duration_ns);
}

void control_accept(struct process *p)
{
	const struct control_options *options = &p->collector->options.control;
	struct wire_request *request = &p->control->request;

	request->detail = options->detail;
	p->is_sampled = options->detail == WIRE_DETAIL_SAMPLED || options->detail == WIRE_DETAIL_AUTO;
	request->budget_ppm = options->budget_ppm ? options->budget_ppm : CONTROL_BUDGET_PPM;
	request->capture_range = options->capture_range;
	request->is_stopped = !is_time(p->collector, clock_now(&p->collector->clock));
}

/* Only when the time comes or has passed: in between `gputrail ctl` has its way. */
void control_step(struct collector *c, int64_t now_ns)
{
	bool runs = is_time(c, now_ns);

	if (c->options.control.capture_range || runs == c->control_runs)
		return;
	c->control_runs = runs;
	for (uint32_t i = 0; i < c->process_count; i++) {
		struct process *p = c->processes[i];

		if (p->closed)
			continue;
		__atomic_store_n(&p->control->request.is_stopped, !runs, __ATOMIC_RELAXED);
		request_sent(&p->control->request);
	}
}

/* --- what is taken, and marks -------------------------------------------------------------- */

void control_end(struct process *p, int64_t at_ns)
{
	if (p->detail_row)
		database_run(p->collector->db, "UPDATE detail SET end_ns=? WHERE id=?", "ii", at_ns,
			     (int64_t)p->detail_row);
	p->detail_row = 0;
}

void control_level(struct process *p, const struct wire_level *level)
{
	struct collector *c = p->collector;
	int64_t at_ns = host_time(p, level->at);

	if (!times_plausible(c, at_ns, at_ns))
		at_ns = c->now_ns;
	p->is_sampled |= level->cause == WIRE_CAUSE_SAMPLE || level->cause == WIRE_CAUSE_LENT ||
			 level->detail == WIRE_DETAIL_EVENTS;
	/* The first one comes from a thread that starts after the process did. */
	if (level->cause == WIRE_CAUSE_START)
		at_ns = p->start_ns;
	control_end(p, at_ns);
	p->detail_row = ++c->detail_count;
	database_run(c->db, "INSERT INTO detail VALUES (?,?,?,NULL,?,?)", "iiitt",
		     (int64_t)p->detail_row, (int64_t)p->id, at_ns, wire_detail_name(level->detail),
		     wire_cause_name(level->cause));
}

void control_marks(struct process *p)
{
	struct collector *c = p->collector;

	for (uint32_t i = 0; i < WIRE_MARKS; i++) {
		struct wire_mark *shared = &p->control->marks[i], mark;
		int64_t at_ns;

		if (__atomic_load_n(&shared->state, __ATOMIC_ACQUIRE) != WIRE_MARK_READY)
			continue;
		memcpy(&mark, shared, sizeof(mark));
		mark.text[sizeof(mark.text) - 1] = '\0';
		__atomic_store_n(&shared->state, WIRE_MARK_FREE, __ATOMIC_RELEASE);
		at_ns = clock_from_monotonic(&c->clock, mark.monotonic_ns);
		if (!times_plausible(c, at_ns, at_ns))
			at_ns = clock_now(&c->clock);
		database_run(c->db, "INSERT INTO mark VALUES (NULL,?,?,?)", "iit", at_ns,
			     (int64_t)p->id, mark.text);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* PM sampling of a device on the sampler's thread: starts the process that does it, takes its samples. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/sampler_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define LIBRARIES_WAIT_NS 2000000000ll	/* for the recorded process to have loaded CUPTI */
#define ANSWER_WAIT_NS 10000000000ll	/* CUPTI makes a configuration in a second or so */
#define END_WAIT_NS 1500000000ll

/* Not to be tried any more: unless there are samples already, what NVML has comes in its place. */
static void over(struct sampler *s, struct device *d, const char *why)
{
	char note[sizeof(d->pm_note) + 16];

	pm_process_stop(&d->pm);
	d->pm_is_over = true;
	snprintf(d->pm_note, sizeof(d->pm_note), "%s", why);
	if (!d->source.samples)
		return;
	snprintf(note, sizeof(note), "%s%s", why[0] ? "ended early, " : "", why);
	sampler_source_set(s, d, "pm_sampling", note);
	d->is_open = true;
	d->handle = NULL;
}

static void start(struct sampler *s, struct device *d)
{
	struct pm_libraries libraries;
	char why[128];

	if (!d->pm_since_ns)
		d->pm_since_ns = monotonic_ns();
	if (!pm_libraries_find(&libraries, d->recorded) &&
	    monotonic_ns() < d->pm_since_ns + LIBRARIES_WAIT_NS)
		return;			/* not yet */
	if (!libraries.cuda[0])
		strcpy(libraries.cuda, "libcuda.so.1");
	d->pm_since_ns = monotonic_ns();
	if (pm_process_start(&d->pm, &libraries, d->uuid, s->period_ns))
		return;
	snprintf(why, sizeof(why), "its process cannot be started: %s", strerror(errno));
	over(s, d, why);
}

/* NVML has what PM sampling does not, memory and clocks, for the last sample of each round. */
static void begun(struct sampler *s, struct device *d)
{
	d->pm_has_begun = true;
	if (!s->nvml.library || sampler_handle_find(s, d) != NVML_SUCCESS)
		d->handle = NULL;
	sampler_source_set(s, d, "pm_sampling", "");
}

static void take(struct sampler *s, struct device *d, const struct pm_message *message,
		 struct sampler_sample *held)
{
	static const double most[] = {
#define METRIC(column, id, factor, most) most,
#include "collector/activity.def"
	};

	if (held->end_ns)
		sampler_push(s, d, held);
	*held = (struct sampler_sample){ .device = d->source.device, .start_ns = message->start_ns,
					 .end_ns = message->end_ns, .memory_used_bytes = -1,
					 .memory_reserved_bytes = -1 };
	for (int i = 0; i < SAMPLER_METRICS; i++) {
		double value = message->metrics[i];

		held->metrics[i] = value >= 0 && value <= most[i] ? value : -1;
	}
}

/* All that has come since the last time. */
static void drain(struct sampler *s, struct device *d, bool is_paused)
{
	const struct pm_message *message;
	struct sampler_sample held = { .end_ns = 0 };
	char why[sizeof(message->text)];
	bool ended = false;

	while (!d->pm_is_over && (message = pm_process_next(&d->pm, &ended))) {
		if (message->kind == PM_BEGUN) {
			begun(s, d);
		} else if (message->kind == PM_SAMPLE && !is_paused) {
			take(s, d, message, &held);
		} else if (message->kind == PM_OVERFLOW) {
			pthread_mutex_lock(&s->lock);
			d->source.overflows++;
			pthread_mutex_unlock(&s->lock);
		} else if (message->kind == PM_ENDED) {
			snprintf(why, sizeof(why), "%.*s", (int)sizeof(message->text) - 1, message->text);
			over(s, d, why);
		}
	}
	if (held.end_ns) {
		if (d->handle)
			sampler_read_state(s, d, &held);
		sampler_push(s, d, &held);
	}
	if (ended)
		over(s, d, "its process ended without a word");
}

bool sampler_pm(struct sampler *s, struct device *d, bool is_paused)
{
	if (d->pm_is_over)
		return false;
	if (!d->pm.pid)
		start(s, d);
	if (d->pm.pid)
		drain(s, d, is_paused);
	if (d->pm.pid && !d->pm_has_begun && monotonic_ns() > d->pm_since_ns + ANSWER_WAIT_NS)
		over(s, d, "CUPTI does not answer");
	return !d->pm_is_over;
}

void sampler_pm_end(struct sampler *s, struct device *d)
{
	int64_t until_ns = monotonic_ns() + END_WAIT_NS;

	if (d->pm_is_over)
		return;
	pm_process_finish(&d->pm);
	while (d->pm.pid && monotonic_ns() < until_ns) {
		struct pollfd more = { .fd = d->pm.output, .events = POLLIN };

		poll(&more, 1, 100);
		drain(s, d, false);
	}
	if (d->pm.pid)
		over(s, d, "CUPTI did not answer at the end");
	if (!d->source.samples)
		sampler_source_set(s, d, "none",
				   d->pm_note[0] ? "" : "recording ended before the first sample");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that asks NVML: see sampler.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/sampler_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what the thread finds ----------------------------------------------------------------------- */

void sampler_source_set(struct sampler *s, struct device *d, const char *name, const char *note)
{
	pthread_mutex_lock(&s->lock);
	d->source.name = name;
	if (d->pm_note[0] && strcmp(name, "pm_sampling") != 0)
		snprintf(d->source.note, sizeof(d->source.note), "no PM sampling (%s)%s%s", d->pm_note,
			 note[0] ? ", " : "", note);
	else
		snprintf(d->source.note, sizeof(d->source.note), "%s", note);
	pthread_mutex_unlock(&s->lock);
}

void sampler_push(struct sampler *s, struct device *d, const struct sampler_sample *sample)
{
	pthread_mutex_lock(&s->lock);
	if (s->queued - s->taken < QUEUE_SAMPLES)
		s->queue[s->queued++ % QUEUE_SAMPLES] = *sample;
	else
		s->dropped++;
	d->source.samples++;
	d->source.covered_ns += (uint64_t)(sample->end_ns - sample->start_ns);
	pthread_mutex_unlock(&s->lock);
}

/* Nothing more is asked of this device. */
static void give_up(struct sampler *s, struct device *d, const char *what, nvmlReturn_t result)
{
	char text[96], note[256];
	bool had_samples = d->source.samples > 0;

	snprintf(note, sizeof(note), "%s%s: %s", had_samples ? "ended early, " : "", what,
		 nvml_text(&s->nvml, result, text, sizeof(text)));
	sampler_source_set(s, d, had_samples ? d->source.name : "none", note);
	d->handle = NULL;
}

static void read_memory(struct sampler *s, struct device *d, struct sampler_sample *sample)
{
	nvmlMemory_v2_t memory = { .version = NVML_MEMORY_VERSION_2 };

	sample->memory_used_bytes = sample->memory_reserved_bytes = -1;
	if (!s->nvml.nvmlDeviceGetMemoryInfo_v2 ||
	    s->nvml.nvmlDeviceGetMemoryInfo_v2(d->handle, &memory) != NVML_SUCCESS)
		return;
	sample->memory_used_bytes = (int64_t)memory.used;
	sample->memory_reserved_bytes = (int64_t)memory.reserved;
}

/* Whether power or heat keeps the clocks down: a whole million or nothing. */
static void read_reasons(struct sampler *s, struct device *d, struct sampler_sample *sample)
{
	unsigned long long power = nvmlClocksThrottleReasonSwPowerCap |
				   nvmlClocksThrottleReasonHwPowerBrakeSlowdown;
	unsigned long long heat = nvmlClocksThrottleReasonSwThermalSlowdown |
				  nvmlClocksThrottleReasonHwThermalSlowdown;
	unsigned long long reasons = 0;
	nvmlReturn_t result = NVML_ERROR_FUNCTION_NOT_FOUND;

	if (s->nvml.nvmlDeviceGetCurrentClocksEventReasons)
		result = s->nvml.nvmlDeviceGetCurrentClocksEventReasons(d->handle, &reasons);
	else if (s->nvml.nvmlDeviceGetCurrentClocksThrottleReasons)
		result = s->nvml.nvmlDeviceGetCurrentClocksThrottleReasons(d->handle, &reasons);
	if (result != NVML_SUCCESS)
		return;
	sample->metrics[SAMPLER_power_capped_ppm] = reasons & power ? 1e6 : 0;
	sample->metrics[SAMPLER_thermal_capped_ppm] = reasons & heat ? 1e6 : 0;
}

void sampler_read_state(struct sampler *s, struct device *d, struct sampler_sample *sample)
{
	unsigned int mhz, mw;

	read_memory(s, d, sample);
	for (int i = SAMPLER_sm_clock_khz; i <= SAMPLER_thermal_capped_ppm; i++)
		sample->metrics[i] = -1;
	if (s->nvml.nvmlDeviceGetClockInfo &&
	    s->nvml.nvmlDeviceGetClockInfo(d->handle, NVML_CLOCK_SM, &mhz) == NVML_SUCCESS)
		sample->metrics[SAMPLER_sm_clock_khz] = mhz * 1e3;
	if (s->nvml.nvmlDeviceGetPowerUsage &&
	    s->nvml.nvmlDeviceGetPowerUsage(d->handle, &mw) == NVML_SUCCESS)
		sample->metrics[SAMPLER_power_mw] = mw;
	read_reasons(s, d, sample);
}

/* The metrics between the two samples; false: NVML has no news since the one before. */
static bool read_metrics(struct sampler *s, struct device *d, struct sampler_sample *sample)
{
	static const struct { unsigned int id; double factor, most; } wanted[] = {
#define METRIC(column, id, factor, most) { id, factor, most },
#include "collector/activity.def"
	};
	nvmlGpmMetricsGet_t *get = s->metrics;
	bool any = false;
	int count = 0;

	while (count < SAMPLER_METRICS && wanted[count].id)
		count++;
	memset(get, 0, offsetof(nvmlGpmMetricsGet_t, metrics[SAMPLER_METRICS]));
	get->version = NVML_GPM_METRICS_GET_VERSION;
	get->numMetrics = (unsigned int)count;
	get->sample1 = d->before;
	get->sample2 = d->now;
	for (int i = 0; i < count; i++)
		get->metrics[i].metricId = wanted[i].id;
	if (s->nvml.nvmlGpmMetricsGet(get) != NVML_SUCCESS)
		return false;
	for (int i = 0; i < count; i++) {
		double value = get->metrics[i].value * wanted[i].factor;
		bool is_good = get->metrics[i].nvmlReturn == NVML_SUCCESS && value >= 0 &&
			       value <= wanted[i].most;

		sample->metrics[i] = is_good ? value : -1;
		any |= is_good;
	}
	return any;
}

static void sample_gpm(struct sampler *s, struct device *d)
{
	struct sampler_sample sample = { .device = d->source.device };
	int64_t asked_ns = monotonic_ns(), now_ns;
	nvmlReturn_t result = s->nvml.nvmlGpmSampleGet(d->handle, d->now);
	nvmlGpmSample_t swap;

	if (result != NVML_SUCCESS) {
		give_up(s, d, "GPM gives no sample", result);
		return;
	}
	now_ns = (asked_ns + monotonic_ns()) / 2;
	if (d->before_ns) {
		sample.start_ns = d->before_ns;
		sample.end_ns = now_ns;
		/* Without news the stretch goes on. */
		if (!read_metrics(s, d, &sample) && ++d->fruitless < 16)
			return;
		if (d->fruitless >= 16) {
			give_up(s, d, "GPM has had no news for 16 samples", NVML_ERROR_NO_DATA);
			return;
		}
		d->fruitless = 0;
		sampler_read_state(s, d, &sample);
		sampler_push(s, d, &sample);
	}
	swap = d->before;
	d->before = d->now;
	d->now = swap;
	d->before_ns = now_ns;
}

static void sample_utilization(struct sampler *s, struct device *d)
{
	struct sampler_sample sample = { .device = d->source.device, .start_ns = d->before_ns };
	nvmlUtilization_t utilization = { 0, 0 };
	nvmlReturn_t result = s->nvml.nvmlDeviceGetUtilizationRates(d->handle, &utilization);

	if (result != NVML_SUCCESS) {
		give_up(s, d, "NVML gives no utilisation", result);
		return;
	}
	sample.end_ns = monotonic_ns();
	for (int i = 0; i < SAMPLER_METRICS; i++)
		sample.metrics[i] = -1;
	sample.metrics[SAMPLER_gpu_busy_ppm] = utilization.gpu <= 100 ? utilization.gpu * 1e4 : -1;
	if (d->before_ns) {
		sampler_read_state(s, d, &sample);
		sampler_push(s, d, &sample);
	}
	d->before_ns = sample.end_ns;
}

/* --- opening devices ------------------------------------------------------------------------------ */

nvmlReturn_t sampler_handle_find(struct sampler *s, struct device *d)
{
	static const char *const kinds[] = { "GPU", "MIG" };	/* CUDA sees instances by their own uuid */
	nvmlReturn_t result = NVML_ERROR_FUNCTION_NOT_FOUND;
	const char *u = d->uuid;
	char text[48];

	for (int i = 0; i < 2 && s->nvml.nvmlDeviceGetHandleByUUID && result != NVML_SUCCESS; i++) {
		nvmlReturn_t before = result;

		snprintf(text, sizeof(text), "%s-%.8s-%.4s-%.4s-%.4s-%.12s", kinds[i], u, u + 8, u + 12,
			 u + 16, u + 20);
		result = s->nvml.nvmlDeviceGetHandleByUUID(text, &d->handle);
		if (i && result != NVML_SUCCESS)
			result = before;
	}
	return result;
}

static bool is_instance(const struct sampler *s, nvmlDevice_t handle)
{
	unsigned int current = 0, pending;

	return s->nvml.nvmlDeviceGetMigMode &&
	       s->nvml.nvmlDeviceGetMigMode(handle, &current, &pending) == NVML_SUCCESS &&
	       current == NVML_DEVICE_MIG_ENABLE;
}

static bool gpm_open(struct sampler *s, struct device *d, nvmlReturn_t *result)
{
	if (!s->metrics || !nvml_has_gpm(&s->nvml, d->handle, result))
		return false;
	*result = s->nvml.nvmlGpmSampleAlloc(&d->before);
	if (*result == NVML_SUCCESS)
		*result = s->nvml.nvmlGpmSampleAlloc(&d->now);
	/* The first sample tells whether it is permitted, too. */
	if (*result == NVML_SUCCESS)
		*result = s->nvml.nvmlGpmSampleGet(d->handle, d->now);
	if (*result == NVML_SUCCESS)
		return true;
	if (d->before)
		s->nvml.nvmlGpmSampleFree(d->before);
	if (d->now)
		s->nvml.nvmlGpmSampleFree(d->now);
	d->before = d->now = NULL;
	return false;
}

static void device_open(struct sampler *s, struct device *d)
{
	nvmlUtilization_t utilization;
	nvmlReturn_t result, second = NVML_ERROR_FUNCTION_NOT_FOUND;
	char text[2][96], note[256] = "";

	d->is_open = true;
	if (!s->nvml.library) {
		sampler_source_set(s, d, "none", s->refusal);
		return;
	}
	result = d->uuid[0] ? sampler_handle_find(s, d) : NVML_ERROR_NOT_FOUND;
	if (result != NVML_SUCCESS) {
		give_up(s, d, "NVML does not give out this GPU", result);
		return;
	}
	if (gpm_open(s, d, &result)) {
		if (s->period_ns < SAMPLER_GPM_PERIOD_NS)
			snprintf(note, sizeof(note), "NVML renews its counters every 100 ms: "
				 "sampled 9 times a second");
		sampler_source_set(s, d, "gpm", note);
		return;
	}
	nvml_text(&s->nvml, result, text[0], sizeof(text[0]));
	if (s->nvml.nvmlDeviceGetUtilizationRates)
		second = s->nvml.nvmlDeviceGetUtilizationRates(d->handle, &utilization);
	if (second == NVML_SUCCESS) {
		snprintf(note, sizeof(note), "no GPM (Hopper and later have it): %s; only whether a "
			 "kernel ran, averaged over 1/6 to 1 s", text[0]);
		sampler_source_set(s, d, "utilization", note);
		return;
	}
	snprintf(note, sizeof(note), "no GPM: %s; no utilisation%s: %s", text[0],
		 is_instance(s, d->handle) ? ", which NVML does not have with MIG" : "",
		 nvml_text(&s->nvml, second, text[1], sizeof(text[1])));
	sampler_source_set(s, d, "none", note);
	d->handle = NULL;
}

/* --- the thread ------------------------------------------------------------------------------------ */

static void sample_all(struct sampler *s, size_t count, bool is_paused)
{
	if (!s->has_tried) {
		s->has_tried = true;
		nvml_open(&s->nvml, s->library, s->refusal, sizeof(s->refusal));
	}
	for (size_t i = 0; i < count; i++) {
		struct device *d = &s->devices[i];
		int64_t begun_ns;

		if (sampler_pm(s, d, is_paused))
			continue;
		if (!d->is_open)
			device_open(s, d);
		begun_ns = monotonic_ns();
		if (is_paused)
			d->before_ns = 0;
		else if (d->handle && d->now)
			sample_gpm(s, d);
		else if (d->handle)
			sample_utilization(s, d);
		pthread_mutex_lock(&s->lock);
		d->source.asked_ns += (uint64_t)(monotonic_ns() - begun_ns);
		pthread_mutex_unlock(&s->lock);
	}
}

/* With the lock: until the next sample is due, or something changed. */
static void wait_until(struct sampler *s, int64_t until_ns)
{
	struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };

	pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

static void *sampler_thread(void *arg)
{
	struct sampler *s = arg;
	int64_t next_ns = 0, last_ns = 0;
	bool is_last = false;

	while (!is_last) {
		size_t count;
		bool is_paused;

		pthread_mutex_lock(&s->lock);
		while (monotonic_ns() < next_ns) {
			/* A last sample, so that nothing is missing at the end, unless it is too soon. */
			if (s->is_stopping && last_ns + SAMPLER_GPM_PERIOD_NS < next_ns)
				next_ns = last_ns + SAMPLER_GPM_PERIOD_NS;
			wait_until(s, next_ns);
		}
		is_last = s->is_stopping;
		count = s->device_count;
		is_paused = s->is_paused && !is_last;
		pthread_mutex_unlock(&s->lock);
		last_ns = monotonic_ns();
		sample_all(s, count, is_paused);
		next_ns += s->period_ns;
		if (next_ns < last_ns + SAMPLER_GPM_PERIOD_NS)
			next_ns = last_ns + (s->period_ns > SAMPLER_GPM_PERIOD_NS ?
					     s->period_ns : SAMPLER_GPM_PERIOD_NS);
	}
	for (size_t i = 0; i < s->device_count; i++)
		sampler_pm_end(s, &s->devices[i]);
	for (size_t i = 0; i < s->device_count; i++)
		if (s->devices[i].now) {
			s->nvml.nvmlGpmSampleFree(s->devices[i].before);
			s->nvml.nvmlGpmSampleFree(s->devices[i].now);
		}
	nvml_close(&s->nvml);
	return NULL;
}

/* --- the collector's side --------------------------------------------------------------------------- */

struct sampler *sampler_new(const char *library, int64_t period_ns)
{
	struct sampler *s = calloc(1, sizeof(*s));
	pthread_condattr_t attributes;

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	s->period_ns = period_ns;
	s->library = strdup(library);
	s->metrics = calloc(1, sizeof(*s->metrics));
	if (s->library && s->metrics)
		return s;
	sampler_free(s);
	return NULL;
}

/* Signals are the collector's main thread's. */
static void thread_start(struct sampler *s)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->is_running = pthread_create(&s->thread, NULL, sampler_thread, s) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void sampler_device(struct sampler *s, uint32_t device, const char *uuid, pid_t recorded)
{
	pthread_mutex_lock(&s->lock);
	if (s->device_count < DEVICES_MAX) {
		struct device *d = &s->devices[s->device_count++];

		d->source.device = device;
		d->source.name = "none";
		snprintf(d->source.note, sizeof(d->source.note), "NVML has not answered");
		snprintf(d->uuid, sizeof(d->uuid), "%s", uuid);
		d->recorded = recorded;
		d->pm_is_over = s->period_ns > PM_PERIOD_MAX_NS;
	}
	pthread_mutex_unlock(&s->lock);
	if (!s->is_running)
		thread_start(s);
}

void sampler_pause(struct sampler *s, bool is_paused)
{
	pthread_mutex_lock(&s->lock);
	s->is_paused = is_paused;
	pthread_mutex_unlock(&s->lock);
}

bool sampler_take(struct sampler *s, struct sampler_sample *sample)
{
	bool there;

	pthread_mutex_lock(&s->lock);
	there = s->taken < s->queued;
	if (there)
		*sample = s->queue[s->taken++ % QUEUE_SAMPLES];
	pthread_mutex_unlock(&s->lock);
	return there;
}

bool sampler_source(struct sampler *s, size_t index, struct sampler_source *source)
{
	bool there;

	pthread_mutex_lock(&s->lock);
	there = index < s->device_count;
	if (there)
		*source = s->devices[index].source;
	pthread_mutex_unlock(&s->lock);
	return there;
}

uint64_t sampler_dropped(struct sampler *s)
{
	uint64_t dropped;

	pthread_mutex_lock(&s->lock);
	dropped = s->dropped;
	pthread_mutex_unlock(&s->lock);
	return dropped;
}

bool sampler_stop(struct sampler *s)
{
	struct timespec until;

	if (!s->is_running)
		return true;
	pthread_mutex_lock(&s->lock);
	s->is_stopping = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_WAIT_S;
	s->is_hanging = pthread_timedjoin_np(s->thread, NULL, &until) != 0;
	s->is_running = false;
	return !s->is_hanging;
}

void sampler_free(struct sampler *s)
{
	if (!s || s->is_hanging)
		return;
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->metrics);
	free(s->library);
	free(s);
}

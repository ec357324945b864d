/* SPDX-License-Identifier: Apache-2.0 */
/* The process that samples: takes samples out of the GPU's buffer and passes them on. See pm.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/pm_internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)128 << 20)	/* of samples that were not taken out yet */
#define SAMPLES_MAX 2048u		/* taken out at a time */
#define DECODE_MS 20
#define SYSCLK_PER_NS 1.5		/* about; the true period comes with the samples */
#define CLOCK_ERROR_NS 2000000000ll	/* a clock is the samples' if it is no further off */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* --- messages ------------------------------------------------------------------------------------- */

static bool send(const struct pm_session *s, const struct pm_message *message)
{
	const char *at = (const char *)message;
	size_t left = sizeof(*message);

	while (left) {
		ssize_t done = write(s->output, at, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		left -= (size_t)done;
	}
	return true;
}

static bool send_text(const struct pm_session *s, enum pm_kind kind, const char *text)
{
	struct pm_message message = { .kind = kind };

	snprintf(message.text, sizeof(message.text), "%s", text);
	return send(s, &message);
}

bool pm_fail(struct pm_session *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
	return false;
}

bool pm_refused(struct pm_session *s, const char *what, int result)
{
	const char *text = NULL;

	if (result == CUPTI_PM_ERROR_INSUFFICIENT_PRIVILEGES)
		return pm_fail(s, "not permitted: it needs CAP_SYS_ADMIN, or "
			       "NVreg_RestrictProfilingToAdminUsers=0");
	if (s->cuptiGetResultString)
		s->cuptiGetResultString(result, &text);
	return pm_fail(s, "%s: %s (%d)", what, text ? text : "error", result);
}

/* --- begin and end --------------------------------------------------------------------------------- */

static int configure(struct pm_session *s, int mode)
{
	double interval = (double)s->period_ns *
			  (mode == CUPTI_PM_SAMPLING_TRIGGER_MODE_GPU_TIME_INTERVAL ? 1 : SYSCLK_PER_NS);
	CUpti_PmSampling_SetConfig_Params params = {
		.pPmSamplingObject = s->sampling,
		.configSize = s->config_bytes, .pConfig = s->config,
		.hardwareBufferSize = BUFFER_BYTES,
		.samplingInterval = (uint64_t)interval, .triggerMode = mode,
		.hwBufferAppendMode = CUPTI_PM_SAMPLING_HARDWARE_BUFFER_APPEND_MODE_KEEP_OLDEST,
	};

	return pm_cuptiPmSamplingSetConfig(s, &params);
}

static bool image_clear(struct pm_session *s)
{
	CUpti_PmSampling_CounterDataImage_Initialize_Params params = {
		.pPmSamplingObject = s->sampling, .counterDataSize = s->image_bytes,
		.pCounterData = s->image,
	};

	return !pm_cuptiPmSamplingCounterDataImageInitialize(s, &params);
}

static bool image_make(struct pm_session *s)
{
	CUpti_PmSampling_GetCounterDataSize_Params params = {
		.pPmSamplingObject = s->sampling, .pMetricNames = s->names, .numMetrics = s->count,
		.maxSamples = SAMPLES_MAX,
	};
	int result = pm_cuptiPmSamplingGetCounterDataSize(s, &params);

	if (result)
		return pm_refused(s, "CUPTI does not tell how large samples are", result);
	s->image_bytes = params.counterDataSize;
	s->image = calloc(1, s->image_bytes + 1);
	return (s->image && image_clear(s)) || pm_fail(s, "no memory for samples");
}

static int start(struct pm_session *s)
{
	CUpti_PmSampling_Start_Params params = { .pPmSamplingObject = s->sampling };

	s->is_first = true;
	return pm_cuptiPmSamplingStart(s, &params);
}

static int stop(struct pm_session *s)
{
	CUpti_PmSampling_Stop_Params params = { .pPmSamplingObject = s->sampling };

	return pm_cuptiPmSamplingStop(s, &params);
}

static bool begin(struct pm_session *s)
{
	const char *note = "";
	char text[200];
	int result = configure(s, CUPTI_PM_SAMPLING_TRIGGER_MODE_GPU_TIME_INTERVAL);

	if (result) {			/* Turing and GA100 have the GPU's own clock only */
		note = "; the period follows the GPU's clock";
		result = configure(s, CUPTI_PM_SAMPLING_TRIGGER_MODE_GPU_SYSCLK_INTERVAL);
	}
	if (result)
		return pm_refused(s, "PM sampling cannot be configured", result);
	if (!image_make(s))
		return false;
	result = start(s);
	if (result)
		return pm_refused(s, "PM sampling does not start", result);
	snprintf(text, sizeof(text), "%zu counters of %s%s", s->count, s->chip, note);
	return send_text(s, PM_BEGUN, text);
}

/* --- samples --------------------------------------------------------------------------------------- */

/* Which clock samples have is not documented for all GPUs: it is one that tells about the time at which
 * they come. Of any other, the time between the latest sample and its coming is the least that was met. */
static void offset_find(struct pm_session *s, int64_t end_ns)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW };
	int64_t late_ns = clock_ns(CLOCK_MONOTONIC) - end_ns;

	for (size_t i = 0; !s->offset_known && i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		int64_t before_ns = clock_ns(CLOCK_MONOTONIC), there_ns = clock_ns(clocks[i]);
		int64_t after_ns = clock_ns(CLOCK_MONOTONIC);

		if (llabs(there_ns - end_ns) > CLOCK_ERROR_NS)
			continue;
		s->offset_ns = clocks[i] == CLOCK_MONOTONIC ? 0 :
			       before_ns + (after_ns - before_ns) / 2 - there_ns;
		s->offset_known = true;
	}
	/* And no sample comes before it has happened. */
	if ((!s->offset_known && !s->offset_ns) || late_ns < s->offset_ns)
		s->offset_ns = late_ns;
}

/* As the samples' clock has it; false: it cannot be read. */
static bool times_read(struct pm_session *s, size_t index, int64_t *start_ns, int64_t *end_ns)
{
	CUpti_PmSampling_CounterData_GetSampleInfo_Params info = {
		.pPmSamplingObject = s->sampling, .pCounterDataImage = s->image,
		.counterDataImageSize = s->image_bytes, .sampleIndex = index,
	};

	if (pm_cuptiPmSamplingCounterDataGetSampleInfo(s, &info))
		return false;
	*start_ns = (int64_t)info.startTimestamp;
	*end_ns = (int64_t)info.endTimestamp;
	return *start_ns < *end_ns;
}

/* False: it cannot be read. */
static bool sample_read(struct pm_session *s, size_t index, struct pm_message *message)
{
	double values[PM_METRICS_MAX];
	CUpti_Profiler_Host_EvaluateToGpuValues_Params evaluate = {
		.pHostObject = s->host, .pCounterDataImage = s->image,
		.counterDataImageSize = s->image_bytes, .rangeIndex = index,
		.ppMetricNames = s->names, .numMetrics = s->count, .pMetricValues = values,
	};

	*message = (struct pm_message){ .kind = PM_SAMPLE };
	if (!times_read(s, index, &message->start_ns, &message->end_ns) ||
	    pm_cuptiProfilerHostEvaluateToGpuValues(s, &evaluate))
		return false;
	message->start_ns += s->offset_ns;
	message->end_ns += s->offset_ns;
	for (int i = 0; i < SAMPLER_METRICS; i++)
		message->metrics[i] = -1;
	for (size_t i = 0; i < s->count; i++)
		message->metrics[s->chosen[i]->metric] = values[i] * s->chosen[i]->factor;
	return true;
}

/* What the image holds by now. */
static bool samples_send(struct pm_session *s)
{
	CUpti_PmSampling_GetCounterDataInfo_Params info = { .pCounterDataImage = s->image,
							    .counterDataImageSize = s->image_bytes };
	struct pm_message message;
	int64_t start_ns, end_ns;
	int result = pm_cuptiPmSamplingGetCounterDataInfo(s, &info);

	if (result)
		return pm_refused(s, "samples cannot be counted", result);
	if (info.numCompletedSamples && times_read(s, info.numCompletedSamples - 1, &start_ns, &end_ns))
		offset_find(s, end_ns);
	for (size_t i = 0; i < info.numCompletedSamples; i++) {
		/* The first one after a start may hold what was counted before. */
		if (sample_read(s, i, &message) && !s->is_first && !send(s, &message))
			return pm_fail(s, "the recorder is gone");
		s->is_first = false;
	}
	return image_clear(s) || pm_fail(s, "samples cannot be read");
}

/* Takes out all that the GPU has; *overflow: its buffer was full meanwhile. */
static bool take(struct pm_session *s, bool *overflow)
{
	CUpti_PmSampling_DecodeData_Params params = { .pPmSamplingObject = s->sampling,
						      .pCounterDataImage = s->image,
						      .counterDataImageSize = s->image_bytes };
	int result;

	do {
		result = pm_cuptiPmSamplingDecodeData(s, &params);
		*overflow |= params.overflow || result == CUPTI_PM_ERROR_OUT_OF_MEMORY;
		if (result && result != CUPTI_PM_ERROR_OUT_OF_MEMORY)
			return pm_refused(s, "samples cannot be taken out", result);
		if (!samples_send(s))
			return false;
	} while (!result && params.decodeStopReason ==
			    CUPTI_PM_SAMPLING_DECODE_STOP_REASON_COUNTER_DATA_FULL);
	return true;
}

/* A full buffer takes nothing more: it is emptied by starting anew. */
static bool overflowed(struct pm_session *s)
{
	struct pm_message message = { .kind = PM_OVERFLOW };
	bool ignored = false;
	int result = stop(s);

	if (!take(s, &ignored))
		return false;
	if (!result)
		result = start(s);
	if (result)
		return pm_refused(s, "PM sampling does not start again after a full buffer", result);
	return send(s, &message);
}

/* Until it is time again, or the recorder has had enough. */
static bool wait_for_end(int input)
{
	struct pollfd end = { .fd = input, .events = POLLIN };

	return poll(&end, 1, DECODE_MS) > 0;
}

static void sample(struct pm_session *s, int input)
{
	bool is_last = false, overflow;

	while (!is_last) {
		is_last = wait_for_end(input);
		if (is_last)
			stop(s);
		overflow = false;
		if (!take(s, &overflow) || (overflow && !is_last && !overflowed(s)))
			return;
	}
}

int pm_session_run(const struct pm_options *options, int input, int output)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGHUP, SIGPIPE };
	struct pm_session s = { .output = output, .period_ns = options->period_ns };

	/* ^C is for the recorder, which then ends the input. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	if (pm_open(&s, options) && begin(&s))
		sample(&s, input);
	pm_close(&s);
	free(s.image);
	send_text(&s, PM_ENDED, s.why);
	return s.why[0] ? 1 : 0;
}

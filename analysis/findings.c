/* SPDX-License-Identifier: Apache-2.0 */
/* The table of detectors, and the run over it: see findings.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <stdlib.h>
#include <string.h>

#define CALLERS		3		/* told of a blamed function */

#define BOUNDARY_NS	1500	/* what stays of a gap between operations that follow on each other */

const struct detector detectors[DETECTOR_COUNT] = {
#define DETECTOR(id, numbers, name, title, detect, causes, sql, least, warning, critical, signature,	\
		 advice)										\
	[DETECTOR_##id] = { { numbers, name, title, signature }, detect, causes, sql, advice },
#include "analysis/detectors.def"
};

const struct finding_blind finding_blinds[] = {
#define BLIND(numbers, what, why) { numbers, what, why },
#include "analysis/blinds.def"
	{ NULL, NULL, NULL }
};

size_t finding_detectors_count(void)
{
	return DETECTOR_COUNT;
}

const struct finding_detector *finding_detector(size_t index)
{
	return index < DETECTOR_COUNT ? &detectors[index].text : NULL;
}

const char *finding_severity_name(enum finding_severity severity)
{
	static const char *const names[] = { "info", "warning", "critical" };

	return names[severity];
}

/* --- making one ---------------------------------------------------------------------------- */

uint64_t finder_wall(const struct finder *finder, int device)
{
	uint64_t wall = 0;

	for (size_t i = 0; i < finder->out->idle.device_count; i++) {
		const struct idle_device *d = &finder->out->idle.devices[i];
		uint64_t from = d->first_ns > finder->warm_ns ? d->first_ns : finder->warm_ns;
		const struct watch_device *seen = watch_device_find(&finder->watch, d->id);
		uint64_t hidden = seen ? seen->idle[IDLE_NOT_MEASURED].total_ns : 0;
		uint64_t ns = d->last_ns > from + hidden ? d->last_ns - from - hidden : 0;

		if ((device < 0 || d->id == device) && ns > wall)
			wall = ns;
	}
	return wall;
}

void finding_show(struct run_finding *finding, const char *table, int64_t row, int64_t stream,
		  uint64_t start_ns, uint64_t dur_ns)
{
	if (finding->evidence_count < FINDING_EVIDENCE_MAX)
		finding->evidence[finding->evidence_count++] =
			(struct finding_evidence){ table, row, stream, start_ns, dur_ns };
}

static void happened(struct run_finding *finding, uint64_t first_ns, uint64_t last_ns)
{
	if (first_ns && (!finding->first_ns || first_ns < finding->first_ns))
		finding->first_ns = first_ns;
	if (last_ns > finding->last_ns)
		finding->last_ns = last_ns;
}

void finder_idle(const struct finder *finder, uint32_t causes, struct run_finding *finding)
{
	const struct watch_site *worst = NULL;

	for (const struct watch_site *site = finder->watch.sites; site; site = site->hh.next) {
		if (site->key.device != finding->device || !(causes >> site->key.cause & 1))
			continue;
		finding->lost_ns += site->total_ns;
		finding->count += site->count;
		happened(finding, site->first_ns, site->last_ns);
		if (!worst || site->total_ns > worst->total_ns ||
		    (site->total_ns == worst->total_ns && site->key.path < worst->key.path))
			worst = site;
	}
	if (!worst)
		return;
	finding->path = worst->key.path;
	for (int i = 0; i < FINDING_EVIDENCE_MAX && worst->worst[i].dur_ns; i++)
		finding_show(finding, "", 0, worst->worst[i].stream, worst->worst[i].start_ns,
			     worst->worst[i].dur_ns);
}

/* What is left when the cause is gone: at least the boundary between two operations each time, and
 * at worst other work that the lost time hid. */
uint64_t finding_least_gain(uint64_t lost_ns, uint64_t count)
{
	uint64_t stays = count * BOUNDARY_NS;

	return lost_ns > stays ? (lost_ns - stays) / 2 : 0;
}

static enum finding_severity severity(const struct finder *finder, enum detector_id id,
				      double percent)
{
	if (percent >= finding_limit(finder->limits, id, "critical"))
		return FINDING_CRITICAL;
	return percent >= finding_limit(finder->limits, id, "warning") ? FINDING_WARNING
		: FINDING_INFO;
}

/* The frames around the blamed one: a helper that launches everything is blamed for everything. */
static char *callers_of(struct run *run, const struct run_finding *finding)
{
	char *name = run_path_name(run, finding->path, 1 + CALLERS), *callers = NULL;
	size_t skip = strlen(finding->where);

	if (name)
		callers = strdup(strlen(name) > skip + 3 ? name + skip + 3 : "");
	free(name);
	return callers;
}

int finder_add(struct finder *finder, enum detector_id id, struct run_finding *finding, char *what,
	       const struct finding_values *values)
{
	const struct detector *detector = &detectors[id];
	struct run_finding *added;
	double percent, costs;

	finding->wall_ns = finder_wall(finder, finding->device);
	costs = (double)(finding->lost_ns > finding->concerned_ns ? finding->lost_ns
			 : finding->concerned_ns);
	percent = finding->wall_ns ? 100 * costs / (double)finding->wall_ns : 0;
	if (percent < finding_limit(finder->limits, id, "least")) {
		free(what);
		return 0;
	}
	added = LIST_ADD(&finder->out->list);
	if (!added) {
		free(what);
		return run_fail(finder->run, "out of memory");
	}
	finding->numbers = detector->text.numbers;
	finding->name = detector->text.name;
	finding->title = detector->text.title;
	finding->gpu = (int)lookup_number(&finder->watch.gpus, finding->device, GPU_NUMBERED, -1);
	finding->severity = severity(finder, id, percent);
	finding->causes = detector->causes;
	finding->gain_high_ns = finding->lost_ns;
	finding->gain_low_ns = finding_least_gain(finding->lost_ns, finding->count);
	finding->what = what ? what : strdup("");
	finding->where = idle_path_name(finder->run, finding->path);
	finding->callers = finding->where ? callers_of(finder->run, finding) : NULL;
	finding->advice = finding_advice(detector->advice, finding, values);
	*added = *finding;
	if (!added->what || !added->where || !added->callers || !added->advice)
		return run_fail(finder->run, "out of memory");
	return 0;
}

int finder_each_device(struct finder *finder, enum detector_id id,
		       int (*detect)(struct finder *finder, enum detector_id id, int device))
{
	for (size_t i = 0; i < finder->out->idle.device_count; i++)
		if (detect(finder, id, finder->out->idle.devices[i].id) < 0)
			return -1;
	return 0;
}

int detect_idle(struct finder *finder, enum detector_id id)
{
	for (size_t i = 0; i < finder->out->idle.device_count; i++) {
		struct run_finding finding = { .device = finder->out->idle.devices[i].id };

		finder_idle(finder, detectors[id].causes, &finding);
		if (finding.count && finder_add(finder, id, &finding, NULL, NULL) < 0)
			return -1;
	}
	return 0;
}

/* --- all of them --------------------------------------------------------------------------- */

/* A server has served once it has read results back; before, it loads, compiles and captures. */
static uint64_t warm_up_end(struct run *run)
{
	/* Rows need not lie in order of time; where the zone map is, none behind the first one's is read. */
	static const char sql[] =
		"WITH first(ns) AS (SELECT start_ns + coalesce(gpu_delay_ns, 0) FROM copy"
		" WHERE kind & 255 = 2 ORDER BY id LIMIT 1) "
		"SELECT min(e.start_ns + coalesce(e.gpu_delay_ns, 0)) FROM "
		ROWS_NEAR("copy", "e", "0", "(SELECT ns FROM first)") " WHERE e.kind & 255 = 2";
	int64_t first = run_integer(run, sql, 0);

	return first > 0 ? (uint64_t)first : 0;
}

static int by_cost(const void *left, const void *right)
{
	const struct run_finding *a = left, *b = right;

	if (a->severity != b->severity)
		return a->severity < b->severity ? 1 : -1;
	if (a->lost_ns != b->lost_ns)
		return a->lost_ns < b->lost_ns ? 1 : -1;
	if (a->concerned_ns != b->concerned_ns)
		return a->concerned_ns < b->concerned_ns ? 1 : -1;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int find(struct finder *finder, const struct findings_options *options)
{
	struct idle_observer observer = watch_observer(&finder->watch);
	struct idle_options idle = { .intervals = options->intervals, .observer = &observer };
	struct findings *out = finder->out;

	observer.next = options->observer;
	if (watch_open(&finder->watch) < 0 || run_steps(finder->run, &idle, &out->steps) < 0)
		return -1;
	out->idle = out->steps.idle;
	out->steps.idle = (struct idle_result){ 0 };
	watch_finish(&finder->watch);
	for (size_t i = 0; i < out->idle.device_count; i++)
		if (out->idle.devices[i].last_ns > finder->last_ns)
			finder->last_ns = out->idle.devices[i].last_ns;
	if (waterfall_make(finder) < 0)
		return -1;
	for (int id = 0; id < DETECTOR_COUNT; id++)
		if (detectors[id].detect(finder, (enum detector_id)id) < 0)
			return -1;
	if (findings_predict(finder) < 0 || findings_name_ranges(finder) < 0)
		return -1;
	if (out->list.count)
		qsort(out->list.rows, out->list.count, sizeof(*out->list.rows), by_cost);
	return 0;
}

int run_findings(struct run *run, const struct findings_options *options, struct findings *findings)
{
	struct finder finder = { .run = run, .limits = options->limits, .out = findings };
	int result;

	*findings = (struct findings){ 0 };
	if (run_freeze(run) < 0)
		return -1;
	finder.warm_ns = findings->warm_ns = warm_up_end(run);
	finder.watch = (struct watch){
		.run = run, .warm_ns = finder.warm_ns,
		.low_occupancy = finding_limit(options->limits, DETECTOR_OCCUPANCY, "percent") / 100,
		.blocking.long_ns = finding_limit(options->limits, DETECTOR_BLOCKED, "us") * 1e3,
		.opaque_ns = finding_limit(options->limits, DETECTOR_OPAQUE, "ms") * 1e6,
	};
	result = find(&finder, options);
	watch_close(&finder.watch);
	run_thaw(run);
	if (result < 0)
		findings_free(findings);
	return result;
}

int run_findings_list(struct run *run, const struct finding_limits *limits,
		      struct run_finding_list *list)
{
	struct findings_options options = { .limits = limits };
	struct findings findings;

	*list = (struct run_finding_list){ 0 };
	if (run_findings(run, &options, &findings) < 0)
		return -1;
	*list = findings.list;
	findings.list = (struct run_finding_list){ 0 };
	findings_free(&findings);
	return 0;
}

void run_finding_list_free(struct run_finding_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].where);
		free(list->rows[i].callers);
		free(list->rows[i].range);
		free(list->rows[i].what);
		free(list->rows[i].advice);
	}
	free(list->rows);
	*list = (struct run_finding_list){ 0 };
}

void findings_free(struct findings *findings)
{
	run_finding_list_free(&findings->list);
	free(findings->waterfalls.rows);
	idle_result_free(&findings->idle);
	step_result_free(&findings->steps);
	*findings = (struct findings){ 0 };
}

size_t findings_costliest(const struct findings *findings, size_t *indices, size_t max)
{
	const struct run_finding *rows = findings->list.rows;
	size_t count = 0;

	for (size_t i = 0; i < findings->list.count; i++) {
		size_t at = count < max ? count++ : max;

		for (; at && rows[i].lost_ns > rows[indices[at - 1]].lost_ns; at--)
			if (at < max)
				indices[at] = indices[at - 1];
		if (at < max)
			indices[at] = i;
	}
	return count;
}

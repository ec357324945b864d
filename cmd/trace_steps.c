/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps under the name that PyTorch's profiler gives them, around the calls of their thread. Where that
 * has ranges of the program, which need not nest with them, they have a track of their own.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/trace_steps.h"

#include <inttypes.h>
#include <stdio.h>

#include "analysis/steps.h"
#include "cmd/trace_event.h"

#define STEPS_TID	2000000000	/* beyond every thread's and lane's */

struct steps {
	struct timeline *timeline;
	int64_t device;
	struct json *json;
	struct step_result found;
	struct run_thread_list threads;
	struct run_process_list processes;
};

static bool is_shown(const struct steps *s, const struct step *step)
{
	return s->device < 0 || step->device == s->device;
}

static const struct run_thread *thread_find(const struct steps *s, int64_t id)
{
	for (size_t i = 0; i < s->threads.count; i++)
		if (s->threads.rows[i].id == id)
			return &s->threads.rows[i];
	return NULL;
}

static int64_t pid_of(const struct steps *s, int process)
{
	for (size_t i = 0; i < s->processes.count; i++)
		if (s->processes.rows[i].id == process)
			return s->processes.rows[i].pid;
	return 0;
}

static bool has_ranges(const struct steps *s, int64_t thread)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT EXISTS (SELECT 1 FROM range WHERE thread = %" PRId64
		 " AND kind IN (1, 4))", thread);
	return run_integer(s->timeline->run, sql, 1);
}

static void step_write(struct steps *s, const struct step *step, int64_t pid, int64_t tid)
{
	const struct step_kind *kind = &s->found.kinds[step->kind];
	char name[32];

	snprintf(name, sizeof(name), "ProfilerStep#%" PRIu32, step->number);
	trace_slice_open(s->json, "user_annotation", name, pid, tid, step->host_ns, step->host_end_ns);
	json_text(s->json, "mode", step_mode_name(kind->mode));
	json_text(s->json, "phase", step_phase_name(kind->phase));
	json_integer(s->json, "kind", step->kind);
	json_unsigned(s->json, "launches", step->launches);
	if (step->period_ns) {
		json_unsigned(s->json, "period ns", step->period_ns);
		json_unsigned(s->json, "idle ns", step->idle_ns);
	}
	trace_slice_close(s->json);
}

/* first to last: all of one thread. */
static void thread_write(struct steps *s, const struct step *first, const struct step *last)
{
	const struct run_thread *thread = thread_find(s, first->thread);
	int64_t pid = thread ? pid_of(s, thread->process) : 0, tid = thread ? thread->tid : 0;

	if (!thread)
		return;
	if (has_ranges(s, first->thread)) {
		tid = STEPS_TID;
		trace_metadata(s->json, "thread_name", pid, tid, "name", "steps", 0);
		trace_metadata(s->json, "thread_sort_index", pid, tid, "sort_index", NULL, -1);
	}
	for (const struct step *step = first; step <= last; step++)
		if (is_shown(s, step))
			step_write(s, step, pid, tid);
}

/* A run of steps of one thread. */
struct group {
	const struct step *first, *last;
	size_t shown;
};

static struct group group_at(const struct steps *s, size_t i)
{
	struct group group = { .first = &s->found.steps[i] };

	for (; i < s->found.step_count && s->found.steps[i].thread == group.first->thread; i++) {
		group.last = &s->found.steps[i];
		group.shown += is_shown(s, group.last);
	}
	return group;
}

static int process_of(const struct steps *s, int64_t thread)
{
	const struct run_thread *found = thread_find(s, thread);

	return found ? found->process : -1;
}

/* Whether no thread of its process has more; of several with as many the first. */
static bool is_most(const struct steps *s, const struct group *group)
{
	for (size_t i = 0; i < s->found.step_count;) {
		struct group other = group_at(s, i);

		if (process_of(s, other.first->thread) == process_of(s, group->first->thread) &&
		    (other.shown > group->shown ||
		     (other.shown == group->shown && other.first < group->first)))
			return false;
		i = (size_t)(other.last - s->found.steps) + 1;
	}
	return true;
}

static bool is_annotated(const struct steps *s)
{
	for (size_t i = 0; i < s->found.thread_count; i++)
		if (s->found.threads[i].annotated)
			return true;
	return false;
}

int trace_steps_write(struct timeline *timeline, int64_t device, struct json *json)
{
	struct steps s = { .timeline = timeline, .device = device, .json = json };
	int result = -1;

	if (run_steps(timeline->run, NULL, &s.found) == 0 &&
	    run_threads(timeline->run, &s.threads) == 0 &&
	    run_processes(timeline->run, &s.processes) == 0)
		result = 0;
	for (size_t i = 0; result == 0 && !is_annotated(&s) && i < s.found.step_count;) {
		struct group group = group_at(&s, i);

		if (group.shown && is_most(&s, &group))
			thread_write(&s, group.first, group.last);
		i = (size_t)(group.last - s.found.steps) + 1;
		result = ferror(json->out);
	}
	step_result_free(&s.found);
	run_thread_list_free(&s.threads);
	run_process_list_free(&s.processes);
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Steps as CSV: a row for each. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/csv_own.h"

#include "analysis/steps.h"

struct steps_csv {
	struct csv *csv;
	struct step_result steps;
	struct run_device_list devices;
	struct run_thread_list threads;
	struct run_process_list processes;
};

static void put_known(struct csv *csv, bool is_known, uint64_t value)
{
	if (is_known)
		csv_integer(csv, (int64_t)value);
	else
		csv_empty(csv);
}

static void put_gpu(const struct steps_csv *c, int device)
{
	for (size_t i = 0; i < c->devices.count; i++)
		if (c->devices.rows[i].id == device) {
			csv_integer(c->csv, c->devices.rows[i].gpu);
			return;
		}
	csv_empty(c->csv);
}

static void put_thread(const struct steps_csv *c, int64_t thread)
{
	for (size_t i = 0; i < c->threads.count; i++) {
		const struct run_thread *t = &c->threads.rows[i];

		if (t->id != thread)
			continue;
		for (size_t j = 0; j < c->processes.count; j++) {
			if (c->processes.rows[j].id != t->process)
				continue;
			csv_integer(c->csv, c->processes.rows[j].pid);
			csv_integer(c->csv, t->tid);
			return;
		}
	}
	csv_empty(c->csv);
	csv_empty(c->csv);
}

static void put_step(const struct steps_csv *c, const struct step *step)
{
	const struct step_kind *kind = &c->steps.kinds[step->kind];
	struct csv *csv = c->csv;

	csv_integer(csv, (int64_t)step->host_ns);
	csv_integer(csv, (int64_t)(step->host_end_ns - step->host_ns));
	put_known(csv, step->gpu_ns, step->gpu_ns);
	put_known(csv, step->gpu_ns, step->gpu_end_ns - step->gpu_ns);
	put_known(csv, step->period_ns, step->period_ns);
	put_known(csv, step->period_ns, step->idle_ns);
	csv_integer(csv, step->number);
	csv_integer(csv, step->kind);
	csv_integer(csv, step->launches);
	csv_text(csv, step_mode_name(kind->mode));
	csv_text(csv, step_phase_name(kind->phase));
	put_gpu(c, step->device);
	put_thread(c, step->thread);
	csv_end_line(csv);
}

int csv_steps(struct run *run, struct csv *csv)
{
	struct steps_csv c = { .csv = csv };
	int result = 0;

	if (run_steps(run, NULL, &c.steps) < 0 || run_devices(run, &c.devices) < 0 ||
	    run_threads(run, &c.threads) < 0 || run_processes(run, &c.processes) < 0)
		result = -1;
	for (size_t i = 0; result == 0 && i < c.steps.step_count; i++)
		put_step(&c, &c.steps.steps[i]);
	step_result_free(&c.steps);
	run_device_list_free(&c.devices);
	run_thread_list_free(&c.threads);
	run_process_list_free(&c.processes);
	return result < 0 ? -1 : ferror(csv->out) ? 1 : 0;
}

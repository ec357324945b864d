/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, and the threads of one process. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/view.h"

struct process_row {
	uint64_t key;
	int64_t pid, threads;
	const char *state, *backend, *note, *name, *command;
	uint64_t start, end, span;
	int id;
};

#define COLUMN(...) GRID_COLUMN(process_row, __VA_ARGS__)

static const struct column process_columns[] = {
	COLUMN(pid, "PID", NUMBER, 8, 0, "process id"),
	COLUMN(start, "Start", TIME, 0, 0, "begin of the recording of this process"),
	COLUMN(span, "Span", TIME, 0, 0, "from its start to its end or the last event"),
	COLUMN(threads, "Threads", NUMBER, 0, 1, "threads that called the driver; Enter lists them"),
	COLUMN(state, "State", TEXT, 9, 0, "running, exited, killed or detached"),
	COLUMN(backend, "GPU times", TEXT, 10, 0, "where the GPU's times come from"),
	COLUMN(note, "Note", TEXT, 30, 4, "what the source of the GPU times has to say"),
	COLUMN(name, "Name", TEXT, 15, 3, "program"),
	COLUMN(command, "Command", TEXT, 0, 0, "command line"),
};

struct thread_row {
	uint64_t key;
	int64_t tid;
	const char *name;
	uint64_t start, end, span;
};

#define THREAD_COLUMN(...) GRID_COLUMN(thread_row, __VA_ARGS__)

static const struct column thread_columns[] = {
	THREAD_COLUMN(tid, "TID", NUMBER, 8, 0, "thread id"),
	THREAD_COLUMN(start, "Start", TIME, 0, 0, "its first driver call"),
	THREAD_COLUMN(end, "End", TIME, 0, 1, "its end, or the last event"),
	THREAD_COLUMN(span, "Span", TIME, 0, 0, "from start to end"),
	THREAD_COLUMN(name, "Thread", TEXT, 0, 0, "name"),
};

static uint64_t end_or_now(const struct snapshot *s, uint64_t start, uint64_t end)
{
	end = end ? end : s->info.span_ns;
	return end > start ? end : start;
}

static size_t processes_room(const struct snapshot *snapshot)
{
	return snapshot->processes.count;
}

static size_t processes_fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	struct process_row *row = rows;

	(void)view;
	for (size_t i = 0; i < snapshot->processes.count; i++, row++) {
		const struct run_process *p = &snapshot->processes.rows[i];

		*row = (struct process_row){
			.key = (uint64_t)p->id,
			.id = p->id,
			.pid = p->pid,
			.state = p->state,
			.backend = p->backend,
			.note = p->backend_note,
			.name = p->name,
			.command = p->command_line && *p->command_line ? p->command_line : p->name,
			.start = p->start_ns,
			.end = end_or_now(snapshot, p->start_ns, p->end_ns),
		};
		row->span = row->end - row->start;
		for (size_t t = 0; t < snapshot->threads.count; t++)
			row->threads += snapshot->threads.rows[t].process == p->id;
	}
	return snapshot->processes.count;
}

static size_t threads_room(const struct snapshot *snapshot)
{
	return snapshot->threads.count;
}

static size_t threads_fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	struct thread_row *row = rows;
	size_t count = 0;

	for (size_t i = 0; i < snapshot->threads.count; i++) {
		const struct run_thread *t = &snapshot->threads.rows[i];
		struct thread_row *r = &row[count];

		if (t->process != view->subject)
			continue;
		r->key = (uint64_t)t->id;
		r->tid = t->tid;
		r->name = t->name;
		r->start = t->start_ns;
		r->end = end_or_now(snapshot, t->start_ns, t->end_ns);
		r->span = r->end - r->start;
		count++;
	}
	return count;
}

static const struct view_class *process_open(const void *row, int *subject, const char **name)
{
	const struct process_row *process = row;

	*subject = process->id;
	*name = process->command;
	return &view_threads;
}

static void process_terms(const struct view *view, const void *row, const struct snapshot *snapshot,
			  struct scope *terms)
{
	(void)view, (void)snapshot;
	view_term_number(terms, SCOPE_PROCESS, ((const struct process_row *)row)->pid);
}

static bool process_place(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct view_place *place)
{
	const struct process_row *p = row;

	(void)view;
	for (size_t i = 0; i < snapshot->threads.count; i++)
		if (snapshot->threads.rows[i].process == p->id) {
			*place = (struct view_place){ .lane = { LANE_THREAD, snapshot->threads.rows[i].id },
						      .start_ns = p->start, .end_ns = p->end };
			return true;
		}
	return false;
}

static bool thread_place(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct view_place *place)
{
	const struct thread_row *t = row;

	(void)view, (void)snapshot;
	*place = (struct view_place){ .lane = { LANE_THREAD, (int64_t)t->key }, .start_ns = t->start,
				      .end_ns = t->end };
	return true;
}

const struct view_class view_processes = {
	.title = "Processes",
	.short_title = "Procs",
	.noun = "processes",
	.one = "process",
	.help = "The recorded processes and where their GPU times come from. Enter lists the "
		"threads of a process.",
	.columns = process_columns,
	.column_count = COUNT_OF(process_columns),
	.row_size = sizeof(struct process_row),
	.empty = "no process used CUDA",
	.sort = 2,
	.room = processes_room,
	.fill = processes_fill,
	.honours = SCOPE_BIT(PROCESS),
	.terms = process_terms,
	.place = process_place,
	.open = process_open,
};

const struct view_class view_threads = {
	.title = "Threads",
	.noun = "threads",
	.one = "thread",
	.help = "The threads of one process that called the driver.",
	.columns = thread_columns,
	.column_count = COUNT_OF(thread_columns),
	.row_size = sizeof(struct thread_row),
	.empty = "no threads of this process",
	.sort = 3,
	.room = threads_room,
	.fill = threads_fill,
	.honours = SCOPE_BIT(PROCESS),
	.place = thread_place,
};

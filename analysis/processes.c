/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded processes and their threads. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"
#include "analysis/scope.h"

static int process_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_process *p;

	if (!run_passes(run, SCOPE_PROCESS, row_int(stmt, 0, -1)))
		return 0;
	p = LIST_ADD((struct run_process_list *)arg);
	if (!p)
		return run_fail(run, "out of memory");
	p->id = row_int(stmt, 0, -1);
	p->pid = row_int(stmt, 1, -1);
	p->name = row_text(stmt, 2);
	p->command_line = row_text(stmt, 3);
	p->state = row_text(stmt, 4);
	p->backend = row_text(stmt, 5);
	p->backend_note = row_text(stmt, 6);
	p->start_ns = row_u64(stmt, 7);
	p->end_ns = row_u64(stmt, 8);
	return 0;
}

int run_processes(struct run *run, struct run_process_list *list)
{
	*list = (struct run_process_list){ 0 };
	if (run_query(run,
		"SELECT id, pid, name, command_line, state, backend, backend_note, start_ns, end_ns "
		"FROM process ORDER BY start_ns, id", process_row, list) < 0) {
		run_process_list_free(list);
		return -1;
	}
	return 0;
}

static int thread_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_thread *t;

	if (!run_passes(run, SCOPE_PROCESS, row_int(stmt, 1, -1)))
		return 0;
	t = LIST_ADD((struct run_thread_list *)arg);
	if (!t)
		return run_fail(run, "out of memory");
	t->id = row_int(stmt, 0, -1);
	t->process = row_int(stmt, 1, -1);
	t->tid = row_int(stmt, 2, -1);
	t->name = row_text(stmt, 3);
	t->start_ns = row_u64(stmt, 4);
	t->end_ns = row_u64(stmt, 5);
	return 0;
}

int run_threads(struct run *run, struct run_thread_list *list)
{
	*list = (struct run_thread_list){ 0 };
	if (run_query(run,
		"SELECT id, process, tid, name, start_ns, end_ns FROM thread "
		"ORDER BY process, start_ns, id", thread_row, list) < 0) {
		run_thread_list_free(list);
		return -1;
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that follows the timeline: does what operations do once they end, tells the profiler
 * and the truth file, and watches values that streams wait for. A second thread runs host
 * functions, which may take as long as they like. Threads that synchronise help with effects.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define WAKE_NS 1000000		/* reports are this fresh */
#define POLL_NS 50000
#define IDLE_WAKES 20		/* empty wakes before the worker sleeps until it is kicked */

uint64_t sim_effects_added, sim_effects_done;
__thread bool sim_in_host_function;

static struct sim_op *effects, **effects_end = &effects;
static struct sim_op *reports, **reports_end = &reports;
static struct sim_op *hosts, **hosts_end = &hosts;
static struct sim_op *polls;
static bool is_effect_busy, is_report_busy, has_host_thread, is_worker_asleep;
static int prompt_count;	/* host functions that have been submitted and not begun */
static pthread_cond_t work = PTHREAD_COND_INITIALIZER, host_work = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* --- effects ---------------------------------------------------------------------------------- */
void sim_effect_add(struct sim_op *op)
{
	sim_op_ref(op);
	op->effect_next = NULL;
	*effects_end = op;
	effects_end = &op->effect_next;
	sim_effects_added++;
}

static void effect_perform(struct sim_op *op)
{
	struct sim_value *value = &op->task.value;

	switch (op->task.kind) {
	case SIM_TASK_COPY:
		sim_copy_run(&op->task.copy);
		free(op->task.copy.staging);
		break;
	case SIM_TASK_SET:
		sim_set_run(&op->task.set);
		break;
	case SIM_TASK_MEMORY:
		sim_memory_release(op->task.memory.allocation);
		break;
	case SIM_TASK_VALUE_WRITE:
		if (value->is_wide)
			__atomic_store_n((uint64_t *)value->address, value->value,
					 __ATOMIC_SEQ_CST);
		else
			__atomic_store_n((uint32_t *)value->address, (uint32_t)value->value,
					 __ATOMIC_SEQ_CST);
		break;
	default:
		break;
	}
}

void sim_effects_run(uint64_t mark)
{
	struct sim_op *op;

	while (sim_effects_done < mark) {
		if (is_effect_busy) {
			sim_progress_wait(sim_now_ns() + 10 * WAKE_NS);
			continue;
		}
		op = effects;
		effects = op->effect_next;
		if (!effects)
			effects_end = &effects;
		is_effect_busy = true;
		pthread_mutex_unlock(&sim_engine_lock);
		effect_perform(op);
		pthread_mutex_lock(&sim_engine_lock);
		is_effect_busy = false;
		sim_effects_done++;
		sim_op_unref(op);
		pthread_cond_broadcast(&sim_progress);
	}
}

/* --- reports ---------------------------------------------------------------------------------- */
void sim_report_add(struct sim_op *op)
{
	sim_op_ref(op);
	op->list_next = NULL;
	*reports_end = op;
	reports_end = &op->list_next;
}

static void activity_kernel(struct sim_activity *activity, const struct sim_op *op)
{
	const struct sim_kernel *kernel = &op->task.kernel;

	activity->kind = SIM_ACTIVITY_KERNEL;
	activity->function = kernel->function;
	for (int i = 0; i < 3; i++) {
		activity->grid[i] = kernel->grid[i];
		activity->block[i] = kernel->block[i];
		activity->cluster[i] = kernel->cluster[i];
	}
	activity->dynamic_shared = kernel->dynamic_shared;
	activity->launch_type = kernel->launch_type;
	activity->priority = kernel->has_priority ? kernel->priority : op->stream->priority;
}

static void activity_copy(struct sim_activity *activity, const struct sim_op *op)
{
	const struct sim_copy *copy = &op->task.copy;

	activity->kind = copy->kind == SIM_COPY_PTOP ? SIM_ACTIVITY_PEER_COPY : SIM_ACTIVITY_COPY;
	activity->bytes = (uint64_t)copy->width * copy->height * copy->depth;
	activity->copy_kind = copy->kind;
	activity->source_kind = copy->source_kind;
	activity->destination_kind = copy->destination_kind;
	activity->is_async = copy->is_async;
	activity->peer_device = -1;
	if (copy->kind == SIM_COPY_PTOP)
		activity->peer_device = copy->destination_device == op->context->device
						? copy->source_device->ordinal
						: copy->destination_device->ordinal;
}

/* False for what the profiling interface has no record of. */
static bool activity_of(const struct sim_op *op, struct sim_activity *activity)
{
	const struct sim_set *set = &op->task.set;

	*activity = (struct sim_activity){
		.start_ns = op->start_ns, .end_ns = op->end_ns, .correlation = op->correlation,
		.watched = op->watched,
		.device = op->context->device->ordinal, .context = op->context->id,
		.stream = op->stream ? op->stream->id : 0, .graph = op->graph_id,
		.graph_node = op->node,
	};
	switch (op->task.kind) {
	case SIM_TASK_KERNEL:
		activity_kernel(activity, op);
		return true;
	case SIM_TASK_COPY:
		activity_copy(activity, op);
		return true;
	case SIM_TASK_SET:
		activity->kind = SIM_ACTIVITY_SET;
		activity->bytes = (uint64_t)set->width * set->height * set->element_bytes;
		activity->value = set->value;
		activity->destination_kind = set->memory_kind;
		activity->is_async = set->is_async;
		return true;
	case SIM_TASK_GRAPH:
		activity->kind = SIM_ACTIVITY_GRAPH;
		return true;
	case SIM_TASK_HOST:
		activity->kind = SIM_ACTIVITY_HOST;
		return true;
	case SIM_TASK_SYNC:
		activity->kind = SIM_ACTIVITY_SYNC;
		activity->value = (uint32_t)op->task.sync.kind;
		return true;
	default:
		return false;
	}
}

/* Takes the lock away while the listener runs. One thread at a time, so that order is kept. */
static bool reports_run(void)
{
	struct sim_op *list = reports, *op, *next;
	struct sim_activity activity;

	if (!list || is_report_busy)
		return false;
	reports = NULL;
	reports_end = &reports;
	is_report_busy = true;
	pthread_mutex_unlock(&sim_engine_lock);
	for (op = list; op; op = op->list_next) {
		if (!op->is_failed && activity_of(op, &activity))
			sim_report(&activity);
		if (sim_truth_is_on())
			sim_truth_op(op);
	}
	pthread_mutex_lock(&sim_engine_lock);
	is_report_busy = false;
	for (op = list; op; op = next) {
		next = op->list_next;
		sim_op_unref(op);
	}
	pthread_cond_broadcast(&sim_progress);
	return true;
}

SIM_EXPORT void simcuda_settle(void)
{
	uint64_t now_ns = sim_now_ns();

	pthread_mutex_lock(&sim_engine_lock);
	while (!sim_engine_advance(now_ns))
		;
	sim_effects_run(sim_effects_added);
	while (reports || is_report_busy)
		if (!reports_run())
			sim_progress_wait(sim_now_ns() + WAKE_NS);
	pthread_mutex_unlock(&sim_engine_lock);
	sim_truth_flush(true);
}

/* --- host functions --------------------------------------------------------------------------- */
void sim_host_add(struct sim_op *op)
{
	sim_op_ref(op);
	op->effect_next = NULL;
	*hosts_end = op;
	hosts_end = &op->effect_next;
	pthread_cond_signal(&host_work);
}

static void host_call(struct sim_op *op)
{
	const struct sim_host *host = &op->task.host;

	sim_in_host_function = true;
	if (host->callback)
		host->callback(host->stream, op->context->error, host->data);
	else
		host->function(host->data);
	sim_in_host_function = false;
}

static void *host_thread(void *unused)
{
	struct sim_op *op;

	pthread_mutex_lock(&sim_engine_lock);
	for (;;) {
		while (!hosts)
			pthread_cond_wait(&host_work, &sim_engine_lock);
		op = hosts;
		hosts = op->effect_next;
		if (!hosts)
			hosts_end = &hosts;
		sim_effects_run(op->effect_mark);
		prompt_count--;
		pthread_mutex_unlock(&sim_engine_lock);
		host_call(op);
		pthread_mutex_lock(&sim_engine_lock);
		sim_op_finish(op, sim_now_ns());
		sim_engine_advance(sim_now_ns());
		sim_op_unref(op);
		pthread_cond_broadcast(&sim_progress);
	}
	return unused;
}

/* --- values that streams wait for ------------------------------------------------------------- */
void sim_poll_add(struct sim_op *op)
{
	op->effect_next = polls;
	polls = op;
}

static bool value_is_there(const struct sim_value *value)
{
	uint64_t now = value->is_wide
			       ? __atomic_load_n((uint64_t *)value->address, __ATOMIC_SEQ_CST)
			       : __atomic_load_n((uint32_t *)value->address, __ATOMIC_SEQ_CST);
	uint64_t mask = value->is_wide ? UINT64_MAX : UINT32_MAX;

	switch (value->flags & 3) {
	case CU_STREAM_WAIT_VALUE_EQ:
		return now == (value->value & mask);
	case CU_STREAM_WAIT_VALUE_AND:
		return (now & value->value) != 0;
	case CU_STREAM_WAIT_VALUE_NOR:
		return (~(now | value->value) & mask) != 0;
	default:	/* cyclic: the difference is not negative */
		return value->is_wide ? (int64_t)(now - value->value) >= 0 :
					(int32_t)((uint32_t)now - (uint32_t)value->value) >= 0;
	}
}

static void polls_run(uint64_t now_ns)
{
	struct sim_op **link = &polls, *op;

	while ((op = *link)) {
		if (!value_is_there(&op->task.value)) {
			link = &op->effect_next;
			continue;
		}
		*link = op->effect_next;
		sim_op_finish(op, now_ns);
		pthread_cond_broadcast(&sim_progress);
	}
}

/* --- the worker ------------------------------------------------------------------------------- */
static uint64_t worker_wake_ns(uint64_t now_ns)
{
	uint64_t wake_ns = now_ns + WAKE_NS, next_ns = sim_engine_next_ns();

	if (polls)
		wake_ns = now_ns + POLL_NS;
	if (prompt_count && next_ns < wake_ns)
		wake_ns = next_ns;
	return wake_ns;
}

static void worker_sleep(uint64_t now_ns, int *idle_wakes)
{
	bool is_idle = sim_engine_next_ns() == UINT64_MAX && !polls;
	uint64_t wake_ns = worker_wake_ns(now_ns);

	*idle_wakes = is_idle ? *idle_wakes + 1 : 0;
	if (*idle_wakes <= IDLE_WAKES) {
		pthread_mutex_unlock(&sim_engine_lock);
		sim_truth_flush(*idle_wakes == IDLE_WAKES);
		sim_sleep_until(wake_ns, false);
		pthread_mutex_lock(&sim_engine_lock);
		return;
	}
	is_worker_asleep = true;
	while (is_worker_asleep)
		pthread_cond_wait(&work, &sim_engine_lock);
	*idle_wakes = 0;
}

static void *worker_thread(void *unused)
{
	uint64_t now_ns;
	int idle_wakes = 0;
	bool is_settled;

	pthread_mutex_lock(&sim_engine_lock);
	for (;;) {
		now_ns = sim_now_ns();
		polls_run(now_ns);
		is_settled = sim_engine_advance(now_ns);
		sim_effects_run(sim_effects_added);
		if (reports_run())
			continue;
		if (is_settled) {
			worker_sleep(now_ns, &idle_wakes);
		} else {
			pthread_mutex_unlock(&sim_engine_lock);
			pthread_mutex_lock(&sim_engine_lock);
		}
	}
	return unused;
}

void sim_worker_kick(void)
{
	if (__builtin_expect(is_worker_asleep, 0)) {
		is_worker_asleep = false;
		pthread_cond_signal(&work);
	}
}

/* The program's signals are not for these threads. */
static void thread_start(void *(*run)(void *))
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, run, NULL) == 0)
		pthread_detach(thread);
	else
		abort();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void sim_host_expect(void)
{
	prompt_count++;
	if (!has_host_thread) {
		has_host_thread = true;
		thread_start(host_thread);
	}
	if (is_worker_asleep)
		sim_worker_kick();
}

/* --- life of the process ---------------------------------------------------------------------- */
static void fork_before(void)
{
	pthread_mutex_lock(&sim_engine_lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&sim_engine_lock);
}

/* No thread of ours lives in the child, and the device is the parent's. */
static void fork_child(void)
{
	sim_engine_forget();
	effects = reports = hosts = polls = NULL;
	effects_end = &effects;
	reports_end = &reports;
	hosts_end = &hosts;
	sim_effects_added = sim_effects_done = 0;
	is_effect_busy = is_report_busy = has_host_thread = is_worker_asleep = false;
	pthread_mutex_unlock(&sim_engine_lock);
	sim_truth_forget();
	sim_meters_forget();
}

static void worker_once(void)
{
	pthread_atfork(fork_before, fork_parent, fork_child);
	thread_start(worker_thread);
}

void sim_worker_start(void)
{
	pthread_once(&once, worker_once);
}

/* What the device was still at when the program ended stays unfinished, as on real hardware. */
__attribute__((destructor)) static void worker_end(void)
{
	simcuda_settle();
	sim_meters_end();
	sim_truth_end();
}

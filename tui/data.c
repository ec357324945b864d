/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the file in a thread of its own: see data.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/data.h"

#include "analysis/scope.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 500000000L	/* how often a growing file is looked at */
#define COUNT_PAUSE 4		/* times its own length that a count waits before the next */

struct loader {
	struct run *run;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int fd;
	/* Under the lock: */
	struct snapshot *ready;
	unsigned asked, answered;	/* readings asked for and done */
	struct paths_how how;
	char *scope;			/* asked for */
	bool stop, cancel, is_counting;
	uint64_t counted, to_count;
	char error[512];
	/* The thread's own: */
	char *applied;			/* scope */
	double next_count;		/* a growing file is not counted again before */
	bool is_stale;
};

/* What is to be read next. */
struct demand {
	unsigned asked;
	struct paths_how how;
	char *scope;
	bool stop;
};

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->buckets && i < s->devices.count; i++)
		run_bucket_list_free(&s->buckets[i]);
	free(s->buckets);
	run_info_free(&s->info);
	run_device_list_free(&s->devices);
	run_kernel_list_free(&s->kernels);
	run_kernel_list_free(&s->shapes);
	run_api_list_free(&s->apis);
	run_copy_list_free(&s->copies);
	run_memory_list_free(&s->memory);
	run_loss_list_free(&s->losses);
	run_process_list_free(&s->processes);
	run_thread_list_free(&s->threads);
	taken_free(&s->taken);
	if (s->paths)
		callpath_tree_free(s->paths);
	free(s->paths);
	free(s->scope);
	free(s);
}

/* The charts span the GPU work of all devices, or the whole run where there is none; and no more of
 * it than the stretch of time that is looked at. */
static int read_buckets(struct run *run, struct snapshot *s)
{
	uint64_t to_ns;

	run_narrowed_span(run, &s->chart_from_ns, &to_ns);
	s->chart_to_ns = s->info.span_ns;
	for (size_t i = 0; i < s->devices.count; i++)
		if (s->devices.rows[i].last_ns > s->chart_to_ns)
			s->chart_to_ns = s->devices.rows[i].last_ns;
	if (to_ns < s->chart_to_ns)
		s->chart_to_ns = to_ns;
	if (s->chart_from_ns > s->chart_to_ns)
		s->chart_from_ns = s->chart_to_ns;
	if (s->devices.count == 0)
		return 0;
	s->buckets = calloc(s->devices.count, sizeof(*s->buckets));
	if (!s->buckets)
		return -1;
	for (size_t i = 0; s->chart_to_ns > s->chart_from_ns && i < s->devices.count; i++)
		if (run_buckets(run, s->devices.rows[i].id, s->chart_from_ns, s->chart_to_ns,
				SNAPSHOT_COLUMNS, &s->buckets[i]) < 0)
			return -1;
	return 0;
}

static struct snapshot *read_snapshot(struct run *run, struct paths_how how, const char *scope)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->paths_how = how;
	s->scope = strdup(scope);
	s->paths = calloc(1, sizeof(*s->paths));
	if (!s->scope || !s->paths || run_info(run, &s->info) < 0 || run_devices(run, &s->devices) < 0 ||
	    run_kernels(run, false, &s->kernels) < 0 || run_kernels(run, true, &s->shapes) < 0 ||
	    run_apis(run, &s->apis) < 0 || run_copies(run, &s->copies) < 0 ||
	    run_memory(run, &s->memory) < 0 || run_losses(run, &s->losses) < 0 ||
	    run_processes(run, &s->processes) < 0 || run_threads(run, &s->threads) < 0 ||
	    taken_load(run, &s->taken) < 0 ||
	    run_callpaths(run, how.order, how.metric, how.interpreter ? CALLPATH_INTERPRETER : 0,
			  s->paths) < 0 ||
	    read_buckets(run, s) < 0) {
		snapshot_free(s);
		return NULL;
	}
	return s;
}

static void announce(struct loader *loader)
{
	uint64_t one = 1;
	ssize_t written = write(loader->fd, &one, sizeof(one));

	(void)written;		/* only fails when the counter is full: then it is readable */
}

static void publish(struct loader *loader, struct snapshot *s, unsigned answered)
{
	struct snapshot *old = s;

	pthread_mutex_lock(&loader->lock);
	if (s) {
		old = loader->ready;
		loader->ready = s;
		loader->error[0] = '\0';
	} else {
		snprintf(loader->error, sizeof(loader->error), "%s", run_error(loader->run));
	}
	loader->answered = answered;
	pthread_cond_broadcast(&loader->changed);
	pthread_mutex_unlock(&loader->lock);
	snapshot_free(old);
	announce(loader);
}

/* Sleeps half a second or until asked. */
static struct demand wait_for_demand(struct loader *loader)
{
	struct timespec until;
	struct demand demand;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += POLL_NS;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&loader->lock);
	while (!loader->stop && loader->asked == loader->answered)
		if (pthread_cond_timedwait(&loader->changed, &loader->lock, &until) == ETIMEDOUT)
			break;
	demand = (struct demand){ loader->asked, loader->how, strdup(loader->scope), loader->stop };
	pthread_mutex_unlock(&loader->lock);
	return demand;
}

static void on_count(void *arg, uint64_t done, uint64_t total)
{
	struct loader *loader = arg;
	bool tell;

	pthread_mutex_lock(&loader->lock);
	/* A screen every hundredth part is enough. */
	tell = done == 0 || done - loader->counted > total / 100 || done < loader->counted;
	if (tell)
		loader->counted = done;
	loader->to_count = total;
	loader->is_counting = true;
	pthread_mutex_unlock(&loader->lock);
	if (tell)
		announce(loader);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int count_scope(struct loader *loader, const char *text)
{
	double begun = seconds_now();
	struct scope scope;
	char why[256];
	int result;

	if (!*text)
		return run_unscope(loader->run);
	if (scope_parse(text, &scope, why, sizeof(why)) < 0)
		return -1;	/* whoever asked has parsed it before */
	on_count(loader, 0, 0);
	run_on_progress(loader->run, on_count, loader);
	result = run_scope(loader->run, &scope);
	run_on_progress(loader->run, NULL, NULL);
	scope_free(&scope);
	pthread_mutex_lock(&loader->lock);
	loader->is_counting = false;
	pthread_mutex_unlock(&loader->lock);
	loader->next_count = seconds_now() + COUNT_PAUSE * (seconds_now() - begun);
	return result;
}

/* Under the lock. */
static void end_cancel(struct loader *loader)
{
	if (loader->cancel && !loader->stop)
		run_resume(loader->run);
	loader->cancel = false;
}

/* What was asked for cannot be had, or is not wanted any more: things stay as they are. */
static void give_up(struct loader *loader, const struct demand *demand)
{
	pthread_mutex_lock(&loader->lock);
	snprintf(loader->error, sizeof(loader->error), "%s",
		 loader->cancel || loader->stop ? "" : run_error(loader->run));
	if (demand->scope && strcmp(loader->scope, demand->scope) == 0) {
		char *applied = strdup(loader->applied);

		free(applied ? loader->scope : NULL);
		loader->scope = applied ? applied : loader->scope;
	}
	end_cancel(loader);
	loader->answered = demand->asked;
	pthread_cond_broadcast(&loader->changed);
	pthread_mutex_unlock(&loader->lock);
	announce(loader);
}

/* 0, 1 when it is too early to count again, -1 without success. */
static int apply_scope(struct loader *loader, const char *scope, bool asked)
{
	if (strcmp(scope, loader->applied) == 0 && (!*scope || !loader->is_stale))
		return 0;
	if (strcmp(scope, loader->applied) == 0 && !asked && seconds_now() < loader->next_count)
		return 1;
	if (count_scope(loader, scope) < 0)
		return -1;
	free(loader->applied);
	loader->applied = strdup(scope);
	return loader->applied ? 0 : -1;
}

static void answer(struct loader *loader, const struct demand *demand, bool asked)
{
	int applied = demand->scope ? apply_scope(loader, demand->scope, asked) : -1;

	if (applied > 0)
		return;
	if (applied < 0) {
		give_up(loader, demand);
		return;
	}
	/* Whoever wanted to cancel the count came too late. */
	pthread_mutex_lock(&loader->lock);
	end_cancel(loader);
	pthread_mutex_unlock(&loader->lock);
	loader->is_stale = false;
	publish(loader, read_snapshot(loader->run, demand->how, loader->applied), demand->asked);
}

static void *loader_main(void *arg)
{
	struct loader *loader = arg;
	unsigned done = 0;
	bool stop = false;

	while (!stop) {
		struct demand demand = wait_for_demand(loader);

		stop = demand.stop;
		loader->is_stale |= run_changed(loader->run);
		if (!stop && (demand.asked != done || loader->is_stale))
			answer(loader, &demand, demand.asked != done);
		done = demand.asked;
		free(demand.scope);
	}
	return NULL;
}

struct loader *loader_start(struct run *run)
{
	struct loader *loader = calloc(1, sizeof(*loader));
	sigset_t all, old;

	if (!loader)
		return NULL;
	loader->run = run;
	loader->asked = 1;
	loader->scope = strdup("");
	loader->applied = strdup("");
	loader->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&loader->lock, NULL);
	pthread_cond_init(&loader->changed, NULL);
	/* Signals are for the thread that reads keys: they must wake its poll(). */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = loader->fd < 0 ? errno : !loader->scope || !loader->applied ? ENOMEM :
		pthread_create(&loader->thread, NULL, loader_main, loader);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (loader->fd < 0 || errno) {
		if (loader->fd >= 0)
			close(loader->fd);
		free(loader->scope);
		free(loader->applied);
		free(loader);
		return NULL;
	}
	return loader;
}

void loader_stop(struct loader *loader)
{
	if (!loader)
		return;
	pthread_mutex_lock(&loader->lock);
	loader->stop = true;
	pthread_cond_broadcast(&loader->changed);
	pthread_mutex_unlock(&loader->lock);
	run_stop(loader->run);
	pthread_join(loader->thread, NULL);
	snapshot_free(loader->ready);
	run_close(loader->run);
	close(loader->fd);
	pthread_mutex_destroy(&loader->lock);
	pthread_cond_destroy(&loader->changed);
	free(loader->scope);
	free(loader->applied);
	free(loader);
}

int loader_fd(const struct loader *loader)
{
	return loader->fd;
}

struct snapshot *loader_take(struct loader *loader)
{
	struct snapshot *taken;
	uint64_t count;
	ssize_t got = read(loader->fd, &count, sizeof(count));

	(void)got;		/* nothing to read is fine */
	pthread_mutex_lock(&loader->lock);
	taken = loader->ready;
	loader->ready = NULL;
	pthread_mutex_unlock(&loader->lock);
	return taken;
}

void loader_ask(struct loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	loader->asked++;
	pthread_cond_broadcast(&loader->changed);
	pthread_mutex_unlock(&loader->lock);
}

void loader_ask_paths(struct loader *loader, struct paths_how how)
{
	pthread_mutex_lock(&loader->lock);
	loader->how = how;
	pthread_mutex_unlock(&loader->lock);
	loader_ask(loader);
}

void loader_ask_scope(struct loader *loader, const char *scope)
{
	char *copy = strdup(scope);

	if (!copy)
		return;
	pthread_mutex_lock(&loader->lock);
	free(loader->scope);
	loader->scope = copy;
	/* What is being counted is not wanted any more. */
	if (loader->is_counting) {
		loader->cancel = true;
		run_stop(loader->run);
	}
	pthread_mutex_unlock(&loader->lock);
	loader_ask(loader);
}

bool loader_is_counting(struct loader *loader, uint64_t *done, uint64_t *total)
{
	bool is_counting;

	pthread_mutex_lock(&loader->lock);
	is_counting = loader->is_counting;
	*done = loader->counted;
	*total = loader->to_count;
	pthread_mutex_unlock(&loader->lock);
	return is_counting;
}

void loader_cancel(struct loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	if (loader->is_counting) {
		loader->cancel = true;
		run_stop(loader->run);
	}
	pthread_mutex_unlock(&loader->lock);
}

char *loader_scope(struct loader *loader)
{
	char *scope;

	pthread_mutex_lock(&loader->lock);
	scope = strdup(loader->scope);
	pthread_mutex_unlock(&loader->lock);
	return scope;
}

void loader_wait(struct loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	while (loader->answered != loader->asked)
		pthread_cond_wait(&loader->changed, &loader->lock);
	pthread_mutex_unlock(&loader->lock);
}

void loader_error(struct loader *loader, char *out, size_t size)
{
	pthread_mutex_lock(&loader->lock);
	snprintf(out, size, "%s", loader->error);
	pthread_mutex_unlock(&loader->lock);
}

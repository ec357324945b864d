/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the file in a thread of its own: see data.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/data.h"

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
	bool stop;
	char error[512];
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
	callpath_tree_free(&s->paths);
	free(s);
}

/* The charts span the GPU work of all devices, or the whole run where there is none. */
static int read_buckets(struct run *run, struct snapshot *s)
{
	s->chart_to_ns = s->info.span_ns;
	for (size_t i = 0; i < s->devices.count; i++)
		if (s->devices.rows[i].last_ns > s->chart_to_ns)
			s->chart_to_ns = s->devices.rows[i].last_ns;
	if (s->devices.count == 0)
		return 0;
	s->buckets = calloc(s->devices.count, sizeof(*s->buckets));
	if (!s->buckets)
		return -1;
	for (size_t i = 0; s->chart_to_ns > 0 && i < s->devices.count; i++)
		if (run_buckets(run, s->devices.rows[i].id, s->chart_from_ns, s->chart_to_ns,
				SNAPSHOT_COLUMNS, &s->buckets[i]) < 0)
			return -1;
	return 0;
}

static struct snapshot *read_snapshot(struct run *run, struct paths_how how)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->paths_how = how;
	if (run_info(run, &s->info) < 0 || run_devices(run, &s->devices) < 0 ||
	    run_kernels(run, false, &s->kernels) < 0 || run_kernels(run, true, &s->shapes) < 0 ||
	    run_apis(run, &s->apis) < 0 || run_copies(run, &s->copies) < 0 ||
	    run_memory(run, &s->memory) < 0 || run_losses(run, &s->losses) < 0 ||
	    run_processes(run, &s->processes) < 0 || run_threads(run, &s->threads) < 0 ||
	    run_callpaths(run, how.order, how.metric, how.interpreter ? CALLPATH_INTERPRETER : 0,
			  &s->paths) < 0 ||
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

/* Sleeps half a second or until asked; returns the number of the newest demand. */
static unsigned wait_for_demand(struct loader *loader, bool *stop, struct paths_how *how)
{
	struct timespec until;
	unsigned asked;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += POLL_NS;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&loader->lock);
	while (!loader->stop && loader->asked == loader->answered)
		if (pthread_cond_timedwait(&loader->changed, &loader->lock, &until) == ETIMEDOUT)
			break;
	asked = loader->asked;
	*stop = loader->stop;
	*how = loader->how;
	pthread_mutex_unlock(&loader->lock);
	return asked;
}

static void *loader_main(void *arg)
{
	struct loader *loader = arg;
	struct paths_how how;
	unsigned done = 0;
	bool stop = false;

	while (!stop) {
		unsigned asked = wait_for_demand(loader, &stop, &how);

		if (!stop && (asked != done || run_changed(loader->run))) {
			publish(loader, read_snapshot(loader->run, how), asked);
			done = asked;
		}
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
	loader->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&loader->lock, NULL);
	pthread_cond_init(&loader->changed, NULL);
	/* Signals are for the thread that reads keys: they must wake its poll(). */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = loader->fd < 0 ? errno : pthread_create(&loader->thread, NULL, loader_main, loader);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (loader->fd < 0 || errno) {
		if (loader->fd >= 0)
			close(loader->fd);
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

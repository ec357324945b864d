/* SPDX-License-Identifier: Apache-2.0 */
/* Two recordings compared in the background: see diff.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/diff.h"

#include "analysis/analysis.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct diff_reader {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const char *paths[2];
	struct run_metric_list figures[2];
	int fd;
	/* Under the lock: */
	struct run *run;		/* that is being read */
	struct metric_change_list changes;
	char error[512];
	bool done, stop;
};

static void say(struct diff_reader *reader, const char *path, const char *error)
{
	pthread_mutex_lock(&reader->lock);
	snprintf(reader->error, sizeof(reader->error), "%s%s%s", path, *path ? ": " : "",
		 error ? error : "out of memory");
	pthread_mutex_unlock(&reader->lock);
}

static bool read_one(struct diff_reader *reader, int which)
{
	char *error = NULL;
	struct run *run = run_open(reader->paths[which], &error);
	bool stop, good;

	pthread_mutex_lock(&reader->lock);
	reader->run = run;
	stop = reader->stop;
	pthread_mutex_unlock(&reader->lock);
	good = run && !stop && run_metrics(run, &reader->figures[which]) == 0;
	if (!good && !stop)
		say(reader, run ? reader->paths[which] : "", run ? run_error(run) : error);
	pthread_mutex_lock(&reader->lock);
	reader->run = NULL;
	pthread_mutex_unlock(&reader->lock);
	run_close(run);
	free(error);
	return good;
}

static void *diff_main(void *arg)
{
	struct diff_reader *reader = arg;
	struct metric_change_list changes = { 0 };
	uint64_t one = 1;

	if (read_one(reader, 0) && read_one(reader, 1) &&
	    metric_changes(&reader->figures[0], &reader->figures[1], &changes) < 0)
		say(reader, "", NULL);
	pthread_mutex_lock(&reader->lock);
	reader->changes = changes;
	reader->done = true;
	pthread_cond_broadcast(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
	if (write(reader->fd, &one, sizeof(one)) < 0)
		return NULL;		/* the counter is full: then it is readable */
	return NULL;
}

struct diff_reader *diff_reader_start(const char *before, const char *after, int fd)
{
	struct diff_reader *reader = calloc(1, sizeof(*reader));
	sigset_t all, old;
	int failed;

	if (!reader)
		return NULL;
	reader->paths[0] = before;
	reader->paths[1] = after;
	reader->fd = fd;
	pthread_mutex_init(&reader->lock, NULL);
	pthread_cond_init(&reader->changed, NULL);
	/* Signals are for the thread that reads keys. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	failed = pthread_create(&reader->thread, NULL, diff_main, reader);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!failed)
		return reader;
	free(reader);
	return NULL;
}

void diff_reader_stop(struct diff_reader *reader)
{
	if (!reader)
		return;
	pthread_mutex_lock(&reader->lock);
	reader->stop = true;
	if (reader->run)
		run_stop(reader->run);
	pthread_mutex_unlock(&reader->lock);
	pthread_join(reader->thread, NULL);
	metric_change_list_free(&reader->changes);
	run_metric_list_free(&reader->figures[0]);
	run_metric_list_free(&reader->figures[1]);
	pthread_mutex_destroy(&reader->lock);
	pthread_cond_destroy(&reader->changed);
	free(reader);
}

const struct metric_change_list *diff_reader_take(struct diff_reader *reader, const char **error)
{
	bool done;

	pthread_mutex_lock(&reader->lock);
	done = reader->done;
	pthread_mutex_unlock(&reader->lock);
	*error = done && reader->error[0] ? reader->error : NULL;
	return done && !*error ? &reader->changes : NULL;
}

void diff_reader_wait(struct diff_reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	while (!reader->done)
		pthread_cond_wait(&reader->changed, &reader->lock);
	pthread_mutex_unlock(&reader->lock);
}

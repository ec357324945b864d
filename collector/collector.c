/* SPDX-License-Identifier: Apache-2.0 */
/* The collector's life: listening, rounds, committing, finishing. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/callpath.h"
#include "collector/core.h"
#include "collector/nvml.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define COMMIT_NS 200000000ll
#define SUMMARY_NS 1000000000ll
#define ROWS_MAX (1u << 18)		/* waiting in one window */
#define KEEP_ROWS 32768			/* written launches kept for late GPU times */
#define PROCESSES_MAX 65536
#define TIMER_SLACK_NS 100000
#define NICE -10

/* While this thread waits for a processor the rings fill. Not permitted to most users but root. */
static void be_preferred(void)
{
	if (getpriority(PRIO_PROCESS, 0) > NICE)
		setpriority(PRIO_PROCESS, 0, NICE);
}

int collector_listen(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd;

	if (length + 1 > sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path + 1, name, length);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) < 0 ||
	    listen(fd, 128) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct collector_options options_copy(struct collector *c,
					     const struct collector_options *from)
{
	struct collector_options options = *from;

	c->path = strdup(from->path);
	options.path = c->path;
	return options;
}

struct collector *collector_new(const struct collector_options *options, int listener)
{
	struct collector *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->options = options_copy(c, options);
	c->listener = listener;
	c->control_runs = !options->control.delay_ns;
	c->summary = summary_new();
	c->estimate = estimate_new();
	c->callpath = callpath_new(c);
	if (options->control.activity_period_ns)
		c->activity = activity_new(options->nvml ? options->nvml : NVML_LIBRARY,
					   options->control.activity_period_ns);
	c->first_event_ns = INT64_MAX;
	c->kernel_keys = (struct intern){ .key_bytes = 16, .limit = FUNCTIONS_MAX };
	c->shape_keys = (struct intern){ .key_bytes = 40, .limit = 4u << 20 };
	for (int table = 0; table < TABLE_COUNT; table++) {
		window_init(&c->windows[table], (enum table)table, ROWS_MAX, c);
		c->windows[table].write = row_write;
		c->windows[table].retire = row_retire;
		c->windows[table].keep_rows = KEEP_ROWS;
	}
	/* Its nodes name it by the id it will get, so it keeps its place. */
	c->windows[TABLE_GRAPH_LAUNCH].fifo = true;
	if (!c->path || !c->summary || !c->estimate || !c->callpath ||
	    (options->control.activity_period_ns && !c->activity) || clock_init(&c->clock) < 0) {
		activity_free(c->activity);
		clock_free(&c->clock);
		summary_free(c->summary);
		estimate_free(c->estimate);
		callpath_free(c->callpath);
		free(c->path);
		free(c);
		return NULL;
	}
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	be_preferred();
	return c;
}

int collector_open_file(struct collector *c, char **error)
{
	c->db = database_create(c->path, error);
	if (!c->db)
		return -1;
	meta_start(c, &c->options);
	database_commit(c->db);
	if (database_error(c->db)) {
		*error = strdup(database_error(c->db));
		database_close(c->db);
		c->db = NULL;
		unlink(c->path);
		return -1;
	}
	return 0;
}

static void welcome(struct process *p, uint32_t status, const char *reason)
{
	struct wire_welcome answer = { .magic = WIRE_MAGIC,
				       .version = WIRE_VERSION,
				       .status = status };

	snprintf(answer.reason, sizeof(answer.reason), "%s", reason ? reason : "");
	send(p->socket, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void accept_one(struct collector *c)
{
	int socket = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct process *p;
	char *error = NULL;

	if (socket < 0)
		return;
	p = process_accept(c, socket);
	if (!p)
		return;
	if ((!c->db && collector_open_file(c, &error) < 0) || c->process_count >= PROCESSES_MAX ||
	    !array_reserve(&c->processes, &c->process_capacity, c->process_count,
			   sizeof(*c->processes))) {
		welcome(p, 2, error);
		free(error);
		process_free(p);
		return;
	}
	c->processes[c->process_count++] = p;
	p->id = c->process_count;
	c->open_count++;
	entity_process(p);
	control_accept(p);
	welcome(p, 0, NULL);
}

/* EOF on the connection: the process ended, became another program, or detached. */
static bool hung_up(const struct process *p)
{
	char byte[16];
	ssize_t got = recv(p->socket, byte, sizeof(byte), MSG_DONTWAIT);

	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

static void poll_sockets(struct collector *c, int wait_ms, int extra_fd)
{
	struct pollfd *fds = calloc(c->open_count + 2, sizeof(*fds));
	struct process **of = calloc(c->open_count + 2, sizeof(struct process *));
	uint32_t count = 2;

	if (fds && of) {
		fds[0] = (struct pollfd){ .fd = c->listener, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = extra_fd, .events = POLLIN };
		for (uint32_t i = 0; i < c->process_count; i++) {
			if (c->processes[i]->closed)
				continue;
			of[count] = c->processes[i];
			fds[count++] =
				(struct pollfd){ .fd = c->processes[i]->socket, .events = POLLIN };
		}
		if (poll(fds, count, wait_ms) > 0) {
			for (uint32_t i = 2; i < count; i++)
				if (fds[i].revents && hung_up(of[i])) {
					process_close(of[i]);
					c->open_count--;
				}
			if (fds[0].revents)
				accept_one(c);
		}
	}
	free(fds);
	free(of);
}

static void stop_if_broken(struct collector *c)
{
	if (c->db && database_error(c->db))
		c->stopped = true;
}

static void write_due(struct collector *c, bool last)
{
	int64_t now = clock_now(&c->clock);

	for (int table = 0; table < TABLE_COUNT; table++)
		window_release(&c->windows[table], now, last);
	if (last || now - c->summarised_ns >= SUMMARY_NS) {
		c->summarised_ns = now;
		for (uint32_t i = 0; i < c->process_count; i++) {
			if (!c->processes[i]->closed) {
				entity_process(c->processes[i]);
				process_counters(c->processes[i]);
			} else {
				process_look_again(c->processes[i]);
			}
			process_routes(c->processes[i]);
		}
		summary_write(c->summary, c->db, now);
		estimate_write(c->estimate, c->db);
		callpath_write(c->callpath);
		if (c->activity)
			activity_write(c->activity, c->db, c->clock.origin_ns, last);
		meta_update(c);
	}
	if (last || now - c->committed_ns >= COMMIT_NS) {
		c->committed_ns = now;
		stream_write(c);
		graph_write(c);
		database_commit(c->db);
	}
	stop_if_broken(c);
}

void collector_step(struct collector *c, int wait_ms, int extra_fd)
{
	uint64_t before = c->records;

	control_step(c, clock_now(&c->clock));
	if (c->activity)
		activity_run(c->activity, c->control_runs && c->open_count);
	for (uint32_t i = 0; i < c->process_count; i++)
		if (!c->processes[i]->closed)
			process_drain(c->processes[i]);
	if (c->db) {
		gpu_expire_waiting(c, clock_now(&c->clock), false);
		write_due(c, false);
	}
	/* Busy: look again soon; idle: back off up to what the caller allows. */
	if (c->records != before)
		c->idle_rounds = 0;
	else if (c->idle_rounds < 1000)
		c->idle_rounds++;
	if (c->idle_rounds < 10 && wait_ms > 1)
		wait_ms = 1;
	poll_sockets(c, wait_ms, extra_fd);
}

uint32_t collector_clients(const struct collector *c)
{
	return c->open_count;
}

uint32_t collector_processes(const struct collector *c)
{
	return c->process_count;
}

void collector_child_ended(struct collector *c, pid_t pid, int wait_status)
{
	for (uint32_t i = c->process_count; i-- > 0;) {
		struct process *p = c->processes[i];

		if (p->pid != pid)
			continue;
		p->exit_status = wait_status;
		if (p->closed) {
			p->state = (wait_status & 0x7f) ? "killed" : "exited";
			entity_process(p);
		}
		return;
	}
}

const char *collector_broken(const struct collector *c)
{
	return c->db ? database_error(c->db) : NULL;
}

static void figures_take(struct collector *c, struct collector_figures *figures)
{
	static const enum wire_counter losses[] = {
		WIRE_COUNTER_lost_records, WIRE_COUNTER_lost_threads, WIRE_COUNTER_lost_gpu_records,
		WIRE_COUNTER_lost_gpu_buffers, WIRE_COUNTER_cupti_dropped,
	};

	if (c->last_event_ns > c->first_event_ns)
		figures->span_ns = c->last_event_ns - c->first_event_ns;
	figures->lost = c->counters[COUNT_rows_lost];
	for (uint32_t i = 0; i < c->process_count; i++) {
		const struct process *p = c->processes[i];

		for (size_t k = 0; k < sizeof(losses) / sizeof(losses[0]); k++)
			figures->lost += process_counter(p, losses[k]);
		figures->lost += p->counters[COUNT_ring_corrupt];
		figures->lost += p->counters[COUNT_gpu_missing];
	}
}

static void collector_free(struct collector *c)
{
	for (uint32_t i = 0; i < c->process_count; i++)
		process_free(c->processes[i]);
	for (int table = 0; table < TABLE_COUNT; table++)
		window_free(&c->windows[table]);
	HASH_CLEAR(hh, c->texts);
	for (uint32_t i = 1; i <= c->text_count; i++)
		free(c->text_list[i]);
	free(c->text_list);
	intern_free(&c->kernel_keys);
	intern_free(&c->shape_keys);
	graph_content_free(&c->graph_content);
	free(c->kernels);
	free(c->streams);
	free(c->graphs);
	free(c->waiting);
	free(c->processes);
	summary_free(c->summary);
	estimate_free(c->estimate);
	callpath_free(c->callpath);
	activity_free(c->activity);
	clock_free(&c->clock);
	if (c->listener >= 0)
		close(c->listener);
	free(c->path);
	free(c);
}

/* The rest could not be written: what is there is put in order, with room set aside for that.
 * Should that fail too, the file is as a killed recorder leaves it. */
static void file_truncate(struct collector *c, struct collector_figures *figures)
{
	struct recovery recovery;

	c->counters[COUNT_rows_lost] += database_lost(c->db);
	database_revive(c->db);
	for (uint32_t i = 0; i < c->process_count; i++)
		entity_process(c->processes[i]);
	stream_write(c);
	graph_write(c);
	meta_update(c);
	database_close(c->db);
	recover_file(c->path, true, NULL, NULL, &recovery);
	figures->kernels = recovery.kernels;
	figures->copies = recovery.copies;
}

static int file_finish(struct collector *c, struct collector_figures *figures, char **error)
{
	if (database_error(c->db)) {
		*error = strdup(database_error(c->db));
		file_truncate(c, figures);
		return -1;
	}
	return database_close(c->db);
}

int collector_close(struct collector *c, struct collector_figures *figures, char **error)
{
	struct stat status;
	uint64_t file_bytes = 0;
	int rc = 0;

	*error = NULL;
	for (uint32_t i = 0; i < c->process_count; i++)
		process_close(c->processes[i]);
	c->open_count = 0;
	if (c->db) {
		gpu_expire_waiting(c, clock_now(&c->clock), true);
		write_due(c, true);
		/* May take long: by then all rows are safe. */
		callpath_finish(c->callpath);
		database_meta_text(c->db, "state", "complete");
		database_commit(c->db);
	}
	*figures =
		(struct collector_figures){ .events = c->records, .processes = c->process_count };
	summary_totals(c->summary, &figures->kernels, &figures->copies);
	if (c->db) {
		rc = file_finish(c, figures, error);
		if (c->process_count == 0)
			unlink(c->path);
		else if (stat(c->path, &status) == 0)
			file_bytes = (uint64_t)status.st_size;
	}
	figures_take(c, figures);
	if (c->activity)
		activity_complaint(c->activity, figures->activity, sizeof(figures->activity));
	figures->file_bytes = file_bytes;
	collector_free(c);
	return rc;
}

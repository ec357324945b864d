/* SPDX-License-Identifier: Apache-2.0 */
/* What gputrail doctor finds out, one finding per check of doctor.def. */
#ifndef GPUTRAIL_CMD_DOCTOR_H
#define GPUTRAIL_CMD_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct finding {
	enum doctor_state state;
	char text[512];
	char advice[512];		/* empty: nothing to do */
};

struct doctor {
	bool ask_gpu;			/* initialise the driver too */
	int cuda_version;		/* of the driver, 0 none */
	bool has_driver, has_simulator;
};

enum doctor_check {
#define CHECK(id, title) DOCTOR_##id,
#include "cmd/doctor.def"
#undef CHECK
	DOCTOR_COUNT
};

#define CHECK(id, title) void doctor_##id(struct doctor *doctor, struct finding *finding);
#include "cmd/doctor.def"
#undef CHECK

void found(struct finding *finding, enum doctor_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void advise(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Runs `probe` in a child process, since what it loads may crash or hang: what it writes to
 * `out` is the answer. Returns 0, or -1 with the reason in `out`.
 */
typedef int probe_fn(const void *arg, char *out, size_t bytes);
int probe_run(probe_fn *probe, const void *arg, char *out, size_t bytes);
/* First line of a command's output, in the same way. */
int probe_command(const char *const argv[], const char *preload, char *out, size_t bytes);

/* First line of a file without its end; -1 if it cannot be read. */
int read_line(const char *path, char *line, size_t bytes);

#endif

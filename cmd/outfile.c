/* SPDX-License-Identifier: Apache-2.0 */
/* The file that an export writes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/gzip.h"
#include "cmd/interrupt.h"
#include "collector/collector.h"

static bool is_compressed(const char *path)
{
	size_t length = strlen(path);

	return length > 3 && !strcmp(path + length - 3, ".gz");
}

bool outfile_open(struct outfile *file, const char *path, bool force)
{
	int fd;

	*file = (struct outfile){ .out = stdout };
	if (!path || !strcmp(path, "-"))
		return true;
	file->path = path;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0666);
	file->out = fd < 0 ? NULL : is_compressed(path) ? gzip_open(fd) : fdopen(fd, "w");
	if (file->out)
		return true;
	message("export", errno == EEXIST ? "--force overwrites it" : NULL, "cannot write '%s': %s",
		path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

int outfile_close(struct outfile *file, const struct run *run, int result)
{
	int failed = ferror(file->out);

	failed |= file->path ? fclose(file->out) : fflush(file->out);
	if (result < 0 || interrupt_came())
		message("export", NULL, "%s", interrupt_came() ? "interrupted" : run_error(run));
	else if (result || failed)
		message("export", NULL, "cannot write '%s': %s",
			file->path ? file->path : "standard output", strerror(errno));
	if (!result && !failed && !interrupt_came())
		return EXIT_OK;
	if (file->path)
		unlink(file->path);	/* half a file would look like a whole one */
	return result < 0 || interrupt_came() ? EXIT_INPUT : EXIT_FAILED;
}

bool outfile_usable(const char *command, const char *input, const char *output, bool force)
{
	struct stat in, out;

	if (lstat(output, &out) < 0)
		return true;
	if (!S_ISREG(out.st_mode)) {
		message(command, NULL, "'%s' is not a regular file", output);
		return false;
	}
	if (stat(input, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
		message(command, NULL, "'%s' would replace its own source", output);
		return false;
	}
	if (!force)
		message(command, "--force overwrites it", "'%s' exists", output);
	return force && outfile_idle(command, output);
}

bool outfile_idle(const char *command, const char *path)
{
	long pid = recovery_recorder(path);

	if (pid)
		message(command, "choose another name with -o", "'%s' is being recorded by process %ld",
			path, pid);
	return !pid;
}

void outfile_leftovers_remove(const char *path)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
	char name[PATH_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		if (snprintf(name, sizeof(name), "%s%s", path, suffixes[i]) < (int)sizeof(name))
			unlink(name);
}

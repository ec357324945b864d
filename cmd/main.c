/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail: picks the command. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, help) { #name, help, cmd_##name },
#include "cmd/commands.def"
#undef COMMAND
	{ NULL, NULL, NULL },
};

void message(const char *command, const char *advice, const char *format, ...)
{
	char text[2048], line[4096];
	va_list args;
	int length;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	length = snprintf(line, sizeof(line), "gputrail: %s%s%s\n%s%s", command ? command : "",
			  command ? ": " : "", text, advice ? advice : "", advice ? "\n" : "");
	if (length > (int)sizeof(line) - 1)
		length = sizeof(line) - 1;
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return;
}

int own_file(enum own_file which, char *path, size_t path_bytes)
{
	static const struct {
		const char *built, *installed;
	} files[] = {
		[FILE_SHIM] = { "libprofile/.libs/libprofile.so", LIBDIR "/libprofile.so" },
		[FILE_SIM_DIR] = { "simcuda/.libs", PKGLIBDIR "/sim" },
		[FILE_DEMO] = { "demo/gputrail-demo", PKGLIBDIR "/gputrail-demo" },
		[FILE_DEMO_PYTHON] = { "demo/server.py", PKGDATADIR "/demo/server.py" },
	};
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length > 0) {
		self[length] = '\0';
		for (int i = 0; i < 2; i++) {	/* BUILD/cmd/gputrail -> BUILD */
			char *slash = strrchr(self, '/');

			if (slash)
				*slash = '\0';
		}
		snprintf(path, path_bytes, "%s/%s", self, files[which].built);
		if (access(path, R_OK) == 0)
			return 0;
	}
	snprintf(path, path_bytes, "%s", files[which].installed);
	return access(path, R_OK) == 0 ? 0 : -1;
}

static void usage(FILE *out)
{
	fprintf(out, "usage: gputrail COMMAND [OPTIONS] [ARGUMENTS]\n"
		"       gputrail FILE             open FILE in the viewer\n\n");
	for (const struct command *c = commands; c->name; c++)
		if (c->help[0])		/* commands without help are internal */
			fprintf(out, "  %-10s %s\n", c->name, c->help);
	fprintf(out, "\n'gputrail COMMAND --help' tells more; so does 'man gputrail'.\n");
}

int main(int argc, char **argv)
{
	static char help[] = "--help";

	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "help") && argc > 2) {	/* help COMMAND is COMMAND --help */
		argv[1] = argv[2];
		argv[2] = help;
		argc = 3;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--help=words")) {		/* for the shells' completions */
		for (const struct command *c = commands; c->name; c++)
			if (c->help[0])
				printf("%s\t%s\n", c->name, c->help);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("gputrail %s\n", PACKAGE_VERSION);
		return EXIT_OK;
	}
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(argv[1], c->name))
			return c->run(argc - 1, argv + 1);
	if (access(argv[1], F_OK) == 0 || strpbrk(argv[1], "./"))	/* a file, or meant as one */
		return cmd_tui(argc, argv);
	message(NULL, "'gputrail --help' lists the commands", "unknown command '%s'", argv[1]);
	return EXIT_USAGE;
}

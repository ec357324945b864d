/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail doctor: what will work here, and why not. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>

#include "cmd/doctor.h"
#include "cmd/json.h"
#include "cmd/options.h"
#include "cmd/print.h"

#define DOCTOR_SCHEMA_VERSION	1

enum { KEY_JSON = OPTION_LONG, KEY_GPU, KEY_COLOR };

static const struct cmd_option options[] = {
	{ "gpu", KEY_GPU, NULL, "also initialise the driver and ask for its GPUs' names, in a "
	  "process of its own" },
	{ "json", KEY_JSON, NULL, "print JSON" },
	{ "color", KEY_COLOR, "WHEN", "auto, always or never (default: auto)" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "doctor",
	.synopsis = "[OPTIONS]",
	.purpose = "Looks at everything that recording and viewing depend on and says what will "
		   "work, what will not, and what to do about it.",
	.options = options,
	.more = "Exit status: 0, or 1 if nothing can be recorded here.\n",
};

static const struct check {
	const char *id, *title;
	void (*run)(struct doctor *doctor, struct finding *finding);
} checks[DOCTOR_COUNT] = {
#define CHECK(id, title) { #id, title, doctor_##id },
#include "cmd/doctor.def"
#undef CHECK
};

static const char *const states[] = { "ok", "warn", "fail" };

void found(struct finding *finding, enum doctor_state state, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
	finding->state = state;
}

void advise(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->advice, sizeof(finding->advice), format, args);
	va_end(args);
}

static void print_findings(const struct print_style *style, const struct finding *findings,
			   const char *verdict)
{
	static const char *const colours[] = { "32", "33", "1;31" };

	for (int i = 0; i < DOCTOR_COUNT; i++) {
		const struct finding *f = &findings[i];

		if (style->colour)
			printf("\033[%sm%-4s\033[m", colours[f->state], states[f->state]);
		else
			printf("%-4s", states[f->state]);
		printf(" %-14s %s\n", checks[i].title, f->text);
		if (f->advice[0])
			printf("%20s%s\n", "", f->advice);
	}
	printf("\n%s\n", verdict);
}

static void print_json(const struct finding *findings, const char *verdict, bool usable)
{
	struct json json = { .out = stdout };

	json_open(&json, NULL, '{');
	json_integer(&json, "schema_version", DOCTOR_SCHEMA_VERSION);
	json_text(&json, "tool_version", PACKAGE_VERSION);
	json_bool(&json, "usable", usable);
	json_text(&json, "verdict", verdict);
	json_open(&json, "checks", '[');
	for (int i = 0; i < DOCTOR_COUNT; i++) {
		json_open(&json, NULL, '{');
		json_text(&json, "id", checks[i].id);
		json_text(&json, "title", checks[i].title);
		json_text(&json, "state", states[findings[i].state]);
		json_text(&json, "text", findings[i].text);
		json_text(&json, "advice", findings[i].advice);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_close(&json, '}');
}

/* What a person wants to know in the end. */
static const char *judge(const struct doctor *doctor, const struct finding *findings, bool *usable)
{
	*usable = true;
	for (int i = 0; i < DOCTOR_COUNT; i++)
		if (findings[i].state == DOCTOR_FAIL)
			*usable = false;
	if (!doctor->has_driver && !doctor->has_simulator)
		*usable = false;
	if (!*usable)
		return "Nothing can be recorded here.";
	if (!doctor->has_driver)
		return "Programs can be recorded on the simulated GPU: gputrail demo";
	if (findings[DOCTOR_cupti].state != DOCTOR_OK)
		return "CUDA programs can be recorded, perhaps without GPU times: see CUPTI above.";
	return "CUDA programs can be recorded: gputrail record -- PROGRAM";
}

int cmd_doctor(int argc, char **argv)
{
	static struct finding findings[DOCTOR_COUNT];
	struct doctor doctor = { 0 };
	struct print_style style = { 0 };
	const char *when = "auto", *verdict;
	bool as_json = false, usable;
	int key;

	while ((key = options_next(&usage, argc, argv)) >= 0) {
		if (key == KEY_GPU)
			doctor.ask_gpu = true;
		else if (key == KEY_JSON)
			as_json = true;
		else if (key == KEY_COLOR)
			when = optarg;
	}
	if (key != OPTIONS_END)
		return key == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (optind != argc || !print_style_init(&style, when)) {
		message("doctor", "'gputrail doctor --help' tells more", optind != argc
			? "no argument is taken" : "--color is auto, always or never");
		return EXIT_USAGE;
	}
	setlocale(LC_CTYPE, "");
	for (int i = 0; i < DOCTOR_COUNT; i++)
		checks[i].run(&doctor, &findings[i]);
	verdict = judge(&doctor, findings, &usable);
	if (as_json)
		print_json(findings, verdict, usable);
	else
		print_findings(&style, findings, verdict);
	return usable ? EXIT_OK : EXIT_FAILED;
}

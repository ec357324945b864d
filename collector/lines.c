/* SPDX-License-Identifier: Apache-2.0 */
/* libdwfl behind one function; each file is opened once. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/lines.h"

#ifdef HAVE_ELFUTILS

#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 4096

struct file {
	char *path;
	Dwfl_Module *module;	/* NULL: no debug information */
	GElf_Addr bias;
};

static Dwfl *session;
static struct file *files;
static size_t file_count;

static Dwfl *session_get(void)
{
	static char *debug_path;
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &debug_path,
	};

	/* Never ask a debuginfod server: a recording must not wait for the network. */
	if (!session) {
		unsetenv("DEBUGINFOD_URLS");
		session = dwfl_begin(&callbacks);
	}
	return session;
}

static struct file *file_open(const char *path)
{
	struct file *file, *grown;
	Dwarf_Addr dwarf_bias;

	for (size_t i = file_count; i-- > 0;)
		if (!strcmp(files[i].path, path))
			return &files[i];
	if (file_count == FILES_MAX || !session_get())
		return NULL;
	grown = realloc(files, (file_count + 1) * sizeof(*files));
	if (!grown)
		return NULL;
	files = grown;
	file = &files[file_count];
	*file = (struct file){ .path = strdup(path) };
	if (!file->path)
		return NULL;
	file_count++;
	dwfl_report_begin_add(session);
	file->module = dwfl_report_offline(session, path, path, -1);
	dwfl_report_end(session, NULL, NULL);
	if (file->module && (!dwfl_module_getelf(file->module, &file->bias) ||
			     !dwfl_module_getdwarf(file->module, &dwarf_bias)))
		file->module = NULL;
	return file;
}

bool lines_find(const char *path, uint64_t address, char *text, size_t text_bytes, int *line)
{
	struct file *file = file_open(path);
	Dwfl_Line *found;
	const char *name;

	if (!file || !file->module)
		return false;
	found = dwfl_module_getsrc(file->module, address + file->bias);
	name = found ? dwfl_lineinfo(found, NULL, line, NULL, NULL, NULL) : NULL;
	if (!name || *line <= 0)
		return false;
	snprintf(text, text_bytes, "%s", name);
	return true;
}

void lines_close(void)
{
	if (session)
		dwfl_end(session);
	session = NULL;
	for (size_t i = 0; i < file_count; i++)
		free(files[i].path);
	free(files);
	files = NULL;
	file_count = 0;
}

#else

bool lines_find(const char *path, uint64_t address, char *file, size_t file_bytes, int *line)
{
	(void)path;
	(void)address;
	(void)file;
	(void)file_bytes;
	(void)line;
	return false;
}

void lines_close(void)
{
}

#endif

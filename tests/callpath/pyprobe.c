/* SPDX-License-Identifier: Apache-2.0 */
/* The shim's reader of Python frames as a library that a Python test calls through ctypes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>

#include "collector/pylines.h"
#include "libprofile/pyframes.h"

#define EXPORT __attribute__((visibility("default")))

void *pyprobe_look_up(const char *symbol);
EXPORT int pyprobe(char *out, int bytes);

/* One line "file:line:function" for each frame, outermost first. Returns how many, or -1. */
EXPORT int pyprobe(char *out, int bytes)
{
	static _Thread_local struct pywalk walk;
	uint32_t version;
	int at = 0;

	if (!pyframes_init(pyprobe_look_up, &version))
		return -1;
	pyframes_read(&walk, PYFRAMES_DEPTH_MAX);
	out[0] = '\0';
	for (uint32_t i = 0; i < walk.count; i++) {
		struct pycode code;

		if (!pycode_read(walk.frames[i].code, &code))
			return -1;
		at += snprintf(out + at, (size_t)(bytes - at), "%.*s:%d:%.*s\n",
			       (int)code.filename_bytes, code.filename,
			       (int)pylines_line(version >> 16 & 0xff, code.line_table,
						 code.line_table_bytes, code.first_line,
						 walk.frames[i].instruction),
			       (int)code.name_bytes, code.name);
	}
	return (int)walk.count;
}
